//! What happens on a connection, apart from who serves it.
//!
//! A server meets strangers, and its handler is a stranger to the server as
//! well. So the server knows of a handler only its five steps, and a handler
//! knows nothing of threads, processes, or the other connections.
//!
//! ```
//! use chatroom::server::{Handler, process};
//! use std::io::{self, Write};
//! use std::net::{SocketAddr, TcpListener, TcpStream};
//!
//! struct Greeter;
//!
//! impl Handler for Greeter {
//!     fn verify(&self, peer: SocketAddr) -> bool {
//!         peer.ip().is_loopback()
//!     }
//!
//!     fn handle(&self, mut stream: &TcpStream, peer: SocketAddr) -> io::Result<()> {
//!         writeln!(stream, "hello, {peer}")
//!     }
//! }
//!
//! let listener = TcpListener::bind("127.0.0.1:0")?;
//! let client = TcpStream::connect(listener.local_addr()?)?;
//! let (stream, peer) = listener.accept()?;
//! process(&Greeter, &stream, peer);
//! assert_eq!(io::read_to_string(client)?, format!("hello, {peer}\n"));
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! Left out: a handler that is made anew for each connection, as Python's are.
//! What belongs to one connection stands in a variable of `handle`.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

/// What a server does with a connection: `socketserver.BaseRequestHandler`,
/// and the hooks of `socketserver.BaseServer`.
///
/// [`process`] calls these in their order. All of them may be called from many
/// threads at once. A closure `|stream: &TcpStream, peer: SocketAddr| …` that
/// returns `io::Result<()>` is a handler, and so is an `Arc` of one.
pub trait Handler: Send + Sync + 'static {
    /// Says whether this client may come in: `verify_request`.
    fn verify(&self, peer: SocketAddr) -> bool {
        let _ = peer;
        true
    }

    /// Prepares the connection. Where this fails, there is neither `handle`
    /// nor `finish`.
    fn setup(&self, stream: &TcpStream, peer: SocketAddr) -> io::Result<()> {
        let _ = (stream, peer);
        Ok(())
    }

    /// Talks with the client. The connection ends when this returns.
    fn handle(&self, stream: &TcpStream, peer: SocketAddr) -> io::Result<()>;

    /// Cleans up after `handle`, whether that returned, failed or panicked.
    fn finish(&self, stream: &TcpStream, peer: SocketAddr) {
        let _ = (stream, peer);
    }

    /// Hears of what went wrong, once for each connection: `handle_error`.
    /// `peer` is `None` where no connection came about.
    fn on_error(&self, peer: Option<SocketAddr>, error: &io::Error) {
        match peer {
            Some(peer) => log::warn!("{peer}: {error}"),
            None => log::warn!("no connection: {error}"),
        }
    }
}

impl<F> Handler for F
where
    F: Fn(&TcpStream, SocketAddr) -> io::Result<()> + Send + Sync + 'static,
{
    fn handle(&self, stream: &TcpStream, peer: SocketAddr) -> io::Result<()> {
        self(stream, peer)
    }
}

impl<H: Handler> Handler for Arc<H> {
    fn verify(&self, peer: SocketAddr) -> bool {
        (**self).verify(peer)
    }

    fn setup(&self, stream: &TcpStream, peer: SocketAddr) -> io::Result<()> {
        (**self).setup(stream, peer)
    }

    fn handle(&self, stream: &TcpStream, peer: SocketAddr) -> io::Result<()> {
        (**self).handle(stream, peer)
    }

    fn finish(&self, stream: &TcpStream, peer: SocketAddr) {
        (**self).finish(stream, peer);
    }

    fn on_error(&self, peer: Option<SocketAddr>, error: &io::Error) {
        (**self).on_error(peer, error);
    }
}

//! Three servers that differ in one thing: who handles the connection.
//!
//! | | who handles it | a slow client delays |
//! |---|---|---|
//! | [`tcp`] | the thread that accepts, one after the other | everybody behind it |
//! | [`threading`] | a thread of its own | nobody |
//! | [`forking`] | a process of its own | nobody, and it may crash |
//!
//! What they share is here: the [`Handler`], which says what happens on a
//! connection and knows nothing of threads; the [`ServerHandle`], which stops
//! and joins the server; the [`Stopper`], which asks it to stop from anywhere,
//! a handler included; and [`after_accept_error`], for no error of `accept` is
//! a reason to die.
//!
//! ```
//! use chatroom::server::tcp;
//! use std::io::{Read, Write};
//! use std::net::{SocketAddr, TcpListener, TcpStream};
//!
//! let listener = TcpListener::bind("127.0.0.1:0")?;
//! let greet = |mut stream: &TcpStream, peer: SocketAddr| writeln!(stream, "hello, {peer}");
//! let server = tcp::start(listener, greet)?;
//! let mut answer = String::new();
//! TcpStream::connect(server.address())?.read_to_string(&mut answer)?;
//! assert!(answer.starts_with("hello, 127.0.0.1:"));
//! server.shutdown()?;
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! Left out: encryption, limits on how long a client may take, and listeners
//! on Unix paths. A program that is built with `panic = "abort"` catches no
//! panic.
//!
//! What they share with Python's `socketserver`, and where they differ from it,
//! stands in [`conformance`](crate::conformance), test by test.

pub mod forking;
mod handle;
mod handler;
mod stopper;
pub mod tcp;
pub mod threading;

pub use handle::ServerHandle;
pub use handler::Handler;
pub use stopper::{Admitted, Stopper};
pub use tcp::{caught, process, report};

use std::io::{self, ErrorKind};
use std::time::Duration;

/// How long a server rests when it cannot accept: long enough not to heat the
/// room, short enough that nobody waits long once there are descriptors again.
pub const REST: Duration = Duration::from_millis(100);

/// What to do after an error of `accept`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// One client gave up, or a signal came: ask again at once.
    Again,
    /// Descriptors or memory have run out: rest for a while, then ask again.
    BackOff,
    /// The listener does not listen any more.
    Stop,
}

/// Says what to do after an error of `accept`: `accept(2)`.
///
/// What it does not know it takes for a shortage: to rest and ask again is
/// never wrong, to ask again at once may be a spin, to give up a server lost.
pub fn after_accept_error(error: &io::Error) -> Next {
    use ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted, InvalidInput};
    use ErrorKind::{HostUnreachable, NetworkDown, NetworkUnreachable};
    match error.kind() {
        Interrupted | ConnectionAborted | ConnectionReset => Next::Again,
        // What Linux has to say of the new connection, it says by `accept`.
        HostUnreachable | NetworkDown | NetworkUnreachable => Next::Again,
        InvalidInput => Next::Stop,
        _ => Next::BackOff,
    }
}

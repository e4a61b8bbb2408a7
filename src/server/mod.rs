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
//! A server is blocked in `accept` most of the time, and a flag wakes nobody.
//! So to stop it is to raise the flag and then to shut the listener down,
//! which ends the `accept` on Linux, or to call it, which ends the `accept`
//! everywhere: whoever is accepted after the flag was raised is not a client.
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
pub mod tcp;
pub mod threading;

pub use tcp::process;

use socket2::SockRef;
use std::collections::HashMap;
use std::fmt;
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::{self, JoinHandle, ThreadId};
use std::time::Duration;

/// How long a server rests when it cannot accept: long enough not to heat the
/// room, short enough that nobody waits long once there are descriptors again.
pub const REST: Duration = Duration::from_millis(100);

/// How long the call that wakes an `accept` may take. Where it takes longer
/// the queue is full, and the `accept` is awake.
const WAKE: Duration = Duration::from_secs(1);

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
    match error.kind() {
        ErrorKind::Interrupted | ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset => {
            Next::Again
        }
        ErrorKind::InvalidInput => Next::Stop,
        _ => Next::BackOff,
    }
}

/// Asks a server to stop, from any thread and as often as you like.
///
/// It is for one server, can be made before it and given to its handler, and
/// its clones are the same button. Once pressed it stays pressed: a server that
/// is started with it ends at once.
#[derive(Clone, Debug, Default)]
pub struct Stopper(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    stopping: bool,
    listener: Weak<TcpListener>,
    next: u64,
    connections: HashMap<u64, (ThreadId, Weak<TcpStream>)>,
    bells: Vec<Bell>,
}

/// What a stop calls.
struct Bell(Box<dyn FnOnce() + Send>);

impl fmt::Debug for Bell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bell")
    }
}

impl Stopper {
    /// Makes a stopper that nobody has pressed.
    pub fn new() -> Stopper {
        Stopper::default()
    }

    /// Asks the server to stop, and comes back without waiting for it:
    /// `shutdown`, but a request.
    ///
    /// Nobody is accepted from here on, and all connections are shut down, so
    /// that an idle client delays nothing; all but the one that the calling
    /// thread handles. A handler can ask for the stop and still say goodbye.
    pub fn stop(&self) {
        let (listener, connections, bells) = {
            let mut state = self.lock();
            state.stopping = true;
            let own = thread::current().id();
            let others = state.connections.values().filter(|(id, _)| *id != own);
            let others: Vec<_> = others.filter_map(|(_, weak)| weak.upgrade()).collect();
            let listener = std::mem::take(&mut state.listener).upgrade();
            (listener, others, std::mem::take(&mut state.bells))
        };
        for Bell(ring) in bells {
            ring();
        }
        for connection in connections {
            // One that is gone already needs no shutdown.
            let _ = connection.shutdown(Shutdown::Both);
        }
        if let Some(listener) = listener {
            wake(&listener);
        }
    }

    /// Says whether somebody has asked for the stop.
    pub fn is_stopping(&self) -> bool {
        self.lock().stopping
    }

    /// Calls `ring` at the stop, at once where that was already: for a server
    /// that waits for something else than `accept`.
    pub fn on_stop(&self, ring: impl FnOnce() + Send + 'static) {
        let mut state = self.lock();
        if !state.stopping {
            return state.bells.push(Bell(Box::new(ring)));
        }
        drop(state);
        ring();
    }

    /// Takes a connection in, for as long as the value lives: a stop will shut
    /// it down. `None` where the server is stopping; then hang up.
    ///
    /// Call it in the thread that will handle the connection.
    pub fn admit(&self, stream: &Arc<TcpStream>) -> Option<Admitted> {
        let mut state = self.lock();
        if state.stopping {
            return None;
        }
        let number = state.next;
        state.next += 1;
        let entry = (thread::current().id(), Arc::downgrade(stream));
        state.connections.insert(number, entry);
        Some(Admitted {
            stopper: self.clone(),
            number,
        })
    }

    /// Whether this thread handles a connection of the server.
    fn is_handling(&self) -> bool {
        let own = thread::current().id();
        self.lock().connections.values().any(|(id, _)| *id == own)
    }

    /// A stop wakes the `accept` of `listener`, also one that was asked for
    /// before.
    fn guard(&self, listener: &Arc<TcpListener>) {
        self.lock().listener = Arc::downgrade(listener);
        if self.is_stopping() {
            self.stop();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection that a server is handling, see [`Stopper::admit`].
#[derive(Debug)]
pub struct Admitted {
    stopper: Stopper,
    number: u64,
}

impl Drop for Admitted {
    fn drop(&mut self) {
        self.stopper.lock().connections.remove(&self.number);
    }
}

/// Wakes the thread that waits in `accept` on this listener.
fn wake(listener: &TcpListener) {
    // Linux ends the accept with EINVAL and needs no descriptor for it. Other
    // systems refuse to shut down what is not connected.
    if SockRef::from(listener).shutdown(Shutdown::Both).is_ok() {
        return;
    }
    if let Ok(mut address) = listener.local_addr() {
        // A wildcard is for listening; not every system lets us call one.
        if address.ip().is_unspecified() {
            address.set_ip(match address {
                SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
                SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
            });
        }
        drop(TcpStream::connect_timeout(&address, WAKE));
    }
}

/// A running server. Its drop stops the server and joins its thread.
#[derive(Debug)]
pub struct ServerHandle {
    address: SocketAddr,
    stopper: Stopper,
    thread: Option<JoinHandle<io::Result<()>>>,
}

impl ServerHandle {
    /// Starts the thread of a server, which is over when `serve` returns.
    /// `stopper` stops it; the listener is closed when it has ended.
    ///
    /// # Errors
    /// Those of `getsockname(2)`, and of the system that has no more threads
    /// (`WouldBlock`).
    pub fn spawn(
        listener: TcpListener,
        stopper: &Stopper,
        serve: impl FnOnce(&TcpListener) -> io::Result<()> + Send + 'static,
    ) -> io::Result<ServerHandle> {
        listener.set_nonblocking(false)?;
        let address = listener.local_addr()?;
        let listener = Arc::new(listener);
        stopper.guard(&listener);
        let thread = thread::Builder::new()
            .name(format!("server {address}"))
            .spawn(move || serve(&listener))?;
        Ok(ServerHandle {
            address,
            stopper: stopper.clone(),
            thread: Some(thread),
        })
    }

    /// Returns where the server listens: `server_address`.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns what stops this server from elsewhere.
    pub fn stopper(&self) -> Stopper {
        self.stopper.clone()
    }

    /// Asks the server to stop and does not wait, see [`Stopper::stop`].
    pub fn request_stop(&self) {
        self.stopper.stop();
    }

    /// Stops the server and waits for its end: `shutdown` and `server_close`.
    ///
    /// # Errors
    /// `Deadlock` where one of the server's own handlers calls this: the stop
    /// is asked for, but a handler cannot wait for itself. Otherwise the error
    /// that has ended the server earlier, or its panic as `Other`.
    pub fn shutdown(self) -> io::Result<()> {
        self.stopper.stop();
        self.join()
    }

    /// Waits until somebody else has stopped the server: `serve_forever`.
    ///
    /// # Errors
    /// Those of [`shutdown`](ServerHandle::shutdown).
    pub fn join(mut self) -> io::Result<()> {
        self.wait()
    }

    fn wait(&mut self) -> io::Result<()> {
        let Some(thread) = self.thread.take() else {
            return Ok(());
        };
        if thread.thread().id() == thread::current().id() || self.stopper.is_handling() {
            return Err(io::Error::new(
                ErrorKind::Deadlock,
                "a handler cannot wait for the end of its own server",
            ));
        }
        match thread.join() {
            Ok(result) => result,
            Err(_) => Err(io::Error::other("the server's thread panicked")),
        }
    }
}

impl Drop for ServerHandle {
    fn drop(&mut self) {
        self.stopper.stop();
        if let Err(error) = self.wait() {
            log::warn!("the server at {}: {error}", self.address);
        }
    }
}

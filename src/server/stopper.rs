//! The button that stops a server.
//!
//! A server is blocked in `accept` most of the time, and a flag wakes nobody.
//! So to stop it is to raise the flag and then to shut the listener down,
//! which ends the `accept` on Linux, or to call it, which ends the `accept`
//! everywhere: whoever is accepted after the flag was raised is not a client.
//!
//! ```
//! use chatroom::server::{Stopper, tcp};
//! use std::net::{SocketAddr, TcpListener, TcpStream};
//!
//! let (stopper, listener) = (Stopper::new(), TcpListener::bind("127.0.0.1:0")?);
//! let button = stopper.clone();
//! let last = move |_: &TcpStream, _: SocketAddr| Ok(button.stop());
//! let server = tcp::start_with(listener, last, &stopper)?;
//! let _client = TcpStream::connect(server.address())?;
//! server.join()?; // until the client was handled
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! Left out: to take a stop back.

use socket2::SockRef;
use std::collections::HashMap;
use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::{self, ThreadId};
use std::time::Duration;

/// How long the call that wakes an `accept` may take. Where it takes longer
/// the queue is full, and the `accept` is awake.
const WAKE: Duration = Duration::from_secs(1);

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
    ringing: bool,
    /// The threads that have asked for the stop, until it is done.
    callers: Vec<ThreadId>,
}

/// What a stop calls.
struct Bell(Box<dyn FnOnce() + Send>);

impl fmt::Debug for Bell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bell")
    }
}

impl Bell {
    /// Calls it. Its panic is no reason not to stop.
    fn ring(self) {
        if catch_unwind(AssertUnwindSafe(self.0)).is_err() {
            log::error!("what was to be called at the stop has panicked");
        }
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
    /// Nobody is accepted from here on. First it calls what
    /// [`on_stop`](Stopper::on_stop) was given, and then it shuts all
    /// connections down, so that an idle client delays nothing; all but the one
    /// that the calling thread handles. A handler can ask for the stop and still
    /// say goodbye. Who asks while another one's bells ring comes back at once,
    /// and is heard after them.
    pub fn stop(&self) {
        let bells = {
            let mut state = self.lock();
            state.stopping = true;
            state.callers.push(thread::current().id());
            if std::mem::replace(&mut state.ringing, true) {
                return;
            }
            std::mem::take(&mut state.bells)
        };
        for bell in bells {
            bell.ring();
        }
        let (listener, connections) = {
            let mut state = self.lock();
            state.ringing = false;
            let callers = std::mem::take(&mut state.callers);
            let spared = |id: &ThreadId| callers.iter().all(|caller| caller == id);
            let connections = state.connections.values();
            let others = connections.filter(|(id, _)| !spared(id));
            let others: Vec<_> = others.map(|(_, stream)| stream.clone()).collect();
            (state.listener.clone(), others)
        };
        // Only one of them is held at a time: who has a connection keeps it open.
        for connection in connections.iter().filter_map(Weak::upgrade) {
            // One that is gone already needs no shutdown.
            let _ = connection.shutdown(Shutdown::Both);
        }
        if let Some(listener) = listener.upgrade() {
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
        let (mut state, bell) = (self.lock(), Bell(Box::new(ring)));
        if !state.stopping {
            return state.bells.push(bell);
        }
        drop(state);
        bell.ring();
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
        Some(self.enter(&mut state, Arc::downgrade(stream)))
    }

    /// Notes that this thread works for the server, for as long as the value
    /// lives, though on no connection: it must not wait for the server's end.
    pub fn enlist(&self) -> Admitted {
        self.enter(&mut self.lock(), Weak::new())
    }

    fn enter(&self, state: &mut State, stream: Weak<TcpStream>) -> Admitted {
        let number = state.next;
        state.next += 1;
        let entry = (thread::current().id(), stream);
        state.connections.insert(number, entry);
        Admitted {
            stopper: self.clone(),
            number,
        }
    }

    /// Whether this thread works for the server.
    pub(super) fn is_at_work(&self) -> bool {
        let own = thread::current().id();
        self.lock().connections.values().any(|(id, _)| *id == own)
    }

    /// A stop wakes the `accept` of `listener`, also one that was asked for
    /// before.
    pub(super) fn guard(&self, listener: &Arc<TcpListener>) {
        self.lock().listener = Arc::downgrade(listener);
        if self.is_stopping() {
            self.stop();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A thread at work for a server, see [`Stopper::admit`] and
/// [`Stopper::enlist`].
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

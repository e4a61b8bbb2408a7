//! Serves each connection in a thread of its own: `socketserver.ThreadingTCPServer`.
//!
//! A connection lasts as long as its client likes, so whoever serves one after
//! the other lets everybody wait for the slowest. With a thread for each, a
//! slow client delays nobody; but threads are not for nothing, so there is a
//! limit, and who is one too many waits in the listener's queue.
//!
//! ```
//! use chatroom::server::threading::{self, Limits};
//! use std::io::{self, Read, Write};
//! use std::net::{SocketAddr, TcpListener, TcpStream};
//!
//! let listener = TcpListener::bind("127.0.0.1:0")?;
//! let echo = |mut stream: &TcpStream, _: SocketAddr| {
//!     io::copy(&mut &*stream, &mut stream).map(drop)
//! };
//! let server = threading::start(listener, echo, Limits { most: 100 })?;
//! let _slow = TcpStream::connect(server.address())?;
//! let mut client = TcpStream::connect(server.address())?;
//! client.write_all(b"hello")?;
//! client.read_exact(&mut [0; 5])?;
//! server.shutdown()?; // and waits for neither of them
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! Left out: a handler that computes and never looks at its connection; a stop
//! waits until it returns, for no thread can be ended from outside.

use crate::server::{
    Handler, Next, REST, ServerHandle, Stopper, after_accept_error, process, report,
};
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// How much a server takes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// At most so many connections at once, and so many threads.
    pub most: usize,
}

impl Default for Limits {
    /// Half of the 1,024 descriptors that a process usually may have.
    fn default() -> Limits {
        Limits { most: 512 }
    }
}

/// Lets in as many as there are places. Its clones are the same gate.
#[derive(Clone, Debug)]
pub struct Gate(Arc<Places>);

#[derive(Debug)]
struct Places {
    free: Mutex<usize>,
    freed: Condvar,
}

/// A place inside of a [`Gate`], which is given back by its drop.
#[derive(Debug)]
pub struct Place(Gate);

impl Gate {
    /// Makes a gate whose places are all free.
    ///
    /// # Errors
    /// `InvalidInput` where there would be no place at all.
    pub fn new(limits: Limits) -> io::Result<Gate> {
        if limits.most == 0 {
            let why = "a limit of 0 connections serves nobody";
            return Err(io::Error::new(ErrorKind::InvalidInput, why));
        }
        Ok(Gate(Arc::new(Places {
            free: Mutex::new(limits.most),
            freed: Condvar::new(),
        })))
    }

    /// Takes a place, and waits for one where none is free.
    pub fn enter(&self) -> Place {
        let freed = &self.0.freed;
        let mut free = freed
            .wait_while(self.lock(), |free| *free == 0)
            .unwrap_or_else(PoisonError::into_inner);
        *free -= 1;
        Place(self.clone())
    }

    /// Returns how many places are free.
    pub fn free(&self) -> usize {
        *self.lock()
    }

    fn lock(&self) -> MutexGuard<'_, usize> {
        self.0.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        *self.0.lock() += 1;
        self.0.0.freed.notify_one();
    }
}

/// What a connection's thread does from its start to its end.
pub type Job = Box<dyn FnOnce() + Send>;

/// A thread that was started: what a server needs of a `JoinHandle`.
pub trait Worker {
    /// Says whether it has come to its end.
    fn is_finished(&self) -> bool;

    /// Waits for its end.
    fn join(self);
}

impl Worker for JoinHandle<()> {
    fn is_finished(&self) -> bool {
        JoinHandle::is_finished(self)
    }

    fn join(self) {
        if JoinHandle::join(self).is_err() {
            log::error!("a connection's thread panicked");
        }
    }
}

/// Accepts connections and starts a thread for each, until `stopper` is
/// pressed: `process_request`. Then it waits until all of them have ended.
///
/// `spawn` starts a thread. Where it cannot, that client is hung up on and
/// the handler's `on_error` hears why.
///
/// # Errors
/// The error of `accept` that says that nobody listens any more.
pub fn serve<W: Worker>(
    mut accept: impl FnMut() -> io::Result<(TcpStream, SocketAddr)>,
    mut pause: impl FnMut(Duration),
    mut spawn: impl FnMut(Job) -> io::Result<W>,
    handler: &Arc<impl Handler>,
    gate: &Gate,
    stopper: &Stopper,
) -> io::Result<()> {
    let mut workers: Vec<W> = Vec::new();
    let result = loop {
        // Who is one too many waits in the listener's queue, not here.
        let place = gate.enter();
        if stopper.is_stopping() {
            break Ok(());
        }
        for worker in workers.extract_if(.., |worker| worker.is_finished()) {
            worker.join();
        }
        match accept() {
            // Whoever comes after the stop only wakes us.
            _ if stopper.is_stopping() => break Ok(()),
            Ok((stream, peer)) => match spawn(job(stream, peer, handler, place, stopper)) {
                Ok(worker) => workers.push(worker),
                Err(error) => report(&**handler, Some(peer), &error),
            },
            Err(error) => match after_accept_error(&error) {
                Next::Again => {}
                Next::BackOff => {
                    report(&**handler, None, &error);
                    pause(REST);
                }
                Next::Stop => break Err(error),
            },
        }
    };
    for worker in workers {
        worker.join();
    }
    result
}

/// Makes the work of one connection's thread. Dropped, it hangs up.
fn job(
    stream: TcpStream,
    peer: SocketAddr,
    handler: &Arc<impl Handler>,
    place: Place,
    stopper: &Stopper,
) -> Job {
    let (theirs, stopper) = (handler.clone(), stopper.clone());
    Box::new(move || {
        // Dropped from the last to the first: the place is free when the
        // connection is closed.
        let (_place, stream) = (place, Arc::new(stream));
        if let Some(_admitted) = stopper.admit(&stream) {
            process(&*theirs, &stream, peer);
        }
    })
}

/// Starts a server on `listener`, with a thread for each connection.
///
/// # Errors
/// `InvalidInput` where the limit is 0, and those of [`ServerHandle::spawn`].
pub fn start(
    listener: TcpListener,
    handler: impl Handler,
    limits: Limits,
) -> io::Result<ServerHandle> {
    start_with(listener, handler, limits, &Stopper::new())
}

/// Starts a server like [`start`], with a stopper that was made before, for
/// instance to be given to the handler.
///
/// # Errors
/// Those of [`start`].
pub fn start_with(
    listener: TcpListener,
    handler: impl Handler,
    limits: Limits,
    stopper: &Stopper,
) -> io::Result<ServerHandle> {
    let (gate, handler, stop) = (Gate::new(limits)?, Arc::new(handler), stopper.clone());
    let spawn = |job| thread::Builder::new().name("connection".into()).spawn(job);
    ServerHandle::spawn(listener, stopper, move |listener| {
        serve(
            || listener.accept(),
            thread::sleep,
            spawn,
            &handler,
            &gate,
            &stop,
        )
    })
}

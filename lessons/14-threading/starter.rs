//! Serves each connection in a thread of its own: `socketserver.ThreadingTCPServer`.

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
    /// Makes a gate whose places are all free; `InvalidInput` where there is none.
    pub fn new(limits: Limits) -> io::Result<Gate> {
        todo!("make a gate with {} places", limits.most)
    }

    /// Takes a place, and waits for one where none is free.
    pub fn enter(&self) -> Place {
        todo!("wait until a place is free, and take it")
    }

    /// Returns how many places are free.
    pub fn free(&self) -> usize {
        todo!("count the free places")
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        todo!("give the place back, and wake somebody who waits for it")
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
pub fn serve<W: Worker>(
    accept: impl FnMut() -> io::Result<(TcpStream, SocketAddr)>,
    pause: impl FnMut(Duration),
    spawn: impl FnMut(Job) -> io::Result<W>,
    handler: &Arc<impl Handler>,
    gate: &Gate,
    stopper: &Stopper,
) -> io::Result<()> {
    todo!("accept, and leave each connection to a thread")
}

/// Starts a server on `listener`, with a thread for each connection.
pub fn start(
    listener: TcpListener,
    handler: impl Handler,
    limits: Limits,
) -> io::Result<ServerHandle> {
    todo!("start a server with at most {} threads", limits.most)
}

/// Starts a server like [`start`], with a stopper that was made before.
pub fn start_with(
    listener: TcpListener,
    handler: impl Handler,
    limits: Limits,
    stopper: &Stopper,
) -> io::Result<ServerHandle> {
    todo!("start a server with at most {} threads", limits.most)
}

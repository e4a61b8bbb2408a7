//! A server that runs in a thread of its own, as a value.
//!
//! A thread that nobody joins goes on when its starter has gone, and keeps its
//! port. So the value that stands for the server stops it and waits for it, at
//! the latest when it is dropped.
//!
//! ```
//! use chatroom::server::{ServerHandle, Stopper};
//! use std::net::TcpListener;
//!
//! let (listener, stopper) = (TcpListener::bind("127.0.0.1:0")?, Stopper::new());
//! let stop = stopper.clone();
//! let server = ServerHandle::spawn(listener, &stopper, move |listener| {
//!     while let (Ok(_client), false) = (listener.accept(), stop.is_stopping()) {}
//!     Ok(())
//! })?;
//! server.shutdown()?;
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! Left out: to start the same server again. Start another one.

use crate::server::Stopper;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

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
    /// `Deadlock` where one of the server's own handlers or hooks calls this: the stop
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
        if thread.thread().id() == thread::current().id() || self.stopper.is_at_work() {
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

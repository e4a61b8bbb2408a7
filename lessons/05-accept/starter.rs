//! Takes the next connection from a listener's queue.

use socket2::Socket;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

/// Waits for a client and returns a new socket that talks to it, with the
/// client's address: `accept(2)`, `socket.accept`.
pub fn accept(listener: &Socket, timeout: Option<Duration>) -> io::Result<(Socket, SocketAddr)> {
    todo!("accept a client from the listener, with a timeout of {timeout:?}")
}

/// Calls `accept` until it has a client or a reason to stop, and returns that.
pub fn accept_from<T>(accept: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    todo!("call `accept` until it has an answer")
}

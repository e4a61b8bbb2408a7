//! Takes the next connection from a listener's queue.

use socket2::Socket;
use std::any::type_name_of_val;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

/// Waits for a client and returns a new socket that talks to it, with the
/// client's address: `accept(2)`, `socket.accept`.
pub fn accept(listener: &Socket, timeout: Option<Duration>) -> io::Result<(Socket, SocketAddr)> {
    todo!("accept from {listener:?}, and wait for {timeout:?}")
}

/// Calls `accept` until it has a client or a reason to stop, and returns that.
pub fn accept_from<T>(accept: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    todo!("call {} until it has an answer", type_name_of_val(&accept))
}

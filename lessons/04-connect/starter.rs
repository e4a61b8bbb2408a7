//! Calls a listener, and says who is at the other end.

use socket2::Socket;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

/// Connects `socket` to `address` within `timeout`: `connect(2)`, `socket.connect`.
pub fn connect(socket: &Socket, address: SocketAddr, timeout: Option<Duration>) -> io::Result<()> {
    todo!("connect the socket to {address}, with a timeout of {timeout:?}")
}

/// Returns the address at the other end: `getpeername(2)`, `socket.getpeername`.
pub fn getpeername(socket: &Socket) -> io::Result<SocketAddr> {
    todo!("the peer of the socket")
}

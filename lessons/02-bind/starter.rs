//! Gives a socket its address.

use socket2::Socket;
use std::io;
use std::net::SocketAddr;

/// Binds `socket` to `address`: `bind(2)`, `socket.bind`.
pub fn bind(socket: &Socket, address: SocketAddr) -> io::Result<()> {
    todo!("bind the socket to {address}")
}

/// Returns the address that `socket` has: `getsockname(2)`, `socket.getsockname`.
pub fn getsockname(socket: &Socket) -> io::Result<SocketAddr> {
    todo!("the address of the socket")
}

/// Binds like [`bind`], and does not wait for the old connections of a server
/// that had the address before.
pub fn bind_again(socket: &Socket, address: SocketAddr) -> io::Result<()> {
    todo!("bind the socket to {address}, once more")
}

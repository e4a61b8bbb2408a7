//! Makes two sockets that are connected to each other.

use crate::socket::family::Family;
use socket2::Socket;
use std::io;
use std::net::SocketAddr;

/// Makes a connected pair: `socketpair(2)`, `socket.socketpair`.
pub fn socketpair() -> io::Result<(Socket, Socket)> {
    todo!("the kernel's own pair, or elsewhere than on Unix a TCP pair")
}

/// Makes a connected pair out of TCP over IPv4, on any system.
pub fn tcp_pair() -> io::Result<(Socket, Socket)> {
    todo!("listen on loopback, connect, accept")
}

/// Tells whether two sockets are the two ends of one connection.
pub fn are_a_pair(one: &Socket, other: &Socket) -> io::Result<bool> {
    todo!("compare the addresses of both ends")
}

/// Makes a pair like [`tcp_pair`], and calls `intrude` with the listener's
/// address between listen and connect.
pub fn tcp_pair_with(intrude: impl FnOnce(SocketAddr)) -> io::Result<(Socket, Socket)> {
    todo!("a pair, and a moment for strangers in between")
}

/// Makes a pair like [`tcp_pair_with`], over the family's loopback address.
pub fn tcp_pair_over(
    family: Family,
    intrude: impl FnOnce(SocketAddr),
) -> io::Result<(Socket, Socket)> {
    todo!("a pair over {family:?}")
}

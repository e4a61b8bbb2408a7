//! Makes a server's socket in one call: socket, options, bind, listen.

use crate::socket::family::Family;
use socket2::Socket;
use std::io;
use std::net::SocketAddr;

/// What a server can be asked for beside its address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The family that the address must be of; with `None` any will do.
    pub family: Option<Family>,
    /// How many callers may wait for `accept`.
    pub backlog: u32,
    /// Several servers share the address, if each of them asks for it.
    pub reuse_port: bool,
    /// A server on an IPv6 address answers callers over IPv4 too.
    pub dual_stack: bool,
}

impl Default for Options {
    /// What most servers want: nobody shares the address, and IPv6 is alone.
    fn default() -> Options {
        todo!("what most servers want")
    }
}

/// Returns a socket that listens on `address`: `socket.create_server`.
pub fn create_server(address: SocketAddr, options: &Options) -> io::Result<Socket> {
    todo!("a server on {address} with {options:?}")
}

/// Tells whether one socket can serve IPv6 and IPv4 on this machine.
pub fn has_dualstack_ipv6() -> bool {
    todo!("ask the kernel")
}

//! Makes a socket of a family and a kind, and describes it.

use socket2::{Domain, Socket, Type};
use std::fmt;
use std::io;

/// What an address looks like: `AF_INET` and its siblings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    /// IPv4: `127.0.0.1` and a port.
    Inet,
    /// IPv6: `::1` and a port.
    Inet6,
    /// A path in the file system of this machine.
    Unix,
}

/// What becomes of the bytes: `SOCK_STREAM` and its siblings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Bytes in order, without borders between them.
    Stream,
    /// Messages, each with its borders.
    Dgram,
    /// Messages with borders over a connection, in order: not over IP.
    SeqPacket,
}

/// Makes a socket: `socket(2)`, `socket.socket`.
pub fn socket(family: Family, kind: Kind) -> io::Result<Socket> {
    todo!("a socket of {family:?} and {kind:?}")
}

impl From<Family> for Domain {
    fn from(family: Family) -> Domain {
        todo!("the kernel's word for {family:?}")
    }
}

impl From<Kind> for Type {
    fn from(kind: Kind) -> Type {
        todo!("the kernel's word for {kind:?}")
    }
}

/// Describes a socket as Python's `repr` does.
#[derive(Clone, Copy)]
pub struct Repr<'a>(pub &'a Socket);

impl fmt::Debug for Repr<'_> {
    fn fmt(&self, _f: &mut fmt::Formatter<'_>) -> fmt::Result {
        todo!("describe the socket")
    }
}

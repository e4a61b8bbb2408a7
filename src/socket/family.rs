//! Makes a socket of a family and a kind, and describes it.
//!
//! Two words are settled at a socket's birth and never change: the family
//! says what its addresses look like, the kind what it does with bytes. TCP
//! is none of them: it is what the kernel takes for [`Family::Inet`] or
//! [`Family::Inet6`] together with [`Kind::Stream`].
//!
//! ```
//! use chatroom::socket::family::{Family, Kind, Repr, socket};
//!
//! let tcp = socket(Family::Inet, Kind::Stream)?;
//! tcp.bind(&std::net::SocketAddr::from(([127, 0, 0, 1], 0)).into())?;
//! // <socket fd=3, family=Inet, type=Stream, laddr=127.0.0.1:41952>
//! println!("{:?}", Repr(&tcp));
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! Left out: other families (Bluetooth, virtual machines), raw sockets, and
//! the choice of a protocol: each pair gets the kernel's own.

use socket2::{Domain, SockAddr, Socket, Type};
use std::fmt;
use std::io;
#[cfg(unix)]
use std::os::fd::AsRawFd;

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
///
/// It has no address and no peer yet, no child process inherits it, and
/// dropping it closes it.
///
/// # Errors
/// `Unsupported` for [`Kind::SeqPacket`] over IP, before there is a socket.
/// All else is the kernel's word: EAFNOSUPPORT or EPROTONOSUPPORT for a pair
/// that this machine does not know, EMFILE where the process has too many
/// descriptors open; these have no kind of their own. Each names the family
/// and the kind.
pub fn socket(family: Family, kind: Kind) -> io::Result<Socket> {
    let named = |error: io::Error| {
        let text = format!("{error}: socket({family:?}, {kind:?})");
        io::Error::new(error.kind(), text)
    };
    // Over IP this would be SCTP, which some machines have and some have not.
    if kind == Kind::SeqPacket && family != Family::Unix {
        return Err(named(io::ErrorKind::Unsupported.into()));
    }
    Socket::new(family.into(), kind.into(), None).map_err(named)
}

impl From<Family> for Domain {
    fn from(family: Family) -> Domain {
        match family {
            Family::Inet => Domain::IPV4,
            Family::Inet6 => Domain::IPV6,
            Family::Unix => Domain::UNIX,
        }
    }
}

impl From<Kind> for Type {
    fn from(kind: Kind) -> Type {
        match kind {
            Kind::Stream => Type::STREAM,
            Kind::Dgram => Type::DGRAM,
            Kind::SeqPacket => Type::SEQPACKET,
        }
    }
}

/// Describes a socket as Python's `repr` does: `{:?}` asks the kernel and
/// prints descriptor, family, type, own address and peer.
///
/// What the kernel does not tell is left out: the peer of a socket that is
/// not connected, the path of a Unix socket that has none, on Windows the
/// descriptor, and the family before there is an address.
#[derive(Clone, Copy)]
pub struct Repr<'a>(pub &'a Socket);

impl fmt::Debug for Repr<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Repr(socket) = self;
        let (own, peer) = (socket.local_addr().ok(), socket.peer_addr().ok());
        let mut parts = Vec::new();
        #[cfg(unix)]
        parts.push(format!("fd={}", socket.as_raw_fd()));
        if let Some(family) = own.as_ref().and_then(family_of) {
            parts.push(format!("family={family:?}"));
        }
        if let Some(kind) = kind_of(socket) {
            parts.push(format!("type={kind:?}"));
        }
        if let Some(address) = own.as_ref().and_then(shown) {
            parts.push(format!("laddr={address}"));
        }
        if let Some(address) = peer.as_ref().and_then(shown) {
            parts.push(format!("raddr={address}"));
        }
        write!(f, "<socket {}>", parts.join(", "))
    }
}

fn family_of(address: &SockAddr) -> Option<Family> {
    [Family::Inet, Family::Inet6, Family::Unix]
        .into_iter()
        .find(|&family| Domain::from(family) == address.domain())
}

fn kind_of(socket: &Socket) -> Option<Kind> {
    let found = socket.r#type().ok()?;
    [Kind::Stream, Kind::Dgram, Kind::SeqPacket]
        .into_iter()
        .find(|&kind| Type::from(kind) == found)
}

fn shown(address: &SockAddr) -> Option<String> {
    // A path may hold any byte but NUL, a line break too, so it is quoted.
    #[cfg(unix)]
    if let Some(path) = address.as_pathname() {
        return Some(format!("{path:?}"));
    }
    address.as_socket().map(|address| address.to_string())
}

//! Makes two sockets that are connected to each other.
//!
//! On Unix the kernel gives such a pair in one call. Out of TCP it is made
//! from what we have: a listener on loopback, a connect, an accept, and the
//! listener closed. While it listens, though, anybody on this machine can
//! call, and accept gives whoever was first. So both ends are asked for both
//! their addresses, and a pair with a stranger in it is never handed out.
//!
//! ```
//! use chatroom::socket::socketpair::tcp_pair;
//! use std::io::{Read, Write};
//!
//! let (mut one, mut other) = tcp_pair()?;
//! one.write_all(b"hello")?;
//! let mut heard = [0; 5];
//! other.read_exact(&mut heard)?;
//! assert_eq!(&heard, b"hello");
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! Left out: pairs of datagram sockets, and a second try after a stranger. To
//! call again is the program's decision: somebody on the machine is at work.

use crate::socket::accept::accept;
use crate::socket::bind::{bind, getsockname};
use crate::socket::connect::{connect, getpeername};
use crate::socket::family::{Family, Kind, socket};
use crate::socket::listen::{DEFAULT_BACKLOG, listen};
use socket2::Socket;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

/// How long our own call waits. The kernel answers at once, unless strangers
/// have filled the listener's queue; then nobody answers.
const PATIENCE: Duration = Duration::from_secs(10);

/// Makes a connected pair: `socketpair(2)`, `socket.socketpair`.
///
/// On Unix it is the kernel's own, without addresses and out of everybody's
/// reach; elsewhere it is [`tcp_pair`]. Both ends block.
///
/// # Errors
/// EMFILE or ENFILE, which have no kind of their own, where the process or the
/// system is out of descriptors; elsewhere than on Unix those of [`tcp_pair`].
pub fn socketpair() -> io::Result<(Socket, Socket)> {
    #[cfg(unix)]
    {
        Socket::pair(Family::Unix.into(), Kind::Stream.into(), None)
    }
    #[cfg(not(unix))]
    {
        tcp_pair()
    }
}

/// Makes a connected pair out of TCP over IPv4, on any system.
///
/// # Errors
/// Those of [`tcp_pair_over`].
pub fn tcp_pair() -> io::Result<(Socket, Socket)> {
    tcp_pair_with(|_| ())
}

/// Makes a pair like [`tcp_pair`], and calls `intrude` with the listener's
/// address in the moment when strangers can call: between listen and connect.
///
/// # Errors
/// Those of [`tcp_pair_over`].
pub fn tcp_pair_with(intrude: impl FnOnce(SocketAddr)) -> io::Result<(Socket, Socket)> {
    tcp_pair_over(Family::Inet, intrude)
}

/// Makes a pair like [`tcp_pair_with`], over the family's loopback address.
///
/// Both ends block, and the listener is closed. After an error everything is.
///
/// # Errors
/// `ConnectionAborted` where a stranger has called before we did, whose address
/// is named; `TimedOut` where strangers have filled the queue; `Unsupported`
/// for a family other than IPv4 and IPv6; `AddrNotAvailable` or EAFNOSUPPORT
/// where this machine has no IPv6; and those of [`socket`] for want of
/// descriptors.
pub fn tcp_pair_over(
    family: Family,
    intrude: impl FnOnce(SocketAddr),
) -> io::Result<(Socket, Socket)> {
    let loopback: IpAddr = match family {
        Family::Inet => Ipv4Addr::LOCALHOST.into(),
        Family::Inet6 => Ipv6Addr::LOCALHOST.into(),
        Family::Unix => return Err(io::Error::new(ErrorKind::Unsupported, "no TCP over Unix")),
    };
    let listener = socket(family, Kind::Stream)?;
    bind(&listener, SocketAddr::new(loopback, 0))?;
    listen(&listener, DEFAULT_BACKLOG)?;
    let address = getsockname(&listener)?;
    intrude(address);
    let client = socket(family, Kind::Stream)?;
    connect(&client, address, Some(PATIENCE))?;
    // Our own call is in the queue, or somebody else's: there is one to accept.
    let (accepted, caller) = accept(&listener, None)?;
    // The listener lives on until here: closed, it would reset a call of ours
    // that still waits behind a stranger's, and there were nothing to compare.
    // A stranger who has gone again has no peer any more: no pair either.
    if !are_a_pair(&accepted, &client).unwrap_or(false) {
        let why = format!("a stranger, {caller}, was the first to call {address}");
        return Err(io::Error::new(ErrorKind::ConnectionAborted, why));
    }
    Ok((accepted, client))
}

/// Tells whether two sockets are the two ends of one connection: each has the
/// address, IP and port, that the other has for its peer.
///
/// # Errors
/// `NotConnected` where one of them has no peer, or none any more;
/// `InvalidInput` where an address is none of IPv4 or IPv6.
pub fn are_a_pair(one: &Socket, other: &Socket) -> io::Result<bool> {
    let there = getsockname(one)? == getpeername(other)?;
    let back = getpeername(one)? == getsockname(other)?;
    Ok(there && back)
}

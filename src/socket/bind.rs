//! Gives a socket its address.
//!
//! A TCP address is a pair, IP address and port, and the kernel keeps the
//! book: one live listener for each pair. Port 0 asks for any free port, so
//! the address that was asked for and the address that was given may differ.
//!
//! ```
//! use chatroom::socket::bind::{bind, getsockname};
//! use socket2::{Domain, Socket, Type};
//! use std::net::{Ipv4Addr, SocketAddr};
//!
//! let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
//! bind(&socket, SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
//! assert_ne!(getsockname(&socket)?.port(), 0);
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! Left out: Unix paths, which are addresses of another kind.

use socket2::Socket;
use std::io;
use std::net::SocketAddr;

/// Binds `socket` to `address`: `bind(2)`, `socket.bind`.
///
/// # Errors
/// `AddrInUse` where somebody else has the address, or had it a moment ago and
/// its old connections are still in TIME_WAIT; `AddrNotAvailable` where the IP
/// address is not of this machine; `InvalidInput` where the socket is bound
/// already; `PermissionDenied` for ports below 1024 on most systems; and
/// EAFNOSUPPORT, which has no kind of its own, for an address of another
/// family. Each names the address.
pub fn bind(socket: &Socket, address: SocketAddr) -> io::Result<()> {
    socket
        .bind(&address.into())
        .map_err(|error| io::Error::new(error.kind(), format!("{error}: bind to {address}")))
}

/// Returns the address that `socket` has: `getsockname(2)`, `socket.getsockname`.
///
/// Before `bind` it is the wildcard and port 0.
///
/// # Errors
/// `InvalidInput` where the address is none of IPv4 or IPv6.
pub fn getsockname(socket: &Socket) -> io::Result<SocketAddr> {
    socket.local_addr()?.as_socket().ok_or_else(|| {
        io::Error::new(
            io::ErrorKind::InvalidInput,
            "not an address of IPv4 or IPv6",
        )
    })
}

/// Binds like [`bind`], and does not wait for the old connections of a server
/// that had the address before: SO_REUSEADDR, `socket(7)`.
///
/// A second live listener on the address stays forbidden. On Windows the
/// option would allow just that, so there it is left alone.
///
/// # Errors
/// Those of [`bind`].
pub fn bind_again(socket: &Socket, address: SocketAddr) -> io::Result<()> {
    #[cfg(not(windows))]
    socket.set_reuse_address(true)?;
    bind(socket, address)
}

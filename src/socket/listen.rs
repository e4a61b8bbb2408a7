//! Lets the kernel take in connections.
//!
//! From `listen` on, the kernel answers callers by itself: it completes their
//! connections and keeps them in a queue until the program accepts them. The
//! backlog is the queue's length, and a full queue is silent: whoever calls
//! then gets no answer and times out.
//!
//! ```
//! use chatroom::socket::bind::{bind, getsockname};
//! use chatroom::socket::listen::{DEFAULT_BACKLOG, listen};
//! use socket2::{Domain, Socket, Type};
//! use std::net::{Ipv4Addr, TcpStream};
//!
//! let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
//! bind(&socket, (Ipv4Addr::LOCALHOST, 0).into())?;
//! listen(&socket, DEFAULT_BACKLOG)?;
//! TcpStream::connect(getsockname(&socket)?)?;
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! Left out: sockets of other families than IPv4 and IPv6.

use crate::socket::bind::getsockname;
use socket2::{Socket, Type};
use std::io;

/// The backlog for everyday use: Python's, which is 128 or the system's
/// largest, whichever is less. The kernel cuts a longer one by itself.
pub const DEFAULT_BACKLOG: u32 = 128;

/// Makes `socket` a listener: `listen(2)`, `socket.listen`.
///
/// The backlog is a hint. Linux keeps one connection more than it says, and no
/// system keeps more than its own largest (`net.core.somaxconn`), however
/// long a queue is asked for. Listening again changes the backlog, and nothing
/// else.
///
/// # Errors
/// `Unsupported` for a datagram socket; `InvalidInput` for a socket that is
/// not bound, where the kernel alone would pick any port on every address, and
/// for one that is connected; `AddrInUse` where another socket with the same
/// address listens already.
pub fn listen(socket: &Socket, backlog: u32) -> io::Result<()> {
    if socket.r#type()? == Type::DGRAM {
        return Err(io::Error::new(
            io::ErrorKind::Unsupported,
            "a datagram socket cannot listen: it has no connections to wait for",
        ));
    }
    let address = getsockname(socket)?;
    if address.port() == 0 {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "a socket without an address cannot listen: bind it first",
        ));
    }
    let backlog = i32::try_from(backlog).unwrap_or(i32::MAX);
    socket
        .listen(backlog)
        .map_err(|error| io::Error::new(error.kind(), format!("{error}: listen on {address}")))
}

/// Tells whether `socket` listens: SO_ACCEPTCONN, `socket(7)`.
///
/// # Errors
/// `Unsupported` on systems other than Linux, Android and FreeBSD: there the
/// only way to find out would take a connection from the queue.
pub fn is_listening(socket: &Socket) -> io::Result<bool> {
    #[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
    {
        socket.is_listener()
    }
    #[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd")))]
    {
        Err(io::Error::new(
            io::ErrorKind::Unsupported,
            format!("this system does not tell whether {socket:?} listens"),
        ))
    }
}

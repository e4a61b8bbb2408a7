//! Calls a listener, and says who is at the other end.
//!
//! A listener can answer a call, refuse it, or be silent; only the first is a
//! connection, and only the last is a reason to wait. How long to wait is the
//! caller's to say: the kernel alone would try for a minute or two.
//!
//! ```
//! use chatroom::socket::connect::{connect, getpeername};
//! use socket2::{Domain, Socket, Type};
//! use std::net::TcpListener;
//! use std::time::Duration;
//!
//! let listener = TcpListener::bind("127.0.0.1:0")?;
//! let address = listener.local_addr()?;
//!
//! let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
//! connect(&socket, address, Some(Duration::from_secs(5)))?;
//! assert_eq!(getpeername(&socket)?, address);
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! Left out: names such as `localhost`, which stand for several addresses, and
//! a second try, which needs a second socket.

use socket2::Socket;
use std::io::{self, ErrorKind};
use std::net::{Shutdown, SocketAddr};
use std::time::Duration;

/// Longer than any kernel goes on calling, so that the kernel is who gives up.
const FOREVER: Duration = Duration::from_secs(24 * 60 * 60);

/// Connects `socket` to `address`: `connect(2)`, `socket.connect`.
///
/// Waits at most `timeout` for an answer, and without one for as long as the
/// kernel tries. The timeout is for this call only: those that `recv` and
/// `send` use stay what they were. Afterwards the socket blocks.
///
/// After an error the socket must be made anew. A call that has timed out is
/// still out there until the socket is dropped, and most systems never let a
/// socket that was refused call again.
///
/// # Errors
/// `ConnectionRefused` where nobody listens, and where the socket has reached
/// nobody but itself; `TimedOut` where no answer came in time; `InvalidInput`
/// for a timeout of zero, as nothing could come in time; `AlreadyExists` where
/// the socket is connected, and that connection lives on (EISCONN, which has
/// no kind of its own). Each names the address.
pub fn connect(socket: &Socket, address: SocketAddr, timeout: Option<Duration>) -> io::Result<()> {
    call(socket, address, timeout.unwrap_or(FOREVER))
        .map_err(|error| io::Error::new(error.kind(), format!("{error}: connect to {address}")))
}

fn call(socket: &Socket, address: SocketAddr, limit: Duration) -> io::Result<()> {
    if limit.is_zero() {
        let why = "a timeout of zero leaves no time";
        return Err(io::Error::new(ErrorKind::InvalidInput, why));
    }
    // Linux owes the socket a report of success after a call with a timeout,
    // and would give it to the next call, whoever that is for.
    if socket.peer_addr().is_ok() {
        let why = "the socket is connected already";
        return Err(io::Error::new(ErrorKind::AlreadyExists, why));
    }
    socket.connect_timeout(&address.into(), limit)?;
    if is_its_own_peer(socket) {
        // This can fail only where there is nothing left to hang up.
        let _ = socket.shutdown(Shutdown::Both);
        let why = "nobody is there but the socket itself";
        return Err(io::Error::new(ErrorKind::ConnectionRefused, why));
    }
    Ok(())
}

/// Says whether the socket has called itself.
///
/// Two that call each other at once become one connection, and TCP does not
/// mind if the two are the same. A call to a free port can come from that very
/// port by chance: nobody listens there, and yet it is answered.
fn is_its_own_peer(socket: &Socket) -> bool {
    match (socket.local_addr(), socket.peer_addr()) {
        (Ok(own), Ok(peer)) => own == peer,
        // The peer has hung up already, so there was one.
        _ => false,
    }
}

/// Returns the address at the other end: `getpeername(2)`, `socket.getpeername`.
///
/// # Errors
/// `NotConnected` where there is no other end, or none any more;
/// `InvalidInput` where its address is none of IPv4 or IPv6.
pub fn getpeername(socket: &Socket) -> io::Result<SocketAddr> {
    socket.peer_addr()?.as_socket().ok_or_else(|| {
        io::Error::new(
            ErrorKind::InvalidInput,
            "the peer's address is not of IPv4 or IPv6",
        )
    })
}

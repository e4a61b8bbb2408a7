//! Takes the next connection from a listener's queue.
//!
//! A listener never talks: for each client the kernel makes a socket of its
//! own, and the listener goes on listening. What the listener is set to, Linux
//! hands down to that socket, its timeout included; here it is not.
//!
//! ```
//! use chatroom::socket::accept::accept;
//! use socket2::Socket;
//! use std::net::{TcpListener, TcpStream};
//! use std::time::Duration;
//!
//! let listener = TcpListener::bind("127.0.0.1:0")?;
//! let client = TcpStream::connect(listener.local_addr()?)?;
//! let (_socket, from) = accept(&Socket::from(listener), Some(Duration::from_secs(5)))?;
//! assert_eq!(from, client.local_addr()?);
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! Left out: listeners on Unix paths; waiting on a listener that is
//! non-blocking; and a timeout outside Linux, where `accept` need not look at
//! SO_RCVTIMEO and then waits for a client, however long.

use socket2::Socket;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;

/// The shortest time that the kernel can be told to wait. It counts in
/// microseconds, and 0 means for ever.
const SHORTEST: Duration = Duration::from_micros(1);

/// Waits for a client and returns a new socket that talks to it, with the
/// client's address: `accept(2)`, `socket.accept`.
///
/// It waits for `timeout`, or for ever; a timeout of zero only looks whether
/// somebody is there. After an interruption the time starts anew. The new
/// socket is blocking and has no read timeout. The listener's own read timeout
/// is exchanged for the length of the call, so threads that share a listener
/// must use the same `timeout`.
///
/// # Errors
/// `TimedOut` where no client came in time; `InvalidInput` where the socket
/// does not listen, or its clients have no address of IPv4 or IPv6;
/// `WouldBlock` where the listener is non-blocking and nobody is there
/// (`TimedOut`, at once, if there was a `timeout`); and EMFILE or ENFILE,
/// which have no kind of their own, where the process or the system is out of
/// descriptors: the client is still in the queue then.
pub fn accept(listener: &Socket, timeout: Option<Duration>) -> io::Result<(Socket, SocketAddr)> {
    let own = listener.read_timeout()?;
    listener.set_read_timeout(timeout.map(|time| time.max(SHORTEST)))?;
    let accepted = accept_from(|| listener.accept());
    listener.set_read_timeout(own)?;

    let (socket, client) = accepted.map_err(|error| match (error.kind(), timeout) {
        // So Linux says that the time is up.
        (ErrorKind::WouldBlock, Some(time)) => {
            io::Error::new(ErrorKind::TimedOut, format!("no client within {time:?}"))
        }
        _ => error,
    })?;
    // Linux hands the timeout down, BSD and macOS that the listener does not wait.
    socket.set_read_timeout(None)?;
    socket.set_nonblocking(false)?;
    let address = client
        .as_socket()
        .ok_or_else(|| io::Error::new(ErrorKind::InvalidInput, "not a client of IPv4 or IPv6"))?;
    Ok((socket, address))
}

/// Calls `accept` until it has a client or a reason to stop, and returns that.
///
/// Three errors say nothing about the listener and are passed over: a signal
/// came (`Interrupted`), or a client gave up while it waited in the queue
/// (`ConnectionAborted`, on Windows `ConnectionReset`).
///
/// # Errors
/// Every other error of `accept`, as it came.
pub fn accept_from<T>(mut accept: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match accept() {
            Err(error) if passes(error.kind()) => continue,
            result => return result,
        }
    }
}

fn passes(kind: ErrorKind) -> bool {
    use ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    matches!(kind, Interrupted | ConnectionAborted | ConnectionReset)
}

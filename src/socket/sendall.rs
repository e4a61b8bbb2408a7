//! Sends everything, or fails.
//!
//! `send` hands bytes to the kernel, which takes as many as there is room for:
//! a part is a success, and the rest is the caller's to send again. Where the
//! peer does not read there is no room, so whoever sends everything has to
//! wait, and needs a deadline for the whole.
//!
//! ```
//! use chatroom::socket::sendall::sendall;
//! use socket2::Socket;
//! use std::io::Read;
//! use std::net::{TcpListener, TcpStream};
//!
//! let listener = TcpListener::bind("127.0.0.1:0")?;
//! let socket = Socket::from(TcpStream::connect(listener.local_addr()?)?);
//! let (mut peer, _) = listener.accept()?;
//! sendall(&socket, b"hello", None)?;
//! drop(socket);
//!
//! let mut heard = String::new();
//! peer.read_to_string(&mut heard)?;
//! assert_eq!(heard, "hello");
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! Left out: how much was sent when sending failed. Nobody knows what of it
//! the peer has read, so the connection is good for nothing but closing.

use socket2::Socket;
use std::io::{self, ErrorKind};
use std::time::{Duration, Instant};

/// A socket counts its timeout in microseconds (milliseconds on Windows), and 0
/// means that it has none: what is left must not be rounded to "for ever".
const SHORTEST_WAIT: Duration = Duration::from_millis(1);

/// Hands `bytes` to the kernel and returns how many it took, from the
/// beginning: `send(2)`, `socket.send`.
///
/// Taken means copied to the kernel's buffer, not read by the peer.
///
/// # Errors
/// `BrokenPipe` or `ConnectionReset` where the peer is gone: a Rust program
/// ignores the signal SIGPIPE that would end others. `WouldBlock` where there
/// is no room and the socket does not wait, or has waited for as long as its
/// write timeout says (some systems say `TimedOut` then); `Interrupted` where
/// a signal came first.
pub fn send(socket: &Socket, bytes: &[u8]) -> io::Result<usize> {
    socket.send(bytes)
}

/// Sends all of `bytes`, and waits for room no longer than `timeout` in all:
/// `socket.sendall`. The socket has its own write timeout back afterwards.
///
/// `None` waits for as long as it takes. The socket must be a blocking one.
///
/// # Errors
/// `TimedOut` where the peer did not make room in time; `BrokenPipe` or
/// `ConnectionReset` where it is gone; `WriteZero` where the kernel took
/// nothing and gave no reason. How much was sent is then unknown.
pub fn sendall(socket: &Socket, bytes: &[u8], timeout: Option<Duration>) -> io::Result<()> {
    let own_timeout = socket.write_timeout()?;
    let offer = |rest: &[u8], wait: Option<Duration>| {
        set_write_timeout(socket, wait)?;
        send(socket, rest)
    };
    let result = sendall_to(offer, bytes, timeout, Instant::now);
    let restored = set_write_timeout(socket, own_timeout);
    result.and(restored)
}

/// Offers `bytes` piece by piece until all of them are taken: what [`sendall`]
/// does, with its two ways to the world as parameters.
///
/// `offer` gets the rest and how long it may wait (at least a millisecond),
/// and returns how many bytes it took. `now` tells the time.
///
/// # Errors
/// `TimedOut` where `timeout` has passed, or `offer` says `WouldBlock` though
/// it was told how long to wait; `WriteZero` where it took nothing; its own
/// errors, but for `Interrupted`, after which it is asked again.
pub fn sendall_to(
    mut offer: impl FnMut(&[u8], Option<Duration>) -> io::Result<usize>,
    bytes: &[u8],
    timeout: Option<Duration>,
    mut now: impl FnMut() -> Instant,
) -> io::Result<()> {
    let deadline = timeout.and_then(|timeout| now().checked_add(timeout));
    let mut rest = bytes;
    while !rest.is_empty() {
        let left = deadline.map(|deadline| deadline.saturating_duration_since(now()));
        if left == Some(Duration::ZERO) {
            return Err(stuck(ErrorKind::TimedOut, rest));
        }
        match offer(rest, left.map(|left| left.max(SHORTEST_WAIT))) {
            Ok(0) => return Err(stuck(ErrorKind::WriteZero, rest)),
            Ok(count) => rest = &rest[count..],
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock && left.is_some() => {
                return Err(stuck(ErrorKind::TimedOut, rest));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn stuck(kind: ErrorKind, rest: &[u8]) -> io::Error {
    io::Error::new(kind, format!("{kind}: {} bytes were not taken", rest.len()))
}

/// Leaves a timeout alone that is right already: on macOS a socket whose peer
/// is gone refuses every option, and the caller wants to hear of the peer.
fn set_write_timeout(socket: &Socket, timeout: Option<Duration>) -> io::Result<()> {
    if socket.write_timeout()? == timeout {
        return Ok(());
    }
    socket.set_write_timeout(timeout)
}

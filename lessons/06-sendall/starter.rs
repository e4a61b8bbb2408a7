//! Sends everything, or fails.

use socket2::Socket;
use std::io;
use std::time::{Duration, Instant};

/// Hands `bytes` to the kernel and returns how many it took: `send(2)`, `socket.send`.
pub fn send(socket: &Socket, bytes: &[u8]) -> io::Result<usize> {
    todo!("hand {} bytes to the socket", bytes.len())
}

/// Sends all of `bytes`, and waits no longer than `timeout` in all: `socket.sendall`.
pub fn sendall(socket: &Socket, bytes: &[u8], timeout: Option<Duration>) -> io::Result<()> {
    todo!("send {} bytes, with a timeout of {timeout:?}", bytes.len())
}

/// Offers `bytes` piece by piece until all are taken. `offer` gets the rest and how
/// long it may wait, and returns how many bytes it took; `now` tells the time.
pub fn sendall_to(
    offer: impl FnMut(&[u8], Option<Duration>) -> io::Result<usize>,
    bytes: &[u8],
    timeout: Option<Duration>,
    now: impl FnMut() -> Instant,
) -> io::Result<()> {
    let _ = (offer, now);
    todo!("offer {} bytes, with a timeout of {timeout:?}", bytes.len())
}

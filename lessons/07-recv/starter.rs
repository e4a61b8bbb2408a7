//! Takes what has arrived, tells the end from silence, and hangs up without loss.

use socket2::Socket;
use std::io::{self, Read};
use std::net::Shutdown;
use std::time::Duration;

/// Receives what has arrived, at most `most` bytes: `recv(2)`, `socket.recv`. Empty is the end.
pub fn recv(socket: &Socket, most: usize) -> io::Result<Vec<u8>> {
    todo!("at most {most} bytes from the socket")
}

/// Does what [`recv`] does, for anything that can be read. `WouldBlock` becomes `TimedOut`.
pub fn read_some(source: impl Read, most: usize) -> io::Result<Vec<u8>> {
    let _ = source;
    todo!("at most {most} bytes from anything")
}

/// Receives exactly `count` bytes; an end before that is `UnexpectedEof` and says how many came.
pub fn recv_exactly(source: impl Read, count: usize) -> io::Result<Vec<u8>> {
    let _ = source;
    todo!("exactly {count} bytes from anything")
}

/// Ends one direction of the connection, or both: `shutdown(2)`, `socket.shutdown`.
pub fn shutdown(socket: &Socket, how: Shutdown) -> io::Result<()> {
    todo!("end the direction {how:?} of the socket")
}

/// Half-closes, reads the rest until the peer's end (more than `most` bytes are `QuotaExceeded`,
/// more time than `patience` is `TimedOut`), and closes: `close(2)`, `socket.close`.
pub fn close(socket: Socket, most: usize, patience: Duration) -> io::Result<()> {
    todo!("close the socket after at most {most} bytes and {patience:?}")
}

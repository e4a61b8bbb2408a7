//! Takes what has arrived, tells the end from silence, and hangs up without loss.
//!
//! TCP carries bytes, not messages: one `recv` may give half of what was sent,
//! or two sends at once, and an empty answer means that the peer sends no more.
//! A socket that is closed with unread input makes the kernel send a reset,
//! which destroys what is still under way to the peer.
//!
//! ```
//! use chatroom::socket::recv::{close, recv, recv_exactly};
//! use socket2::Socket;
//! use std::io::Write;
//! use std::net::{TcpListener, TcpStream};
//! use std::time::Duration;
//!
//! let listener = TcpListener::bind("127.0.0.1:0")?;
//! let mut client = TcpStream::connect(listener.local_addr()?)?;
//! let server: Socket = listener.accept()?.0.into();
//! client.write_all(b"hello, world")?;
//! assert_eq!(recv_exactly(&server, 5)?, b"hello");
//! drop(client);
//! assert_eq!(recv_exactly(&server, 7)?, b", world");
//! assert_eq!(recv(&server, 1024)?, b"", "the client sends no more");
//! close(server, 1024, Duration::from_secs(1))?;
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! Left out: one deadline for a whole message. The read timeout of the socket
//! (`set_read_timeout`) counts for each wait, and anew after a signal.

use socket2::Socket;
use std::io::{self, ErrorKind, Read};
use std::net::Shutdown;
use std::time::{Duration, Instant};

/// One read takes no more, whatever was asked for: memory is given out for what
/// arrives, not for a number. As much as Linux offers a peer to begin with.
const PIECE: usize = 64 * 1024;

/// socket2 takes a timeout below a microsecond for none at all.
const SHORTEST: Duration = Duration::from_micros(1);

/// Receives what has arrived, at most `most` bytes: `recv(2)`, `socket.recv`.
///
/// Waits until there is something. Empty means that the peer sends no more,
/// and so it does each time from then on; or that `most` is 0, which returns
/// at once. Gives at most 64 KiB at a time.
///
/// # Errors
/// `TimedOut` where the socket's read timeout ran out (the connection is still
/// good); `WouldBlock` where a non-blocking socket has nothing yet;
/// `ConnectionReset` where the peer hung up with a reset; `NotConnected`.
pub fn recv(socket: &Socket, most: usize) -> io::Result<Vec<u8>> {
    read_some(socket, most).map_err(|error| match error.kind() {
        ErrorKind::TimedOut if !waits(socket) => ErrorKind::WouldBlock.into(),
        _ => error,
    })
}

/// Whether an empty `recv` waits. Windows cannot be asked; but there, who set
/// no timeout cannot have run into one.
fn waits(socket: &Socket) -> bool {
    #[cfg(unix)]
    return !socket.nonblocking().unwrap_or(false);
    #[cfg(not(unix))]
    return matches!(socket.read_timeout(), Ok(Some(_)));
}

/// Does what [`recv`] does, for anything that can be read.
///
/// # Errors
/// `TimedOut` where the source says that, or `WouldBlock`: systems differ in
/// the name. Other errors of the source as they are, but for `Interrupted`,
/// after which it is asked again.
pub fn read_some(mut source: impl Read, most: usize) -> io::Result<Vec<u8>> {
    if most == 0 {
        // The kernel would wait here for something to arrive.
        return Ok(Vec::new());
    }
    let mut buffer = vec![0; most.min(PIECE)];
    loop {
        match source.read(&mut buffer) {
            Ok(count) => {
                buffer.truncate(count);
                return Ok(buffer);
            }
            Err(error) => match error.kind() {
                ErrorKind::Interrupted => continue,
                ErrorKind::WouldBlock | ErrorKind::TimedOut => {
                    let text = "nothing arrived in time";
                    return Err(io::Error::new(ErrorKind::TimedOut, text));
                }
                _ => return Err(error),
            },
        }
    }
}

/// Receives exactly `count` bytes, in as many pieces as they come.
///
/// Nothing past them is taken. For sources that wait; after an error the
/// bytes that had come are lost, and the connection is good for closing only.
///
/// # Errors
/// `UnexpectedEof` where the stream ends before that, with the numbers in its
/// text; otherwise those of [`read_some`].
pub fn recv_exactly(mut source: impl Read, count: usize) -> io::Result<Vec<u8>> {
    let mut message = Vec::new();
    while message.len() < count {
        let piece = read_some(&mut source, count - message.len())?;
        if piece.is_empty() {
            let got = message.len();
            let text = format!("the stream ended after {got} of {count} bytes");
            return Err(io::Error::new(ErrorKind::UnexpectedEof, text));
        }
        message.extend(piece);
    }
    Ok(message)
}

/// Ends one direction of the connection, or both: `shutdown(2)`, `socket.shutdown`.
///
/// It counts for the connection, and so for every clone of the socket. With
/// `Shutdown::Write` the peer reads the end, and can still answer. Where
/// nothing is connected any more, there is nothing to end, and that is fine.
///
/// # Errors
/// Whatever the kernel says, but for `NotConnected`.
pub fn shutdown(socket: &Socket, how: Shutdown) -> io::Result<()> {
    match socket.shutdown(how) {
        Err(error) if error.kind() == ErrorKind::NotConnected => Ok(()),
        result => result,
    }
}

/// Closes the connection so that the last answer is not lost: `close(2)`, `socket.close`.
///
/// Ends our direction, then reads and forgets what the peer still sends, until
/// its end: at most `most` bytes, and for `patience` altogether. Clones of the
/// socket stay open, but cannot send. `Ok` means that no reset follows.
///
/// # Errors
/// The socket is closed in any case. `TimedOut` where the peer did not end in
/// time, `QuotaExceeded` where it sent more than `most` bytes,
/// `ConnectionReset` where it hung up with a reset: it may have lost our answer.
pub fn close(socket: Socket, most: usize, patience: Duration) -> io::Result<()> {
    let started = Instant::now();
    shutdown(&socket, Shutdown::Write)?;
    socket.set_nonblocking(false)?;
    let mut allowed = most;
    loop {
        let left = patience.saturating_sub(started.elapsed());
        if left.is_zero() {
            return Err(io::Error::new(ErrorKind::TimedOut, "the peer does not end"));
        }
        match socket.set_read_timeout(Some(left.max(SHORTEST))) {
            // macOS, where both directions have ended: then no read waits.
            Err(error) if error.kind() == ErrorKind::InvalidInput => {}
            result => result?,
        }
        let piece = recv(&socket, PIECE)?;
        if piece.is_empty() {
            return Ok(());
        }
        allowed = allowed.checked_sub(piece.len()).ok_or_else(|| {
            let text = format!("the peer sent more than {most} bytes after our goodbye");
            io::Error::new(ErrorKind::QuotaExceeded, text)
        })?;
    }
}

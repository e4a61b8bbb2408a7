//! Lets the kernel take in connections.

use socket2::Socket;
use std::io;

/// The backlog for everyday use: Python's.
pub const DEFAULT_BACKLOG: u32 = 128;

/// Makes `socket` a listener: `listen(2)`, `socket.listen`.
pub fn listen(socket: &Socket, backlog: u32) -> io::Result<()> {
    todo!("let the socket listen, with a backlog of {backlog}")
}

/// Tells whether `socket` listens: SO_ACCEPTCONN, `socket(7)`.
pub fn is_listening(socket: &Socket) -> io::Result<bool> {
    todo!("does the socket listen?")
}

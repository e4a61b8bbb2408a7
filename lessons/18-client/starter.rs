//! Joins a room: one half says, the other hears.

use crate::chat::frame::Framing;
use crate::chat::message::Message;
use std::io;
use std::net::{TcpStream, ToSocketAddrs};

/// A body that we send or take has at most so many bytes: as many as a room
/// takes unless it was opened otherwise.
pub const LIMIT: usize = 64 * 1024;

/// The half that says. Its clones are the same connection, and may speak in
/// threads of their own.
#[derive(Clone, Debug)]
pub struct Sender {
    // What do all clones share?
}

/// The half that hears.
#[derive(Debug)]
pub struct Receiver {
    // What has to outlive a single call?
}

/// Connects to a room.
pub fn connect(address: impl ToSocketAddrs, framing: Framing) -> io::Result<(Sender, Receiver)> {
    todo!("connect, and talk with {framing:?} framing")
}

/// Makes the two halves of a connection that stands.
pub fn talk(stream: TcpStream, framing: Framing) -> io::Result<(Sender, Receiver)> {
    todo!("two halves, with {framing:?} framing")
}

impl Sender {
    /// Sends one message, and returns when the kernel has all of it.
    pub fn send(&self, message: &Message) -> io::Result<()> {
        todo!("send {message:?}")
    }

    /// Says no more, and goes on hearing: a half-close.
    pub fn finish(&self) -> io::Result<()> {
        todo!("say that there is no more")
    }

    /// Ends the connection at once, also under a receive or a send that waits.
    pub fn hang_up(&self) -> io::Result<()> {
        todo!("end both directions")
    }
}

impl Receiver {
    /// Waits for the next message; `None` is the end of the stream.
    pub fn receive(&mut self) -> io::Result<Option<Message>> {
        todo!("the next message")
    }
}

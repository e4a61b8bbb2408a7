//! Joins a room: one half says, the other hears.

use crate::chat::frame::{FrameReader, Framing};
use crate::chat::message::Message;
use std::io::{self, ErrorKind, Write};
use std::net::{Shutdown, TcpStream, ToSocketAddrs};
use std::sync::Arc;

/// A body that we send or take has at most so many bytes.
pub const LIMIT: usize = 64 * 1024;

/// The half that says. Its clones are the same connection.
#[derive(Clone, Debug)]
pub struct Sender {
    stream: Arc<TcpStream>,
    framing: Framing,
}

/// The half that hears.
#[derive(Debug)]
pub struct Receiver {
    frames: FrameReader<TcpStream>,
}

/// Connects to a room.
pub fn connect(address: impl ToSocketAddrs, framing: Framing) -> io::Result<(Sender, Receiver)> {
    talk(TcpStream::connect(address)?, framing)
}

/// Makes the two halves of a connection that stands.
pub fn talk(stream: TcpStream, framing: Framing) -> io::Result<(Sender, Receiver)> {
    stream.set_nodelay(true)?;
    let frames = FrameReader::new(stream.try_clone()?, framing, LIMIT);
    let stream = Arc::new(stream);
    Ok((Sender { stream, framing }, Receiver { frames }))
}

impl Sender {
    /// Sends one message.
    pub fn send(&self, message: &Message) -> io::Result<()> {
        let frame = self.framing.frame(message.to_json().as_bytes(), LIMIT)?;
        (&*self.stream).write_all(&frame)
    }

    /// Says no more, and goes on hearing: a half-close.
    pub fn finish(&self) -> io::Result<()> {
        self.stream.shutdown(Shutdown::Write)
    }

    /// Ends the connection, also under a receive that waits.
    pub fn hang_up(&self) -> io::Result<()> {
        self.stream.shutdown(Shutdown::Both)
    }
}

impl Receiver {
    /// Waits for the next message; `None` is the end of the stream.
    pub fn receive(&mut self) -> io::Result<Option<Message>> {
        let Some(body) = self.frames.read_frame()? else {
            return Ok(None);
        };
        let message = Message::from_json(&body);
        message
            .map(Some)
            .map_err(|refusal| io::Error::new(ErrorKind::InvalidData, refusal))
    }
}

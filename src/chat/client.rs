//! Joins a room: one half says, the other hears.
//!
//! A connection is two streams, and neither knows of messages. What two
//! threads write at once is mixed wherever one of them has to wait for room;
//! what one `recv` gives may be half a message or three. So whoever says
//! something has the line until its last byte, and who hears keeps what came
//! behind a message for the next call.
//!
//! ```
//! use chatroom::chat::client::connect;
//! use chatroom::chat::frame::Framing;
//! use chatroom::chat::message::Message;
//! use chatroom::chat::server::{Options, start};
//! use std::net::TcpListener;
//!
//! let room = start(TcpListener::bind("127.0.0.1:0")?, &Options::default())?;
//! let (sender, mut receiver) = connect(room.address(), Framing::Line)?;
//! let hello = Message {
//!     name: "alice".to_owned(),
//!     msg: "hello".to_owned(),
//!     time: "2024-2-24".to_owned(),
//!     hello: false,
//! };
//! sender.send(&hello)?;
//! assert_eq!(receiver.receive()?, Some(hello));
//! sender.finish()?;
//! assert_eq!(receiver.receive()?, None);
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! Left out: coming back after the connection is lost, and the room's own rules.
//! What it thinks of a message it says as one, from the name `server`.

use crate::chat::frame::{FrameReader, Framing};
use crate::chat::message::Message;
use std::io::{self, ErrorKind, Write};
use std::net::{Shutdown, TcpStream, ToSocketAddrs};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A body that we send or take has at most so many bytes: as many as a room
/// takes unless it was opened otherwise.
pub const LIMIT: usize = 64 * 1024;

/// The half that says. Its clones are the same connection, and may speak in
/// threads of their own.
#[derive(Clone, Debug)]
pub struct Sender {
    line: Arc<Line>,
    framing: Framing,
}

/// What all clones share.
#[derive(Debug)]
struct Line {
    stream: TcpStream,
    /// Held by the one who speaks.
    turn: Mutex<()>,
}

/// The half that hears.
#[derive(Debug)]
pub struct Receiver {
    /// One for all messages: it may have read ahead.
    frames: FrameReader<TcpStream>,
}

/// Connects to a room.
///
/// # Errors
/// `ConnectionRefused` and the others of `connect(2)`, where no address of that
/// name answers; those of the resolver; those of [`talk`].
pub fn connect(address: impl ToSocketAddrs, framing: Framing) -> io::Result<(Sender, Receiver)> {
    talk(TcpStream::connect(address)?, framing)
}

/// Makes the two halves of a connection that stands. It ends when both are
/// dropped. The timeouts of `stream` stay, and count for each call of the kernel.
///
/// # Errors
/// Those of `setsockopt(2)` and `dup(2)`: a process without descriptors.
pub fn talk(stream: TcpStream, framing: Framing) -> io::Result<(Sender, Receiver)> {
    // A message is not to wait in the kernel for the one before it.
    stream.set_nodelay(true)?;
    let frames = FrameReader::new(stream.try_clone()?, framing, LIMIT);
    let turn = Mutex::new(());
    let line = Arc::new(Line { stream, turn });
    Ok((Sender { line, framing }, Receiver { frames }))
}

impl Sender {
    /// Sends one message, and returns when the kernel has all of it. Of two who
    /// speak at once, one waits. `socket.sendall`.
    ///
    /// # Errors
    /// `InvalidData` where the message has more than [`LIMIT`] bytes as JSON:
    /// nothing of it was sent, and the next can be. Those of `send(2)`:
    /// `BrokenPipe` and `ConnectionReset` where the other side has gone,
    /// `WouldBlock` or `TimedOut` where the stream's write timeout is up. After
    /// one of these nothing more is sent, for half a message may be out.
    pub fn send(&self, message: &Message) -> io::Result<()> {
        let json = message.to_json();
        let frame = self.framing.frame(json.as_bytes(), LIMIT)?;
        let _turn = self.line.turn();
        let result = (&self.line.stream).write_all(&frame);
        if result.is_err() {
            // Whatever came now would be taken for the rest of this one.
            let _ = self.line.end(Shutdown::Write);
        }
        result
    }

    /// Says no more, when whoever is speaking has done so, and goes on hearing:
    /// a half-close. Where the connection has ended already, that is no error.
    ///
    /// # Errors
    /// Those of `shutdown(2)`.
    pub fn finish(&self) -> io::Result<()> {
        let _turn = self.line.turn();
        self.line.end(Shutdown::Write)
    }

    /// Ends the connection at once, also under a receive or a send that waits:
    /// the one hears the end, the other fails with `BrokenPipe`. Where it has
    /// ended already, that is no error. `socket.shutdown(SHUT_RDWR)`.
    ///
    /// # Errors
    /// Those of `shutdown(2)`.
    pub fn hang_up(&self) -> io::Result<()> {
        // Without a turn: the one who has it may be waiting for ever.
        self.line.end(Shutdown::Both)
    }
}

impl Line {
    fn turn(&self) -> MutexGuard<'_, ()> {
        // There is nothing in it that a panic could have left half done.
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn end(&self, how: Shutdown) -> io::Result<()> {
        match self.stream.shutdown(how) {
            Err(error) if error.kind() == ErrorKind::NotConnected => Ok(()),
            result => result,
        }
    }
}

impl Receiver {
    /// Waits for the next message; `None` is the end of the stream, again and
    /// again. `file.readline`, `json.loads`.
    ///
    /// # Errors
    /// `InvalidData` with a [`Refusal`](crate::chat::message::Refusal) inside
    /// where a frame holds no message: the next call goes on behind it.
    /// `InvalidData` with a [`FrameError`](crate::chat::frame::FrameError)
    /// inside where the borders are lost, and then at each call: hang up.
    /// `UnexpectedEof` where the stream ends inside of a message. Those of
    /// `recv(2)`; behind `WouldBlock` or `TimedOut`, which a read timeout of the
    /// stream gives, one may ask again, and nothing is lost.
    pub fn receive(&mut self) -> io::Result<Option<Message>> {
        let Some(body) = self.frames.read_frame()? else {
            return Ok(None);
        };
        match Message::from_json(&body) {
            Ok(message) => Ok(Some(message)),
            Err(refusal) => Err(io::Error::new(ErrorKind::InvalidData, refusal)),
        }
    }
}

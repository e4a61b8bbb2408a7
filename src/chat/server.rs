//! The room over TCP, on the threading server.

use crate::chat::frame::{FrameReader, Framing};
use crate::chat::message::Message;
use crate::chat::room::Room;
use crate::server::threading::{self, Limits};
use crate::server::{Handler, ServerHandle};
use chrono::{DateTime, FixedOffset, Local};
use std::io::{self, ErrorKind, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

/// How a room is opened.
#[derive(Clone, Debug)]
pub struct Options {
    pub framing: Framing,
    /// The longest body, in bytes.
    pub frame: usize,
    /// At most so many members.
    pub members: usize,
    /// At most so many from one address.
    pub per_address: usize,
    /// So many bytes a member may be behind.
    pub behind: usize,
    /// How long one may be here before its first message.
    pub silence: Option<Duration>,
    /// Tells the time of what the server says.
    pub clock: fn() -> DateTime<FixedOffset>,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            framing: Framing::Line,
            frame: 64 * 1024,
            members: 1_000,
            per_address: 1_000,
            behind: 4 * 1024 * 1024,
            silence: Some(Duration::from_secs(300)),
            clock: || Local::now().fixed_offset(),
        }
    }
}

/// A room that is open. Its drop closes it.
#[derive(Debug)]
pub struct ChatServer {
    handle: ServerHandle,
}

/// Opens a room for the clients of `listener`.
pub fn start(listener: TcpListener, options: &Options) -> io::Result<ChatServer> {
    let chat = Chat {
        room: Room::new(options.behind),
        options: options.clone(),
    };
    let most = options.members;
    let handle = threading::start(listener, chat, Limits { most })?;
    Ok(ChatServer { handle })
}

impl ChatServer {
    /// Returns where the room is.
    pub fn address(&self) -> SocketAddr {
        self.handle.address()
    }

    /// Says goodbye, hangs up and waits for the end.
    pub fn shutdown(self) -> io::Result<()> {
        self.handle.shutdown()
    }
}

struct Chat {
    room: Room,
    options: Options,
}

impl Handler for Chat {
    fn handle(&self, stream: &TcpStream, _peer: SocketAddr) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let hangs_up = stream.try_clone()?;
        let (member, mut deliveries) = self.room.join(move || {
            let _ = hangs_up.shutdown(Shutdown::Both);
        });
        let writer = stream.try_clone()?;
        thread::scope(|scope| {
            scope.spawn(move || {
                while let Ok(bytes) = deliveries.hear() {
                    if (&writer).write_all(&bytes).is_err() {
                        break;
                    }
                }
                let _ = writer.shutdown(Shutdown::Both);
            });
            let result = self.hear(stream, &member);
            member.leave();
            result
        })
    }
}

impl Chat {
    fn hear(&self, stream: &TcpStream, member: &crate::chat::room::Member) -> io::Result<()> {
        let Options {
            framing,
            frame,
            clock,
            ..
        } = self.options;
        let mut frames = FrameReader::new(stream, framing, frame);
        let answer = |text: String| {
            let answer = Message::new("server", &text, clock());
            if let Ok(bytes) = framing.frame(answer.to_json().as_bytes(), frame) {
                member.answer(&bytes);
            }
        };
        loop {
            match frames.read_frame() {
                Ok(Some(body)) => match Message::from_json(&body) {
                    Ok(message) => match member.take_name(&message.name) {
                        Ok(()) => self.room.say(&framing.frame(&body, frame)?),
                        Err(taken) => answer(taken.to_string()),
                    },
                    Err(refusal) => answer(refusal.to_string()),
                },
                Ok(None) => return Ok(()),
                Err(error) if error.kind() == ErrorKind::InvalidData => {
                    answer(error.to_string());
                    return Ok(());
                }
                Err(error) => return Err(error),
            }
        }
    }
}

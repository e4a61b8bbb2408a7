//! The room over TCP, on the threading server.

pub use crate::chat::limits::Options;

use crate::chat::frame::{FrameReader, Framing};
use crate::chat::limits::{Guests, Patient, Place, Refused, flaw, reads};
use crate::chat::message::Message;
use crate::chat::room::{Deliveries, Member, Room};
use crate::server::threading::{self, Limits};
use crate::server::{Handler, ServerHandle, Stopper};
use crate::socket::recv::close;
use std::cell::Cell;
use std::convert::Infallible;
use std::io::{self, ErrorKind, IoSlice, Write};
use std::net::{IpAddr, Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

/// The name under which the room itself speaks.
pub const SERVER: &str = "server";

/// What everybody hears when the room closes.
pub const GOODBYE: &str = "the room is closing";

/// So many connections more than members may stand: those that hear why they
/// are not let in, and those that hear their last words. The others wait.
const SPARE: usize = 64;

/// What we still take from somebody who is not heard any more, in bytes.
const REST: usize = 16 * 1024 * 1024;

/// A writer calls `hear` and `write_all`, and has no use for 2 MiB of stack.
const STACK: usize = 256 * 1024;

/// A room that is open. Its drop closes it, like [`shutdown`](ChatServer::shutdown).
#[derive(Debug)]
pub struct ChatServer {
    handle: ServerHandle,
}

/// Opens a room for the clients of `listener`.
pub fn start(listener: TcpListener, options: &Options) -> io::Result<ChatServer> {
    todo!("open a room for {} members", options.members)
}

impl ChatServer {
    /// Returns where the room is.
    pub fn address(&self) -> SocketAddr {
        todo!("ask the handle")
    }

    /// Says goodbye to everybody, hangs up, and waits until all threads have ended.
    pub fn shutdown(self) -> io::Result<()> {
        todo!("stop the server, and wait for its end")
    }
}

/// What happens on each connection of a room.
pub struct Chat {
    room: Room,
    guests: Guests,
    options: Options,
}

impl Chat {
    /// Makes an empty room, of whose options the network is none.
    pub fn new(options: &Options) -> Chat {
        todo!(
            "make a room whose members may be {} bytes behind",
            options.behind
        )
    }

    /// Lets somebody in, who hears what is said from now on, and first what
    /// `history` tells. The log says who came in, who was not let in, and who
    /// was dropped because it was too far behind.
    pub fn enter(
        &self,
        peer: SocketAddr,
        hang_up: impl FnOnce() + Send + 'static,
    ) -> Result<(Visit<'_>, Deliveries), Refused> {
        todo!("a place for {peer}, and a member of the room")
    }

    /// Says goodbye, and waits until everybody has left, at most for the time of grace.
    pub fn close(&self) {
        todo!("say goodbye, and wait for {:?} at most", self.options.grace)
    }

    /// Sets what is called when there may be something to hear: chapter 22.
    pub fn on_news(&self, hook: impl Fn() + Send + Sync + 'static) {
        self.room.on_news(hook);
    }

    /// Tells what was said so far: chapter 22.
    pub fn said(&self) -> (u64, bool) {
        self.room.said()
    }

    /// Makes a frame of what the server says.
    pub fn words(&self, text: &str) -> Vec<u8> {
        todo!("make a message of {text:?}, and a frame of that")
    }

    /// Hears a member out, while another thread delivers to it.
    fn host(&self, stream: &TcpStream, visit: Visit, deliveries: Deliveries) -> io::Result<()> {
        todo!("start the writer, and listen")
    }
}

impl Handler for Chat {
    fn handle(&self, stream: &TcpStream, peer: SocketAddr) -> io::Result<()> {
        todo!("let {peer} in, and be its host")
    }
}

/// Writes what a member is to hear, until there is nothing more.
fn deliver(stream: &TcpStream, deliveries: Deliveries) {
    todo!("hear from the room, and write")
}

/// Writes all that has queued up, with one `writev(2)` if the kernel takes it.
fn write_all(mut stream: impl Write, chunks: &[Arc<[u8]>]) -> io::Result<()> {
    let mut slices: Vec<IoSlice> = chunks.iter().map(|chunk| IoSlice::new(chunk)).collect();
    let mut rest = &mut slices[..];
    while !rest.is_empty() {
        match stream.write_vectored(rest) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(count) => IoSlice::advance_slices(&mut rest, count),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Whether some clients would read one line as many.
fn is_torn(line: &[u8]) -> bool {
    todo!("is there a carriage return in {line:?}, but at its end?")
}

/// What is said to somebody whose connection ends by this error, if anything.
fn last_word(error: &io::Error) -> Option<String> {
    todo!("is there still somebody to hear of {error}?")
}

/// The stay of one member. Its drop leaves the room.
pub struct Visit<'a> {
    chat: &'a Chat,
    member: Member,
    place: Option<Place>,
    port: u16,
    name: Option<Arc<str>>,
    hello: bool,
}

impl Visit<'_> {
    /// Hears the member until it ends. `read` is a read that may have to come
    /// back in time, and `now` the clock.
    pub fn listen<R>(&mut self, read: R, now: impl Fn() -> Instant) -> io::Result<()>
    where
        R: FnMut(&mut [u8], Option<Duration>) -> io::Result<usize>,
    {
        todo!("take body after body, until the end")
    }

    /// Takes one body: says it to all, or returns why not.
    pub fn take(&mut self, body: &[u8]) -> Result<(), String> {
        todo!("is it a message? {body:?}")
    }

    /// Gives the member its name with its first message, and holds it to that.
    fn is_called(&mut self, message: &Message) -> Result<(), String> {
        todo!("may this member say it as {:?}?", message.name)
    }

    /// Where it has come from, as far as it still has a place.
    fn peer(&self) -> SocketAddr {
        let address = self.place.as_ref().map(Place::address);
        SocketAddr::new(
            address.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
            self.port,
        )
    }

    /// Leaves: it hears what was said until now, and then the end.
    pub fn leave(&self) {
        self.member.leave();
    }

    /// Says something to this member alone.
    pub fn answer(&self, text: &str) {
        todo!("answer {text:?}")
    }
}

impl Drop for Visit<'_> {
    fn drop(&mut self) {
        todo!("leave, and say so where that was asked for")
    }
}

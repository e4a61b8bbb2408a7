//! The room over TCP, on the threading server.
//!
//! A connection is a stranger: it may say nothing, say rubbish, say half a
//! word and vanish, or never listen. Each of these costs us something, so each
//! has a bound, and whoever still listens hears why it ends. A reader takes in
//! what a member says, a writer delivers what the room has said; neither waits
//! for the other, so a member who does not listen delays nobody.
//!
//! ```
//! use chatroom::chat::server::{self, Options};
//! use std::io::{BufRead, BufReader, Write};
//! use std::net::{TcpListener, TcpStream};
//!
//! let listener = TcpListener::bind("127.0.0.1:0")?;
//! let room = server::start(listener, &Options::default())?;
//! let mut bob = TcpStream::connect(room.address())?;
//! let words = r#"{"name":"bob","msg":"hello","time":"2024-2-24"}"#;
//! writeln!(bob, "{words}")?;
//! let mut heard = String::new();
//! BufReader::new(bob).read_line(&mut heard)?;
//! assert_eq!(heard.trim_end(), words);
//! room.shutdown()?;
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! A name is taken as it is written, but for what nobody can see: see
//! [`flaw`](crate::chat::limits::flaw).
//!
//! Left out: who somebody really is, and encryption; names that only look
//! alike; how fast and how long somebody may talk. Who has half-closed has the
//! time of grace to take all that is left, and no more because it takes some.
//! Whoever is refused keeps one of a few spare connections for as long, so one
//! address can make others wait at the door. Who talks while the room closes
//! may get a reset behind the goodbye. A member takes two threads and two
//! descriptors: `ulimit -n` has to allow for them.

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
///
/// # Errors
/// `InvalidInput` where a limit lets nobody in, and those of
/// [`ServerHandle::spawn`].
pub fn start(listener: TcpListener, options: &Options) -> io::Result<ChatServer> {
    if options.members == 0 || options.per_address == 0 {
        let why = "a limit of 0 members lets nobody in";
        return Err(io::Error::new(ErrorKind::InvalidInput, why));
    }
    let (chat, stopper) = (Arc::new(Chat::new(options)), Stopper::new());
    let closing = chat.clone();
    stopper.on_stop(move || closing.close());
    let most = options.members.saturating_add(SPARE);
    let handle = threading::start_with(listener, chat, Limits { most }, &stopper)?;
    Ok(ChatServer { handle })
}

impl ChatServer {
    /// Returns where the room is.
    pub fn address(&self) -> SocketAddr {
        self.handle.address()
    }

    /// Says goodbye to everybody, hangs up, and waits until all threads have
    /// ended. Who does not listen delays it by [`grace`](Options::grace).
    ///
    /// # Errors
    /// Those of [`ServerHandle::shutdown`].
    pub fn shutdown(self) -> io::Result<()> {
        self.handle.shutdown()
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
        Chat {
            room: options.outlet.room(options.behind),
            guests: Guests::new(options.members, options.per_address),
            options: options.clone(),
        }
    }

    /// Lets somebody in, who hears what is said from now on, and first what
    /// [`history`](Options::history) tells. `hang_up` is for the room, see
    /// [`Room::join`]. The log tells of it, and later of the end.
    ///
    /// # Errors
    /// [`Refused`] where there is no place.
    pub fn enter(
        &self,
        peer: SocketAddr,
        hang_up: impl FnOnce() + Send + 'static,
    ) -> Result<(Visit<'_>, Deliveries), Refused> {
        // `::ffff:192.0.2.1` is another way to write `192.0.2.1`.
        let place = self.guests.admit(peer.ip().to_canonical());
        let place = place.inspect_err(|why| log::info!("{peer}: not let in: {why}"))?;
        // For each member, without the bytes that a `SocketAddr` leaves empty.
        let (address, port) = (peer.ip(), peer.port());
        let dropped = move || {
            let peer = SocketAddr::new(address, port);
            log::warn!("{peer}: dropped, for it was too far behind");
            hang_up();
        };
        let (member, deliveries) = self.room.join_late(self.options.history, dropped);
        log::info!("{peer}: came in");
        let visit = Visit {
            chat: self,
            member,
            place: Some(place),
            port,
            name: None,
            hello: false,
        };
        Ok((visit, deliveries))
    }

    /// Says goodbye, and waits until everybody has left, at most for the time
    /// of grace. Nobody is let in any more.
    pub fn close(&self) {
        self.guests.close();
        self.room.say(&self.words(GOODBYE));
        self.room.close();
        if !self.guests.wait_until_gone(self.options.grace) {
            log::warn!("somebody did not listen to the goodbye");
        }
    }

    /// Sets what is called when there may be something to hear, see
    /// [`Room::on_news`].
    pub fn on_news(&self, hook: impl Fn() + Send + Sync + 'static) {
        self.room.on_news(hook);
    }

    /// Tells what was said so far, see [`Room::said`].
    pub fn said(&self) -> (u64, bool) {
        self.room.said()
    }

    /// Makes a frame of what the server says.
    pub fn words(&self, text: &str) -> Vec<u8> {
        let message = Message::new(SERVER, text, (self.options.clock)());
        let (framing, body) = (self.options.framing, message.to_json());
        let frame = framing.frame(body.as_bytes(), usize::MAX);
        frame.unwrap_or_default()
    }

    /// Hears a member out, while another thread delivers to it.
    fn host(&self, stream: &TcpStream, visit: Visit, deliveries: Deliveries) -> io::Result<()> {
        let leaving = &AtomicBool::new(false);
        let (writing, written) = mpsc::channel::<Infallible>();
        thread::scope(|scope| {
            let deliver = move || {
                // Its drop tells that all is written.
                let _writing = writing;
                deliver(stream, deliveries);
                if !leaving.load(Ordering::Acquire) {
                    // The reader waits for somebody who will hear no answer.
                    let _ = stream.shutdown(Shutdown::Both);
                }
            };
            let writer = thread::Builder::new().name("writer".into());
            writer.stack_size(STACK).spawn_scoped(scope, deliver)?;
            // Owned in here: a panic leaves the room, and that ends the writer.
            let mut visit = visit;
            let result = visit.listen(reads(stream), Instant::now);
            if let Some(why) = result.as_ref().err().and_then(last_word) {
                visit.answer(&why);
            }
            // With a relay, its last words may still be on their way.
            self.options.outlet.settle(self.options.grace);
            leaving.store(true, Ordering::Release);
            visit.member.leave();
            if written.recv_timeout(self.options.grace) == Err(RecvTimeoutError::Timeout) {
                let _ = stream.shutdown(Shutdown::Both);
            }
            result
        })
    }
}

impl Handler for Chat {
    fn handle(&self, stream: &TcpStream, peer: SocketAddr) -> io::Result<()> {
        // A small message is not to wait until the last one is acknowledged.
        stream.set_nodelay(true)?;
        let own = stream.try_clone()?;
        let hang_up = move || drop(own.shutdown(Shutdown::Both));
        let result = match self.enter(peer, hang_up) {
            Ok((visit, deliveries)) => self.host(stream, visit, deliveries),
            // A new connection has room for it: this does not wait.
            Err(refused) => (&*stream).write_all(&self.words(&refused.to_string())),
        };
        // What nobody reads makes a reset of the end, and loses the last words.
        let _ = close(stream.try_clone()?.into(), REST, self.options.grace);
        result
    }
}

/// Writes what a member is to hear, until there is nothing more.
fn deliver(stream: &TcpStream, mut deliveries: Deliveries) {
    let mut chunks = Vec::new();
    while deliveries.hear_many(&mut chunks).is_ok() {
        if let Err(error) = write_all(stream, &chunks) {
            return log::debug!("nobody listens any more: {error}");
        }
    }
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

/// Whether some clients would read one line as many: to Python's `makefile` a
/// lone carriage return ends a line, and JSON allows it between its words. One
/// before the end mark is how telnet ends a line, and tears nothing.
fn is_torn(line: &[u8]) -> bool {
    line.strip_suffix(b"\r").unwrap_or(line).contains(&b'\r')
}

/// What is said to somebody whose connection ends by this error, if anything.
fn last_word(error: &io::Error) -> Option<String> {
    match error.kind() {
        ErrorKind::InvalidData | ErrorKind::UnexpectedEof | ErrorKind::TimedOut => {
            Some(error.to_string())
        }
        _ => None,
    }
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
    ///
    /// # Errors
    /// `TimedOut` where the first message does not come in time, those of
    /// [`FrameReader::read_frame`], and those of `read`.
    pub fn listen<R>(&mut self, read: R, now: impl Fn() -> Instant) -> io::Result<()>
    where
        R: FnMut(&mut [u8], Option<Duration>) -> io::Result<usize>,
    {
        let options = &self.chat.options;
        let until = |silence| now().checked_add(silence);
        let until = &Cell::new(options.silence.and_then(until));
        let patient = Patient { read, now, until };
        let mut frames = FrameReader::new(patient, options.framing, options.frame);
        while let Some(body) = frames.read_frame()? {
            match self.take(&body) {
                Ok(()) => until.set(None),
                Err(why) => self.answer(&why),
            }
        }
        Ok(())
    }

    /// Takes one body: says it to all, or returns why not.
    pub fn take(&mut self, body: &[u8]) -> Result<(), String> {
        let Options { framing, frame, .. } = self.chat.options;
        let message = Message::from_json(body).map_err(|refusal| refusal.to_string())?;
        if framing == Framing::Line && is_torn(body) {
            return Err("a carriage return stands inside of the line".into());
        }
        let frames = framing.frame(body, frame);
        let frames = frames.map_err(|error| error.to_string())?;
        self.is_called(&message)?;
        self.chat.options.outlet.say_as(&self.member, &frames)
    }

    /// Gives the member its name with its first message, and holds it to that.
    fn is_called(&mut self, message: &Message) -> Result<(), String> {
        match &self.name {
            Some(name) if **name == message.name => Ok(()),
            Some(name) => Err(format!("your name here is {name:?}")),
            None if message.name.eq_ignore_ascii_case(SERVER) => {
                Err(format!("the name {SERVER:?} is nobody's"))
            }
            None => {
                if let Some(why) = flaw(&message.name) {
                    return Err(why);
                }
                let taken = self.member.take_name(&message.name);
                taken.map_err(|taken| taken.to_string())?;
                log::info!("{}: is called {:?}", self.peer(), message.name);
                self.name = self.member.name();
                self.hello = message.hello;
                Ok(())
            }
        }
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
        log::debug!("{}: is answered: {text}", self.peer());
        self.member.answer(&self.chat.words(text));
    }
}

impl Drop for Visit<'_> {
    fn drop(&mut self) {
        let peer = self.peer();
        // First the name and the place are free, then everybody may know.
        self.member.leave();
        self.place = None;
        log::info!("{peer}: has left");
        if let (true, Some(name)) = (self.hello, &self.name) {
            let left = self.chat.words(&format!("{name} left"));
            let _ = self.chat.options.outlet.say(&self.chat.room, &left);
        }
    }
}

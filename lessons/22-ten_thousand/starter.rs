//! The room on readiness: one thread for all members.

use crate::chat::frame::Decoder;
use crate::chat::limits::TOO_LATE;
use crate::chat::room::{Deliveries, End, MANY};
use crate::chat::server::{Chat, Options, Visit};
use crate::scale::deadlines::Deadlines;
use crate::server::{Next, REST, after_accept_error};
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token, Waker};
use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// All reads go into one buffer of so many bytes.
const BUFFER: usize = 64 * 1024;

/// So many bytes are read from one connection in a turn: who talks without a
/// break leaves time for the others.
const GREED: usize = 64 * 1024;

/// So many are let in in one turn.
const CROWD: usize = 256;

/// What we still take from somebody who is not heard any more, in bytes.
const PATIENCE: usize = 16 * 1024 * 1024;

/// What came of a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Got {
    /// Nothing more is there now.
    All,
    /// More may be there, and nobody will tell us again.
    More,
    /// The end of the stream.
    End,
}

/// Reads what is there and gives it to `take`, piece by piece, until a read
/// would have to wait, or until there were `most` bytes.
pub fn read_some(
    mut stream: impl Read,
    buffer: &mut [u8],
    most: usize,
    mut take: impl FnMut(&[u8]),
) -> io::Result<Got> {
    todo!("read what is there, at most {most} bytes")
}

/// What is still to be written to a connection.
#[derive(Debug, Default)]
pub struct Outbox {
    chunks: Vec<Arc<[u8]>>,
    /// So many bytes of the first chunk are written.
    written: usize,
}

impl Outbox {
    /// Adds a chunk behind the others.
    pub fn push(&mut self, chunk: Arc<[u8]>) {
        self.chunks.push(chunk);
    }

    /// Says whether all is written.
    pub fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    /// Writes once, as much as is taken, and remembers the rest: `writev(2)`.
    pub fn write(&mut self, mut stream: impl Write) -> io::Result<()> {
        todo!("write once, and remember what is left")
    }
}

/// What the kernel is to tell of a connection: that it can be written to only
/// while there is something to write.
pub fn interest(outbox: &Outbox) -> Interest {
    todo!("what is to be told of a connection with {outbox:?}?")
}

/// Tells the kernel by `register` what it is to tell, where that has changed.
pub fn watch(
    told: &mut Interest,
    wanted: Interest,
    register: impl FnOnce(Interest) -> io::Result<()>,
) -> io::Result<()> {
    todo!("{told:?} is told, and {wanted:?} is wanted")
}

/// What came of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivered {
    /// The member has all that there is.
    All,
    /// There may be more, and it can be written at once.
    More,
    /// The connection takes nothing more for now.
    Rest,
    /// Nothing will come any more, and all was written.
    End(End),
}

/// Gives a member what it is to hear: many messages, one write, and none where
/// there is nothing. What is left of the last time goes first, and alone.
pub fn deliver(
    deliveries: &mut Deliveries,
    outbox: &mut Outbox,
    stream: impl Write,
) -> io::Result<Delivered> {
    todo!("one write of what there is to hear")
}

/// The bell beside a loop that may be asleep. Others ring it; it wakes only one
/// who sleeps, and what was rung while the loop was busy keeps it from sleep.
#[derive(Debug, Default)]
pub struct Bell(AtomicU8);

const AWAKE: u8 = 0;
const RUNG: u8 = 1;
const ASLEEP: u8 = 2;

impl Bell {
    /// Tells the loop that there is something for it; `wake` is called where
    /// that sleeps.
    pub fn ring(&self, wake: impl FnOnce()) {
        todo!("wake the loop, if it sleeps")
    }

    /// Falls asleep, unless the bell was rung since the last
    /// [`answer`](Bell::answer); says whether it does.
    pub fn doze(&self) -> bool {
        todo!("fall asleep, unless {self:?} was rung")
    }

    /// Says whether the bell was rung, and is awake. Look for what there is
    /// behind this, never before it.
    pub fn answer(&self) -> bool {
        todo!("was {self:?} rung?")
    }
}

/// What came of letting people in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// Nobody else is there now.
    All,
    /// More may be there.
    More,
    /// There is nothing to let them in with: rest before you ask again.
    Rest,
    /// The listener does not listen any more.
    Shut,
}

/// Lets those in who are there, at most so many.
pub fn let_in<T>(
    most: usize,
    mut accept: impl FnMut() -> io::Result<T>,
    mut enter: impl FnMut(T),
) -> Door {
    todo!("let at most {most} in")
}

/// A room that is open. Its drop closes it, like
/// [`shutdown`](EventServer::shutdown).
#[derive(Debug)]
pub struct EventServer {
    address: SocketAddr,
    house: Arc<House>,
    thread: Option<JoinHandle<io::Result<()>>>,
}

/// What the loop shares with other threads.
struct House {
    chat: Chat,
    options: Options,
    doorbell: Arc<Doorbell>,
    closed: AtomicBool,
}

struct Doorbell {
    bell: Bell,
    waker: Waker,
}

impl Doorbell {
    fn ring(&self) {
        self.bell.ring(|| {
            if let Err(error) = self.waker.wake() {
                log::error!("the loop cannot be woken: {error}");
            }
        });
    }
}

/// Opens a room for the clients of `listener`.
pub fn start(listener: std::net::TcpListener, options: &Options) -> io::Result<EventServer> {
    todo!("open the room at {listener:?}")
}

impl EventServer {
    /// Returns where the room is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Says goodbye to everybody, hangs up, and waits for the end of the loop.
    /// Who does not listen delays it by [`grace`](Options::grace).
    pub fn shutdown(mut self) -> io::Result<()> {
        self.close()
    }

    fn close(&mut self) -> io::Result<()> {
        todo!("say goodbye, stop the loop, and wait for it")
    }
}

impl Drop for EventServer {
    fn drop(&mut self) {
        if let Err(error) = self.close() {
            log::warn!("the room at {}: {error}", self.address);
        }
    }
}

const DOOR: Token = Token(usize::MAX);
const BELL: Token = Token(usize::MAX - 1);

/// Somebody at the other end of a connection.
struct Member<'a> {
    /// Who is let in has both; who is only told why not has neither.
    visit: Option<Visit<'a>>,
    deliveries: Option<Deliveries>,
    /// Half a message.
    inbox: Option<Box<Decoder>>,
    outbox: Outbox,
    stream: TcpStream,
    /// What the kernel tells of it.
    told: Interest,
    stage: Stage,
    /// It is on the list of those to be served in this turn.
    listed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// It says and hears.
    Here,
    /// It is not heard any more, and gets what it is still to hear.
    Leaving,
    /// It has everything. What it still sends we take, so many bytes, for what
    /// nobody reads makes a reset of the end, and loses the last words.
    Gone { left: usize },
}

struct Loop<'a> {
    house: &'a House,
    poll: Poll,
    listener: TcpListener,
    /// By the number in their tokens.
    members: Vec<Option<Member<'a>>>,
    free: Vec<usize>,
    deadlines: Deadlines,
    /// Who has said more than we have read.
    talking: Vec<usize>,
    /// Who may have something to hear, beside what is said to all.
    listed: Vec<usize>,
    /// Somebody may be at the door.
    at_the_door: bool,
    /// What was said to all, when all were served last.
    said: (u64, bool),
    buffer: Vec<u8>,
    /// For those who have not left half a message here.
    decoder: Option<Box<Decoder>>,
}

impl<'a> Loop<'a> {
    fn new(house: &'a House, poll: Poll, listener: TcpListener) -> Loop<'a> {
        Loop {
            house,
            poll,
            listener,
            members: Vec::new(),
            free: Vec::new(),
            deadlines: Deadlines::default(),
            talking: Vec::new(),
            listed: Vec::new(),
            at_the_door: false,
            said: house.chat.said(),
            buffer: vec![0; BUFFER],
            decoder: None,
        }
    }

    fn run(mut self) -> io::Result<()> {
        let mut events = Events::with_capacity(1024);
        while !self.house.closed.load(Ordering::Acquire) {
            self.turn(&mut events)?;
        }
        Ok(())
    }

    /// Waits until there is something to do, and does it: first what others
    /// say, then what they are to hear.
    fn turn(&mut self, events: &mut Events) -> io::Result<()> {
        todo!("wait with {events:?}, hear, serve")
    }

    /// How long the loop may sleep.
    fn wait(&self, now: Instant) -> Option<Duration> {
        todo!("how long may the loop sleep, at {now:?}?")
    }

    /// Does something for one member. A panic ends that one's connection.
    fn guarded(&mut self, number: usize, work: fn(&mut Loop<'a>, usize) -> io::Result<()>) {
        let result = catch_unwind(AssertUnwindSafe(|| work(self, number)));
        let why = match result {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error,
            Err(_) => io::Error::other("a panic"),
        };
        log::debug!("a connection ends: {why}");
        // Its visit may tell that it has left, and that may panic as well.
        let _ = catch_unwind(AssertUnwindSafe(|| self.hang_up(number)));
    }

    fn open_the_door(&mut self) -> io::Result<()> {
        todo!("let people in, or rest")
    }

    fn enter(&mut self, mut stream: TcpStream, peer: SocketAddr) -> io::Result<()> {
        // A small message is not to wait until the last one is acknowledged.
        stream.set_nodelay(true)?;
        let number = self.free.pop().unwrap_or(self.members.len());
        let told = Interest::READABLE;
        let registry = self.poll.registry();
        if let Err(error) = registry.register(&mut stream, Token(number), told) {
            if number < self.members.len() {
                self.free.push(number);
            }
            return Err(error);
        }
        let mut member = Member {
            visit: None,
            deliveries: None,
            inbox: None,
            outbox: Outbox::default(),
            stream,
            told,
            stage: Stage::Here,
            listed: false,
        };
        let Options { silence, grace, .. } = self.house.options;
        // We look at all who have something to write, and need no call.
        let until = match self.house.chat.enter(peer, || ()) {
            Ok((visit, deliveries)) => {
                member.visit = Some(visit);
                member.deliveries = Some(deliveries);
                silence
            }
            Err(refused) => {
                let words = self.house.chat.words(&refused.to_string());
                member.outbox.push(words.into());
                member.stage = Stage::Leaving;
                Some(grace)
            }
        };
        match self.members.get_mut(number) {
            Some(place) => *place = Some(member),
            None => self.members.push(Some(member)),
        }
        self.set_deadline(number, until);
        self.list(number);
        Ok(())
    }

    fn set_deadline(&mut self, number: usize, time: Option<Duration>) {
        let until = time.and_then(|time| Instant::now().checked_add(time));
        self.deadlines.set(number, until);
    }

    /// Puts somebody on the list of those to be served.
    fn list(&mut self, number: usize) {
        if let Some(Some(member)) = self.members.get_mut(number)
            && !member.listed
        {
            member.listed = true;
            self.listed.push(number);
        }
    }

    /// Takes what a member says.
    fn hear(&mut self, number: usize) -> io::Result<()> {
        todo!("read what {number} says, and say it to the room")
    }

    /// A member is not heard any more. It gets what it is still to hear.
    fn leave(&mut self, number: usize) {
        todo!("{number} is not heard any more")
    }

    /// Takes what is still sent by somebody who is not heard any more.
    fn hear_out(&mut self, number: usize, left: usize) -> io::Result<()> {
        todo!("take what {number} still sends, at most {left} bytes")
    }

    /// A deadline is over.
    fn give_up(&mut self, number: usize) -> io::Result<()> {
        todo!("the deadline of {number} is over")
    }

    /// Ends a connection. What its visit says at the end is news.
    fn hang_up(&mut self, number: usize) {
        if let Some(member) = self.members.get_mut(number).and_then(Option::take) {
            self.free.push(number);
            self.deadlines.set(number, None);
            drop(member);
        }
    }

    /// Gives everybody what there is to hear; where nothing was said to all,
    /// only those on the list.
    fn serve(&mut self) {
        todo!("serve all, or only those on the list")
    }

    fn serve_one(&mut self, number: usize) -> io::Result<()> {
        todo!("deliver to {number}, and look after its interest")
    }

    /// A member has heard everything: it goes, and its connection may end.
    fn end(&mut self, number: usize) -> io::Result<()> {
        todo!("{number} has heard everything")
    }
}

fn too_slow() -> io::Error {
    io::Error::new(ErrorKind::TimedOut, "it was too far behind")
}

impl std::fmt::Debug for House {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("House")
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

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
use std::mem;
use std::net::{Shutdown, SocketAddr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
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

/// When the room closes, who has the goodbye and still talks is heard out,
/// until nobody has said anything for so long.
const LULL: Duration = Duration::from_millis(20);

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

/// Whom to look after, each of them once, however often it is asked for.
#[derive(Debug, Default)]
pub struct List {
    numbers: Vec<usize>,
    /// By number: whether it is one of them.
    listed: Vec<bool>,
}

impl List {
    /// Adds somebody, who may be on it already.
    pub fn add(&mut self, number: usize) {
        todo!("{number} is on the list, once")
    }

    /// Says whether nobody is on it.
    pub fn is_empty(&self) -> bool {
        self.numbers.is_empty()
    }

    /// Takes all from it, in the order in which they came.
    pub fn take(&mut self) -> Vec<usize> {
        todo!("who is on {self:?}? And then nobody is")
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

/// Accepts somebody, to whom a small message goes at once: `TCP_NODELAY`.
pub fn accept(listener: &TcpListener) -> io::Result<(TcpStream, SocketAddr)> {
    todo!("accept somebody from {listener:?}")
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
    /// Whose last words now stand in the room: places, and numbers of leavings.
    settled: Mutex<Vec<(usize, u64)>>,
}

impl Doorbell {
    fn settled(&self) -> MutexGuard<'_, Vec<(usize, u64)>> {
        self.settled.lock().unwrap_or_else(PoisonError::into_inner)
    }

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
    /// Its place among the deadlines.
    until: Option<Instant>,
}

impl Member<'_> {
    /// Who has not taken the last words yet may be too far behind by now.
    ///
    /// # Errors
    /// `TimedOut` where the room has dropped it.
    fn keeps_up(&self) -> io::Result<()> {
        let behind = !self.outbox.is_empty();
        let deliveries = self.deliveries.as_ref().filter(|_| behind);
        match deliveries.is_some_and(Deliveries::is_dropped) {
            true => Err(too_slow()),
            false => Ok(()),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// It says and hears.
    Here,
    /// It is not heard any more, and its last words are on their way to the
    /// room. Its leaving has a number, for its place may soon be another's.
    LastWords(u64),
    /// It gets what it is still to hear.
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
    /// Who may have said something that we have not read.
    talking: List,
    /// Who may have something to hear, beside what is said to all.
    listed: List,
    /// So many have begun to leave.
    leavings: u64,
    /// Somebody may be at the door.
    at_the_door: bool,
    /// Until when the door rests: its place among the deadlines.
    rests: Option<Instant>,
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
            talking: List::default(),
            listed: List::default(),
            leavings: 0,
            at_the_door: false,
            rests: None,
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
        self.hear_all_out(&mut events)
    }

    /// The room is closed. Who has not taken the goodbye is hung up on; who
    /// still talks behind it is heard until all are quiet, or a reset would
    /// take it away again.
    fn hear_all_out(&mut self, events: &mut Events) -> io::Result<()> {
        for number in 0..self.members.len() {
            let member = self.members[number].as_ref();
            if !member.is_some_and(|it| matches!(it.stage, Stage::Gone { .. })) {
                self.hang_up(number);
            }
        }
        let start = Instant::now();
        while self.members.iter().any(Option::is_some) {
            self.poll(events, Some(LULL))?;
            let talking = self.talking.take();
            if talking.is_empty() || start.elapsed() > self.house.options.grace {
                break;
            }
            for number in talking {
                self.guarded(number, Loop::hear);
            }
        }
        Ok(())
    }

    /// Waits until there is something to do, and does it: first what others
    /// say, then what they are to hear.
    fn turn(&mut self, events: &mut Events) -> io::Result<()> {
        todo!("wait with {events:?}, hear, serve")
    }

    /// Waits for the kernel, and puts on the lists whom it names.
    fn poll(&mut self, events: &mut Events, wait: Option<Duration>) -> io::Result<()> {
        match self.poll.poll(events, wait) {
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(()),
            result => result?,
        }
        for event in &*events {
            match event.token() {
                BELL => {}
                DOOR => self.at_the_door = true,
                Token(number) => {
                    if event.is_writable() {
                        self.listed.add(number);
                    }
                    if event.is_readable() || event.is_read_closed() || event.is_error() {
                        self.talking.add(number);
                    }
                }
            }
        }
        Ok(())
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

    fn enter(&mut self, stream: TcpStream, peer: SocketAddr) -> io::Result<()> {
        let mut member = Member {
            visit: None,
            deliveries: None,
            inbox: None,
            outbox: Outbox::default(),
            stream,
            told: Interest::READABLE,
            stage: Stage::Here,
            until: None,
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
        let number = self.free.last().copied().unwrap_or(self.members.len());
        let registry = self.poll.registry();
        registry.register(&mut member.stream, Token(number), member.told)?;
        match self.free.pop() {
            Some(_) => self.members[number] = Some(member),
            None => self.members.push(Some(member)),
        }
        self.set_deadline(number, until);
        self.listed.add(number);
        Ok(())
    }

    fn set_deadline(&mut self, number: usize, time: Option<Duration>) {
        let until = time.and_then(|time| Instant::now().checked_add(time));
        if let Some(Some(member)) = self.members.get_mut(number) {
            self.deadlines.set(number, &mut member.until, until);
        }
    }

    /// Takes what a member says.
    fn hear(&mut self, number: usize) -> io::Result<()> {
        todo!("read what {number} says, and say it to the room")
    }

    /// A member is not heard any more. When its last words stand in the room,
    /// it goes; with a relay, they may still be on their way.
    fn leave(&mut self, number: usize) {
        todo!("{number} is not heard any more")
    }

    /// Lets those go whose last words stand in the room.
    fn let_go(&mut self) {
        todo!("whose last words stand in the room?")
    }

    /// A member goes. It gets what it is still to hear.
    fn go(&mut self, number: usize) {
        if let Some(Some(member)) = self.members.get_mut(number) {
            member.stage = Stage::Leaving;
            if let Some(visit) = &member.visit {
                visit.leave();
            }
            self.set_deadline(number, Some(self.house.options.grace));
            self.listed.add(number);
        }
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
        self.set_deadline(number, None);
        if let Some(member) = self.members.get_mut(number).and_then(Option::take) {
            self.free.push(number);
            drop(member);
        }
    }

    /// Gives those on the list what there is to hear, and everybody where
    /// something was said to all.
    fn serve(&mut self) {
        todo!("serve those on the list, or all")
    }

    /// Serves one of all. Who is full has not asked for more: the kernel tells
    /// when there is room.
    fn look_in(&mut self, number: usize) -> io::Result<()> {
        match self.members.get(number).and_then(Option::as_ref) {
            Some(member) if !member.outbox.is_empty() => member.keeps_up(),
            _ => self.serve_one(number),
        }
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

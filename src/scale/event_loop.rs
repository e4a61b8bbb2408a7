//! The room on readiness: one thread for all members.
//!
//! A thread that waits for one client is a stack and two switches for each
//! message. A loop waits for all of them in one call, `epoll_wait(2)`, and then
//! does what can be done without waiting: it reads what is there, says it to
//! the room, and writes to each member, with one call, all that it is to hear.
//! What a connection does not take is remembered, and only as long as
//! something is remembered the kernel is asked whether it may be written to.
//!
//! ```
//! use chatroom::chat::server::Options;
//! use chatroom::scale::event_loop;
//! use std::io::{BufRead, BufReader, Write};
//! use std::net::{TcpListener, TcpStream};
//!
//! let listener = TcpListener::bind("127.0.0.1:0")?;
//! let room = event_loop::start(listener, &Options::default())?;
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
//! The room, its protocol and its limits are those of
//! [`chat::server`](crate::chat::server). A member takes one descriptor and no
//! thread, and no buffer while it is idle.
//!
//! Left out: a second core. Where one thread is not enough for the room, a
//! relay makes one room of many servers.

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
///
/// The kernel tells of readiness when it *becomes* true. Whoever leaves bytes
/// behind, and does not come back for them, never hears of them again.
///
/// # Errors
/// Those of `read`, but for `WouldBlock`, which is no error here, and
/// `Interrupted`, which is tried again.
pub fn read_some(
    mut stream: impl Read,
    buffer: &mut [u8],
    most: usize,
    mut take: impl FnMut(&[u8]),
) -> io::Result<Got> {
    let mut left = most;
    while left > 0 {
        let room = buffer.len().min(left);
        match stream.read(&mut buffer[..room]) {
            Ok(0) => return Ok(Got::End),
            Ok(count) => {
                take(&buffer[..count]);
                left -= count;
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Got::All),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(Got::More)
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
    ///
    /// # Errors
    /// Those of `write_vectored`, but for `WouldBlock`, where nothing is taken,
    /// and `Interrupted`, which is tried again. `WriteZero` where it says that
    /// it has taken nothing.
    pub fn write(&mut self, mut stream: impl Write) -> io::Result<()> {
        let mut slices: Vec<IoSlice> = self.chunks.iter().map(|it| IoSlice::new(it)).collect();
        let mut rest = &mut slices[..];
        IoSlice::advance_slices(&mut rest, self.written);
        let count = loop {
            match stream.write_vectored(rest) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(count) => break count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        };
        self.written += count;
        let mut whole = 0;
        while let Some(chunk) = self.chunks.get(whole).filter(|it| it.len() <= self.written) {
            self.written -= chunk.len();
            whole += 1;
        }
        self.chunks.drain(..whole);
        if self.is_empty() {
            // Who is idle keeps no memory.
            self.chunks = Vec::new();
        }
        Ok(())
    }
}

/// What the kernel is to tell of a connection: that it can be written to only
/// while there is something to write.
pub fn interest(outbox: &Outbox) -> Interest {
    match outbox.is_empty() {
        true => Interest::READABLE,
        false => Interest::READABLE | Interest::WRITABLE,
    }
}

/// Tells the kernel by `register` what it is to tell, where that has changed.
///
/// # Errors
/// Those of `register`; it was not told then.
pub fn watch(
    told: &mut Interest,
    wanted: Interest,
    register: impl FnOnce(Interest) -> io::Result<()>,
) -> io::Result<()> {
    if *told != wanted {
        register(wanted)?;
        *told = wanted;
    }
    Ok(())
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
///
/// # Errors
/// Those of [`Outbox::write`].
pub fn deliver(
    deliveries: &mut Deliveries,
    outbox: &mut Outbox,
    stream: impl Write,
) -> io::Result<Delivered> {
    let mut more = true;
    if outbox.is_empty() {
        if let Err(end) = deliveries.try_hear_many(&mut outbox.chunks) {
            return Ok(Delivered::End(end));
        }
        if outbox.is_empty() {
            return Ok(Delivered::All);
        }
        more = outbox.chunks.len() >= MANY;
    }
    outbox.write(stream)?;
    Ok(match outbox.is_empty() {
        false => Delivered::Rest,
        true if more => Delivered::More,
        true => Delivered::All,
    })
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
        if self.0.swap(RUNG, Ordering::AcqRel) == ASLEEP {
            wake();
        }
    }

    /// Falls asleep, unless the bell was rung since the last
    /// [`answer`](Bell::answer); says whether it does.
    pub fn doze(&self) -> bool {
        let (ok, err) = (Ordering::AcqRel, Ordering::Acquire);
        self.0.compare_exchange(AWAKE, ASLEEP, ok, err).is_ok()
    }

    /// Says whether the bell was rung, and is awake. Look for what there is
    /// behind this, never before it.
    pub fn answer(&self) -> bool {
        self.0.swap(AWAKE, Ordering::AcqRel) == RUNG
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
        if number >= self.listed.len() {
            self.listed.resize(number + 1, false);
        }
        if !mem::replace(&mut self.listed[number], true) {
            self.numbers.push(number);
        }
    }

    /// Says whether nobody is on it.
    pub fn is_empty(&self) -> bool {
        self.numbers.is_empty()
    }

    /// Takes all from it, in the order in which they came.
    pub fn take(&mut self) -> Vec<usize> {
        for number in &self.numbers {
            self.listed[*number] = false;
        }
        mem::take(&mut self.numbers)
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
    for _ in 0..most {
        match accept() {
            Ok(client) => enter(client),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Door::All,
            Err(error) => match after_accept_error(&error) {
                Next::Again => {}
                Next::BackOff => {
                    log::warn!("nobody can come in: {error}");
                    return Door::Rest;
                }
                Next::Stop => return Door::Shut,
            },
        }
    }
    Door::More
}

/// Accepts somebody, to whom a small message goes at once: `TCP_NODELAY`.
///
/// # Errors
/// Those of `accept(2)`.
pub fn accept(listener: &TcpListener) -> io::Result<(TcpStream, SocketAddr)> {
    let (stream, peer) = listener.accept()?;
    // Else it would wait until the last one is acknowledged. Who has gone
    // meanwhile is found out by the first read.
    let _ = stream.set_nodelay(true);
    Ok((stream, peer))
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
///
/// # Errors
/// `InvalidInput` where a limit lets nobody in; those of `epoll_create(2)` and
/// `eventfd(2)`, and of the system that has no more threads (`WouldBlock`).
pub fn start(listener: std::net::TcpListener, options: &Options) -> io::Result<EventServer> {
    if options.members == 0 || options.per_address == 0 {
        let why = "a limit of 0 members lets nobody in";
        return Err(io::Error::new(ErrorKind::InvalidInput, why));
    }
    let address = listener.local_addr()?;
    listener.set_nonblocking(true)?;
    let mut listener = TcpListener::from_std(listener);
    let poll = Poll::new()?;
    let waker = Waker::new(poll.registry(), BELL)?;
    poll.registry()
        .register(&mut listener, DOOR, Interest::READABLE)?;
    let doorbell = Arc::new(Doorbell {
        bell: Bell::default(),
        waker,
        settled: Mutex::default(),
    });
    let chat = Chat::new(options);
    let rings = doorbell.clone();
    chat.on_news(move || rings.ring());
    let house = Arc::new(House {
        chat,
        options: options.clone(),
        doorbell,
        closed: AtomicBool::new(false),
    });
    let inside = house.clone();
    let thread = thread::Builder::new()
        .name(format!("room {address}"))
        .spawn(move || {
            let result = Loop::new(&inside, poll, listener).run();
            if let Err(error) = &result {
                log::error!("the room at {address} ends: {error}");
            }
            result
        })?;
    Ok(EventServer {
        address,
        house,
        thread: Some(thread),
    })
}

impl EventServer {
    /// Returns where the room is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Says goodbye to everybody, hangs up, and waits for the end of the loop.
    /// Who does not listen delays it by [`grace`](Options::grace).
    ///
    /// # Errors
    /// Those that have ended the loop.
    pub fn shutdown(mut self) -> io::Result<()> {
        self.close()
    }

    fn close(&mut self) -> io::Result<()> {
        let Some(thread) = self.thread.take() else {
            return Ok(());
        };
        // The loop delivers the goodbye, while this thread waits for it.
        self.house.chat.close();
        self.house.closed.store(true, Ordering::Release);
        // Whether it is awake or not: after this there is nothing to do.
        if let Err(error) = self.house.doorbell.waker.wake() {
            log::error!("the loop cannot be woken: {error}");
        }
        match thread.join() {
            Ok(result) => result,
            Err(_) => Err(io::Error::other("the loop panicked")),
        }
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
        let wait = self.wait(Instant::now());
        self.poll(events, wait)?;
        // From here on whoever rings is heard before the next sleep.
        self.house.doorbell.bell.answer();
        for number in self.talking.take() {
            self.guarded(number, Loop::hear);
        }
        let now = Instant::now();
        while let Some(number) = self.deadlines.next_over(now) {
            match Token(number) {
                DOOR => self.at_the_door = true,
                Token(number) => self.guarded(number, Loop::give_up),
            }
        }
        if self.at_the_door {
            self.open_the_door()?;
        }
        // All that was rung for until here is looked for from here on; our own
        // saying has rung as well, and is no reason for another turn.
        self.house.doorbell.bell.answer();
        self.let_go();
        self.serve();
        Ok(())
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
        let busy = self.at_the_door || !self.talking.is_empty() || !self.listed.is_empty();
        if busy || !self.house.doorbell.bell.doze() {
            return Some(Duration::ZERO);
        }
        self.deadlines.wait(now)
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
        let mut came = Vec::new();
        let door = let_in(CROWD, || accept(&self.listener), |it| came.push(it));
        for (stream, peer) in came {
            let enter = || self.enter(stream, peer);
            match catch_unwind(AssertUnwindSafe(enter)) {
                Ok(Ok(())) => {}
                Ok(Err(error)) => log::warn!("{peer}: {error}"),
                Err(_) => log::warn!("{peer}: a panic"),
            }
        }
        self.at_the_door = door == Door::More;
        match door {
            Door::All | Door::More => {}
            Door::Rest => {
                let until = Instant::now().checked_add(REST);
                self.deadlines.set(DOOR.0, &mut self.rests, until);
            }
            Door::Shut => return Err(io::Error::other("the listener is shut down")),
        }
        Ok(())
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
        let Some(Some(member)) = self.members.get_mut(number) else {
            return Ok(());
        };
        let left = match member.stage {
            Stage::Here => GREED,
            Stage::LastWords(_) | Stage::Leaving => return Ok(()),
            Stage::Gone { left } => return self.hear_out(number, left),
        };
        let Options { framing, frame, .. } = self.house.options;
        let spare = self.decoder.take();
        let inbox = member.inbox.take().or(spare);
        let mut inbox = inbox.unwrap_or_else(|| Box::new(Decoder::new(framing, frame)));
        let got = read_some(&member.stream, &mut self.buffer, left, |it| inbox.push(it));
        let Some(visit) = &mut member.visit else {
            return Ok(());
        };
        let (mut spoke, mut answered) = (false, false);
        let result = loop {
            match inbox.next_frame() {
                Ok(Some(body)) => match visit.take(&body) {
                    Ok(()) => spoke = true,
                    Err(why) => {
                        visit.answer(&why);
                        answered = true;
                    }
                },
                Ok(None) if got.as_ref().is_ok_and(|got| *got == Got::End) => {
                    break inbox.finish().map(|()| true);
                }
                Ok(None) => break Ok(false),
                Err(error) => break Err(error),
            }
        };
        if let Err(error) = &result {
            visit.answer(&error.to_string());
        }
        match inbox.finish() {
            Ok(()) if result.is_ok() => self.decoder = Some(inbox),
            _ => member.inbox = Some(inbox),
        }
        if spoke {
            self.set_deadline(number, None);
        }
        if answered {
            self.listed.add(number);
        }
        match (result, got?) {
            (Ok(false), Got::More) => self.talking.add(number),
            (Ok(false), _) => {}
            (Ok(true) | Err(_), _) => self.leave(number),
        }
        Ok(())
    }

    /// A member is not heard any more. When its last words stand in the room,
    /// it goes; with a relay, they may still be on their way.
    fn leave(&mut self, number: usize) {
        if let Some(Some(member)) = self.members.get_mut(number) {
            self.leavings += 1;
            let leaving = self.leavings;
            member.stage = Stage::LastWords(leaving);
            member.inbox = None;
            self.set_deadline(number, Some(self.house.options.grace));
            let doorbell = self.house.doorbell.clone();
            self.house.options.outlet.when_said(move || {
                doorbell.settled().push((number, leaving));
                doorbell.ring();
            });
        }
    }

    /// Lets those go whose last words stand in the room.
    fn let_go(&mut self) {
        let settled = mem::take(&mut *self.house.doorbell.settled());
        for (number, leaving) in settled {
            let member = self.members.get(number).and_then(Option::as_ref);
            if member.is_some_and(|it| it.stage == Stage::LastWords(leaving)) {
                self.go(number);
            }
        }
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
        let Some(Some(member)) = self.members.get_mut(number) else {
            return Ok(());
        };
        let (mut taken, most) = (0, left.min(GREED));
        let got = read_some(&member.stream, &mut self.buffer, most, |it| {
            taken += it.len()
        })?;
        let left = left - taken;
        member.stage = Stage::Gone { left };
        match got {
            Got::All => {}
            Got::More if left > 0 => self.talking.add(number),
            Got::More | Got::End => self.hang_up(number),
        }
        Ok(())
    }

    /// A deadline is over.
    fn give_up(&mut self, number: usize) -> io::Result<()> {
        let Some(Some(member)) = self.members.get_mut(number) else {
            return Ok(());
        };
        match (member.stage, &member.visit) {
            (Stage::Here, Some(visit)) => {
                visit.answer(TOO_LATE);
                self.leave(number);
            }
            // The relay takes too long: it hears what there is.
            (Stage::LastWords(_), _) => self.go(number),
            _ => self.hang_up(number),
        }
        Ok(())
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
        let said = self.house.chat.said();
        let to_all = said != self.said;
        self.said = said;
        for number in self.listed.take() {
            self.guarded(number, Loop::serve_one);
        }
        for number in 0..if to_all { self.members.len() } else { 0 } {
            self.guarded(number, Loop::look_in);
        }
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
        let Some(Some(member)) = self.members.get_mut(number) else {
            return Ok(());
        };
        member.keeps_up()?;
        let delivered = match &mut member.deliveries {
            Some(deliveries) => deliver(deliveries, &mut member.outbox, &member.stream)?,
            None if member.outbox.is_empty() => return Ok(()),
            None => {
                member.outbox.write(&member.stream)?;
                match member.outbox.is_empty() {
                    true => Delivered::End(End::Left),
                    false => Delivered::Rest,
                }
            }
        };
        let wanted = interest(&member.outbox);
        let (registry, stream) = (self.poll.registry(), &mut member.stream);
        watch(&mut member.told, wanted, |interest| {
            registry.reregister(stream, Token(number), interest)
        })?;
        match delivered {
            Delivered::Rest => Ok(()),
            // Behind the last of it there is the end, which nothing announces.
            Delivered::All if member.stage != Stage::Leaving && !self.said.1 => Ok(()),
            Delivered::All | Delivered::More => {
                self.listed.add(number);
                Ok(())
            }
            Delivered::End(End::TooSlow) => Err(too_slow()),
            Delivered::End(End::Left) => self.end(number),
        }
    }

    /// A member has heard everything: it goes, and its connection may end.
    fn end(&mut self, number: usize) -> io::Result<()> {
        if let Some(Some(member)) = self.members.get_mut(number) {
            // The name and the place are free before it hears the end.
            member.visit = None;
            member.deliveries = None;
            member.inbox = None;
            member.stream.shutdown(Shutdown::Write)?;
            member.stage = Stage::Gone { left: PATIENCE };
            self.set_deadline(number, Some(self.house.options.grace));
            return self.hear_out(number, PATIENCE);
        }
        Ok(())
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

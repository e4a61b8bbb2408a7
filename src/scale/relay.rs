//! One room on many machines: what is said here goes to a stream that all the
//! servers read, and only what comes back is said.
//!
//! Two servers that tell each other what their members say have two orders,
//! and a hole in each wherever the line between them was cut. A stream on a
//! broker gives everything a number, keeps it, and gives it again to whoever
//! asks. So a server's part is small: an [`Outbox`], which keeps what is not
//! stored yet, in order, and asks for the same thing with the same number
//! until it is; and an [`Inbox`], which takes each number once, and asks again
//! from the first that is missing.
//!
//! ```
//! use chatroom::chat::limits::Options;
//! use chatroom::chat::outlet::Relayed;
//! use chatroom::scale::nats::{Delivery, Desk, Extent};
//! use chatroom::scale::relay::Relay;
//!
//! let relay = Relay::new(&Options::default());
//! let (_alice, mut to_alice) = relay.room().join(|| ());
//! let stream = Extent { birth: 7, first: 1, last: 41 };
//! assert_eq!(relay.opened(stream), 42);
//! relay.say(b"hello\n")?;
//! assert_eq!(to_alice.try_hear(), Ok(None));
//!
//! let parcel = relay.parcel().ok_or("it waits")?;
//! let (from, number, bytes) = (relay.id(), parcel.number, &parcel.bytes[..]);
//! relay.arrived(&Delivery { sequence: 42, from, number, bytes });
//! assert_eq!(to_alice.try_hear(), Ok(Some((*b"hello\n").into())));
//! # Ok::<(), String>(())
//! ```
//!
//! None of this waits, and none of it knows a socket: [`nats`](crate::scale::nats)
//! carries it over the network.
//!
//! Left out: names that are one's own on all servers. Each server holds its
//! own members to their names; two on two servers may be called alice.

pub use crate::chat::outlet::{AWAY, BACK, TORN};

use crate::chat::frame::{Decoder, Framing};
use crate::chat::limits::Options;
use crate::chat::message::Message;
use crate::chat::outlet::Relayed;
use crate::chat::room::Room;
use crate::chat::server::SERVER;
use crate::scale::nats::{Delivery, Desk, Extent, LONGEST, Parcel};
use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// So many messages wait at most until they are stored.
pub const MESSAGES: usize = 10_000;

/// So many bytes of them: a fourth of what a member may be behind, for when
/// the broker is back it all comes at once.
pub const BYTES: usize = 1024 * 1024;

/// What waits is stored so many bytes at a time, and one message at least. One
/// parcel is on its way and no more, or a second could arrive before a first
/// that has to be sent again; so under load each takes many messages along.
const PARCEL: usize = 64 * 1024;

/// What was said here and is not stored yet, in order.
#[derive(Debug, Default)]
pub struct Outbox {
    waiting: VecDeque<Box<[u8]>>,
    bytes: usize,
    /// The number of the last message: 1, 2, 3, …
    last: u64,
    /// So many of those that wait are on their way.
    sealed: usize,
}

/// Why a message is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// So much waits already.
    Full { messages: usize },
    /// No broker would take it.
    TooLong,
}

impl Outbox {
    /// Keeps the frames of one message, and returns its number.
    ///
    /// # Errors
    /// [`Refused`], and then nothing has changed.
    pub fn push(&mut self, frames: &[u8]) -> Result<u64, Refused> {
        let messages = self.waiting.len();
        if frames.len() > LONGEST {
            return Err(Refused::TooLong);
        }
        if messages >= MESSAGES || self.bytes + frames.len() > BYTES {
            return Err(Refused::Full { messages });
        }
        self.waiting.push_back(frames.into());
        self.bytes += frames.len();
        self.last += 1;
        Ok(self.last)
    }

    /// Returns what is to be stored next: the same again and again, until
    /// [`stored`](Outbox::stored) says that it is. Its number is that of the
    /// last message in it.
    pub fn parcel(&mut self) -> Option<Parcel> {
        if self.sealed == 0 {
            let sizes = self.waiting.iter().scan(0, |size, frames| {
                *size += frames.len();
                Some(*size)
            });
            let fitting = sizes.take_while(|size| *size <= PARCEL).count();
            self.sealed = fitting.max(1).min(self.waiting.len());
        }
        let parts: Vec<&[u8]> = (self.waiting.iter().take(self.sealed))
            .map(|frames| &**frames)
            .collect();
        (!parts.is_empty()).then(|| Parcel {
            number: self.on_its_way(),
            bytes: parts.concat(),
        })
    }

    /// Forgets the parcel of this number. An old one's, which was stored
    /// twice, changes nothing.
    pub fn stored(&mut self, number: u64) {
        if self.sealed > 0 && number == self.on_its_way() {
            let gone = self.waiting.drain(..self.sealed);
            self.bytes -= gone.map(|frames| frames.len()).sum::<usize>();
            self.sealed = 0;
        }
    }

    /// Returns the number of the last message that was taken, or 0.
    pub fn last(&self) -> u64 {
        self.last
    }

    /// The number of the last message on its way.
    fn on_its_way(&self) -> u64 {
        self.last - (self.waiting.len() - self.sealed) as u64
    }
}

/// What has come from the stream: each of its numbers once, and none left out.
#[derive(Debug, Default)]
pub struct Inbox {
    /// Which stream it is, by its birth.
    birth: Option<i128>,
    /// What is to come next.
    next: u64,
    /// What is missing was asked for a second time.
    asked: bool,
    /// The highest number that has come from each server: an entry, some 100
    /// bytes, for each start of one since our own.
    heard: HashMap<String, u64>,
}

/// What to do with something that has arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// Say it.
    New,
    /// Say it, and that some before it are gone for good.
    Torn,
    /// It was there before.
    Again,
    /// Something before it has not come: ask again from there.
    Gap,
}

impl Inbox {
    /// Says from which number on the stream is to be read, and whether it has
    /// lost what we have not seen, or forgotten what we have. The first time
    /// it is read from the last `history` on.
    pub fn open(&mut self, stream: Extent, history: u64) -> (u64, bool) {
        let end = stream.last + 1;
        let wanted = match self.birth.replace(stream.birth) {
            None => {
                return (
                    self.start(end.saturating_sub(history).max(stream.first)),
                    false,
                );
            }
            Some(birth) if birth == stream.birth => self.next,
            // Another stream of the same name: all of it is new.
            Some(_) => 0,
        };
        let next = self.start(wanted.clamp(stream.first.min(end), end));
        (next, next != wanted)
    }

    fn start(&mut self, next: u64) -> u64 {
        self.next = next.max(1);
        self.next
    }

    /// Takes the number of what has arrived, and which server's message it is;
    /// what no server of ours has stored has the number 0.
    pub fn arrived(&mut self, sequence: u64, from: &str, number: u64) -> Arrival {
        if sequence < self.next {
            return Arrival::Again;
        }
        let gap = sequence > self.next;
        if gap && !mem::replace(&mut self.asked, true) {
            return Arrival::Gap;
        }
        self.asked = false;
        self.next = sequence + 1;
        // A broker knows a message that is stored a second time for some
        // minutes. We know it for as long as we live.
        if number > 0 {
            let heard = self.heard.entry(from.to_owned()).or_default();
            if number <= *heard {
                return Arrival::Again;
            }
            *heard = number;
        }
        if gap { Arrival::Torn } else { Arrival::New }
    }
}

/// Whether the broker is there, as people were told.
#[derive(Debug, Default)]
pub struct News {
    away: bool,
}

impl News {
    /// Returns what is to be told, if they do not know it yet.
    pub fn is(&mut self, away: bool) -> Option<&'static str> {
        let before = mem::replace(&mut self.away, away);
        (before != away).then_some(if away { AWAY } else { BACK })
    }
}

/// One server's part of a room on many machines.
pub struct Relay {
    id: String,
    room: Room,
    options: Options,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    outbox: Outbox,
    inbox: Inbox,
    news: News,
    /// The number of our last message that stands in the room.
    said: u64,
    /// Who waits until the message of a number does.
    waiting: VecDeque<(u64, Box<dyn FnOnce() + Send>)>,
    on_news: Option<Arc<dyn Fn() + Send + Sync>>,
}

impl Relay {
    /// Makes a room and its relay. The framing, the clock, the history and the
    /// bound for who is behind are taken from `options`.
    pub fn new(options: &Options) -> Relay {
        // Numbers begin anew with each start, so each start has its own id.
        let random = RandomState::new();
        let id = format!("{:016x}{:016x}", random.hash_one(1), random.hash_one(2));
        Relay {
            id,
            room: Room::new(options.behind),
            options: options.clone(),
            state: Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says something in the room here, and nowhere else.
    fn tell(&self, text: &str) {
        let now = (self.options.clock)();
        let body = Message::new(SERVER, text, now).to_json();
        let frame = self.options.framing.frame(body.as_bytes(), usize::MAX);
        self.room.say(&frame.unwrap_or_default());
    }

    /// Our messages up to this number stand in the room.
    fn have_said(&self, number: u64) {
        let mut state = self.lock();
        state.said = number;
        let count = state.waiting.partition_point(|(last, _)| *last <= number);
        let called: Vec<_> = state.waiting.drain(..count).collect();
        drop(state);
        called.into_iter().for_each(|(_, then)| then());
    }
}

impl Relayed for Relay {
    fn room(&self) -> Room {
        self.room.clone()
    }

    fn say(&self, frames: &[u8]) -> Result<(), String> {
        let mut state = self.lock();
        let taken = state.outbox.push(frames);
        let on_news = state.on_news.clone();
        drop(state);
        taken.map_err(|refused| refused.to_string())?;
        if let Some(hook) = on_news {
            hook();
        }
        Ok(())
    }

    fn when_said(&self, then: Box<dyn FnOnce() + Send>) {
        let mut state = self.lock();
        let last = state.outbox.last();
        // While the broker is away, many may come and go: who is one too many
        // goes without its last words.
        if state.said < last && state.waiting.len() < MESSAGES {
            state.waiting.push_back((last, then));
        } else {
            drop(state);
            then();
        }
    }
}

impl Desk for Relay {
    fn id(&self) -> &str {
        &self.id
    }

    fn framing(&self) -> Framing {
        self.options.framing
    }

    fn opened(&self, stream: Extent) -> u64 {
        let mut state = self.lock();
        let history = self.options.history as u64;
        let (from, torn) = state.inbox.open(stream, history);
        let news = state.news.is(false);
        drop(state);
        let torn = torn.then_some(TORN);
        news.into_iter()
            .chain(torn)
            .for_each(|text| self.tell(text));
        from
    }

    fn parcel(&self) -> Option<Parcel> {
        self.lock().outbox.parcel()
    }

    fn stored(&self, number: u64) {
        self.lock().outbox.stored(number);
    }

    fn arrived(&self, delivery: &Delivery<'_>) -> bool {
        let Delivery { from, number, .. } = *delivery;
        let mut state = self.lock();
        match state.inbox.arrived(delivery.sequence, from, number) {
            Arrival::Gap => false,
            Arrival::Again => true,
            arrival => {
                drop(state);
                if arrival == Arrival::Torn {
                    self.tell(TORN);
                }
                match messages(self.options.framing, delivery.bytes, number > 0) {
                    Ok(messages) => messages.iter().for_each(|frames| self.room.say(frames)),
                    Err(why) => log::warn!("{from:?} has stored no messages: {why}"),
                }
                if from == self.id {
                    self.have_said(number);
                }
                true
            }
        }
    }

    fn credit(&self, anyway: bool) -> usize {
        let behind = self.options.behind;
        match anyway || self.room.slack() >= behind / 2 {
            true => (behind / 4).max(1),
            false => 0,
        }
    }

    fn lost(&self, why: &str) {
        let news = self.lock().news.is(true);
        if let Some(text) = news {
            log::warn!("the broker is out of reach: {why}");
            self.tell(text);
        }
    }

    fn on_news(&self, hook: Box<dyn Fn() + Send + Sync>) {
        self.lock().on_news = Some(hook.into());
    }
}

/// Cuts a parcel into the frames of one message each. What comes from the
/// network may be anything: half a frame would spoil all that follow, and what
/// none of `ours` has stored may be no message at all.
fn messages(framing: Framing, parcel: &[u8], ours: bool) -> Result<Vec<Vec<u8>>, String> {
    let mut decoder = Decoder::new(framing, usize::MAX);
    decoder.push(parcel);
    let mut messages = Vec::new();
    while let Some(body) = decoder.next_frame().map_err(|why| why.to_string())? {
        if !ours {
            Message::from_json(&body).map_err(|why| why.to_string())?;
        }
        let frame = framing.frame(&body, usize::MAX);
        messages.push(frame.map_err(|why| why.to_string())?);
    }
    decoder.finish().map_err(|why| why.to_string())?;
    Ok(messages)
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refused::Full { messages } => write!(
                f,
                "not taken: {messages} messages wait for the other servers; say it again later"
            ),
            Refused::TooLong => write!(f, "not taken: longer than {LONGEST} bytes"),
        }
    }
}

impl std::error::Error for Refused {}

impl fmt::Debug for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Relay").field("id", &self.id).finish()
    }
}

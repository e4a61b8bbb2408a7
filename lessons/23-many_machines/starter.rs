//! One room on many machines: only what comes back from the stream is said.

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
    pub fn push(&mut self, frames: &[u8]) -> Result<u64, Refused> {
        todo!("keep {} bytes, or refuse them", frames.len())
    }

    /// Returns what is to be stored next: the same again and again, until
    /// [`stored`](Outbox::stored) says that it is. Its number is that of the
    /// last message in it.
    pub fn parcel(&mut self) -> Option<Parcel> {
        todo!("join what waits: {} messages", self.waiting.len())
    }

    /// Forgets the parcel of this number. An old one's, which was stored
    /// twice, changes nothing.
    pub fn stored(&mut self, number: u64) {
        todo!("forget the parcel, if {number} is its number")
    }

    /// Returns the number of the last message that was taken, or 0.
    pub fn last(&self) -> u64 {
        todo!("how many messages were taken?")
    }

    /// The number of the last message on its way.
    fn on_its_way(&self) -> u64 {
        todo!("count back from {}", self.last)
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
        todo!("from where is {stream:?} read, with {history} before?")
    }

    /// Takes the number of what has arrived, and which server's message it is;
    /// what no server of ours has stored has the number 0.
    pub fn arrived(&mut self, sequence: u64, from: &str, number: u64) -> Arrival {
        todo!("is {sequence} what was to come, and is {from}'s {number} new?")
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
        todo!("do people know it? {away}")
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
        todo!("call those who wait for {number}")
    }
}

impl Relayed for Relay {
    fn room(&self) -> Room {
        todo!("where does it speak?")
    }

    fn say(&self, frames: &[u8]) -> Result<(), String> {
        todo!("keep {} bytes, and wake who carries them", frames.len())
    }

    fn when_said(&self, then: Box<dyn FnOnce() + Send>) {
        todo!("call `then`, now or when the last message has come back")
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
        todo!("ask the inbox about {stream:?}, and tell the news")
    }

    fn parcel(&self) -> Option<Parcel> {
        todo!("ask the outbox")
    }

    fn stored(&self, number: u64) {
        todo!("tell the outbox of {number}")
    }

    fn arrived(&self, delivery: &Delivery<'_>) -> bool {
        todo!("ask the inbox about {delivery:?}, and say it")
    }

    fn credit(&self, anyway: bool) -> usize {
        todo!("how many bytes may come? Some {anyway}?")
    }

    fn lost(&self, why: &str) {
        todo!("tell the news: {why}")
    }

    fn on_news(&self, hook: Box<dyn Fn() + Send + Sync>) {
        todo!("keep the hook")
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

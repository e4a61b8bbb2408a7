//! One thing that somebody said, and when, as one line of JSON.

use chrono::{DateTime, FixedOffset, NaiveDate, NaiveDateTime};
use std::fmt;

/// A name has at most so many bytes, enough for 21 Chinese characters.
pub const NAME_LIMIT: usize = 64;

/// Who said what, and when. The fields are written in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    pub name: String,
    pub msg: String,
    pub time: String,
    /// Stands in the first message of a client that wants the room to say when
    /// it has left. It is written only where it is true.
    pub hello: bool,
}

/// When something was said, as precisely as the text tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// RFC 3339, in the zone of whoever said it: `2024-02-24T08:00:00+08:00`.
    Moment(DateTime<FixedOffset>),
    /// `2024-02-24 08:00:00`, in whatever zone.
    Clock(NaiveDateTime),
    /// `2024-2-24`.
    Day(NaiveDate),
}

/// Why bytes are no message. Its `Display` is the answer to who sent them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    NotUtf8,
    /// What is wrong, and where.
    NotJson(String),
    NotAnObject,
    Missing(&'static str),
    NotText(&'static str),
    /// The field stands there more than once.
    Twice(&'static str),
    /// The name is empty, or blanks alone.
    NoName,
    NameTooLong,
    /// The text that is no time.
    NoTime(String),
}

impl Message {
    /// Makes a message that is said now, whatever the clock says that it is.
    pub fn new(name: &str, msg: &str, now: DateTime<FixedOffset>) -> Message {
        todo!("{name} says {msg:?} at {now}")
    }

    /// Writes it as one line of JSON, without spaces and without an end mark.
    pub fn to_json(&self) -> String {
        todo!("write {self:?}")
    }

    /// Reads a message from the body of a frame, or says why it is none.
    pub fn from_json(body: &[u8]) -> Result<Message, Refusal> {
        todo!("read the {} bytes of the body", body.len())
    }
}

/// Reads the time of a message: RFC 3339, `2024-02-24 08:00:00` or
/// `2024-2-24`, with nothing before it and nothing behind it.
pub fn when(text: &str) -> Option<When> {
    todo!("the time in {text:?}")
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        todo!("say {self:?} in words")
    }
}

impl std::error::Error for Refusal {}

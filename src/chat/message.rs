//! One thing that somebody said, and when, as one line of JSON.
//!
//! TCP carries bytes, and a [frame](crate::chat::frame) a body of bytes. What
//! they mean is agreed here: an object with three strings, on one line,
//! whatever the strings contain. A newline inside of a text is written `\n`,
//! two characters, so it never ends a frame.
//!
//! ```
//! use chatroom::chat::message::{Message, Refusal};
//!
//! let line = r#"{"name":"张三","msg":"你好","time":"2024-2-24"}"#;
//! let message = Message::from_json(line.as_bytes())?;
//! assert_eq!(message.name, "张三");
//! assert_eq!(message.to_json(), line);
//! assert_eq!(Message::from_json(b"[]"), Err(Refusal::NotAnObject));
//! # Ok::<(), Refusal>(())
//! ```
//!
//! Left out: who may have which name, which is for the room to say; how long a
//! body may be, which the frame has seen to; and what a terminal would make of
//! a text, which is for those who have one.

use crate::chat::json::{self, Value};
use chrono::{DateTime, FixedOffset, NaiveDate, NaiveDateTime, SecondsFormat};
use serde::Serialize;
use std::fmt;
use std::ops::Not;

/// A name has at most so many bytes, enough for 21 Chinese characters.
pub const NAME_LIMIT: usize = 64;

/// So many characters of a time that is none are quoted: the answer to a long
/// message must not be longer still.
const QUOTED: usize = 32;

/// Who said what, and when. The fields are written in this order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Message {
    pub name: String,
    pub msg: String,
    pub time: String,
    /// Stands in the first message of a client that wants the room to say when
    /// it has left. It is written only where it is true.
    #[serde(skip_serializing_if = "Not::not")]
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
        Message {
            name: name.to_owned(),
            msg: msg.to_owned(),
            time: now.to_rfc3339_opts(SecondsFormat::AutoSi, true),
            hello: false,
        }
    }

    /// Writes it as one line of JSON, without spaces and without an end mark.
    pub fn to_json(&self) -> String {
        // Strings and a bool: there is nothing that JSON could not say.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads a message from the body of a frame (`json.loads`).
    ///
    /// Other fields are ignored, and so is whatever stands in `hello` and is
    /// not `true`.
    ///
    /// # Errors
    /// The first [`Refusal`] that applies, in the order in which they are
    /// declared, for `name`, `msg` and `time` in turn.
    pub fn from_json(body: &[u8]) -> Result<Message, Refusal> {
        let text = std::str::from_utf8(body).map_err(|_| Refusal::NotUtf8)?;
        let fields = json::fields(text, ["name", "msg", "time", "hello"]);
        let [name, msg, time, hello] = fields.map_err(|error| match error.is_data() {
            true => Refusal::NotAnObject,
            false => Refusal::NotJson(error.to_string()),
        })?;
        let message = Message {
            name: string("name", name)?,
            msg: string("msg", msg)?,
            time: string("time", time)?,
            hello: hello == Value::True,
        };
        if message.name.trim().is_empty() {
            return Err(Refusal::NoName);
        }
        if message.name.len() > NAME_LIMIT {
            return Err(Refusal::NameTooLong);
        }
        match when(&message.time) {
            Some(_) => Ok(message),
            None => Err(Refusal::NoTime(message.time)),
        }
    }
}

/// Takes the string out of a field.
fn string(field: &'static str, value: Value<'_>) -> Result<String, Refusal> {
    match value {
        Value::Text(text) => Ok(text.into_owned()),
        Value::Missing => Err(Refusal::Missing(field)),
        Value::Twice => Err(Refusal::Twice(field)),
        Value::True | Value::Other => Err(Refusal::NotText(field)),
    }
}

/// Reads the time of a message: RFC 3339, `2024-02-24 08:00:00` or
/// `2024-2-24`, with nothing before it and nothing behind it.
pub fn when(text: &str) -> Option<When> {
    if let Ok(moment) = DateTime::parse_from_rfc3339(text) {
        return Some(When::Moment(moment));
    }
    match text.split_once(' ') {
        Some((date, time)) => {
            let (hour, rest) = time.split_once(':')?;
            let (minute, second) = rest.split_once(':')?;
            let [hour, minute, second] = [hour, minute, second].map(|part| number(part, 2, 2));
            let clock = day(date)?.and_hms_opt(hour?, minute?, second?)?;
            Some(When::Clock(clock))
        }
        None => day(text).map(When::Day),
    }
}

/// Reads `2024-2-24`.
fn day(text: &str) -> Option<NaiveDate> {
    let (year, rest) = text.split_once('-')?;
    let (month, day) = rest.split_once('-')?;
    let year = number(year, 4, 4)?.try_into().ok()?;
    NaiveDate::from_ymd_opt(year, number(month, 1, 2)?, number(day, 1, 2)?)
}

/// Reads a number that has so many digits, and nothing else.
fn number(text: &str, least: usize, most: usize) -> Option<u32> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let fits = (least..=most).contains(&text.len());
    (digits && fits).then(|| text.parse().ok()).flatten()
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::NotUtf8 => write!(f, "not UTF-8"),
            Refusal::NotJson(why) => write!(f, "not JSON: {why}"),
            Refusal::NotAnObject => write!(f, "not a JSON object"),
            Refusal::Missing(field) => write!(f, "there is no {field:?}"),
            Refusal::NotText(field) => write!(f, "{field:?} is not a string"),
            Refusal::Twice(field) => write!(f, "there is more than one {field:?}"),
            Refusal::NoName => write!(f, "the name is empty"),
            Refusal::NameTooLong => write!(f, "the name is longer than {NAME_LIMIT} bytes"),
            Refusal::NoTime(text) => {
                let quoted: String = text.chars().take(QUOTED).collect();
                let like = "2024-02-24T08:00:00+08:00, 2024-02-24 08:00:00 or 2024-2-24";
                write!(f, "the time {quoted:?} is not one like {like}")
            }
        }
    }
}

impl std::error::Error for Refusal {}

//! One thing that somebody said, as JSON.

use chrono::{DateTime, FixedOffset, NaiveDate, NaiveDateTime, SecondsFormat};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A name has at most so many bytes.
pub const NAME_LIMIT: usize = 64;

/// Who said what, and when: `{"name":"张三","msg":"你好","time":"2024-2-24"}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    pub name: String,
    pub msg: String,
    pub time: String,
    /// `"hello":true` in the first message of a client that wants the room to
    /// say when it has left. A field that nobody needs to know.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub hello: bool,
}

/// When something was said, as precisely as the text tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// RFC 3339.
    Moment(DateTime<FixedOffset>),
    /// `2024-02-24 08:00:00`, in whatever zone.
    Clock(NaiveDateTime),
    /// `2024-2-24`.
    Day(NaiveDate),
}

/// Why bytes are no message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    NotUtf8,
    NotJson(String),
    NotAnObject,
    Missing(&'static str),
    NotText(&'static str),
    NoName,
    NameTooLong,
    NoTime(String),
}

impl Message {
    /// Makes a message that is said now. Our clock is a parameter.
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
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads a message from the body of a frame.
    pub fn from_json(body: &[u8]) -> Result<Message, Refusal> {
        let text = std::str::from_utf8(body).map_err(|_| Refusal::NotUtf8)?;
        let value: serde_json::Value =
            serde_json::from_str(text).map_err(|error| Refusal::NotJson(error.to_string()))?;
        let object = value.as_object().ok_or(Refusal::NotAnObject)?;
        let read = |field: &'static str| match object.get(field) {
            Some(serde_json::Value::String(text)) => Ok(text.clone()),
            Some(_) => Err(Refusal::NotText(field)),
            None => Err(Refusal::Missing(field)),
        };
        let message = Message {
            name: read("name")?,
            msg: read("msg")?,
            time: read("time")?,
            hello: object.get("hello") == Some(&true.into()),
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

/// Reads the time of a message.
pub fn when(text: &str) -> Option<When> {
    if let Ok(moment) = DateTime::parse_from_rfc3339(text) {
        return Some(When::Moment(moment));
    }
    if let Ok(clock) = NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S") {
        return Some(When::Clock(clock));
    }
    NaiveDate::parse_from_str(text, "%Y-%m-%d")
        .ok()
        .map(When::Day)
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::NotUtf8 => write!(f, "not UTF-8"),
            Refusal::NotJson(why) => write!(f, "not JSON: {why}"),
            Refusal::NotAnObject => write!(f, "not a JSON object"),
            Refusal::Missing(field) => write!(f, "there is no {field:?}"),
            Refusal::NotText(field) => write!(f, "{field:?} is not a string"),
            Refusal::NoName => write!(f, "the name is empty"),
            Refusal::NameTooLong => write!(f, "the name is longer than {NAME_LIMIT} bytes"),
            Refusal::NoTime(text) => write!(f, "{text:?} is no time"),
        }
    }
}

impl std::error::Error for Refusal {}

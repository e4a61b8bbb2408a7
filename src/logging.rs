//! Says when, how grave, where and what: the log of a server.
//!
//! A server has no window, so its log is all that tells what happened, and
//! half of what stands in it was sent by strangers. A newline of theirs could
//! begin a line that we never wrote, so no control character gets in as it is.
//!
//! ```
//! use chatroom::logging::{Story, basic_config};
//!
//! basic_config(log::LevelFilter::Info);
//! let mut story = Story::begin(module_path!(), "127.0.0.1:49152".parse()?);
//! story.heard(5);
//! story.said(5);
//! story.ends("end of stream");
//! # Ok::<(), std::net::AddrParseError>(())
//! ```
//!
//! On standard error:
//!
//! ```text
//! 2024-02-24T08:00:00.000Z INFO chatroom::echo: 127.0.0.1:49152: connected
//! 2024-02-24T08:00:00.042Z INFO chatroom::echo: 127.0.0.1:49152: closed after 5 bytes in, 5 bytes out: end of stream
//! ```
//!
//! Left out: files, colours, filters for each module, and `RUST_LOG`.
//! `env_logger` has them all.

use log::{LevelFilter, Log, Record};
use std::fmt::Display;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

/// Writes one record as one line: time, level, place and message.
///
/// The time is in UTC, to the millisecond. A clock that stands before 1970 is
/// shown as 1970.
///
/// # Errors
/// Those of `out`, and one without a kind of its own from the year 10000 on.
pub fn line(out: &mut impl Write, time: SystemTime, record: &Record) -> io::Result<()> {
    let time = humantime::format_rfc3339_millis(time.max(UNIX_EPOCH));
    let place = harmless(record.target());
    let message = harmless(&record.args().to_string());
    writeln!(out, "{time} {} {place}: {message}", record.level())
}

/// Returns `text` with every character that could move, hide or reorder the
/// text around it written as an escape, such as `\n` or `\u{1b}`.
///
/// A backslash stays as it is: what was escaped before is not escaped again.
/// Some that take no room stay. U+200C and U+200D people write with, letters
/// and emoji; the rest (U+034F, U+FE0F, the tags from U+E0000 on) the chat
/// server keeps out of names.
pub fn harmless(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match commands(character) {
            true => safe.extend(character.escape_default()),
            false => safe.push(character),
        }
    }
    safe
}

/// Whether `character` is a command to the one who shows it, and no sign.
fn commands(character: char) -> bool {
    // C0, DEL and C1 are the control characters. The others steer the direction
    // of writing (Unicode calls them Bidi_Control), end a line, or are not seen.
    // Some of those stay: U+200C and U+200D people write with, emoji too.
    character.is_control()
        || matches!(character, '\u{ad}' | '\u{200b}' | '\u{feff}')
        || matches!(character, '\u{61c}' | '\u{200e}' | '\u{200f}')
        || matches!(character, '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
}

/// Lets records of `level` and graver appear on standard error, and returns
/// whether it did: `logging.basicConfig`.
///
/// Where a logger has been set up before, it stays as it is.
pub fn basic_config(level: LevelFilter) -> bool {
    env_logger::Builder::new()
        .filter_level(level)
        .format(|out, record| line(out, SystemTime::now(), record))
        .try_init()
        .is_ok()
}

/// Tells the log of one connection: from whom, how many bytes came in and went
/// out, and why it ended.
///
/// It ends with its value. One that is dropped without a reason says so.
pub struct Story<'a> {
    logger: &'a dyn Log,
    place: &'a str,
    peer: SocketAddr,
    bytes_in: u64,
    bytes_out: u64,
    why: Option<String>,
}

impl Story<'static> {
    /// Tells that `peer` has connected, to the logger that is set up. `place`
    /// is where it happens: `module_path!()`.
    pub fn begin(place: &'static str, peer: SocketAddr) -> Story<'static> {
        Story::told_to(log::logger(), place, peer)
    }
}

impl<'a> Story<'a> {
    /// Begins a story like [`begin`](Story::begin), told to a logger of your own.
    pub fn told_to(logger: &'a dyn Log, place: &'a str, peer: SocketAddr) -> Story<'a> {
        log::info!(logger: logger, target: place, "{peer}: connected");
        Story {
            logger,
            place,
            peer,
            bytes_in: 0,
            bytes_out: 0,
            why: None,
        }
    }

    /// So many bytes came from the peer.
    pub fn heard(&mut self, bytes: usize) {
        self.bytes_in += bytes as u64;
    }

    /// So many bytes went to the peer.
    pub fn said(&mut self, bytes: usize) {
        self.bytes_out += bytes as u64;
    }

    /// Ends the story, and says why.
    pub fn ends(mut self, why: impl Display) {
        self.why = Some(why.to_string());
    }
}

impl Drop for Story<'_> {
    fn drop(&mut self) {
        let (peer, came, went) = (self.peer, self.bytes_in, self.bytes_out);
        let why = match &self.why {
            Some(why) => why.as_str(),
            None if thread::panicking() => "a panic",
            None => "nobody said why",
        };
        log::info!(
            logger: self.logger, target: self.place,
            "{peer}: closed after {came} bytes in, {went} bytes out: {why}"
        );
    }
}

//! Says when, how grave, where and what: the log of a server.

use log::{LevelFilter, Log, Record};
use std::fmt::Display;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::time::SystemTime;

/// Writes one record as one line: time, level, place and message.
pub fn line(out: &mut impl Write, time: SystemTime, record: &Record) -> io::Result<()> {
    todo!("a line about {:?} at {time:?}", record.args())
}

/// Returns `text` with every character that could move, hide or reorder the
/// text around it written as an escape.
pub fn harmless(text: &str) -> String {
    todo!("{text:?} without commands")
}

/// Lets records of `level` and graver appear on standard error, and returns
/// whether it did: `logging.basicConfig`.
pub fn basic_config(level: LevelFilter) -> bool {
    todo!("a logger for {level} and graver")
}

/// Tells the log of one connection.
pub struct Story<'a> {
    // What do you have to remember until the end?
    logger: &'a dyn Log,
}

impl Story<'static> {
    /// Tells that `peer` has connected, to the logger that is set up.
    pub fn begin(place: &'static str, peer: SocketAddr) -> Story<'static> {
        Story::told_to(log::logger(), place, peer)
    }
}

impl<'a> Story<'a> {
    /// Begins a story like [`begin`](Story::begin), told to a logger of your own.
    pub fn told_to(logger: &'a dyn Log, place: &'a str, peer: SocketAddr) -> Story<'a> {
        todo!("tell that {peer} connected, at {place}")
    }

    /// So many bytes came from the peer.
    pub fn heard(&mut self, bytes: usize) {
        todo!("count {bytes}")
    }

    /// So many bytes went to the peer.
    pub fn said(&mut self, bytes: usize) {
        todo!("count {bytes}")
    }

    /// Ends the story, and says why.
    pub fn ends(self, why: impl Display) {
        todo!("the end: {why}")
    }
}

impl Drop for Story<'_> {
    fn drop(&mut self) {
        // Step 5 is about this moment.
    }
}

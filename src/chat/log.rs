//! A bounded log of bytes, which all its readers share.
//!
//! TCP delivers a stream and not messages, so whoever is to be told a hundred
//! messages can be told them in one `write`. The log keeps what was said in
//! chunks that are never changed once they are sealed: a reader has a
//! *position*, counted in bytes since the log began, and gets chunks, not
//! copies. What is said meanwhile grows in an open chunk, until somebody reads.
//!
//! ```
//! use chatroom::chat::log::Log;
//!
//! let mut log = Log::default();
//! let (mut chunks, begin) = (Vec::new(), log.end());
//! log.push(b"one\n");
//! log.push(b"two\n");
//! let position = log.read(begin, log.end(), 16, &mut chunks);
//! assert_eq!(&*chunks[0], b"one\ntwo\n");
//! assert_eq!(position, log.end());
//! ```
//!
//! Left out: who reads, and how far behind one may be. That is the room's.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

/// An open chunk is sealed at so many bytes: as much as one `write` is worth,
/// and as much as is copied for a reader who comes in the middle.
const CHUNK: usize = 64 * 1024;

/// What was said, from the oldest byte that is still kept to the newest.
#[derive(Default)]
pub struct Log {
    chunks: VecDeque<Chunk>,
    open: Vec<u8>,
    /// Where the open chunk begins.
    sealed: u64,
    /// Where each saying begins that is still kept whole.
    begins: VecDeque<u64>,
}

struct Chunk {
    begin: u64,
    bytes: Arc<[u8]>,
}

impl Log {
    /// Returns the position behind the newest byte.
    pub fn end(&self) -> u64 {
        self.sealed + self.open.len() as u64
    }

    /// Adds a saying, in amortised constant time for each byte.
    pub fn push(&mut self, saying: &[u8]) {
        self.begins.push_back(self.end());
        self.open.extend_from_slice(saying);
        if self.open.len() >= CHUNK {
            self.seal();
        }
    }

    /// Appends to `into` what stands between two positions, until `into` has
    /// `most` chunks. Returns the position behind the last byte of it.
    ///
    /// A chunk that a position cuts in two is copied in part. What is no
    /// longer kept is left out.
    pub fn read(&mut self, from: u64, to: u64, most: usize, into: &mut Vec<Arc<[u8]>>) -> u64 {
        if to > self.sealed {
            self.seal();
        }
        let mut position = from;
        let first = self.chunks.partition_point(|chunk| chunk.end() <= from);
        for chunk in self.chunks.range(first..) {
            if into.len() >= most || position >= to {
                break;
            }
            let (begin, end) = (position.max(chunk.begin), to.min(chunk.end()));
            into.push(chunk.part(begin, end));
            position = end;
        }
        position
    }

    /// Returns where the last so many sayings begin, or fewer of them where
    /// they are more than so many bytes.
    pub fn back(&self, sayings: usize, bytes: usize) -> u64 {
        let farthest = self.end().saturating_sub(bytes as u64);
        let first = self.begins.partition_point(|begin| *begin < farthest);
        let first = first.max(self.begins.len().saturating_sub(sayings));
        self.begins.get(first).copied().unwrap_or(self.end())
    }

    /// Forgets the chunks that end before a position.
    pub fn forget(&mut self, before: u64) {
        while self.chunks.front().is_some_and(|it| it.end() <= before) {
            self.chunks.pop_front();
        }
        let oldest = self.chunks.front().map_or(self.sealed, |it| it.begin);
        while self.begins.front().is_some_and(|begin| *begin < oldest) {
            self.begins.pop_front();
        }
    }

    fn seal(&mut self) {
        if !self.open.is_empty() {
            let (begin, bytes) = (self.sealed, Arc::from(&*self.open));
            self.chunks.push_back(Chunk { begin, bytes });
            self.sealed = self.end();
            self.open.clear();
        }
    }
}

impl Chunk {
    fn end(&self) -> u64 {
        self.begin + self.bytes.len() as u64
    }

    fn part(&self, begin: u64, end: u64) -> Arc<[u8]> {
        if (begin, end) == (self.begin, self.end()) {
            return self.bytes.clone();
        }
        let (begin, end) = (begin - self.begin, end - self.begin);
        Arc::from(&self.bytes[begin as usize..end as usize])
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut log = f.debug_struct("Log");
        log.field("end", &self.end());
        log.field("chunks", &self.chunks.len()).finish()
    }
}

//! Cuts a stream of bytes into frames, and puts frames into a stream.
//!
//! TCP keeps the order of bytes and forgets where a message ended: what was
//! sent at once may come in pieces, and what was sent in pieces may come at
//! once. So each message brings its own border along.
//!
//! ```
//! use chatroom::chat::frame::{Decoder, FrameError, Framing};
//!
//! assert_eq!(Framing::Line.frame(b"hi", 100)?, b"hi\n");
//! assert_eq!(Framing::Header.frame(b"hi", 100)?, b"\0\0\0\x02hi\n");
//!
//! let mut decoder = Decoder::new(Framing::Line, 100);
//! decoder.push(b"one\ntwo\nthr");
//! assert_eq!(decoder.next_frame()?, Some(b"one".to_vec()));
//! assert_eq!(decoder.next_frame()?, Some(b"two".to_vec()));
//! assert_eq!(decoder.next_frame()?, None, "more bytes are needed");
//! assert_eq!(decoder.finish(), Err(FrameError::Truncated { after: 3 }));
//! # Ok::<(), FrameError>(())
//! ```
//!
//! Left out: what a body says, and a way to go on after an error. Where one
//! border is wrong nobody knows the next, so the connection is to be closed.

pub use crate::chat::frame_error::FrameError;
use std::io::{self, ErrorKind, Read};
use std::ops::Range;
use std::str::FromStr;

/// The end mark, the last byte of every frame.
pub const END: u8 = b'\n';

/// So many bytes a header has.
pub const HEADER: usize = 4;

/// A [`FrameReader`] asks for so many bytes at a time: some dozens of messages.
const PIECE: usize = 8 * 1024;

/// How the borders of a frame are marked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Framing {
    /// The body, then the end mark, which the body must not contain.
    #[default]
    Line,
    /// The body's length in bytes as 4 bytes, big-endian; the body; the end mark.
    Header,
}

impl Framing {
    /// Puts a body of at most `limit` bytes into a frame.
    ///
    /// # Errors
    /// `TooLong` where the body is longer than that, or than a header can
    /// tell; `EndMarkInside` where a line's body contains the end mark.
    pub fn frame(self, body: &[u8], limit: usize) -> Result<Vec<u8>, FrameError> {
        if body.len() > limit {
            return Err(FrameError::TooLong { limit });
        }
        let mut frame = Vec::with_capacity(HEADER + body.len() + 1);
        match self {
            Framing::Line if body.contains(&END) => return Err(FrameError::EndMarkInside),
            Framing::Line => {}
            Framing::Header => {
                let limit = u32::MAX as usize;
                let length = u32::try_from(body.len());
                let length = length.map_err(|_| FrameError::TooLong { limit })?;
                frame.extend(length.to_be_bytes());
            }
        }
        frame.extend(body);
        frame.push(END);
        Ok(frame)
    }
}

/// Takes bytes as they come, and gives the bodies of the frames in them.
///
/// Push what has arrived, then take frames until there is none. Between a
/// member's messages a decoder owns no memory; within one it owns at most
/// twice what it holds, and it never holds more than the limit, a header and
/// one piece.
#[derive(Debug)]
pub struct Decoder {
    framing: Framing,
    limit: usize,
    /// What has arrived. Up to `start` it has been given out.
    bytes: Vec<u8>,
    start: usize,
    /// So many bytes from `start` on have no end mark among them.
    searched: usize,
    broken: Option<FrameError>,
}

impl Decoder {
    /// Makes a decoder for bodies of at most `limit` bytes.
    pub fn new(framing: Framing, limit: usize) -> Decoder {
        Decoder {
            framing,
            limit,
            bytes: Vec::new(),
            start: 0,
            searched: 0,
            broken: None,
        }
    }

    /// Takes what has arrived, in one copy. After an error it takes nothing.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.broken.is_some() {
            return;
        }
        // Whoever does not take all frames pays for the move once in a while.
        if self.start > self.bytes.len() / 2 {
            self.forget();
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// Returns the next body, or `None` where more bytes are needed.
    ///
    /// # Errors
    /// `TooLong` as soon as a body is known to be: from its header, or from so
    /// many bytes without an end mark; `NoEndMark`. From then on each call
    /// returns the same error.
    pub fn next_frame(&mut self) -> Result<Option<Vec<u8>>, FrameError> {
        if let Some(error) = &self.broken {
            return Err(error.clone());
        }
        let pending = &self.bytes[self.start..];
        let body = match self.framing {
            Framing::Line => line(pending, self.searched, self.limit),
            Framing::Header => after_header(pending, self.limit),
        };
        match body {
            Ok(Some(range)) => {
                let body = pending[range.clone()].to_vec();
                self.start += range.end + 1;
                self.searched = 0;
                Ok(Some(body))
            }
            Ok(None) => {
                self.searched = pending.len();
                self.forget();
                Ok(None)
            }
            Err(error) => {
                (self.bytes, self.start) = (Vec::new(), 0);
                self.broken = Some(error.clone());
                Err(error)
            }
        }
    }

    /// Gives back the memory of what has been given out.
    fn forget(&mut self) {
        if self.start > 0 {
            self.bytes.drain(..self.start);
            self.bytes.shrink_to_fit();
            self.start = 0;
        }
    }

    /// Says whether the stream may end here, when all frames have been taken:
    /// between two of them.
    ///
    /// # Errors
    /// `Truncated` where a frame has begun, and the error of
    /// [`next_frame`](Self::next_frame) if there was one.
    pub fn finish(&self) -> Result<(), FrameError> {
        match (&self.broken, self.bytes.len() - self.start) {
            (Some(error), _) => Err(error.clone()),
            (None, 0) => Ok(()),
            (None, after) => Err(FrameError::Truncated { after }),
        }
    }

    /// Returns how many bytes of memory are reserved for what has arrived.
    pub fn capacity(&self) -> usize {
        self.bytes.capacity()
    }
}

/// Finds the body of the line at the beginning of `bytes`, if it has an end.
fn line(bytes: &[u8], searched: usize, limit: usize) -> Result<Option<Range<usize>>, FrameError> {
    let rest = &bytes[searched..];
    let end = rest.iter().position(|byte| *byte == END);
    let end = end.map(|at| searched + at);
    if end.unwrap_or(bytes.len()) > limit {
        return Err(FrameError::TooLong { limit });
    }
    Ok(end.map(|end| 0..end))
}

/// Finds the body behind the header at the beginning of `bytes`, if it is all
/// there.
fn after_header(bytes: &[u8], limit: usize) -> Result<Option<Range<usize>>, FrameError> {
    let Some((header, rest)) = bytes.split_first_chunk::<HEADER>() else {
        return Ok(None);
    };
    let length = u32::from_be_bytes(*header) as usize;
    if length > limit {
        return Err(FrameError::TooLong { limit });
    }
    match rest.get(length) {
        None => Ok(None),
        Some(&END) => Ok(Some(HEADER..HEADER + length)),
        Some(&found) => Err(FrameError::NoEndMark { found }),
    }
}

/// Reads frame after frame from a stream; what came behind a frame is kept for
/// the next call, so one stream has one reader for all its life.
///
/// It owns 8 KiB to read into, which is little beside the thread that waits in
/// it. Who serves many streams in one thread gives each a [`Decoder`] alone.
#[derive(Debug)]
pub struct FrameReader<R> {
    stream: R,
    decoder: Decoder,
    piece: Vec<u8>,
}

impl<R: Read> FrameReader<R> {
    /// Makes a reader for bodies of at most `limit` bytes.
    pub fn new(stream: R, framing: Framing, limit: usize) -> FrameReader<R> {
        FrameReader {
            stream,
            decoder: Decoder::new(framing, limit),
            piece: vec![0; PIECE],
        }
    }

    /// Returns the next body, or `None` where the stream has ended between two
    /// frames. Reads only if no frame is there.
    ///
    /// # Errors
    /// `UnexpectedEof` where the stream ends inside of a frame, `InvalidData`
    /// for the other [`FrameError`]s. Those of the stream as they are, but for
    /// `Interrupted`, after which it is asked again; after `WouldBlock` or
    /// `TimedOut` nothing is lost, and one may call again.
    pub fn read_frame(&mut self) -> io::Result<Option<Vec<u8>>> {
        loop {
            if let Some(body) = self.decoder.next_frame()? {
                return Ok(Some(body));
            }
            match self.stream.read(&mut self.piece) {
                Ok(0) => {
                    self.decoder.finish()?;
                    return Ok(None);
                }
                Ok(count) => self.decoder.push(&self.piece[..count]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

impl FromStr for Framing {
    type Err = String;

    /// Reads `line` or `header`.
    fn from_str(text: &str) -> Result<Framing, String> {
        match text {
            "line" => Ok(Framing::Line),
            "header" => Ok(Framing::Header),
            _ => Err(format!("{text:?} is no framing; there are line and header")),
        }
    }
}

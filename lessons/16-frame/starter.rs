//! Cuts a stream of bytes into frames, and puts frames into a stream.

pub use crate::chat::frame_error::FrameError;
use std::io::{self, ErrorKind, Read};
use std::str::FromStr;

/// The end mark, the last byte of every frame.
pub const END: u8 = b'\n';

/// So many bytes a header has.
pub const HEADER: usize = 4;

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
    pub fn frame(self, body: &[u8], limit: usize) -> Result<Vec<u8>, FrameError> {
        todo!("a frame of {} bytes of {limit}, {self:?}", body.len())
    }
}

/// Takes bytes as they come, and gives the bodies of the frames in them.
#[derive(Debug)]
pub struct Decoder {
    // What does it have to remember from one push to the next?
}

impl Decoder {
    /// Makes a decoder for bodies of at most `limit` bytes.
    pub fn new(framing: Framing, limit: usize) -> Decoder {
        todo!("a decoder for at most {limit} bytes, {framing:?}")
    }

    /// Takes what has arrived. After an error it takes nothing.
    pub fn push(&mut self, bytes: &[u8]) {
        todo!("keep {} bytes", bytes.len())
    }

    /// Returns the next body, or `None` where more bytes are needed.
    pub fn next_frame(&mut self) -> Result<Option<Vec<u8>>, FrameError> {
        todo!("the next frame's body")
    }

    /// Says whether the stream may end here: between two frames.
    pub fn finish(&self) -> Result<(), FrameError> {
        todo!("is anything left?")
    }

    /// Returns how many bytes of memory are reserved for what has arrived.
    pub fn capacity(&self) -> usize {
        todo!("what its vector has reserved")
    }
}

/// Reads frame after frame from a stream; what came behind a frame is kept for
/// the next call.
#[derive(Debug)]
pub struct FrameReader<R> {
    stream: R,
    // And what else?
}

impl<R: Read> FrameReader<R> {
    /// Makes a reader for bodies of at most `limit` bytes.
    pub fn new(stream: R, framing: Framing, limit: usize) -> FrameReader<R> {
        todo!("a reader for at most {limit} bytes, {framing:?}")
    }

    /// Returns the next body, or `None` where the stream has ended between two
    /// frames.
    pub fn read_frame(&mut self) -> io::Result<Option<Vec<u8>>> {
        todo!("a frame that is there, or another read")
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

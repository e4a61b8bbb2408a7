//! Cuts a stream of bytes into frames, and puts frames into a stream.

use std::fmt;
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

/// Why a frame cannot be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FrameError {
    /// The body is longer than the limit, in bytes.
    TooLong { limit: usize },
    /// The body of a line contains the end mark.
    EndMarkInside,
    /// Behind the body stands another byte than the end mark.
    NoEndMark { found: u8 },
    /// The stream ended inside of a frame, after so many of its bytes.
    Truncated { after: usize },
}

impl Framing {
    /// Puts a body into a frame.
    pub fn frame(self, body: &[u8], limit: usize) -> Result<Vec<u8>, FrameError> {
        if body.len() > limit {
            return Err(FrameError::TooLong { limit });
        }
        let mut frame = Vec::with_capacity(HEADER + body.len() + 1);
        match self {
            Framing::Line if body.contains(&END) => return Err(FrameError::EndMarkInside),
            Framing::Line => {}
            Framing::Header => {
                let length =
                    u32::try_from(body.len()).map_err(|_| FrameError::TooLong { limit })?;
                frame.extend(length.to_be_bytes());
            }
        }
        frame.extend(body);
        frame.push(END);
        Ok(frame)
    }
}

/// Takes bytes as they come, and gives the bodies of the frames in them.
#[derive(Debug)]
pub struct Decoder {
    framing: Framing,
    limit: usize,
    bytes: Vec<u8>,
    start: usize,
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

    /// Takes what has arrived.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.start > 0 {
            self.bytes.drain(..self.start);
            self.start = 0;
        }
        self.bytes.extend(bytes);
    }

    /// Returns the next body, or `None` where more bytes are needed.
    pub fn next_frame(&mut self) -> Result<Option<Vec<u8>>, FrameError> {
        if let Some(error) = &self.broken {
            return Err(error.clone());
        }
        let result = self.cut();
        if let Err(error) = &result {
            self.broken = Some(error.clone());
        }
        result
    }

    fn cut(&mut self) -> Result<Option<Vec<u8>>, FrameError> {
        let limit = self.limit;
        let bytes = &self.bytes[self.start..];
        let (from, to) = match self.framing {
            Framing::Line => {
                let found = bytes[self.searched..].iter().position(|byte| *byte == END);
                match found.map(|at| at + self.searched) {
                    Some(at) if at > limit => return Err(FrameError::TooLong { limit }),
                    Some(at) => (0, at),
                    None if bytes.len() > limit => return Err(FrameError::TooLong { limit }),
                    None => {
                        self.searched = bytes.len();
                        return Ok(None);
                    }
                }
            }
            Framing::Header => {
                let Some(header) = bytes.first_chunk::<HEADER>() else {
                    return Ok(None);
                };
                let length = u32::from_be_bytes(*header) as usize;
                if length > limit {
                    return Err(FrameError::TooLong { limit });
                }
                match bytes.get(HEADER + length) {
                    None => return Ok(None),
                    Some(&END) => (HEADER, HEADER + length),
                    Some(&found) => return Err(FrameError::NoEndMark { found }),
                }
            }
        };
        let body = bytes[from..to].to_vec();
        self.start += to + 1;
        self.searched = 0;
        Ok(Some(body))
    }

    /// Says whether the stream may end here: between two frames.
    pub fn finish(&self) -> Result<(), FrameError> {
        match self.bytes.len() - self.start {
            0 => Ok(()),
            after => Err(FrameError::Truncated { after }),
        }
    }
}

/// Reads frame after frame from a stream; what came behind a frame is kept for
/// the next call.
#[derive(Debug)]
pub struct FrameReader<R> {
    inner: R,
    decoder: Decoder,
    buffer: Vec<u8>,
}

impl<R: Read> FrameReader<R> {
    pub fn new(inner: R, framing: Framing, limit: usize) -> FrameReader<R> {
        FrameReader {
            inner,
            decoder: Decoder::new(framing, limit),
            buffer: vec![0; 8 * 1024],
        }
    }

    /// Returns the next body, or `None` where the stream has ended between two
    /// frames.
    ///
    /// # Errors
    /// `UnexpectedEof` where it ends inside of one, `InvalidData` for the other
    /// [`FrameError`]s, and those of the stream. `Interrupted` is tried again.
    pub fn read_frame(&mut self) -> io::Result<Option<Vec<u8>>> {
        loop {
            if let Some(body) = self.decoder.next_frame()? {
                return Ok(Some(body));
            }
            match self.inner.read(&mut self.buffer) {
                Ok(0) => {
                    self.decoder.finish()?;
                    return Ok(None);
                }
                Ok(count) => self.decoder.push(&self.buffer[..count]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FrameError::TooLong { limit } => write!(f, "a frame is longer than {limit} bytes"),
            FrameError::EndMarkInside => write!(f, "the end mark stands inside of a line"),
            FrameError::NoEndMark { found } => {
                write!(
                    f,
                    "expected the end mark behind the body, found 0x{found:02x}"
                )
            }
            FrameError::Truncated { after } => {
                write!(
                    f,
                    "the stream ended inside of a frame, after {after} bytes of it"
                )
            }
        }
    }
}

impl std::error::Error for FrameError {}

impl From<FrameError> for io::Error {
    fn from(error: FrameError) -> io::Error {
        let kind = match error {
            FrameError::Truncated { .. } => ErrorKind::UnexpectedEof,
            _ => ErrorKind::InvalidData,
        };
        io::Error::new(kind, error)
    }
}

impl FromStr for Framing {
    type Err = String;

    fn from_str(text: &str) -> Result<Framing, String> {
        match text {
            "line" => Ok(Framing::Line),
            "header" => Ok(Framing::Header),
            _ => Err(format!("{text:?} is no framing; there are line and header")),
        }
    }
}

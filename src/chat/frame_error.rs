//! Why a frame cannot be, in a program's words and in a person's.

use std::fmt;
use std::io::{self, ErrorKind};

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

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FrameError::TooLong { limit } => write!(f, "a frame is longer than {limit} bytes"),
            FrameError::EndMarkInside => write!(f, "the end mark stands inside of a line"),
            FrameError::NoEndMark { found } => {
                let found = found.escape_ascii();
                write!(f, "expected the end mark behind the body, found '{found}'")
            }
            FrameError::Truncated { after } => {
                write!(f, "the stream ended inside of a frame, {after} bytes in")
            }
        }
    }
}

impl std::error::Error for FrameError {}

impl From<FrameError> for io::Error {
    /// `UnexpectedEof` for a stream that ended too early, `InvalidData` for
    /// everything else. The [`FrameError`] is inside.
    fn from(error: FrameError) -> io::Error {
        let kind = match error {
            FrameError::Truncated { .. } => ErrorKind::UnexpectedEof,
            _ => ErrorKind::InvalidData,
        };
        io::Error::new(kind, error)
    }
}

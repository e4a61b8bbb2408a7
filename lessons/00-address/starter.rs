//! Reads an address as people write it: `host:port`.

use std::io;

/// Returns the host, without brackets, and the port of `text`.
pub fn parse(text: &str) -> io::Result<(&str, u16)> {
    todo!("the host and the port in {text:?}")
}

/// Returns the port that `text` is: digits alone, from 0 to 65535.
pub fn parse_port(text: &str) -> Option<u16> {
    todo!("the port in {text:?}")
}

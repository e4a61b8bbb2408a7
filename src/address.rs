//! Reads an address as people write it: `host:port`.
//!
//! A TCP address is a host and a port, and a port is 16 bits wide: 65536 of
//! them, from 0 to 65535. An IPv6 address is full of colons itself, so it
//! stands in brackets where a port follows.
//!
//! ```
//! use chatroom::address::parse;
//!
//! assert_eq!(parse("localhost:7878")?, ("localhost", 7878));
//! assert_eq!(parse("[::1]:80")?, ("::1", 80));
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! Left out: whether there is such a host. That is for a resolver to say.

use std::io;

/// Returns the host, without brackets, and the port of `text`.
///
/// # Errors
/// `InvalidInput` where the host or the port is missing, where the port is not
/// one (see [`parse_port`]), where a bracket is not closed or something other
/// than the port follows it, and where a host with a `:` has no brackets. Each
/// says which it is and quotes the text, escaped.
pub fn parse(text: &str) -> io::Result<(&str, u16)> {
    let (host, port) = split(text)?;
    if host.is_empty() {
        return Err(invalid(text, "there is no host"));
    }
    match parse_port(port) {
        Some(number) => Ok((host, number)),
        None if port.is_empty() => Err(invalid(text, "there is no port")),
        None => Err(invalid(text, "the port is not a number from 0 to 65535")),
    }
}

/// Returns the port that `text` is: digits alone, from 0 to 65535.
///
/// A sign or a space makes it none, although `u16` can read `+80` and Python's
/// `int` both.
pub fn parse_port(text: &str) -> Option<u16> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        text.parse().ok()
    } else {
        None
    }
}

/// Splits in front of the port and takes the brackets off; the port is empty
/// where there is none.
fn split(text: &str) -> io::Result<(&str, &str)> {
    let Some(inside) = text.strip_prefix('[') else {
        return split_at_colon(text);
    };
    let Some((host, rest)) = inside.split_once(']') else {
        return Err(invalid(text, "the bracket is not closed"));
    };
    match rest.strip_prefix(':') {
        Some(port) => Ok((host, port)),
        None if rest.is_empty() => Ok((host, "")),
        None => Err(invalid(text, "only ':' and a port may follow the bracket")),
    }
}

/// Splits a text that has no brackets.
fn split_at_colon(text: &str) -> io::Result<(&str, &str)> {
    let (host, port) = text.rsplit_once(':').unwrap_or((text, ""));
    if host.contains(':') {
        let what = "a host with a ':' in it needs brackets, as in [::1]:80";
        return Err(invalid(text, what));
    }
    Ok((host, port))
}

/// Makes an error of what is wrong with `text`.
fn invalid(text: &str, what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, format!("{text:?}: {what}"))
}

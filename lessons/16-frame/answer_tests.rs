// The answer key's tests in the place of the learner's.

use crate::frame::{FrameReader, Framing};
use std::io::ErrorKind;

#[test]
fn two_lines_that_come_at_once_are_both_heard() {
    let mut reader = FrameReader::new(&b"hello\nworld\n"[..], Framing::Line, 100);
    for line in ["hello", "world"] {
        let body = reader.read_frame().unwrap();
        assert_eq!(body.unwrap(), line.as_bytes());
    }
}

#[test]
fn half_a_line_is_not_taken_for_a_message() {
    let mut reader = FrameReader::new(&b"I agree not"[..], Framing::Line, 100);
    let error = reader.read_frame().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
}

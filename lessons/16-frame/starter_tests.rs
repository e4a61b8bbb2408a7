// Your own tests for chapter 16. What they must catch stands in the chapter's
// last step.

use crate::frame::{FrameReader, Framing};
use std::io::ErrorKind;

#[test]
fn two_lines_that_come_at_once_are_both_heard() {
    // 1. Make a `FrameReader` for a stream. A slice of bytes is one:
    //    `&b"…"[..]`, and it comes in one read.
    // 2. Put two lines into it. Read a frame, and another.
    todo!("your first test of the frame reader")
}

#[test]
fn half_a_line_is_not_taken_for_a_message() {
    // 1. Let the stream end without the end mark.
    // 2. What kind of error does `read_frame` give?
    todo!("your second test of the frame reader")
}

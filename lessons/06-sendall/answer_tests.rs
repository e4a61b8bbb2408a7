// The answer key's tests in the place of the learner's.

use crate::fixtures::*;
use crate::sendall::sendall_to;
use std::io::{ErrorKind, Write};
use std::time::Instant;

#[test]
fn a_signal_in_the_middle_loses_nothing_and_repeats_nothing() {
    let mut sip = Sip::new(3).failing_at(2, ErrorKind::Interrupted);
    let offer = |rest: &[u8], _| sip.write(rest);
    sendall_to(offer, b"hello, world", None, Instant::now).expect("a signal is no failure");
    same_bytes(&sip.took, b"hello, world", "what was taken");
}

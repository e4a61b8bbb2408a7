// Your own tests for chapter 06. What they must catch stands in the chapter's
// last step.

use crate::fixtures::peer::text;
use crate::fixtures::*;
use crate::sendall::sendall_to;
use std::io::{ErrorKind, Write};
use std::time::Instant;

#[test]
fn a_signal_in_the_middle_loses_nothing_and_repeats_nothing() {
    // 1. Make an end that takes a few bytes at a time, and is interrupted when
    //    it has taken some of them: Sip::new(…).failing_at(…, …).
    // 2. Send it a message with sendall_to. Its first argument is
    //    |rest, _| sip.write(rest), its last one Instant::now.
    // 3. What must text(&sip.took) be?
    todo!("your first test of sendall")
}

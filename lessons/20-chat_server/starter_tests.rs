// Your own tests for chapter 20. What they must catch stands in the chapter's
// last step.

use crate::fixtures::*;
use crate::{answer_to, open, options};

#[test]
fn a_slip_of_the_pen_does_not_end_the_evening() {
    // 1. Open a room: open(&options()). Let bob call: room.calls().
    // 2. Bob says something that is no message, and hears an answer.
    // 3. Bob says a message. bob.talks(name, words) says it and hears it.
    todo!("your first test of a room")
}

#[test]
fn nobody_speaks_for_alice_but_alice() {
    // 1. Open a room with alice and bob: room.with(["alice", "bob"]).
    // 2. Bob says message("alice", …). Who hears what next?
    // 3. Is it certain that alice did not hear it, or did you only not wait?
    todo!("your first test of a name")
}

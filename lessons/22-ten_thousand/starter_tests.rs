// Your own tests for chapter 22. What they must catch stands in the chapter's
// last step.

use crate::event_loop::Bell;
use crate::fixtures::*;
use crate::outbox;
use std::cell::Cell;

#[test]
fn what_a_slow_connection_did_not_take_is_not_lost() {
    // 1. outbox(&["…", "…"]) has two chunks, Cup::new(n) takes n bytes.
    // 2. Write once: outbox.write(&mut cup). It is full, in the middle of a chunk.
    // 3. cup.is_emptied(), and write again. What is cup.text(), all it has taken?
    let _ = (outbox(&["one\n", "two\n"]), Cup::new(6));
    todo!("your first test of a part")
}

#[test]
fn who_rings_a_busy_loop_is_heard() {
    // 1. Ring a bell whose loop is awake: bell.ring(|| woken.set(true)).
    // 2. May the loop sleep now? And when it has answered?
    // 3. Ring a loop that sleeps.
    let (_bell, _woken) = (Bell::default(), Cell::new(false));
    todo!("your first test of a bell")
}

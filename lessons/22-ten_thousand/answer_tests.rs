// The answer key's tests in the place of the learner's.

use crate::event_loop::Bell;
use crate::fixtures::*;
use crate::outbox;
use std::cell::Cell;

#[test]
fn what_a_slow_connection_did_not_take_is_not_lost() {
    let (mut outbox, mut cup) = (outbox(&["one\n", "two\n"]), Cup::new(6));
    outbox.write(&mut cup).expect("some of it");
    cup.is_emptied();
    outbox.write(&mut cup).expect("the rest");
    assert_eq!(cup.text(), "one\ntwo\n");
}

#[test]
fn who_rings_a_busy_loop_is_heard() {
    let (bell, woken) = (Bell::default(), Cell::new(false));
    bell.ring(|| woken.set(true));
    assert!(!bell.doze(), "there is something to do");
    bell.answer();
    assert!(bell.doze(), "all is done");
    bell.ring(|| woken.set(true));
    assert!(woken.get(), "it slept");
}

// The answer key's tests in the place of the learner's.

use crate::fixtures::*;
use crate::{answer_to, open, options};

#[test]
fn a_slip_of_the_pen_does_not_end_the_evening() {
    let room = open(&options());
    let mut bob = room.calls();
    bob.says("helo wrold");
    answer_to(&mut bob);
    bob.talks("bob", "hello world");
}

#[test]
fn nobody_speaks_for_alice_but_alice() {
    let room = open(&options());
    let [mut alice, mut bob] = room.with(["alice", "bob"]);
    bob.says(message("alice", "I owe bob a cake"));
    answer_to(&mut bob);
    alice.talks("alice", "I owe nobody a cake");
}

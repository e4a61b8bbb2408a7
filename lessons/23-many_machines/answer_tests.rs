// The answer key's tests in the place of the learner's.

use crate::relay::{Arrival, Inbox};
use crate::{extent, inbox, next, outbox};

#[test]
fn a_lost_answer_costs_nothing_and_doubles_nothing() {
    let mut outbox = outbox(&["one\n"]);
    let first = next(&mut outbox);
    outbox.push(b"two\n").expect("there is room");
    assert_eq!(next(&mut outbox), first);
    outbox.stored(first.1);
    assert_eq!(next(&mut outbox), ("two\n".to_owned(), 2));
}

#[test]
fn the_cable_is_pulled_and_nobody_misses_a_word() {
    let mut inbox: Inbox = inbox(4);
    assert_eq!(inbox.arrived(5, "a", 1), Arrival::New);
    assert_eq!(inbox.open(extent(1, 1, 7), 0), (6, false));
    assert_eq!(inbox.arrived(7, "a", 3), Arrival::Gap);
}

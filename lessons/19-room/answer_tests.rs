// The answer key's tests in the place of the learner's.

use crate::room::{End, Room};

#[test]
fn of_two_alexes_the_right_one_leaves() {
    let room = Room::new(1_000);
    let (first, mut to_first) = room.join(|| {});
    let (second, mut to_second) = room.join(|| {});
    first.share_name("alex");
    second.share_name("alex");
    second.leave();
    room.say(b"hello\n");
    assert_eq!(to_second.try_hear().err(), Some(End::Left), "the second");
    assert_eq!(to_first.try_hear().err(), None, "the first has not left");
}

#[test]
fn the_bound_is_a_number_and_not_a_feeling() {
    let room = Room::new(10);
    let (_exact, mut to_exact) = room.join(|| {});
    room.say(b"12345");
    room.say(b"67890");
    assert_eq!(to_exact.try_hear().err(), None, "10 bytes of 10");
    let (_slow, mut to_slow) = room.join(|| {});
    room.say(b"12345");
    room.say(b"678901");
    let end = to_slow.try_hear().err();
    assert_eq!(end, Some(End::TooSlow), "11 bytes of 10");
}

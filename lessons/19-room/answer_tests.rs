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
    assert_eq!(to_second.try_hear(), Err(End::Left), "the second has left");
    let heard = to_first.try_hear().expect("the first is here");
    assert_eq!(heard.as_deref(), Some(&b"hello\n"[..]));
}

#[test]
fn the_bound_is_a_number_and_not_a_feeling() {
    let room = Room::new(10);
    let (_exact, mut to_exact) = room.join(|| {});
    room.say(b"12345");
    room.say(b"67890");
    let heard = to_exact.try_hear().expect("10 bytes of 10");
    assert_eq!(heard.as_deref(), Some(&b"1234567890"[..]));
    let (_slow, mut to_slow) = room.join(|| {});
    room.say(b"12345");
    room.say(b"678901");
    assert_eq!(to_slow.try_hear(), Err(End::TooSlow), "11 bytes of 10");
}

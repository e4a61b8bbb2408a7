//! Chapter 19: who is here, and what was said to all.

#[macro_use]
mod fixtures;
subject!(chat::room = "../my/chat/room.rs",
    tests = "../my/tests/room.rs" or "../lessons/19-room/answer_tests.rs");

use arbtest::arbitrary::{self, Unstructured};
use arbtest::arbtest;
use fixtures::*;
use room::{Deliveries, End, Gone, Member, NameTaken, Room};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Barrier, Mutex};
use std::thread;

/// More than any test says where nobody is to be dropped.
const PLENTY: usize = 16 * 1024 * 1024;

/// Somebody of whom it does not matter whether the room hangs up.
fn guest(room: &Room) -> (Member, Deliveries) {
    room.join(|| {})
}

/// Somebody of whom the room hangs up so many times.
fn counted(room: &Room) -> (Member, Deliveries, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let hung_up = count.clone();
    let (member, deliveries) = room.join(move || {
        hung_up.fetch_add(1, Ordering::Relaxed);
    });
    (member, deliveries, count)
}

fn times(count: &AtomicUsize) -> usize {
    count.load(Ordering::Relaxed)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What a member can hear without waiting, and the end if it has come.
fn all(deliveries: &mut Deliveries) -> (String, Option<End>) {
    let mut heard = Vec::new();
    loop {
        match deliveries.try_hear() {
            Ok(Some(chunk)) => heard.extend_from_slice(&chunk),
            Ok(None) => return (text(&heard), None),
            Err(end) => return (text(&heard), Some(end)),
        }
    }
}

/// What a member can hear without waiting, for whom the end has not come.
#[track_caller]
fn heard(deliveries: &mut Deliveries) -> String {
    let (heard, end) = all(deliveries);
    assert_eq!(end, None, "the end, after it heard {heard:?}");
    heard
}

/// What a member hears to the end, and which end that is.
#[track_caller]
fn to_the_end(deliveries: &mut Deliveries) -> (String, End) {
    match all(deliveries) {
        (heard, Some(end)) => (heard, end),
        (heard, None) => panic!("it heard {heard:?} and no end"),
    }
}

/// What one hears who was dropped: nothing but that.
fn too_slow() -> (String, End) {
    (String::new(), End::TooSlow)
}

mod step_1 {
    use super::*;

    #[test]
    fn what_is_said_is_heard() {
        let room = Room::new(PLENTY);
        let (_alice, mut to_alice) = guest(&room);
        room.say(b"hello\n");
        assert_eq!(heard(&mut to_alice), "hello\n");
    }

    #[test]
    fn everybody_hears_it_whoever_said_it() {
        let room = Room::new(PLENTY);
        let (_alice, mut to_alice) = guest(&room);
        let (_bob, mut to_bob) = guest(&room);
        let (_carol, mut to_carol) = guest(&room);
        room.say(b"hello\n");
        assert_eq!(heard(&mut to_alice), "hello\n", "alice");
        assert_eq!(heard(&mut to_bob), "hello\n", "bob");
        assert_eq!(heard(&mut to_carol), "hello\n", "carol");
    }

    #[test]
    fn nothing_is_heard_twice() {
        let room = Room::new(PLENTY);
        let (_alice, mut to_alice) = guest(&room);
        room.say(b"hello\n");
        heard(&mut to_alice);
        assert_eq!(heard(&mut to_alice), "");
    }

    #[test]
    fn where_nothing_was_said_nothing_is_heard() {
        let room = Room::new(PLENTY);
        let (_alice, mut to_alice) = guest(&room);
        assert_eq!(to_alice.try_hear(), Ok(None));
    }

    #[test]
    fn to_say_no_bytes_is_to_say_nothing() {
        let room = Room::new(PLENTY);
        let (_alice, mut to_alice) = guest(&room);
        room.say(b"");
        assert_eq!(to_alice.try_hear(), Ok(None));
    }

    #[test]
    fn a_newcomer_hears_what_is_said_from_then_on() {
        let room = Room::new(PLENTY);
        let (_alice, mut to_alice) = guest(&room);
        room.say(b"before\n");
        let (_bob, mut to_bob) = guest(&room);
        room.say(b"after\n");
        assert_eq!(heard(&mut to_bob), "after\n", "bob, who came between");
        assert_eq!(heard(&mut to_alice), "before\nafter\n", "alice");
    }

    #[test]
    fn the_order_does_not_depend_on_who_listens_when() {
        let room = Room::new(PLENTY);
        let (_alice, mut to_alice) = guest(&room);
        let (_bob, mut to_bob) = guest(&room);
        let mut at_once = String::new();
        for saying in ["one\n", "two\n", "three\n"] {
            room.say(saying.as_bytes());
            at_once += &heard(&mut to_alice);
        }
        assert_eq!(at_once, "one\ntwo\nthree\n", "alice, who listens always");
        assert_eq!(heard(&mut to_bob), at_once, "bob, who listens at last");
    }

    #[test]
    fn everybody_gets_the_same_bytes_and_no_copies() {
        let room = Room::new(PLENTY);
        let (_alice, mut to_alice) = guest(&room);
        let (_bob, mut to_bob) = guest(&room);
        room.say(b"hello\n");
        let (alices, bobs) = (to_alice.try_hear(), to_bob.try_hear());
        let (Ok(Some(alices)), Ok(Some(bobs))) = (&alices, &bobs) else {
            panic!("alice hears {alices:?}, bob {bobs:?}, expected hello");
        };
        assert!(Arc::ptr_eq(alices, bobs), "there are two copies of it");
    }

    #[test]
    fn what_waits_is_heard_together() {
        let room = Room::new(PLENTY);
        let (_alice, mut to_alice) = guest(&room);
        let (_bob, mut to_bob) = guest(&room);
        for _ in 0..100 {
            room.say(b"x\n");
            // So that there is a chunk for each: alice is faster than bob.
            heard(&mut to_alice);
        }
        let mut chunks = Vec::new();
        to_bob.try_hear_many(&mut chunks).expect("bob is here");
        assert_eq!(text(&chunks.concat()), "x\n".repeat(100));
        to_bob.try_hear_many(&mut chunks).expect("bob is here");
        assert_eq!(chunks.concat().len(), 0, "bytes; the old chunks have to go");
    }

    #[test]
    fn a_saying_is_never_cut() {
        let room = Room::new(PLENTY);
        let (_alice, mut to_alice) = guest(&room);
        for _ in 0..1_000 {
            room.say(&[b"x".repeat(999), b"\n".to_vec()].concat());
        }
        while let Some(chunk) = to_alice.try_hear().expect("alice is here") {
            assert_eq!(chunk.len() % 1_000, 0, "bytes, of sayings of 1,000");
        }
    }

    #[test]
    fn a_clone_is_the_same_room() {
        let room = Room::new(PLENTY);
        let (_alice, mut to_alice) = guest(&room);
        room.clone().say(b"hello\n");
        assert_eq!(heard(&mut to_alice), "hello\n");
    }

    #[test]
    fn one_who_listens_no_more_stops_nothing() {
        let room = Room::new(PLENTY);
        let (_alice, to_alice) = guest(&room);
        let (_bob, mut to_bob) = guest(&room);
        room.say(b"one\n");
        drop(to_alice);
        room.say(b"two\n");
        assert_eq!(heard(&mut to_bob), "one\ntwo\n");
    }
}

mod step_2 {
    use super::*;

    #[test]
    fn nobody_is_in_a_new_room() {
        let room = Room::new(PLENTY);
        assert!(room.is_empty());
        assert_eq!(room.who(), [""; 0]);
    }

    #[test]
    fn who_has_no_name_yet_is_counted() {
        let room = Room::new(PLENTY);
        let _guests = (guest(&room), guest(&room));
        assert_eq!((room.len(), room.who()), (2, vec![]));
    }

    #[test]
    fn no_two_members_have_the_same_number() {
        let room = Room::new(PLENTY);
        let (alice, _to_alice) = guest(&room);
        let (bob, _to_bob) = guest(&room);
        assert_ne!(alice.id(), bob.id());
    }

    #[test]
    fn names_stand_in_the_order_of_joining() {
        let room = Room::new(PLENTY);
        let (alice, _to_alice) = guest(&room);
        let (bob, _to_bob) = guest(&room);
        bob.take_name("bob").expect("a free name");
        alice.take_name("alice").expect("a free name");
        assert_eq!(room.who(), ["alice", "bob"]);
    }

    #[test]
    fn a_name_is_taken_once() {
        let room = Room::new(PLENTY);
        let (alice, _to_alice) = guest(&room);
        let (mallory, _to_mallory) = guest(&room);
        alice.take_name("alice").expect("a free name");
        assert_eq!(mallory.take_name("alice"), Err(NameTaken));
        assert_eq!(room.who(), ["alice"]);
    }

    #[test]
    fn who_is_here_knows_its_name() {
        let room = Room::new(PLENTY);
        let (alice, _to_alice) = guest(&room);
        assert_eq!(alice.name(), None);
        alice.take_name("alice").expect("a free name");
        assert_eq!(alice.name().as_deref(), Some("alice"));
        alice.leave();
        assert_eq!(alice.name(), None);
    }

    #[test]
    fn who_was_refused_can_take_another_name() {
        let room = Room::new(PLENTY);
        let (alice, _to_alice) = guest(&room);
        let (mallory, _to_mallory) = guest(&room);
        alice.take_name("alice").expect("a free name");
        let _ = mallory.take_name("alice");
        assert_eq!(mallory.take_name("mallory"), Ok(()));
    }

    #[test]
    fn to_take_ones_own_name_again_is_no_error() {
        let room = Room::new(PLENTY);
        let (alice, _to_alice) = guest(&room);
        alice.take_name("alice").expect("a free name");
        assert_eq!(alice.take_name("alice"), Ok(()));
        alice.leave();
        let (other, _to_other) = guest(&room);
        assert_eq!(other.take_name("alice"), Ok(()), "she has left");
    }

    #[test]
    fn a_new_name_frees_the_old_one() {
        let room = Room::new(PLENTY);
        let (alice, _to_alice) = guest(&room);
        let (bob, _to_bob) = guest(&room);
        alice.take_name("alice").expect("a free name");
        alice.take_name("alicia").expect("a free name");
        assert_eq!(bob.take_name("alice"), Ok(()));
        assert_eq!(room.who(), ["alicia", "alice"]);
    }

    #[test]
    fn who_has_left_is_not_here_and_the_name_is_free() {
        let room = Room::new(PLENTY);
        let (alice, _to_alice) = guest(&room);
        let (bob, _to_bob) = guest(&room);
        alice.take_name("alice").expect("a free name");
        alice.leave();
        assert_eq!((room.len(), room.who()), (1, vec![]));
        assert_eq!(bob.take_name("alice"), Ok(()));
    }

    #[test]
    fn who_is_gone_does_not_pass_for_somebody_else() {
        let room = Room::new(PLENTY);
        let ((alice, mut to_alice), (guest, to_guest)) = (guest(&room), guest(&room));
        assert_eq!(alice.take_name("alice"), Ok(()));
        drop(to_guest);
        assert_eq!(guest.take_name("alice"), Ok(()), "nobody to refuse");
        assert_eq!(guest.say(b"I am alice\n"), Err(Gone), "nobody listens");
        assert_eq!(heard(&mut to_alice), "", "what alice hears");
    }

    #[test]
    fn a_member_that_is_here_may_speak() {
        let room = Room::new(PLENTY);
        let (alice, mut to_alice) = guest(&room);
        let (_bob, mut to_bob) = guest(&room);
        assert!(alice.is_here());
        assert_eq!(alice.say(b"hello\n"), Ok(()));
        assert_eq!(heard(&mut to_alice), "hello\n", "alice");
        assert_eq!(heard(&mut to_bob), "hello\n", "bob");
    }

    #[test]
    fn who_has_left_says_nothing() {
        let room = Room::new(PLENTY);
        let (alice, _to_alice) = guest(&room);
        let (_bob, mut to_bob) = guest(&room);
        alice.leave();
        assert!(!alice.is_here());
        assert_eq!(alice.say(b"one thing more\n"), Err(Gone));
        assert_eq!(heard(&mut to_bob), "", "what bob hears");
    }

    #[test]
    fn who_has_left_takes_no_name() {
        let room = Room::new(PLENTY);
        let (alice, _to_alice) = guest(&room);
        let (bob, _to_bob) = guest(&room);
        alice.leave();
        assert_eq!(alice.take_name("alice"), Ok(()), "nobody to refuse");
        assert_eq!(bob.take_name("alice"), Ok(()), "nobody has it");
    }

    #[test]
    fn of_two_who_share_a_name_the_one_who_leaves_is_out() {
        let room = Room::new(PLENTY);
        let (first, mut to_first) = guest(&room);
        let (second, mut to_second) = guest(&room);
        first.share_name("alex");
        second.share_name("alex");
        second.leave();
        room.say(b"who is still here?\n");
        assert_eq!(to_the_end(&mut to_second), (String::new(), End::Left));
        assert_eq!(heard(&mut to_first), "who is still here?\n");
    }

    #[test]
    fn a_shared_name_is_taken_until_the_last_has_left() {
        let room = Room::new(PLENTY);
        let (first, _to_first) = guest(&room);
        let (second, _to_second) = guest(&room);
        let (other, _to_other) = guest(&room);
        first.share_name("alex");
        second.share_name("alex");
        first.leave();
        assert_eq!(other.take_name("alex"), Err(NameTaken), "one is here");
        second.leave();
        assert_eq!(other.take_name("alex"), Ok(()), "both have left");
    }

    #[test]
    fn to_leave_twice_takes_nobody_else_out() {
        let room = Room::new(PLENTY);
        let (first, _to_first) = guest(&room);
        let (second, mut to_second) = guest(&room);
        first.share_name("alex");
        second.share_name("alex");
        first.leave();
        first.leave();
        assert_eq!(room.who(), ["alex"], "the second");
        let (other, _to_other) = guest(&room);
        assert_eq!(other.take_name("alex"), Err(NameTaken), "of the second");
        room.say(b"hello\n");
        assert_eq!(heard(&mut to_second), "hello\n");
    }

    #[test]
    fn a_member_that_is_dropped_leaves() {
        let room = Room::new(PLENTY);
        let (alice, mut to_alice) = guest(&room);
        drop(alice);
        assert!(room.is_empty());
        assert_eq!(to_alice.try_hear(), Err(End::Left));
    }

    #[test]
    fn who_listens_no_more_is_out_of_the_room() {
        let room = Room::new(PLENTY);
        let (alice, to_alice) = guest(&room);
        alice.take_name("alice").expect("a free name");
        drop(to_alice);
        assert_eq!((room.len(), room.who()), (0, vec![]));
    }

    #[test]
    fn who_leaves_hears_what_was_said_until_then() {
        let room = Room::new(PLENTY);
        let (alice, mut to_alice) = guest(&room);
        room.say(b"before\n");
        alice.leave();
        room.say(b"after\n");
        assert_eq!(to_the_end(&mut to_alice), ("before\n".into(), End::Left));
    }

    #[test]
    fn to_leave_again_does_not_move_the_end() {
        let room = Room::new(PLENTY);
        let (alice, mut to_alice) = guest(&room);
        alice.leave();
        room.say(b"after\n");
        alice.leave();
        assert_eq!(to_the_end(&mut to_alice), (String::new(), End::Left));
    }

    #[test]
    fn the_end_is_heard_again_and_again() {
        let room = Room::new(PLENTY);
        let (alice, mut to_alice) = guest(&room);
        alice.leave();
        let ends = [
            to_alice.try_hear(),
            to_alice.try_hear(),
            to_alice.hear().map(Some),
        ];
        assert_eq!(ends, [Err(End::Left), Err(End::Left), Err(End::Left)]);
    }

    #[test]
    fn an_answer_is_for_one_alone() {
        let room = Room::new(PLENTY);
        let (alice, mut to_alice) = guest(&room);
        let (_bob, mut to_bob) = guest(&room);
        alice.answer(b"psst\n");
        assert_eq!(heard(&mut to_alice), "psst\n", "alice");
        assert_eq!(heard(&mut to_bob), "", "bob");
    }

    #[test]
    fn an_answer_stands_where_it_was_given() {
        let room = Room::new(PLENTY);
        let (alice, mut to_alice) = guest(&room);
        let (_bob, mut to_bob) = guest(&room);
        room.say(b"one\n");
        alice.answer(b"psst\n");
        room.say(b"two\n");
        assert_eq!(heard(&mut to_alice), "one\npsst\ntwo\n", "alice");
        assert_eq!(heard(&mut to_bob), "one\ntwo\n", "bob");
    }

    #[test]
    fn an_answer_before_the_leave_is_heard() {
        let room = Room::new(PLENTY);
        let (alice, mut to_alice) = guest(&room);
        alice.answer(b"that was no message\n");
        alice.leave();
        alice.answer(b"too late\n");
        let end = ("that was no message\n".into(), End::Left);
        assert_eq!(to_the_end(&mut to_alice), end);
    }
}

mod step_3 {
    use super::*;

    #[test]
    fn how_much_can_be_said_until_somebody_is_too_slow() {
        let room = Room::new(10);
        assert_eq!(room.slack(), 10, "nobody is here");
        let (alice, mut to_alice) = guest(&room);
        let (_bob, mut to_bob) = guest(&room);
        room.say(b"1234");
        heard(&mut to_bob);
        assert_eq!(room.slack(), 6, "alice is 4 of 10 bytes behind");
        alice.answer(b"5");
        assert_eq!(room.slack(), 5, "an answer waits for her as well");
        heard(&mut to_alice);
        assert_eq!(room.slack(), 10, "both have heard everything");
    }

    #[test]
    fn who_is_as_far_behind_as_allowed_stays() {
        let room = Room::new(10);
        let (_alice, mut to_alice, hung_up) = counted(&room);
        room.say(b"12345");
        room.say(b"67890");
        assert_eq!(times(&hung_up), 0, "10 of 10 bytes behind");
        assert_eq!(heard(&mut to_alice), "1234567890");
    }

    #[test]
    fn one_byte_more_is_too_slow() {
        let room = Room::new(10);
        let (_alice, mut to_alice, hung_up) = counted(&room);
        room.say(b"12345");
        room.say(b"678901");
        assert_eq!(times(&hung_up), 1, "11 bytes behind, 10 are allowed");
        assert_eq!(to_the_end(&mut to_alice), too_slow());
        assert_eq!(to_the_end(&mut to_alice), too_slow(), "once more");
    }

    #[test]
    fn who_listens_is_never_too_slow() {
        let room = Room::new(10);
        let (_alice, mut to_alice, hung_up) = counted(&room);
        for _ in 0..100 {
            room.say(b"12345");
            room.say(b"67890");
            assert_eq!(heard(&mut to_alice), "1234567890");
        }
        assert_eq!(times(&hung_up), 0, "never more than 10 bytes behind");
    }

    #[test]
    fn what_was_heard_does_not_count() {
        let room = Room::new(10);
        let (_alice, mut to_alice, hung_up) = counted(&room);
        room.say(b"12345");
        heard(&mut to_alice);
        room.say(b"1234567890");
        assert_eq!(times(&hung_up), 0, "10 of 10 bytes behind");
        room.say(b"x");
        assert_eq!(times(&hung_up), 1, "11 bytes behind, 10 are allowed");
    }

    #[test]
    fn what_was_said_before_one_joined_does_not_count() {
        let room = Room::new(10);
        room.say(b"12345");
        let (_alice, _to_alice, hung_up) = counted(&room);
        room.say(b"1234567890");
        assert_eq!(times(&hung_up), 0, "10 of 10 bytes behind");
        room.say(b"x");
        assert_eq!(times(&hung_up), 1, "11 bytes behind, 10 are allowed");
    }

    #[test]
    fn one_long_saying_drops_nobody_who_has_heard_all_else() {
        let room = Room::new(10);
        let (_alice, mut to_alice, _) = counted(&room);
        let (_bob, mut to_bob, _) = counted(&room);
        room.say(b"short\n");
        heard(&mut to_alice);
        room.say(b"longer than ten bytes\n");
        assert_eq!(heard(&mut to_alice), "longer than ten bytes\n");
        assert_eq!(to_the_end(&mut to_bob), too_slow(), "bob heard nothing");
    }

    #[test]
    fn a_slow_member_harms_nobody_else() {
        let room = Room::new(10);
        let (_slow, _to_slow, slow) = counted(&room);
        let (_alice, mut to_alice, quick) = counted(&room);
        for _ in 0..100 {
            room.say(b"1234567\n");
            assert_eq!(heard(&mut to_alice), "1234567\n");
        }
        assert_eq!((times(&slow), times(&quick)), (1, 0), "hung up on");
    }

    const PYTHON: &str = r#"
import socket

pairs = {name: socket.socketpair() for name in ("slow", "alice")}
room = {name: ours for name, (ours, _) in pairs.items()}
slow, alice = pairs["slow"][1], pairs["alice"][1]
for connection in room.values():
    connection.settimeout(1)
line, said, heard = b"x" * 999 + b"\n", 0, 0
try:
    while True:
        said += 1
        for name, connection in room.items():
            connection.sendall(line)
        heard += len(alice.recv(1000, socket.MSG_WAITALL)) // 1000
except TimeoutError:
    print("sendall waits for", name)
print("alice heard the last saying:", heard == said)
"#;

    #[test]
    fn who_does_not_listen_stops_pythons_loop_and_not_our_room() {
        let room = Room::new(PLENTY);
        let (_slow, _unheard) = guest(&room);
        let (_alice, mut to_alice) = guest(&room);
        room.say(b"the last word\n");
        assert_eq!(heard(&mut to_alice), "the last word\n");
        if let Some(python) = Python::start(PYTHON, &[]) {
            let said = "sendall waits for slow\nalice heard the last saying: False\n";
            assert_eq!(python.rest(), said);
        }
    }

    #[test]
    fn all_who_are_too_slow_are_dropped_at_once() {
        let room = Room::new(10);
        let (_first, _to_first, first) = counted(&room);
        let (_quick, mut to_quick, quick) = counted(&room);
        let (_last, _to_last, last) = counted(&room);
        room.say(b"12345");
        heard(&mut to_quick);
        room.say(b"678901");
        let hung_up = (times(&first), times(&quick), times(&last));
        assert_eq!(hung_up, (1, 0, 1));
    }

    #[test]
    fn who_was_dropped_is_not_here_and_the_name_is_free() {
        let room = Room::new(10);
        let (slow, _to_slow) = guest(&room);
        slow.take_name("slow").expect("a free name");
        room.say(b"12345");
        room.say(b"678901");
        assert_eq!((room.len(), room.who()), (0, vec![]));
        let (other, _to_other) = guest(&room);
        assert_eq!(other.take_name("slow"), Ok(()));
    }

    #[test]
    fn who_was_dropped_does_not_speak_for_the_next_of_that_name() {
        let room = Room::new(10);
        let (slow, _to_slow) = guest(&room);
        slow.take_name("alice").expect("a free name");
        room.say(b"12345");
        room.say(b"678901");
        let (alice, mut to_alice) = guest(&room);
        alice.take_name("alice").expect("the slow one is out");
        assert_eq!(slow.say(b"I am alice"), Err(Gone));
        assert!(alice.is_here() && !slow.is_here(), "who is here");
        assert_eq!(heard(&mut to_alice), "", "what the new alice hears");
    }

    #[test]
    fn whether_one_was_dropped_can_be_seen_without_hearing_more() {
        let room = Room::new(10);
        let ((_slow, to_slow), (bob, mut to_bob)) = (guest(&room), guest(&room));
        assert!(!to_slow.is_dropped(), "nothing was said");
        room.say(b"12345");
        heard(&mut to_bob);
        bob.leave();
        to_the_end(&mut to_bob);
        room.say(b"678901");
        assert!(to_slow.is_dropped(), "11 bytes behind, 10 are allowed");
        assert!(!to_bob.is_dropped(), "he has left, and heard the end");
    }

    #[test]
    fn who_was_dropped_is_hung_up_on_once() {
        let room = Room::new(10);
        let (slow, mut to_slow, hung_up) = counted(&room);
        for _ in 0..100 {
            room.say(b"12345");
        }
        slow.answer(b"where are you?");
        let _ = to_slow.try_hear();
        drop((slow, to_slow));
        assert_eq!(times(&hung_up), 1);
    }

    #[test]
    fn who_leaves_is_not_hung_up_on() {
        let room = Room::new(PLENTY);
        let (alice, mut to_alice, hung_up) = counted(&room);
        room.say(b"hello\n");
        alice.leave();
        to_the_end(&mut to_alice);
        drop((alice, to_alice));
        let (_bob, to_bob, other) = counted(&room);
        drop(to_bob);
        assert_eq!((times(&hung_up), times(&other)), (0, 0));
    }

    #[test]
    fn who_has_left_and_does_not_read_the_rest_is_dropped_as_well() {
        let room = Room::new(10);
        let (alice, mut to_alice, hung_up) = counted(&room);
        room.say(b"12345");
        alice.leave();
        room.say(b"678901");
        assert_eq!(times(&hung_up), 1);
        assert_eq!(to_the_end(&mut to_alice), too_slow());
    }

    #[test]
    fn answers_count_as_well() {
        let room = Room::new(10);
        let (alice, mut to_alice, hung_up) = counted(&room);
        alice.answer(b"12345");
        room.say(b"6789");
        alice.answer(b"0");
        assert_eq!(times(&hung_up), 0, "10 of 10 bytes behind");
        alice.answer(b"1");
        assert_eq!(times(&hung_up), 1, "11 bytes behind, 10 are allowed");
        assert_eq!(to_the_end(&mut to_alice), too_slow());
    }

    #[test]
    fn answers_have_a_bound_of_their_own() {
        let room = Room::new(PLENTY);
        let (alice, mut to_alice, hung_up) = counted(&room);
        for _ in 0..64 {
            alice.answer(&[b'x'; 1024]);
        }
        assert_eq!(times(&hung_up), 0, "64 KiB of answers wait");
        alice.answer(b"x");
        assert_eq!(times(&hung_up), 1, "one byte more");
        assert_eq!(to_the_end(&mut to_alice), too_slow());
    }

    #[test]
    fn one_long_answer_drops_nobody_who_has_heard_all_others() {
        let room = Room::new(PLENTY);
        let (alice, mut to_alice, hung_up) = counted(&room);
        alice.answer(b"short");
        heard(&mut to_alice);
        alice.answer(&[b'x'; 100 * 1024]);
        assert_eq!(times(&hung_up), 0, "100 KiB in one answer");
        assert_eq!(heard(&mut to_alice).len(), 100 * 1024);
    }

    #[test]
    fn after_answers_a_saying_can_be_one_too_many() {
        let room = Room::new(10);
        let (alice, _to_alice, hung_up) = counted(&room);
        alice.answer(b"1234567890");
        assert_eq!(times(&hung_up), 0, "10 of 10 bytes behind");
        room.say(b"1");
        assert_eq!(times(&hung_up), 1, "11 bytes behind, 10 are allowed");
    }

    #[test]
    fn answers_that_were_heard_count_no_more() {
        let room = Room::new(10);
        let (alice, mut to_alice, hung_up) = counted(&room);
        for _ in 0..100 {
            alice.answer(b"1234567890");
            assert_eq!(heard(&mut to_alice), "1234567890");
        }
        assert_eq!(times(&hung_up), 0, "never more than 10 bytes behind");
    }

    #[test]
    fn what_nobody_may_be_behind_is_forgotten() {
        let room = Room::new(1_000);
        let (_alice, mut to_alice) = guest(&room);
        room.say(b"forget me\n");
        let chunk = to_alice.try_hear().expect("alice is here");
        let chunk = chunk.expect("it was said, and alice hears it");
        let kept = Arc::downgrade(&chunk);
        drop(chunk);
        for _ in 0..10 {
            room.say(&[b'x'; 500]);
            heard(&mut to_alice);
        }
        let bytes = kept.upgrade().map(|chunk| text(&chunk));
        assert_eq!(bytes, None, "5,000 bytes later, and 1,000 are allowed");
    }

    #[test]
    fn each_hears_all_since_it_joined_and_is_dropped_at_the_bound() {
        /// What a member is to hear, and how much of it was heard.
        struct Model {
            member: Member,
            deliveries: Deliveries,
            stream: String,
            heard: usize,
        }
        impl Model {
            fn joins(room: &Room) -> Model {
                let (member, deliveries) = guest(room);
                Model {
                    member,
                    deliveries,
                    stream: String::new(),
                    heard: 0,
                }
            }
            fn waits(&self) -> usize {
                self.stream.len() - self.heard
            }
            /// Takes in what was said; false where that was too much for it.
            fn stays(&mut self, saying: &str, bound: usize) -> bool {
                self.stream += saying;
                let slow = self.waits() > bound;
                if slow {
                    let end = self.deliveries.try_hear().err();
                    let (waits, slow) = (self.waits(), Some(End::TooSlow));
                    assert_eq!(end, slow, "{waits} bytes behind, {bound} are allowed");
                }
                !slow
            }
            /// Hears what comes next, one chunk of it or many; false where
            /// there is nothing.
            fn hears(&mut self, many: bool) -> Result<bool, End> {
                let mut chunks = Vec::new();
                if many {
                    self.deliveries.try_hear_many(&mut chunks)?;
                } else {
                    chunks.extend(self.deliveries.try_hear()?);
                }
                let bytes = text(&chunks.concat());
                let next = self.stream[self.heard..].get(..bytes.len());
                assert_eq!(Some(&*bytes), next, "what comes next");
                self.heard += bytes.len();
                Ok(!bytes.is_empty())
            }
            /// Leaves, and hears all that it is still to hear.
            fn leaves(mut self, many: bool) {
                self.member.leave();
                while let Ok(more) = self.hears(many) {
                    assert!(more, "there is an end to hear");
                }
                assert_eq!(self.waits(), 0, "bytes that it never heard");
            }
        }
        let property = |chance: &mut Unstructured| -> arbitrary::Result<()> {
            let behind = chance.int_in_range(1..=400)?;
            let room = Room::new(behind);
            let mut models: Vec<Model> = Vec::new();
            for number in 0..100 {
                let saying = format!("{number}\n").repeat(chance.int_in_range(1..=20)?);
                let bound = behind.max(saying.len());
                let many = number % 2 == 0;
                let action = chance.int_in_range(0..=9)?;
                let who = chance.arbitrary::<usize>()? % models.len().max(1);
                match (action, models.get_mut(who)) {
                    (0 | 1, _) | (_, None) => models.push(Model::joins(&room)),
                    (2, _) => models.swap_remove(who).leaves(many),
                    (3, Some(model)) => {
                        model.member.answer(saying.as_bytes());
                        if !model.stays(&saying, bound) {
                            models.swap_remove(who);
                        }
                    }
                    (4..=6, Some(model)) => {
                        let more = model.hears(many).expect("it is here");
                        assert!(more || model.waits() == 0, "it waits for nothing");
                    }
                    _ => {
                        room.say(saying.as_bytes());
                        models.retain_mut(|model| model.stays(&saying, bound));
                    }
                }
                assert_eq!(room.len(), models.len(), "who is here");
            }
            for model in models {
                model.leaves(false);
            }
            Ok(())
        };
        for case in 0..300 {
            // The case in the upper half, how much chance there is in the lower.
            arbtest(property).seed(case << 32 | 1024).run();
        }
    }
}

mod step_4 {
    use super::*;

    /// Somebody who waits in `hear`, and tells what comes of it.
    #[track_caller]
    fn waiter(mut deliveries: Deliveries) -> Waiter<Result<String, End>> {
        let call = move || deliveries.hear().map(|chunk| text(&chunk));
        Waiter::start(call)
    }

    /// One who is certainly asleep. Only Linux says so.
    #[cfg(target_os = "linux")]
    #[track_caller]
    fn dormant(deliveries: Deliveries) -> Waiter<Result<String, End>> {
        match waiter(deliveries).blocks() {
            Ok(waiter) => waiter,
            Err(heard) => panic!("nothing was said, and it heard {heard:?}"),
        }
    }

    #[test]
    fn what_is_there_is_heard_without_waiting() {
        let room = Room::new(PLENTY);
        let (_alice, mut to_alice) = guest(&room);
        room.say(b"hello\n");
        assert_eq!(to_alice.hear().as_deref(), Ok(&b"hello\n"[..]));
    }

    #[test]
    fn what_waits_is_heard_together_without_waiting() {
        let room = Room::new(PLENTY);
        let (alice, mut to_alice) = guest(&room);
        room.say(b"one\n");
        alice.answer(b"psst\n");
        room.say(b"two\n");
        let mut chunks = Vec::new();
        to_alice.hear_many(&mut chunks).expect("alice is here");
        assert_eq!(text(&chunks.concat()), "one\npsst\ntwo\n");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn who_waits_is_woken_by_what_is_said() {
        let room = Room::new(PLENTY);
        let (_alice, to_alice) = guest(&room);
        let (_bob, to_bob) = guest(&room);
        let waiters = [dormant(to_alice), dormant(to_bob)];
        room.say(b"hello\n");
        for waiter in waiters {
            assert_eq!(waiter.answer(), Ok("hello\n".into()));
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn who_waits_is_woken_by_an_answer() {
        let room = Room::new(PLENTY);
        let (alice, to_alice) = guest(&room);
        let waiter = dormant(to_alice);
        alice.answer(b"psst\n");
        assert_eq!(waiter.answer(), Ok("psst\n".into()));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn an_answer_does_not_wake_another_for_good() {
        let room = Room::new(PLENTY);
        let (alice, _to_alice) = guest(&room);
        let (_bob, to_bob) = guest(&room);
        let bob = dormant(to_bob);
        alice.answer(b"psst\n");
        let Ok(bob) = bob.blocks() else {
            panic!("it was for alice, and bob heard it");
        };
        room.say(b"hello\n");
        assert_eq!(bob.answer(), Ok("hello\n".into()));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn who_waits_and_leaves_hears_the_end() {
        let room = Room::new(PLENTY);
        let (alice, to_alice) = guest(&room);
        let waiter = dormant(to_alice);
        alice.leave();
        assert_eq!(waiter.answer(), Err(End::Left));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn who_waits_when_the_room_is_closed_hears_the_end() {
        let room = Room::new(PLENTY);
        let (_alice, to_alice) = guest(&room);
        let waiter = dormant(to_alice);
        room.close();
        assert_eq!(waiter.answer(), Err(End::Left));
    }

    #[test]
    fn in_a_closed_room_the_rest_is_heard() {
        let room = Room::new(PLENTY);
        let (_alice, mut to_alice) = guest(&room);
        room.say(b"goodbye\n");
        room.close();
        assert_eq!(to_the_end(&mut to_alice), ("goodbye\n".into(), End::Left));
    }

    #[test]
    fn in_a_closed_room_nothing_more_is_said() {
        let room = Room::new(PLENTY);
        let (_alice, mut to_alice) = guest(&room);
        room.close();
        room.say(b"is anybody there?\n");
        assert_eq!(to_the_end(&mut to_alice), (String::new(), End::Left));
    }

    #[test]
    fn who_joins_a_closed_room_hears_the_end() {
        let room = Room::new(PLENTY);
        room.close();
        let (_alice, mut to_alice) = guest(&room);
        assert_eq!(to_alice.hear(), Err(End::Left));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn who_waits_is_woken_before_the_room_hangs_up_on_another() {
        let room = Room::new(10);
        let (has_heard, hears) = channel();
        let takes_its_time = move || {
            let _ = hears.recv_timeout(GUARD);
        };
        let (_slow, _to_slow) = room.join(takes_its_time);
        let (_alice, mut to_alice) = guest(&room);
        room.say(b"12345");
        heard(&mut to_alice);
        let call = move || {
            let heard = to_alice.hear().map(|chunk| text(&chunk));
            let _ = has_heard.send(());
            heard
        };
        let Ok(alice) = Waiter::start(call).blocks() else {
            panic!("nothing more was said, and alice does not wait");
        };
        room.say(b"678901");
        assert_eq!(alice.answer(), Ok("678901".into()));
    }

    #[test]
    fn who_hangs_up_may_call_the_room() {
        let room = Room::new(10);
        let (_alice, mut to_alice) = guest(&room);
        let inside = room.clone();
        let (_slow, _to_slow) = room.join(move || inside.say(b"bye\n"));
        room.say(b"12345");
        heard(&mut to_alice);
        room.say(b"678901");
        assert_eq!(heard(&mut to_alice), "678901bye\n");
    }

    #[test]
    fn what_a_hang_up_owns_may_call_the_room_when_it_is_dropped() {
        /// Asks the room when it is dropped.
        struct Asks(Room, Arc<AtomicUsize>);
        impl Drop for Asks {
            fn drop(&mut self) {
                self.0.len();
                self.1.fetch_add(1, Ordering::Relaxed);
            }
        }
        let room = Room::new(PLENTY);
        let dropped = Arc::new(AtomicUsize::new(0));
        let join = || {
            let asks = Asks(room.clone(), dropped.clone());
            room.join(move || drop(asks))
        };
        let (_alice, to_alice) = join();
        let (bob, mut to_bob) = join();
        drop(to_alice);
        bob.leave();
        to_the_end(&mut to_bob);
        assert_eq!(
            times(&dropped),
            2,
            "hang-ups dropped: alice listens no more, bob has heard the end"
        );
    }

    /// Counts how often the hook is called.
    fn calls(room: &Room) -> Arc<AtomicUsize> {
        let calls = Arc::new(AtomicUsize::new(0));
        let count = calls.clone();
        room.on_news(move || {
            count.fetch_add(1, Ordering::Relaxed);
        });
        calls
    }

    #[test]
    fn the_hook_is_called_at_each_piece_of_news() {
        let room = Room::new(PLENTY);
        let calls = calls(&room);
        let (alice, _to_alice) = guest(&room);
        assert_eq!(times(&calls), 0, "nothing was said");
        room.say(b"hello\n");
        assert_eq!(times(&calls), 1, "something was said");
        alice.answer(b"psst\n");
        assert_eq!(times(&calls), 2, "somebody was answered");
        alice.leave();
        assert_eq!(times(&calls), 3, "somebody left");
        room.close();
        assert_eq!(times(&calls), 4, "the room was closed");
    }

    #[test]
    fn who_serves_many_can_see_whether_there_is_news_for_all() {
        let room = Room::new(PLENTY);
        let (alice, _to_alice) = guest(&room);
        let before = room.said();
        assert_eq!(before, (0, false));
        alice.answer(b"psst\n");
        assert_eq!(room.said(), before, "that was for alice alone");
        room.say(b"hello\n");
        assert_eq!(room.said(), (6, false), "bytes that were said");
        room.close();
        assert_eq!(room.said(), (6, true), "it is closed");
    }

    #[test]
    fn there_is_news_also_where_somebody_is_dropped() {
        let room = Room::new(10);
        let calls = calls(&room);
        let (_slow, _to_slow) = guest(&room);
        room.say(b"12345");
        room.say(b"678901");
        assert_eq!(times(&calls), 2, "two were said");
    }

    #[test]
    fn the_hook_is_not_called_for_nothing() {
        let room = Room::new(PLENTY);
        let (alice, _to_alice) = guest(&room);
        alice.leave();
        let calls = calls(&room);
        room.say(b"");
        alice.answer(b"are you there?\n");
        alice.leave();
        drop(alice);
        assert_eq!(times(&calls), 0, "nobody has anything to hear");
    }

    #[test]
    fn the_hook_may_listen() {
        let room = Room::new(PLENTY);
        let (_alice, to_alice) = guest(&room);
        let (heard, hears) = channel();
        let alice = Mutex::new((to_alice, heard));
        room.on_news(move || {
            let (to_alice, heard) = &mut *alice.lock().unwrap();
            let _ = heard.send(all(to_alice).0);
        });
        room.say(b"hello\n");
        assert_eq!(hears.try_recv().as_deref(), Ok("hello\n"));
    }

    #[test]
    fn when_many_speak_at_once_all_hear_one_order() {
        const SPEAKERS: usize = 4;
        const LISTENERS: usize = 8;
        const SAYINGS: usize = 250;
        let room = Room::new(PLENTY);
        let start = Arc::new(Barrier::new(SPEAKERS + LISTENERS));
        let mut listeners = Vec::new();
        for _ in 0..LISTENERS {
            let (member, mut deliveries) = guest(&room);
            let start = start.clone();
            listeners.push(thread::spawn(move || {
                start.wait();
                let mut heard = Vec::new();
                while let Ok(chunk) = deliveries.hear() {
                    heard.extend_from_slice(&chunk);
                }
                drop(member);
                heard
            }));
        }
        let speak = |speaker: usize| {
            start.wait();
            for number in 0..SAYINGS {
                room.say(format!("{speaker} {number}\n").as_bytes());
            }
        };
        thread::scope(|scope| {
            for speaker in 0..SPEAKERS {
                scope.spawn(move || speak(speaker));
            }
        });
        room.close();
        let heard: Vec<String> = (listeners.into_iter())
            .map(|listener| text(&listener.join().expect("to hear does not panic")))
            .collect();
        assert!(heard.iter().all(|it| *it == heard[0]), "two orders");
        for speaker in 0..SPEAKERS {
            let begins = format!("{speaker} ");
            let own: Vec<&str> = (heard[0].lines())
                .filter(|line| line.starts_with(&begins))
                .collect();
            let said: Vec<String> = (0..SAYINGS).map(|it| format!("{speaker} {it}")).collect();
            assert_eq!(own, said, "what speaker {speaker} said, in its order");
        }
    }
}

mod step_5 {
    use super::*;

    #[test]
    fn a_latecomer_hears_the_last_sayings_first() {
        let room = Room::new(PLENTY);
        room.say(b"one\n");
        room.say(b"two\n");
        room.say(b"three\n");
        let (_late, mut to_late) = room.join_late(2, || {});
        room.say(b"four\n");
        assert_eq!(heard(&mut to_late), "two\nthree\nfour\n");
    }

    #[test]
    fn where_fewer_were_said_it_hears_all_of_them() {
        let room = Room::new(PLENTY);
        room.say(b"one\n");
        let (_late, mut to_late) = room.join_late(100, || {});
        assert_eq!(heard(&mut to_late), "one\n");
    }

    #[test]
    fn what_others_have_heard_long_ago_is_heard_as_well() {
        let room = Room::new(PLENTY);
        let (_alice, mut to_alice) = guest(&room);
        for saying in ["one\n", "two\n", "three\n"] {
            room.say(saying.as_bytes());
            heard(&mut to_alice);
        }
        let (_late, mut to_late) = room.join_late(2, || {});
        assert_eq!(heard(&mut to_late), "two\nthree\n");
    }

    #[test]
    fn the_past_leaves_half_of_the_bound_for_what_comes() {
        let room = Room::new(20);
        for _ in 0..10 {
            room.say(b"1234\n");
        }
        let (_late, mut to_late) = room.join_late(100, || {});
        room.say(b"123456789\n");
        assert_eq!(heard(&mut to_late), "1234\n1234\n123456789\n");
    }

    #[test]
    fn the_past_counts_for_how_far_one_is_behind() {
        let room = Room::new(20);
        for _ in 0..3 {
            room.say(b"123456789\n");
        }
        let (_late, mut to_late) = room.join_late(1, || {});
        room.say(b"123456789\n");
        room.say(b"\n");
        assert_eq!(to_the_end(&mut to_late), too_slow(), "21 bytes, of 20");
    }
}

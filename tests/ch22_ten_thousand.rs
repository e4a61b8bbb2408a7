//! Chapter 22: the room on readiness.
#![cfg(feature = "scale")]

#[macro_use]
mod fixtures;
subject!(scale::event_loop = "../my/scale/event_loop.rs",
    tests = "../my/tests/event_loop.rs" or "../lessons/22-ten_thousand/answer_tests.rs");

use chatroom::chat::limits::TOO_LATE;
use chatroom::chat::message::Message;
use chatroom::chat::room::{Deliveries, End, Member, Room};
use chatroom::chat::server::{GOODBYE, Options};
use chrono::DateTime;
use event_loop::{
    Bell, Delivered, Door, EventServer, Got, List, Outbox, accept, deliver, interest, let_in,
    read_some, start, watch,
};
use fixtures::*;
use mio::Interest;
use std::cell::Cell;
use std::io::{self, ErrorKind, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// An outbox with these chunks.
pub fn outbox(chunks: &[&str]) -> Outbox {
    let mut outbox = Outbox::default();
    for chunk in chunks {
        outbox.push(Arc::from(chunk.as_bytes()));
    }
    outbox
}

mod step_1 {
    use super::*;

    /// Reads until there were `most` bytes; returns what was taken, and what
    /// came of it.
    fn read(script: &mut Chop, most: usize) -> (String, io::Result<Got>) {
        let mut taken = Vec::new();
        let got = read_some(script, &mut [b'#'; 16], most, |it| taken.extend(it));
        (String::from_utf8_lossy(&taken).into_owned(), got)
    }

    #[track_caller]
    fn reads(mut script: Chop, expected: &str) -> Got {
        let (taken, got) = read(&mut script, 1000);
        assert_eq!(taken, expected, "what was taken");
        got.expect("no error")
    }

    #[test]
    fn what_is_there_is_read_and_then_there_is_no_wait() {
        let script = Chop::new(&[b"hello"]).then_fails(ErrorKind::WouldBlock);
        assert_eq!(reads(script, "hello"), Got::All);
    }

    #[test]
    fn nothing_there_is_no_error_and_no_end() {
        let script = Chop::new(&[]).then_fails(ErrorKind::WouldBlock);
        assert_eq!(reads(script, ""), Got::All);
    }

    #[test]
    fn nothing_is_left_behind() {
        let script = Chop::new(&[b"one ", b"two ", b"three"]);
        let script = script.then_fails(ErrorKind::WouldBlock).then(b" four");
        assert_eq!(reads(script, "one two three"), Got::All);
    }

    #[test]
    fn more_than_the_buffer_holds_is_read_as_well() {
        let script = Chop::new(&[b"more than sixteen bytes at a time"]);
        let script = script.then_fails(ErrorKind::WouldBlock);
        assert_eq!(reads(script, "more than sixteen bytes at a time"), Got::All);
    }

    #[test]
    fn the_end_comes_behind_what_came_before() {
        assert_eq!(reads(Chop::new(&[b"bye"]), "bye"), Got::End);
    }

    #[test]
    fn who_talks_without_a_break_is_not_heard_for_ever() {
        let mut script = Chop::new(&[&[b'a'; 10], &[b'b'; 10], &[b'c'; 10]]);
        let (taken, got) = read(&mut script, 15);
        assert_eq!(got.expect("no error"), Got::More);
        assert_eq!(taken, "aaaaaaaaaabbbbb", "15 bytes at most");
        let (taken, _) = read(&mut script, 1000);
        assert_eq!(taken, "bbbbbcccccccccc", "the rest waits for the next turn");
    }

    #[test]
    fn an_interrupted_read_is_tried_again() {
        let script = Chop::new(&[b"he"]).then_fails(ErrorKind::Interrupted);
        let script = script.then(b"llo").then_fails(ErrorKind::WouldBlock);
        assert_eq!(reads(script, "hello"), Got::All);
    }

    #[test]
    fn a_reset_is_an_error_behind_what_came_before() {
        let mut script = Chop::new(&[b"hel"]).then_fails(ErrorKind::ConnectionReset);
        let (taken, got) = read(&mut script, 1000);
        let error = refused(got, "the connection was reset");
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        assert_eq!(taken, "hel", "what came before");
    }
}

mod step_2 {
    use super::*;

    #[test]
    fn what_fits_is_written_and_forgotten() {
        let (mut outbox, mut cup) = (outbox(&["hello"]), Cup::new(100));
        outbox.write(&mut cup).expect("there is room");
        assert_eq!(cup.text(), "hello");
        assert!(outbox.is_empty(), "all was taken");
    }

    #[test]
    fn what_was_not_taken_goes_on_where_it_stopped() {
        let (mut outbox, mut cup) = (outbox(&["hello, world"]), Cup::new(5));
        outbox.write(&mut cup).expect("some of it");
        assert!(!outbox.is_empty(), "7 bytes are left");
        cup.is_emptied();
        outbox.write(&mut cup).expect("some more");
        assert_eq!(cup.text(), "hello, wor");
    }

    #[test]
    fn many_chunks_are_one_write() {
        let (mut outbox, mut cup) = (outbox(&["a"; 100]), Cup::new(1000));
        outbox.write(&mut cup).expect("there is room");
        assert_eq!(cup.text(), "a".repeat(100));
        assert_eq!(cup.writes, 1, "writes");
    }

    #[test]
    fn a_write_may_end_anywhere() {
        for size in 1..=13 {
            let mut outbox = outbox(&["hello", ", ", "world", "!"]);
            let mut cup = Cup::new(size);
            while !outbox.is_empty() {
                outbox.write(&mut cup).expect("it is not broken");
                cup.is_emptied();
            }
            assert_eq!(cup.text(), "hello, world!", "in pieces of {size}");
        }
    }

    #[test]
    fn what_comes_later_goes_behind_the_rest() {
        let (mut outbox, mut cup) = (outbox(&["hello"]), Cup::new(3));
        outbox.write(&mut cup).expect("some of it");
        outbox.push(Arc::from(&b" again"[..]));
        for _ in 0..3 {
            cup.is_emptied();
            outbox.write(&mut cup).expect("some more");
        }
        assert_eq!(cup.text(), "hello again");
        assert!(outbox.is_empty());
    }

    #[test]
    fn who_is_full_is_not_waited_for() {
        let (mut outbox, mut cup) = (outbox(&["hello"]), Cup::new(0));
        outbox.write(&mut cup).expect("to be full is no error");
        assert!(!outbox.is_empty(), "nothing was taken");
        assert_eq!(cup.writes, 1, "it asked once");
    }

    #[test]
    fn a_part_that_was_taken_is_enough_for_one_turn() {
        let (mut outbox, mut cup) = (outbox(&["hello"]), Cup::new(3));
        outbox.write(&mut cup).expect("some of it");
        assert_eq!(cup.writes, 1, "the second would be in vain");
    }

    #[test]
    fn an_interrupted_write_is_tried_again() {
        let mut cup = Cup::new(100).failing(ErrorKind::Interrupted);
        outbox(&["hello"])
            .write(&mut cup)
            .expect("a signal is no error");
        assert_eq!(cup.text(), "hello");
    }

    #[test]
    fn who_is_gone_is_an_error() {
        let mut cup = Cup::new(100).failing(ErrorKind::BrokenPipe);
        let error = refused(outbox(&["hello"]).write(&mut cup), "nobody is there");
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    }

    #[test]
    fn nothing_taken_and_no_reason_is_an_error() {
        let mut sip = Sip::new(0);
        let error = refused(
            outbox(&["hello"]).write(&mut sip),
            "it would go on for ever",
        );
        assert_eq!(error.kind(), ErrorKind::WriteZero);
    }
}

mod step_3 {
    use super::*;

    #[test]
    fn where_nothing_is_to_be_written_only_words_are_awaited() {
        assert_eq!(interest(&outbox(&[])), Interest::READABLE);
    }

    #[test]
    fn where_something_is_left_room_for_it_is_awaited_as_well() {
        assert_eq!(interest(&outbox(&["rest"])), BOTH);
    }

    const BOTH: Interest = Interest::READABLE.add(Interest::WRITABLE);

    /// What the kernel was told, by a `watch` from one interest to another.
    fn told(mut before: Interest, wanted: Interest) -> (Option<Interest>, Interest) {
        let told = Cell::new(None);
        let register = |interest| {
            told.set(Some(interest));
            Ok(())
        };
        watch(&mut before, wanted, register).expect("the kernel takes it");
        (told.get(), before)
    }

    #[test]
    fn the_kernel_is_told_what_has_changed() {
        assert_eq!(told(Interest::READABLE, BOTH), (Some(BOTH), BOTH));
        let only = Interest::READABLE;
        assert_eq!(told(BOTH, only), (Some(only), only));
    }

    #[test]
    fn the_kernel_is_not_told_what_it_knows() {
        assert_eq!(told(BOTH, BOTH), (None, BOTH));
        let only = Interest::READABLE;
        assert_eq!(told(only, only), (None, only));
    }

    #[test]
    fn what_the_kernel_did_not_take_it_does_not_know() {
        let mut before = Interest::READABLE;
        let result = watch(&mut before, BOTH, |_| Err(ErrorKind::OutOfMemory.into()));
        refused(result, "the kernel has refused");
        assert_eq!(before, Interest::READABLE);
    }

    #[test]
    fn python_reads_and_writes_what_it_can_as_well() {
        let script = r#"
import selectors, socket

ours, theirs = socket.socketpair()
ours.setblocking(False)
try:
    ours.recv(1024)
except BlockingIOError:
    print("nothing is there, and that is no end")
taken = ours.send(bytes(10_000_000))
print("it took a part:", 0 < taken < 10_000_000)

READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE
selector = selectors.DefaultSelector()
selector.register(ours, READ | WRITE)
print("full:", len(selector.select(0)))
while taken > 0:
    taken -= len(theirs.recv(65536))
print("empty:", len(selector.select(0)), "and again:", len(selector.select(0)))
selector.modify(ours, READ)
print("not asked:", len(selector.select(0)))
"#;
        let expected = "\
nothing is there, and that is no end
it took a part: True
full: 0
empty: 1 and again: 1
not asked: 0
";
        let ours = interest(&outbox(&[]));
        assert!(
            !ours.is_writable(),
            "not asked, as in the script's last line"
        );
        if let Some(theirs) = Python::start(script, &[]) {
            assert_eq!(theirs.rest(), expected, "what the script printed");
        }
    }
}

mod step_4 {
    use super::*;

    /// Rings, and says whether that wakes somebody.
    pub fn wakes(bell: &Bell) -> bool {
        let woken = Cell::new(false);
        bell.ring(|| woken.set(true));
        woken.get()
    }

    #[test]
    fn a_sleeper_is_woken() {
        let bell = Bell::default();
        assert!(bell.doze(), "nobody has rung");
        assert!(wakes(&bell), "it sleeps");
        assert!(bell.answer(), "it was rung");
    }

    #[test]
    fn who_is_awake_is_not_woken() {
        let bell = Bell::default();
        assert!(!wakes(&bell), "a call of the kernel for nothing");
    }

    #[test]
    fn a_hundred_rings_wake_once() {
        let bell = Bell::default();
        bell.doze();
        let woken = (0..100).filter(|_| wakes(&bell)).count();
        assert_eq!(woken, 1, "of 100");
    }

    #[test]
    fn who_was_rung_for_while_busy_stays_awake() {
        let bell = Bell::default();
        wakes(&bell);
        assert!(!bell.doze(), "there is something to do");
        assert!(!bell.doze(), "still");
        assert!(bell.answer(), "it was rung");
    }

    #[test]
    fn who_has_answered_may_doze() {
        let bell = Bell::default();
        wakes(&bell);
        bell.answer();
        assert!(bell.doze(), "all is done");
    }

    #[test]
    fn what_is_rung_behind_the_answer_is_not_lost() {
        let bell = Bell::default();
        bell.doze();
        wakes(&bell);
        bell.answer();
        wakes(&bell);
        assert!(!bell.doze(), "it was rung again");
    }

    #[test]
    fn who_was_woken_by_something_else_is_awake() {
        let bell = Bell::default();
        bell.doze();
        assert!(!bell.answer(), "nobody has rung");
        assert!(!wakes(&bell), "it is awake");
        assert!(bell.answer(), "now somebody has");
    }
}

mod step_5 {
    use super::*;

    /// A room with one member in it.
    fn room() -> (Room, Member, Deliveries) {
        let room = Room::new(10_000);
        let (member, deliveries) = room.join(|| ());
        (room, member, deliveries)
    }

    #[test]
    fn what_was_said_is_written() {
        let (room, _bob, mut to_bob) = room();
        let (mut outbox, mut cup) = (Outbox::default(), Cup::new(100));
        room.say(b"hello\n");
        let delivered = deliver(&mut to_bob, &mut outbox, &mut cup);
        assert_eq!(delivered.expect("there is room"), Delivered::All);
        assert_eq!(cup.text(), "hello\n");
    }

    #[test]
    fn a_hundred_messages_are_one_write() {
        let (room, _bob, mut to_bob) = room();
        let (mut outbox, mut cup) = (Outbox::default(), Cup::new(10_000));
        for _ in 0..100 {
            room.say(b"hello\n");
        }
        deliver(&mut to_bob, &mut outbox, &mut cup).expect("there is room");
        assert_eq!(cup.text(), "hello\n".repeat(100));
        assert_eq!(cup.writes, 1, "writes");
    }

    #[test]
    fn an_answer_is_in_the_same_write() {
        let (room, bob, mut to_bob) = room();
        let (mut outbox, mut cup) = (Outbox::default(), Cup::new(10_000));
        room.say(b"one\n");
        bob.answer(b"for you\n");
        room.say(b"two\n");
        deliver(&mut to_bob, &mut outbox, &mut cup).expect("there is room");
        assert_eq!(cup.text(), "one\nfor you\ntwo\n");
        assert_eq!(cup.writes, 1, "writes");
    }

    #[test]
    fn where_nothing_was_said_nothing_is_written() {
        let (_room, _bob, mut to_bob) = room();
        let (mut outbox, mut cup) = (Outbox::default(), Cup::new(100));
        let delivered = deliver(&mut to_bob, &mut outbox, &mut cup);
        assert_eq!(delivered.expect("nothing can fail"), Delivered::All);
        assert_eq!(cup.writes, 0, "writes");
    }

    #[test]
    fn the_rest_goes_before_what_was_said_later() {
        let (room, _bob, mut to_bob) = room();
        let (mut outbox, mut cup) = (Outbox::default(), Cup::new(4));
        let mut turn = |cup: &mut Cup| deliver(&mut to_bob, &mut outbox, cup).expect("a cup");
        room.say(b"hello\n");
        assert_eq!(turn(&mut cup), Delivered::Rest);
        room.say(b"bob\n");
        cup.is_emptied();
        assert_eq!(turn(&mut cup), Delivered::More, "there may be more to hear");
        cup.is_emptied();
        assert_eq!(turn(&mut cup), Delivered::All);
        assert_eq!(cup.text(), "hello\nbob\n");
    }

    #[test]
    fn who_is_full_takes_nothing_more_from_the_room() {
        let (room, _bob, mut to_bob) = room();
        let (mut outbox, mut cup) = (Outbox::default(), Cup::new(4));
        for _ in 0..3 {
            room.say(b"hello\n");
            let delivered = deliver(&mut to_bob, &mut outbox, &mut cup);
            assert_eq!(delivered.expect("a full cup"), Delivered::Rest);
        }
        // Or the room would never see that bob is behind.
        let waits = to_bob.try_hear().expect("bob is here").expect("two hellos");
        assert_eq!(String::from_utf8_lossy(&waits), "hello\nhello\n");
    }

    #[test]
    fn the_end_comes_when_all_is_written() {
        let (room, bob, mut to_bob) = room();
        let (mut outbox, mut cup) = (Outbox::default(), Cup::new(4));
        let mut turn = |cup: &mut Cup| deliver(&mut to_bob, &mut outbox, cup).expect("a cup");
        room.say(b"hello\n");
        bob.leave();
        assert_eq!(turn(&mut cup), Delivered::Rest);
        cup.is_emptied();
        assert_eq!(turn(&mut cup), Delivered::More);
        assert_eq!(turn(&mut cup), Delivered::End(End::Left));
        assert_eq!(cup.text(), "hello\n");
    }

    #[test]
    fn who_was_too_slow_hears_of_it() {
        let (room, _bob, mut to_bob) = room();
        for _ in 0..11 {
            room.say(&[b'x'; 1000]);
        }
        let delivered = deliver(&mut to_bob, &mut Outbox::default(), Cup::new(4));
        assert_eq!(delivered.expect("no write"), Delivered::End(End::TooSlow));
    }

    #[test]
    fn a_long_log_takes_more_than_one_turn() {
        let (room, _bob, mut to_bob) = room();
        let (_carol, mut to_carol) = room.join(|| ());
        for _ in 0..300 {
            room.say(b"hello\n");
            // She reads, so each hello is a chunk.
            to_carol.try_hear().expect("she is here");
        }
        let (mut outbox, mut cup) = (Outbox::default(), Cup::new(10_000));
        let mut turn = |cup: &mut Cup| deliver(&mut to_bob, &mut outbox, cup).expect("a cup");
        assert_eq!(turn(&mut cup), Delivered::More);
        assert_eq!(cup.writes, 1, "one write for each turn");
        assert_eq!(turn(&mut cup), Delivered::All);
        assert_eq!(cup.text(), "hello\n".repeat(300));
    }

    #[test]
    fn who_is_gone_is_an_error() {
        let (room, _bob, mut to_bob) = room();
        room.say(b"hello\n");
        let cup = Cup::new(100).failing(ErrorKind::ConnectionReset);
        let delivered = deliver(&mut to_bob, &mut Outbox::default(), cup);
        let error = refused(delivered, "the connection was reset");
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    }
}

mod step_6 {
    use super::*;
    use std::collections::VecDeque;

    /// Lets in who is there by this script; returns what came of it, who came,
    /// and how often `accept` was called.
    fn door(most: usize, script: &[Result<u32, io::Error>]) -> (Door, Vec<u32>, usize) {
        let copy = |it: &Result<u32, io::Error>| match it {
            Ok(client) => Ok(*client),
            Err(error) => Err(error
                .raw_os_error()
                .map_or(error.kind().into(), io::Error::from_raw_os_error)),
        };
        let mut script: VecDeque<_> = script.iter().map(copy).collect();
        let (mut came, mut calls) = (Vec::new(), 0);
        let accept = || {
            calls += 1;
            let next = script.pop_front();
            next.unwrap_or_else(|| Err(ErrorKind::WouldBlock.into()))
        };
        let door = let_in(most, accept, |client| came.push(client));
        (door, came, calls)
    }

    #[test]
    fn all_who_are_there_come_in() {
        let (door, came, _) = door(10, &[Ok(1), Ok(2), Ok(3)]);
        assert_eq!((door, came), (Door::All, vec![1, 2, 3]));
    }

    #[test]
    fn a_crowd_comes_in_bit_by_bit() {
        let (door, came, _) = door(2, &[Ok(1), Ok(2), Ok(3)]);
        assert_eq!((door, came), (Door::More, vec![1, 2]));
    }

    #[test]
    fn a_call_that_was_given_up_keeps_nobody_out() {
        let aborted = Err(ErrorKind::ConnectionAborted.into());
        let (door, came, _) = door(10, &[Ok(1), aborted, Ok(3)]);
        assert_eq!((door, came), (Door::All, vec![1, 3]));
    }

    #[test]
    fn a_shut_listener_is_the_end() {
        let (door, ..) = door(10, &[Err(ErrorKind::InvalidInput.into())]);
        assert_eq!(door, Door::Shut);
    }

    // The number of EMFILE on every Unix.
    #[cfg(unix)]
    #[test]
    fn without_descriptors_the_door_rests() {
        let (door, came, calls) = door(10, &[Ok(1), Err(io::Error::from_raw_os_error(24))]);
        assert_eq!((door, came), (Door::Rest, vec![1]));
        assert_eq!(calls, 2, "to ask again at once is to spin");
    }

    #[test]
    fn who_is_put_on_a_list_twice_is_on_it_once() {
        let mut list = List::default();
        [7, 2, 7, 7].iter().for_each(|number| list.add(*number));
        assert_eq!(list.take(), [7, 2], "in the order in which they came");
    }

    #[test]
    fn who_was_taken_from_a_list_can_come_on_it_again() {
        let mut list = List::default();
        list.add(7);
        assert!(!list.is_empty());
        list.take();
        assert!(list.is_empty());
        list.add(7);
        assert_eq!(list.take(), [7]);
    }

    #[test]
    fn a_small_message_does_not_wait_for_an_acknowledgement() {
        let listener = TcpListener::bind(ANY).expect("any port will do");
        let address = listener.local_addr().expect("it is bound");
        let _caller = TcpStream::connect(address).expect("a queue");
        let listener = mio::net::TcpListener::from_std(listener);
        let (stream, _) = accept(&listener).expect("somebody is there");
        assert!(stream.nodelay().expect("an option"), "TCP_NODELAY");
    }
}

mod step_7 {
    use super::*;

    fn options() -> Options {
        Options {
            silence: None,
            // Shorter than the runner's deadline.
            grace: Duration::from_secs(2),
            clock: || DateTime::parse_from_rfc3339("2024-02-24T08:00:00Z").expect("a time"),
            ..Options::default()
        }
    }

    /// A listener whose connections take what one guest is told here at once.
    #[track_caller]
    fn roomy() -> TcpListener {
        let listener = tcp();
        let size = 200 * 1024;
        listener.set_send_buffer_size(size).expect("a size");
        listener.set_recv_buffer_size(size).expect("a size");
        listener.bind(&ANY.into()).expect("any port will do");
        listener.listen(128).expect("a bound socket can listen");
        listener.into()
    }

    #[track_caller]
    fn open(options: &Options) -> EventServer {
        start(roomy(), options).expect("a room")
    }

    #[track_caller]
    fn calls(room: &EventServer) -> Guest {
        let stream = TcpStream::connect(room.address()).expect("a room is there");
        Guest::new(Peer::new(stream), false)
    }

    /// Members with these names. Each has heard itself and those behind it.
    #[track_caller]
    fn with<const N: usize>(room: &EventServer, names: [&str; N]) -> [Guest; N] {
        let mut members: Vec<Guest> = Vec::new();
        for name in names {
            let mut member = calls(room);
            member.talks(name, "here");
            for other in &mut members {
                assert_eq!(other.hears(), message(name, "here"));
            }
            members.push(member);
        }
        members.try_into().ok().expect("as many as there are names")
    }

    /// What the server says in this body.
    #[track_caller]
    fn words_of_the_server(body: &str) -> String {
        let message = Message::from_json(body.as_bytes());
        let message = message.unwrap_or_else(|why| panic!("{body:?} is no message: {why}"));
        assert_eq!(message.name, "server", "who says {body:?}");
        message.msg
    }

    #[track_caller]
    fn hears_why_and_the_end(mut guest: Guest) {
        let heard = guest.hears_to_the_end();
        assert_eq!(heard.len(), 1, "an answer and the end: {heard:?}");
        words_of_the_server(&heard[0]);
    }

    #[test]
    fn everybody_hears_everybody() {
        let room = open(&options());
        let [mut alice, mut bob, mut carol] = with(&room, ["alice", "bob", "carol"]);
        alice.talks("alice", "hello");
        assert_eq!(bob.hears(), message("alice", "hello"));
        assert_eq!(carol.hears(), message("alice", "hello"));
    }

    #[test]
    fn a_message_may_come_byte_by_byte() {
        let room = open(&options());
        let mut alice = calls(&room);
        let words = message("alice", "你好");
        for byte in alice.frame(words.as_bytes()).chunks(1) {
            alice.sends(byte);
        }
        assert_eq!(alice.hears(), words);
    }

    // Only Linux has a table that tells when all of it has arrived.
    #[cfg(target_os = "linux")]
    #[test]
    fn what_was_said_in_one_breath_is_heard_to_the_end() {
        let listener = roomy();
        let address = listener.local_addr().expect("it is bound");
        let mut alice = Guest::new(
            Peer::new(TcpStream::connect(address).expect("a queue")),
            false,
        );
        let words = message("alice", &"x".repeat(2000));
        // More than is read at a time, all of it before anybody listens.
        for _ in 0..50 {
            alice.says(&words);
        }
        alice.half_closes();
        let from = alice.stream().local_addr().expect("it is connected");
        let end = Instant::now() + GUARD;
        let is_there = |row: &netstat::Row| {
            (row.local, row.peer) == (address, from) && row.state == "CLOSE_WAIT"
        };
        while !netstat::table().iter().any(is_there) {
            assert!(Instant::now() < end, "the end never arrived");
            thread::yield_now();
        }
        let _room = start(listener, &options()).expect("a room");
        let heard = alice.hears_to_the_end();
        assert_eq!(heard.len(), 50, "messages, and then the end");
        assert!(heard.iter().all(|it| *it == words), "all as they were said");
    }

    #[test]
    fn who_ends_hears_the_end() {
        let room = open(&options());
        let [alice] = with(&room, ["alice"]);
        assert_eq!(alice.leaves(), [""; 0]);
    }

    #[test]
    fn a_slip_is_answered_and_a_broken_frame_is_answered_and_ended() {
        let frame = 100;
        let room = open(&Options { frame, ..options() });
        let mut bob = calls(&room);
        bob.says("hello?");
        words_of_the_server(&bob.hears());
        bob.talks("bob", "hello");
        bob.sends(&[b'x'; 101]);
        hears_why_and_the_end(bob);
    }

    #[test]
    fn who_is_one_too_many_hears_why_and_the_end() {
        let members = 1;
        let room = open(&Options {
            members,
            ..options()
        });
        let [mut alice] = with(&room, ["alice"]);
        hears_why_and_the_end(calls(&room));
        alice.talks("alice", "nobody else is here");
        alice.leaves();
        calls(&room).talks("bob", "there is a place again");
    }

    #[test]
    fn who_says_nothing_for_too_long_hears_why_and_the_end() {
        let silence = Some(Duration::from_millis(20));
        let room = open(&Options {
            silence,
            ..options()
        });
        hears_why_and_the_end(calls(&room));
    }

    #[test]
    fn rubbish_is_no_first_message() {
        let room = open(&Options {
            silence: Some(Duration::from_millis(200)),
            ..options()
        });
        let mut bob = calls(&room);
        bob.says("hello?");
        let heard = bob.hears_to_the_end();
        let last = heard.last().expect("an answer at least");
        assert_eq!(words_of_the_server(last), TOO_LATE);
    }

    #[test]
    fn behind_the_first_message_one_may_be_silent() {
        let room = open(&Options {
            silence: Some(Duration::from_millis(200)),
            ..options()
        });
        let [mut alice] = with(&room, ["alice"]);
        // His time begins later than hers, and is over.
        hears_why_and_the_end(calls(&room));
        alice.talks("alice", "I am still here");
    }

    #[test]
    fn a_panic_at_the_door_is_the_callers_and_nobody_elses() {
        static FIRST: AtomicBool = AtomicBool::new(true);
        let room = open(&Options {
            members: 1,
            clock: || match FIRST.swap(false, Ordering::Relaxed) {
                true => panic!("it has stopped"),
                false => (options().clock)(),
            },
            ..options()
        });
        let [mut alice] = with(&room, ["alice"]);
        // To be told that the room is full takes a clock.
        assert_eq!(calls(&room).hears_to_the_end(), [""; 0]);
        alice.talks("alice", "who was that?");
    }

    #[test]
    fn who_has_said_all_hears_it_when_the_relay_has_said_it() {
        let (outlet, taken) = SlowRelay::outlet();
        let room = open(&Options {
            grace: GUARD,
            outlet,
            ..options()
        });
        let mut alice = calls(&room);
        let words = message("alice", "hello");
        alice.says(&words);
        taken.waits();
        assert_eq!(alice.leaves(), [words]);
    }

    /// A room whose connections have little room for what nobody reads.
    #[track_caller]
    fn open_narrow(behind: usize) -> EventServer {
        let listener = tcp();
        listener.set_send_buffer_size(4096).expect("a small buffer");
        listener.bind(&ANY.into()).expect("any port will do");
        listener.listen(8).expect("a bound socket can listen");
        let options = Options {
            behind,
            ..options()
        };
        start(listener.into(), &options).expect("a room")
    }

    /// Somebody who has greeted, and has not read yet.
    #[track_caller]
    fn deaf(room: &EventServer) -> Guest {
        let socket = tcp();
        socket.set_recv_buffer_size(4096).expect("a small buffer");
        socket.connect(&room.address().into()).expect("a room");
        let mut deaf = Guest::new(Peer::new(socket.into()), false);
        deaf.says(r#"{"name":"deaf","msg":"joined","time":"2024-2-24","hello":true}"#);
        deaf
    }

    #[test]
    fn who_reads_late_hears_everything() {
        let room = open_narrow(Options::default().behind);
        let [mut alice] = with(&room, ["alice"]);
        let mut late = deaf(&room);
        alice.hears();
        // Less than the bound, and more than the kernel keeps.
        let words = "x".repeat(16 * 1024);
        for _ in 0..50 {
            alice.talks("alice", &words);
        }
        late.hears();
        for _ in 0..50 {
            assert!(late.hears() == message("alice", &words), "as she said it");
        }
    }

    // Only Linux has a table that tells what was read.
    #[cfg(target_os = "linux")]
    #[test]
    fn who_asks_for_answers_and_never_reads_them_is_hung_up_on() {
        let room = open_narrow(64 * 1024);
        let [mut alice] = with(&room, ["alice"]);
        let deaf = deaf(&room);
        alice.hears();
        // Less than the bound, and more than the kernel keeps; bit by bit, so
        // that alice herself has room for each.
        let words = "x".repeat(500);
        (0..100).for_each(|_| alice.talks("alice", &words));
        // Each line gets an answer; in all they are far more than the bound and
        // what the kernel takes meanwhile, while nobody else says anything. Who
        // is hung up on cannot say all of it.
        let here = deaf.stream().local_addr().expect("it is connected");
        let rubbish = format!("{}\n", "x".repeat(999)).repeat(60);
        for _ in 0..60 {
            let _ = deaf.stream().write_all(rubbish.as_bytes());
            let end = Instant::now() + GUARD;
            let is_unread = |row: &netstat::Row| {
                (row.local, row.peer) == (room.address(), here) && row.receive_queue > 0
            };
            while netstat::table().iter().any(is_unread) {
                assert!(Instant::now() < end, "the room does not read");
                thread::yield_now();
            }
        }
        let still_here = format!("{}\n", message("deaf", "I am still here"));
        let _ = deaf.stream().write_all(still_here.as_bytes());
        let heard = alice.hears();
        assert!(heard.contains("deaf left"), "alice hears {heard:?}");
    }

    #[test]
    fn a_slow_reader_is_dropped_at_its_bound_and_delays_nobody() {
        let behind = 256 * 1024;
        let room = open(&Options {
            behind,
            ..options()
        });
        let [mut alice] = with(&room, ["alice"]);
        let _deaf = deaf(&room);
        alice.hears();
        let words = message("alice", &"x".repeat(16 * 1024));
        let mut heard = String::new();
        // Far more than the bound and what the kernel keeps.
        for _ in 0..100 {
            alice.says(&words);
            loop {
                match alice.hears() {
                    mine if mine == words => break,
                    other => heard += &words_of_the_server(&other),
                }
            }
        }
        if heard.is_empty() {
            heard = words_of_the_server(&alice.hears());
        }
        assert_eq!(heard, "deaf left");
    }

    #[test]
    fn rude_visitors_cost_a_stable_group_nothing() {
        let room = open(&options());
        let [mut alice, mut bob] = with(&room, ["alice", "bob"]);
        for number in 0..300 {
            let mut visitor = calls(&room);
            match number % 3 {
                0 => visitor.sends(br#"{"name":"carol","#),
                1 => visitor.says("hello?"),
                _ => {}
            }
            visitor.resets();
            let text = number.to_string();
            alice.talks("alice", &text);
            assert_eq!(bob.hears(), message("alice", &text));
        }
    }

    // Only Linux says which threads sleep.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_room_that_sleeps_wakes_up_to_say_goodbye() {
        alone("step_7::a_room_that_sleeps_wakes_up_to_say_goodbye", || {
            let room = open(&options());
            let members = with(&room, ["alice", "bob", "carol"]);
            let this = std::fs::read_link("/proc/thread-self").expect("proc(5)");
            let this = this.file_name().expect("a number").to_owned();
            let sleeps = |task: &std::fs::DirEntry| {
                let stat = std::fs::read_to_string(task.path().join("stat"));
                // The state follows the name: `proc_pid_stat(5)`.
                task.file_name() == this || stat.is_ok_and(|stat| stat.contains(") S "))
            };
            let end = Instant::now() + GUARD;
            loop {
                let tasks = std::fs::read_dir("/proc/self/task").expect("proc(5)");
                if tasks.flatten().all(|task| sleeps(&task)) {
                    break;
                }
                assert!(Instant::now() < end, "nobody talks, and the loop is busy");
                thread::yield_now();
            }
            room.shutdown().expect("nothing went wrong");
            for mut member in members {
                let heard = member.hears_to_the_end();
                let heard: Vec<_> = heard.iter().map(|it| words_of_the_server(it)).collect();
                assert_eq!(heard, [GOODBYE]);
            }
        });
    }

    #[test]
    fn a_room_for_nobody_is_an_error() {
        let listener = TcpListener::bind(ANY).expect("any port will do");
        let options = Options {
            members: 0,
            ..options()
        };
        let error = refused(start(listener, &options).map(drop), "who would get in?");
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    }

    // Only Linux has a table of threads to look at.
    #[cfg(target_os = "linux")]
    #[test]
    fn one_thread_holds_a_hundred_members() {
        alone("step_7::one_thread_holds_a_hundred_members", || {
            let threads = || {
                std::fs::read_dir("/proc/self/task")
                    .expect("proc(5)")
                    .count()
            };
            let before = threads();
            let room = open(&options());
            let mut members: Vec<Guest> = (0..100).map(|_| calls(&room)).collect();
            for (number, member) in members.iter_mut().enumerate() {
                member.says(message(&number.to_string(), "here"));
            }
            for member in &mut members {
                member.hears();
            }
            assert_eq!(threads(), before + 1, "threads, with a hundred members");
        });
    }

    // Only Unix has a limit of descriptors that a shell can set.
    #[cfg(unix)]
    #[test]
    fn who_calls_while_there_are_no_descriptors_comes_in_later() {
        let test = "step_7::who_calls_while_there_are_no_descriptors_comes_in_later";
        // Where there are descriptors, a room opens and closes.
        drop(open(&options()));
        let report = descriptor::with_descriptors(64, test, || {
            let room = open(&options());
            let caller = tcp();
            let all = descriptor::take_all();
            caller
                .connect(&room.address().into())
                .expect("the kernel's queue");
            let mut bob = Guest::new(Peer::new(caller.into()), false);
            bob.says(message("bob", "hello"));
            drop(all);
            bob.hears()
        });
        assert_eq!(report, message("bob", "hello").escape_debug().to_string());
    }
}

#![cfg(feature = "scale")]
//! Chapter 23: one room on many machines. Nothing here needs a broker; what
//! does stands in `relay_on_nats.rs`.

#[macro_use]
mod fixtures;
subject!(scale::relay = "../my/scale/relay.rs",
    tests = "../my/tests/relay.rs" or "../lessons/23-many_machines/answer_tests.rs");

use chatroom::chat::message::Message;
use chatroom::chat::outlet::{Outlet, Relayed};
use chatroom::chat::room::{Deliveries, Member, Room};
use chatroom::chat::server::{self, Chat, Options};
use chatroom::scale::nats::{Delivery, Desk, Extent, LONGEST, Parcel};
use fixtures::*;
use relay::{AWAY, Arrival, BACK, BYTES, Inbox, MESSAGES, News, Outbox, Refused, Relay, TORN};
use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// A stream with the numbers from `first` to `last`.
pub fn extent(birth: i128, first: u64, last: u64) -> Extent {
    Extent { birth, first, last }
}

/// An outbox in which these wait.
#[track_caller]
pub fn outbox(messages: &[impl AsRef<str>]) -> Outbox {
    let mut outbox = Outbox::default();
    for frames in messages {
        outbox
            .push(frames.as_ref().as_bytes())
            .expect("there is room for it");
    }
    outbox
}

/// What is to be stored next, as text, and its number.
#[track_caller]
pub fn next(outbox: &mut Outbox) -> (String, u64) {
    let parcel = outbox.parcel().expect("something waits");
    (text(&parcel.bytes), parcel.number)
}

/// An inbox that has read the numbers up to `last` of stream 1.
#[track_caller]
pub fn inbox(last: u64) -> Inbox {
    let mut inbox = Inbox::default();
    inbox.open(extent(1, 1, last), 0);
    inbox
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A counter, and what counts.
fn counter() -> (Arc<AtomicUsize>, impl Fn() + Send + Sync + 'static) {
    let counter = Arc::new(AtomicUsize::new(0));
    let count = counter.clone();
    (counter, move || {
        count.fetch_add(1, Ordering::Relaxed);
    })
}

/// A room with a relay, and somebody in it who listens.
struct Station {
    relay: Relay,
    _member: Member,
    ears: Deliveries,
}

impl Station {
    fn new() -> Station {
        Station::with(&Options::default())
    }

    fn with(options: &Options) -> Station {
        let relay = Relay::new(options);
        let (_member, ears) = relay.room().join(|| ());
        Station {
            relay,
            _member,
            ears,
        }
    }

    /// All that was heard since the last time, message by message; of what the
    /// server says only the words.
    #[track_caller]
    fn hears(&mut self) -> Vec<String> {
        let mut heard = String::new();
        while let Some(bytes) = self.ears.try_hear().expect("the room is open") {
            heard += &text(&bytes);
        }
        let words = |line: &str| match Message::from_json(line.as_bytes()) {
            Ok(message) if message.name == "server" => message.msg,
            _ => line.to_owned(),
        };
        heard.lines().map(words).collect()
    }

    #[track_caller]
    fn says(&self, line: &str) {
        let frames = format!("{line}\n");
        self.relay.say(frames.as_bytes()).expect("it is taken");
    }
}

/// What a broker has stored. It has no memory for what it has got twice.
#[derive(Default)]
struct Tape(Vec<(String, u64, Vec<u8>)>);

impl Tape {
    fn extent(&self) -> Extent {
        extent(1, 1, self.0.len() as u64)
    }

    /// Stores what a desk has next, if anything; whether it gets to know is
    /// another matter. Returns its number.
    fn store(&mut self, relay: &Relay) -> Option<u64> {
        let Parcel { number, bytes } = relay.parcel()?;
        self.0.push((relay.id().to_owned(), number, bytes));
        Some(number)
    }

    /// Gives a desk the message of this number; says whether it goes on.
    fn gives(&self, relay: &Relay, sequence: u64) -> bool {
        let (from, number, bytes) = &self.0[sequence as usize - 1];
        let number = *number;
        relay.arrived(&Delivery {
            sequence,
            from,
            number,
            bytes,
        })
    }

    /// Stores all that waits there, with acknowledgements.
    fn takes_all(&mut self, relay: &Relay) {
        while let Some(number) = self.store(relay) {
            relay.stored(number);
        }
    }

    /// Begins a session, and gives all that the desk has not seen.
    #[track_caller]
    fn gives_all(&self, relay: &Relay) {
        for sequence in relay.opened(self.extent())..=self.0.len() as u64 {
            assert!(self.gives(relay, sequence), "{sequence} came in its order");
        }
    }
}

/// Two relays and what is between them, without a network: whatever is said is
/// stored and comes back at once.
struct Cable {
    relays: [Relay; 2],
    tape: Mutex<Tape>,
}

/// One end of it.
struct End(Arc<Cable>, usize);

impl Relayed for End {
    fn room(&self) -> Room {
        self.0.relays[self.1].room()
    }

    fn say(&self, frames: &[u8]) -> Result<(), String> {
        let Cable { relays, tape } = &*self.0;
        relays[self.1].say(frames)?;
        let mut tape = tape.lock().expect("nobody has panicked");
        relays.iter().for_each(|relay| tape.takes_all(relay));
        relays.iter().for_each(|relay| tape.gives_all(relay));
        Ok(())
    }

    fn when_said(&self, then: Box<dyn FnOnce() + Send>) {
        self.0.relays[self.1].when_said(then);
    }
}

/// Says and hears as the notes do, and knows nothing of relays.
const CLIENT: &str = r#"
import json, socket, sys

def connect(name, port):
    connection = socket.create_connection(("127.0.0.1", int(port)))
    return name, connection, connection.makefile("r", encoding="utf-8")

def say(client, text):
    message = {"name": client[0], "msg": text, "time": "2024-2-24"}
    client[1].sendall((json.dumps(message) + "\n").encode("utf-8"))

def hear(client):
    message = json.loads(client[2].readline())
    return f"{client[0]} hears {message['name']}: {message['msg']}"
"#;

mod step_1 {
    use super::*;

    #[test]
    fn messages_are_counted_from_one() {
        let mut outbox = Outbox::default();
        assert_eq!(outbox.push(b"one\n"), Ok(1));
        assert_eq!(outbox.push(b"two\n"), Ok(2));
        assert_eq!(outbox.last(), 2);
    }

    #[test]
    fn where_nothing_waits_there_is_no_parcel() {
        assert_eq!(Outbox::default().parcel(), None);
    }

    #[test]
    fn what_waits_goes_together_in_its_order() {
        let mut outbox = outbox(&["one\n", "two\n", "three\n"]);
        let (bytes, number) = next(&mut outbox);
        assert_eq!(bytes, "one\ntwo\nthree\n");
        assert_eq!(number, 3, "the number of the last message in it");
    }

    #[test]
    fn until_it_is_stored_it_is_the_same_parcel() {
        let mut outbox = outbox(&["one\n", "two\n"]);
        let first = next(&mut outbox);
        outbox.push(b"three\n").expect("there is room");
        assert_eq!(next(&mut outbox), first, "the broker may have got it");
    }

    #[test]
    fn what_is_stored_makes_way_for_the_next() {
        let mut outbox = outbox(&["one\n", "two\n"]);
        let (_, number) = next(&mut outbox);
        outbox.push(b"three\n").expect("there is room");
        outbox.stored(number);
        assert_eq!(next(&mut outbox), ("three\n".to_owned(), 3));
        outbox.stored(3);
        assert_eq!(outbox.parcel(), None);
    }

    #[test]
    fn an_acknowledgement_that_comes_twice_changes_nothing() {
        let mut outbox = outbox(&["one\n"]);
        next(&mut outbox);
        outbox.stored(1);
        outbox.push(b"two\n").expect("there is room");
        let second = next(&mut outbox);
        outbox.stored(1);
        assert_eq!(next(&mut outbox), second, "1 is not what waits");
    }

    #[test]
    fn a_parcel_has_a_bound_and_cuts_no_message() {
        let long = "x".repeat(10_000);
        let mut outbox = outbox(&[&long; 10]);
        let (bytes, number) = next(&mut outbox);
        assert!(bytes.len() <= 64 * 1024, "{} bytes at once", bytes.len());
        assert_eq!(bytes.len() as u64, number * 10_000, "whole messages");
        outbox.stored(number);
        assert_eq!(next(&mut outbox).1, 10, "the rest comes next");
    }

    #[test]
    fn a_message_longer_than_that_goes_alone() {
        let long = "x".repeat(100_000);
        let mut outbox = outbox(&[&long[..], "short"]);
        assert_eq!(next(&mut outbox), (long, 1));
    }

    #[test]
    fn so_many_messages_wait_and_no_more() {
        let mut outbox = Outbox::default();
        for number in 1..=MESSAGES as u64 {
            assert_eq!(outbox.push(b"x"), Ok(number));
        }
        let messages = MESSAGES;
        assert_eq!(outbox.push(b"x"), Err(Refused::Full { messages }));
    }

    #[test]
    fn so_many_bytes_wait_and_no_more() {
        let mut outbox = outbox(&[&"x".repeat(BYTES / 4); 4]);
        assert_eq!(outbox.push(b"x"), Err(Refused::Full { messages: 4 }));
    }

    #[test]
    fn what_is_stored_makes_room() {
        let mut outbox = outbox(&[&"x".repeat(BYTES / 4); 4]);
        outbox.push(b"x").expect_err("it is full");
        let (_, number) = next(&mut outbox);
        outbox.stored(number);
        assert_eq!(outbox.push(b"x"), Ok(5), "what was refused has no number");
    }

    #[test]
    fn what_no_broker_takes_is_refused_at_once() {
        let mut outbox = Outbox::default();
        assert_eq!(outbox.push(&vec![b'x'; LONGEST + 1]), Err(Refused::TooLong));
        assert_eq!(outbox.push(&vec![b'x'; LONGEST]), Ok(1));
    }
}

mod step_2 {
    use super::*;

    #[test]
    fn the_first_time_it_begins_behind_the_last() {
        let mut inbox = Inbox::default();
        assert_eq!(inbox.open(extent(1, 1, 41), 0), (42, false));
    }

    #[test]
    fn an_empty_stream_begins_with_one() {
        let mut inbox = Inbox::default();
        assert_eq!(inbox.open(extent(1, 0, 0), 10), (1, false));
    }

    #[test]
    fn a_history_is_read_before_that() {
        let mut inbox = Inbox::default();
        assert_eq!(inbox.open(extent(1, 1, 41), 10), (32, false));
    }

    #[test]
    fn a_history_has_only_what_the_stream_still_has() {
        let mut inbox = Inbox::default();
        assert_eq!(inbox.open(extent(1, 38, 41), 10), (38, false));
    }

    #[test]
    fn each_number_is_new_once() {
        let mut inbox = inbox(0);
        assert_eq!(inbox.arrived(1, "a", 1), Arrival::New);
        assert_eq!(inbox.arrived(2, "a", 2), Arrival::New);
        assert_eq!(inbox.arrived(2, "a", 2), Arrival::Again);
        assert_eq!(inbox.arrived(1, "a", 1), Arrival::Again);
        assert_eq!(inbox.arrived(3, "a", 3), Arrival::New);
    }

    #[test]
    fn what_is_missing_is_asked_for() {
        let mut inbox = inbox(0);
        assert_eq!(inbox.arrived(2, "a", 2), Arrival::Gap);
        assert_eq!(inbox.open(extent(1, 1, 2), 0), (1, false));
        assert_eq!(inbox.arrived(1, "a", 1), Arrival::New);
        assert_eq!(inbox.arrived(2, "a", 2), Arrival::New);
    }

    #[test]
    fn what_is_missing_twice_is_gone() {
        let mut inbox = inbox(0);
        assert_eq!(inbox.arrived(2, "a", 2), Arrival::Gap);
        assert_eq!(inbox.arrived(2, "a", 2), Arrival::Torn);
        assert_eq!(inbox.arrived(3, "a", 3), Arrival::New);
        assert_eq!(inbox.arrived(5, "a", 5), Arrival::Gap, "another gap");
    }

    #[test]
    fn what_was_stored_twice_is_said_once() {
        let mut inbox = inbox(0);
        assert_eq!(inbox.arrived(1, "a", 4), Arrival::New);
        assert_eq!(inbox.arrived(2, "a", 4), Arrival::Again);
        assert_eq!(inbox.arrived(3, "a", 5), Arrival::New);
    }

    #[test]
    fn each_server_counts_for_itself() {
        let mut inbox = inbox(0);
        assert_eq!(inbox.arrived(1, "a", 4), Arrival::New);
        assert_eq!(inbox.arrived(2, "b", 1), Arrival::New);
    }

    #[test]
    fn what_has_no_number_is_always_new() {
        let mut inbox = inbox(0);
        assert_eq!(inbox.arrived(1, "", 0), Arrival::New);
        assert_eq!(inbox.arrived(2, "", 0), Arrival::New);
    }

    #[test]
    fn the_next_session_goes_on_behind_what_was_seen() {
        let mut inbox = inbox(0);
        assert_eq!(inbox.arrived(1, "a", 1), Arrival::New);
        assert_eq!(inbox.open(extent(1, 1, 9), 5), (2, false));
    }

    #[test]
    fn another_stream_of_the_same_name_is_all_new() {
        let mut inbox = inbox(41);
        assert_eq!(inbox.open(extent(2, 1, 3), 0), (1, true));
        assert_eq!(inbox.arrived(1, "a", 1), Arrival::New);
    }

    #[test]
    fn a_stream_that_has_lost_its_end_is_read_from_there() {
        let mut inbox = inbox(41);
        assert_eq!(inbox.open(extent(1, 1, 20), 0), (21, true));
    }

    #[test]
    fn a_stream_that_has_forgotten_what_we_missed_is_read_from_there() {
        let mut inbox = inbox(41);
        assert_eq!(inbox.open(extent(1, 60, 99), 0), (60, true));
    }
}

mod step_3 {
    use super::*;

    #[test]
    fn what_is_said_is_heard_when_it_has_come_back() {
        let (mut tape, mut here) = (Tape::default(), Station::new());
        here.relay.opened(tape.extent());
        here.says("hello");
        assert_eq!(here.hears(), [""; 0], "it is nobody's yet");
        tape.takes_all(&here.relay);
        assert_eq!(here.hears(), [""; 0], "stored is not heard");
        assert!(tape.gives(&here.relay, 1));
        assert_eq!(here.hears(), ["hello"]);
    }

    #[test]
    fn two_servers_hear_both_in_one_order() {
        let mut tape = Tape::default();
        let [mut here, mut there] = [(); 2].map(|()| Station::new());
        here.relay.opened(tape.extent());
        there.relay.opened(tape.extent());
        here.says("said first");
        there.says("stored first");
        tape.takes_all(&there.relay);
        tape.takes_all(&here.relay);
        tape.gives_all(&here.relay);
        tape.gives_all(&there.relay);
        assert_eq!(here.hears(), ["stored first", "said first"]);
        assert_eq!(there.hears(), ["stored first", "said first"]);
    }

    #[test]
    fn who_carries_it_is_woken() {
        let here = Station::new();
        let (woken, hook) = counter();
        here.relay.on_news(Box::new(hook));
        here.says("hello");
        assert_eq!(woken.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn behind_a_gap_nothing_is_said_until_it_is_filled() {
        let mut tape = Tape::default();
        let [mut here, there] = [(); 2].map(|()| Station::new());
        here.relay.opened(tape.extent());
        for line in ["one", "two"] {
            there.says(line);
            tape.takes_all(&there.relay);
        }
        assert!(!tape.gives(&here.relay, 2), "1 is missing");
        assert_eq!(here.hears(), [""; 0]);
        tape.gives_all(&here.relay);
        assert_eq!(here.hears(), ["one", "two"]);
    }

    #[test]
    fn what_comes_again_is_not_said_again() {
        let (mut tape, mut here) = (Tape::default(), Station::new());
        here.relay.opened(tape.extent());
        here.says("hello");
        tape.store(&here.relay).expect("a parcel");
        // The acknowledgement was lost, so it is stored again.
        tape.takes_all(&here.relay);
        tape.gives_all(&here.relay);
        assert!(tape.gives(&here.relay, 1));
        assert_eq!(here.hears(), ["hello"]);
    }

    #[test]
    fn a_parcel_is_said_message_by_message() {
        let (mut tape, here) = (Tape::default(), Station::new());
        here.relay.opened(tape.extent());
        here.says("one");
        here.says("two");
        tape.takes_all(&here.relay);
        tape.gives_all(&here.relay);
        let (_member, mut late) = here.relay.room().join_late(1, || ());
        assert_eq!(late.try_hear(), Ok(Some((*b"two\n").into())));
    }

    #[test]
    fn what_is_no_whole_message_is_not_said() {
        let (mut tape, mut here) = (Tape::default(), Station::new());
        here.relay.opened(tape.extent());
        tape.0.push((String::new(), 0, b"whole\nhalf".to_vec()));
        here.says("hello");
        tape.takes_all(&here.relay);
        tape.gives_all(&here.relay);
        assert_eq!(here.hears(), ["hello"]);
    }

    #[test]
    fn who_waits_until_it_is_said_is_called_then() {
        let (mut tape, here) = (Tape::default(), Station::new());
        here.relay.opened(tape.extent());
        here.says("hello");
        let (called, then) = counter();
        here.relay.when_said(Box::new(then));
        tape.takes_all(&here.relay);
        assert_eq!(called.load(Ordering::Relaxed), 0, "it is stored, not said");
        tape.gives_all(&here.relay);
        assert_eq!(called.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn who_waits_for_nothing_is_called_at_once() {
        let (mut tape, here) = (Tape::default(), Station::new());
        here.relay.opened(tape.extent());
        here.says("hello");
        tape.takes_all(&here.relay);
        tape.gives_all(&here.relay);
        let (called, then) = counter();
        here.relay.when_said(Box::new(then));
        assert_eq!(called.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn who_waits_is_not_called_between_two_messages_of_a_parcel() {
        let mut tape = Tape::default();
        let relay = Arc::new(Relay::new(&Options::default()));
        relay.opened(tape.extent());
        relay.say(b"one\n").expect("it is taken");
        relay.say(b"two\n").expect("it is taken");
        let called = Arc::new(Mutex::new(Vec::new()));
        let (asker, calls) = (Arc::downgrade(&relay), called.clone());
        // Behind each of the two, somebody asks to be called when all is said.
        relay.room().on_news(move || {
            let relay = asker.upgrade().expect("it speaks");
            let (room, calls) = (relay.room(), calls.clone());
            relay.when_said(Box::new(move || {
                calls.lock().expect("no panic").push(room.said().0);
            }));
        });
        tape.takes_all(&relay);
        tape.gives_all(&relay);
        let called = called.lock().expect("no panic");
        assert_eq!(
            *called,
            [8, 8],
            "bytes that were said when they were called"
        );
    }

    #[test]
    fn so_many_wait_and_who_is_one_too_many_is_called_at_once() {
        let here = Station::new();
        here.says("hello");
        let (called, then) = counter();
        let then = Arc::new(then);
        for _ in 0..MESSAGES {
            let then = then.clone();
            here.relay.when_said(Box::new(move || then()));
        }
        assert_eq!(called.load(Ordering::Relaxed), 0, "they wait");
        here.relay.when_said(Box::new(move || then()));
        assert_eq!(called.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn what_a_stranger_stores_is_said_if_it_is_a_message() {
        let (mut tape, mut here) = (Tape::default(), Station::new());
        here.relay.opened(tape.extent());
        let words = message("bob", "hello");
        for line in ["hello?", &words] {
            let bytes = format!("{line}\n").into_bytes();
            tape.0.push((String::new(), 0, bytes));
        }
        tape.gives_all(&here.relay);
        assert_eq!(here.hears(), [words]);
    }

    #[test]
    fn a_newcomer_hears_the_last_of_the_stream() {
        let (mut tape, there) = (Tape::default(), Station::new());
        for line in ["one", "two", "three"] {
            there.says(line);
            tape.takes_all(&there.relay);
        }
        let history = 2;
        let mut here = Station::with(&Options {
            history,
            ..Options::default()
        });
        tape.gives_all(&here.relay);
        assert_eq!(here.hears(), ["two", "three"]);
    }

    /// Cuts, lost acknowledgements and repetitions, in an order that a number
    /// decides.
    #[test]
    fn three_servers_in_a_storm_hear_all_once_in_one_order() {
        for seed in 1..=50_u64 {
            storm(seed);
        }
    }

    #[track_caller]
    fn storm(seed: u64) {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut dice = move |sides: u64| {
            // xorshift64: the same numbers for the same seed, everywhere.
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state % sides
        };
        let mut tape = Tape::default();
        let mut stations = [(); 3].map(|()| Station::new());
        let (mut read, mut asked) = ([0; 3], [false; 3]);
        for (station, read) in stations.iter().zip(&mut read) {
            *read = station.relay.opened(tape.extent());
        }
        let (mut said, mut heard) = ([0; 3], [const { Vec::new() }; 3]);
        for _ in 0..300 {
            let who = dice(3) as usize;
            let Station { relay, .. } = &stations[who];
            match dice(6) {
                0 | 1 => {
                    said[who] += 1;
                    stations[who].says(&format!("{who}: {}", said[who]));
                }
                2 => drop(tape.store(relay)), // and the answer is lost
                3 => drop(tape.store(relay).map(|number| relay.stored(number))),
                4 => {
                    read[who] = relay.opened(tape.extent());
                }
                _ => {
                    // The line may lose something, but not twice the same.
                    read[who] += u64::from(!asked[who] && dice(8) == 0);
                    if read[who] > tape.0.len() as u64 {
                        read[who] = relay.opened(tape.extent());
                    } else if tape.gives(relay, read[who]) {
                        (read[who], asked[who]) = (read[who] + 1, false);
                    } else {
                        (read[who], asked[who]) = (relay.opened(tape.extent()), true);
                    }
                }
            }
        }
        for station in &stations {
            tape.takes_all(&station.relay);
        }
        for (station, heard) in stations.iter_mut().zip(&mut heard) {
            tape.gives_all(&station.relay);
            heard.extend(station.hears());
        }
        let [first, second, third] = heard;
        assert_eq!(first, second, "one order, in storm {seed}");
        assert_eq!(first, third, "one order, in storm {seed}");
        for (who, count) in said.into_iter().enumerate() {
            let own = first
                .iter()
                .filter(|line| line.starts_with(&format!("{who}:")));
            let all: Vec<_> = (1..=count).map(|n| format!("{who}: {n}")).collect();
            assert!(own.eq(&all), "all of {who}'s words once, in storm {seed}");
        }
    }
}

mod step_4 {
    use super::*;

    #[test]
    fn news_is_told_once() {
        let mut news = News::default();
        assert_eq!(news.is(true), Some(AWAY));
        assert_eq!(news.is(true), None);
        assert_eq!(news.is(false), Some(BACK));
        assert_eq!(news.is(false), None);
    }

    #[test]
    fn that_all_is_well_from_the_start_is_no_news() {
        assert_eq!(News::default().is(false), None);
    }

    #[test]
    fn people_are_told_when_the_broker_goes_and_comes() {
        let (tape, mut here) = (Tape::default(), Station::new());
        here.relay.opened(tape.extent());
        here.relay.lost("the cable");
        here.relay.lost("still the cable");
        assert_eq!(here.hears(), [AWAY]);
        here.relay.opened(tape.extent());
        here.relay.opened(tape.extent());
        assert_eq!(here.hears(), [BACK]);
    }

    #[test]
    fn what_was_said_meanwhile_comes_behind_the_news() {
        let (mut tape, mut here) = (Tape::default(), Station::new());
        here.relay.opened(tape.extent());
        here.relay.lost("the cable");
        here.says("is anybody there?");
        here.says("hello?");
        tape.takes_all(&here.relay);
        tape.gives_all(&here.relay);
        assert_eq!(here.hears(), [AWAY, BACK, "is anybody there?", "hello?"]);
    }

    #[test]
    fn only_those_who_are_cut_off_are_told() {
        let mut tape = Tape::default();
        let [here, mut there] = [(); 2].map(|()| Station::new());
        here.relay.opened(tape.extent());
        there.relay.opened(tape.extent());
        here.relay.lost("the cable");
        here.relay.opened(tape.extent());
        tape.takes_all(&here.relay);
        tape.gives_all(&there.relay);
        assert_eq!(there.hears(), [""; 0]);
    }

    #[test]
    fn people_are_told_when_something_is_lost() {
        let mut here = Station::new();
        here.relay.opened(extent(1, 1, 41));
        here.relay.opened(extent(2, 1, 0));
        assert_eq!(here.hears(), [TORN]);
    }

    #[test]
    fn people_are_told_of_a_gap_that_stays() {
        let (mut tape, mut here) = (Tape::default(), Station::new());
        here.relay.opened(tape.extent());
        for line in ["one\n", "two\n"] {
            tape.0.push(("a".to_owned(), 1, line.into()));
        }
        assert!(!tape.gives(&here.relay, 2));
        assert!(tape.gives(&here.relay, 2), "there is no more to wait for");
        assert_eq!(here.hears(), [TORN, "two"]);
    }

    #[test]
    fn what_was_missed_comes_no_faster_than_it_is_read() {
        let behind = 1000;
        let mut here = Station::with(&Options {
            behind,
            ..Options::default()
        });
        let room = here.relay.room();
        let mut rounds = 0;
        while here.relay.credit(false) > 0 {
            room.say(&vec![b'x'; here.relay.credit(false)]);
            rounds += 1;
        }
        assert!(rounds > 0, "at first nobody is behind");
        here.hears(); // or the room would have dropped her
        assert!(here.relay.credit(false) > 0, "she has caught up");
    }

    #[test]
    fn who_sleeps_does_not_hold_it_up_for_ever() {
        let behind = 1000;
        let here = Station::with(&Options {
            behind,
            ..Options::default()
        });
        here.relay.room().say(&[b'x'; 600]);
        assert_eq!(here.relay.credit(false), 0, "she is far behind");
        let anyway = here.relay.credit(true);
        assert!(anyway > 0, "that was waited for long enough");
        assert!(anyway <= behind / 2, "others may be behind as well");
    }

    #[test]
    fn who_says_too_much_hears_so() {
        let here = Station::new();
        let line = vec![b'x'; BYTES / 4];
        for _ in 0..4 {
            here.relay.say(&line).expect("there is room");
        }
        let answer = here.relay.say(&line).expect_err("there is no room");
        assert!(answer.contains("later"), "what to do: {answer:?}");
    }

    #[test]
    fn python_clients_of_two_servers_hear_each_other() {
        let options = Options::default();
        let cable = Arc::new(Cable {
            relays: [(); 2].map(|()| Relay::new(&options)),
            tape: Mutex::default(),
        });
        for relay in &cable.relays {
            relay.opened(extent(1, 1, 0));
        }
        let servers = [0, 1].map(|place| {
            let listener = TcpListener::bind(ANY).expect("any port will do");
            let options = Options {
                outlet: Outlet::to(Arc::new(End(cable.clone(), place))),
                ..options.clone()
            };
            server::start(listener, &options).expect("a room")
        });
        let script = r#"
alice = connect("alice", sys.argv[1])
say(alice, "你好")
print(hear(alice))
bob = connect("bob", sys.argv[2])
say(bob, "hello from the other machine")
line = hear(bob)
while "bob: " not in line:
    line = hear(bob)
print(line)
print(hear(alice))
"#;
        let script = format!("{CLIENT}\nsocket.setdefaulttimeout(30)\n{script}");
        let ports = servers.each_ref().map(|it| it.address().port().to_string());
        if let Some(theirs) = Python::start(&script, &[&ports[0], &ports[1]]) {
            let heard = "alice hears alice: 你好
bob hears bob: hello from the other machine
alice hears bob: hello from the other machine
";
            assert_eq!(theirs.rest(), heard);
        }
    }

    #[test]
    fn a_chat_room_says_what_comes_back_and_answers_what_is_refused() {
        let mut tape = Tape::default();
        let relay = Arc::new(Relay::new(&Options::default()));
        relay.opened(tape.extent());
        let chat = Chat::new(&Options {
            outlet: Outlet::to(relay.clone()),
            ..Options::default()
        });
        let home = SocketAddr::from(([127, 0, 0, 1], 49152));
        let (mut alice, mut ears) = chat.enter(home, || ()).expect("a place");
        let words = message("alice", "hello");
        assert_eq!(alice.take(words.as_bytes()), Ok(()));
        assert_eq!(ears.try_hear(), Ok(None), "it is nobody's yet");
        tape.takes_all(&relay);
        tape.gives_all(&relay);
        let heard = ears.try_hear().expect("the room is open");
        assert_eq!(heard.as_deref(), Some(format!("{words}\n").as_bytes()));
        let long = message("alice", &"x".repeat(60_000));
        let answers = (0..20).filter_map(|_| alice.take(long.as_bytes()).err());
        assert!(answers.count() > 0, "1 MiB is full after 18 of them");
    }

    #[test]
    fn who_is_gone_says_nothing_on_the_other_servers_either() {
        let relay = Arc::new(Relay::new(&Options::default()));
        let chat = Chat::new(&Options {
            outlet: Outlet::to(relay.clone()),
            ..Options::default()
        });
        let home = SocketAddr::from(([127, 0, 0, 1], 49152));
        let (mut alice, ears) = chat.enter(home, || ()).expect("a place");
        drop(ears);
        let taken = alice.take(message("alice", "I am still here").as_bytes());
        assert!(taken.is_err(), "nobody listens for her any more");
        assert_eq!(relay.parcel().map(|parcel| parcel.number), None);
    }
}

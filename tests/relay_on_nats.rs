#![cfg(feature = "scale")]
//! Chapter 23 on a real broker: several servers are one room, while the
//! broker, a server or the line between them fails. Where there is no
//! `nats-server` each test says that it is skipped.

mod fixtures;
#[cfg(not(feature = "mine"))]
use chatroom::scale::relay;

/// The learner's relay; a macro, for where there is none rustfmt must not look.
#[cfg(feature = "mine")]
macro_rules! learners {
    ($path:literal) => {
        use chatroom::*;
        #[path = $path]
        #[allow(dead_code)]
        mod relay;
    };
}
#[cfg(feature = "mine")]
learners!("../my/scale/relay.rs");

use chatroom::chat::message::Message;
use chatroom::chat::outlet::Outlet;
use chatroom::chat::server::{self, ChatServer, Options};
use chatroom::scale::event_loop::{self, EventServer};
use chatroom::scale::nats::{self, Link};
use fixtures::broker::{Broker, skipped, url};
use fixtures::wire::Wire;
use fixtures::*;
use relay::{AWAY, BACK, Relay, TORN};
use std::collections::HashSet;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

/// The room of all these tests; each has a broker of its own.
const ROOM: &str = "lobby";

fn options() -> Options {
    Options {
        silence: None,
        grace: GUARD,
        ..Options::default()
    }
}

/// One of the servers. The members go first, then what they said is stored.
struct Station {
    server: Engine,
    _link: Link,
}

/// What drives a server's room: threads here, events where these tests stand
/// in a module of that name (`relay_on_events.rs`).
enum Engine {
    Threads(ChatServer),
    Events(EventServer),
}

/// The name of a test in this file.
fn named(test: &str) -> String {
    match module_path!().split_once("::") {
        Some((_, module)) => format!("{module}::{test}"),
        None => test.to_owned(),
    }
}

impl Engine {
    fn start(listener: TcpListener, options: &Options) -> io::Result<Engine> {
        match named("").starts_with("events") {
            true => event_loop::start(listener, options).map(Engine::Events),
            false => server::start(listener, options).map(Engine::Threads),
        }
    }

    fn address(&self) -> SocketAddr {
        match self {
            Engine::Threads(server) => server.address(),
            Engine::Events(server) => server.address(),
        }
    }
}

impl Station {
    #[track_caller]
    fn open(url: &str, options: &Options) -> Station {
        Station::try_open(url, options).expect("a server with a relay")
    }

    fn try_open(url: &str, options: &Options) -> io::Result<Station> {
        Station::open_on(TcpListener::bind(ANY)?, url, options)
    }

    fn open_on(listener: TcpListener, url: &str, options: &Options) -> io::Result<Station> {
        let relay = Arc::new(Relay::new(options));
        let link = nats::start(url, ROOM, relay.clone())?;
        let options = Options {
            outlet: Outlet::to(relay),
            ..options.clone()
        };
        let server = Engine::start(listener, &options)?;
        Ok(Station {
            server,
            _link: link,
        })
    }
}

#[track_caller]
fn call(address: SocketAddr) -> Guest {
    let stream = TcpStream::connect(address).expect("a room is there");
    Guest::new(Peer::new(stream), false)
}

/// Somebody in the room, who writes down what is heard.
struct Member {
    guest: Guest,
    name: String,
    said: Vec<String>,
    told: Vec<String>,
}

impl Member {
    /// Connects, and has heard itself; before that, what others still say.
    #[track_caller]
    fn come(address: SocketAddr, name: &str) -> Member {
        let mut guest = call(address);
        guest.says(message(name, "here"));
        while guest.hears() != message(name, "here") {}
        let (name, said, told) = (name.to_owned(), Vec::new(), Vec::new());
        Member {
            guest,
            name,
            said,
            told,
        }
    }

    #[track_caller]
    fn says(&mut self, number: usize) {
        self.guest.says(message(&self.name, &number.to_string()));
    }

    /// Hears, until `enough` of it.
    #[track_caller]
    fn hears(&mut self, enough: impl Fn(&Member) -> bool) {
        while !enough(self) {
            let body = self.guest.hears();
            let message = Message::from_json(body.as_bytes()).expect("a message");
            match &*message.name {
                "server" => self.told.push(message.msg),
                _ => self.said.push(body),
            }
        }
    }
}

/// One member on each of these servers, all of whom have heard the last.
#[track_caller]
fn members(addresses: &[SocketAddr]) -> Vec<Member> {
    let mut members: Vec<Member> = Vec::new();
    for (number, address) in addresses.iter().enumerate() {
        members.push(Member::come(*address, &format!("m{number}")));
    }
    let (last, others) = members.split_last_mut().expect("there are some");
    let here = message(&last.name, "here");
    for member in others {
        while member.guest.hears() != here {}
    }
    members
}

/// Lets each member say its word of this number.
#[track_caller]
fn say(members: &mut [Member], number: usize) {
    members.iter_mut().for_each(|member| member.says(number));
}

/// All that was said reaches all, once, and in one order; and each member's
/// own words are in the order in which it said them.
#[track_caller]
fn all_hear_all(members: &mut [Member], words: usize) {
    let count = members.len() * words;
    for member in members.iter_mut() {
        member.hears(|it| it.said.len() == count);
        let different: HashSet<_> = member.said.iter().collect();
        assert_eq!(different.len(), count, "different messages of {count}");
    }
    for member in members.iter() {
        let name = &member.name;
        assert!(member.said == members[0].said, "one order for all: {name}");
        let quoted = format!("{name:?}");
        let own = member.said.iter().filter(|it| it.contains(&quoted));
        let all: Vec<_> = (0..words).map(|n| message(name, &n.to_string())).collect();
        assert!(own.eq(&all), "{name}'s words in their order");
    }
    counted(&format!(
        "{count} said, heard by each of {}, in one order",
        members.len()
    ));
}

/// Tells what was counted, past the test's own capture.
fn counted(what: &str) {
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test");
    let _ = writeln!(io::stderr(), "{test}: {what}");
}

/// Three servers on these ways to a broker, with a member on each.
#[track_caller]
fn three(urls: [&str; 3]) -> ([Station; 3], Vec<Member>) {
    let stations = urls.map(|url| Station::open(url, &options()));
    let addresses = [0, 1, 2].map(|number: usize| stations[number].server.address());
    (stations, members(&addresses))
}

// Only Linux has a second address with the same port.
#[cfg(target_os = "linux")]
#[test]
fn two_brokers_at_one_port_have_a_store_each() {
    let Some(one) = Broker::start() else {
        return;
    };
    let mut address = own_loopback();
    address.set_port(one.address.port());
    let two = Broker::start_at(address, &[]).expect("there is a nats-server");
    assert_ne!(one.store(), two.store());
}

#[test]
fn three_servers_are_one_room_in_one_order() {
    let Some(broker) = Broker::start() else {
        return;
    };
    let (_stations, mut members) = three([&broker.url(); 3]);
    (0..500).for_each(|number| say(&mut members, number));
    all_hear_all(&mut members, 500);
    assert!(
        members.iter().all(|it| it.told.is_empty()),
        "nothing happened"
    );
}

#[test]
fn a_killed_broker_loses_nothing_and_says_nothing_twice() {
    let Some(mut broker) = Broker::start() else {
        return;
    };
    let (_stations, mut members) = three([&broker.url(); 3]);
    for number in 0..900 {
        say(&mut members, number);
        match number % 300 {
            100 => broker.kill(),
            200 => broker.again(),
            _ => {}
        }
    }
    all_hear_all(&mut members, 900);
    for Member { told, .. } in &members {
        let mut turns = told.chunks(2);
        assert!(turns.all(|turn| turn == [AWAY, BACK]), "told: {told:?}");
    }
}

#[test]
fn a_cut_line_loses_nothing_and_says_nothing_twice() {
    let Some(broker) = Broker::start() else {
        return;
    };
    let wire = Wire::to(broker.address);
    let there = broker.url();
    let (_stations, mut members) = three([&there, &there, &url(wire.address())]);
    for number in 0..600 {
        say(&mut members, number);
        match number % 200 {
            50 => wire.cut(),
            150 => wire.mend(),
            _ => {}
        }
    }
    all_hear_all(&mut members, 600);
    assert_eq!(members[0].told, [""; 0], "the others' lines were whole");
}

#[test]
fn a_silent_line_loses_nothing_and_says_nothing_twice() {
    let Some(broker) = Broker::start() else {
        return;
    };
    let wire = Wire::to(broker.address);
    let there = broker.url();
    let (_stations, mut members) = three([&there, &there, &url(wire.address())]);
    say(&mut members, 0);
    wire.stall();
    (1..200).for_each(|number| say(&mut members, number));
    // Nobody tells them that it is silent: the server has to notice.
    members[2].hears(|it| it.told == [AWAY]);
    wire.mend();
    (200..300).for_each(|number| say(&mut members, number));
    all_hear_all(&mut members, 300);
    members[2].hears(|it| it.told.len().is_multiple_of(2));
}

#[test]
fn a_network_that_is_cut_loses_nothing_and_says_nothing_twice() {
    let Some(network) = Network::new() else {
        return;
    };
    let inside = ["ip", "netns", "exec", &network.name];
    let Some(broker) = Broker::start_at(network.address, &inside) else {
        return;
    };
    let (_stations, mut members) = three([&broker.url(); 3]);
    (0..100).for_each(|number| say(&mut members, number));
    network.link("down");
    (100..200).for_each(|number| say(&mut members, number));
    for member in &mut members {
        member.hears(|it| it.told == [AWAY]);
    }
    network.link("up");
    (200..300).for_each(|number| say(&mut members, number));
    all_hear_all(&mut members, 300);
}

#[test]
fn a_killed_server_takes_nobody_along_and_finds_the_history_again() {
    let Some(broker) = Broker::start() else {
        return;
    };
    let url = broker.url();
    let there = [
        Station::open(&url, &options()),
        Station::open(&url, &options()),
    ];
    let mut third = Process::start(&url);
    let addresses = [there[0].server.address(), there[1].server.address()];
    let mut members = members(&addresses);
    let mut lost = Member::come(third.address, "m2");
    for member in &mut members {
        assert_eq!(member.guest.hears(), message("m2", "here"));
    }
    for number in 0..300 {
        say(&mut members, number);
        if number == 100 {
            (0..100).for_each(|number| lost.says(number));
            // What it has heard, everybody has heard or will.
            lost.hears(|it| it.said.iter().any(|said| said.contains("m2")));
            third.kill();
        }
    }
    let mut again = Process::start(&url);
    let newcomer = Member::come(again.address, "m3");
    for member in &mut members {
        member.hears(|it| it.said.last() == Some(&message("m3", "here")));
        member.said.pop();
        let different: HashSet<_> = member.said.iter().collect();
        assert_eq!(different.len(), member.said.len(), "nothing twice");
        assert!(
            lost.said.iter().all(|it| member.said.contains(it)),
            "nothing lost"
        );
    }
    assert!(members[0].said == members[1].said, "one order");
    for name in ["m0", "m1"] {
        let quoted = format!("{name:?}");
        let own = members[0].said.iter().filter(|it| it.contains(&quoted));
        let all: Vec<_> = (0..300).map(|n| message(name, &n.to_string())).collect();
        assert!(own.eq(&all), "all of {name}'s words, in their order");
    }
    counted(&format!(
        "300 said by each of 2, {} heard from the killed server, {} heard by both, in one order",
        lost.said.iter().filter(|it| it.contains("m2")).count(),
        members[0].said.len(),
    ));
    drop(newcomer.guest);
    // The newcomer of a server that has just begun hears the last 10 first.
    let mut late = call(again.address);
    let heard: Vec<_> = (0..10).map(|_| late.hears()).collect();
    assert_eq!(heard[..9], members[0].said[members[0].said.len() - 9..]);
    assert_eq!(heard[9], message("m3", "here"));
    again.kill();
}

#[test]
fn a_newcomer_hears_the_last_messages_of_all_servers() {
    let Some(broker) = Broker::start() else {
        return;
    };
    let (_stations, mut members) = three([&broker.url(); 3]);
    (0..20).for_each(|number| say(&mut members, number));
    all_hear_all(&mut members, 20);
    let late = Station::open(
        &broker.url(),
        &Options {
            history: 7,
            ..options()
        },
    );
    let mut guest = call(late.server.address());
    let heard: Vec<_> = (0..7).map(|_| guest.hears()).collect();
    assert_eq!(heard, members[0].said[53..]);
    guest.talks("late", "hello");
}

#[test]
fn a_broker_that_has_lost_its_memory_goes_on_and_people_are_told() {
    let Some(mut broker) = Broker::start() else {
        return;
    };
    let (_stations, mut members) = three([&broker.url(); 3]);
    (0..10).for_each(|number| say(&mut members, number));
    all_hear_all(&mut members, 10);
    broker.kill();
    broker.forget();
    (10..20).for_each(|number| say(&mut members, number));
    broker.again();
    all_hear_all(&mut members, 20);
    for Member { told, .. } in &members {
        assert_eq!(told[..3], [AWAY, BACK, TORN]);
    }
}

#[test]
fn who_has_said_all_hears_it_and_then_the_end() {
    let Some(broker) = Broker::start() else {
        return;
    };
    let station = Station::open(&broker.url(), &options());
    let mut alice = call(station.server.address());
    let words: Vec<_> = (0..100).map(|n| message("alice", &n.to_string())).collect();
    words.iter().for_each(|word| alice.says(word));
    assert_eq!(alice.leaves(), words);
}

#[test]
fn what_is_said_last_is_stored_before_a_server_ends() {
    let Some(broker) = Broker::start() else {
        return;
    };
    let stations = [(); 2].map(|()| Station::open(&broker.url(), &options()));
    let mut bob = Member::come(stations[1].server.address(), "bob").guest;
    let mut alice = call(stations[0].server.address());
    let hello = r#"{"name":"alice","msg":"joined","time":"2024-2-24","hello":true}"#;
    alice.says(hello);
    assert_eq!(bob.hears(), hello);
    let [first, _second] = stations;
    drop(first);
    assert!(bob.hears().contains("alice left"), "what bob hears");
}

#[test]
fn who_reads_is_not_dropped_when_the_line_comes_back() {
    let Some(broker) = Broker::start() else {
        return;
    };
    let wire = Wire::to(broker.address);
    let here = Station::open(&broker.url(), &options());
    let listener = tcp();
    listener.set_send_buffer_size(4096).expect("a small buffer");
    listener.bind(&ANY.into()).expect("any port will do");
    listener.listen(8).expect("a bound socket can listen");
    let behind = 256 * 1024;
    let there = Options {
        behind,
        ..options()
    };
    let there = Station::open_on(listener.into(), &url(wire.address()), &there);
    let there = there.expect("a server with a relay");
    let mut alice = Member::come(here.server.address(), "alice");
    let socket = tcp();
    socket.set_recv_buffer_size(4096).expect("a small buffer");
    let address = there.server.address().into();
    socket.connect(&address).expect("a room is there");
    let mut bob = Guest::new(Peer::new(socket.into()), false);
    bob.says(message("bob", "here"));
    while bob.hears() != message("bob", "here") {}
    wire.cut();
    assert!(bob.hears().contains(AWAY));
    // Eight times what bob may be behind.
    let words = "x".repeat(16 * 1024);
    for number in 0..128 {
        let text = format!("{number} {words}");
        alice.guest.says(message("alice", &text));
        while alice.guest.hears() != message("alice", &text) {}
    }
    wire.mend();
    let mut number = 0;
    while number < 128 {
        let heard = bob.hears();
        if heard.contains(&words) {
            let text = format!("{number} {words}");
            assert!(heard == message("alice", &text), "message {number}");
            number += 1;
        }
    }
    counted("128 said while the line was cut, 128 heard behind it");
}

#[test]
fn a_server_ends_without_a_word_where_nothing_waits() {
    let Some(mut broker) = Broker::start() else {
        return;
    };
    let test = named("a_server_ends_without_a_word_where_nothing_waits");
    alone(&test, || {
        let book: &Logbook = Box::leak(Box::new(Logbook::new()));
        log::set_logger(book).expect("the first one");
        let station = Station::open(&broker.url(), &options());
        let mut alice = Member::come(station.server.address(), "alice");
        broker.kill();
        alice.hears(|it| it.told == [AWAY]);
        drop(alice.guest);
        drop(station);
        // A process that exits drops nothing.
        broker.forget();
        let lost = book.messages().into_iter().find(|it| it.contains("lost"));
        assert_eq!(lost, None, "what waited?");
    });
}

/// Asks JetStream for something, and returns its answer.
#[track_caller]
fn ask(broker: &Broker, what: &str, payload: &str) -> String {
    let mut stranger = TcpStream::connect(broker.address).expect("the broker is there");
    let length = payload.len();
    let said = format!(
        "CONNECT {{\"verbose\":false}}\r\nSUB answers 1\r\nPUB $JS.API.{what} answers {length}\r\n{payload}\r\n"
    );
    stranger.write_all(said.as_bytes()).expect("it reads");
    let mut lines = BufReader::new(stranger).lines().map_while(Result::ok);
    assert!(
        lines.any(|line| line.starts_with("MSG answers")),
        "no answer"
    );
    let answer = lines.next().expect("an answer");
    assert!(!answer.contains("\"error\""), "{answer}");
    answer
}

#[test]
fn a_stream_whose_last_message_was_deleted_keeps_nobody_waiting() {
    let Some(broker) = Broker::start() else {
        return;
    };
    let station = Station::open(&broker.url(), &options());
    let mut alice = call(station.server.address());
    alice.talks("alice", "this was wrong");
    ask(
        &broker,
        &format!("STREAM.MSG.DELETE.chatroom_{ROOM}"),
        r#"{"seq":1}"#,
    );
    let late = Station::open(
        &broker.url(),
        &Options {
            history: 1,
            ..options()
        },
    );
    call(late.server.address()).talks("late", "hello");
}

#[test]
fn a_stream_that_was_made_by_hand_will_do() {
    let Some(broker) = Broker::start() else {
        return;
    };
    let stream = format!(
        r#"{{"name":"chatroom_{ROOM}","subjects":["chatroom.{ROOM}"],"storage":"file","retention":"limits","max_consumers":-1,"max_msgs":-1,"max_bytes":-1,"max_age":0,"num_replicas":1}}"#
    );
    ask(&broker, &format!("STREAM.CREATE.chatroom_{ROOM}"), &stream);
    let station = Station::open(&broker.url(), &options());
    call(station.server.address()).talks("alice", "hello");
}

// The same from outside, as people start it.
#[cfg(all(unix, feature = "cli"))]
#[test]
fn two_programs_on_one_broker_are_one_room_with_a_history() {
    let Some(broker) = Broker::start() else {
        return;
    };
    let url = broker.url();
    let engine = match named("").starts_with("events") {
        true => "events",
        false => "threads",
    };
    let arguments = ["--relay", &url, "--room", ROOM, "--engine", engine];
    let open = || {
        let (program, address) = Program::room(&[&arguments[..], &["--history", "2"]].concat());
        (program, call(address.parse().expect("an address")))
    };
    let (here, mut alice) = open();
    for text in ["one", "two", "three"] {
        alice.talks("alice", text);
    }
    let (there, mut bob) = open();
    assert_eq!(bob.hears(), message("alice", "two"), "the history");
    assert_eq!(bob.hears(), message("alice", "three"));
    bob.talks("bob", "hello");
    assert_eq!(alice.hears(), message("bob", "hello"));
    for (mut program, mut guest) in [(there, bob), (here, alice)] {
        program.gets("INT");
        let goodbye = guest.hears_to_the_end();
        assert!(goodbye[0].contains(server::GOODBYE), "{goodbye:?}");
        program.ends_with(0);
    }
}

/// Stores something past all servers, in the protocol of NATS.
#[track_caller]
fn store(broker: &Broker, id: &str, payload: &str) {
    let mut stranger = TcpStream::connect(broker.address).expect("the broker is there");
    let header = format!("NATS/1.0\r\nNats-Msg-Id: {id}\r\n\r\n");
    let (length, all) = (header.len(), header.len() + payload.len());
    let options = r#"{"verbose":false,"headers":true}"#;
    let said = format!(
        "CONNECT {options}\r\nHPUB chatroom.{ROOM} {length} {all}\r\n{header}{payload}\r\nPING\r\n"
    );
    stranger.write_all(said.as_bytes()).expect("it reads");
    let mut lines = BufReader::new(stranger).lines();
    assert!(lines.any(|line| line.is_ok_and(|line| line == "PONG")));
}

#[test]
fn what_is_stored_twice_is_said_once() {
    let Some(broker) = Broker::start() else {
        return;
    };
    let station = Station::open(&broker.url(), &options());
    let mut alice = call(station.server.address());
    alice.talks("alice", "here");
    let (one, two) = (message("bob", "one"), message("bob", "two"));
    // To the broker these are three messages, for it has long forgotten.
    store(&broker, "b:1", &format!("{one}\n"));
    store(&broker, "b:2", &format!("{two}\n"));
    assert_eq!([alice.hears(), alice.hears()], [one.clone(), two]);
    store(&broker, "b:01", &format!("{one}\n"));
    alice.talks("alice", "bye");
}

#[test]
fn what_is_not_ours_in_the_stream_does_no_harm() {
    let Some(broker) = Broker::start() else {
        return;
    };
    let station = Station::open(&broker.url(), &options());
    let mut alice = call(station.server.address());
    alice.talks("alice", "here");
    store(&broker, "whatever", "half a mess");
    store(&broker, "what:ever", "half a line");
    alice.talks("alice", "what was that?");
}

#[test]
fn rooms_of_other_names_hear_nothing() {
    let Some(broker) = Broker::start() else {
        return;
    };
    let station = Station::open(&broker.url(), &options());
    let relay = Arc::new(Relay::new(&options()));
    let (_member, mut deliveries) = chatroom::chat::outlet::Relayed::room(&*relay).join(|| ());
    let _link = nats::start(&broker.url(), "kitchen", relay.clone()).expect("a relay");
    let mut alice = call(station.server.address());
    alice.talks("alice", "here");
    assert_eq!(deliveries.try_hear(), Ok(None));
}

#[test]
fn a_room_has_one_framing_on_all_servers() {
    let Some(broker) = Broker::start() else {
        return;
    };
    let _station = Station::open(&broker.url(), &options());
    let framing = chatroom::chat::frame::Framing::Header;
    let other = Station::try_open(
        &broker.url(),
        &Options {
            framing,
            ..options()
        },
    );
    let why = other.err().expect("it cannot be in this room").to_string();
    assert!(why.contains("Line frames"), "{why}");
}

#[test]
fn a_server_does_not_start_where_no_broker_is() {
    let relay = Arc::new(Relay::new(&options()));
    let held = Held::new();
    let address = held.address();
    let error = nats::start(&url(address), ROOM, relay).expect_err("nobody is there");
    assert!(error.to_string().contains(&address.to_string()), "{error}");
}

#[test]
fn a_room_has_a_name() {
    for name in ["", "a room", "*", "a.b", ">", "é", &"x".repeat(65)] {
        let relay = Arc::new(Relay::new(&options()));
        let error = nats::start("nats://127.0.0.1:1", name, relay).expect_err(name);
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    }
}

/// A server in a process of its own: this program again, with nothing but
/// [`is_a_server`].
struct Process {
    child: Child,
    address: SocketAddr,
}

const CHILD: &str = "RELAY_BROKER";

#[test]
fn is_a_server() {
    let Some(url) = std::env::var_os(CHILD) else {
        return;
    };
    let url = url.to_str().expect("a URL is text");
    let station = Station::open(
        url,
        &Options {
            history: 10,
            ..options()
        },
    );
    println!("\nlistening on {}", station.server.address());
    let _ = io::stdin().lines().count();
}

impl Process {
    #[track_caller]
    fn start(url: &str) -> Process {
        let program = std::env::current_exe().expect("this program has a path");
        let mut child = Command::new(program)
            .args([
                "--exact",
                &named("is_a_server"),
                "--nocapture",
                "--test-threads=1",
            ])
            .env(CHILD, url)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("this program starts again");
        let stdout = BufReader::new(child.stdout.take().expect("it is piped"));
        let address = stdout.lines().map_while(Result::ok);
        let address = address
            .filter_map(|line| line.strip_prefix("listening on ")?.parse().ok())
            .next();
        let address = address.expect("it says where it listens");
        Process { child, address }
    }

    fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A machine of its own, as far as the network is concerned, behind a cable.
struct Network {
    name: String,
    address: SocketAddr,
}

impl Network {
    /// Makes one, or says that the test is skipped.
    fn new() -> Option<Network> {
        let number = std::process::id();
        let (name, near, far) = (
            format!("relay-{number}"),
            format!("rn{number}"),
            format!("rf{number}"),
        );
        let [.., high, low] = number.to_be_bytes();
        let (here, there) = (
            format!("10.{high}.{low}.1/30"),
            format!("10.{high}.{low}.2/30"),
        );
        if let Err(why) = ip(&format!("netns add {name}")) {
            skipped(&format!("there are no network namespaces: {why}"));
            return None;
        }
        let address = SocketAddr::from(([10, high, low, 2], 4222));
        let network = Network { name, address };
        let name = &network.name;
        for command in [
            format!("link add {near} type veth peer name {far} netns {name}"),
            format!("addr add {here} dev {near}"),
            format!("link set {near} up"),
            format!("-n {name} addr add {there} dev {far}"),
            format!("-n {name} link set {far} up"),
            format!("-n {name} link set lo up"),
        ] {
            if let Err(why) = ip(&command) {
                skipped(&format!("ip {command} fails: {why}"));
                return None;
            }
        }
        Some(network)
    }

    /// Pulls the cable (`down`), or plugs it in (`up`).
    #[track_caller]
    fn link(&self, state: &str) {
        let far = format!("rf{}", std::process::id());
        ip(&format!("-n {} link set {far} {state}", self.name)).expect("a cable");
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        // With it goes its end of the cable, and with that the other.
        let _ = ip(&format!("netns delete {}", self.name));
    }
}

fn ip(arguments: &str) -> Result<(), String> {
    let output = Command::new("ip").args(arguments.split(' ')).output();
    let output = output.map_err(|error| error.to_string())?;
    match output.status.success() {
        true => Ok(()),
        false => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
    }
}

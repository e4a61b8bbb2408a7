//! Chapter 20: the room over TCP.

#[macro_use]
mod fixtures;
subject!(chat::server as chat_server = "../my/chat/server.rs",
    tests = "../my/tests/server.rs" or "../lessons/20-chat_server/answer_tests.rs");

use chat_server::{Chat, ChatServer, GOODBYE, Options, start};
use chatroom::chat::frame::Framing;
use chatroom::chat::limits::Refused;
use chatroom::chat::message::Message;
#[cfg(all(feature = "scale", not(feature = "mine")))]
use chatroom::scale::event_loop::{self, EventServer};
use chatroom::server::Handler;
use chrono::{DateTime, FixedOffset};
use fixtures::*;
use std::cell::RefCell;
use std::io::{self, ErrorKind, Write};
use std::iter;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// A room that is open. All tests but those of one function come through here:
/// nothing else knows which engine drives the room.
pub struct Open {
    server: Engine,
    header: bool,
}

enum Engine {
    Threads(ChatServer),
    #[cfg(all(feature = "scale", not(feature = "mine")))]
    Events(EventServer),
}

/// The name of a test in this file. It stands in a module where another
/// program runs these tests as well, on another engine.
fn named(test: &str) -> String {
    match module_path!().split_once("::") {
        Some((_, module)) => format!("{module}::{test}"),
        None => test.to_owned(),
    }
}

/// Opens a room on this listener.
#[track_caller]
fn open_on(listener: TcpListener, options: &Options) -> Open {
    let header = options.framing == Framing::Header;
    let server = open_doors(listener, options).expect("a room");
    Open { server, header }
}

fn open_doors(listener: TcpListener, options: &Options) -> io::Result<Engine> {
    #[cfg(all(feature = "scale", not(feature = "mine")))]
    if named("").starts_with("events") {
        return event_loop::start(listener, options).map(Engine::Events);
    }
    start(listener, options).map(Engine::Threads)
}

impl Open {
    fn address(&self) -> SocketAddr {
        match &self.server {
            Engine::Threads(server) => server.address(),
            #[cfg(all(feature = "scale", not(feature = "mine")))]
            Engine::Events(server) => server.address(),
        }
    }

    #[track_caller]
    fn shutdown(self) {
        let result = match self.server {
            Engine::Threads(server) => server.shutdown(),
            #[cfg(all(feature = "scale", not(feature = "mine")))]
            Engine::Events(server) => server.shutdown(),
        };
        result.expect("nothing went wrong");
    }

    /// Somebody who is connected, and says nothing yet.
    #[track_caller]
    pub fn calls(&self) -> Guest {
        let stream = TcpStream::connect(self.address()).expect("a room is there");
        Guest::new(Peer::new(stream), self.header)
    }

    /// Members with these names. Each has heard itself and those behind it.
    #[track_caller]
    pub fn with<const N: usize>(&self, names: [&str; N]) -> [Guest; N] {
        let mut members = Vec::new();
        for name in names {
            let mut member = self.calls();
            member.talks(name, "here");
            all_hear(&mut members, &message(name, "here"));
            members.push(member);
        }
        members.try_into().ok().expect("as many as there are names")
    }
}

/// Opens a room on any free port.
#[track_caller]
pub fn open(options: &Options) -> Open {
    let listener = TcpListener::bind(ANY).expect("any port will do");
    open_on(listener, options)
}

/// A room whose connections have little room for what nobody reads.
#[track_caller]
fn open_narrow(options: &Options) -> Open {
    let listener = tcp();
    listener.set_send_buffer_size(4096).expect("a small buffer");
    listener.bind(&ANY.into()).expect("any port will do");
    listener.listen(8).expect("a bound socket can listen");
    open_on(listener.into(), options)
}

/// Nobody is in a hurry, and the clock stands still.
pub fn options() -> Options {
    Options {
        silence: None,
        grace: GUARD,
        clock: morning,
        ..Options::default()
    }
}

fn morning() -> DateTime<FixedOffset> {
    DateTime::parse_from_rfc3339("2024-02-24T08:00:00Z").expect("a time")
}

/// The first message of a client that wants its end to be told.
pub fn hello(name: &str) -> String {
    format!(r#"{{"name":"{name}","msg":"joined","time":"2024-2-24","hello":true}}"#)
}

/// Somebody who has greeted, and never reads.
#[track_caller]
fn deaf(room: &Open, name: &str) -> Guest {
    let socket = tcp();
    socket.set_recv_buffer_size(4096).expect("a small buffer");
    let address = room.address().into();
    socket.connect(&address).expect("a room is there");
    let mut deaf = Guest::new(Peer::new(socket.into()), false);
    deaf.says(hello(name));
    deaf
}

#[track_caller]
fn all_hear(members: &mut [Guest], body: &str) {
    for member in members {
        assert_eq!(member.hears(), body, "what everybody hears");
    }
}

/// What the server says in this body.
#[track_caller]
pub fn words_of_the_server(body: &str) -> String {
    let message = Message::from_json(body.as_bytes());
    let message = message.unwrap_or_else(|why| panic!("{body:?} is no message: {why}"));
    assert_eq!(message.name, "server", "who says {body:?}");
    message.msg
}

/// Waits for an answer of the server, and returns its words.
#[track_caller]
pub fn answer_to(member: &mut Guest) -> String {
    words_of_the_server(&member.hears())
}

/// Says and hears as the notes do: decide, dict, string, end mark, bytes,
/// socket, and back.
const CLIENT: &str = r#"
import json, socket, sys

def connect(name):
    connection = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
    return name, connection, connection.makefile("r", encoding="utf-8")

def say(client, text, name=None):
    message = {"name": name or client[0], "msg": text, "time": "2024-2-24"}
    client[1].sendall((json.dumps(message) + "\n").encode("utf-8"))

def hear(client):
    message = json.loads(client[2].readline())
    return f"{client[0]} hears {message['name']}: {message['msg']}"
"#;

/// Runs these lines behind the client's, on a client of this room.
#[track_caller]
fn python(room: &Open, script: &str) -> Option<Python> {
    let script = format!("{CLIENT}\nsocket.setdefaulttimeout(30)\n{script}");
    let port = room.address().port().to_string();
    Python::start(&script, &[&port])
}

/// So many threads has this process. One that was joined is still in the table
/// for a moment.
#[cfg(target_os = "linux")]
fn threads() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task");
    tasks.expect("proc(5)").count()
}

const HERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 49152);

mod step_1 {
    use super::*;

    #[test]
    fn who_says_something_hears_it() {
        let room = open(&options());
        let mut alice = room.calls();
        let words = message("alice", "hello");
        alice.says(&words);
        assert_eq!(alice.hears(), words);
    }

    #[test]
    fn what_is_said_goes_the_way_of_the_outlet() {
        let (outlet, taken) = SlowRelay::outlet();
        let room = open(&Options {
            grace: GUARD,
            outlet,
            ..options()
        });
        let mut alice = room.calls();
        let words = message("alice", "hello");
        alice.says(&words);
        taken.waits();
        // Only now the relay says it, for alice has said all.
        assert_eq!(alice.leaves(), [words]);
    }

    #[test]
    fn everybody_else_hears_it() {
        let room = open(&options());
        let [mut alice, mut bob, mut carol] = room.with(["alice", "bob", "carol"]);
        alice.talks("alice", "hello");
        assert_eq!(bob.hears(), message("alice", "hello"));
        assert_eq!(carol.hears(), message("alice", "hello"));
    }

    #[test]
    fn it_arrives_as_it_was_written() {
        let room = open(&options());
        let [mut alice, mut bob] = room.with(["alice", "bob"]);
        let words = r#" {"time" :"2024-2-24", "mood":[1],"msg":"\u4f60好 \u0000", "name":"alice"}"#;
        alice.says(words);
        assert_eq!(bob.hears(), words, "not one byte is the server's");
    }

    #[test]
    fn nobody_hears_what_was_said_before_they_came() {
        let room = open(&options());
        let [mut alice] = room.with(["alice"]);
        alice.talks("alice", "is nobody here?");
        let mut bob = room.calls();
        bob.says(message("bob", "I am"));
        assert_eq!(bob.hears(), message("bob", "I am"));
    }

    #[test]
    fn where_there_is_history_a_newcomer_hears_the_last_of_it_first() {
        let history = 2;
        let room = open(&Options {
            history,
            ..options()
        });
        let [mut alice] = room.with(["alice"]);
        for words in ["one", "two", "three"] {
            alice.talks("alice", words);
        }
        let mut bob = room.calls();
        assert_eq!(bob.hears(), message("alice", "two"));
        assert_eq!(bob.hears(), message("alice", "three"));
        bob.talks("bob", "good evening");
    }

    #[test]
    fn a_message_may_come_byte_by_byte() {
        let room = open(&options());
        let mut alice = room.calls();
        let words = message("alice", "你好");
        for byte in alice.frame(words.as_bytes()).chunks(1) {
            alice.sends(byte);
        }
        assert_eq!(alice.hears(), words);
    }

    #[test]
    fn two_messages_may_come_at_once() {
        let room = open(&options());
        let mut alice = room.calls();
        let (one, two) = (message("alice", "one"), message("alice", "two"));
        let both = [alice.frame(one.as_bytes()), alice.frame(two.as_bytes())];
        alice.sends(&both.concat());
        assert_eq!(alice.hears(), one);
        assert_eq!(alice.hears(), two);
    }

    #[test]
    fn a_room_can_have_header_frames() {
        let framing = Framing::Header;
        let room = open(&Options {
            framing,
            ..options()
        });
        let [mut alice, mut bob] = room.with(["alice", "bob"]);
        let words = "{\"name\":\"alice\",\n\"msg\":\"two lines\",\n\"time\":\"2024-2-24\"}";
        alice.says(words);
        assert_eq!(bob.hears(), words);
    }

    #[test]
    fn who_has_said_all_hears_it_and_then_the_end() {
        let room = open(&options());
        let mut alice = room.calls();
        alice.says(message("alice", "one"));
        alice.says(message("alice", "two"));
        let heard = alice.leaves();
        assert_eq!(heard, [message("alice", "one"), message("alice", "two")]);
    }

    #[test]
    fn everything_said_by_a_hundred_reaches_all_hundred_in_one_order() {
        let room = open(&options());
        let names: Vec<String> = (0..100).map(|number| format!("member {number}")).collect();
        let mut members = Vec::new();
        for name in &names {
            let mut member = room.calls();
            member.talks(name, "here");
            members.push(member);
        }
        for (member, name) in members.iter_mut().zip(&names) {
            member.says(message(name, "hello, all"));
        }
        let mut heard: Vec<Vec<String>> = Vec::new();
        for (number, member) in members.iter_mut().enumerate() {
            // First those who came later: 99 of them, then 98, …
            for name in &names[number + 1..] {
                assert_eq!(member.hears(), message(name, "here"));
            }
            heard.push(names.iter().map(|_| member.hears()).collect());
        }
        for other in &heard {
            assert_eq!(*other, heard[0], "one order for all");
        }
        heard[0].sort();
        let mut said: Vec<_> = names.iter().map(|it| message(it, "hello, all")).collect();
        said.sort();
        assert_eq!(heard[0], said, "everything, and nothing else");
    }

    #[test]
    fn small_messages_do_not_wait_for_acknowledgements() {
        let (socket, peer) = connected();
        let (stream, from) = (TcpStream::from(socket), peer.stream().local_addr());
        let ours = stream.try_clone().expect("a descriptor");
        let from = from.expect("it is connected");
        let chat = Chat::new(&options());
        let waiter = Waiter::start(move || chat.handle(&stream, from));
        let mut alice = Guest::new(peer, false);
        alice.says(message("alice", "hello"));
        let heard = alice.leaves();
        waiter.answer().expect("she left in good order");
        assert_eq!(heard.len(), 1, "what alice heard: {heard:?}");
        let at_once = ours.nodelay().expect("an option");
        assert!(at_once, "TCP_NODELAY is not set");
    }

    #[test]
    fn a_python_client_and_ours_hear_each_other() {
        let room = open(&options());
        let [mut alice] = room.with(["alice"]);
        let script = "
client = connect('张三')
say(client, '你好')
print(hear(client))
print(hear(client))
";
        let Some(theirs) = python(&room, script) else {
            return;
        };
        let heard = alice.hears();
        let heard = Message::from_json(heard.as_bytes()).expect("a message");
        assert_eq!((&*heard.name, &*heard.msg), ("张三", "你好"));
        alice.talks("alice", "再见");
        let said = theirs.rest();
        assert_eq!(said, "张三 hears 张三: 你好\n张三 hears alice: 再见\n");
    }

    #[test]
    fn twenty_python_clients_hear_all_thousand_in_one_order() {
        let room = open(&options());
        let script = "
import threading
heard, ready = [None] * 20, threading.Barrier(20)

def chat(number):
    name = f'client {number}'
    client = connect(name)
    say(client, 'here')
    while json.loads(client[2].readline())['name'] != name:
        pass
    ready.wait()
    for count in range(50):
        say(client, f'{count}: 你好')
    lines = []
    while len(lines) < 1000:
        line = client[2].readline()
        assert line, 'the room has hung up'
        if json.loads(line)['msg'] != 'here':
            lines.append(line)
    heard[number] = lines

threads = [threading.Thread(target=chat, args=[number]) for number in range(20)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print('in one order:', all(lines == heard[0] for lines in heard))
print('different:', len(set(heard[0])))
";
        if let Some(theirs) = python(&room, script) {
            let said = theirs.rest();
            assert_eq!(said, "in one order: True\ndifferent: 1000\n");
        }
    }
}

mod step_2 {
    use super::*;

    /// Bob says what is no message: he hears why, and nobody else does.
    #[track_caller]
    fn is_answered(body: &[u8]) {
        let room = open(&options());
        let [mut alice, mut bob] = room.with(["alice", "bob"]);
        bob.says(body);
        let answer = answer_to(&mut bob);
        assert_ne!(answer, "", "the answer says why");
        bob.talks("bob", "as I said");
        assert_eq!(alice.hears(), message("bob", "as I said"));
    }

    #[test]
    fn bad_json_is_answered_and_nobody_else_notices() {
        is_answered(b"hello?");
    }

    #[test]
    fn an_empty_line_is_answered_and_nobody_else_notices() {
        is_answered(b"");
    }

    #[test]
    fn an_array_is_answered_and_nobody_else_notices() {
        is_answered(br#"["bob","hello","2024-2-24"]"#);
    }

    #[test]
    fn a_missing_field_is_answered_and_nobody_else_notices() {
        is_answered(br#"{"name":"bob","time":"2024-2-24"}"#);
    }

    #[test]
    fn a_nul_is_answered_and_nobody_else_notices() {
        is_answered(b"{\"name\":\"bob\",\"msg\":\"\0\",\"time\":\"2024-2-24\"}");
    }

    #[test]
    fn what_is_not_utf8_is_answered_and_nobody_else_notices() {
        is_answered(b"{\"name\":\"bob\",\"msg\":\"\xff\",\"time\":\"2024-2-24\"}");
    }

    /// To a reader who takes a carriage return for an end: rubbish, then
    /// something that alice has not said, then rubbish.
    const TORN: &str = concat!(
        "{\"x\":\r",
        r#"{"name":"alice","msg":"I owe bob","time":"2024-2-24"}"#,
        "\r",
        r#","name":"bob","msg":"hello","time":"2024-2-24"}"#
    );

    #[test]
    fn a_line_that_others_would_tear_is_answered_and_nobody_else_notices() {
        is_answered(TORN.as_bytes());
        is_answered(format!("{}\r\r", message("bob", "hello")).as_bytes());
    }

    #[test]
    fn a_line_may_end_as_telnet_ends_it() {
        let room = open(&options());
        let [mut alice, mut bob] = room.with(["alice", "bob"]);
        let words = message("bob", "hello") + "\r";
        bob.says(&words);
        assert_eq!(alice.hears(), words, "byte for byte");
    }

    #[test]
    fn behind_a_header_nothing_tears() {
        let framing = Framing::Header;
        let room = open(&Options {
            framing,
            ..options()
        });
        let [mut alice, mut bob] = room.with(["alice", "bob"]);
        bob.says(TORN);
        assert_eq!(alice.hears(), TORN, "byte for byte");
    }

    #[test]
    fn pythons_readline_hears_nothing_that_alice_has_not_said() {
        let room = open(&options());
        let script = r#"
alice, eve = connect("alice"), connect("eve")
say(alice, "hello")
hear(alice)
forged = '{"x":\r{"name":"alice","msg":"I owe eve","time":"2024-2-24"}\r'
eve[1].sendall((forged + ',"name":"eve","msg":"hi","time":"2024-2-24"}\n').encode())
say(eve, "hello")
print(hear(alice))
"#;
        if let Some(theirs) = python(&room, script) {
            assert_eq!(theirs.rest(), "alice hears eve: hello\n");
        }
    }

    #[test]
    fn an_answer_is_a_message_with_the_time_of_the_servers_clock() {
        let room = open(&options());
        let mut bob = room.calls();
        bob.says("hello?");
        let answer = bob.hears();
        let time = r#""time":"2024-02-24T08:00:00Z"}"#;
        assert!(answer.ends_with(time), "{time} at the end of {answer}");
    }

    #[test]
    fn an_answer_has_the_framing_of_the_room() {
        let framing = Framing::Header;
        let room = open(&Options {
            framing,
            ..options()
        });
        let mut bob = room.calls();
        bob.says("hello?");
        answer_to(&mut bob);
        bob.talks("bob", "hello");
    }

    #[test]
    fn a_message_as_long_as_the_limit_is_heard() {
        let words = message("bob", "hello");
        let frame = words.len();
        let room = open(&Options { frame, ..options() });
        let mut bob = room.calls();
        bob.talks("bob", "hello");
    }

    #[test]
    fn one_byte_more_is_answered_and_ends_the_connection() {
        let frame = message("bob", "hello").len();
        let room = open(&Options { frame, ..options() });
        let mut bob = room.calls();
        bob.says(message("bob", "hello!"));
        let heard = bob.hears_to_the_end();
        assert_eq!(heard.len(), 1, "an answer and the end: {heard:?}");
        words_of_the_server(&heard[0]);
    }

    #[test]
    fn a_line_without_an_end_is_answered_before_it_ends() {
        let frame = 100;
        let room = open(&Options { frame, ..options() });
        let mut bob = room.calls();
        bob.sends(&[b'x'; 101]);
        let heard = bob.hears_to_the_end();
        assert_eq!(heard.len(), 1, "an answer and the end: {heard:?}");
    }

    #[test]
    fn a_header_that_promises_4_gib_is_answered_and_ends_the_connection() {
        let framing = Framing::Header;
        let room = open(&Options {
            framing,
            ..options()
        });
        let mut bob = room.calls();
        bob.sends(b"\xff\xff\xff\xff");
        let heard = bob.hears_to_the_end();
        assert_eq!(heard.len(), 1, "an answer and the end: {heard:?}");
        words_of_the_server(&heard[0]);
    }

    #[test]
    fn half_a_message_and_the_end_is_answered() {
        let room = open(&options());
        let mut bob = room.calls();
        bob.sends(br#"{"name":"bob","#);
        let heard = bob.leaves();
        assert_eq!(heard.len(), 1, "an answer and the end: {heard:?}");
        words_of_the_server(&heard[0]);
    }

    #[test]
    fn who_is_sent_away_hears_first_what_was_said_before() {
        let frame = 100;
        let room = open(&Options { frame, ..options() });
        let mut bob = room.calls();
        bob.says(message("bob", "hello"));
        bob.says("hello?");
        bob.says([b'x'; 101]);
        let heard = bob.hears_to_the_end();
        assert_eq!(heard.len(), 3, "a message, two answers: {heard:?}");
        assert_eq!(heard[0], message("bob", "hello"));
        words_of_the_server(&heard[1]);
        words_of_the_server(&heard[2]);
    }

    #[test]
    fn who_is_sent_away_is_heard_out() {
        let frame = 100;
        let room = open(&Options { frame, ..options() });
        let mut bob = room.calls();
        // Far more than the kernel keeps for somebody who does not read.
        let peer = bob.stream().try_clone().expect("a descriptor");
        let talks = thread::spawn(move || (&peer).write_all(&vec![b'x'; 12 * 1024 * 1024]));
        let heard = bob.hears_to_the_end();
        let said = talks.join().expect("a write does not panic");
        said.expect("no reset, as long as the server listens");
        assert_eq!(heard.len(), 1, "an answer and the end: {heard:?}");
    }

    #[test]
    fn who_is_sent_away_takes_nobody_along() {
        let frame = 100;
        let room = open(&Options { frame, ..options() });
        let [mut alice, mut bob] = room.with(["alice", "bob"]);
        bob.sends(&[b'x'; 101]);
        bob.hears_to_the_end();
        alice.talks("alice", "still here");
    }

    #[test]
    fn a_clock_that_panics_ends_one_connection_and_no_other() {
        static BROKEN: AtomicBool = AtomicBool::new(false);
        fn broken() -> DateTime<FixedOffset> {
            assert!(!BROKEN.swap(false, Ordering::SeqCst), "no time, as told");
            morning()
        }
        let clock = broken;
        let room = open(&Options { clock, ..options() });
        let [mut alice] = room.with(["alice"]);
        let mut bob = room.calls();
        BROKEN.store(true, Ordering::SeqCst);
        bob.says("hello?");
        assert_eq!(bob.hears_to_the_end(), [""; 0], "there was no time for it");
        alice.talks("alice", "still here");
    }
}

mod step_3 {
    use super::*;

    #[test]
    fn a_second_person_of_a_name_is_refused() {
        let room = open(&options());
        let [mut alice] = room.with(["alice"]);
        let mut other = room.calls();
        other.says(message("alice", "I am alice"));
        answer_to(&mut other);
        alice.talks("alice", "no, I am");
    }

    #[test]
    fn who_was_refused_may_try_another_name() {
        let room = open(&options());
        let [mut alice] = room.with(["alice"]);
        let mut other = room.calls();
        other.says(message("alice", "I am alice"));
        answer_to(&mut other);
        other.talks("bob", "then bob");
        assert_eq!(alice.hears(), message("bob", "then bob"));
    }

    #[test]
    fn a_member_that_takes_another_name_is_refused() {
        let room = open(&options());
        let [mut alice, mut bob] = room.with(["alice", "bob"]);
        bob.says(message("carol", "I am carol"));
        let answer = answer_to(&mut bob);
        assert!(answer.contains("bob"), "the name that it has: {answer}");
        bob.talks("bob", "well, bob");
        assert_eq!(alice.hears(), message("bob", "well, bob"));
    }

    #[test]
    fn a_message_that_was_refused_gives_no_name() {
        let room = open(&options());
        let mut bob = room.calls();
        bob.says(r#"{"name":"robert","msg":"hello"}"#);
        answer_to(&mut bob);
        bob.talks("bob", "there was no time");
    }

    #[test]
    fn nobody_is_called_server() {
        let room = open(&options());
        let mut bob = room.calls();
        for name in ["server", "Server", " server "] {
            bob.says(message(name, "the room is closing"));
            let answer = answer_to(&mut bob);
            assert_ne!(answer, "the room is closing", "as {name:?}");
        }
        bob.talks("bob", "it is not");
    }

    #[test]
    fn a_name_that_looks_like_another_is_refused() {
        let room = open(&options());
        let mut other = room.calls();
        for name in [
            "alice ",
            " alice",
            "\u{a0}alice",
            "al\u{200b}ice",
            "alice\u{feff}",
            "ser\u{200b}ver",
            "alice\u{ad}",
            "alice\u{3164}",
            "alice\u{fe0f}",
            "ali\u{7f}ce",
            "ali\u{202e}ce",
        ] {
            other.says(message(name, "hello"));
            let answer = answer_to(&mut other);
            assert_ne!(answer, "hello", "as {name:?}");
        }
        other.talks("张三 the 1st", "a name that can be seen");
    }

    #[test]
    fn the_answer_shows_what_nobody_sees() {
        let room = open(&options());
        let mut other = room.calls();
        other.says(message("al\u{200b}ice", "hello"));
        let answer = answer_to(&mut other);
        assert!(answer.contains(r"\u{200b}"), "what is wrong: {answer}");
    }

    #[test]
    fn who_was_dropped_does_not_speak_for_the_next_of_that_name() {
        let chat = Chat::new(&options());
        let words = message("alice", "hello");
        let (mut first, to_first) = chat.enter(HERE, || ()).expect("a place");
        first.take(words.as_bytes()).expect("a free name");
        // As when nothing more can be written to her.
        drop(to_first);
        let (mut second, mut to_second) = chat.enter(HERE, || ()).expect("a place");
        second.take(words.as_bytes()).expect("the first is gone");
        to_second.hear().expect("the second hears herself");
        let taken = first.take(message("alice", "I owe bob").as_bytes());
        assert!(taken.is_err(), "the first is not alice any more");
        assert_eq!(to_second.try_hear(), Ok(None), "what the second hears");
    }

    #[test]
    fn a_name_is_free_when_its_owner_has_left() {
        let room = open(&options());
        let [alice] = room.with(["alice"]);
        alice.leaves();
        room.calls().talks("alice", "here");
    }

    #[test]
    fn who_is_gone_in_silence_causes_no_line() {
        let room = open(&options());
        let [mut alice, bob] = room.with(["alice", "bob"]);
        bob.leaves();
        alice.talks("alice", "nobody said a word");
    }

    /// Bob greets, and ends in some way: alice hears that he left.
    #[track_caller]
    fn is_missed(options: &Options, ends: impl FnOnce(Guest)) {
        let room = open(options);
        let [mut alice] = room.with(["alice"]);
        let mut bob = room.calls();
        bob.says(hello("bob"));
        assert_eq!(alice.hears(), hello("bob"));
        ends(bob);
        assert_eq!(answer_to(&mut alice), "bob left");
        // Who hears it can rely on it.
        room.calls().talks("bob", "here");
    }

    #[test]
    fn who_has_greeted_is_missed() {
        is_missed(&options(), Guest::closes);
    }

    #[test]
    fn who_has_greeted_is_missed_after_a_reset() {
        is_missed(&options(), Guest::resets);
    }

    #[test]
    fn who_has_greeted_is_missed_after_half_a_message_and_a_reset() {
        is_missed(&options(), |mut bob| {
            bob.sends(br#"{"name":"bob","#);
            bob.resets();
        });
    }

    #[test]
    fn who_has_greeted_is_missed_after_a_framing_error() {
        let frame = 100;
        is_missed(&Options { frame, ..options() }, |mut bob| {
            bob.sends(&[b'x'; 101]);
        });
    }

    #[test]
    fn who_leaves_does_not_hear_of_it() {
        let room = open(&options());
        let mut bob = room.calls();
        bob.says(hello("bob"));
        assert_eq!(bob.leaves(), [hello("bob")]);
    }

    #[test]
    fn a_greeting_that_is_not_true_is_none() {
        let room = open(&options());
        let [mut alice] = room.with(["alice"]);
        let mut bob = room.calls();
        let words = r#"{"name":"bob","msg":"","time":"2024-2-24","hello":"true"}"#;
        bob.says(words);
        assert_eq!(alice.hears(), words);
        bob.leaves();
        alice.talks("alice", "nobody said a word");
    }

    #[test]
    fn only_the_first_message_greets() {
        let room = open(&options());
        let [mut alice, mut bob] = room.with(["alice", "bob"]);
        bob.says(hello("bob"));
        assert_eq!(alice.hears(), hello("bob"));
        bob.leaves();
        alice.talks("alice", "nobody said a word");
    }

    #[test]
    fn a_refused_greeting_is_no_one_to_miss() {
        let room = open(&options());
        let [mut alice] = room.with(["alice"]);
        let mut other = room.calls();
        other.says(hello("alice"));
        answer_to(&mut other);
        other.leaves();
        alice.talks("alice", "nobody said a word");
    }

    #[test]
    fn python_clients_talk_and_none_speaks_for_another() {
        let room = open(&options());
        let script = r#"
alice = connect("alice")
say(alice, "你好")
print(hear(alice))
bob = connect("bob")
say(bob, "hello")
print(hear(bob), hear(alice), sep="\n")
say(bob, "I owe bob a cake", name="alice")
print(hear(bob))
say(alice, "I owe nobody a cake")
print(hear(alice), hear(bob), sep="\n")
"#;
        let expected = r#"alice hears alice: 你好
bob hears bob: hello
alice hears bob: hello
bob hears server: your name here is "bob"
alice hears alice: I owe nobody a cake
bob hears alice: I owe nobody a cake
"#;
        if let Some(theirs) = python(&room, script) {
            let said = theirs.rest();
            assert_eq!(said, expected, "what the script printed");
        }
    }
}

mod step_4 {
    use super::*;

    /// A room for so many.
    fn for_(members: usize) -> Options {
        Options {
            members,
            ..options()
        }
    }

    #[test]
    fn who_is_one_too_many_hears_why_and_the_end() {
        let room = open(&for_(2));
        let [_alice, _bob] = room.with(["alice", "bob"]);
        let heard = room.calls().hears_to_the_end();
        assert_eq!(heard.len(), 1, "an answer and the end: {heard:?}");
        words_of_the_server(&heard[0]);
    }

    #[test]
    fn who_is_one_too_many_hears_why_whatever_it_says() {
        let room = open(&for_(1));
        let [mut alice] = room.with(["alice"]);
        let mut bob = room.calls();
        bob.says(message("bob", "hello"));
        let heard = bob.hears_to_the_end();
        assert_eq!(heard.len(), 1, "an answer and the end: {heard:?}");
        words_of_the_server(&heard[0]);
        alice.talks("alice", "nobody else spoke");
    }

    #[test]
    fn who_says_nothing_takes_a_place_as_well() {
        let room = open(&for_(1));
        let mut silent = room.calls();
        // It is in for certain when it was answered, and stays.
        for _ in 0..2 {
            silent.says("hello?");
            answer_to(&mut silent);
        }
        let heard = room.calls().hears_to_the_end();
        assert_eq!(heard.len(), 1, "an answer and the end: {heard:?}");
    }

    #[test]
    fn who_leaves_makes_room_for_the_next() {
        let room = open(&for_(1));
        for name in ["alice", "bob", "carol"] {
            let [member] = room.with([name]);
            member.leaves();
        }
    }

    #[test]
    fn a_hundred_who_are_too_many_cost_nobody_a_place() {
        let room = open(&for_(1));
        let [alice] = room.with(["alice"]);
        for _ in 0..100 {
            room.calls().hears_to_the_end();
        }
        alice.leaves();
        room.calls().talks("bob", "here");
    }

    #[test]
    fn too_many_from_one_address_are_refused() {
        let per_address = 2;
        let room = open(&Options {
            per_address,
            ..options()
        });
        let [_alice, bob] = room.with(["alice", "bob"]);
        let heard = room.calls().hears_to_the_end();
        assert_eq!(heard.len(), 1, "an answer and the end: {heard:?}");
        bob.leaves();
        room.calls().talks("carol", "here");
    }

    #[test]
    fn an_address_has_one_count_however_it_is_written() {
        let per_address = 1;
        let chat = Chat::new(&Options {
            per_address,
            ..options()
        });
        let mapped = Ipv4Addr::LOCALHOST.to_ipv6_mapped();
        let mapped = SocketAddr::new(mapped.into(), 49153);
        let place = chat.enter(mapped, || ()).expect("nobody is there");
        let refused = chat.enter(HERE, || ()).map(drop);
        assert_eq!(refused, Err(Refused::TooManyFromThere), "{mapped} is here");
        drop(place);
        assert!(chat.enter(HERE, || ()).is_ok(), "nobody is there any more");
    }

    #[test]
    fn the_log_tells_who_came_whom_it_refused_and_whom_it_dropped() {
        let test = named("step_4::the_log_tells_who_came_whom_it_refused_and_whom_it_dropped");
        alone(&test, || {
            let book: &Logbook = Box::leak(Box::new(Logbook::new()));
            log::set_logger(book).expect("this process has no other");
            let (per_address, behind) = (1, 100);
            let chat = Chat::new(&Options {
                per_address,
                behind,
                ..options()
            });
            let there = |last| SocketAddr::from(([192, 0, 2, last], 49152));
            let (mut alice, mut to_alice) = chat.enter(there(1), || ()).expect("a place");
            let (slow, _to_slow) = chat.enter(there(2), || ()).expect("a place");
            assert!(chat.enter(there(2), || ()).is_err(), "one is here");
            for _ in 0..3 {
                alice
                    .take(message("alice", "hello").as_bytes())
                    .expect("a message");
                to_alice.hear().expect("alice listens");
            }
            drop((alice, slow));
            let lines = book.entries().into_iter();
            let lines = lines.map(|it| (it.level, it.message));
            let lines: Vec<_> = lines
                .filter(|(_, text)| text.contains("192.0.2."))
                .collect();
            let tells = |level, words: [&str; 2]| {
                let tells = |text: &str| words.iter().all(|word| text.contains(word));
                let found = (lines.iter()).any(|(its, text)| *its == level && tells(text));
                assert!(found, "no {level} line with {words:?} in it: {lines:#?}");
            };
            tells(log::Level::Info, ["192.0.2.1:49152", "alice"]);
            tells(log::Level::Info, ["192.0.2.2:49152", "from your address"]);
            tells(log::Level::Warn, ["192.0.2.2:49152", "behind"]);
        });
    }

    // Only Linux has all of 127.0.0.0/8.
    #[cfg(target_os = "linux")]
    #[test]
    fn another_address_has_its_own_count() {
        let per_address = 1;
        let room = open(&Options {
            per_address,
            ..options()
        });
        let [_alice] = room.with(["alice"]);
        let socket = tcp();
        let other = SocketAddr::from(([127, 0, 0, 2], 0));
        socket.bind(&other.into()).expect("an address of our own");
        socket.connect(&room.address().into()).expect("a room");
        let mut bob = Guest::new(Peer::new(socket.into()), false);
        bob.talks("bob", "here");
    }

    #[test]
    fn a_limit_of_nobody_is_an_error() {
        let nobody = for_(0);
        let listener = TcpListener::bind(ANY).expect("any port will do");
        let error = refused(open_doors(listener, &nobody).map(drop), "who would get in?");
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    }

    /// What a scripted visitor does: each time it is read, 40 ms pass, and one
    /// of these comes. Returns how the visit ended, and how long each read was
    /// allowed to wait, in milliseconds.
    #[track_caller]
    fn visit(pieces: &[&str]) -> (io::Result<()>, Vec<Option<u128>>) {
        let silence = Some(Duration::from_millis(100));
        let chat = Chat::new(&Options {
            silence,
            ..options()
        });
        let (clock, waits) = (Clock::new(), RefCell::new(Vec::new()));
        let mut pieces = pieces.iter();
        let read = |buffer: &mut [u8], wait: Option<Duration>| {
            waits.borrow_mut().push(wait.map(|wait| wait.as_millis()));
            clock.passes(Duration::from_millis(40));
            let piece = pieces.next().map_or("", |piece| *piece);
            buffer[..piece.len()].copy_from_slice(piece.as_bytes());
            Ok(piece.len())
        };
        let (mut visit, _deliveries) = chat.enter(HERE, || ()).expect("there is a place");
        let result = visit.listen(read, || clock.now());
        (result, waits.take())
    }

    #[test]
    fn one_time_is_allowed_for_the_first_message_and_not_for_each_piece() {
        let (result, waits) = visit(&["{", "\"", "n", "a", "m", "e", "\""]);
        assert_eq!(waits, [Some(100), Some(60), Some(20)], "ms to wait");
        let error = refused(result, "120 ms have passed, of 100");
        assert_eq!(error.kind(), ErrorKind::TimedOut);
    }

    #[test]
    fn rubbish_is_no_first_message() {
        let (result, waits) = visit(&["hello?\n", "hello?\n", "hello?\n", "hello?\n"]);
        assert_eq!(waits, [Some(100), Some(60), Some(20)], "ms to wait");
        let error = refused(result, "120 ms have passed, of 100");
        assert_eq!(error.kind(), ErrorKind::TimedOut);
    }

    #[test]
    fn behind_the_first_message_one_may_be_silent() {
        let words = message("bob", "hello") + "\n";
        let (result, waits) = visit(&["\n", &words, "{", "hello", "?\n"]);
        let expected = [Some(100), Some(60), None, None, None, None];
        assert_eq!(waits, expected, "ms to wait");
        result.expect("bob has left in good order");
    }

    #[test]
    fn who_says_nothing_for_too_long_hears_why_and_the_end() {
        let silence = Some(Duration::from_millis(20));
        let room = open(&Options {
            silence,
            ..options()
        });
        let heard = room.calls().hears_to_the_end();
        assert_eq!(heard.len(), 1, "an answer and the end: {heard:?}");
        words_of_the_server(&heard[0]);
    }

    #[test]
    fn who_says_half_a_message_and_no_more_hears_why_and_the_end() {
        let silence = Some(Duration::from_millis(20));
        let room = open(&Options {
            silence,
            ..options()
        });
        let mut bob = room.calls();
        bob.sends(br#"{"name":"bob","#);
        let heard = bob.hears_to_the_end();
        assert_eq!(heard.len(), 1, "an answer and the end: {heard:?}");
    }

    #[test]
    fn who_never_reads_is_dropped_and_the_others_hear_everything() {
        let behind = 256 * 1024;
        let room = open_narrow(&Options {
            behind,
            ..options()
        });
        let [mut alice] = room.with(["alice"]);
        let _deaf = deaf(&room, "deaf");
        assert_eq!(alice.hears(), hello("deaf"));
        let words = "x".repeat(16 * 1024);
        // Far more than the bound and what the kernel keeps.
        let words = message("alice", &words);
        let mut others = Vec::new();
        for _ in 0..100 {
            alice.says(&words);
            // Between her words stands what the room says, once.
            others.extend(iter::repeat_with(|| alice.hears()).take_while(|it| *it != words));
        }
        if others.is_empty() {
            others.push(alice.hears());
        }
        let others: Vec<_> = others.iter().map(|it| words_of_the_server(it)).collect();
        assert_eq!(others, ["deaf left"]);
    }

    #[test]
    fn who_has_said_all_and_never_reads_is_hung_up_on() {
        let chat = Arc::new(Chat::new(&Options {
            behind: 16 * 1024 * 1024,
            grace: Duration::from_millis(50),
            ..options()
        }));
        let (socket, peer) = connected();
        socket.set_send_buffer_size(4096).expect("a small buffer");
        let (stream, from) = (TcpStream::from(socket), peer.stream().local_addr());
        let (host, from) = (chat.clone(), from.expect("it is connected"));
        let waiter = Waiter::start(move || host.handle(&stream, from));
        let mut mallory = Guest::new(peer, false);
        mallory.talks("mallory", "here");
        let (mut alice, _to_alice) = chat.enter(HERE, || ()).expect("there is a place");
        let words = message("alice", &"x".repeat(32 * 1024));
        for _ in 0..256 {
            alice.take(words.as_bytes()).expect("alice is here");
        }
        mallory.half_closes();
        assert!(waiter.answer().is_ok(), "mallory has left in good order");
    }

    #[test]
    fn who_asks_for_answers_and_never_reads_them_is_dropped() {
        let behind = 64 * 1024;
        let room = open_narrow(&Options {
            behind,
            ..options()
        });
        let [mut alice] = room.with(["alice"]);
        let deaf = deaf(&room, "deaf");
        assert_eq!(alice.hears(), hello("deaf"));
        let lines = "hello?\n".repeat(1000);
        // It ends, or the answers grow for ever.
        while (deaf.stream()).write_all(lines.as_bytes()).is_ok() {}
        assert_eq!(answer_to(&mut alice), "deaf left");
    }

    // Only Linux says how much memory is in use.
    #[cfg(target_os = "linux")]
    #[test]
    fn memory_stays_flat_when_somebody_never_reads() {
        let test = named("step_4::memory_stays_flat_when_somebody_never_reads");
        alone(&test, || {
            const MIB: usize = 1024 * 1024;
            let behind = MIB / 4;
            let room = open_narrow(&Options {
                behind,
                ..options()
            });
            let [mut alice] = room.with(["alice"]);
            let _deaf = deaf(&room, "deaf");
            assert_eq!(alice.hears(), hello("deaf"));
            let words = message("alice", &"x".repeat(60 * 1024));
            let before = resident();
            for _ in 0..10 * MIB / words.len() {
                alice.says(&words);
                while alice.hears() != words {}
            }
            let grown = resident().saturating_sub(before);
            // 10 MiB were said.
            assert!(grown < 5 * MIB, "grown by {} KiB", grown / 1024);
        });
    }

    /// The memory of this process that is in use, in bytes: `proc_pid_status(5)`.
    #[cfg(target_os = "linux")]
    fn resident() -> usize {
        let status = std::fs::read_to_string("/proc/self/status").expect("proc(5)");
        let line = status.lines().find(|line| line.starts_with("VmRSS:"));
        let number = line.and_then(|line| line.split_whitespace().nth(1));
        let kib: Option<usize> = number.and_then(|number| number.parse().ok());
        kib.expect("a number of KiB") * 1024
    }

    /// A thousand and not ten: so many take half a second. `make soak` has tens
    /// of thousands.
    #[test]
    fn a_thousand_joins_and_leaves_leave_nothing_behind() {
        // One place for alice and one for bob, so each bob needs the last one's.
        let room = open(&for_(2));
        let [mut alice] = room.with(["alice"]);
        for number in 0..1000 {
            let mut bob = room.calls();
            bob.says(hello("bob"));
            assert_eq!(alice.hears(), hello("bob"), "visit {number}");
            match number % 4 {
                0 => bob.closes(),
                1 => bob.resets(),
                2 => {
                    bob.sends(br#"{"name":"bob","#);
                    bob.resets();
                }
                _ => bob.half_closes(),
            }
            assert_eq!(answer_to(&mut alice), "bob left", "visit {number}");
        }
        alice.talks("alice", "nobody is left");
    }

    // Only Linux has a table of descriptors and of threads to look at.
    #[cfg(target_os = "linux")]
    #[test]
    fn who_came_and_went_leaves_no_descriptor_no_thread_and_no_memory() {
        let test = named("step_4::who_came_and_went_leaves_no_descriptor_no_thread_and_no_memory");
        alone(&test, || {
            let room = open(&options());
            let [mut alice] = room.with(["alice"]);
            let before = (descriptor::held().len(), threads());
            let mut first = None;
            for number in 0..400 {
                let mut bob = room.calls();
                bob.says(hello("bob"));
                assert_eq!(alice.hears(), hello("bob"), "visit {number}");
                match number % 2 {
                    0 => bob.closes(),
                    _ => bob.resets(),
                }
                assert_eq!(answer_to(&mut alice), "bob left", "visit {number}");
                if number == 200 {
                    first = Some(resident());
                }
            }
            let end = Instant::now() + GUARD;
            // Whose name is free may still be hanging up for a moment.
            while (descriptor::held().len(), threads()) != before {
                let now = (descriptor::held().len(), threads());
                assert!(Instant::now() < end, "{now:?}, and before {before:?}");
                thread::yield_now();
            }
            let grown = resident().saturating_sub(first.expect("200 visits"));
            assert!(grown < 2 * 1024 * 1024, "grown by {} KiB", grown / 1024);
        });
    }
}

mod step_5 {
    use super::*;

    #[test]
    fn when_the_room_closes_everybody_hears_the_goodbye_and_the_end() {
        let room = open(&options());
        let mut members = room.with(["alice", "bob", "carol"]);
        room.shutdown();
        for member in &mut members {
            let heard = member.hears_to_the_end();
            let heard: Vec<_> = heard.iter().map(|it| words_of_the_server(it)).collect();
            assert_eq!(heard, [GOODBYE]);
        }
    }

    #[test]
    fn who_has_said_nothing_hears_the_goodbye_as_well() {
        let room = open(&options());
        let mut silent = room.calls();
        for _ in 0..2 {
            silent.says("hello?");
            answer_to(&mut silent);
        }
        room.shutdown();
        assert_eq!(answer_to(&mut silent), GOODBYE);
    }

    #[test]
    fn a_room_that_is_dropped_says_goodbye() {
        let room = open(&options());
        let [mut alice] = room.with(["alice"]);
        drop(room);
        assert_eq!(answer_to(&mut alice), GOODBYE);
    }

    #[test]
    fn what_was_said_before_the_end_is_heard_before_the_goodbye() {
        let room = open(&options());
        let [mut alice, mut bob] = room.with(["alice", "bob"]);
        let words: Vec<_> = (0..100)
            .map(|it| message("alice", &it.to_string()))
            .collect();
        for words in &words {
            alice.says(words);
        }
        // The last one is in the room when alice has heard it.
        while alice.hears() != words[99] {}
        room.shutdown();
        let mut heard = bob.hears_to_the_end();
        let goodbye = heard.pop().expect("a goodbye");
        assert_eq!(words_of_the_server(&goodbye), GOODBYE);
        assert_eq!(heard, words);
    }

    #[test]
    fn an_empty_room_closes() {
        open(&options()).shutdown();
    }

    #[test]
    fn who_greeted_is_not_missed_when_all_leave() {
        let room = open(&options());
        let mut bob = room.calls();
        bob.says(hello("bob"));
        assert_eq!(bob.hears(), hello("bob"));
        room.shutdown();
        assert_eq!(bob.hears_to_the_end().len(), 1, "the goodbye");
    }

    #[test]
    fn who_never_reads_does_not_hold_up_the_end() {
        let grace = Duration::from_millis(50);
        let room = open_narrow(&Options { grace, ..options() });
        let [mut alice] = room.with(["alice"]);
        let _deaf = deaf(&room, "deaf");
        assert_eq!(alice.hears(), hello("deaf"));
        // Less than the bound, and more than the kernel keeps.
        let words = "x".repeat(32 * 1024);
        for _ in 0..50 {
            alice.talks("alice", &words);
        }
        room.shutdown();
    }

    #[test]
    fn who_is_only_being_told_why_it_must_go_does_not_hold_up_the_end() {
        let members = 1;
        let room = open(&Options {
            members,
            ..options()
        });
        let [_alice] = room.with(["alice"]);
        let mut bob = room.calls();
        bob.hears_to_the_end();
        room.shutdown();
    }

    // Only Linux says which threads sleep.
    #[cfg(target_os = "linux")]
    #[test]
    fn the_end_waits_for_those_who_still_listen() {
        let chat = Arc::new(Chat::new(&options()));
        let (visit, _deliveries) = chat.enter(HERE, || ()).expect("there is a place");
        let closing = chat.clone();
        let Ok(waiter) = Waiter::start(move || closing.close()).blocks() else {
            panic!("nobody has left, and the time of grace is not over");
        };
        drop(visit);
        waiter.answer();
    }

    #[test]
    fn nobody_enters_a_room_that_is_closing() {
        let chat = Chat::new(&options());
        chat.close();
        let refused = chat.enter(HERE, || ()).map(drop);
        assert_eq!(refused, Err(Refused::Closing));
    }

    #[test]
    fn the_port_is_free_when_the_room_is_closed() {
        alone(
            &named("step_5::the_port_is_free_when_the_room_is_closed"),
            || {
                let room = open_on(
                    TcpListener::bind(own_loopback()).expect("any port will do"),
                    &options(),
                );
                let address = room.address();
                let [_alice] = room.with(["alice"]);
                room.shutdown();
                let error = refused(TcpStream::connect(address), "nobody is there");
                assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
            },
        );
    }

    // Only Linux has a table of descriptors and of threads to look at.
    #[cfg(target_os = "linux")]
    #[test]
    fn many_rooms_leave_nothing_behind() {
        alone(&named("step_5::many_rooms_leave_nothing_behind"), || {
            let before = (descriptor::held().len(), threads());
            for _ in 0..50 {
                let room = open(&options());
                let [_alice, bob, mut carol] = room.with(["alice", "bob", "carol"]);
                bob.resets();
                carol.says("hello?");
                answer_to(&mut carol);
                room.shutdown();
            }
            assert_eq!(descriptor::held().len(), before.0, "descriptors");
            // A thread that was joined is in the table a moment longer.
            let end = Instant::now() + GUARD;
            while threads() != before.1 {
                assert!(Instant::now() < end, "{} threads", threads());
                thread::yield_now();
            }
        });
    }
}

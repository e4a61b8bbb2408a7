//! Chapter 18: one half says, the other hears.

#[macro_use]
mod fixtures;
subject!(chat::client = "../my/chat/client.rs",
    tests = "../my/tests/client.rs" or "../lessons/18-client/answer_tests.rs");

use crate::client::{LIMIT, Receiver, Sender, connect, talk};
use chatroom::chat::frame::Framing;
use chatroom::chat::message::Message;
use chatroom::chat::server::{self, ChatServer, Options};
use chrono::DateTime;
use fixtures::peer::text;
use fixtures::*;
use socket2::SockRef;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::time::Duration;

/// The message of the notes, as it stands on the wire without its frame.
const NOTE: &str = r#"{"name":"张三","msg":"你好","time":"2024-2-24"}"#;

fn note() -> Message {
    Message::from_json(NOTE.as_bytes()).expect("it is a message")
}

/// What alice says.
fn says(words: &str) -> Message {
    said_by("alice", words)
}

fn said_by(name: &str, words: &str) -> Message {
    let time = DateTime::parse_from_rfc3339("2024-02-24T08:00:00Z").expect("a time");
    Message::new(name, words, time)
}

/// A message of more bytes than a tight connection has room for.
fn long() -> Message {
    says(&"a".repeat(60_000))
}

/// Whoever was heard so far and has more to say is in the middle.
const BEGUN: usize = 100;

/// The longest message that may be sent.
fn longest() -> Message {
    let rest = says("").to_json().len();
    says(&"a".repeat(LIMIT - rest))
}

fn line(message: &Message) -> Vec<u8> {
    format!("{}\n", message.to_json()).into_bytes()
}

/// A client, and the peer in the room's place.
#[track_caller]
fn talking(framing: Framing) -> (Sender, Receiver, Peer) {
    let (socket, peer) = connected();
    let (sender, receiver) = talk(socket.into(), framing).expect("a connection can be used");
    (sender, receiver, peer)
}

/// What the peer hears when these messages are sent, up to the end.
#[track_caller]
fn heard(framing: Framing, messages: &[Message]) -> Vec<u8> {
    let (sender, receiver, mut peer) = talking(framing);
    for message in messages {
        sender.send(message).expect("the peer is there");
    }
    drop((sender, receiver));
    peer.hears_to_the_end()
}

/// A receiver whose room said these bytes and then hung up. The sender comes
/// along, so that the connection lives.
#[track_caller]
fn hearing(framing: Framing, bytes: &[u8]) -> (Sender, Receiver, Peer) {
    let (sender, receiver, mut peer) = talking(framing);
    peer.sends(bytes);
    peer.half_closes();
    (sender, receiver, peer)
}

#[track_caller]
fn receives(receiver: &mut Receiver) -> Option<Message> {
    let result = receiver.receive();
    result.expect("what comes is in order")
}

/// The next message's text, for what was said in between is of no interest.
#[track_caller]
fn hears(receiver: &mut Receiver) -> String {
    let message = receives(receiver);
    message.expect("the room has not hung up").msg
}

mod step_1 {
    use super::*;

    #[test]
    fn a_message_is_a_line_of_json() {
        let heard = heard(Framing::Line, &[note()]);
        assert_eq!(String::from_utf8_lossy(&heard), format!("{NOTE}\n"));
    }

    #[test]
    fn each_message_has_its_end_mark() {
        let heard = heard(Framing::Line, &[says("one"), says("two")]);
        let lines = [line(&says("one")), line(&says("two"))].concat();
        same_bytes(&heard, &lines, "what the peer heard");
    }

    #[test]
    fn a_line_break_in_the_text_does_not_end_the_line() {
        let heard = heard(Framing::Line, &[says("one\ntwo")]);
        let ends = heard.iter().filter(|byte| **byte == b'\n').count();
        assert_eq!(ends, 1, "end marks in {}", text(&heard));
    }

    #[test]
    fn a_header_tells_the_bytes_and_not_the_letters() {
        let heard = heard(Framing::Header, &[note()]);
        // 43 letters, four of which have three bytes each.
        let frame = [&[0, 0, 0, 51], NOTE.as_bytes(), b"\n"].concat();
        same_bytes(&heard, &frame, "what the peer heard");
    }

    #[test]
    fn the_longest_message_is_sent() {
        let (sender, receiver, peer) = talking(Framing::Line);
        let aside = reads_aside(peer);
        sender.send(&longest()).expect("it is not too long");
        drop((sender, receiver));
        let frame = line(&longest());
        same_bytes(&aside.heard(), &frame, "what the peer heard");
    }

    #[test]
    fn of_a_message_that_is_too_long_nothing_is_sent() {
        for framing in [Framing::Line, Framing::Header] {
            let (sender, receiver, peer) = talking(framing);
            let aside = reads_aside(peer);
            let mut message = longest();
            message.msg.push('a');
            let result = sender.send(&message);
            drop((sender, receiver));
            let error = refused(result, "it has one byte too many");
            assert_eq!(error.kind(), ErrorKind::InvalidData, "says: {error}");
            same_bytes(&aside.heard(), b"", "what the peer heard");
        }
    }

    #[test]
    fn behind_a_message_that_was_too_long_the_next_is_sent() {
        let (sender, receiver, mut peer) = talking(Framing::Line);
        let mut message = longest();
        message.msg.push('a');
        refused(sender.send(&message), "it has one byte too many");
        sender.send(&note()).expect("nothing has happened");
        drop((sender, receiver));
        let heard = peer.hears_to_the_end();
        same_bytes(&heard, &line(&note()), "what the peer heard");
    }

    #[test]
    fn no_message_waits_in_the_kernel_for_the_one_before() {
        let (socket, _peer) = connected();
        let stream = TcpStream::from(socket);
        let ours = stream.try_clone().expect("a second handle");
        let _halves = talk(stream, Framing::Line).expect("a connection can be used");
        let nodelay = SockRef::from(&ours).tcp_nodelay().expect("it is open");
        assert!(nodelay, "TCP_NODELAY is not set");
    }
}

mod step_2 {
    use super::*;

    #[test]
    fn what_the_room_says_is_received() {
        let (_sender, mut receiver, mut peer) = talking(Framing::Line);
        peer.sends(&line(&note()));
        assert_eq!(receives(&mut receiver), Some(note()));
    }

    #[test]
    fn two_messages_in_one_piece_are_two() {
        for framing in [Framing::Line, Framing::Header] {
            let frame = |words| framing.frame(says(words).to_json().as_bytes(), LIMIT);
            let frames = [frame("one"), frame("two")].map(|frame| frame.expect("short"));
            let (_sender, mut receiver, _peer) = hearing(framing, &frames.concat());
            assert_eq!(receives(&mut receiver), Some(says("one")), "{framing:?}");
            assert_eq!(receives(&mut receiver), Some(says("two")), "{framing:?}");
            assert_eq!(receives(&mut receiver), None, "{framing:?}");
        }
    }

    #[test]
    fn a_message_in_pieces_is_one() {
        for framing in [Framing::Line, Framing::Header] {
            let frame = framing.frame(NOTE.as_bytes(), LIMIT).expect("short");
            let (_sender, mut receiver, mut peer) = talking(framing);
            peer.sends_byte_by_byte(&frame);
            peer.half_closes();
            assert_eq!(receives(&mut receiver), Some(note()), "{framing:?}");
            assert_eq!(receives(&mut receiver), None, "{framing:?}");
        }
    }

    #[test]
    fn json_as_python_writes_it_is_understood() {
        let json = r#"{"name": "\u5f20\u4e09", "msg": "\u4f60\u597d", "time": "2024-2-24"}"#;
        let bytes = format!("{json}\n");
        let (_sender, mut receiver, _peer) = hearing(Framing::Line, bytes.as_bytes());
        assert_eq!(receives(&mut receiver), Some(note()));
    }

    #[test]
    fn the_end_is_an_answer_of_its_own_again_and_again() {
        let (_sender, mut receiver, _peer) = hearing(Framing::Line, b"");
        for _ in 0..3 {
            assert_eq!(receives(&mut receiver), None, "the room has hung up");
        }
    }

    #[test]
    fn an_empty_line_is_neither_a_message_nor_the_end() {
        let bytes = [b"\n", &line(&note())[..]].concat();
        let (_sender, mut receiver, _peer) = hearing(Framing::Line, &bytes);
        let error = refused(receiver.receive(), "an empty line says nothing");
        assert_eq!(error.kind(), ErrorKind::InvalidData, "says: {error}");
        assert_eq!(receives(&mut receiver), Some(note()));
    }

    #[test]
    fn a_whole_message_without_its_end_mark_is_half_a_message() {
        for framing in [Framing::Line, Framing::Header] {
            let mut frame = framing.frame(NOTE.as_bytes(), LIMIT).expect("short");
            frame.pop();
            let (_sender, mut receiver, _peer) = hearing(framing, &frame);
            let error = refused(receiver.receive(), "the end mark never came");
            assert_eq!(error.kind(), ErrorKind::UnexpectedEof, "{framing:?}");
        }
    }

    #[test]
    fn what_is_no_message_is_refused_and_the_next_is_received() {
        let no_messages = [
            "hello",
            "[]",
            r#"{"name":"bob"}"#,
            r#"{"name":1,"msg":"","time":""}"#,
        ];
        for no_message in no_messages {
            let bytes = [format!("{no_message}\n").as_bytes(), &line(&note())].concat();
            let (_sender, mut receiver, _peer) = hearing(Framing::Line, &bytes);
            let error = refused(receiver.receive(), no_message);
            assert_eq!(error.kind(), ErrorKind::InvalidData, "{no_message}");
            assert_eq!(receives(&mut receiver), Some(note()), "behind {no_message}");
        }
    }

    #[test]
    fn a_header_that_promises_too_much_is_refused() {
        let promise = (LIMIT as u32 + 1).to_be_bytes();
        let (_sender, mut receiver, _peer) = hearing(Framing::Header, &promise);
        let error = refused(receiver.receive(), "a byte more than the limit");
        assert_eq!(error.kind(), ErrorKind::InvalidData, "says: {error}");
    }

    #[test]
    fn a_reset_is_not_the_end_but_an_error() {
        let (_sender, mut receiver, peer) = talking(Framing::Line);
        peer.resets();
        let error = refused(receiver.receive(), "the room broke off");
        assert_eq!(error.kind(), ErrorKind::ConnectionReset, "says: {error}");
    }

    #[test]
    fn a_timeout_in_the_middle_loses_nothing() {
        let (socket, mut peer) = connected();
        let timeout = Some(Duration::from_millis(20));
        socket.set_read_timeout(timeout).expect("a timeout");
        let ours = socket.try_clone().expect("a second handle");
        let halves = talk(socket.into(), Framing::Line);
        let (_sender, mut receiver) = halves.expect("a connection can be used");
        // In the middle of a letter, even.
        let (one, two) = NOTE.as_bytes().split_at(10);
        peer.sends(one);
        let error = refused(receiver.receive(), "half a message is there");
        assert!(
            matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
            "the time was up, and it says: {error}"
        );
        // From here on there is as much time as it takes.
        ours.set_read_timeout(Some(GUARD)).expect("a guard");
        peer.sends(&[two, b"\n"].concat());
        assert_eq!(receives(&mut receiver), Some(note()));
    }
}

mod step_3 {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn who_speaks_has_the_line_until_the_last_byte() {
        let (stream, mut peer) = tight();
        let ours = stream.try_clone().expect("a second handle");
        let (sender, receiver) = talk(stream, Framing::Line).expect("a connection can be used");
        let clone = sender.clone();
        let first = Waiter::start(move || clone.send(&long()));
        let mut frames = line(&long());
        peer.hears(&frames[..BEGUN]);
        let first = first.blocks().expect("there is no room for all of it");
        // Now a write comes back at once, also one that finds no room.
        ours.set_nonblocking(true).expect("it can");
        let second = Waiter::start(move || sender.send(&note()));
        let second = second.blocks();
        ours.set_nonblocking(false).expect("it can");
        drop((ours, receiver));
        let rest = peer.hears_to_the_end();
        frames.extend(line(&note()));
        same_bytes(&rest, &frames[BEGUN..], "what the peer heard then");
        first.answer().expect("the peer has read it");
        let second = second.map_or_else(|result| result, Waiter::answer);
        second.expect("it was its turn at last");
    }

    #[cfg(unix)]
    #[test]
    fn behind_half_a_message_nothing_more_is_sent() {
        let (stream, mut peer) = tight();
        let timeout = Some(Duration::from_millis(20));
        stream.set_write_timeout(timeout).expect("a timeout");
        let (sender, _receiver) = talk(stream, Framing::Line).expect("a connection can be used");
        let error = refused(sender.send(&long()), "nobody reads");
        assert!(
            matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
            "the time was up, and it says: {error}"
        );
        let why = "it would be taken for the rest of the one before";
        let error = refused(sender.send(&note()), why);
        assert_eq!(error.kind(), ErrorKind::BrokenPipe, "{why}: {error}");
        let heard = peer.hears_to_the_end();
        let frame = line(&long());
        same_bytes(&heard, &frame[..heard.len()], "what the peer heard");
        assert!(heard.len() < frame.len(), "there was no room for all of it");
    }

    #[test]
    fn a_clone_speaks_on_the_same_connection() {
        let (sender, receiver, mut peer) = talking(Framing::Line);
        let clone = sender.clone();
        sender.send(&says("one")).expect("the peer is there");
        drop(sender);
        clone.send(&says("two")).expect("the peer is there");
        drop((clone, receiver));
        let lines = [line(&says("one")), line(&says("two"))].concat();
        same_bytes(&peer.hears_to_the_end(), &lines, "what the peer heard");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn one_can_speak_while_a_receive_waits() {
        let (sender, mut receiver, mut peer) = talking(Framing::Line);
        let waits = Waiter::start(move || receiver.receive());
        let waits = waits.blocks().expect("there is nothing to receive");
        sender.send(&says("one")).expect("the peer is there");
        peer.hears(says("one").to_json().as_bytes());
        peer.sends(&line(&says("two")));
        let message = waits.answer().expect("what comes is in order");
        assert_eq!(message, Some(says("two")));
    }
}

mod step_4 {
    use super::*;

    #[test]
    fn who_has_finished_is_heard_to_the_end() {
        let (sender, _receiver, mut peer) = talking(Framing::Line);
        sender.send(&note()).expect("the peer is there");
        sender.finish().expect("it can be said");
        let heard = peer.hears_to_the_end();
        same_bytes(&heard, &line(&note()), "what the peer heard");
    }

    #[test]
    fn who_has_finished_still_hears() {
        let (sender, mut receiver, mut peer) = talking(Framing::Line);
        peer.sends(&line(&says("one")));
        sender.finish().expect("it can be said");
        assert_eq!(text(&peer.hears_to_the_end()), "");
        assert_eq!(receives(&mut receiver), Some(says("one")), "said before");
        peer.sends(&line(&says("two")));
        assert_eq!(receives(&mut receiver), Some(says("two")), "said after");
        peer.half_closes();
        assert_eq!(receives(&mut receiver), None, "the end");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn finish_lets_the_one_who_speaks_say_all() {
        let (stream, mut peer) = tight();
        let (sender, _receiver) = talk(stream, Framing::Line).expect("a connection can be used");
        let clone = sender.clone();
        let speaks = Waiter::start(move || clone.send(&long()));
        let frame = line(&long());
        peer.hears(&frame[..BEGUN]);
        match Waiter::start(move || sender.finish()).blocks() {
            Ok(waits) => {
                let rest = peer.hears_to_the_end();
                same_bytes(&rest, &frame[BEGUN..], "what the peer heard then");
                waits.answer().expect("it can be said");
                speaks.answer().expect("the peer has read it");
            }
            Err(result) => {
                panic!("half a message was out, and finish did not wait: {result:?}");
            }
        }
    }

    #[test]
    fn who_has_finished_cannot_speak() {
        let (sender, _receiver, _peer) = talking(Framing::Line);
        let clone = sender.clone();
        sender.finish().expect("it can be said");
        let error = refused(clone.send(&note()), "there was to be no more");
        assert_eq!(error.kind(), ErrorKind::BrokenPipe, "says: {error}");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn hang_up_ends_a_receive_that_waits() {
        let (sender, mut receiver, _peer) = talking(Framing::Line);
        let waits = Waiter::start(move || receiver.receive());
        let waits = waits.blocks().expect("there is nothing to receive");
        sender.hang_up().expect("there is a connection");
        let message = waits.answer().expect("to hang up is no accident");
        assert_eq!(message, None, "we have hung up");
    }

    #[cfg(unix)]
    #[test]
    fn hang_up_ends_a_send_that_waits() {
        let (stream, mut peer) = tight();
        let (sender, _receiver) = talk(stream, Framing::Line).expect("a connection can be used");
        let clone = sender.clone();
        let waits = Waiter::start(move || clone.send(&long()));
        peer.hears(&line(&long())[..BEGUN]);
        let hangs_up = Waiter::start(move || sender.hang_up());
        hangs_up.answer().expect("there is a connection");
        let error = refused(waits.answer(), "we have hung up");
        assert_eq!(error.kind(), ErrorKind::BrokenPipe, "says: {error}");
    }

    #[test]
    fn hang_up_is_the_end_for_both_sides() {
        let (sender, mut receiver, mut peer) = talking(Framing::Line);
        sender.hang_up().expect("there is a connection");
        assert_eq!(text(&peer.hears_to_the_end()), "");
        assert_eq!(receives(&mut receiver), None, "we have hung up");
    }

    #[test]
    fn to_go_twice_is_no_error() {
        let (sender, _receiver, _peer) = talking(Framing::Line);
        for _ in 0..2 {
            sender.finish().expect("it can be said again");
        }
        for _ in 0..2 {
            sender.hang_up().expect("it can be done again");
        }
    }

    #[test]
    fn to_go_when_the_other_has_broken_off_is_no_error() {
        let (sender, mut receiver, peer) = talking(Framing::Line);
        peer.resets();
        refused(receiver.receive(), "the room broke off");
        sender.finish().expect("there is nothing to finish");
        sender.hang_up().expect("there is nothing to hang up");
    }
}

mod step_5 {
    use super::*;

    /// The server of the notes: who says a line says it to everybody.
    const SERVER: &str = r#"
import json, socketserver, threading

clients = []
lock = threading.Lock()

class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        with lock:
            clients.append(self.wfile)
        while line := self.rfile.readline():
            message = json.loads(line)
            print(ascii(message["name"]), ascii(message["msg"]), flush=True)
            with lock:
                for client in clients:
                    client.write(line)
        with lock:
            clients.remove(self.wfile)
        print(ascii(message["name"]), "has gone", flush=True)

socketserver.ThreadingTCPServer.daemon_threads = True
with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
    print(server.server_address[1], flush=True)
    server.serve_forever()
"#;

    /// A client of the notes: it says one line, and prints what it hears.
    const CLIENT: &str = r#"
import json, socket, sys

with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as client:
    file = client.makefile("r", encoding="utf-8", newline="\n")
    message = {"name": "张三", "msg": "你好", "time": "2024-2-24"}
    text = json.dumps(message) + "\n"
    client.sendall(text.encode("utf-8"))
    for line in file:
        message = json.loads(line)
        print(ascii(message["name"]), ascii(message["msg"]), flush=True)
"#;

    #[test]
    fn a_room_is_found_by_its_address() {
        let server = Server::start(|mut peer| peer.sends(&line(&note())));
        let halves = connect(server.address(), Framing::Line);
        let (_sender, mut receiver) = halves.expect("it listens");
        assert_eq!(receives(&mut receiver), Some(note()));
    }

    #[test]
    fn where_no_room_is_the_connection_is_refused() {
        let held = Held::new();
        let error = refused(connect(held.address(), Framing::Line), "nobody listens");
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused, "says: {error}");
    }

    #[test]
    fn in_our_room_we_hear_what_we_say() {
        for framing in [Framing::Line, Framing::Header] {
            let room = open(framing);
            let (sender, mut receiver) = connect(room.address(), framing).expect("it is open");
            for words in ["one", "two\nthree", "你好", ""] {
                sender.send(&says(words)).expect("the room is there");
                assert_eq!(receives(&mut receiver), Some(says(words)), "{framing:?}");
            }
            sender.finish().expect("it can be said");
            assert_eq!(receives(&mut receiver), None, "{framing:?}");
        }
    }

    #[track_caller]
    fn open(framing: Framing) -> ChatServer {
        let listener = TcpListener::bind(ANY).expect("any port will do");
        let options = Options {
            framing,
            ..Options::default()
        };
        server::start(listener, &options).expect("it opens")
    }

    #[test]
    fn everybody_hears_our_very_bytes_from_a_python_server_too() {
        let room = open(Framing::Line);
        let mut ports = vec![room.address().port()];
        let mut python = Python::start(SERVER, &[]);
        if let Some(server) = &mut python {
            ports.push(server.says().parse().expect("it prints its port"));
        }
        for port in ports {
            talk_in_the_room_at(port);
        }
        if let Some(mut server) = python {
            let printed = [(); 4].map(|()| server.says());
            let told = [
                "'alice' 'one'",
                "'bob' 'two'",
                r"'alice' '\u4f60\u597d'",
                "'alice' has gone",
            ];
            assert_eq!(printed, told, "what the server printed");
        }
    }

    fn talk_in_the_room_at(port: u16) {
        let halves = connect((Ipv4Addr::LOCALHOST, port), Framing::Line);
        let (sender, mut receiver) = halves.expect("it listens");
        // Who has heard himself is in the room.
        sender.send(&says("one")).expect("the room is there");
        assert_eq!(receives(&mut receiver), Some(says("one")));
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("it listens");
        let mut bob = Peer::ours(stream);
        let two = said_by("bob", "two");
        bob.sends(&line(&two));
        bob.hears(&line(&two));
        assert_eq!(receives(&mut receiver), Some(two));

        sender.send(&says("你好")).expect("the room is there");
        bob.hears(&line(&says("你好")));
        assert_eq!(receives(&mut receiver), Some(says("你好")));
        sender.finish().expect("it can be said");
        assert_eq!(receives(&mut receiver), None, "the room lets us go");
    }

    #[test]
    fn a_python_client_and_ours_are_in_one_room() {
        let room = open(Framing::Line);
        let halves = connect(room.address(), Framing::Line);
        let (sender, mut receiver) = halves.expect("it is open");
        sender.send(&says("one")).expect("the room is there");
        assert_eq!(hears(&mut receiver), "one");
        let port = room.address().port().to_string();
        let Some(mut client) = Python::start(CLIENT, &[&port]) else {
            return;
        };
        assert_eq!(receives(&mut receiver), Some(note()), "what Python says");
        let own = r"'\u5f20\u4e09' '\u4f60\u597d'";
        assert_eq!(client.says(), own, "what Python hears of itself");
        sender.send(&says("你好")).expect("the room is there");
        assert_eq!(hears(&mut receiver), "你好");
        let ours = r"'alice' '\u4f60\u597d'";
        assert_eq!(client.says(), ours, "what Python hears of us");
    }
}

//! Chapter 21: the whole program, from outside.
#![cfg(all(feature = "cli", unix))]

#[macro_use]
mod fixtures;
program!(
    "../my/cli.rs",
    tests = "../my/tests/cli.rs" or "../lessons/21-command_line/answer_tests.rs"
);

use std::net::TcpListener;

/// A room that says what the test says, and its address.
fn scripted() -> (TcpListener, String) {
    let room = TcpListener::bind(fixtures::ANY).expect("any port will do");
    let address = room.local_addr().expect("it is bound").to_string();
    (room, address)
}

/// What a program says, when nothing went wrong, on standard error.
const NOTHING: &str = "";

/// Fails unless the text begins with these words.
#[track_caller]
fn begins(said: &str, words: &str) {
    let begun = said.starts_with(words);
    assert!(begun, "expected {words:?} at the beginning of {said:?}");
}

/// Fails unless the text has these words in it.
#[track_caller]
fn has(said: &str, words: &str) {
    assert!(said.contains(words), "expected {words:?} in {said:?}");
}

/// Fails unless the text ends with these words.
#[track_caller]
fn closes(said: &str, words: &str) {
    let closed = said.ends_with(words);
    assert!(closed, "expected {words:?} at the end of {said:?}");
}

/// The chapter's script: the same as `chatroom join` in a pipe.
const PYTHON: &str = r#"
import json, socket, sys

name, port = sys.argv[1:]
with socket.create_connection(("127.0.0.1", int(port))) as room, room.makefile() as heard:
    for line in sys.stdin:
        words = {"name": name, "msg": line.rstrip("\n"), "time": "2024-2-24"}
        room.sendall((json.dumps(words) + "\n").encode())
    room.shutdown(socket.SHUT_WR)
    for line in heard:
        words = json.loads(line)
        print(words["name"] + ":", words["msg"])
"#;

mod step_1 {
    use crate::fixtures::*;
    use crate::{NOTHING, begins, closes, has};
    use std::process::{Command, Stdio};

    fn ends(arguments: &[&str], code: i32) -> Ended {
        Program::start(arguments).ends_with(code)
    }

    #[test]
    fn help_is_printed_on_standard_output_and_is_no_failure() {
        let ended = ends(&["--help"], 0);
        for word in ["serve", "join", "echo", "completions"] {
            let named = ended.output.contains(&format!("\n  {word} "));
            assert!(named, "{word} is not in the help:\n{}", ended.output);
        }
        assert!(!ended.output.contains("worker"), "{}", ended.output);
        assert_eq!(ended.complaints, NOTHING);
    }

    #[test]
    fn help_shows_examples_and_tells_the_exit_codes() {
        for command in ["", "serve", "join", "echo"] {
            let words = [command, "--help"];
            let arguments = &words[usize::from(command.is_empty())..];
            let help = ends(arguments, 0).output;
            for part in ["Examples:", "Exit codes:", "3  there was no connection"] {
                assert!(help.contains(part), "{arguments:?}: no {part:?}:\n{help}");
            }
        }
    }

    #[test]
    fn a_help_that_nobody_reads_is_no_failure() {
        let mut command = Program::command();
        command.arg("--help");
        Program::run_with(command, nobody_reads()).ends_with(0);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_help_that_cannot_be_written_is_a_failure() {
        let mut command = Program::command();
        command.arg("--help");
        let full = std::fs::File::options().write(true).open("/dev/full");
        let program = Program::run_with(command, full.expect("Linux has it").into());
        let said = program.ends_with(1).complaints;
        let start = "chatroom: cannot write to standard output: ";
        begins(&said, start);
    }

    #[test]
    fn wrong_use_is_told_in_one_sentence_that_says_what_to_do() {
        for (arguments, what) in [
            (&[][..], "what to do"),
            (&["sevre"], "'sevre'"),
            (&["join"], "<NAME>"),
            (&["join", "bob", "--server", "localhost"], "no port"),
            (&["join", "bob", "--framing", "morse"], "morse"),
            (&["serve", "--max-clients", "0"], "--max-clients"),
            (&["serve", "--silence", "0s"], "--silence"),
            (&["serve", "--max-frame", "65537"], "65536"),
            (&["serve", "--log-level", "loud"], "loud"),
            (&["echo", "--server", "udp"], "udp"),
        ] {
            let Ended { output, complaints } = ends(arguments, 2);
            let lines: Vec<&str> = complaints.lines().collect();
            let [line] = lines[..] else {
                panic!("{arguments:?}: one line, please: {complaints}");
            };
            begins(line, "chatroom: ");
            has(line, what);
            closes(line, "`chatroom --help` tells how");
            assert_eq!(output, NOTHING, "{arguments:?}");
        }
    }

    #[test]
    fn wrong_use_cannot_write_on_the_terminal() {
        let said = ends(&["\x1b[31mserve"], 2).complaints;
        assert!(!said.contains('\x1b'), "{said:?}");
    }

    #[test]
    fn a_complaint_that_nobody_reads_leaves_the_code() {
        let mut command = Program::command();
        command.arg("sevre").stderr(nobody_reads());
        let child = command.stdout(Stdio::null()).spawn();
        let status = child.expect("the program starts").wait();
        let status = status.expect("it is our child");
        if status.code() != Some(2) {
            // Again, for its words: this fails.
            ends(&["sevre"], 2);
            panic!("{status}: where nobody reads, the code should still be 2");
        }
    }

    #[test]
    fn shells_get_a_script_that_completes() {
        for (shell, word) in [
            ("bash", "complete "),
            ("zsh", "#compdef"),
            ("fish", "complete "),
        ] {
            let script = ends(&["completions", shell], 0).output;
            assert!(script.contains(word), "{shell}: no {word:?} in\n{script}");
            assert!(script.contains("max-clients"), "{shell}:\n{script}");
        }
    }

    #[test]
    fn a_shell_can_read_its_script() {
        let script = ends(&["completions", "bash"], 0).output;
        let mut command = Command::new("bash");
        command.arg("-n");
        let Ok(status) = command.arg("-c").arg(&script).status() else {
            return eprintln!("skipped, for there is no bash");
        };
        assert!(status.success(), "bash cannot read it:\n{script}");
    }
}

mod step_2 {
    use crate::fixtures::compare::text;
    use crate::fixtures::*;
    use crate::{NOTHING, begins, closes, has};
    use std::net::{SocketAddr, TcpListener, TcpStream};

    #[test]
    fn the_first_line_says_where_a_room_can_be_called() {
        let (_room, address) = Program::room(&[]);
        let address: SocketAddr = address.parse().expect("it was one");
        assert_ne!(address.port(), 0, "port 0 is the wish, not the answer");
        TcpStream::connect(address).expect("who says that it listens, listens");
    }

    #[test]
    fn what_is_said_in_a_room_is_heard() {
        let (_room, address) = Program::room(&[]);
        let mut peer = caller(&address);
        let words = b"{\"name\":\"alice\",\"msg\":\"hi\",\"time\":\"2024-2-24\"}\n";
        peer.sends(words);
        peer.hears(words);
    }

    #[test]
    fn a_room_with_headers_sends_headers() {
        let (_room, address) = Program::room(&["--framing", "header"]);
        let mut peer = caller(&address);
        let body = b"{\"name\":\"alice\",\"msg\":\"hi\",\"time\":\"2024-2-24\"}";
        let words = [&[0, 0, 0, body.len() as u8][..], body, b"\n"].concat();
        peer.sends(&words);
        peer.hears(&words);
    }

    #[test]
    fn a_frame_that_is_too_long_is_answered() {
        let (_room, address) = Program::room(&["--max-frame", "100"]);
        let mut peer = caller(&address);
        peer.sends(&[b'x'; 101]);
        let heard = String::from_utf8_lossy(&peer.hears_to_the_end()).into_owned();
        assert!(
            heard.contains("100 bytes"),
            "the limit is not told: {heard:?}"
        );
    }

    #[test]
    fn a_room_for_one_is_full_with_one() {
        let (_room, address) = Program::room(&["--max-clients", "1"]);
        let (mut first, words) = (caller(&address), words("alice", "hi"));
        first.sends(&words);
        first.hears(&words);
        let heard = text(&caller(&address).hears_to_the_end());
        has(&heard, "the room is full");
    }

    #[test]
    fn a_room_for_one_of_each_address_takes_no_second_one() {
        let (_room, address) = Program::room(&["--max-per-address", "1"]);
        let (mut first, words) = (caller(&address), words("alice", "hi"));
        first.sends(&words);
        first.hears(&words);
        let heard = text(&caller(&address).hears_to_the_end());
        has(&heard, "from your address");
    }

    #[test]
    fn who_says_nothing_in_the_time_that_was_told_has_to_leave() {
        let (_room, address) = Program::room(&["--silence", "1ms"]);
        let heard = text(&caller(&address).hears_to_the_end());
        has(&heard, "nothing in time");
    }

    #[test]
    fn a_newcomer_hears_as_many_messages_as_were_asked_for() {
        let (_room, address) = Program::room(&["--history", "2"]);
        let mut alice = caller(&address);
        let said = ["one", "two", "three"].map(|text| words("alice", text));
        alice.sends(&said.concat());
        alice.hears(&said.concat());
        caller(&address).hears(&said[1..].concat());
    }

    /// What a newcomer hears is at most half of what one may be behind.
    #[test]
    fn nobody_is_further_behind_than_was_told() {
        let said = ["one", "two", "three"].map(|text| words("alice", text));
        let bound = (2 * said[2].len()).to_string();
        let (_room, address) = Program::room(&["--history", "3", "--behind", &bound]);
        let mut alice = caller(&address);
        for words in &said {
            alice.sends(words);
            alice.hears(words);
        }
        caller(&address).hears(&said[2]);
    }

    #[test]
    fn the_log_is_on_standard_error_as_loud_as_it_is_told() {
        let arguments = ["serve", "--listen", "127.0.0.1:0"];
        let mut room = Program::start(&arguments);
        let address = room.listens();
        let line = room.complains();
        has(&line, "INFO");
        closes(&line, &format!("listening on {address}"));
        room.gets("INT");
        assert_eq!(room.ends_with(0).output, NOTHING);

        let (mut quiet, _) = Program::room(&[]);
        quiet.gets("INT");
        assert_eq!(quiet.ends_with(0).complaints, NOTHING);
    }

    #[test]
    fn an_address_that_is_taken_is_told_with_what_to_do() {
        let taken = TcpListener::bind(ANY).expect("any port will do");
        let address = taken.local_addr().expect("it is bound").to_string();
        let said = Program::start(&["serve", "--listen", &address])
            .ends_with(1)
            .complaints;
        let start = format!("chatroom: cannot listen at {address}: ");
        begins(&said, &start);
        closes(&said, "; try another --listen\n");
    }

    #[test]
    fn ctrl_c_ends_a_room_well_though_somebody_is_idle() {
        ends_well("INT");
    }

    #[test]
    fn sigterm_ends_a_room_well_though_somebody_is_idle() {
        ends_well("TERM");
    }

    fn words(name: &str, text: &str) -> Vec<u8> {
        format!("{{\"name\":\"{name}\",\"msg\":\"{text}\",\"time\":\"2024-2-24\"}}\n").into()
    }

    fn ends_well(signal: &str) {
        let (mut room, address) = Program::room(&[]);
        let (mut idle, words) = (caller(&address), words("alice", "hi"));
        idle.sends(&words);
        idle.hears(&words);
        room.gets(signal);
        let goodbye = text(&idle.hears_to_the_end());
        has(&goodbye, "the room is closing");
        let Ended { output, complaints } = room.ends_with(0);
        assert_eq!((&*output, &*complaints), ("", ""));
    }

    #[test]
    fn a_room_whose_first_line_nobody_reads_is_open() {
        let mut command = Program::command();
        command.args(["serve", "--listen", "127.0.0.1:0"]);
        let mut room = Program::run_with(command, nobody_reads());
        let line = room.complains();
        let Some((_, address)) = line.split_once("listening on ") else {
            room.fails(&format!(
                "expected the log to say where it listens, got {line:?}"
            ));
        };
        caller(address);
        room.gets("INT");
        let said = room.ends_with(0).complaints;
        assert!(!said.contains("panicked"), "{said}");
    }
}

mod step_3 {
    use crate::fixtures::*;
    use crate::{NOTHING, PYTHON, scripted};
    use std::io::Write;
    use std::os::{fd::OwnedFd, unix::net::UnixStream};

    #[test]
    fn each_line_of_the_input_is_one_message() {
        let (room, address) = scripted();
        let mut bob = Program::start(&["join", "bob", "--server", &address]);
        bob.types("hi\r\n\nthere");
        bob.input_ends();
        let mut peer = bob.calls(&room);
        let said = String::from_utf8(peer.hears_to_the_end()).expect("JSON is text");
        let texts: Vec<&str> = said
            .lines()
            .filter_map(|line| line.split(",\"time\":").next())
            .collect();
        let expected =
            ["hi", "", "there"].map(|text| format!("{{\"name\":\"bob\",\"msg\":\"{text}\""));
        assert_eq!(texts, expected);
    }

    #[test]
    fn a_pipe_does_not_say_hello() {
        let (room, address) = scripted();
        let mut bob = Program::start(&["join", "bob", "--server", &address]);
        bob.types("hi\n");
        bob.input_ends();
        let mut peer = bob.calls(&room);
        let said = String::from_utf8(peer.hears_to_the_end()).expect("JSON is text");
        assert!(said.contains("bob") && !said.contains("hello"), "{said}");
    }

    #[test]
    fn each_message_is_one_plain_line() {
        let (room, address) = scripted();
        let mut bob = Program::start(&["join", "bob", "--server", &address]);
        let mut peer = bob.calls(&room);
        peer.sends(b"{\"name\":\"alice\",\"msg\":\"hi\",\"time\":\"2024-2-24\"}\n");
        assert_eq!(bob.says(), "alice: hi");
        peer.sends(b"{\"name\":\"carol\",\"msg\":\"one\\ntwo\",\"time\":\"2024-2-24\"}\n");
        assert_eq!(bob.says(), "carol: one\\ntwo");
    }

    #[test]
    fn who_is_in_a_pipe_leaves_when_all_was_heard() {
        let (_room, address) = Program::room(&[]);
        let mut bob = Program::start(&["join", "bob", "--server", &address]);
        bob.types("hi\n");
        assert_eq!(bob.says(), "bob: hi");
        bob.input_ends();
        let Ended { output, complaints } = bob.ends_with(0);
        assert_eq!((&*output, &*complaints), ("", ""));
    }

    #[test]
    fn what_was_said_is_waited_for_after_the_end_of_the_input() {
        let (room, address) = scripted();
        let mut bob = Program::start(&["join", "bob", "--server", &address]);
        bob.types("hi\n");
        bob.input_ends();
        let mut peer = bob.calls(&room);
        let said = peer.hears_to_the_end();
        bob.settles();
        // Others talk as well, and that is not what bob waits for.
        peer.sends(b"{\"name\":\"alice\",\"msg\":\"hi\",\"time\":\"2024-2-24\"}\n");
        assert_eq!(bob.says(), "alice: hi");
        peer.sends(&said);
        assert_eq!(bob.says(), "bob: hi");
        bob.ends_with(0);
    }

    #[test]
    fn who_says_nothing_leaves_at_the_end_of_the_input() {
        let (_room, address) = scripted();
        let mut bob = Program::start(&["join", "bob", "--server", &address]);
        bob.input_ends();
        assert_eq!(bob.ends_with(0).complaints, NOTHING);
    }

    #[test]
    fn ten_thousand_lines_are_said_and_heard_in_their_order() {
        let (_room, address) = Program::room(&[]);
        let mut bob = Program::start(&["join", "bob", "--server", &address]);
        let input: String = (0..10_000)
            .map(|number| format!("line {number}\n"))
            .collect();
        bob.types(&input);
        for line in input.lines() {
            assert_eq!(bob.says(), format!("bob: {line}"));
        }
        bob.input_ends();
        bob.ends_with(0);
    }

    #[test]
    fn a_client_in_python_says_and_hears_the_same() {
        let (_room, address) = Program::room(&[]);
        let port = address.rsplit(':').next().unwrap_or_default();
        let (mut input, output) = UnixStream::pair().expect("the system gives a pair");
        input.write_all(b"hi\nthere\n").expect("it fits");
        drop(input);
        let input = OwnedFd::from(output).into();
        if let Some(python) = Python::start_on(input, PYTHON, &["carol", port]) {
            assert_eq!(python.rest(), "carol: hi\ncarol: there\n");
        }
    }

    #[test]
    fn headers_are_spoken_where_the_room_wants_them() {
        let (_room, address) = Program::room(&["--framing", "header"]);
        let arguments = ["join", "bob", "--server", &address, "--framing", "header"];
        let mut bob = Program::start(&arguments);
        bob.types("hi\n");
        assert_eq!(bob.says(), "bob: hi");
    }

    #[test]
    fn a_reader_who_has_had_enough_ends_it_quietly() {
        let (room, address) = scripted();
        let mut command = Program::command();
        command.args(["join", "bob", "--server", &address]);
        let mut bob = Program::run_with(command, nobody_reads());
        let mut peer = bob.calls(&room);
        peer.sends(b"{\"name\":\"alice\",\"msg\":\"hi\",\"time\":\"2024-2-24\"}\n");
        assert_eq!(bob.ends_with(0).complaints, NOTHING);
    }

    #[test]
    fn ctrl_c_leaves_well() {
        leaves_well("INT");
    }

    #[test]
    fn sigterm_leaves_well() {
        leaves_well("TERM");
    }

    fn leaves_well(signal: &str) {
        let (room, address) = scripted();
        let mut bob = Program::start(&["join", "bob", "--server", &address]);
        let mut peer = bob.calls(&room);
        // What comes back shows that bob is all there.
        peer.sends(b"{\"name\":\"alice\",\"msg\":\"hi\",\"time\":\"2024-2-24\"}\n");
        bob.says();
        bob.gets(signal);
        peer.hears_to_the_end();
        assert_eq!(bob.ends_with(0).complaints, NOTHING);
    }
}

mod step_4 {
    use crate::fixtures::*;
    use crate::{begins, has, scripted};

    #[test]
    fn no_room_has_a_code_of_its_own_and_is_told_with_what_to_do() {
        let held = Held::new();
        let address = held.address().to_string();
        let said = Program::start(&["join", "bob", "--server", &address])
            .ends_with(3)
            .complaints;
        let start = format!("chatroom: no room at {address}: ");
        begins(&said, &start);
        has(&said, "refused");
        has(&said, "`chatroom serve`");
        assert_eq!(said.lines().count(), 1, "one line, please: {said}");
    }

    #[test]
    fn a_name_that_is_taken_is_told_clearly() {
        let (_room, address) = Program::room(&[]);
        let mut first = caller(&address);
        let words = b"{\"name\":\"bob\",\"msg\":\"hi\",\"time\":\"2024-2-24\"}\n";
        first.sends(words);
        first.hears(words);
        let mut bob = Program::start(&["join", "bob", "--server", &address]);
        bob.types("me too\n");
        let Ended { output, complaints } = bob.ends_with(1);
        let start = "chatroom: the room does not let us in: ";
        begins(&complaints, start);
        has(&complaints, "name");
        assert_eq!(output, "");
    }

    #[test]
    fn that_somebody_has_left_is_no_refusal() {
        let (room, address) = scripted();
        let mut bob = Program::start(&["join", "bob", "--server", &address]);
        let mut peer = bob.calls(&room);
        peer.sends(b"{\"name\":\"server\",\"msg\":\"carol left\",\"time\":\"2024-2-24\"}\n");
        assert_eq!(bob.says(), "server: carol left");
        peer.sends(b"{\"name\":\"alice\",\"msg\":\"hi\",\"time\":\"2024-2-24\"}\n");
        assert_eq!(bob.says(), "alice: hi");
    }

    #[test]
    fn that_the_room_closes_is_no_refusal() {
        let (room, address) = scripted();
        let mut bob = Program::start(&["join", "bob", "--server", &address]);
        let mut peer = bob.calls(&room);
        let goodbye = "the room is closing";
        let words =
            format!("{{\"name\":\"server\",\"msg\":\"{goodbye}\",\"time\":\"2024-2-24\"}}\n");
        peer.sends(words.as_bytes());
        peer.closes();
        let Ended { output, complaints } = bob.ends_with(1);
        assert_eq!(output, "server: the room is closing\n");
        assert_eq!(complaints, "chatroom: the room has hung up\n");
    }

    #[test]
    fn what_is_no_message_is_told_and_is_not_the_end() {
        let (room, address) = scripted();
        let mut bob = Program::start(&["join", "bob", "--server", &address]);
        let mut peer = bob.calls(&room);
        peer.sends(b"{\"name\":\"\\u001b\"}\n");
        peer.sends(b"{\"name\":\"alice\",\"msg\":\"hi\",\"time\":\"2024-2-24\"}\n");
        assert_eq!(bob.says(), "alice: hi");
        bob.input_ends();
        let complaints = bob.ends_with(0).complaints;
        let start = "chatroom: what was heard is no message: ";
        begins(&complaints, start);
        assert_eq!(
            complaints.lines().count(),
            1,
            "one line, please: {complaints}"
        );
    }

    #[test]
    fn a_line_that_the_room_refuses_is_a_failure() {
        let (room, address) = scripted();
        let mut bob = Program::start(&["join", "bob", "--server", &address]);
        bob.types("one\ntwo\n");
        bob.input_ends();
        let mut peer = bob.calls(&room);
        let said = peer.hears_to_the_end();
        bob.settles();
        let first = said
            .split_inclusive(|byte| *byte == b'\n')
            .next()
            .expect("a line");
        peer.sends(first);
        peer.sends(b"{\"name\":\"server\",\"msg\":\"not so fast\",\"time\":\"2024-2-24\"}\n");
        let Ended { output, complaints } = bob.ends_with(1);
        assert_eq!(output, "bob: one\n");
        assert_eq!(complaints, "chatroom: the room says: not so fast\n");
    }

    #[test]
    fn a_room_that_hangs_up_is_a_failure() {
        let (room, address) = scripted();
        let mut bob = Program::start(&["join", "bob", "--server", &address]);
        bob.calls(&room).closes();
        assert_eq!(
            bob.ends_with(1).complaints,
            "chatroom: the room has hung up\n"
        );
    }

    #[test]
    fn words_that_are_not_back_when_the_room_hangs_up_are_a_failure() {
        let (room, address) = scripted();
        let mut bob = Program::start(&["join", "bob", "--server", &address]);
        bob.types("hi\n");
        bob.input_ends();
        let mut peer = bob.calls(&room);
        peer.hears_to_the_end();
        bob.settles();
        peer.closes();
        assert_eq!(
            bob.ends_with(1).complaints,
            "chatroom: the room has hung up\n"
        );
    }

    #[test]
    fn bytes_that_are_not_text_are_told_and_nothing_before_them_is_lost() {
        let (room, address) = scripted();
        let mut bob = Program::start(&["join", "bob", "--server", &address]);
        bob.types(b"fine\n\xff\xfe\nnever said\n");
        let mut peer = bob.calls(&room);
        let said = peer.hears_a_line();
        peer.sends(&said);
        let Ended { output, complaints } = bob.ends_with(1);
        assert_eq!(output, "bob: fine\n");
        let told = "chatroom: line 2 of the input is not UTF-8; nothing was said from there on\n";
        assert_eq!(complaints, told);
        assert_eq!(peer.hears_to_the_end(), b"");
    }

    #[test]
    fn a_line_without_end_is_told_before_it_fills_the_memory() {
        let (room, address) = scripted();
        let mut bob = Program::start(&["join", "bob", "--server", &address]);
        bob.types([b'x'; 70_000]);
        let mut peer = bob.calls(&room);
        let Ended { output, complaints } = bob.ends_with(1);
        assert_eq!(output, "");
        let start = "chatroom: line 1 of the input cannot be sent: ";
        begins(&complaints, start);
        assert_eq!(peer.hears_to_the_end(), b"");
    }

    #[test]
    fn what_is_hostile_is_made_harmless_for_those_who_read_us() {
        let (room, address) = scripted();
        let mut bob = Program::start(&["join", "bob", "--server", &address]);
        let mut peer = bob.calls(&room);
        for (name, text, line) in [
            ("eve", r"\u001b[2Jgone", r"eve: \u{1b}[2Jgone"),
            ("eve", r"\u009b31m", r"eve: \u{9b}31m"),
            ("eve", r"one\r\nbob: two", r"eve: one\r\nbob: two"),
            ("eve", r"\u202ekcab", r"eve: \u{202e}kcab"),
            (r"e\u001b]0;ve", "hi", r"e\u{1b}]0;ve: hi"),
            (r"eve\u2066", "hi", r"eve\u{2066}: hi"),
            ("eve", r"\u0000\u007f", r"eve: \u{0}\u{7f}"),
            ("张三", "你好 😀", "张三: 你好 😀"),
        ] {
            let json =
                format!("{{\"name\":\"{name}\",\"msg\":\"{text}\",\"time\":\"2024-2-24\"}}\n");
            peer.sends(json.as_bytes());
            assert_eq!(bob.says(), line);
        }
    }

    #[test]
    fn what_we_say_is_sent_as_it_is() {
        let (room, address) = scripted();
        let mut bob = Program::start(&["join", "bob", "--server", &address]);
        bob.types("\u{1b}[31m\u{202e}\n");
        let said = String::from_utf8(bob.calls(&room).hears_a_line()).expect("text");
        has(&said, "\"msg\":\"\\u001b[31m\u{202e}\"");
    }

    #[test]
    fn a_refusal_cannot_write_on_the_terminal() {
        let (room, address) = scripted();
        let mut bob = Program::start(&["join", "bob", "--server", &address]);
        let mut peer = bob.calls(&room);
        peer.sends(b"{\"name\":\"server\",\"msg\":\"\\u001b[2J\",\"time\":\"2024-2-24\"}\n");
        let said = bob.ends_with(1).complaints;
        assert_eq!(said, "chatroom: the room does not let us in: \\u{1b}[2J\n");
    }
}

mod step_5 {
    use crate::begins;
    use crate::fixtures::*;

    fn echo(server: &str) -> (Program, Peer) {
        let arguments = [
            "echo",
            "--server",
            server,
            "--listen",
            "127.0.0.1:0",
            "--log-level",
            "off",
        ];
        let mut program = Program::start(&arguments);
        let address = program.listens().to_string();
        (program, caller(&address))
    }

    fn repeats(server: &str) {
        let (_program, mut peer) = echo(server);
        peer.sends(b"hello\0\xff");
        peer.hears(b"hello\0\xff");
        peer.half_closes();
        assert_eq!(peer.hears_to_the_end(), b"");
    }

    #[test]
    fn a_server_of_one_thread_repeats_what_it_hears() {
        repeats("tcp");
    }

    #[test]
    fn a_server_of_threads_repeats_what_it_hears() {
        repeats("threading");
    }

    #[test]
    fn a_server_of_processes_repeats_what_it_hears() {
        repeats("forking");
    }

    fn serves_two(server: &str) {
        let (_program, mut first) = echo(server);
        first.sends(b"one");
        first.hears(b"one");
        let mut second =
            Peer::new(std::net::TcpStream::connect(first.stream().peer_addr().unwrap()).unwrap());
        second.sends(b"two");
        second.hears(b"two");
        first.sends(b"one more");
        first.hears(b"one more");
    }

    #[test]
    fn a_server_of_threads_serves_two_at_once() {
        serves_two("threading");
    }

    #[test]
    fn a_server_of_processes_serves_two_at_once() {
        serves_two("forking");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn only_a_server_of_processes_has_a_worker_for_each_client() {
        for (server, expected) in [("tcp", 0), ("threading", 0), ("forking", 1)] {
            let (program, mut peer) = echo(server);
            peer.sends(b"hello");
            peer.hears(b"hello");
            assert_eq!(workers(program.number()), expected, "{server}");
        }
    }

    /// How many processes the process of that number has started with the
    /// word `worker`: `proc_pid_stat(5)`.
    fn workers(number: u32) -> usize {
        let of = |process: std::path::PathBuf| {
            let stat = std::fs::read_to_string(process.join("stat")).ok()?;
            let parent = stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse();
            let line = std::fs::read_to_string(process.join("cmdline")).ok()?;
            (parent == Ok(number) && line.split('\0').nth(1) == Some("worker")).then_some(())
        };
        let processes = std::fs::read_dir("/proc").expect("Linux has it");
        processes
            .flatten()
            .filter_map(|process| of(process.path()))
            .count()
    }

    fn ends_well(server: &str, signal: &str) {
        let (mut program, mut idle) = echo(server);
        idle.sends(b"hello");
        idle.hears(b"hello");
        program.gets(signal);
        assert_eq!(idle.hears_to_the_end(), b"");
        let Ended { output, complaints } = program.ends_with(0);
        assert_eq!((&*output, &*complaints), ("", ""));
    }

    #[test]
    fn ctrl_c_ends_a_server_of_one_thread_well() {
        ends_well("tcp", "INT");
    }

    #[test]
    fn ctrl_c_ends_a_server_of_threads_well() {
        ends_well("threading", "INT");
    }

    #[test]
    fn sigterm_ends_a_server_of_processes_well() {
        ends_well("forking", "TERM");
    }

    #[test]
    fn a_worker_without_a_connection_is_a_failure() {
        let said = Program::start(&["worker", "--log-level", "off"])
            .ends_with(1)
            .complaints;
        begins(&said, "chatroom: ");
        assert_eq!(said.lines().count(), 1, "one line, please: {said}");
    }
}

mod step_6 {
    use crate::fixtures::*;
    use crate::{begins, closes, has, scripted};
    use chatroom::chat::message::Message;

    const UP: &str = "\x1b[A";
    const CTRL_D: &str = "\x04";

    /// Alice at a terminal, whose first words have come back, and the room's
    /// end of her connection. `None` where there is no terminal to be had.
    fn alice(variables: &[(&str, &str)]) -> Option<(Screen, Peer)> {
        let (room, address) = scripted();
        let arguments = ["join", "alice", "--server", &address];
        let mut screen = Screen::start_with(&arguments, variables)?;
        let mut peer = screen.calls(&room);
        let hello = peer.hears_a_line();
        assert!(
            hello.ends_with(b"\"hello\":true}\n"),
            "alice comes without a hello"
        );
        peer.sends(&hello);
        screen.shows(&["— alice joined"], "alice>");
        Some((screen, peer))
    }

    fn said(name: &str, text: &str) -> String {
        format!(
            "{{\"name\":\"{name}\",\"msg\":\"{text}\",\"time\":\"2024-02-24T08:00:00+02:00\"}}\n"
        )
    }

    #[test]
    fn who_comes_in_says_hello() {
        let (room, address) = scripted();
        let Some(mut screen) = Screen::start(&["join", "alice", "--server", &address]) else {
            return;
        };
        let hello = String::from_utf8(screen.calls(&room).hears_a_line()).expect("text");
        let start = "{\"name\":\"alice\",\"msg\":\"joined\",\"time\":";
        begins(&hello, start);
        closes(&hello, ",\"hello\":true}\n");
    }

    #[test]
    fn what_comes_in_does_not_tear_the_line_that_is_typed() {
        let Some((mut screen, mut peer)) = alice(&[]) else {
            return;
        };
        screen.types("hal");
        screen.shows(&["— alice joined"], "alice> hal");
        peer.sends(said("bob", "hi").as_bytes());
        screen.shows(&["— alice joined", " bob: hi"], "alice> hal");
        screen.types("f");
        screen.shows(&["— alice joined", " bob: hi"], "alice> half");
    }

    #[test]
    fn what_is_typed_has_its_place_among_what_others_say() {
        let Some((mut screen, mut peer)) = alice(&[]) else {
            return;
        };
        screen.types("half\r");
        let half = peer.hears_a_line();
        peer.sends(said("bob", "hi").as_bytes());
        peer.sends(&half);
        screen.shows(&["— alice joined", " bob: hi", " alice: half"], "alice>");
    }

    #[test]
    fn a_slow_room_does_not_stop_who_types_fast() {
        let Some((mut screen, mut peer)) = alice(&[]) else {
            return;
        };
        screen.types(&"x\r".repeat(40));
        // The room says nothing for as long as there is anything to hear.
        let said: Vec<u8> = (0..32).flat_map(|_| peer.hears_a_line()).collect();
        screen.settles();
        peer.sends(&said);
        let rest: Vec<u8> = (32..40).flat_map(|_| peer.hears_a_line()).collect();
        peer.sends(&rest);
        screen.shows(&[" alice: x"; 40], "alice>");
    }

    #[test]
    fn what_is_typed_while_there_is_no_prompt_is_not_shown_twice() {
        let Some((mut screen, mut peer)) = alice(&[]) else {
            return;
        };
        // One line more than may be on its way: the next has to wait.
        screen.types(&"x\r".repeat(33));
        let said: Vec<u8> = (0..32).flat_map(|_| peer.hears_a_line()).collect();
        screen.settles();
        screen.types("last\r");
        screen.settles();
        peer.sends(&said);
        let rest: Vec<u8> = (0..2).flat_map(|_| peer.hears_a_line()).collect();
        peer.sends(&rest);
        let shown = [
            &["— alice joined"][..],
            &[" alice: x"; 33],
            &[" alice: last"],
        ];
        screen.shows(&shown.concat(), "alice>");
    }

    /// Alice's terminal has 60 columns; her prompt takes 7 of them.
    #[test]
    fn a_line_of_two_rows_is_not_torn_and_leaves_nothing_behind() {
        let Some((mut screen, mut peer)) = alice(&[]) else {
            return;
        };
        let long = "x".repeat(70);
        screen.types(&long);
        let (first, second) = (format!("alice> {}", &long[..53]), &long[53..]);
        screen.shows(&["— alice joined", &first], second);
        peer.sends(said("bob", "hi").as_bytes());
        screen.shows(&["— alice joined", " bob: hi", &first], second);
        screen.types("\r");
        peer.hears_a_line();
        peer.sends(said("bob", "you?").as_bytes());
        screen.shows(&["— alice joined", " bob: hi", " bob: you?"], "alice>");
    }

    #[test]
    fn a_line_of_wide_signs_is_not_torn_and_leaves_nothing_behind() {
        let Some((mut screen, mut peer)) = alice(&[]) else {
            return;
        };
        // 26 of them have room behind the prompt, and one column is left.
        screen.types(&"你".repeat(30));
        let first = format!("alice> {}", "你".repeat(26));
        screen.shows(&["— alice joined", &first], "你你你你");
        peer.sends(said("张三", "好").as_bytes());
        screen.shows(&["— alice joined", " 张三: 好", &first], "你你你你");
        screen.types("\r");
        peer.hears_a_line();
        peer.sends(said("张三", "吗").as_bytes());
        screen.shows(&["— alice joined", " 张三: 好", " 张三: 吗"], "alice>");
    }

    #[test]
    fn a_line_that_fills_its_row_leaves_nothing_behind() {
        let Some((mut screen, mut peer)) = alice(&[]) else {
            return;
        };
        for count in [52, 53, 54] {
            screen.types(&format!("{}\r", "x".repeat(count)));
            peer.hears_a_line();
        }
        peer.sends(said("bob", "hi").as_bytes());
        screen.shows(&["— alice joined", " bob: hi"], "alice>");
    }

    #[test]
    fn a_long_line_that_is_given_up_leaves_nothing_behind() {
        let Some((mut screen, mut peer)) = alice(&[]) else {
            return;
        };
        screen.types(&"x".repeat(70));
        screen.types("\x03");
        peer.hears_to_the_end();
        screen.shows(&["— alice joined"], "");
    }

    #[test]
    fn the_arrow_keys_bring_back_what_was_said() {
        let Some((mut screen, mut peer)) = alice(&[]) else {
            return;
        };
        screen.types("one\r");
        let one = peer.hears_a_line();
        peer.sends(&one);
        screen.shows(&[" alice: one"], "alice>");
        screen.types(UP);
        screen.shows(&[" alice: one"], "alice> one");
    }

    #[test]
    fn an_empty_line_is_not_said() {
        let Some((mut screen, mut peer)) = alice(&[]) else {
            return;
        };
        screen.types("\r  \rhi\r");
        let heard = String::from_utf8(peer.hears_a_line()).expect("text");
        has(&heard, "\"msg\":\"hi\"");
    }

    #[test]
    fn the_time_is_local_and_a_day_that_is_not_today_is_told() {
        let Some((mut screen, mut peer)) = alice(&[("TZ", "UTC")]) else {
            return;
        };
        peer.sends(said("bob", "hi").as_bytes());
        screen.shows(&["2024-02-24 06:00 bob: hi"], "alice>");
    }

    #[test]
    fn who_comes_and_who_goes_is_shown() {
        let Some((mut screen, mut peer)) = alice(&[]) else {
            return;
        };
        let hello = said("carol", "joined").replace("}", ",\"hello\":true}");
        peer.sends(hello.as_bytes());
        peer.sends(said("server", "carol left").as_bytes());
        screen.shows(&["— carol joined", "— carol left"], "alice>");
    }

    #[test]
    fn a_name_has_its_colour_and_keeps_it() {
        let Some((mut screen, mut peer)) = alice(&[]) else {
            return;
        };
        for (name, text) in [("bob", "one"), ("carol", "two"), ("bob", "three")] {
            peer.sends(said(name, text).as_bytes());
        }
        screen.shows(&[" bob: one", " carol: two", " bob: three"], "alice>");
        let drawn = String::from_utf8_lossy(&screen.drawn).into_owned();
        let colour = |name: &str, text: &str| {
            let before = drawn
                .split(&format!("{name}\x1b[0m: {text}"))
                .next()
                .unwrap_or("");
            before.rsplit("\x1b").next().unwrap_or("").to_owned()
        };
        assert!(colour("bob", "one").starts_with("[1;38;5;"), "{drawn:?}");
        assert_eq!(colour("bob", "one"), colour("bob", "three"));
        assert_ne!(colour("bob", "one"), colour("carol", "two"));
    }

    #[test]
    fn no_color_means_no_colour() {
        let Some((mut screen, mut peer)) = alice(&[("NO_COLOR", "1")]) else {
            return;
        };
        peer.sends(said("bob", "hi").as_bytes());
        screen.shows(&[" bob: hi"], "alice>");
        let drawn = String::from_utf8_lossy(&screen.drawn).into_owned();
        let commands = drawn.split("\x1b[").skip(1);
        let colours: Vec<&str> = commands
            .filter(|command| {
                command
                    .trim_start_matches(|c: char| c.is_ascii_digit() || c == ';')
                    .starts_with('m')
            })
            .collect();
        assert_eq!(colours, [""; 0], "{drawn:?}");
    }

    #[test]
    fn what_is_hostile_is_made_harmless_for_the_terminal() {
        let Some((mut screen, mut peer)) = alice(&[]) else {
            return;
        };
        let wipe = r"\u001b[2J";
        peer.sends(said(&format!("e{wipe}ve"), &format!("{wipe}\\u202egone")).as_bytes());
        screen.shows(&[r" e\u{1b}[2Jve: \u{1b}[2J\u{202e}gone"], "alice>");
        assert!(!screen.drawn.windows(4).any(|bytes| bytes == b"\x1b[2J"));
    }

    #[test]
    fn an_answer_of_the_room_is_shown_and_is_not_the_end() {
        let Some((mut screen, mut peer)) = alice(&[]) else {
            return;
        };
        screen.types("hi\r");
        peer.hears_a_line();
        peer.sends(said("server", "not so fast").as_bytes());
        screen.shows(&["— not so fast"], "alice>");
        screen.types(CTRL_D);
        screen.ends_with(0);
    }

    #[test]
    fn ctrl_d_leaves_and_the_terminal_is_as_it_was() {
        let Some((mut screen, mut peer)) = alice(&[]) else {
            return;
        };
        screen.types(CTRL_D);
        assert_eq!(peer.hears_to_the_end(), b"");
        assert_eq!(
            screen.ends_with(0).complaints,
            "the terminal is as it was\n"
        );
    }

    #[test]
    fn what_was_said_before_ctrl_d_is_waited_for_and_shown() {
        let Some((mut screen, mut peer)) = alice(&[]) else {
            return;
        };
        screen.types("bye\r\x04");
        let bye = peer.hears_to_the_end();
        screen.settles();
        peer.sends(said("bob", "you?").repeat(50).as_bytes());
        peer.sends(&bye);
        let above = [
            &["— alice joined"][..],
            &[" bob: you?"; 50],
            &[" alice: bye"],
        ];
        screen.shows(&above.concat(), "");
        screen.ends_with(0);
    }

    #[test]
    fn ctrl_c_leaves_and_the_terminal_is_as_it_was() {
        let Some((mut screen, mut peer)) = alice(&[]) else {
            return;
        };
        screen.types("half\x03");
        assert_eq!(peer.hears_to_the_end(), b"");
        assert_eq!(
            screen.ends_with(0).complaints,
            "the terminal is as it was\n"
        );
    }

    #[test]
    fn sigterm_in_the_middle_of_a_line_leaves_the_terminal_as_it_was() {
        let Some((mut screen, mut peer)) = alice(&[]) else {
            return;
        };
        screen.types("half");
        screen.shows(&["— alice joined"], "alice> half");
        screen.gets("TERM");
        assert_eq!(peer.hears_to_the_end(), b"");
        assert_eq!(
            screen.ends_with(0).complaints,
            "the terminal is as it was\n"
        );
    }

    #[test]
    fn a_room_that_hangs_up_leaves_the_terminal_as_it_was() {
        let Some((mut screen, peer)) = alice(&[]) else {
            return;
        };
        screen.types("half");
        screen.shows(&["— alice joined"], "alice> half");
        peer.closes();
        let said = screen.ends_with(1).complaints;
        has(&said, "chatroom: the room has hung up\n");
        has(&said, "the terminal is as it was\n");
    }

    #[test]
    fn the_last_words_of_a_room_are_shown_and_the_prompt_is_gone() {
        let Some((mut screen, mut peer)) = alice(&[]) else {
            return;
        };
        let long = "x".repeat(70);
        screen.types(&long);
        screen.shows(&[&format!("alice> {}", &long[..53])], &long[53..]);
        peer.sends(said("server", "the room is closing").as_bytes());
        peer.closes();
        screen.shows(&["— alice joined", "— the room is closing"], "");
        screen.is_over();
        screen.shows(&["— alice joined", "— the room is closing"], "");
    }

    #[test]
    fn a_line_that_is_too_long_is_told_and_is_not_the_end() {
        let Some((mut screen, mut peer)) = alice(&[]) else {
            return;
        };
        let long = "x".repeat(65_536);
        screen.types(&format!("\x1b[200~{long}\x1b[201~\r"));
        let told = "— not said: a frame is longer than 65536 bytes";
        screen.shows(&["— alice joined", told], "alice>");
        screen.types("hi\r");
        let heard = String::from_utf8(peer.hears_a_line()).expect("text");
        has(&heard, "\"msg\":\"hi\"");
    }

    #[test]
    fn what_is_no_message_is_told_above_the_prompt() {
        let Some((mut screen, mut peer)) = alice(&[]) else {
            return;
        };
        screen.types("half");
        screen.shows(&["— alice joined"], "alice> half");
        peer.sends(b"[]\n");
        // Why it is none is told in chapter 17's words, whoever wrote them.
        let why = Message::from_json(b"[]").expect_err("it is an array");
        screen.tells(
            &format!("— what was heard is no message: {why}"),
            "alice> half",
        );
    }

    #[test]
    fn a_text_of_many_lines_is_as_many_messages() {
        let Some((mut screen, mut peer)) = alice(&[]) else {
            return;
        };
        screen.types("\x1b[200~one\n\ntwo\x1b[201~\r");
        for expected in ["one", "two"] {
            let heard = String::from_utf8(peer.hears_a_line()).expect("text");
            let expected = format!("\"msg\":\"{expected}\"");
            assert!(heard.contains(&expected), "no {expected} in {heard}");
            peer.sends(heard.as_bytes());
        }
        screen.shows(&["— alice joined", " alice: one", " alice: two"], "alice>");
    }

    #[test]
    fn what_is_hostile_in_a_text_that_is_pasted_is_not_drawn() {
        let Some((mut screen, mut peer)) = alice(&[]) else {
            return;
        };
        screen.types("\x1b[200~a\u{9b}31mb\u{202e}c\x1b[201~");
        screen.shows(&["— alice joined"], "alice> a31mbc");
        let drawn = String::from_utf8_lossy(&screen.drawn);
        assert!(!drawn.contains(['\u{9b}', '\u{202e}']), "{drawn:?}");
        screen.types("\r");
        let heard = String::from_utf8(peer.hears_a_line()).expect("text");
        assert!(
            heard.contains("\"msg\":\"a\u{9b}31mb\u{202e}c\""),
            "{heard:?}"
        );
    }

    #[test]
    fn what_is_looked_for_in_the_history_is_shown() {
        let Some((mut screen, mut peer)) = alice(&[]) else {
            return;
        };
        screen.types("half\r");
        let half = peer.hears_a_line();
        peer.sends(&half);
        screen.shows(&[" alice: half"], "alice>");
        screen.types("\x12ha");
        screen.shows(&[" alice: half"], "(reverse-i-search)`ha': half");
    }

    #[test]
    fn a_refusal_ends_it_before_anything_can_be_said() {
        let (room, address) = scripted();
        let Some(mut screen) = Screen::start(&["join", "alice", "--server", &address]) else {
            return;
        };
        let mut peer = screen.calls(&room);
        peer.hears_a_line();
        peer.sends(said("server", "somebody here has this name").as_bytes());
        let complaints = screen.ends_with(1).complaints;
        let told = "chatroom: the room does not let us in: somebody here has this name\n";
        has(&complaints, told);
        has(&complaints, "the terminal is as it was\n");
    }

    #[test]
    fn a_terminal_that_cannot_edit_is_a_pipe() {
        let (room, address) = scripted();
        let arguments = ["join", "alice", "--server", &address];
        let Some(mut screen) = Screen::start_with(&arguments, &[("TERM", "dumb")]) else {
            return;
        };
        let mut peer = screen.calls(&room);
        peer.sends(said("bob", "hi").as_bytes());
        screen.shows(&["bob: hi"], "");
    }
}

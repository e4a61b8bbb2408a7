//! The fixtures' own claims: what a timeline shows, and when it is printed.

mod fixtures;

use fixtures::compare::{difference, short};
use fixtures::timeline::Timeline;
use fixtures::*;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Command, Output};
use std::thread;

/// Set where a test of this file runs once more, in a process of its own.
const SCENE: &str = "TIMELINE_SCENE";

fn is_scene() -> bool {
    std::env::var_os(SCENE).is_some()
}

/// Runs this very test in another process, as a scene that we watch.
fn watched() -> (Output, String) {
    let name = thread::current().name().unwrap_or_default().to_string();
    let mut command = Command::new(std::env::current_exe().expect("it runs"));
    let command = command.args([&name, "--exact", "--nocapture"]);
    let output = command.env(SCENE, "1").env("RUST_BACKTRACE", "0").output();
    let output = output.expect("it can run once more");
    let stderr = String::from_utf8(output.stderr.clone()).expect("it is text");
    (output, stderr)
}

/// What stands below `timeline:`.
fn below_the_heading(stderr: &str) -> &str {
    let parts: Vec<&str> = stderr.split("\ntimeline:\n").collect();
    assert_eq!(parts.len(), 2, "one timeline is printed, in: {stderr}");
    parts[1]
}

#[test]
fn each_event_is_a_row_and_the_mark_stands_below() {
    let (_socket, mut peer) = connected();
    peer.sends(b"hel\n");
    peer.half_closes();
    peer.resets();
    let expected = r#"timeline:
  the test                       peer
     │◀─ connected ───────────────▶│
     │◀─ "hel\n" ──────────────────│
     │◀─ the end, and listens ─────│
     │◀─ reset ────────────────────│
  ✗ what came of it
"#;
    let drawn = Timeline::here().diagram("what came of it");
    assert_eq!(drawn, expected, "{drawn}");
}

#[test]
fn what_a_peer_hears_points_to_the_peer() {
    let (mut socket, mut peer) = connected();
    socket.write_all(b"hello").expect("it is connected");
    peer.hears(b"hello");
    drop(socket);
    peer.hears_to_the_end();
    peer.closes();
    let expected = r#"timeline:
  the test               peer
     │◀─ connected ───────▶│
     │── "hello" ─────────▶│
     │── the end ─────────▶│
     │◀─ hangs up ─────────│
"#;
    let drawn = Timeline::here().diagram("");
    assert_eq!(drawn, expected, "{drawn}");
}

#[test]
fn scripted_ends_tell_what_they_were_asked() {
    let mut chop = Chop::new(&[b"hello"]);
    let mut sip = Sip::new(3);
    chop.read_exact(&mut [0; 2]).expect("there are five");
    sip.write_all(b"hell").expect("it takes all");
    let expected = r#"timeline:
  the test               chop                   sip
     │◀─ "he" ─────────────│ asked for 2         │
     │── "hell" ───────────┼────────────────────▶│ takes 3
     │── "l" ──────────────┼────────────────────▶│ takes 1
"#;
    let drawn = Timeline::here().diagram("");
    assert_eq!(drawn, expected, "{drawn}");
}

#[test]
fn a_server_writes_into_the_timeline_of_its_test() {
    let server = Server::start(|mut caller| caller.sends(b"welcome"));
    let caller = TcpStream::connect(server.address()).expect("it listens");
    Peer::ours(caller).hears(b"welcome");
    drop(server);
    let drawn = Timeline::here().diagram("");
    for row in [
        "│── connects ───────────▶│",
        "│◀─ \"welcome\" ───────────│",
        "│ hears \"welcome\"        │",
    ] {
        assert!(drawn.contains(row), "{row}\nis not in\n{drawn}");
    }
}

#[test]
fn tests_side_by_side_have_timelines_of_their_own() {
    let tests = ["one", "two"].map(|word| {
        thread::spawn(move || {
            let (_socket, mut peer) = connected();
            peer.sends(word.as_bytes());
            Timeline::here().diagram("")
        })
    });
    let [one, two] = tests.map(|test| test.join().expect("it passes"));
    let said = |drawn: &str| (drawn.contains("\"one\""), drawn.contains("\"two\""));
    assert_eq!((said(&one), said(&two)), ((true, false), (false, true)));
}

#[test]
fn of_a_long_story_the_beginning_and_the_end_are_drawn() {
    let mut sip = Sip::new(1);
    let bytes: Vec<u8> = (0..5000).map(|at| b'a' + (at % 7) as u8).collect();
    sip.write_all(&bytes).expect("it takes all");
    let drawn = Timeline::here().diagram("the end");
    assert!(drawn.lines().count() <= 20, "{drawn}");
    assert!(drawn.contains("┊ 4000 before"), "{drawn}");
    assert!(drawn.contains("┊ 985 more"), "{drawn}");
    assert!(drawn.contains("│── \"b\" "), "the last byte: {drawn}");
}

#[test]
fn many_parties_share_the_last_line_by_name() {
    let mut ends: Vec<_> = (0..5).map(|_| connected()).collect();
    ends[4].1.sends(b"hello");
    let drawn = Timeline::here().diagram("");
    assert!(drawn.contains("the others"), "{drawn}");
    assert!(drawn.contains("peer 5: \"hello\""), "{drawn}");
}

#[test]
fn a_failing_test_prints_its_timeline_below_the_message() {
    if is_scene() {
        let (_socket, mut peer) = connected();
        peer.sends(b"bye");
        peer.closes();
        panic!("what the scene says\nin two lines");
    }
    let (output, stderr) = watched();
    assert!(!output.status.success(), "{stderr}");
    let below = below_the_heading(&stderr);
    let rows: Vec<&str> = below
        .lines()
        .filter(|line| line.starts_with("  "))
        .collect();
    let ends: Vec<&str> = rows.iter().skip(1).map(|row| row.trim()).collect();
    let expected = [
        "│◀─ connected ───────▶│",
        "│◀─ \"bye\" ────────────│",
        "│◀─ hangs up ─────────│",
        "✗ what the scene says",
    ];
    assert_eq!(ends, expected, "{stderr}");
    let message = stderr.find("in two lines").expect("the message is there");
    assert!(message < stderr.find("timeline:").unwrap(), "{stderr}");
}

#[test]
fn a_panic_in_the_thread_of_a_waiting_call_prints_it_once() {
    if is_scene() {
        let (_socket, _peer) = connected();
        Waiter::start(|| panic!("in the waiter's thread")).answer()
    }
    let (output, stderr) = watched();
    assert!(!output.status.success(), "{stderr}");
    let below = below_the_heading(&stderr);
    assert!(below.contains("✗ in the waiter's thread"), "{stderr}");
    assert_eq!(stderr.matches("panicked at").count(), 1, "{stderr}");
}

#[test]
fn a_panic_of_another_thread_prints_no_second_timeline() {
    if is_scene() {
        let (_socket, mut peer) = connected();
        let timeline = Timeline::here();
        let other = thread::spawn(move || {
            timeline.goes_on_here();
            panic!("first");
        });
        other.join().expect_err("it panics");
        peer.sends(b"more");
        panic!("second");
    }
    let (_, stderr) = watched();
    assert!(below_the_heading(&stderr).contains("second"), "{stderr}");
}

#[test]
fn a_panic_behind_one_that_was_caught_prints_its_own_timeline() {
    if is_scene() {
        let (_socket, mut peer) = connected();
        let first = std::panic::catch_unwind(|| panic!("first"));
        first.expect_err("it panics");
        peer.sends(b"more");
        panic!("second");
    }
    let (_, stderr) = watched();
    let last = stderr.rsplit("\ntimeline:\n").next().unwrap_or_default();
    let shown = last.contains("\"more\"") && last.contains("✗ second");
    assert!(shown, "of the second panic: {stderr}");
}

#[test]
fn a_passing_test_prints_nothing() {
    if is_scene() {
        let (mut socket, mut peer) = connected();
        socket.write_all(b"hello").expect("it is connected");
        return peer.hears(b"hello");
    }
    let (output, stderr) = watched();
    assert!(output.status.success(), "{stderr}");
    assert_eq!(stderr, "");
}

#[test]
fn a_test_that_used_no_fixture_prints_no_timeline() {
    if is_scene() {
        drop(Timeline::here());
        panic!("no wire, no timeline");
    }
    let (output, stderr) = watched();
    assert!(!output.status.success(), "{stderr}");
    assert!(!stderr.contains("timeline:"), "{stderr}");
}

#[test]
fn the_caret_stands_below_the_first_byte_that_differs() {
    let shown = difference(b"a\nbad", b"a\nbed", "what the peer heard");
    let expected = r#"what the peer heard
  got       "a\nbad"
  expected  "a\nbed"
                 ^ here"#;
    assert_eq!(shown, expected, "{shown}");
}

#[test]
fn bytes_that_end_too_early_differ_where_they_end() {
    let shown = difference(b"hel", b"hello", "what the peer heard");
    let expected = r#"what the peer heard
  got       "hel"
  expected  "hello"
                ^ here: 3 bytes instead of 5"#;
    assert_eq!(shown, expected, "{shown}");
}

#[test]
fn of_many_bytes_those_around_the_difference_are_shown() {
    let expected = [b'x'; 100_000];
    let mut got = expected;
    got[70_000] = 0;
    let shown = difference(&got, &expected, "a long message");
    let lines: Vec<&str> = shown.lines().collect();
    let caret = lines[3].find('^').expect("there is a caret");
    let above = |line: &str| line.chars().skip(caret).take(4).collect::<String>();
    assert_eq!(above(lines[1]), "\\x00", "{shown}");
    assert_eq!(above(lines[2]), "xxxx", "{shown}");
    assert!(
        lines[3].contains("at byte 70000, counted from 0"),
        "{shown}"
    );
    assert!(lines.iter().all(|line| line.len() < 80), "{shown}");
}

#[test]
fn many_bytes_are_named_by_their_beginning_and_their_number() {
    assert_eq!(short(&[b'x'; 1 << 20]), "\"xxxxxxxxxxxx…\" 1048576 bytes");
}

//! Chapter 11: a log that tells when, where and what, and only what happened.

#[macro_use]
mod fixtures;
subject!(logging = "../my/logging.rs",
    tests = "../my/tests/logging.rs" or "../lessons/11-logging/answer_tests.rs");

use crate::logging::{Story, basic_config, harmless, line};
use fixtures::*;
use log::{Level, LevelFilter, Record};
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Eight o'clock in the morning of 24 February 2024, in UTC.
const EIGHT: Duration = Duration::from_secs(1_708_761_600);

/// What `line` writes for a record of these parts.
#[track_caller]
fn written(after_1970: Duration, level: Level, place: &str, message: &str) -> String {
    let time = UNIX_EPOCH + after_1970;
    let mut out = Vec::new();
    let result = line(
        &mut out,
        time,
        &Record::builder()
            .level(level)
            .target(place)
            .args(format_args!("{message}"))
            .build(),
    );
    result.expect("a vector takes everything");
    String::from_utf8(out).expect("a line is text")
}

fn peer(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

mod step_1 {
    use super::*;

    #[test]
    fn a_line_says_when_how_grave_where_and_what() {
        assert_eq!(
            written(EIGHT, Level::Info, "chatroom::echo", "hello"),
            "2024-02-24T08:00:00.000Z INFO chatroom::echo: hello\n"
        );
    }

    #[test]
    fn another_record_is_another_line() {
        assert_eq!(
            written(Duration::ZERO, Level::Error, "chatroom::server", "no room"),
            "1970-01-01T00:00:00.000Z ERROR chatroom::server: no room\n"
        );
    }

    #[test]
    fn milliseconds_are_told() {
        let time = EIGHT + Duration::from_millis(42);
        let line = written(time, Level::Info, "chatroom::echo", "hello");
        assert!(line.starts_with("2024-02-24T08:00:00.042Z "), "{line}");
    }

    #[test]
    fn a_clock_before_1970_is_no_panic() {
        let mut out = Vec::new();
        let time = UNIX_EPOCH - Duration::from_secs(1);
        line(&mut out, time, &Record::builder().build()).expect("a vector takes everything");
        let line = String::from_utf8_lossy(&out);
        assert!(line.starts_with("1970-01-01T00:00:00.000Z "), "{line}");
    }

    #[test]
    fn a_log_that_takes_a_byte_at_a_time_gets_the_whole_line() {
        let mut slow = Sip::new(1);
        let record = Record::builder().args(format_args!("hello")).build();
        let result = line(&mut slow, UNIX_EPOCH, &record);
        result.expect("it takes everything, in time");
        let taken = String::from_utf8_lossy(&slow.took);
        assert!(taken.ends_with("hello\n"), "only this was taken: {taken:?}");
    }

    #[test]
    fn a_log_that_cannot_be_written_is_an_error() {
        let mut full = Sip::new(0);
        let result = line(&mut full, SystemTime::now(), &Record::builder().build());
        refused(result, "not one byte was taken");
    }
}

mod step_2 {
    use super::*;

    #[test]
    fn a_newline_cannot_begin_a_line_of_its_own() {
        let forged = "hi\n2024-02-24T08:00:00.000Z INFO chatroom::echo: all is well";
        let line = written(EIGHT, Level::Warn, "chatroom::echo", forged);
        assert_eq!(
            line.lines().count(),
            1,
            "one record, and this is shown:\n{line}"
        );
        assert!(line.contains("hi\\n2024"), "an escape shows it: {line}");
    }

    #[test]
    fn a_newline_at_the_end_is_shown_too() {
        let line = written(EIGHT, Level::Info, "place", "bye\n");
        assert!(line.ends_with("place: bye\\n\n"), "shown: {line:?}");
    }

    #[test]
    fn an_escape_cannot_clear_the_screen() {
        assert_eq!(harmless("\u{1b}[2J"), r"\u{1b}[2J");
    }

    #[test]
    fn no_c0_or_c1_or_del_stays_raw() {
        for code in (0..0x20).chain(0x7f..0xa0) {
            let command = char::from(code);
            let text = harmless(&format!("a{command}b"));
            assert!(!text.contains(command), "raw: {:?}", command);
            assert!(
                text.starts_with("a\\"),
                "an escape shows {command:?}: {text}"
            );
        }
    }

    #[test]
    fn no_bidirectional_control_turns_the_text_around() {
        let marks = ['\u{61c}', '\u{200e}', '\u{200f}'];
        for command in ('\u{202a}'..='\u{202e}')
            .chain('\u{2066}'..='\u{2069}')
            .chain(marks)
        {
            let text = harmless(&format!("a{command}b"));
            assert!(!text.contains(command), "raw: {}", command.escape_unicode());
        }
    }

    #[test]
    fn no_line_or_paragraph_separator_stays_raw() {
        assert_eq!(harmless("a\u{2028}b\u{2029}c"), r"a\u{2028}b\u{2029}c");
    }

    #[test]
    fn what_nobody_sees_is_shown() {
        let hidden = "\u{ad}\u{200b}\u{feff}".chars();
        for hidden in hidden.chain('\u{2060}'..='\u{206f}') {
            let shown = format!("ali\\u{{{:x}}}ce", u32::from(hidden));
            assert_eq!(harmless(&format!("ali{hidden}ce")), shown);
        }
    }

    #[test]
    fn the_place_is_harmless_too() {
        let line = written(EIGHT, Level::Info, "room\nof many", "hello");
        assert_eq!(
            line.lines().count(),
            1,
            "one record, and this is shown:\n{line}"
        );
    }

    #[test]
    fn what_people_write_stays_as_it_is() {
        for text in [
            "",
            "hello, world",
            "张三: 你好",
            "naïve 👩‍💻",
            "می‌خواهم",
            "שלום",
            r#"C:\ "x" 'y'"#,
        ] {
            assert_eq!(harmless(text), text, "there is no command in it");
        }
    }
}

mod step_3 {
    use super::*;

    /// What stands in a line behind the time, which nobody can foretell. A line
    /// that begins otherwise is shown as it is.
    fn behind_the_time(lines: &[String]) -> Vec<&str> {
        let rest = |line| match str::split_once(line, ' ') {
            Some((time, rest)) if humantime::parse_rfc3339(time).is_ok() => rest,
            _ => line,
        };
        lines.iter().map(|line| rest(line.as_str())).collect()
    }

    #[test]
    fn a_record_appears_on_standard_error() {
        let lines = alone("step_3::a_record_appears_on_standard_error", || {
            assert!(
                basic_config(LevelFilter::Info),
                "no logger was there before"
            );
            log::info!(target: "chatroom::echo", "hello");
        });
        assert_eq!(behind_the_time(&lines), ["INFO chatroom::echo: hello"]);
    }

    #[test]
    fn its_time_is_now() {
        let before = SystemTime::now();
        let lines = alone("step_3::its_time_is_now", || {
            basic_config(LevelFilter::Info);
            log::info!("hello");
        });
        let written = lines.first().and_then(|line| line.split(' ').next());
        let time = humantime::parse_rfc3339(written.unwrap_or_default());
        let time = time.unwrap_or_else(|error| panic!("no time begins this: {lines:?}: {error}"));
        // Clocks are set now and then; nobody sets one by an hour just now.
        let hour = Duration::from_secs(3600);
        let now = before - hour..SystemTime::now() + hour;
        assert!(now.contains(&time), "it says {written:?}");
    }

    #[test]
    fn what_is_less_grave_than_the_level_is_left_out() {
        let lines = alone(
            "step_3::what_is_less_grave_than_the_level_is_left_out",
            || {
                basic_config(LevelFilter::Warn);
                log::info!(target: "place", "one more client");
                log::warn!(target: "place", "one client too many");
                log::error!(target: "place", "no more clients");
            },
        );
        assert_eq!(
            behind_the_time(&lines),
            [
                "WARN place: one client too many",
                "ERROR place: no more clients"
            ]
        );
    }

    #[test]
    fn a_second_setup_says_so_and_changes_nothing() {
        let lines = alone("step_3::a_second_setup_says_so_and_changes_nothing", || {
            basic_config(LevelFilter::Info);
            assert!(!basic_config(LevelFilter::Error), "one was there before");
            log::info!(target: "place", "hello");
        });
        assert_eq!(behind_the_time(&lines), ["INFO place: hello"]);
    }

    #[test]
    fn a_logger_of_somebody_elses_stays() {
        let lines = alone("step_3::a_logger_of_somebody_elses_stays", || {
            let theirs: &Logbook = Box::leak(Box::new(Logbook::new()));
            log::set_logger(theirs).expect("nobody was there before");
            assert!(
                !basic_config(LevelFilter::Info),
                "somebody was there before"
            );
            log::info!("hello");
        });
        let none: [&str; 0] = [];
        assert_eq!(lines, none, "it was for the other logger");
    }

    #[test]
    fn the_environment_has_no_say_in_the_level() {
        let name = "step_3::the_environment_has_no_say_in_the_level";
        let lines = alone_where(name, &[("RUST_LOG", "place=trace")], || {
            basic_config(LevelFilter::Warn);
            log::info!(target: "place", "one more client");
        });
        let none: [&str; 0] = [];
        assert_eq!(lines, none, "it was set up for warnings");
    }

    #[test]
    fn what_a_peer_said_is_harmless_on_standard_error() {
        let lines = alone(
            "step_3::what_a_peer_said_is_harmless_on_standard_error",
            || {
                basic_config(LevelFilter::Info);
                log::info!(target: "place", "{}", "\u{1b}]0;mine\u{7}");
            },
        );
        assert_eq!(behind_the_time(&lines), [r"INFO place: \u{1b}]0;mine\u{7}"]);
    }
}

mod step_4 {
    use super::*;

    #[test]
    fn the_beginning_says_from_whom() {
        let log = Logbook::new();
        let _story = Story::told_to(&log, "chatroom::echo", peer(49152));
        assert_eq!(log.messages(), ["127.0.0.1:49152: connected"]);
    }

    #[test]
    fn the_end_says_how_much_and_why() {
        let log = Logbook::new();
        let mut story = Story::told_to(&log, "chatroom::echo", peer(49152));
        story.heard(5);
        story.said(7);
        story.ends("end of stream");
        assert_eq!(
            log.messages()[1..],
            ["127.0.0.1:49152: closed after 5 bytes in, 7 bytes out: end of stream"]
        );
    }

    #[test]
    fn pieces_add_up() {
        let log = Logbook::new();
        let mut story = Story::told_to(&log, "chatroom::echo", peer(49152));
        for _ in 0..3 {
            story.heard(1000);
            story.said(10);
        }
        story.heard(1);
        story.ends("reset");
        assert_eq!(
            log.messages()[1..],
            ["127.0.0.1:49152: closed after 3001 bytes in, 30 bytes out: reset"]
        );
    }

    #[test]
    fn more_is_counted_than_32_bits_hold() {
        let log = Logbook::new();
        let mut story = Story::told_to(&log, "chatroom::echo", peer(49152));
        for _ in 0..2 {
            story.heard(u32::MAX as usize);
            story.said(u32::MAX as usize);
        }
        story.ends("reset");
        assert_eq!(
            log.messages()[1..],
            ["127.0.0.1:49152: closed after 8589934590 bytes in, 8589934590 bytes out: reset"]
        );
    }

    #[test]
    fn it_is_told_at_the_place_of_the_server_as_information() {
        let log = Logbook::new();
        drop(Story::told_to(&log, "chatroom::echo", peer(49152)));
        for entry in log.entries() {
            assert_eq!(
                (entry.place.as_str(), entry.level),
                ("chatroom::echo", Level::Info)
            );
        }
    }

    #[test]
    fn two_stories_are_told_apart() {
        let log = Logbook::new();
        let mut one = Story::told_to(&log, "chatroom::echo", peer(1));
        let two = Story::told_to(&log, "chatroom::echo", peer(2));
        one.heard(5);
        two.ends("reset");
        one.ends("end of stream");
        assert_eq!(
            log.messages()[2..],
            [
                "127.0.0.1:2: closed after 0 bytes in, 0 bytes out: reset",
                "127.0.0.1:1: closed after 5 bytes in, 0 bytes out: end of stream",
            ]
        );
    }
}

mod step_5 {
    use super::*;

    #[test]
    fn a_story_that_is_dropped_has_an_end_too() {
        let log = Logbook::new();
        let mut story = Story::told_to(&log, "chatroom::echo", peer(49152));
        story.heard(5);
        drop(story);
        assert_eq!(
            log.messages()[1..],
            ["127.0.0.1:49152: closed after 5 bytes in, 0 bytes out: nobody said why"]
        );
    }

    #[test]
    fn a_panic_is_a_reason() {
        let log = Logbook::new();
        let story = Story::told_to(&log, "chatroom::echo", peer(49152));
        let panics = AssertUnwindSafe(move || {
            let _story = story;
            // As a panic unwinds, without its message on the screen.
            resume_unwind(Box::new("the handler fails"));
        });
        catch_unwind(panics).expect_err("it panics");
        assert_eq!(
            log.messages()[1..],
            ["127.0.0.1:49152: closed after 0 bytes in, 0 bytes out: a panic"]
        );
    }

    #[test]
    fn an_end_is_told_once() {
        let log = Logbook::new();
        Story::told_to(&log, "chatroom::echo", peer(49152)).ends("end of stream");
        assert_eq!(log.messages().len(), 2, "told: {:#?}", log.messages());
    }

    #[test]
    fn the_logger_that_is_set_up_hears_it() {
        let lines = alone("step_5::the_logger_that_is_set_up_hears_it", || {
            basic_config(LevelFilter::Info);
            let mut story = Story::begin("chatroom::echo", peer(49152));
            story.said(5);
            story.ends("their\rwords");
        });
        let told: Vec<_> = lines
            .iter()
            .filter_map(|line| line.split_once(' '))
            .collect();
        let told: Vec<_> = told.iter().map(|(_, rest)| *rest).collect();
        assert_eq!(
            told,
            [
                "INFO chatroom::echo: 127.0.0.1:49152: connected",
                r"INFO chatroom::echo: 127.0.0.1:49152: closed after 0 bytes in, 5 bytes out: their\rwords",
            ]
        );
    }

    /// The script's log goes where the test listens.
    const PYTHON_LOG: &str = r#"
import sys
sys.stderr = sys.stdout

import logging

logging.basicConfig(
    level=logging.INFO,
    format="%(asctime)s %(levelname)s %(name)s: %(message)s",
)
logging.basicConfig(level=logging.ERROR)  # harmless, and without effect
log = logging.getLogger("chatroom.echo")
said = "hi\n2024-02-24 08:00:00,000 INFO chatroom.echo: all is well"
log.info("%s says %s", "127.0.0.1:49152", said)
log.info("%s says %r", "127.0.0.1:49152", said)
"#;

    #[test]
    fn a_line_of_pythons_has_the_same_shape_and_less_care() {
        let forged = "2024-02-24 08:00:00,000 INFO chatroom.echo: all is well";
        let message = format!("127.0.0.1:49152 says hi\n{forged}");
        let line = written(EIGHT, Level::Info, "chatroom.echo", &message);
        let ours = line.trim_end().split_once(' ').map(|(_, rest)| rest);
        let same = format!(r"INFO chatroom.echo: 127.0.0.1:49152 says hi\n{forged}");
        assert_eq!(ours, Some(&*same), "behind the time");
        if let Some(mut python) = Python::start(PYTHON_LOG, &[]) {
            // A day and a time of day, and what is behind them.
            let careless = python.says();
            let rest = careless.splitn(3, ' ').last();
            assert_eq!(rest, Some("INFO chatroom.echo: 127.0.0.1:49152 says hi"));
            assert_eq!(python.says(), forged, "a line that nobody wrote");
            let careful = python.says().replace('\'', "");
            assert_eq!(careful.splitn(3, ' ').last(), Some(&*same), "with %r");
        }
    }

    const PYTHON_CLIENT: &str = r#"
import socket, sys

with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as client:
    print("%s:%s" % client.getsockname())
    client.sendall(b"hello")
    client.shutdown(socket.SHUT_WR)
    print(client.recv(8))
"#;

    /// Answers the next caller with what it said, and returns what was told.
    #[track_caller]
    fn answered(listener: &TcpListener) -> Vec<String> {
        let log = Logbook::new();
        let (mut caller, peer) = listener.accept().expect("somebody calls");
        caller.set_read_timeout(Some(GUARD)).expect("a guard");
        let mut story = Story::told_to(&log, "chatroom::echo", peer);
        let mut said = Vec::new();
        story.heard(caller.read_to_end(&mut said).expect("to the end"));
        caller.write_all(&said).expect("it can be answered");
        story.said(said.len());
        story.ends("end of stream");
        log.messages()
    }

    #[test]
    fn a_client_in_python_has_its_story_in_our_log() {
        let story = |client: &str| {
            let end = "closed after 5 bytes in, 5 bytes out: end of stream";
            [format!("{client}: connected"), format!("{client}: {end}")]
        };
        let listener = TcpListener::bind(ANY).expect("any port will do");
        let address = listener.local_addr().expect("it is bound");
        let mut ours = TcpStream::connect(address).expect("it listens");
        ours.write_all(b"hello").expect("it can send");
        ours.shutdown(Shutdown::Write).expect("that was all");
        let own = ours.local_addr().expect("it is connected").to_string();
        assert_eq!(answered(&listener), story(&own), "of our own client");
        if let Some(mut python) = Python::start(PYTHON_CLIENT, &[&address.port().to_string()]) {
            let told = answered(&listener);
            assert_eq!(told, story(&python.says()), "of Python's client");
            assert_eq!(python.says(), "b'hello'", "what it heard");
        }
    }
}

//! Chapter 17: who said what, and when, as one line of JSON.

#[macro_use]
mod fixtures;
subject!(chat::message = "../my/chat/message.rs",
    tests = "../my/tests/message.rs" or "../lessons/17-message/answer_tests.rs");
#[path = "fixtures/message_property.rs"]
mod property;

use arbtest::{arbitrary, arbtest};
use chrono::{DateTime, FixedOffset, NaiveDate};
use fixtures::*;
use message::{Message, NAME_LIMIT, Refusal, When, when};

/// The message of the notes, and what it is on the wire.
const SEED: &str = r#"{"name":"张三","msg":"你好","time":"2024-2-24"}"#;

fn message(name: &str, msg: &str, time: &str) -> Message {
    Message {
        name: name.to_owned(),
        msg: msg.to_owned(),
        time: time.to_owned(),
        hello: false,
    }
}

fn seed() -> Message {
    message("张三", "你好", "2024-2-24")
}

/// What alice's `msg` is on the wire, quotes and all.
#[track_caller]
fn on_the_wire(msg: &str) -> String {
    let line = message("alice", msg, "2024-2-24").to_json();
    let rest = line.strip_prefix(r#"{"name":"alice","msg":"#);
    let msg = rest.and_then(|rest| rest.strip_suffix(r#","time":"2024-2-24"}"#));
    match msg {
        Some(msg) => msg.to_owned(),
        None => panic!("name, msg and time, in this order, and nothing else: {line}"),
    }
}

/// Eight o'clock in the morning, somewhere.
#[track_caller]
fn clock(text: &str) -> DateTime<FixedOffset> {
    DateTime::parse_from_rfc3339(text).expect("the test writes RFC 3339")
}

/// The message that `body` has to be.
#[track_caller]
fn heard(body: &str) -> Message {
    match Message::from_json(body.as_bytes()) {
        Ok(message) => message,
        Err(refusal) => panic!("this is a message, and was refused with {refusal:?}: {body}"),
    }
}

/// Why `body` is no message; `why` says why it is not.
#[track_caller]
fn no_message(body: impl AsRef<[u8]>, why: &str) -> Refusal {
    let body = body.as_ref();
    match Message::from_json(body) {
        Ok(_) => {
            let text = String::from_utf8_lossy(body);
            let begin: String = text.chars().take(80).collect();
            panic!("{why}, and it was taken for a message: {begin}")
        }
        Err(refusal) => refusal,
    }
}

/// Tries the property in cases which are the same each time: a verdict is no
/// matter of luck.
#[track_caller]
fn holds(property: fn(&mut arbitrary::Unstructured) -> arbitrary::Result<()>) {
    for case in 1..=400 {
        let (seed, size) = (case * 0x9E37_79B9, 8 + case * 2);
        arbtest(property).seed(seed << 32 | size).run();
    }
}

mod step_1 {
    use super::*;

    #[test]
    fn the_notes_message_is_these_bytes() {
        let line = seed().to_json();
        same_bytes(line.as_bytes(), SEED.as_bytes(), "the notes' message");
    }

    #[test]
    fn another_message_is_other_bytes() {
        let line = message("bob", "hi", "2024-02-24 08:00:00").to_json();
        let expected = r#"{"name":"bob","msg":"hi","time":"2024-02-24 08:00:00"}"#;
        same_bytes(line.as_bytes(), expected.as_bytes(), "bob's message");
    }

    #[test]
    fn quotes_and_backslashes_are_escaped() {
        assert_eq!(on_the_wire(r#""C:\""#), r#""\"C:\\\"""#);
    }

    #[test]
    fn a_newline_in_a_text_is_two_characters() {
        assert_eq!(
            on_the_wire("one\ntwo"),
            r#""one\ntwo""#,
            "a line ends a frame"
        );
    }

    #[test]
    fn a_nul_is_escaped_as_json_does_it() {
        assert_eq!(on_the_wire("\0"), r#""\u0000""#, "JSON knows one way");
    }

    #[test]
    fn characters_of_four_bytes_stay_themselves() {
        assert_eq!(on_the_wire("🦀𠀀"), r#""🦀𠀀""#, "JSON is UTF-8");
    }

    #[test]
    fn no_character_makes_a_second_line() {
        for odd in ["\n", "\r", "\r\n", "\x0b", "\x0c", "\x1c", "\x7f", "\u{9b}"] {
            let line = message(odd, odd, odd).to_json();
            assert!(!line.contains(['\n', '\r']), "{odd:?} became {line:?}");
        }
        // JSON leaves these as they are; for a reader of bytes they end no line.
        let raw = "\u{85}\u{2028}";
        assert_eq!(on_the_wire(raw), format!("\"{raw}\""), "as they are");
    }

    #[test]
    fn hello_stands_there_only_where_it_is_true() {
        let mut first = seed();
        first.hello = true;
        let line = first.to_json();
        let expected = SEED.replace('}', r#","hello":true}"#);
        same_bytes(line.as_bytes(), expected.as_bytes(), "with a hello");
    }
}

mod step_2 {
    use super::*;

    #[test]
    fn a_message_is_said_when_the_clock_says() {
        for time in ["2024-02-24T08:00:00+08:00", "1999-12-31T23:59:59-03:30"] {
            let said = Message::new("张三", "你好", clock(time));
            assert_eq!(said, message("张三", "你好", time));
        }
    }

    #[test]
    fn the_clocks_zone_is_kept() {
        let said = Message::new("alice", "hi", clock("2024-02-24T08:00:00+08:00"));
        assert!(said.time.ends_with("+08:00"), "whose eight? {}", said.time);
    }

    #[test]
    fn at_greenwich_the_zone_is_a_z() {
        let said = Message::new("alice", "hi", clock("2024-02-24T08:00:00Z"));
        assert_eq!(said.time, "2024-02-24T08:00:00Z");
    }

    #[test]
    fn a_part_of_a_second_is_kept() {
        let said = Message::new("alice", "hi", clock("2024-02-24T08:00:00.250Z"));
        assert_eq!(said.time, "2024-02-24T08:00:00.250Z");
    }

    #[test]
    fn a_new_message_says_no_hello() {
        let said = Message::new("alice", "hi", clock("2024-02-24T08:00:00Z"));
        assert!(!said.hello, "nobody asked for it");
    }
}

mod step_3 {
    use super::*;

    fn date(year: i32, month: u32, day: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(year, month, day).expect("the test names a day")
    }

    #[test]
    fn rfc_3339_is_a_moment() {
        for text in ["2024-02-24T08:00:00Z", "2024-02-24T08:00:00.5-03:30"] {
            assert_eq!(when(text), Some(When::Moment(clock(text))), "{text:?}");
        }
    }

    #[test]
    fn a_moment_keeps_its_zone() {
        let text = "2024-02-24T08:00:00+08:00";
        // Two moments in two zones are equal; their texts are not.
        match when(text) {
            Some(When::Moment(moment)) => assert_eq!(moment.to_rfc3339(), text),
            other => panic!("{text:?} is a moment, not {other:?}"),
        }
    }

    #[test]
    fn a_date_and_a_time_of_day_are_read() {
        let eight = date(2024, 2, 24).and_hms_opt(8, 0, 0).expect("a time");
        assert_eq!(when("2024-02-24 08:00:00"), Some(When::Clock(eight)));
        let last = date(1999, 12, 31).and_hms_opt(23, 59, 59).expect("a time");
        assert_eq!(when("1999-12-31 23:59:59"), Some(When::Clock(last)));
    }

    #[test]
    fn a_day_is_read_with_and_without_zeros() {
        for text in ["2024-2-24", "2024-02-24"] {
            assert_eq!(when(text), Some(When::Day(date(2024, 2, 24))), "{text:?}");
        }
        assert_eq!(when("2024-12-1"), Some(When::Day(date(2024, 12, 1))));
    }

    #[test]
    fn a_day_that_no_calendar_has_is_none() {
        for text in [
            "2024-2-30",
            "2023-2-29",
            "2024-13-1",
            "2024-0-1",
            "2024-1-0",
        ] {
            assert_eq!(when(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_time_that_no_clock_shows_is_none() {
        for time in ["24:00:00", "08:60:00", "08:00:61", "08:00", "08:00:00:00"] {
            let text = format!("2024-02-24 {time}");
            assert_eq!(when(&text), None, "{text:?}");
        }
    }

    #[test]
    fn other_words_are_no_time() {
        for text in ["", " ", "yesterday", "08:00:00", "24.2.2024", "1708761600"] {
            assert_eq!(when(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_t_without_a_zone_is_none() {
        assert_eq!(when("2024-02-24T08:00:00"), None, "RFC 3339 wants a zone");
    }

    #[test]
    fn a_time_has_no_sign_and_no_stray_blank() {
        let signs = ["+2024-2-24", "-2024-2-24", "2024-+2-24", "2024-2-+24"];
        let blanks = [" 2024-2-24", "2024-2-24 ", "2024- 2-24", "2024-2-24\n"];
        for text in signs.into_iter().chain(blanks) {
            assert_eq!(when(text), None, "{text:?} is more than a day");
        }
        let clocks = ["2024-02-24  08:00:00", "2024-02-2408:00:00"];
        for text in clocks {
            assert_eq!(when(text), None, "{text:?}: one blank stands between");
        }
    }

    #[test]
    fn a_year_has_four_digits() {
        for text in ["24-2-24", "12024-2-24"] {
            assert_eq!(when(text), None, "{text:?}: in which century?");
        }
    }
}

mod step_4 {
    use super::*;

    #[test]
    fn the_notes_bytes_are_this_message() {
        assert_eq!(heard(SEED), seed());
    }

    #[test]
    fn other_bytes_are_another_message() {
        let body = r#"{"name":"bob","msg":"hi","time":"2024-02-24 08:00:00"}"#;
        assert_eq!(heard(body), message("bob", "hi", "2024-02-24 08:00:00"));
    }

    #[test]
    fn the_order_of_the_fields_does_not_matter() {
        let body = r#"{"time":"2024-2-24","msg":"你好","name":"张三"}"#;
        assert_eq!(heard(body), seed());
    }

    #[test]
    fn blanks_between_the_tokens_do_not_matter() {
        let body = SEED.replace(':', " :\t").replace(',', "\n, ");
        assert_eq!(heard(&format!(" {body}\r\n")), seed());
    }

    #[test]
    fn fields_that_nobody_knows_are_ignored() {
        let more = r#"{"colour":"red","tags":[1,-2,0.5,null,{"name":"x"}],"me\n":{},"name""#;
        assert_eq!(heard(&SEED.replace(r#"{"name""#, more)), seed());
    }

    #[test]
    fn escapes_are_undone() {
        let body =
            r#"{"n\u0061me":"\u5f20三","msg":"\"\\\/\n\u0000\ud83e\udd80","time":"2024-2-24"}"#;
        assert_eq!(heard(body), message("张三", "\"\\/\n\0🦀", "2024-2-24"));
    }

    #[test]
    fn true_is_a_hello() {
        let body = SEED.replace('}', r#","hello":true}"#);
        assert!(heard(&body).hello, "a hello is true here: {body}");
    }

    #[test]
    fn all_else_is_no_hello_and_no_error() {
        for other in ["false", "1", "\"true\"", "null", "[true]", "{\"a\":true}"] {
            let body = SEED.replace('}', &format!(r#","hello":{other}}}"#));
            assert_eq!(heard(&body), seed(), "{body}");
        }
    }

    #[test]
    fn whatever_is_said_comes_back_as_it_was_said() {
        holds(property::anything_said);
    }

    const PYTHON: &str = r#"
import json, sys

sys.stdout.reconfigure(encoding="utf-8")
print(ascii(json.loads(sys.argv[1])["msg"]))
said = {"name": "张三", "msg": "你好", "time": "2024-2-24"}
print(json.dumps(said))
print(json.dumps(said, ensure_ascii=False, separators=(",", ":")))
print(json.loads('{"name": "alice", "name": "bob"}'))
"#;

    #[test]
    fn python_reads_ours_and_we_read_pythons() {
        let ours = message("alice", "\"hi\"\n\0é\u{2028}🦀", "2024-2-24").to_json();
        assert_eq!(heard(&ours).to_json(), ours);
        if let Some(mut python) = Python::start(PYTHON, &[&ours]) {
            assert_eq!(python.says(), r#"'"hi"\n\x00\xe9\u2028\U0001f980'"#);
            let escaped = python.says();
            assert!(escaped.is_ascii(), "as Python does it: {escaped}");
            assert_eq!(heard(&escaped), seed(), "{escaped}");
            assert_eq!(python.says(), seed().to_json(), "when asked to");
            assert_eq!(python.says(), "{'name': 'bob'}", "the last one wins");
        }
    }
}

mod step_5 {
    use super::*;

    #[test]
    fn bytes_that_are_no_text_are_refused() {
        for bytes in [&b"\xff"[..], b"{\"name\":\"\xc3\"", b"\xed\xa0\x80"] {
            assert_eq!(no_message(bytes, "this is not UTF-8"), Refusal::NotUtf8);
        }
    }

    #[test]
    fn a_text_that_is_no_json_is_refused() {
        let unquoted = SEED.replace('"', "");
        let half = &SEED[..20];
        let two = SEED.repeat(2);
        for body in ["", "hello", &unquoted, half, &two] {
            let refusal = no_message(body, "this is not JSON");
            assert!(
                matches!(refusal, Refusal::NotJson(_)),
                "{refusal:?}: {body}"
            );
        }
    }

    #[test]
    fn a_text_with_a_raw_control_character_is_no_json() {
        for control in ["\0", "\n", "\x1b"] {
            let body = SEED.replace("你好", control);
            let refusal = no_message(&body, "a control character wants an escape");
            assert!(
                matches!(refusal, Refusal::NotJson(_)),
                "{refusal:?}: {body:?}"
            );
        }
    }

    #[test]
    fn half_of_a_surrogate_pair_is_refused() {
        let body = SEED.replace("你好", r"\ud83e");
        no_message(&body, "half of a character is none");
    }

    #[test]
    fn json_that_is_no_object_is_refused() {
        let fields = r#"["张三","你好","2024-2-24"]"#;
        let inside = format!("[{SEED}]");
        for body in [fields, &inside, "[]", "42", "null", r#""hello""#] {
            let refusal = no_message(body, "this is not an object");
            assert_eq!(refusal, Refusal::NotAnObject, "{body}");
        }
    }

    #[test]
    fn a_missing_field_is_named() {
        for field in ["name", "msg", "time"] {
            let body = SEED.replace(&format!("{field:?}:"), "\"other\":");
            let refusal = no_message(&body, "a field is missing");
            assert_eq!(refusal, Refusal::Missing(field), "{body}");
        }
    }

    #[test]
    fn a_field_that_is_no_string_is_named() {
        let fields = [("name", "张三"), ("msg", "你好"), ("time", "2024-2-24")];
        for (field, text) in fields {
            for other in ["42", "-1.5", "true", "null", "[\"a\"]", "{}"] {
                let body = SEED.replace(&format!("{text:?}"), other);
                let refusal = no_message(&body, "a field is no string");
                assert_eq!(refusal, Refusal::NotText(field), "{body}");
            }
        }
    }

    #[test]
    fn a_field_that_stands_twice_is_named() {
        let fields = [("name", "bob"), ("msg", "hi"), ("time", "2024-2-24")];
        for (field, text) in fields {
            let body = SEED.replace('}', &format!(",{field:?}:{text:?}}}"));
            let refusal = no_message(&body, "whose word counts?");
            assert_eq!(refusal, Refusal::Twice(field), "{body}");
        }
    }

    #[test]
    fn a_field_is_found_twice_in_any_spelling() {
        let body = SEED.replace('}', r#","n\u0061me":"bob"}"#);
        let refusal = no_message(&body, "the key is the same, escaped");
        assert_eq!(refusal, Refusal::Twice("name"), "{body}");
    }

    #[test]
    fn a_name_has_to_be_more_than_blanks() {
        for name in ["", " ", "\\t\\n", "\u{a0}\u{3000}"] {
            let body = SEED.replace("张三", name);
            let refusal = no_message(&body, "nobody can be called that");
            assert_eq!(refusal, Refusal::NoName, "{body}");
        }
    }

    #[test]
    fn a_name_may_have_64_bytes() {
        let name = format!("{}e", "三".repeat(21));
        assert_eq!(name.len(), NAME_LIMIT, "the test counts bytes");
        assert_eq!(heard(&SEED.replace("张三", &name)).name, name);
    }

    #[test]
    fn a_name_of_65_bytes_is_too_long() {
        for name in [format!("{}é", "三".repeat(21)), "a".repeat(65)] {
            let refusal = no_message(SEED.replace("张三", &name), "65 bytes");
            assert_eq!(refusal, Refusal::NameTooLong, "{name:?}");
        }
    }

    #[test]
    fn a_time_that_is_none_is_refused() {
        for time in ["", "yesterday", "2024-2-30"] {
            let body = SEED.replace("2024-2-24", time);
            let refusal = no_message(&body, "that was never");
            assert_eq!(refusal, Refusal::NoTime(time.to_owned()), "{body}");
        }
    }

    #[test]
    fn deep_nesting_is_refused_and_no_crash() {
        for depth in [1_000, 30_000] {
            for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
                let deep = format!("{}1{}", open.repeat(depth), close.repeat(depth));
                let body = SEED.replace('}', &format!(",\"more\":{deep}}}"));
                let refusal = no_message(&body, "other readers would not survive it");
                assert!(matches!(refusal, Refusal::NotJson(_)), "{refusal:?}");
            }
        }
    }
}

mod step_6 {
    use super::*;

    /// The answer to the notes' message with `text` in the place of `of`.
    #[track_caller]
    fn answer(of: &str, text: &str) -> String {
        let body = SEED.replace(of, text);
        no_message(&body, "this is no message").to_string()
    }

    /// Fails unless the answer has these words in it.
    #[track_caller]
    fn says(answer: &str, words: &[&str]) {
        for word in words {
            let found = answer.contains(word);
            assert!(found, "the answer should say {word:?}; it says: {answer}");
        }
    }

    #[test]
    fn the_answer_names_the_format() {
        says(&no_message(b"\xff", "no text").to_string(), &["UTF-8"]);
        says(&answer("}", ""), &["JSON"]);
        says(&no_message("[]", "an array").to_string(), &["object"]);
    }

    #[test]
    fn the_answer_names_the_field() {
        for (field, text) in [("name", "张三"), ("msg", "你好"), ("time", "2024-2-24")] {
            says(&answer(field, "other"), &[field]);
            says(&answer(&format!("{text:?}"), "42"), &[field, "string"]);
            says(&answer("}", &format!(",{field:?}:\"\"}}")), &[field]);
        }
    }

    #[test]
    fn the_answer_names_the_names_limit() {
        says(&answer("张三", " "), &["name", "empty"]);
        says(&answer("张三", &"a".repeat(65)), &["name", "64", "bytes"]);
    }

    #[test]
    fn the_answer_quotes_the_time_and_shows_a_better_one() {
        let words = ["yesterday", "2024-02-24 08:00:00"];
        says(&answer("2024-2-24", "yesterday"), &words);
    }

    #[test]
    fn each_refusal_has_words_of_its_own() {
        let mut answers = vec![
            answer("\"name\"", "\"other\""),
            answer("\"张三\"", "42"),
            answer("}", ",\"name\":\"\"}"),
            answer("张三", ""),
            answer("张三", &"a".repeat(65)),
        ];
        let count = answers.len();
        answers.sort();
        answers.dedup();
        assert_eq!(answers.len(), count, "all are about names: {answers:#?}");
    }

    #[test]
    fn the_answer_is_harmless() {
        let answer = answer("2024-2-24", "\\u001b[2J\\n");
        assert!(!answer.contains(char::is_control), "it is {answer:?}");
    }

    #[test]
    fn the_answer_to_a_long_message_is_short() {
        for letter in ["x", "\\u0000", "你"] {
            let answer = answer("2024-2-24", &letter.repeat(10_000));
            assert!(answer.len() < 512, "512 bytes or more: {}", answer.len());
        }
    }

    #[test]
    fn any_body_is_a_message_or_gets_an_answer() {
        holds(property::any_body);
    }
}

//! Each verdict word once: the runner on a tiny course, and what it prints.

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// A copy of the tiny course with the learner's files laid.
fn course() -> &'static Path {
    static COURSE: OnceLock<PathBuf> = OnceLock::new();
    COURSE.get_or_init(|| {
        let copy = common::copy_of_the_course("");
        // The chapter that does not compile is the quickest that lays the files.
        common::runner(&copy, &["start", "01"]).output().unwrap();
        copy
    })
}

fn lesson(arguments: &[&str]) -> (i32, String) {
    let output = common::runner(course(), arguments).output().unwrap();
    (output.status.code().unwrap_or(-1), common::text(&output))
}

/// The verdicts of a command's JSON: test and word, sorted.
fn words(json: &str, report: usize) -> Vec<(String, String)> {
    let json = json
        .lines()
        .find(|line| line.starts_with('{'))
        .unwrap_or(json);
    let json: serde_json::Value = serde_json::from_str(json).unwrap();
    let tests = json["reports"][report]["tests"].as_array().unwrap().iter();
    let mut words: Vec<(String, String)> = tests
        .map(|test| {
            (
                test["test"].as_str().unwrap().into(),
                test["word"].as_str().unwrap().into(),
            )
        })
        .collect();
    words.sort();
    words
}

#[test]
fn each_way_to_end_has_its_word() {
    let (code, text) = lesson(&["green", "00", "--json"]);
    assert_eq!(code, 1, "{text}");
    let expected = [
        ("step_1::aborts", "crashes"),
        ("step_1::fixture", "other_reason"),
        ("step_1::floods", "hangs"),
        ("step_1::hangs", "hangs"),
        #[cfg(unix)]
        ("step_1::leaves_a_process", "other_reason"),
        ("step_1::leaves_the_program", "crashes"),
        ("step_1::not_written", "not_written"),
        ("step_1::overflows", "crashes"),
        ("step_1::panics_in_a_thread", "other_reason"),
        ("step_1::right", "green"),
        ("step_1::unwraps", "other_reason"),
        ("step_1::wrong", "wrong_answer"),
        ("your_tests::mine_is_not_written", "not_written"),
    ];
    let expected: Vec<_> = expected
        .map(|(test, word)| (test.to_string(), word.to_string()))
        .into();
    assert_eq!(words(&text, 0), expected);
    let left = left_behind(&format!("MARK={} green00--json", std::process::id()));
    assert_eq!(left, Vec::<String>::new(), "no process outlives its test");
}

/// The processes that have `mark` in their environment, as every process has
/// that one run of the runner began.
fn left_behind(mark: &str) -> Vec<String> {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let processes = processes.filter(|process| {
        let environment = fs::read(process.path().join("environ")).unwrap_or_default();
        environment
            .split(|byte| *byte == 0)
            .any(|line| line == mark.as_bytes())
    });
    let lines =
        processes.filter_map(|process| fs::read_to_string(process.path().join("cmdline")).ok());
    lines.collect()
}

#[test]
fn people_read_the_words_with_their_reasons() {
    let (_, text) = lesson(&["green", "00"]);
    for (test, what, message) in [
        (
            "not_written",
            "red, not written yet",
            "not yet implemented: think first",
        ),
        (
            "wrong",
            "red, wrong answer",
            "assertion `left == right` failed: the answer",
        ),
        (
            "unwraps",
            "red for another reason",
            "called `Result::unwrap()`",
        ),
        (
            "fixture",
            "red for another reason",
            "the fixture could not start",
        ),
        (
            "panics_in_a_thread",
            "red for another reason",
            "the thread's own trouble",
        ),
        ("hangs", "hangs", "no verdict after 2 s"),
        ("floods", "hangs", "prints without end"),
        (
            "leaves_the_program",
            "crashes",
            "the process ended in the middle of the test, with exit code 0",
        ),
    ] {
        let head = format!("step_1::{test}: {what}\n");
        let at = text
            .find(&head)
            .unwrap_or_else(|| panic!("no {head:?} in\n{text}"));
        let rest = &text[at + head.len()..];
        assert!(rest.trim_start().starts_with(message), "{test} says {rest}");
    }
}

#[test]
fn a_timeline_is_told_apart_from_the_message() {
    let (_, text) = lesson(&["green", "00"]);
    let below = "right: 42\n        the test   peer\n        ✗ went another way\n";
    let joined = text.replace("         right", "right");
    assert!(joined.contains(below), "no {below:?} in\n{text}");
    // In another order, for the order is the mark of a run's processes.
    let (_, json) = lesson(&["--json", "green", "00"]);
    let json = json.lines().find(|line| line.starts_with('{')).unwrap();
    let json: serde_json::Value = serde_json::from_str(json).unwrap();
    let tests = json["reports"][0]["tests"].as_array().unwrap();
    for test in tests {
        let wrong = test["test"] == "step_1::wrong";
        let drawn = if wrong {
            "  the test   peer\n  ✗ went another way"
        } else {
            ""
        };
        assert_eq!(test["timeline"], drawn, "{test}");
        let message = test["message"].as_str().unwrap();
        assert!(!message.contains("another way"), "{message}");
        assert_eq!(test["printed"].as_str().unwrap().matches("peer").count(), 0);
    }
}

#[test]
fn red_names_each_test_that_is_not_red_for_its_declared_reason() {
    let (code, text) = lesson(&["red"]);
    assert_eq!(code, 1);
    for what in [
        "step_1::right: green on the starter",
        "step_1::hangs: hangs, declared red",
        "step_1::aborts: crashes, declared red",
        "step_1::wrong: red for another reason",
        "does not compile",
        "my/broken.rs:2:5",
    ] {
        assert!(text.contains(what), "no {what:?} in\n{text}");
    }
    assert!(!text.contains("→ step_1::not_written"), "{text}");
}

#[test]
fn a_compile_error_is_shown_as_rustc_prints_it_with_the_learners_path() {
    let (code, text) = lesson(&["green", "01"]);
    assert_eq!(code, 1);
    assert!(text.contains("error[E0308]: mismatched types"), "{text}");
    assert!(text.contains("--> my/broken.rs:2:5"), "{text}");
}

#[test]
fn a_bug_that_lives_and_a_variant_that_is_refused_are_named() {
    let (code, text) = lesson(&["bugs", "00"]);
    assert_eq!(code, 1);
    assert!(
        text.contains("✓ 00-words     bug-off-by-one           caught by 3 of"),
        "{text}"
    );
    assert!(
        text.contains("step_1::right: is named and does not catch it"),
        "{text}"
    );
    assert!(text.contains("✓ 00-words     variant-longer"), "{text}");
    assert!(
        text.contains("step_1::right: refuses a right variant"),
        "{text}"
    );
}

#[test]
fn the_answer_key_is_green_when_asked_for() {
    let (code, text) = lesson(&["green", "00", "--key"]);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("answer key"), "{text}");
}

#[test]
fn an_unknown_chapter_gets_the_nearest_names() {
    let (code, text) = lesson(&["green", "wrods"]);
    assert_eq!(code, 2);
    assert!(text.contains("there is no chapter \"wrods\""), "{text}");
    assert!(text.contains("00-words"), "{text}");
}

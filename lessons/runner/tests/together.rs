//! `lesson mine`: the program, built from what the learner has green, and from
//! the answer key for the rest.

mod common;

use common::{Program, says};
use serde_json::json;
use std::process::Command;

/// What the program that was built says.
fn greeter(course: &Program, words: &[&str]) -> String {
    let program = course.0.join("target/mine/greeter");
    let output = Command::new(program).args(words).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn with_nothing_begun_it_says_what_to_do() {
    let course = Program::new(" nothing");
    for begin in [&["mine"][..], &["start", "greeting"], &["mine"]] {
        let (code, text) = course.lesson(begin);
        if begin == ["mine"] {
            assert_eq!(code, 1, "{text}");
            says(
                &text,
                "nothing of yours is begun yet: `cargo lesson` shows where you are",
            );
        }
    }
    let (code, json) = course.json(&["mine"]);
    assert_eq!(
        (code, &json["ok"], &json["program"]),
        (1, &json!(false), &json!(null))
    );
}

#[test]
fn what_is_green_is_in_the_program_and_the_rest_is_the_answer_keys() {
    let course = Program::new(" one");
    course.lesson(&["start", "greeting"]);
    course.begin(
        "text/greeting",
        "hello {name}\")",
        "hello {name}\") // mine\n",
    );
    let before = course.texts("my");
    let (code, text) = course.lesson(&["mine"]);
    assert_eq!(code, 0, "{text}");
    for what in [
        "✓ my/text/greeting.rs      green: 1 of 1",
        "✓ 01-farewell  target/mine/greeter      green: 2 of 2",
        "✓ 02-command   target/mine/greeter      green: 3 of 3",
        "your greeting; the answer key's farewell and command",
        "`target/mine/greeter serve`",
    ] {
        says(&text, what);
    }
    assert_eq!(greeter(&course, &["leave", "bob"]), "bye bob\n");
    assert_eq!(
        course.texts("my"),
        before,
        "nothing of the learner's is written"
    );
    let staged = course.read("target/mine/src/text/greeting.rs");
    assert_eq!(staged, course.read("my/text/greeting.rs"));
}

#[test]
fn a_module_that_needs_a_feature_is_in_the_program() {
    let course = Program::new(" feature");
    let manifest = course.read("Cargo.toml");
    course.write(
        "Cargo.toml",
        &manifest.replacen("cli = []\n", "cli = []\nloud = []\n", 1),
    );
    let lesson = "lessons/01-farewell/lesson.toml";
    let toml = course.read(lesson);
    course.write(lesson, &format!("features = [\"loud\"]\n{toml}"));
    course.lesson(&["start", "greeting"]);
    let loud = "\n    let name = if cfg!(feature = \"loud\") && name == \"carol\" { \"CAROL\" } else { name };";
    let head = "-> String {";
    course.begin("text/farewell", head, &format!("{head}{loud}"));
    let (code, text) = course.lesson(&["mine"]);
    assert_eq!(code, 0, "{text}");
    says(
        &text,
        "your farewell; the answer key's greeting and command",
    );
    assert_eq!(greeter(&course, &["leave", "carol"]), "bye CAROL\n");
}

#[test]
fn when_all_is_green_all_is_yours() {
    let course = Program::new(" all");
    course.lesson(&["start", "greeting"]);
    for module in ["text/greeting", "text/farewell", "cli"] {
        course.begin(module, "", "// mine\n");
    }
    let (code, json) = course.json(&["mine"]);
    assert_eq!((code, &json["ok"]), (0, &json!(true)), "{json:#}");
    let yours = ["my/text/greeting.rs", "my/text/farewell.rs", "my/cli.rs"];
    assert_eq!(json["yours"], json!(yours));
    assert_eq!(json["left_out"], json!([]));
    assert_eq!(json["program"], "target/mine/greeter");
    let sentence = "your greeting, your farewell, your command: all of it is yours";
    assert_eq!(json["sentence"], sentence);
    assert_eq!(json["reports"].as_array().unwrap().len(), 2);
}

#[test]
fn what_is_red_or_does_not_compile_is_named_and_left_out() {
    let course = Program::new(" red one");
    course.lesson(&["start", "greeting"]);
    course.begin("text/greeting", "", "// mine\n");
    course.begin("text/farewell", "\"bye\"", "\"bye-bye\"");
    course.begin("cli", "ExitCode::SUCCESS", "\"well\"");
    let (code, text) = course.lesson(&["mine"]);
    assert_eq!(code, 0, "{text}");
    for what in [
        "✗ my/text/farewell.rs      left out: 2 of 2 tests are red",
        "`cargo lesson green 01` shows them",
        "✗ my/cli.rs                left out: does not compile",
        "error[E0308]: mismatched types",
        "--> my/cli.rs:14:5",
        "your greeting; the answer key's farewell and command",
    ] {
        says(&text, what);
    }
    assert_eq!(greeter(&course, &["leave", "bob"]), "bye bob\n");
}

#[test]
fn a_test_of_the_learners_that_is_not_written_keeps_nothing_out() {
    let course = Program::new(" own test");
    course.lesson(&["start", "greeting"]);
    course.begin("cli", "", "// mine\n");
    let (code, text) = course.lesson(&["mine"]);
    assert_eq!(code, 0, "{text}");
    says(
        &text,
        "your command; the answer key's greeting and farewell",
    );
}

#[test]
fn with_nothing_green_it_names_what_is_red() {
    let course = Program::new(" none");
    course.lesson(&["start", "greeting"]);
    course.begin("text/farewell", "\"bye\"", "\"bye-bye\"");
    let (code, text) = course.lesson(&["mine"]);
    assert_eq!(code, 1, "{text}");
    says(&text, "✗ my/text/farewell.rs");
    says(&text, "none of yours is green yet");
}

/// Green in its own tests, but of another signature.
const STATIC: (&str, &str) = ("name: &str", "name: &'static str");

#[test]
fn what_does_not_fit_the_rest_is_named_with_rustcs_first_error() {
    let course = Program::new(" unfit");
    course.lesson(&["start", "greeting"]);
    course.begin("text/greeting", STATIC.0, STATIC.1);
    course.begin("text/farewell", "", "// mine\n");
    let (code, text) = course.lesson(&["mine"]);
    assert_eq!(code, 1, "{text}");
    for what in [
        "✗ my/text/greeting.rs      left out: it is green, and does not fit the rest",
        "does each signature still read as in lessons/00-greeting/starter.rs?",
        "        error[E0",
        "✓ my/text/farewell.rs      green: 2 of 2",
        "your farewell; the answer key's greeting and command",
    ] {
        says(&text, what);
    }
    assert_eq!(greeter(&course, &["leave", "bob"]), "bye bob\n");
}

#[test]
fn what_fits_only_with_yours_stays_together() {
    let course = Program::new(" pair");
    course.lesson(&["start", "greeting"]);
    course.begin("text/greeting", STATIC.0, STATIC.1);
    course.begin(
        "text/farewell",
        "greeting(name)",
        "crate::text::greeting::greeting(\"\").replace(\"hello \", &format!(\"hello {name}\"))",
    );
    let farewell = course.read("my/text/farewell.rs");
    course.write(
        "my/text/farewell.rs",
        farewell.trim_start_matches("use crate::text::greeting::greeting;\n"),
    );
    course.begin(
        "cli",
        "greeting(name),",
        "greeting(name.to_string().leak()),",
    );
    let (code, text) = course.lesson(&["mine"]);
    assert_eq!(code, 0, "{text}");
    says(&text, "all of it is yours");
}

#[test]
fn tests_that_fail_on_the_whole_are_named() {
    let course = Program::new(" whole");
    course.lesson(&["start", "greeting"]);
    // Right for Bob, and so for its own tests; wrong for Ann, in the next module.
    course.begin(
        "text/greeting",
        "format!(\"hello {name}\")",
        "format!(\"hello {}\", name.replace(\"ann\", \"bob\"))",
    );
    let (code, text) = course.lesson(&["mine"]);
    assert_eq!(code, 1, "{text}");
    says(&text, "step_1::ann_may_leave: red, wrong answer");
    says(&text, "each of your modules is green by itself");
    assert_eq!(greeter(&course, &["greet", "ann"]), "hello bob\n");
    let (_, json) = course.json(&["mine"]);
    assert_eq!(
        (&json["ok"], &json["program"]),
        (&json!(false), &json!("target/mine/greeter"))
    );
}

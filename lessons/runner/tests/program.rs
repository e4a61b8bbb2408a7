//! A chapter whose subject is a whole program: each text is judged in the
//! program's own place, so that what the tests start is made of it.

mod common;

use common::{Program, says};

#[test]
fn each_test_is_red_on_the_starters_program() {
    let course = Program::new(" red");
    let (code, text) = course.lesson(&["red", "command"]);
    assert_eq!(code, 0, "{text}");
    says(&text, "red: 3 of 3 for the declared reason");
}

#[test]
fn the_answer_keys_program_is_that_of_the_checkout() {
    let course = Program::new(" key");
    let (code, text) = course.lesson(&["green", "--key"]);
    assert_eq!(code, 0, "{text}");
    says(
        &text,
        "✓ 02-command   answer key               green: 3 of 3",
    );
    says(
        &text,
        "✓ 00-greeting  answer key               green: 1 of 1",
    );
    assert!(!course.0.join("target/program").exists());
}

#[test]
fn each_bug_is_caught_in_a_program_of_its_own() {
    let course = Program::new(" bugs");
    let before = course.texts("src");
    let (code, text) = course.lesson(&["bugs"]);
    assert_eq!(code, 0, "{text}");
    for line in [
        "✓ 02-command   bug-shouts               caught by 2 of 3 tests",
        "✓ 02-command   bug-stays                caught by 1 of 3 tests",
        "✓ 02-command   variant-writes           accepted by 3 of 3",
    ] {
        says(&text, line);
    }
    assert_eq!(course.texts("src"), before, "the tree is as it was");
    let ours = course.0.join("target/debug/greeter");
    assert!(!ours.exists(), "the checkout's program is not replaced");
}

#[test]
fn a_program_that_is_not_written_yet_says_so_with_the_learners_line() {
    let course = Program::new(" look");
    let (code, text) = course.lesson(&["start", "command"]);
    assert_eq!(code, 0, "{text}");
    for what in [
        "red, not written yet   0 of 1 tests are green",
        "not yet implemented: run",
        "yours  my/cli.rs:3",
        "next: write `run` in my/cli.rs and save.",
    ] {
        says(&text, what);
    }
}

#[test]
fn a_panic_of_the_program_is_the_cause_and_has_the_learners_line() {
    let course = Program::new(" panic");
    course.lesson(&["list"]);
    course.begin("cli", "farewell(name),", "farewell(words[9]),");
    let (_, text) = course.lesson(&["green", "command"]);
    says(
        &text,
        "step_2::the_program_takes_leave: red for another reason",
    );
    says(&text, "index out of bounds");
    says(&text, "at my/cli.rs:10");
}

#[test]
fn an_error_in_the_program_is_shown_once_with_the_learners_path() {
    let course = Program::new(" error");
    course.lesson(&["start", "command"]);
    course.begin("cli", "ExitCode::SUCCESS", "\"well\"");
    for command in [&["green", "command"][..], &[]] {
        let (_, text) = course.lesson(command);
        says(&text, "does not compile");
        says(&text, "--> my/cli.rs:14:5");
        assert_eq!(text.matches("mismatched types").count(), 1, "{text}");
    }
}

#[test]
fn an_error_outside_of_the_file_asks_for_the_signature() {
    let course = Program::new(" signature");
    course.lesson(&["start", "command"]);
    course.begin("cli", "run()", "run(_loud: bool)");
    let (_, text) = course.lesson(&[]);
    says(&text, "src/main.rs:2:5");
    says(
        &text,
        "does each signature still read as in lessons/02-command/starter.rs?",
    );
}

#[test]
fn the_learners_program_goes_green_and_so_does_a_test_that_catches_the_bug() {
    let course = Program::new(" own");
    course.lesson(&["start", "command"]);
    course.begin("cli", "", "");
    course.write(
        "my/tests/cli.rs",
        "#[test]\nfn mine() {\n    assert!(crate::PROGRAM.contains(\"greeter\"));\n}\n",
    );
    let (_, text) = course.lesson(&[]);
    says(&text, "✓ green 02-command step 1");
    says(&text, "✓ green 02-command step 2");
    says(
        &text,
        "passes on the answer key · passes on the starter · accepts 1 of 1 variants · catches 0 of 1 bugs",
    );
    course.write(
        "my/tests/cli.rs",
        &course.read("lessons/02-command/answer_tests.rs"),
    );
    let (_, text) = course.lesson(&[]);
    says(
        &text,
        "passes on the answer key · fails on the starter · accepts 1 of 1 variants · catches 1 of 1 bugs",
    );
    let (code, text) = course.lesson(&["green"]);
    assert_eq!(code, 0, "{text}");
    says(
        &text,
        "✓ 02-command   my/cli.rs                green: 3 of 3",
    );
    assert_eq!(course.read("my/cli.rs"), course.read("src/cli.rs"));
}

#[test]
fn clippy_judges_the_program_with_the_learners_path() {
    let course = Program::new(" clippy");
    course.lesson(&["list"]);
    course.begin(
        "cli",
        "println!(\"{text}\");",
        "println!(\"{}\", text.to_string());",
    );
    let (code, text) = course.lesson(&["refactor", "command"]);
    assert_eq!(code, 1, "{text}");
    says(&text, "clippy has something to say");
    says(&text, "--> my/cli.rs:13:");
    course.begin("cli", "", "");
    let (code, text) = course.lesson(&["refactor", "command"]);
    assert_eq!(code, 0, "{text}");
    let (code, text) = course.lesson(&["refactor", "--key", "command"]);
    assert_eq!(code, 0, "{text}");
}

#[test]
fn what_leaves_the_sources_leaves_the_stage() {
    let course = Program::new(" moved");
    course.lesson(&["red", "command"]);
    course.write("src/text.rs", &course.read("src/text/mod.rs"));
    std::fs::remove_file(course.0.join("src/text/mod.rs")).unwrap();
    course.write("src/lib.rs", &(course.read("src/lib.rs") + "// moved\n"));
    let (code, text) = course.lesson(&["red", "command"]);
    assert_eq!(code, 0, "{text}");
}

/// Somebody who has the right code in the last step, where the test is theirs.
fn with_tests(name: &str, tests: &str) -> Program {
    let course = Program::new(name);
    course.lesson(&["start", "command"]);
    course.begin("cli", "", "");
    course.write("my/tests/cli.rs", tests);
    course
}

#[test]
fn who_of_the_two_is_wrong_is_a_question_where_the_test_is_ones_own() {
    let tests = "#[test]\nfn mine() {\n    assert_eq!(crate::PROGRAM, \"\");\n}\n";
    let course = with_tests(" whose", tests);
    let (_, text) = course.lesson(&[]);
    says(
        &text,
        "next: which of the two is wrong, your test in my/tests/cli.rs or your code in my/cli.rs?",
    );
}

#[test]
fn an_error_is_mended_in_the_file_in_which_it_stands() {
    let course = with_tests(" stands", "#[test]\nfn mine() {\n    nothing();\n}\n");
    let (_, text) = course.lesson(&[]);
    says(&text, "--> my/tests/cli.rs:3:5");
    says(&text, "next: mend my/tests/cli.rs and save.");
    course.begin("cli", "ExitCode::SUCCESS", "\"well\"");
    let (_, text) = course.lesson(&[]);
    says(&text, "--> my/cli.rs:14:5");
    says(&text, "next: mend my/cli.rs and save.");
}

#[test]
fn whoever_begins_what_is_done_is_told() {
    let course = with_tests(" done", "");
    let tests = course.read("lessons/02-command/answer_tests.rs");
    course.write("my/tests/cli.rs", &tests);
    course.lesson(&[]);
    let (code, text) = course.lesson(&["start", "command"]);
    assert_eq!(code, 0, "{text}");
    says(
        &text,
        "02-command is done already; `cargo lesson reset 02` begins it anew.",
    );
}

#[test]
fn ones_own_tests_are_formatted_as_well() {
    let course = with_tests(" format", "#[test] fn mine() {}\n");
    let (code, text) = course.lesson(&["refactor", "command"]);
    assert_eq!(code, 1, "{text}");
    says(
        &text,
        "not formatted: `rustfmt --edition 2024 my/tests/cli.rs` does it",
    );
}

//! Bad input: each kind gets a sentence that says what to do, and none costs
//! the learner a line. Most of it runs with a script in the place of cargo.
#![cfg(unix)]

mod common;

use rustix::process::{Pid, Signal, kill_process};
use rustix::termios::LocalModes;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

/// Only ever fails a test: what is awaited comes at once or never.
const DEADLINE: Duration = Duration::from_secs(20);

const MINE: &str = "my/broken.rs";
const MY_TESTS: &str = "my/tests/broken.rs";
const RIGHT: &str = "pub fn number() -> u32 {\n    42\n}\n";
const WRONG: &str = "pub fn number() -> u32 {\n    41\n}\n";

/// A cargo that is too old for anything.
const TOO_OLD: &str = "echo 'error: package `a` cannot be built because it requires rustc 1.99 or newer, while the currently active rustc version is 1.70.0' >&2; exit 101";

/// A cargo that builds at once, and a test that looks for 42 in the file.
const QUICK: &str = r#"
echo "{\"reason\":\"compiler-artifact\",\"target\":{\"name\":\"ch01_broken\"},\"executable\":\"$PWD/binary\"}"
"#;
const QUICK_TEST: &str = r#"
case "$*" in *--list*) echo 'step_1::a_number: test'; exit;; esac
if grep -q 42 my/broken.rs; then echo 'test result: ok. 1 passed'; exit; fi
printf "thread 'main' (1) panicked at tests/ch01_broken.rs:9:9:\nnot forty-two\n" >&2
exit 101
"#;

/// A course of one chapter, whose starter compiles; gone with the test.
struct Course(PathBuf);

impl Course {
    fn new(name: &str) -> Course {
        let root = common::copy_of_the_course(name);
        fs::remove_dir_all(root.join("lessons/00-words")).unwrap();
        let course = Course(root);
        let starter = "pub fn number() -> u32 {\n    todo!()\n}\n";
        course.write("lessons/01-broken/starter.rs", starter);
        course
    }

    /// With the learner's files laid, and a cargo that is too old.
    fn begun(name: &str) -> Course {
        let course = Course::new(name);
        course.script("cargo", TOO_OLD);
        assert_eq!(course.lesson(&[]).0, 3);
        course
    }

    /// With the quick cargo and the learner's files laid.
    fn quick(name: &str) -> Course {
        let course = Course::new(name);
        course.script("cargo", QUICK);
        course.script("binary", QUICK_TEST);
        course
    }

    fn write(&self, file: &str, text: impl AsRef<[u8]>) {
        fs::write(self.0.join(file), text).unwrap();
    }

    fn read(&self, file: &str) -> Option<String> {
        fs::read_to_string(self.0.join(file)).ok()
    }

    fn script(&self, name: &str, text: &str) {
        self.write(name, format!("#!/bin/sh\n{text}\n"));
        let mode = fs::Permissions::from_mode(0o755);
        fs::set_permissions(self.0.join(name), mode).unwrap();
    }

    /// The runner, with the script in the place of cargo.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = common::runner(&self.0, arguments);
        command.env("CARGO", self.0.join("cargo"));
        command.stdin(Stdio::null());
        command
    }

    /// The runner where there is no cargo and no git.
    fn bare(&self, arguments: &[&str]) -> (i32, String) {
        let mut command = self.command(arguments);
        told(
            &command
                .env_remove("CARGO")
                .env("PATH", self.0.join("nowhere"))
                .output()
                .unwrap(),
        )
    }

    fn lesson(&self, arguments: &[&str]) -> (i32, String) {
        told(&self.command(arguments).output().unwrap())
    }

    /// The runner with the cargo that runs this test.
    fn built(&self, arguments: &[&str]) -> (i32, String) {
        let mut command = self.command(arguments);
        told(&command.env("CARGO", env!("CARGO")).output().unwrap())
    }

    /// The names in a folder, sorted.
    fn names(&self, folder: &str) -> Vec<String> {
        let entries = fs::read_dir(self.0.join(folder)).into_iter().flatten();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    }
}

impl Drop for Course {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}

fn told(output: &Output) -> (i32, String) {
    (output.status.code().unwrap_or(-1), common::text(output))
}

#[track_caller]
fn says(text: &str, what: &str) {
    assert!(text.contains(what), "no {what:?} in\n{text}");
}

/// Lines as they come, from a thread of their own.
fn lines(pipe: impl Read + Send + 'static) -> Receiver<String> {
    let (tell, lines) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            tell.send(line).ok();
        }
    });
    lines
}

/// Waits for a line with `what` in it.
#[track_caller]
fn wait_for(lines: &Receiver<String>, what: &str) {
    let mut seen = String::new();
    loop {
        match lines.recv_timeout(DEADLINE) {
            Ok(line) if line.contains(what) => return,
            Ok(line) => seen += &(line + "\n"),
            Err(error) => panic!("no {what:?} ({error}) in\n{seen}"),
        }
    }
}

/// A runner that watches, ended with the test.
struct Watch(Child, Receiver<String>);

impl Watch {
    fn start(course: &Course) -> Watch {
        let mut command = course.command(&["--watch"]);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let lines = lines(child.stdout.take().unwrap());
        Watch(child, lines)
    }

    #[track_caller]
    fn shows(&self, what: &str) {
        wait_for(&self.1, what);
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

// The learner's file.

#[test]
fn a_file_that_is_not_there_or_no_text_says_what_to_do() {
    let course = Course::begun("unreadable");
    let undo = "my/broken.rs is empty: undo in your editor, or run `cargo lesson reset broken`";
    let cases: [(&str, &[u8], &str); 4] = [
        (MINE, b"", undo),
        (MINE, b"\xef\xbb\xbf", undo),
        (
            MINE,
            b"// \xff\xfe",
            "my/broken.rs is not UTF-8: the first wrong byte is in line 1; save the file as UTF-8",
        ),
        (
            MY_TESTS,
            b" \n",
            "my/tests/broken.rs is empty: undo in your editor, or copy lessons/01-broken/starter_tests.rs there",
        ),
    ];
    for (file, bytes, sentence) in cases {
        let before = course.read(file).unwrap();
        course.write(file, bytes);
        let (code, text) = course.bare(&[]);
        assert_eq!(code, 0, "{text}");
        says(&text, sentence);
        assert_eq!(fs::read(course.0.join(file)).unwrap(), bytes);
        course.write(file, before);
    }
    for (file, sentence) in [
        (
            MY_TESTS,
            "my/tests/broken.rs is missing: bring it back with your editor, or copy lessons/01-broken/starter_tests.rs there",
        ),
        (
            MINE,
            "my/broken.rs is missing: bring it back with your editor, or run `cargo lesson reset broken`",
        ),
    ] {
        fs::remove_file(course.0.join(file)).unwrap();
        let (code, text) = course.bare(&[]);
        assert_eq!(code, 0, "{text}");
        says(&text, sentence);
        course.write(file, "//");
    }
}

#[test]
fn a_reset_keeps_what_was_there_and_lays_what_is_missing() {
    let course = Course::new("reset");
    fs::create_dir_all(course.0.join("my")).unwrap();
    course.write(MINE, WRONG);
    let (code, text) = course.bare(&["reset", "01"]);
    assert_eq!(code, 0, "{text}");
    says(
        &text,
        "my/broken.rs is the starter again; my/tests/broken.rs stays as it is.",
    );
    let kept = course
        .names("my")
        .into_iter()
        .find(|name| name.starts_with("broken.2"));
    let kept = kept.unwrap_or_else(|| panic!("nothing is kept: {:?}", course.names("my")));
    assert_eq!(course.read(&format!("my/{kept}")).as_deref(), Some(WRONG));
    assert_eq!(
        course.read(MY_TESTS),
        course.read("lessons/01-broken/starter_tests.rs")
    );
    let (_, text) = course.bare(&["reset", "01", "--tests"]);
    says(
        &text,
        "my/broken.rs and my/tests/broken.rs are the starters again.",
    );
}

#[test]
fn carriage_returns_and_a_byte_order_mark_are_nothing_to_talk_about() {
    let course = Course::begun("crlf");
    course.write(MINE, format!("\u{feff}{}", RIGHT.replace('\n', "\r\n")));
    let (code, text) = course.built(&["--json"]);
    assert_eq!(code, 0, "{text}");
    says(&text, "\"finished\":true");
    let (_, text) = course.bare(&["answer", "01"]);
    says(&text, "The two are the same, to the letter.");
}

#[test]
fn a_changed_signature_is_asked_about() {
    let course = Course::begun("signature");
    course.write(MINE, "pub fn number(_: u8) -> u32 {\n    42\n}\n");
    for colour in ["always", "never"] {
        let (_, text) = course.built(&["--color", colour]);
        says(
            &text,
            "does each signature still read as in lessons/01-broken/starter.rs?",
        );
    }
    course.write(MINE, "pub fn number() -> u32 {\n    \"42\"\n}\n");
    let (_, text) = course.built(&[]);
    says(&text, "mismatched types");
    assert!(!text.contains("signature"), "{text}");
}

#[test]
fn tests_that_the_learner_edited_are_named() {
    let course = Course::begun("edited");
    let git = |arguments: &[&str]| {
        let mut git = Command::new("git");
        git.current_dir(&course.0)
            .args(["-c", "user.name=a", "-c", "user.email=a@b"]);
        assert!(git.args(arguments).output().unwrap().status.success());
    };
    git(&["init"]);
    git(&["add", "tests"]);
    git(&["commit", "-m", "Begin"]);
    course.write("tests/ch01_broken.rs", "// mine now");
    course.write(MINE, "");
    let (code, text) = course.lesson(&[]);
    assert_eq!(code, 0, "{text}");
    says(&text, "tests/ch01_broken.rs was changed here");
}

// Saving, as editors do it.

#[test]
fn a_save_counts_however_the_editor_writes_it() {
    let course = Course::quick("saves");
    let watch = Watch::start(&course);
    watch.shows("not forty-two");
    // To another name, then renamed.
    course.write("my/.broken.rs.swp", RIGHT);
    fs::rename(course.0.join("my/.broken.rs.swp"), course.0.join(MINE)).unwrap();
    watch.shows("green: 1 of 1");
    // Moved away, then written anew.
    fs::rename(course.0.join(MINE), course.0.join("my/broken.rs~")).unwrap();
    course.write(MINE, WRONG);
    watch.shows("not forty-two");
    // Emptied, then written.
    let mut file = File::create(course.0.join(MINE)).unwrap();
    file.write_all(RIGHT.as_bytes()).unwrap();
    watch.shows("green: 1 of 1");
    // Gone for good.
    fs::remove_file(course.0.join(MINE)).unwrap();
    watch.shows("my/broken.rs is missing");
    course.write(MINE, RIGHT);
    watch.shows("green: 1 of 1");
}

#[test]
fn who_jumps_in_another_terminal_is_followed() {
    let course = Course::quick("jumps");
    fs::create_dir(course.0.join("lessons/02-later")).unwrap();
    for part in [
        "lesson.toml",
        "starter.rs",
        "starter_tests.rs",
        "answer_tests.rs",
    ] {
        let text = course.read(&format!("lessons/01-broken/{part}")).unwrap();
        let text = text.replace("\"broken\"", "\"later\"");
        course.write(&format!("lessons/02-later/{part}"), text);
    }
    let watch = Watch::start(&course);
    watch.shows("01 · ");
    let (code, text) = course.lesson(&["start", "later"]);
    assert_eq!(code, 0, "{text}");
    watch.shows("02 · ");
}

#[test]
fn a_save_begins_no_other_test_of_the_look_before() {
    let course = Course::quick("given up");
    let lesson = course.read("lessons/01-broken/lesson.toml").unwrap();
    let patient = lesson.replace("minutes = 1", "minutes = 1\ndeadline = 600");
    course.write("lessons/01-broken/lesson.toml", patient);
    let life = life_line(&course);
    course.script(
        "binary",
        r#"
case "$*" in *--list*) for i in 0 1 2 3 4 5 6 7 8 9; do echo "step_1::test_$i: test"; done; exit;; esac
echo "$1" >> began
if grep -q 42 my/broken.rs; then echo 'test result: ok. 1 passed'; exit; fi
exec 3>life; echo lives >&3; exec sleep 86399
"#,
    );
    let watch = Watch::start(&course);
    // So many run at a time.
    for _ in 0..8 {
        let lives = life.recv_timeout(DEADLINE).unwrap();
        assert_eq!(lives.as_deref(), Some("lives"));
    }
    course.write(MINE, RIGHT);
    watch.shows("green: 10 of 10");
    let began = course.read("began").unwrap();
    assert_eq!(began.lines().count(), 8 + 10, "{began}");
}

#[test]
fn my_is_watched_again_when_it_is_made_anew() {
    let course = Course::quick("anew");
    let watch = Watch::start(&course);
    watch.shows("not forty-two");
    let aside = course.0.join("aside");
    for _ in 0..2 {
        fs::rename(course.0.join("my"), &aside).unwrap();
        watch.shows("my/broken.rs is missing");
        fs::create_dir_all(course.0.join("my/tests")).unwrap();
        course.write("my/tests/broken.rs", "// Nothing yet.\n");
        course.write(MINE, WRONG);
        watch.shows("not forty-two");
        course.write(MINE, RIGHT);
        watch.shows("green: 1 of 1");
        course.write(MINE, WRONG);
        watch.shows("not forty-two");
        fs::remove_dir_all(&aside).unwrap();
    }
}

#[test]
fn my_may_be_a_link_to_another_folder() {
    let course = Course::quick("link");
    fs::create_dir(course.0.join("else where")).unwrap();
    symlink("else where", course.0.join("my")).unwrap();
    let watch = Watch::start(&course);
    watch.shows("not forty-two");
    course.write("else where/broken.rs", RIGHT);
    watch.shows("green: 1 of 1");
}

// What the runner needs.

#[test]
fn no_cargo_an_old_cargo_and_a_full_disk_say_what_to_do() {
    let course = Course::begun("no cargo");
    for command in [&["red"][..], &["green", "01"], &["--watch"], &[]] {
        let (code, text) = course.bare(command);
        assert_eq!(code, 3, "{text}");
        says(&text, "install Rust from https://rustup.rs");
        let (code, text) = course.lesson(command);
        assert_eq!(code, 3, "{text}");
        says(
            &text,
            "your Rust is too old: `rustup update stable` brings a newer one",
        );
    }
    for (said, sentence) in [
        (
            "error: this version of Cargo is older than the `2024` edition",
            "your Rust is too old",
        ),
        (
            "lock file version 4 requires `-Znext-lockfile-bump`, perhaps Cargo needs to be updated?",
            "your Rust is too old",
        ),
        (
            "error: no test target named `ch01_broken` in default-run packages",
            "a file of tests/ is missing: `git status tests` names it, `git checkout FILE` brings it back",
        ),
        (
            "error: could not write: No space left on device (os error 28)",
            "the disk is full: free some space",
        ),
    ] {
        course.script("cargo", &format!("echo '{said}' >&2; exit 101"));
        let (code, text) = course.lesson(&[]);
        assert_eq!(code, 3, "{text}");
        says(&text, sentence);
    }
}

#[test]
fn where_nothing_can_be_written_half_a_starter_never_stays() {
    let course = Course::new("full");
    let full = |arguments: &str| {
        // A written byte is one too many; the signal for it is ignored.
        let script = format!("trap '' XFSZ; ulimit -f 0; exec \"$LESSON\" {arguments} --root .");
        let mut command = Command::new("sh");
        command.current_dir(&course.0).arg("-c").arg(script);
        told(
            &command
                .env("LESSON", env!("CARGO_BIN_EXE_lesson"))
                .output()
                .unwrap(),
        )
    };
    let (code, text) = full("");
    assert_eq!(code, 3, "{text}");
    says(
        &text,
        "free some space and run this again, nothing of yours was changed",
    );
    assert_eq!(course.names("my"), Vec::<String>::new());
    course.write(MINE, WRONG);
    let (code, text) = full("reset 01");
    assert_eq!(code, 3, "{text}");
    says(
        &text,
        "free some space and run this again, nothing of yours was changed",
    );
    assert_eq!(course.read(MINE).as_deref(), Some(WRONG));
    assert_eq!(course.names("my"), ["broken.rs"]);
}

#[test]
fn who_is_ended_while_writing_leaves_no_half_starter() {
    let course = Course::new("half");
    let starter = format!("pub fn number() {{}}\n{}", "//\n".repeat(100_000));
    course.write("lessons/01-broken/starter.rs", &starter);
    // The signal for the first byte that is too many ends it.
    let script = "ulimit -f 64; exec \"$LESSON\" --root .";
    let mut command = Command::new("sh");
    command.current_dir(&course.0).args(["-c", script]);
    let output = (command.env("LESSON", env!("CARGO_BIN_EXE_lesson"))).output();
    assert_eq!(output.unwrap().status.code(), None);
    assert!(course.read(MINE).is_none(), "half a starter stays");
    let (code, text) = course.bare(&[]);
    assert_eq!(code, 3, "{text}");
    assert!(course.read(MINE) == Some(starter), "not the whole starter");
}

#[test]
fn a_target_folder_elsewhere_and_long_backtraces_change_no_verdict() {
    let course = Course::new("elsewhere");
    let mut command = course.command(&["red", "01", "--json"]);
    command
        .env("CARGO_TARGET_DIR", "else where")
        .env("RUST_BACKTRACE", "full");
    let output = command.env("CARGO", env!("CARGO")).output().unwrap();
    says(
        &common::text(&output),
        "\"message\":\"not yet implemented\"",
    );
    assert!(course.0.join("else where/stage").is_dir());
    assert!(!course.0.join("target").exists());
}

// Two at once.

#[test]
fn a_second_watcher_is_sent_to_the_first() {
    let course = Course::begun("watchers");
    fs::create_dir_all(course.0.join("target")).unwrap();
    let lock = File::create(course.0.join("target/lesson.lock")).unwrap();
    fs4::FileExt::lock(&lock).unwrap();
    let (code, text) = course.lesson(&["--watch"]);
    assert_eq!(code, 3, "{text}");
    assert_eq!(
        text,
        "lesson: another lesson watches this checkout: go on there, or quit it with q\n"
    );
}

#[test]
fn a_second_proof_waits_for_the_first() {
    let course = Course::begun("proofs");
    fs::create_dir_all(course.0.join("target/stage")).unwrap();
    let lock = File::create(course.0.join("target/stage/lock")).unwrap();
    fs4::FileExt::lock(&lock).unwrap();
    let mut command = course.command(&["red"]);
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    let lines = lines(child.stderr.take().unwrap());
    wait_for(&lines, "waiting for it to finish");
    assert!(child.try_wait().unwrap().is_none());
    drop(lock);
    wait_for(&lines, "your Rust is too old");
    assert_eq!(child.wait().unwrap().code(), Some(3));
}

#[test]
fn runners_that_begin_at_once_never_see_half_a_file() {
    let course = Course::new("at once");
    let starter = format!(
        "pub fn number() -> u32 {{\n    todo!()\n}}\n{}",
        "//\n".repeat(300_000)
    );
    course.write("lessons/01-broken/starter.rs", &starter);
    course.script("cargo", "echo requires rustc >&2; exit 101");
    let start = |_| {
        course
            .command(&[])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
    };
    let runners: Vec<Child> = (0..6).map(start).map(Result::unwrap).collect();
    for runner in runners {
        let output = runner.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(3), "{}", common::text(&output));
    }
    assert!(course.read(MINE) == Some(starter), "not the whole starter");
    assert_eq!(course.names("my"), ["broken.rs", "journal.jsonl", "tests"]);
}

// Interrupted.

/// A pipe with a name. Who holds it open for writing lives.
fn life_line(course: &Course) -> Receiver<Option<String>> {
    let path = course.0.join("life");
    assert!(
        Command::new("mkfifo")
            .arg(&path)
            .status()
            .unwrap()
            .success()
    );
    let (tell, lines) = mpsc::channel();
    thread::spawn(move || {
        let mut lines = BufReader::new(File::open(path).unwrap()).lines();
        while let Some(Ok(line)) = lines.next() {
            tell.send(Some(line)).ok();
        }
        tell.send(None).ok();
    });
    lines
}

fn ends_all(name: &str, arguments: &[&str], signal: Signal) {
    let course = Course::begun(name);
    let life = life_line(&course);
    // `sleep` is the rustc of that cargo, or the process that a test began.
    let lives = "exec 3>life; echo lives >&3; sleep 86399";
    match name.starts_with("test") {
        true => {
            course.script("cargo", QUICK);
            let list = "for i in 1 2 3 4 5 6 7 8 9; do echo step_1::a$i: test; echo step_1::b$i: test; done";
            course.script(
                "binary",
                &format!("case \"$*\" in *--list*) {list}; exit;; esac; {lives}"),
            );
        }
        false => course.script("cargo", &format!("cd \"${{0%/*}}\"; {lives}")),
    }
    let child = course
        .command(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let mut child = child.unwrap();
    assert_eq!(
        life.recv_timeout(DEADLINE).unwrap().as_deref(),
        Some("lives")
    );
    kill_process(Pid::from_child(&child), signal).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let journal = course.read("my/journal.jsonl").unwrap();
    let judged = journal.contains("\"event\":\"run\"");
    assert!(!judged, "a test that we ended has no verdict: {journal}");
    // The pipe ends once nobody is left who could write into it.
    while let Some(line) = life
        .recv_timeout(DEADLINE)
        .expect("somebody outlives the runner")
    {
        assert_eq!(line, "lives");
    }
}

#[test]
fn ctrl_c_in_the_middle_leaves_nobody_behind() {
    ends_all("build int", &[], Signal::INT);
    ends_all("test int", &[], Signal::INT);
    ends_all("clippy int", &["refactor", "01"], Signal::INT);
}

#[test]
fn a_termination_in_the_middle_leaves_nobody_behind() {
    ends_all("build term", &["--watch"], Signal::TERM);
    ends_all("test term", &["--watch"], Signal::TERM);
}

// The journal.

#[test]
fn a_broken_line_of_the_journal_costs_that_line_only() {
    let course = Course::begun("journal");
    course.write(MINE, "");
    course.write("my/journal.jsonl", "nonsense\n\u{0}\n{\"time\":\"2026-11-2");
    let (code, text) = course.bare(&["start", "01"]);
    assert_eq!(code, 0, "{text}");
    let journal = course.read("my/journal.jsonl").unwrap();
    assert!(
        journal.starts_with("nonsense\n\u{0}\n{\"time\":\"2026-11-2\n{"),
        "{journal}"
    );
    let events = [
        "\"event\":\"made\"",
        "\"event\":\"start\"",
        "\"event\":\"run\"",
    ];
    for (line, event) in journal.lines().skip(3).zip(events) {
        serde_json::from_str::<serde_json::Value>(line).unwrap();
        says(line, event);
    }
}

#[test]
fn without_its_journal_the_learners_file_stays() {
    let course = Course::begun("no journal");
    course.write(MINE, WRONG);
    fs::remove_file(course.0.join("my/journal.jsonl")).unwrap();
    course.lesson(&[]);
    assert_eq!(course.read(MINE).as_deref(), Some(WRONG));
    fs::remove_file(course.0.join("my/journal.jsonl")).unwrap();
    // Not even the superuser writes into a folder.
    fs::create_dir(course.0.join("my/journal.jsonl")).unwrap();
    let (code, text) = course.lesson(&[]);
    assert_eq!(code, 3, "{text}");
    says(
        &text,
        "my/journal.jsonl: Is a directory (os error 21); move it aside and run this again",
    );
    assert_eq!(course.read(MINE).as_deref(), Some(WRONG));
}

// How it is called.

#[test]
fn an_unknown_chapter_gets_the_nearest_names_in_every_command() {
    let course = Course::new("unknown");
    for command in [
        "start", "reset", "answer", "red", "green", "refactor", "bugs",
    ] {
        let (code, text) = course.bare(&[command, "brokn"]);
        assert_eq!(code, 2, "{text}");
        says(
            &text,
            "there is no chapter \"brokn\"; the nearest are 01-broken",
        );
    }
    assert!(!course.0.join("my").exists());
}

#[test]
fn wrong_use_ends_with_two() {
    let course = Course::new("use");
    let wrong: [&[&str]; 7] = [
        &["lst"],
        &["--nonsense"],
        &["start"],
        &["hint", "01"],
        &["hint", "--level", "first"],
        &["red", "01", "02"],
        &["list", "--color", "blue"],
    ];
    for arguments in wrong {
        let (code, text) = course.bare(arguments);
        assert_eq!(code, 2, "{text}");
    }
    let (code, text) = told(
        &common::runner(&course.0.join("nowhere"), &[])
            .output()
            .unwrap(),
    );
    assert_eq!(code, 2, "{text}");
    says(&text, "change into the checkout, or name it with --root");
}

#[test]
fn the_commands_come_in_any_order() {
    let commands: [&[&str]; 8] = [
        &["reset", "01"],
        &["reset", "01", "--tests"],
        &["start", "01"],
        &["next"],
        &["answer", "01", "--yes"],
        &["hint"],
        &["list"],
        &[],
    ];
    for first in commands {
        let course = Course::new("order");
        for command in [first].into_iter().chain(commands) {
            let (code, text) = course.bare(command);
            let cargo_is_missed = code == 3 && text.contains("install Rust");
            let not_laid_yet = code == 3 && text.contains("is missing: bring it back");
            assert!(
                code == 0 || cargo_is_missed || not_laid_yet,
                "{command:?} {code}: {text}"
            );
        }
        for (file, starter) in [(MINE, "starter.rs"), (MY_TESTS, "starter_tests.rs")] {
            assert_eq!(
                course.read(file),
                course.read(&format!("lessons/01-broken/{starter}"))
            );
        }
    }
}

#[test]
fn where_nobody_reads_it_ends_quietly() {
    let course = Course::begun("nobody");
    let closed = || Stdio::from(OwnedFd::from(UnixStream::pair().unwrap().0));
    for (arguments, code) in [
        (&["list"][..], 0),
        (&["completions", "bash"], 0),
        (&["red"], 3),
        (&[], 3),
    ] {
        let mut command = course.command(arguments);
        let status = command.stdout(closed()).stderr(closed()).status().unwrap();
        assert_eq!(status.code(), Some(code), "{arguments:?}");
    }
}

#[test]
fn colours_are_there_when_asked_for() {
    let course = Course::new("colour");
    for (arguments, no_color, coloured) in [
        (&["list"][..], "", false),
        (&["list", "--color", "always"], "", true),
        (&["list", "--color", "always"], "1", true),
        (&["list", "--color", "never"], "", false),
    ] {
        let output = course
            .command(arguments)
            .env("NO_COLOR", no_color)
            .output()
            .unwrap();
        let (code, text) = told(&output);
        assert_eq!(
            (code, text.contains('\x1b')),
            (0, coloured),
            "{arguments:?}"
        );
    }
}

// On a terminal.

/// Starts the runner on a terminal, waits until that is raw, lets `end` end
/// the runner, and looks whether the terminal is as it was.
#[track_caller]
fn gives_the_terminal_back(
    course: &Course,
    end: impl FnOnce(&Child),
    code: i32,
    last: Option<&str>,
) {
    let (master, slave) = terminal();
    let before = is_raw(&slave);
    let screen = || slave.try_clone().unwrap();
    let mut command = course.command(&[]);
    command.stdin(screen()).stdout(screen()).stderr(screen());
    let mut child = command.spawn().unwrap();
    let lines = lines(master);
    let begun = Instant::now();
    while !is_raw(&slave) && begun.elapsed() < DEADLINE {
        thread::yield_now();
    }
    end(&child);
    assert_eq!(child.wait().unwrap().code(), Some(code));
    if let Some(last) = last {
        wait_for(&lines, last);
    }
    assert_eq!((before, is_raw(&slave)), (false, false));
}

fn is_raw(terminal: &File) -> bool {
    let modes = rustix::termios::tcgetattr(terminal).unwrap().local_modes;
    !modes.contains(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG)
}

#[test]
fn an_end_from_outside_leaves_the_terminal_as_it_was() {
    let course = Course::begun("terminal");
    course.script("cargo", "exec sleep 86399");
    let end = |child: &Child| kill_process(Pid::from_child(child), Signal::TERM).unwrap();
    gives_the_terminal_back(&course, end, 130, None);
}

#[test]
fn trouble_leaves_the_terminal_as_it_was() {
    let course = Course::begun("trouble");
    let go = course.0.join("go");
    assert!(Command::new("mkfifo").arg(&go).status().unwrap().success());
    course.script("cargo", &format!("read line <go; {TOO_OLD}"));
    let end = |_: &Child| fs::write(&go, "go\n").unwrap();
    gives_the_terminal_back(
        &course,
        end,
        3,
        Some("\r\x1b[Klesson: your Rust is too old"),
    );
}

/// Both ends of a new terminal.
fn terminal() -> (File, File) {
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
    let slave = File::options()
        .read(true)
        .write(true)
        .open(Path::new(&name))
        .unwrap();
    (File::from(master), slave)
}

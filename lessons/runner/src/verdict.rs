//! From what a test printed and how it ended to one word for it.

use crate::course::{Chapter, Step};
use crate::overlay;
use crate::process::{End, Outcome};
use serde::Serialize;
use std::process::ExitStatus;

/// The word for a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Word {
    Green,
    NotWritten,
    WrongAnswer,
    OtherReason,
    Hangs,
    Crashes,
}

impl Word {
    pub fn text(self) -> &'static str {
        match self {
            Word::Green => "green",
            Word::NotWritten => "red, not written yet",
            Word::WrongAnswer => "red, wrong answer",
            Word::OtherReason => "red for another reason",
            Word::Hangs => "hangs",
            Word::Crashes => "crashes",
        }
    }
}

/// A line of a file, as people name it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Place {
    pub file: String,
    pub line: u32,
}

#[derive(Clone, Debug, Serialize)]
pub struct Verdict {
    pub test: String,
    pub word: Word,
    /// What the first panic said, or how the test ended.
    pub message: String,
    /// What happened in the test until it failed, as its fixtures drew it.
    pub timeline: String,
    /// Where the test stands, or the line of it that failed.
    pub test_place: Option<Place>,
    /// Where the learner's code stands, or the line of it that failed.
    pub code_place: Option<Place>,
    /// How many threads panicked.
    pub panics: usize,
    /// What the test printed besides.
    pub printed: String,
    pub millis: u128,
}

struct Panic {
    place: Place,
    message: String,
}

/// Judges one run of `test`. `source` is the text of the chapter's tests and
/// `code` the text of the subject: they tell the lines.
pub fn judge(
    chapter: &Chapter,
    test: &str,
    outcome: &Outcome,
    source: &str,
    code: &str,
) -> Verdict {
    let stderr = match chapter.program {
        true => overlay::as_mine(chapter, &outcome.stderr),
        false => outcome.stderr.clone(),
    };
    let stderr = uncaught(&stderr);
    let panics = panics(&stderr);
    let first = cause(chapter, &panics);
    let (word, message) = match &outcome.end {
        End::Deadline => (Word::Hangs, late(chapter.deadline, &outcome.waits)),
        End::Flood => (
            Word::Hangs,
            "prints without end; stopped after 1 MiB".to_string(),
        ),
        End::LeftBehind => match first {
            Some(panic) => (
                word(chapter, panic),
                format!(
                    "{}\nand it left a process behind, which was ended for it",
                    panic.message
                ),
            ),
            None => (
                Word::OtherReason,
                "the test ended and left a process behind, which was ended for it".to_string(),
            ),
        },
        End::Exited(status) if status.success() => {
            match outcome.stdout.contains("test result: ok. 1 passed") {
                true => (Word::Green, String::new()),
                false => (
                    Word::Crashes,
                    "the process ended in the middle of the test, with exit code 0".to_string(),
                ),
            }
        }
        End::Exited(status) if status.code() == Some(101) => match first {
            Some(panic) => (word(chapter, panic), panic.message.clone()),
            None => (
                Word::OtherReason,
                "the test failed and did not say why".to_string(),
            ),
        },
        End::Exited(status) => (Word::Crashes, crash(*status, &outcome.stderr)),
    };
    let red = word != Word::Green;
    let own = test.starts_with("your_tests::");
    let panicked_in = |folder: &str| {
        let place = first.map(|panic| &panic.place);
        place
            .filter(|place| place.file.starts_with(folder))
            .cloned()
    };
    let (tests, mine) = match test.starts_with("your_tests::") {
        true => (chapter.my_tests(), chapter.my_tests()),
        false => (chapter.tests(), chapter.mine()),
    };
    let shown = |path: &std::path::Path| path.display().to_string().replace('\\', "/");
    let step = chapter.step_of(test).map(|step| &chapter.steps[step]);
    let test_folder = if own { "my/tests/" } else { "tests/ch" };
    let edited = |step: &Step| {
        let until = panicked_in(test_folder).map_or(u32::MAX, |place| place.line);
        let called = last_called(source, test, until, &step.edit);
        line_of_edited(code, &step.edit, called.or(step.edit.first())?)
    };
    Verdict {
        test: test.to_string(),
        word,
        message,
        timeline: match red {
            true => timeline(&stderr),
            false => String::new(),
        },
        test_place: red
            .then(|| {
                panicked_in(test_folder).or_else(|| {
                    let line = line_of_test(source, test)?;
                    Some(Place {
                        file: shown(&tests),
                        line,
                    })
                })
            })
            .flatten(),
        code_place: (red && !own)
            .then(|| {
                panicked_in("my/").or_else(|| {
                    let line = step.and_then(edited)?;
                    Some(Place {
                        file: shown(&mine),
                        line,
                    })
                })
            })
            .flatten(),
        panics: match chapter.program {
            // The program's panic and the test's about it are one.
            true => panics.len().min(1),
            false => panics.len(),
        },
        printed: printed(outcome),
        millis: outcome.took.as_millis(),
    }
}

/// The panic that counts is the first; of a program, what it has not written
/// yet, wherever a test repeats what the program said.
fn cause<'a>(chapter: &Chapter, panics: &'a [Panic]) -> Option<&'a Panic> {
    let unwritten = |panic: &&Panic| panic.message.starts_with(NOT_WRITTEN);
    match chapter.program {
        true => panics.iter().find(unwritten).or(panics.first()),
        false => panics.first(),
    }
}

const NOT_WRITTEN: &str = "not yet implemented";

/// A test's own assertion is a wrong answer; what fails in the fixtures, in
/// the standard library or in an `unwrap` is another reason.
fn word(chapter: &Chapter, panic: &Panic) -> Word {
    let repeated = chapter.program && panic.message.contains(NOT_WRITTEN);
    if panic.message.starts_with(NOT_WRITTEN) || repeated {
        return Word::NotWritten;
    }
    let file = &panic.place.file;
    let in_test = (file.starts_with("tests/") && !file.contains("/fixtures/"))
        || file.starts_with("my/tests/")
        || file.contains("answer_tests");
    let unwrap = panic.message.starts_with("called `");
    match in_test && !unwrap {
        true => Word::WrongAnswer,
        false => Word::OtherReason,
    }
}

fn late(deadline: u64, waits: &str) -> String {
    let colon = if waits.is_empty() { "" } else { ": " };
    format!("no verdict after {deadline} s{colon}{waits}")
}

fn crash(status: ExitStatus, stderr: &str) -> String {
    let said = (stderr.lines())
        .find(|line| {
            line.contains("has overflowed its stack") || line.starts_with("fatal runtime error")
        })
        .map(|line| format!(": {}", line.trim()))
        .unwrap_or_default();
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        let name = match signal {
            4 => " (SIGILL)",
            6 => " (SIGABRT)",
            7 | 10 => " (SIGBUS)",
            8 => " (SIGFPE)",
            9 => " (SIGKILL)",
            11 => " (SIGSEGV)",
            13 => " (SIGPIPE)",
            15 => " (SIGTERM)",
            _ => "",
        };
        return format!("the process was ended by signal {signal}{name}{said}");
    }
    format!("the process ended in the middle of the test, {status}{said}")
}

/// What was printed, without the panics that were caught: a thread that panics
/// again has survived its earlier panic.
fn uncaught(stderr: &str) -> String {
    let lines: Vec<&str> = stderr.split_inclusive('\n').collect();
    let mut blocks: Vec<&[&str]> = Vec::new();
    let mut from = 0;
    for at in 1..=lines.len() {
        if at == lines.len() || heading(lines[at]).is_some() {
            blocks.push(&lines[from..at]);
            from = at;
        }
    }
    let threads: Vec<_> = blocks.iter().map(|block| thread(block[0])).collect();
    let again = |at: usize| threads[at].is_some() && threads[at + 1..].contains(&threads[at]);
    let kept = (0..blocks.len()).filter(|at| !again(*at));
    kept.flat_map(|at| blocks[at]).copied().collect()
}

/// The thread of a panic's heading, `main' (12) `. What has neither a number
/// nor a name may be any thread.
fn thread(line: &str) -> Option<&str> {
    let (thread, _) = line.strip_prefix("thread '")?.split_once("panicked at ")?;
    (thread != "<unnamed>' ").then_some(thread)
}

/// The panics in the order in which they were printed:
/// `thread 'NAME' (7) panicked at FILE:LINE:COLUMN:`, then the message.
fn panics(stderr: &str) -> Vec<Panic> {
    let mut panics = Vec::new();
    let mut lines = stderr.lines().peekable();
    while let Some(line) = lines.next() {
        let Some(at) = heading(line) else { continue };
        let mut parts = at.trim_end_matches(':').rsplitn(3, ':');
        let _column = parts.next();
        let number = parts.next().and_then(|number| number.parse().ok());
        let (Some(number), Some(file)) = (number, parts.next()) else {
            continue;
        };
        let mut message = Vec::new();
        while let Some(next) = lines.next_if(|next| heading(next).is_none()) {
            if next.starts_with("note: run with `RUST_BACKTRACE") || next == TIMELINE {
                break;
            }
            message.push(next);
        }
        panics.push(Panic {
            place: Place {
                file: plain(file),
                line: number,
            },
            message: message.join("\n").trim_end().to_string(),
        });
    }
    panics
}

/// What the fixtures print below a panic's message begins with this line; the
/// lines below it are indented.
const TIMELINE: &str = "timeline:";

/// The timeline of the first panic that has one, without its heading.
fn timeline(stderr: &str) -> String {
    let mut lines = stderr.lines();
    lines.find(|line| heading(line).is_some());
    let lines = lines.skip_while(|line| *line != TIMELINE).skip(1);
    let lines: Vec<&str> = lines.take_while(|line| line.starts_with("  ")).collect();
    lines.join("\n")
}

fn heading(line: &str) -> Option<&str> {
    let (_, at) = line.strip_prefix("thread '")?.split_once("panicked at ")?;
    Some(at)
}

/// `tests/../my/socket/bind.rs`, or the same on a stage, as `my/socket/bind.rs`.
pub fn plain(file: &str) -> String {
    let file = file.replace('\\', "/");
    for folder in ["my/", "lessons/", "tests/"] {
        let from = file.rfind(&format!("/{folder}")).map(|at| at + 1);
        if let Some(at) = from.or(file.starts_with(folder).then_some(0))
            && (folder != "tests/" || !file[..at].contains("my/"))
        {
            return file[at..].to_string();
        }
    }
    file
}

/// What a test printed, without what libtest and the panics print around it.
fn printed(outcome: &Outcome) -> String {
    let noise = |line: &&str| {
        !(line.is_empty()
            || line.starts_with("running 1 test")
            || line.starts_with("test result: ")
            || line.starts_with("failures:")
            || line.starts_with("    step_")
            || line.starts_with("    your_tests")
            || *line == "ok"
            || *line == "FAILED")
    };
    let lines = outcome.stdout.lines().filter(noise);
    let lines = lines.map(|line| match line.strip_prefix("test ") {
        Some(rest) => rest
            .split_once(" ... ")
            .map_or(line, |(_, printed)| printed),
        None => line,
    });
    let lines = lines.filter(|line| !line.is_empty() && *line != "ok" && *line != "FAILED");
    let before = outcome
        .stderr
        .split("\nthread '")
        .next()
        .unwrap_or_default();
    let before = before
        .lines()
        .filter(|line| heading(line).is_none() && !line.is_empty());
    let panicked =
        outcome.stderr.starts_with("\nthread '") || outcome.stderr.starts_with("thread '");
    let before: Vec<&str> = if panicked {
        Vec::new()
    } else {
        before.collect()
    };
    lines.chain(before).collect::<Vec<_>>().join("\n")
}

/// The line of `fn name` in `mod step`.
pub fn line_of_test(source: &str, test: &str) -> Option<u32> {
    let (module, name) = test.rsplit_once("::").unwrap_or(("", test));
    let start = match module {
        "" | "your_tests" => 0,
        module => source.find(&format!("mod {module} "))?,
    };
    let at = start + source[start..].find(&format!("fn {name}("))?;
    Some(line_at(source, at))
}

/// Which of `names` the test called last, up to the line that failed.
fn last_called<'a>(
    source: &str,
    test: &str,
    until: u32,
    names: &'a [String],
) -> Option<&'a String> {
    let from = line_of_test(source, test)?;
    let count = until.checked_sub(from)? as usize;
    let body = source.lines().skip(from as usize);
    let body = body.take_while(|line| *line != "    }").take(count);
    let calls = body.flat_map(|line| {
        let called = names.iter().filter_map(|name| {
            let at = line.rfind(&format!("{name}("))?;
            let whole = !line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
            whole.then_some((at, name))
        });
        called.max()
    });
    calls.last().map(|(_, name)| name)
}

/// The line of what a step tells to edit. A function that it names behind a
/// type is looked for behind that type: two types may have a `new`.
fn line_of_edited(code: &str, edit: &[String], name: &str) -> Option<u32> {
    let before = edit.iter().take_while(|edited| *edited != name);
    let types = before.filter(|edited| edited.starts_with(char::is_uppercase));
    let from = types
        .last()
        .and_then(|owner| item(code, owner))
        .unwrap_or(0);
    let behind = item(&code[from..], name).map(|at| from + at);
    behind
        .or_else(|| item(code, name))
        .map(|at| line_at(code, at))
}

/// Where the function or type `name` begins.
fn item(code: &str, name: &str) -> Option<usize> {
    let kinds = ["fn", "struct", "enum", "trait", "const"];
    let ends = ['(', '<', ' ', ';', ':', '{'];
    kinds.iter().find_map(|kind| {
        let head = format!("{kind} {name}");
        (code.match_indices(&head))
            .find(|(at, _)| code[at + head.len()..].starts_with(ends))
            .map(|(at, _)| at)
    })
}

fn line_at(text: &str, at: usize) -> u32 {
    1 + text[..at].matches('\n').count() as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_read_with_its_place_and_the_whole_message() {
        let stderr = "\nthread 'main' (12) panicked at tests/../my/socket/bind.rs:9:5:\n\
                      not yet implemented: bind\nsecond line\n\
                      note: run with `RUST_BACKTRACE=1` environment variable\n";
        let panics = panics(stderr);
        assert_eq!(panics.len(), 1);
        assert_eq!(
            panics[0].place,
            Place {
                file: "my/socket/bind.rs".into(),
                line: 9
            }
        );
        assert_eq!(panics[0].message, "not yet implemented: bind\nsecond line");
    }

    #[test]
    fn two_panics_are_two() {
        let one = "thread '<unnamed>' (3) panicked at a.rs:1:2:\nfirst\n";
        let two = "thread 'main' (4) panicked at b.rs:3:4:\nsecond\n";
        let panics = panics(&format!("{one}{two}"));
        let messages: Vec<_> = panics.iter().map(|panic| panic.message.as_str()).collect();
        assert_eq!(messages, ["first", "second"]);
    }

    #[test]
    fn a_panic_that_its_thread_survived_is_not_the_reason() {
        let caught = "thread 'main' (4) panicked at tests/fixtures/recorder.rs:66:36:\n\
                      handle panics, as told\n";
        let server = "thread 'server' (5) panicked at my/echo.rs:7:8:\nin the server\n";
        let reason = "thread 'main' (4) panicked at tests/ch13_tcp.rs:3:4:\nthe hook heard: ?\n";
        let messages = |stderr: &str| -> Vec<_> {
            let panics = panics(&uncaught(stderr)).into_iter();
            panics.map(|panic| panic.message).collect()
        };
        assert_eq!(
            messages(&format!("{caught}{server}{reason}")),
            ["in the server", "the hook heard: ?"]
        );
        // Before Rust 1.91 a thread has no number, and may have no name either.
        let older = |stderr: &str| stderr.replace(" (4)", "").replace(" (5)", "");
        assert_eq!(
            messages(&older(&format!("{caught}{reason}"))),
            ["the hook heard: ?"]
        );
        let unnamed = older(&format!("{server}{server}")).replace("'server'", "'<unnamed>'");
        assert_eq!(messages(&unnamed).len(), 2, "two threads, perhaps");
    }

    const WITH_TIMELINE: &str = "thread 'one' (3) panicked at tests/ch06.rs:1:2:\n\
        what the peer heard\n  got       \"hel\"\n\
        note: run with `RUST_BACKTRACE=1` environment variable\n\
        timeline:\n  the test     peer\n     │── \"hel\" ─▶│\n  ✗ what the peer heard\n";

    #[test]
    fn the_timeline_below_a_panic_is_no_part_of_its_message() {
        // Only the first panic of a process prints the note.
        for note in [
            "note: run with `RUST_BACKTRACE=1` environment variable\n",
            "",
        ] {
            let stderr = WITH_TIMELINE.replace(
                "note: run with `RUST_BACKTRACE=1` environment variable\n",
                note,
            );
            let later = "the thread's last words\nthread 'two' (4) panicked at b.rs:3:4:\nsecond\n";
            let stderr = stderr + later;
            let messages: Vec<_> = panics(&stderr)
                .into_iter()
                .map(|panic| panic.message)
                .collect();
            assert_eq!(
                messages,
                ["what the peer heard\n  got       \"hel\"", "second"]
            );
            assert_eq!(
                timeline(&stderr),
                "  the test     peer\n     │── \"hel\" ─▶│\n  ✗ what the peer heard"
            );
        }
    }

    #[cfg(unix)]
    #[test]
    fn the_timeline_is_not_taken_for_what_the_test_printed() {
        use std::os::unix::process::ExitStatusExt;
        let outcome = Outcome {
            end: End::Exited(ExitStatus::from_raw(101 << 8)),
            stdout: "\nrunning 1 test\ntest one ... FAILED\n".into(),
            stderr: format!("of the learner's\n\n{WITH_TIMELINE}"),
            took: std::time::Duration::ZERO,
            waits: Default::default(),
        };
        assert_eq!(printed(&outcome), "of the learner's");
    }

    #[test]
    fn without_a_timeline_there_is_none() {
        let stderr = "timeline:\n  said by the learner\n\
                      thread 'main' (4) panicked at b.rs:3:4:\nmessage\n";
        assert_eq!(timeline(stderr), "");
    }

    #[test]
    fn a_path_on_a_stage_is_told_as_the_learners() {
        for (path, told) in [
            ("tests/../my/socket/bind.rs", "my/socket/bind.rs"),
            (
                "02-bind/starter/tests/../my/tests/bind.rs",
                "my/tests/bind.rs",
            ),
            ("02-bind/starter/tests/ch02_bind.rs", "tests/ch02_bind.rs"),
            ("tests/fixtures/peer.rs", "tests/fixtures/peer.rs"),
            (
                "/rustc/abc/library/core/src/result.rs",
                "/rustc/abc/library/core/src/result.rs",
            ),
        ] {
            assert_eq!(plain(path), told);
        }
    }

    #[test]
    fn the_function_that_was_called_last_is_the_one_to_look_at() {
        let source = "mod step_1 {\n    #[test]\n    fn a() {\n        bind(&s);\n        \
                      let x = getsockname(&s);\n        assert!(x);\n        bind_again(&s);\n    }\n}\n";
        let names = ["bind", "getsockname", "bind_again"].map(String::from);
        let called = |until| last_called(source, "step_1::a", until, &names).map(String::as_str);
        assert_eq!(called(4), Some("bind"));
        assert_eq!(called(6), Some("getsockname"));
        assert_eq!(called(u32::MAX), Some("bind_again"));
    }

    #[test]
    fn an_item_is_found_by_its_whole_name() {
        let code = "fn bind_again() {}\n\npub fn bind(socket: &Socket) {}\n";
        let edit = ["bind".to_string()];
        assert_eq!(line_of_edited(code, &edit, "bind"), Some(3));
    }

    #[test]
    fn a_function_of_a_type_is_found_behind_it() {
        let code =
            "impl A {\n    fn new() {}\n}\nstruct B;\nimpl B {\n    fn new() {}\n}\nfn last() {}\n";
        let line = |edit: &[&str], name| {
            let edit: Vec<_> = edit.iter().map(|name| name.to_string()).collect();
            line_of_edited(code, &edit, name)
        };
        assert_eq!(line(&["new"], "new"), Some(2));
        assert_eq!(line(&["B", "new"], "new"), Some(6));
        assert_eq!(line(&["B", "new"], "B"), Some(4));
        let moved = code.replace("struct B;\n", "") + "struct B;\n";
        let edit = ["B", "new"].map(String::from);
        assert_eq!(line_of_edited(&moved, &edit, "new"), Some(2), "somewhere");
    }
}

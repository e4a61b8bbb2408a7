//! `make bench-loop`: how long from a save to its verdict, beside plain
//! `cargo test` of the same target, in one run.
//!
//! Two copies of the checkout stand side by side. In one the runner watches,
//! in the other nothing does. In turn, the learner's file is saved in the one
//! until the verdict is printed, and in the other with `cargo test` after it.
//! Each save changes the code. `cargo bench … -- 02` measures one chapter.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

const SAVES: usize = 20;
/// The first saves fill caches; they do not count.
const WARM_UP: usize = 2;
/// A guard: a verdict that has not come by then never comes.
const GUARD: Duration = Duration::from_secs(120);

fn main() {
    let wish = std::env::args()
        .nth(1)
        .filter(|wish| !wish.starts_with('-'));
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let bench = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench-loop");
    let (watched, plain) = (bench.join("watched"), bench.join("plain"));
    for copy in [&watched, &plain] {
        for part in ["src", "tests", "benches", "lessons", "my"] {
            fs::remove_dir_all(copy.join(part)).ok();
        }
        for part in [".cargo", "src", "tests", "benches", "lessons"] {
            copy_all(&root.join(part), &copy.join(part));
        }
        for part in ["Cargo.toml", "Cargo.lock"] {
            fs::copy(root.join(part), copy.join(part)).expect("the workspace's files");
        }
        run(lesson(copy));
    }
    let chapters = chapters(&watched);
    println!(
        "{:<20} {:>14} {:>14} {:>7}   medians of {SAVES} saves",
        "chapter", "save→verdict", "cargo test", "ratio"
    );
    for chapter in chapters {
        let named = |wish: &String| chapter.folder.contains(wish.as_str());
        if wish.as_ref().is_none_or(named) {
            measure(&chapter, &watched, &plain);
        }
    }
}

struct Chapter {
    folder: String,
    file: PathBuf,
    answer: String,
    target: String,
    /// The steps before the last one that is not the learner's own test.
    before: Vec<String>,
}

fn measure(chapter: &Chapter, watched: &Path, plain: &Path) {
    // The learner stands at the last step, with everything written: all tests run.
    let id = chapter.folder.split_once('-').map_or("", |(_, id)| id);
    let mut journal = fs::OpenOptions::new()
        .append(true)
        .open(watched.join("my/journal.jsonl"))
        .expect("the journal");
    for (step, event) in
        (chapter.before.iter().map(|step| (step.as_str(), "done"))).chain([("", "start")])
    {
        let time = "2026-01-01T00:00:00Z";
        writeln!(
            journal,
            r#"{{"time":"{time}","chapter":"{id}","step":"{step}","event":"{event}"}}"#
        )
        .expect("the journal");
    }
    for copy in [watched, plain] {
        save(chapter, copy, 0);
    }
    let (mut runner, verdicts) = watch(watched);
    verdicts.recv_timeout(GUARD).expect("a first verdict");
    cargo_test(chapter, plain);
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for number in 1..=SAVES + WARM_UP {
        save(chapter, watched, number);
        let started = Instant::now();
        verdicts.recv_timeout(GUARD).expect("a verdict");
        ours.push(started.elapsed());
        save(chapter, plain, number);
        let started = Instant::now();
        cargo_test(chapter, plain);
        theirs.push(started.elapsed());
    }
    runner.kill().expect("the runner stops");
    runner.wait().expect("the runner stopped");
    let (ours, theirs) = (median(ours), median(theirs));
    println!(
        "{:<20} {:>11} ms {:>11} ms {:>7.2}",
        chapter.folder,
        ours.as_millis(),
        theirs.as_millis(),
        ours.as_secs_f64() / theirs.as_secs_f64()
    );
}

/// Saves the answer with one function that is new each time.
fn save(chapter: &Chapter, copy: &Path, number: usize) {
    let text = format!(
        "{}\npub fn save() -> usize {{\n    {number}\n}}\n",
        chapter.answer
    );
    fs::write(copy.join(&chapter.file), text).expect("a save");
}

/// Starts the runner; a message comes for each verdict that it prints.
fn watch(copy: &Path) -> (Child, Receiver<()>) {
    let mut command = lesson(copy);
    let mut child = command
        .arg("--watch")
        .stdout(Stdio::piped())
        .spawn()
        .expect("the runner");
    let stdout = child.stdout.take().expect("its output");
    let (tell, verdicts) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            assert!(!line.starts_with('✗'), "the answer is green: {line}");
            if line.starts_with('✓') && tell.send(()).is_err() {
                return;
            }
        }
    });
    (child, verdicts)
}

fn cargo_test(chapter: &Chapter, copy: &Path) {
    let mut command = Command::new(env!("CARGO"));
    command
        .current_dir(copy)
        .args(["test", "--no-default-features", "--features", "mine"]);
    command.args(["--test", &chapter.target]);
    run(command);
}

fn lesson(copy: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lesson"));
    command.arg("--root").arg(copy).current_dir(copy);
    command
}

/// Runs a command to its end with nothing printed. The tests that the learner
/// has not written yet fail, so its exit code says nothing.
fn run(mut command: Command) {
    command.env_remove("CARGO_TARGET_DIR").stdin(Stdio::null());
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command.status().expect("a command that starts");
}

fn chapters(copy: &Path) -> Vec<Chapter> {
    let output = lesson(copy)
        .args(["list", "--json"])
        .output()
        .expect("the list");
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).expect("the list is JSON");
    let chapters = json["chapters"].as_array().expect("chapters").iter();
    let chapters = chapters.map(|chapter| {
        let text = |key: &str| chapter[key].as_str().unwrap_or_default().to_string();
        let (folder, file) = (text("chapter"), PathBuf::from(text("file")));
        let answer = Path::new("src").join(file.strip_prefix("my").expect("a file in my/"));
        let steps = chapter["steps"].as_array().expect("steps").iter();
        let mut before: Vec<String> = steps
            .filter_map(|step| step.as_str())
            .filter(|step| step.starts_with("step_"))
            .map(String::from)
            .collect();
        before.pop();
        Chapter {
            target: format!("ch{}", folder.replace('-', "_")),
            answer: fs::read_to_string(copy.join(answer)).expect("an answer"),
            folder,
            file,
            before,
        }
    });
    chapters.collect()
}

fn median(mut times: Vec<Duration>) -> Duration {
    let mut times = times.split_off(WARM_UP);
    times.sort();
    times[times.len() / 2]
}

fn copy_all(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder").flatten() {
        let (path, copy) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copy_all(&path, &copy);
        } else {
            fs::copy(&path, &copy).expect("a copy");
        }
    }
}

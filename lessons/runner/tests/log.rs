//! `lesson log` on a copy of the tiny course, with journals written here.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A copy of the tiny course, and what is run in it.
struct Copy(PathBuf);

impl Copy {
    fn new(name: &str) -> Copy {
        let folder = format!("log of {} {name}", std::process::id());
        let copy = Path::new(env!("CARGO_TARGET_TMPDIR")).join(folder);
        copy_all(
            &Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/course"),
            &copy,
        );
        Copy(copy)
    }

    fn with_journal(name: &str, journal: &str) -> Copy {
        let copy = Copy::new(name);
        fs::create_dir_all(copy.0.join("my")).unwrap();
        fs::write(copy.journal(), journal).unwrap();
        copy
    }

    fn journal(&self) -> PathBuf {
        self.0.join("my/journal.jsonl")
    }

    fn lesson(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lesson"));
        command
            .args(arguments)
            .arg("--root")
            .arg(&self.0)
            .current_dir(&self.0)
            .stdin(Stdio::null())
            .env("NO_COLOR", "1")
            .env_remove("CARGO_TARGET_DIR")
            .output()
            .unwrap()
    }

    /// What a command that ends well prints.
    fn prints(&self, arguments: &[&str]) -> String {
        let output = self.lesson(arguments);
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}

fn copy_all(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (path, copy) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copy_all(&path, &copy);
        } else {
            fs::copy(&path, &copy).unwrap();
        }
    }
}

/// The runs of a journal: verdict and code.
fn runs(journal: &str) -> Vec<(String, String)> {
    let entries = journal
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let runs = entries.filter(|entry| entry["event"] == "run");
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_string();
    runs.map(|entry| (text(&entry["verdict"]), text(&entry["code"])))
        .collect()
}

#[test]
fn a_run_is_written_down_when_the_code_changed_and_only_then() {
    let copy = Copy::new("runs");
    copy.prints(&["start", "01"]);
    let first = fs::read_to_string(copy.journal()).unwrap();
    copy.prints(&[]);
    let second = fs::read_to_string(copy.journal()).unwrap();
    assert_eq!(first, second, "looking again is no run");

    let mine = copy.0.join("my/broken.rs");
    let code = fs::read_to_string(&mine).unwrap();
    fs::write(&mine, format!("// Tidier.\n{code}")).unwrap();
    copy.prints(&[]);
    let third = runs(&fs::read_to_string(copy.journal()).unwrap());
    let [before, after] = &third[..] else {
        panic!("two runs: {third:?}")
    };
    assert_eq!(before.0, after.0, "the same verdict");
    assert_ne!(before.1, after.1, "on other code");
    assert!(third.iter().all(|(_, code)| code.len() == 16), "{third:?}");
}

/// An evening: two reds, a hint, green, tidied up; then a step that was green
/// at once, after supper; and two lines that are no entries.
const EVENING: &str = r#"{"time":"2026-01-01T17:00:00Z","chapter":"words","step":"","event":"made"}
{"time":"2026-01-01T18:00:00Z","chapter":"words","step":"step_1","event":"run","verdict":"red, not written yet","test":"step_1::right","code":"1"}
{"time":"2026-01-01T18:04:00Z","chapter":"words","step":"step_1","event":"run","verdict":"does not compile","code":"2"}
{"time":"2026-01-01T18:05:00Z","chapter":"words","step":"step_1","event":"run","verdict":"red, wrong answer","test":"step_1::right","code":"3"}
{"time":"2026-01-01T18:08:00Z","chapter":"words","step":"step_1","event":"hint"}
{"time":"2026-01-01T18:10:00Z","chapter":"words","step":"step_1","event":"run","verdict":"green","code":"4"}
{"time":"2026-01-01T18:11:30Z","chapter":"words","step":"step_1","event":"run","verdict":"green","code":"5"}
{"time":"2026-01-01T19:30:00Z","chapter":"words","step":"step_1","event":"done"}
{"time":"2026-01-01T19:30:00Z","chapter":"words","step":"your_tests","event":"run","verdict":"green","code":"5"}
{"time":"2026-01-01T19:30:20Z","chapter":"words","step":"your_tests","event":"done"}
{"time":"2026-01-01T19:30:2
{"time":"yesterday","chapter":"words","step":"your_tests","event":"hint"}
"#;

const EVENING_TOLD: &str = "\
00 · words: one exercise for each
step     red   green  hints  runs
   1  10 min   1 min      1     5  RxRGT  Each word once
   2     0 s    20 s      0     1  G      Yours
Step 2 was green at its first run: was its test ever red? Break the code once and look.

R red   G green   T tidied up   x did not compile   s tidying skipped   | begun anew
A run's colour lasts until the next entry. More than 30 minutes is a pause,
not work: 1 was left out.
2 lines of my/journal.jsonl are no entries and were passed over.
";

#[test]
fn an_evening_is_told_in_a_line_for_each_step() {
    let copy = Copy::with_journal("evening", EVENING);
    assert_eq!(copy.prints(&["log"]), EVENING_TOLD);
    assert_eq!(copy.prints(&["log", "words"]), EVENING_TOLD);
}

#[test]
fn the_letters_stay_where_there_are_colours() {
    let copy = Copy::with_journal("colours", EVENING);
    let text = copy.prints(&["log", "--color", "always"]);
    assert!(text.contains("\x1b[41mR\x1b[0m"), "{text:?}");
    let mut plain = String::new();
    for (at, part) in text.split("\x1b[").enumerate() {
        let part = if at == 0 {
            part
        } else {
            part.split_once('m').unwrap().1
        };
        plain += part;
    }
    assert_eq!(plain, EVENING_TOLD);
}

#[test]
fn without_a_run_one_sentence_says_what_to_do() {
    let sentence = "The journal is empty: run `cargo lesson`, save your file, and each verdict will stand here.\n";
    assert_eq!(Copy::new("missing").prints(&["log"]), sentence);
    let empty = Copy::with_journal("empty", "");
    assert_eq!(empty.prints(&["log"]), sentence);
    let output = empty.lesson(&["log", "--svg", "log.svg"]);
    assert_eq!(output.status.code(), Some(3));
    assert!(!empty.0.join("log.svg").exists(), "nothing to draw");
    let elsewhere = Copy::with_journal("elsewhere", EVENING);
    assert_eq!(
        elsewhere.prints(&["log", "01"]),
        "Nothing was run in chapter 01 yet: `cargo lesson start 01` goes there, and each verdict will stand here.\n\
         2 lines of my/journal.jsonl are no entries and were passed over.\n"
    );
}

#[test]
fn machines_read_the_same_numbers() {
    let copy = Copy::with_journal("json", EVENING);
    let json: serde_json::Value = serde_json::from_str(&copy.prints(&["log", "--json"])).unwrap();
    let step = &json["chapters"][0]["steps"][0];
    assert_eq!(
        step["marks"],
        serde_json::json!(["red", "broken", "red", "green", "tidied"])
    );
    assert_eq!(
        (&step["red_seconds"], &step["green_seconds"]),
        (&600.into(), &90.into())
    );
    assert_eq!(
        (&step["hints"], &step["seen_red"]),
        (&1.into(), &true.into())
    );
    assert_eq!(json["chapters"][0]["pauses"], 1);
    assert_eq!(json["broken_lines"], 2);
    let nothing = Copy::new("no json").prints(&["log", "--json"]);
    let nothing: serde_json::Value = serde_json::from_str(&nothing).unwrap();
    assert_eq!(nothing["chapters"], serde_json::json!([]));
}

/// The texts of a picture, all its elements balanced and all its signs escaped.
fn texts(picture: &str) -> Vec<String> {
    let (mut open, mut texts) = (Vec::new(), Vec::new());
    for part in picture.split('<').skip(1) {
        let (tag, text) = part
            .split_once('>')
            .unwrap_or_else(|| panic!("no > in {part:?}"));
        assert!(!text.contains('>'), "{text:?} is not escaped");
        for reference in text.split('&').skip(1) {
            let known = ["amp;", "lt;", "gt;", "quot;", "#39;"];
            assert!(
                known.iter().any(|known| reference.starts_with(known)),
                "&{reference}"
            );
        }
        assert_eq!(tag.matches('"').count() % 2, 0, "quotes in <{tag}>");
        let name = tag.split_whitespace().next().unwrap();
        match name.strip_prefix('/') {
            Some(name) => assert_eq!(open.pop(), Some(name), "what is closed is what was open"),
            None if name == "!--" || tag.ends_with('/') => {}
            None => open.push(name),
        }
        texts.push(text.to_string());
    }
    assert_eq!(open, Vec::<&str>::new(), "all is closed");
    texts
}

#[test]
fn a_picture_is_whole_and_shows_a_strange_title_as_it_is() {
    let copy = Copy::with_journal("svg", EVENING);
    let lesson = copy.0.join("lessons/00-words/lesson.toml");
    let toml = fs::read_to_string(&lesson).unwrap();
    let strange = toml.replace("\"Each word once\"", r#"'a < b && "c" > d'"#);
    fs::write(&lesson, strange).unwrap();
    let picture = copy.prints(&["log", "--svg", "-"]);
    assert!(
        picture.starts_with("<!-- drawn by cargo lesson log"),
        "{picture}"
    );
    assert!(picture.ends_with("</svg>\n"), "{picture}");
    let texts = texts(&picture);
    let has = |wanted: &str| texts.iter().any(|text| text == wanted);
    assert!(
        has("1 · a &lt; b &amp;&amp; &quot;c&quot; &gt; d"),
        "{texts:?}"
    );
    assert!(
        has("5 runs · red 10 min · green 1 min · 1 hint"),
        "{texts:?}"
    );
    assert!(has("The rhythm of red and green"), "a title");
    assert!(
        texts.iter().any(|text| text.contains("step 1: RxRGT")),
        "words for it"
    );
    assert!(
        !picture.contains("href") && !picture.contains("url("),
        "it needs nothing else"
    );
}

#[test]
fn a_picture_goes_over_a_picture_and_over_nothing_else() {
    let copy = Copy::with_journal("files", EVENING);
    let said = copy.prints(&["log", "--svg", "log.svg"]);
    assert_eq!(said, "The picture is in log.svg.\n");
    let picture = fs::read_to_string(copy.0.join("log.svg")).unwrap();
    assert_eq!(picture, copy.prints(&["log", "--svg", "-"]));

    let longer = format!("{picture}{}", " ".repeat(99));
    fs::write(copy.0.join("log.svg"), longer).unwrap();
    copy.prints(&["log", "--svg", "log.svg"]);
    let again = fs::read_to_string(copy.0.join("log.svg")).unwrap();
    assert_eq!(again, picture, "nothing of the old one is left");

    for (name, theirs) in [("mine.svg", "<svg/>"), ("empty.svg", "")] {
        fs::write(copy.0.join(name), theirs).unwrap();
        let output = copy.lesson(&["log", "--svg", name]);
        assert_eq!(output.status.code(), Some(2));
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(
            said.contains(name) && said.contains("stays as it is"),
            "{said}"
        );
        assert_eq!(fs::read_to_string(copy.0.join(name)).unwrap(), theirs);
    }
    let journal = fs::read_to_string(copy.journal()).unwrap();
    assert_eq!(journal, EVENING, "looking at the log is no entry");
}

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
    copy.prints(&[]);
    let first = fs::read_to_string(copy.journal()).unwrap();
    copy.prints(&[]);
    let second = fs::read_to_string(copy.journal()).unwrap();
    assert_eq!(first, second, "looking again is no run");

    let mine = copy.0.join("my/words.rs");
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

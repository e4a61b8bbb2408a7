//! Copies of the tiny course, and the runner on one of them.
#![allow(dead_code)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Copies the tiny course to a folder whose name no shell script would survive.
pub fn copy_of_the_course(name: &str) -> PathBuf {
    copy_of("course", name)
}

/// Copies one of the tiny courses, `name` telling the copies apart.
pub fn copy_of(course: &str, name: &str) -> PathBuf {
    let folder = format!("一 {course} of {}{name}", std::process::id());
    let copy = Path::new(env!("CARGO_TARGET_TMPDIR")).join(folder);
    let courses = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    copy_all(&courses.join(course), &copy);
    copy
}

pub fn copy_all(from: &Path, to: &Path) {
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

/// The runner, about to be started in `folder`.
pub fn runner(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lesson"));
    let mark = format!("{} {}", std::process::id(), arguments.concat());
    command.env("MARK", mark).args(arguments);
    command.arg("--root").arg(folder);
    command
        .env_remove("CARGO_TARGET_DIR")
        .env_remove("NO_COLOR");
    command
}

/// A tiny course of which a program is a part; gone with the test.
pub struct Program(pub PathBuf);

impl Program {
    pub fn new(name: &str) -> Program {
        Program(copy_of("program", name))
    }

    /// Lays a file of the learner's, the answer key's with `find` changed.
    #[track_caller]
    pub fn begin(&self, module: &str, find: &str, replace: &str) {
        let key = self.read(&format!("src/{module}.rs"));
        assert!(key.contains(find), "no {find:?} in\n{key}");
        self.write(&format!("my/{module}.rs"), &key.replacen(find, replace, 1));
        let name = module.rsplit('/').next().unwrap();
        let tests = format!("my/tests/{name}.rs");
        if !self.0.join(&tests).exists() {
            self.write(&tests, "// Nothing yet.\n");
        }
    }

    pub fn read(&self, file: &str) -> String {
        fs::read_to_string(self.0.join(file)).unwrap()
    }

    pub fn write(&self, file: &str, text: &str) {
        let path = self.0.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub fn lesson(&self, arguments: &[&str]) -> (i32, String) {
        let output = runner(&self.0, arguments).output().unwrap();
        (output.status.code().unwrap_or(-1), text(&output))
    }

    /// What the runner printed as JSON.
    #[track_caller]
    pub fn json(&self, arguments: &[&str]) -> (i32, serde_json::Value) {
        let output = runner(&self.0, arguments).arg("--json").output().unwrap();
        let json = serde_json::from_slice(&output.stdout);
        let json = json.unwrap_or_else(|error| panic!("{error} in\n{}", text(&output)));
        (output.status.code().unwrap_or(-1), json)
    }

    /// The texts of a folder's files, each with its path, sorted.
    pub fn texts(&self, folder: &str) -> Vec<(PathBuf, String)> {
        fn walk(folder: &Path, texts: &mut Vec<(PathBuf, String)>) {
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                match entry.path() {
                    path if path.is_dir() => walk(&path, texts),
                    path => texts.push((path.clone(), fs::read_to_string(path).unwrap())),
                }
            }
        }
        let mut texts = Vec::new();
        walk(&self.0.join(folder), &mut texts);
        texts.sort();
        texts
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}

#[track_caller]
pub fn says(text: &str, what: &str) {
    assert!(text.contains(what), "no {what:?} in\n{text}");
}

/// All that it said, standard output first.
pub fn text(output: &Output) -> String {
    let (out, error) = (&output.stdout, &output.stderr);
    String::from_utf8_lossy(out).into_owned() + &String::from_utf8_lossy(error)
}

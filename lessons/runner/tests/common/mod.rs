//! Copies of the tiny course, and the runner on one of them.
#![allow(dead_code)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Copies the tiny course to a folder whose name no shell script would survive.
pub fn copy_of_the_course(name: &str) -> PathBuf {
    let folder = format!("一 course of {}{name}", std::process::id());
    let copy = Path::new(env!("CARGO_TARGET_TMPDIR")).join(folder);
    copy_all(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/course"),
        &copy,
    );
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

/// All that it said, standard output first.
pub fn text(output: &Output) -> String {
    let (out, error) = (&output.stdout, &output.stderr);
    String::from_utf8_lossy(out).into_owned() + &String::from_utf8_lossy(error)
}

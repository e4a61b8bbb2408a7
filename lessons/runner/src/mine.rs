//! The learner's files. We make them once, from the starters, and put them
//! back when asked to; what is replaced stays beside it, dated.

use crate::course::{Chapter, Course};
use crate::journal::{Entry, Event, Journal};
use crate::trouble::{Result, Trouble};
use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Makes the files of each chapter that has none yet and never had.
pub fn make(course: &Course, journal: &mut Journal) -> Result<usize> {
    let mut made = 0;
    for chapter in &course.chapters {
        if journal.was_made(chapter.id()) {
            continue;
        }
        for (file, starter) in pairs(chapter) {
            made += usize::from(lay(course, &file, &starter)?);
        }
        journal.add(Entry::new(chapter.id(), "", Event::Made))?;
    }
    Ok(made)
}

/// The learner's files, each beside the starter that it begins with.
fn pairs(chapter: &Chapter) -> [(PathBuf, PathBuf); 2] {
    [
        (chapter.mine(), chapter.part("starter.rs")),
        (chapter.my_tests(), chapter.part("starter_tests.rs")),
    ]
}

/// Writes a starter to a place where nothing is. What is there stays.
fn lay(course: &Course, file: &Path, starter: &Path) -> Result<bool> {
    let (path, starter) = (course.root.join(file), course.root.join(starter));
    let text = fs::read(&starter).map_err(|error| Trouble::file("read", &starter, error))?;
    let folder = path.parent().unwrap_or(&path);
    fs::create_dir_all(folder).map_err(|error| Trouble::file("create", folder, error))?;
    let created = OpenOptions::new().write(true).create_new(true).open(&path);
    let mut created = match created {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => return Ok(false),
        created => created.map_err(|error| Trouble::file("write", &path, error))?,
    };
    let written = created.write_all(&text).and_then(|()| created.sync_all());
    written.map_err(|error| {
        // Half a starter would pass for the learner's own.
        fs::remove_file(&path).ok();
        Trouble::file("write", &path, error)
    })?;
    Ok(true)
}

/// Reads a learner's file, or says what is wrong with it and what to do.
pub fn read(course: &Course, chapter: &Chapter, file: &Path) -> Result<String> {
    let path = course.root.join(file);
    let name = course.short(&path);
    let bytes = fs::read(&path).map_err(|error| match error.kind() {
        ErrorKind::NotFound => Trouble::course(format!(
            "{name} is missing: bring it back with your editor, or run `cargo lesson reset {}`, which lays the starter there",
            chapter.id()
        )),
        _ => Trouble::file("read", &path, error),
    })?;
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(Trouble::course(format!(
            "{name} is empty: undo in your editor, or run `cargo lesson reset {}`, which lays the starter there",
            chapter.id()
        )));
    }
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let line = 1 + error.as_bytes()[..valid]
            .iter()
            .filter(|byte| **byte == b'\n')
            .count();
        Trouble::course(format!(
            "{name} is not UTF-8: the first wrong byte is in line {line}; save the file as UTF-8"
        ))
    })
}

/// The learner's files as they are; one that cannot be read is empty.
pub fn texts(course: &Course, chapter: &Chapter) -> [Vec<u8>; 2] {
    [chapter.mine(), chapter.my_tests()]
        .map(|file| fs::read(course.root.join(file)).unwrap_or_default())
}

/// Whether the learner has changed the chapter's file since it was laid.
pub fn is_begun(course: &Course, chapter: &Chapter) -> bool {
    pairs(chapter).iter().any(|(file, starter)| {
        let mine = fs::read(course.root.join(file));
        mine.is_ok_and(|mine| {
            fs::read(course.root.join(starter)).is_ok_and(|starter| starter != mine)
        })
    })
}

/// Lays the starter again. What was there is kept beside it; says where.
pub fn reset(course: &Course, chapter: &Chapter, tests_too: bool) -> Result<Vec<PathBuf>> {
    let mut kept = Vec::new();
    for (file, starter) in pairs(chapter)
        .into_iter()
        .take(if tests_too { 2 } else { 1 })
    {
        let path = course.root.join(&file);
        if path.exists() {
            let copy = dated(&path);
            fs::rename(&path, &copy).map_err(|error| Trouble::file("rename", &path, error))?;
            if let Err(trouble) = lay(course, &file, &starter) {
                // Without room for the starter, the learner's file goes back.
                fs::rename(&copy, &path).ok();
                return Err(trouble);
            }
            kept.push(copy);
        } else {
            lay(course, &file, &starter)?;
        }
    }
    Ok(kept)
}

/// `my/socket/bind.rs` as `my/socket/bind.2026-11-22T18-30-05Z.rs`, or the
/// next name that nothing has.
fn dated(path: &Path) -> PathBuf {
    let now = humantime::format_rfc3339_seconds(SystemTime::now());
    let now = now.to_string().replace(':', "-");
    let stem = path
        .file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let names = (0..).map(|count| match count {
        0 => format!("{stem}.{now}.rs"),
        count => format!("{stem}.{now}.{count}.rs"),
    });
    let mut paths = names.map(|name| path.with_file_name(name));
    paths.find(|path| !path.exists()).unwrap_or_default()
}

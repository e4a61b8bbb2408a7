//! The learner's files. We make them once, from the starters, and put them
//! back when asked to; what is replaced stays beside it, dated.

use crate::course::{Chapter, Course};
use crate::journal::{Entry, Event, Journal};
use crate::trouble::{Result, Trouble};
use std::fs::{self, File};
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

/// Lays a starter in a place where nothing is. What is there stays.
fn lay(course: &Course, file: &Path, starter: &Path) -> Result<bool> {
    let path = course.root.join(file);
    if is_there(&path) {
        return Ok(false);
    }
    let whole = write_beside(course, &path, starter)?;
    let linked = fs::hard_link(&whole, &path);
    let laid = match linked {
        // Some file systems have no links.
        Err(_) if !is_there(&path) => fs::rename(&whole, &path).map(|()| true),
        linked => Ok(linked.is_ok()),
    };
    fs::remove_file(&whole).ok();
    laid.map_err(|error| Trouble::file("write", &path, error))
}

/// A link that leads nowhere is there, too.
fn is_there(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

/// Writes a starter under another name beside `path`, whole: half a starter
/// would pass for the learner's own.
fn write_beside(course: &Course, path: &Path, starter: &Path) -> Result<PathBuf> {
    let starter = course.root.join(starter);
    let text = fs::read(&starter).map_err(|error| Trouble::file("read", &starter, error))?;
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder).map_err(|error| Trouble::file("create", folder, error))?;
    let whole = path.with_extension(format!("rs.{}", std::process::id()));
    let written = File::create(&whole).and_then(|mut file| {
        file.write_all(&text)?;
        file.sync_all()
    });
    written.map_err(|error| {
        fs::remove_file(&whole).ok();
        Trouble::file("write", path, error)
    })?;
    Ok(whole)
}

/// Reads a learner's file, or says what is wrong with it and what to do.
pub fn read(course: &Course, chapter: &Chapter, file: &Path) -> Result<String> {
    let path = course.root.join(file);
    let name = course.short(&path);
    // To lay the starter of the tests must not cost the code.
    let lay = match *file == chapter.my_tests() {
        true => format!(
            "copy {} there",
            course.short(&chapter.part("starter_tests.rs"))
        ),
        false => format!(
            "run `cargo lesson reset {}`, which lays the starter there",
            chapter.id()
        ),
    };
    let bytes = fs::read(&path).map_err(|error| match error.kind() {
        ErrorKind::NotFound => Trouble::course(format!(
            "{name} is missing: bring it back with your editor, or {lay}"
        )),
        _ => Trouble::file("read", &path, error),
    })?;
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    if text.iter().all(u8::is_ascii_whitespace) {
        return Err(Trouble::course(format!(
            "{name} is empty: undo in your editor, or {lay}"
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

/// Whether the learner has written code in the chapter; tests alone are none.
pub fn code_is_begun(course: &Course, chapter: &Chapter) -> bool {
    let starter = fs::read(course.root.join(chapter.part("starter.rs")));
    let mine = fs::read(course.root.join(chapter.mine()));
    mine.is_ok_and(|mine| starter.is_ok_and(|starter| starter != mine))
}

/// Lays the starter again, and what is missing. What was there is kept beside
/// it; says where.
pub fn reset(course: &Course, chapter: &Chapter, tests_too: bool) -> Result<Vec<PathBuf>> {
    let mut kept = Vec::new();
    for (file, starter) in pairs(chapter) {
        let path = course.root.join(&file);
        let again = tests_too || file == chapter.mine();
        if !(again && is_there(&path)) {
            lay(course, &file, &starter)?;
            continue;
        }
        let whole = write_beside(course, &path, &starter)?;
        let copy = dated(&path);
        let moved = fs::rename(&path, &copy).and_then(|()| {
            // Where the starter cannot go there, the learner's file goes back.
            fs::rename(&whole, &path).inspect_err(|_| drop(fs::rename(&copy, &path)))
        });
        moved.map_err(|error| {
            fs::remove_file(&whole).ok();
            Trouble::file("rename", &path, error)
        })?;
        kept.push(copy);
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
    paths.find(|path| !is_there(path)).unwrap_or_default()
}

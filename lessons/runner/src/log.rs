//! `lesson log`: the rhythm of red and green, from the learner's journal.

use crate::course::Course;
use crate::journal::{Entry, Journal};
use crate::log_svg;
use crate::log_text;
use crate::rhythm::{PAUSE, Rhythm, reckon};
use crate::trouble::{Result, Trouble};
use serde_json::json;
use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::path::Path;
use std::time::SystemTime;

/// All that is told: the chapters that were worked in, and what was passed over.
pub struct Log {
    pub chapters: Vec<Rhythm>,
    /// Lines of the journal that are no entries.
    pub broken: usize,
}

impl Log {
    pub fn pauses(&self) -> usize {
        self.chapters.iter().map(|rhythm| rhythm.pauses).sum()
    }
}

pub fn log(course: &Course, wish: Option<&str>, svg: Option<&Path>, json: bool) -> Result<u8> {
    let chosen = course.chosen(wish)?;
    let journal = Journal::read(course);
    let (entries, undated) = dated(journal.entries);
    let rhythms = chosen.iter().map(|chapter| reckon(chapter, &entries));
    let log = Log {
        chapters: rhythms.filter(|rhythm| !rhythm.steps.is_empty()).collect(),
        broken: journal.broken + undated,
    };
    let to_stdout = svg == Some(Path::new("-"));
    if to_stdout && json {
        let sentence = "--svg - and --json both want standard output: name a file for the picture";
        return Err(Trouble::usage(sentence.to_string()));
    }
    if log.chapters.is_empty() && !json {
        let sentence = nothing_yet(wish.map(|_| chosen[0].number()));
        // A picture of nothing would pass for a picture.
        if svg.is_some() {
            return Err(Trouble::course(sentence));
        }
        say!("{sentence}");
        if let Some(sentence) = log_text::broken(&log) {
            say!("{sentence}");
        }
        return Ok(0);
    }
    match svg {
        Some(_) if to_stdout => say!("{}", log_svg::draw(&log).trim_end()),
        Some(path) => {
            write_picture(path, &log_svg::draw(&log))?;
            if !json {
                say!("The picture is in {}.", path.display());
            }
        }
        None if !json => say!("{}", log_text::draw(&log).trim_end()),
        None => {}
    }
    if json {
        say!(
            "{}",
            json!({
                "command": "log",
                "chapters": log.chapters,
                "pause_seconds": PAUSE.as_secs(),
                "broken_lines": log.broken,
            })
        );
    }
    Ok(0)
}

fn nothing_yet(chapter: Option<&str>) -> String {
    match chapter {
        Some(number) => format!(
            "Nothing was run in chapter {number} yet: `cargo lesson start {number}` goes there, and each verdict will stand here."
        ),
        None => "The journal is empty: run `cargo lesson`, save your file, and each verdict will stand here.".to_string(),
    }
}

/// The entries with their times, and how many have none that can be read.
fn dated(entries: Vec<Entry>) -> (Vec<(SystemTime, Entry)>, usize) {
    let all = entries.len();
    let dated: Vec<_> = (entries.into_iter())
        .filter_map(|entry| Some((humantime::parse_rfc3339(&entry.time).ok()?, entry)))
        .collect();
    let undated = all - dated.len();
    (dated, undated)
}

/// Writes the picture to a new file, or over one that we wrote ourselves.
fn write_picture(path: &Path, picture: &str) -> Result<()> {
    let trouble = |error: io::Error| Trouble::file("write", path, error);
    match OpenOptions::new().write(true).create_new(true).open(path) {
        Ok(mut file) => file.write_all(picture.as_bytes()).map_err(|error| {
            // Half a picture is not worth keeping.
            fs::remove_file(path).ok();
            trouble(error)
        }),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => over(path, picture),
        Err(error) => Err(trouble(error)),
    }
}

fn over(path: &Path, picture: &str) -> Result<()> {
    let trouble = |error: io::Error| Trouble::file("write", path, error);
    // A pipe would be waited for.
    let plain = fs::metadata(path).map_err(trouble)?.is_file();
    let mut head = vec![0; log_svg::MARK.len()];
    if plain {
        let mut file = (OpenOptions::new().read(true).open(path)).map_err(trouble)?;
        file.read_exact(&mut head).ok();
    }
    if head != log_svg::MARK.as_bytes() {
        return Err(Trouble::usage(format!(
            "{} is there already and no picture of `cargo lesson log`, so it stays as it is: name another file",
            path.display()
        )));
    }
    let mut file = (OpenOptions::new().write(true).open(path)).map_err(trouble)?;
    // The beginning stays ours at every moment, even if the disk is full.
    (file.write_all(picture.as_bytes()))
        .and_then(|()| file.set_len(picture.len() as u64))
        .map_err(trouble)
}

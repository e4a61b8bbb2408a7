//! What happened, a JSON line each, in `my/journal.jsonl`: append only, and
//! the learner's own. Where the learner is, follows from it.

use crate::course::{Chapter, Course};
use crate::trouble::{Result, Trouble};
use serde::{Deserialize, Serialize};
use std::fs::{self, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// The chapter's files were laid.
    Made,
    /// The learner went to the chapter.
    Start,
    /// A verdict.
    Run,
    /// The learner went on to the next step.
    Done,
    /// The learner went on without the refactoring.
    Skip,
    /// A hint was shown.
    Hint,
    /// The starter was laid again.
    Reset,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Entry {
    /// RFC 3339.
    pub time: String,
    /// The chapter's id, without its number.
    pub chapter: String,
    pub step: String,
    pub event: Event,
    /// Of a run: the word, and what the first failing test said.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub verdict: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub test: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// All tests that were not green.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failing: Vec<String>,
    /// Of a run: the fingerprint of the learner's files; older journals have none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub code: String,
}

impl Entry {
    pub fn new(chapter: &str, step: &str, event: Event) -> Entry {
        Entry {
            time: humantime::format_rfc3339_seconds(SystemTime::now()).to_string(),
            chapter: chapter.to_string(),
            step: step.to_string(),
            event,
            verdict: String::new(),
            test: String::new(),
            message: String::new(),
            failing: Vec::new(),
            code: String::new(),
        }
    }

    /// Whether two runs are one: the same verdict on the same code. The message
    /// may differ, for it may name a port.
    pub fn says_the_same(&self, other: &Entry) -> bool {
        let key = |entry: &Entry| {
            (
                entry.chapter.clone(),
                entry.step.clone(),
                entry.event,
                entry.verdict.clone(),
                entry.test.clone(),
                entry.code.clone(),
            )
        };
        key(self) == key(other)
    }
}

pub struct Journal {
    path: PathBuf,
    pub entries: Vec<Entry>,
    /// How many lines were none.
    pub broken: usize,
}

impl Journal {
    /// Reads the journal. A line that is none (half a line, after a crash) is passed over.
    pub fn read(course: &Course) -> Journal {
        let path = course.root.join("my/journal.jsonl");
        let text = fs::read(&path).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines = || text.lines().filter(|line| !line.trim().is_empty());
        let entries: Vec<Entry> = lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect();
        Journal {
            path,
            broken: lines().count() - entries.len(),
            entries,
        }
    }

    pub fn add(&mut self, entry: Entry) -> Result<()> {
        let line =
            serde_json::to_string(&entry).map_err(|error| Trouble::course(error.to_string()))?;
        let folder = self.path.parent().unwrap_or(&self.path);
        fs::create_dir_all(folder).map_err(|error| Trouble::file("create", folder, error))?;
        append(&self.path, &line).map_err(|error| Trouble::file("write", &self.path, error))?;
        self.entries.push(entry);
        Ok(())
    }

    /// Adds a run, unless the last entry says the same: looking again is not a run.
    pub fn add_run(&mut self, entry: Entry) -> Result<()> {
        match self.entries.last() {
            Some(last) if last.says_the_same(&entry) => Ok(()),
            _ => self.add(entry),
        }
    }

    /// How many runs in a row, up to the last, failed just these tests with this
    /// verdict.
    pub fn alike(&self, chapter: &str, step: &str, verdict: &str, failing: &[String]) -> usize {
        let runs = self.entries.iter().rev().filter(|entry| {
            entry.event == Event::Run && entry.chapter == chapter && entry.step == step
        });
        runs.take_while(|entry| entry.verdict == verdict && entry.failing == failing)
            .count()
    }

    pub fn was_made(&self, chapter: &str) -> bool {
        let made = |entry: &&Entry| entry.event == Event::Made && entry.chapter == chapter;
        self.entries.iter().find(made).is_some()
    }

    /// Whether the step was done since the chapter was last begun anew.
    pub fn is_done(&self, chapter: &Chapter, step: usize) -> bool {
        let id = &chapter.steps[step].id;
        let of_chapter = self
            .entries
            .iter()
            .filter(|entry| entry.chapter == chapter.id());
        let since = of_chapter
            .rev()
            .take_while(|entry| entry.event != Event::Reset);
        since
            .filter(|entry| matches!(entry.event, Event::Done | Event::Skip))
            .any(|entry| entry.step == *id)
    }

    /// How many steps of the chapter are done.
    pub fn done(&self, chapter: &Chapter) -> usize {
        (0..chapter.steps.len())
            .filter(|step| self.is_done(chapter, *step))
            .count()
    }

    /// Where the learner is: in the chapter that was started or worked in
    /// last, or where that is done in the next one that is not; `None` where
    /// all are.
    pub fn position(&self, course: &Course) -> Option<(usize, usize)> {
        let last = (self.entries.iter().rev())
            .find(|entry| {
                matches!(
                    entry.event,
                    Event::Start | Event::Done | Event::Skip | Event::Reset
                )
            })
            .and_then(|entry| course.chapters.iter().position(|c| c.id() == entry.chapter))
            .unwrap_or(0);
        let count = course.chapters.len();
        (0..count)
            .map(|ahead| (last + ahead) % count)
            .find_map(|chapter| {
                let steps = course.chapters[chapter].steps.len();
                let step =
                    (0..steps).find(|step| !self.is_done(&course.chapters[chapter], *step))?;
                Some((chapter, step))
            })
    }
}

/// Adds a line. Half a line (after a crash, or on a full disk) is ended first,
/// so that it does not take ours with it.
fn append(path: &Path, line: &str) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .read(true)
        .append(true)
        .create(true)
        .open(path)?;
    let mut last = [b'\n'];
    if file.seek(SeekFrom::End(-1)).is_ok() {
        file.read_exact(&mut last)?;
    }
    let start = if last == [b'\n'] { "" } else { "\n" };
    // One write: two runners never mix their lines.
    file.write_all(format!("{start}{line}\n").as_bytes())
}

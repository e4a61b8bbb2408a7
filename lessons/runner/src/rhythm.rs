//! The rhythm of red and green, reckoned from the journal's entries alone.

use crate::course::Chapter;
use crate::journal::{Entry, Event};
use serde::Serialize;
use std::time::{Duration, SystemTime};

/// A longer time between two entries is a pause, and no work.
pub const PAUSE: Duration = Duration::from_secs(30 * 60);

/// What a run was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Mark {
    Red,
    Green,
    /// Green after green, with other code: a refactoring.
    Tidied,
    /// It did not compile, or there was no file.
    Broken,
    /// No run: the learner went on without the refactoring.
    Skipped,
    /// No run: here the starter was laid again.
    Anew,
}

/// What the journal says about one step.
#[derive(Clone, Debug, Serialize)]
pub struct Turn {
    pub step: String,
    /// 1 for the chapter's first.
    pub number: usize,
    pub title: String,
    pub marks: Vec<Mark>,
    pub runs: usize,
    pub red_seconds: u64,
    pub green_seconds: u64,
    pub hints: usize,
    /// Whether a test of this very step was seen red.
    pub seen_red: bool,
    /// The last run, until the starter is laid again.
    #[serde(skip)]
    last: Option<Entry>,
}

/// What the journal says about one chapter: the steps that were worked in.
#[derive(Debug, Serialize)]
pub struct Rhythm {
    pub chapter: String,
    pub title: String,
    pub steps: Vec<Turn>,
    /// How many pauses were left out.
    pub pauses: usize,
}

impl Mark {
    fn of(verdict: &str) -> Mark {
        match verdict {
            "green" => Mark::Green,
            "no file" | "does not compile" => Mark::Broken,
            _ => Mark::Red,
        }
    }

    pub fn is_green(self) -> bool {
        matches!(self, Mark::Green | Mark::Tidied)
    }
}

impl Turn {
    fn new(chapter: &Chapter, at: usize) -> Turn {
        Turn {
            step: chapter.steps[at].id.clone(),
            number: at + 1,
            title: chapter.steps[at].title.clone(),
            marks: Vec::new(),
            runs: 0,
            red_seconds: 0,
            green_seconds: 0,
            hints: 0,
            seen_red: false,
            last: None,
        }
    }

    /// Takes a run, unless it was only another look.
    fn run(&mut self, entry: &Entry) {
        let last = self.last.replace(entry.clone());
        if last
            .as_ref()
            .is_some_and(|last| is_another_look(last, entry))
        {
            return;
        }
        let mark = match (&last, Mark::of(&entry.verdict)) {
            (None, mark) if !self.marks.is_empty() => {
                self.marks.push(Mark::Anew);
                mark
            }
            (Some(last), Mark::Green) if is_tidied(last, entry) => Mark::Tidied,
            (_, mark) => mark,
        };
        self.marks.push(mark);
        self.runs += 1;
    }

    pub fn went_green(&self) -> bool {
        self.marks.contains(&Mark::Green)
    }

    /// Went green, and no test of its own was ever seen red.
    pub fn is_doubtful(&self) -> bool {
        self.went_green() && !self.seen_red
    }
}

fn is_another_look(last: &Entry, entry: &Entry) -> bool {
    !entry.code.is_empty() && last.says_the_same(entry)
}

fn is_tidied(last: &Entry, entry: &Entry) -> bool {
    let known = !last.code.is_empty() && !entry.code.is_empty();
    Mark::of(&last.verdict) == Mark::Green && known && last.code != entry.code
}

/// Reckons the rhythm of one chapter. The entries are those of the whole
/// journal, each with its time: work elsewhere ends the work here.
pub fn reckon(chapter: &Chapter, entries: &[(SystemTime, Entry)]) -> Rhythm {
    let mut steps: Vec<Turn> = (0..chapter.steps.len())
        .map(|at| Turn::new(chapter, at))
        .collect();
    let mut pauses = 0;
    // The step whose colour lasts, that colour, and since when.
    let mut lasts: Option<(usize, Mark, SystemTime)> = None;
    for (time, entry) in entries {
        if let Some((at, mark, since)) = lasts {
            // A clock that was put back gives no time.
            let passed = time.duration_since(since).unwrap_or_default();
            match (passed > PAUSE, mark.is_green()) {
                (true, _) => pauses += 1,
                (false, true) => steps[at].green_seconds += passed.as_secs(),
                (false, false) => steps[at].red_seconds += passed.as_secs(),
            }
            lasts = Some((at, mark, *time));
        }
        if entry.chapter != chapter.id() {
            if matches!(entry.event, Event::Start | Event::Run) {
                lasts = None;
            }
            continue;
        }
        let at = steps.iter().position(|turn| turn.step == entry.step);
        match (entry.event, at) {
            (Event::Run, Some(at)) => {
                see_red(chapter, &mut steps, at, entry);
                steps[at].run(entry);
                lasts = Some((at, Mark::of(&entry.verdict), *time));
            }
            (Event::Hint, Some(at)) => steps[at].hints += 1,
            (Event::Reset, _) => {
                steps.iter_mut().for_each(|turn| turn.last = None);
                lasts = None;
            }
            (Event::Skip, Some(at)) => {
                steps[at].marks.push(Mark::Skipped);
                lasts = None;
            }
            (Event::Done | Event::Start | Event::Skip, _) => lasts = None,
            (Event::Run | Event::Hint | Event::Made, _) => {}
        }
    }
    steps.retain(|turn| turn.runs + turn.hints > 0);
    Rhythm {
        chapter: chapter.folder.clone(),
        title: chapter.title.clone(),
        steps,
        pauses,
    }
}

/// Notes whose test was red: a run at one step may show a test of an earlier one.
fn see_red(chapter: &Chapter, steps: &mut [Turn], at: usize, entry: &Entry) {
    if Mark::of(&entry.verdict) == Mark::Red {
        let tests = entry.failing.iter().chain([&entry.test]);
        let whose = tests.filter_map(|test| chapter.step_of(test));
        // Without a test, it is the learner's own that proves nothing yet.
        let own = entry.test.is_empty().then_some(at);
        for whose in whose.chain(own) {
            steps[whose].seen_red = true;
        }
    }
}

#[cfg(test)]
#[path = "rhythm_tests.rs"]
mod tests;

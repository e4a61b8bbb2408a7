//! The refactor gate: after green, and before the next step.

use crate::course::{Chapter, Course};
use crate::green::Whose;
use crate::refactor;
use crate::trouble::Result;
use console::style;
use similar::{ChangeTag, TextDiff};
use std::fs;

/// How many lines of the difference are shown.
const LINES: usize = 16;

/// The files as they were when the step went green.
#[derive(Clone, Default)]
pub struct Since {
    pub code: String,
    tests: Vec<u8>,
}

/// What stands between the step and the next one.
pub struct Gate {
    pub objections: Vec<(String, String)>,
}

impl Gate {
    pub fn is_open(&self) -> bool {
        self.objections.is_empty()
    }
}

impl Since {
    /// Takes down the files as they are now.
    pub fn now(course: &Course, chapter: &Chapter) -> Since {
        let read = |path| fs::read(course.root.join(path)).unwrap_or_default();
        Since {
            code: String::from_utf8_lossy(&read(chapter.mine())).into_owned(),
            tests: read(chapter.tests()),
        }
    }

    /// How many lines came and went, or nothing where none did.
    pub fn size(&self, now: &Since) -> Option<String> {
        let (mut came, mut went) = (0, 0);
        for change in TextDiff::from_lines(self.code.as_str(), now.code.as_str()).iter_all_changes()
        {
            match change.tag() {
                ChangeTag::Insert => came += 1,
                ChangeTag::Delete => went += 1,
                ChangeTag::Equal => {}
            }
        }
        (came + went > 0).then(|| format!("since green: +{came} −{went} lines"))
    }

    /// The lines that came and went, the first of them.
    pub fn difference(&self, now: &Since) -> String {
        let diff = TextDiff::from_lines(self.code.as_str(), now.code.as_str());
        let changes = diff.iter_all_changes().filter_map(|change| {
            let line = change.value().trim_end();
            match change.tag() {
                ChangeTag::Delete => Some(style(format!("- {line}")).red().to_string()),
                ChangeTag::Insert => Some(style(format!("+ {line}")).green().to_string()),
                ChangeTag::Equal => None,
            }
        });
        let mut lines: Vec<String> = changes.collect();
        let more = lines.len().saturating_sub(LINES);
        lines.truncate(LINES);
        if more > 0 {
            lines.push(format!("… {more} more lines"));
        }
        lines.join("\n")
    }
}

/// Looks at what a verdict does not: the tests as before, rustfmt, clippy.
pub fn look(course: &Course, chapter: &Chapter, since: &Since) -> Result<Gate> {
    let mut objections = Vec::new();
    if Since::now(course, chapter).tests != since.tests {
        let tests = course.short(&chapter.tests());
        let what =
            format!("{tests} is not what it was at green: a refactoring leaves the tests alone");
        objections.push((what, String::new()));
    }
    for file in [chapter.mine(), chapter.my_tests()] {
        if let Some(diff) = refactor::unformatted(course, &file)? {
            let name = course.short(&file);
            objections.push((
                format!("not formatted: `rustfmt --edition 2024 {name}`"),
                diff,
            ));
        }
    }
    if let Some(text) = refactor::lints(course, chapter, Whose::Mine)? {
        objections.push(("clippy has something to say".to_string(), text));
    }
    Ok(Gate { objections })
}

//! A learner's own test, graded: on the answer key, on the variants, on the
//! starter and on the planted bugs.

use crate::compile::Running;
use crate::course::{Chapter, Course, Step};
use crate::mine;
use crate::stage::{Case, Stage, Tried, read};
use crate::trouble::Result;
use crate::verdict::Word;
use serde::Serialize;

#[derive(Clone, Debug, Default, Serialize)]
pub struct Grade {
    /// How many tests there are.
    pub tests: usize,
    /// Why it does not pass on the answer key, if it does not.
    pub fails_on_key: Option<String>,
    pub fails_on_starter: bool,
    pub variants: usize,
    /// The variants that it refuses, though they are right.
    pub refuses: Vec<String>,
    pub bugs: usize,
    /// The bugs that it lets live.
    pub misses: Vec<String>,
}

impl Grade {
    pub fn passes(&self) -> bool {
        self.tests > 0
            && self.fails_on_key.is_none()
            && self.fails_on_starter
            && self.refuses.is_empty()
            && self.misses.is_empty()
    }

    /// `passes on the answer key · fails on the starter · accepts 1 of 1 variants · catches 2 of 3`
    pub fn summary(&self) -> String {
        let parts = [
            match self.fails_on_key {
                None => "passes on the answer key".to_string(),
                Some(_) => "fails on the answer key".to_string(),
            },
            match self.fails_on_starter {
                true => "fails on the starter".to_string(),
                false => "passes on the starter".to_string(),
            },
            format!(
                "accepts {} of {} variants",
                self.variants - self.refuses.len(),
                self.variants
            ),
            format!(
                "catches {} of {} bugs",
                self.bugs - self.misses.len(),
                self.bugs
            ),
        ];
        parts.join(" · ")
    }

    /// What to do next, where there is something.
    pub fn advice(&self) -> Option<String> {
        if self.tests == 0 {
            return Some(
                "there is no test in the file yet: a function with `#[test]` above it".into(),
            );
        }
        if let Some(message) = &self.fails_on_key {
            return Some(format!(
                "the answer key is right, so your test is not: it says \"{message}\""
            ));
        }
        if let Some(title) = self.refuses.first() {
            return Some(format!(
                "your test is too strict: it refuses one that is odd but right: {title}"
            ));
        }
        if !self.fails_on_starter {
            return Some(
                "nothing of yours fails where nothing is written yet: do your tests call the code at all?"
                    .into(),
            );
        }
        let lives = match self.misses.len() {
            0 => return None,
            1 => "the one that lives",
            _ => "those that live",
        };
        Some(format!("{lives}: {}", self.misses.join("; ")))
    }
}

/// Grades the chapter's tests in the learner's file.
pub fn grade(course: &Course, chapter: &Chapter, step: &Step, running: &Running) -> Result<Grade> {
    let my_tests = mine::read(course, chapter, &chapter.my_tests())?;
    let answer = read(&course.root.join(chapter.answer()))?;
    let case = |name: String, code: String| Case {
        chapter,
        name: format!("grade-{name}"),
        code,
        my_tests: my_tests.clone(),
    };
    let bugs: Vec<_> = chapter
        .bugs
        .iter()
        .filter(|bug| step.catches.contains(&bug.id))
        .collect();
    let mut cases = vec![
        case("key".into(), answer.clone()),
        case(
            "starter".into(),
            read(&course.root.join(chapter.part("starter.rs")))?,
        ),
    ];
    for change in bugs.iter().copied().chain(&chapter.variants) {
        cases.push(case(change.id.clone(), change.apply(&answer)?));
    }

    let mut grade = Grade {
        variants: chapter.variants.len(),
        bugs: bugs.len(),
        ..Grade::default()
    };
    let stage = Stage::take(course, "grade")?;
    stage.try_all(
        &cases,
        "your_tests::",
        running,
        |_| {},
        |case, tried| {
            let failed = match tried {
                Tried::DoesNotCompile(text) => {
                    Some(text.lines().next().unwrap_or_default().to_string())
                }
                Tried::Ran(verdicts) => {
                    if case.name == "grade-key" {
                        grade.tests = verdicts.len();
                    }
                    let failed = verdicts.iter().find(|verdict| verdict.word != Word::Green);
                    failed.map(|verdict| {
                        verdict
                            .message
                            .lines()
                            .next()
                            .unwrap_or_default()
                            .to_string()
                    })
                }
            };
            let title = |changes: &[crate::course::Change]| {
                let id = case.name.trim_start_matches("grade-");
                changes
                    .iter()
                    .find(|change| change.id == id)
                    .map(|change| change.title.clone())
            };
            match (case.name.as_str(), failed) {
                ("grade-key", failed) => grade.fails_on_key = failed,
                ("grade-starter", failed) => grade.fails_on_starter = failed.is_some(),
                (_, Some(_)) => grade.refuses.extend(title(&chapter.variants)),
                (_, None) => grade.misses.extend(title(&chapter.bugs)),
            }
        },
    )?;
    Ok(grade)
}

//! All tests of one binary, each in its own process, several at a time.

use crate::compile::Running;
use crate::course::Chapter;
use crate::process;
use crate::trouble::{Result, Trouble};
use crate::verdict::{Verdict, judge};
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

/// Tests mostly wait for sockets, so more of them run than there are cores.
const AT_A_TIME: usize = 8;

/// What is tried: a binary, and the texts that it was built from.
pub struct Trial<'a> {
    pub chapter: &'a Chapter,
    pub binary: &'a Path,
    /// Where the tests run.
    pub folder: &'a Path,
    /// The text of the chapter's tests, and of the learner's.
    pub source: &'a str,
    pub my_source: &'a str,
    /// The text of the subject.
    pub code: &'a str,
    /// The look that it belongs to.
    pub running: &'a Running,
}

impl Trial<'_> {
    /// The names of the binary's tests, in the order of the chapter's steps.
    pub fn list(&self) -> Result<Vec<String>> {
        let output = (Command::new(self.binary)
            .args(["--list", "--format", "terse"])
            .output())
        .map_err(|error| Trouble::file("start", self.binary, error))?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let mut tests: Vec<String> = (text.lines())
            .filter_map(|line| line.strip_suffix(": test"))
            .map(str::to_string)
            .collect();
        tests.sort_by_key(|test| {
            let step = self.chapter.step_of(test).unwrap_or(usize::MAX);
            (step, self.line(test))
        });
        Ok(tests)
    }

    fn text_with(&self, test: &str) -> &str {
        match test.starts_with("your_tests::") {
            true => self.my_source,
            false => self.source,
        }
    }

    fn line(&self, test: &str) -> u32 {
        crate::verdict::line_of_test(self.text_with(test), test).unwrap_or(u32::MAX)
    }

    /// Runs the tests and judges each; the verdicts keep the order of `tests`.
    pub fn run(&self, tests: &[String]) -> Result<Vec<Verdict>> {
        let next = AtomicUsize::new(0);
        let verdicts = Mutex::new(Vec::new());
        thread::scope(|scope| {
            for _ in 0..AT_A_TIME.min(tests.len()) {
                scope.spawn(|| {
                    while let Some(test) = tests.get(next.fetch_add(1, Ordering::Relaxed)) {
                        let verdict = self.one(test);
                        let mut verdicts =
                            verdicts.lock().unwrap_or_else(|broken| broken.into_inner());
                        verdicts.push(verdict);
                    }
                });
            }
        });
        let verdicts = verdicts
            .into_inner()
            .unwrap_or_else(|broken| broken.into_inner());
        let mut verdicts: Vec<Verdict> = verdicts.into_iter().collect::<Result<_>>()?;
        verdicts.sort_by_key(|verdict| tests.iter().position(|test| *test == verdict.test));
        Ok(verdicts)
    }

    fn one(&self, test: &str) -> Result<Verdict> {
        let deadline = Duration::from_secs(self.chapter.deadline);
        let outcome = process::run(
            self.binary,
            test,
            self.folder,
            deadline,
            self.running.given_up(),
        )?;
        let source = self.text_with(test);
        Ok(judge(self.chapter, test, &outcome, source, self.code))
    }
}

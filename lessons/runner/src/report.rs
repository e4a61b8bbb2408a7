//! How the verdicts on whole chapters are told: a line for each chapter and
//! each test that is not as it should be, or JSON.

use crate::course::Chapter;
use crate::verdict::{Place, Verdict, Word};
use console::style;
use serde::Serialize;
use std::io::IsTerminal;

/// The verdict on one chapter and one subject.
#[derive(Serialize)]
pub struct Report {
    pub chapter: String,
    /// Whose code was judged: `starter`, `answer key`, `my/socket/bind.rs`, `bug no-reuse`.
    pub subject: String,
    pub ok: bool,
    /// What the whole comes to, for people.
    pub summary: String,
    pub tests: Vec<Verdict>,
    /// What is not as it should be.
    pub problems: Vec<Problem>,
}

#[derive(Serialize)]
pub struct Problem {
    /// The test, where it is about one.
    pub test: String,
    pub what: String,
    pub message: String,
    pub timeline: String,
    pub place: Option<Place>,
}

impl Report {
    pub fn new(chapter: &Chapter, subject: String, tests: Vec<Verdict>) -> Report {
        Report {
            chapter: chapter.folder.clone(),
            subject,
            ok: true,
            summary: String::new(),
            tests,
            problems: Vec::new(),
        }
    }

    /// Notes what is wrong with `verdict`.
    pub fn problem(&mut self, verdict: &Verdict, what: String) {
        self.ok = false;
        self.problems.push(Problem {
            test: verdict.test.clone(),
            what,
            message: verdict.message.clone(),
            timeline: verdict.timeline.clone(),
            place: verdict.code_place.clone().or(verdict.test_place.clone()),
        });
    }

    /// Notes what is wrong with the chapter as a whole.
    pub fn fault(&mut self, what: &str, message: String) {
        self.ok = false;
        let (test, what) = (String::new(), what.to_string());
        self.problems.push(Problem {
            test,
            what,
            message,
            timeline: String::new(),
            place: None,
        });
    }

    pub fn does_not_compile(&mut self, text: &str) {
        self.fault("does not compile", text.trim_end().to_string());
        self.summary = "does not compile".to_string();
    }

    fn print(&self, each_test: bool) {
        let mark = match self.ok {
            true => style("✓").green(),
            false => style("✗").red(),
        };
        say!(
            "{mark} {:<12} {:<24} {}",
            self.chapter,
            self.subject,
            self.summary
        );
        if each_test {
            for verdict in &self.tests {
                let word = match verdict.word {
                    Word::Green => style(verdict.word.text()).green(),
                    _ => style(verdict.word.text()).red(),
                };
                say!("    {:<20} {:<24} {}", word, self.subject, verdict.test);
            }
        }
        for problem in &self.problems {
            let colon = if problem.test.is_empty() { "" } else { ": " };
            say!(
                "    {} {}{colon}{}",
                style("→").red(),
                problem.test,
                problem.what
            );
            for line in problem.message.lines().take(40) {
                say!("        {line}");
            }
            for line in problem.timeline.lines().take(20) {
                say!("      {line}");
            }
            if let Some(place) = &problem.place {
                say!("        at {}:{}", place.file, place.line);
            }
        }
    }
}

/// Prints each report as it comes, or all as JSON at the end.
pub struct Teller {
    pub json: bool,
    /// A line for each test, too.
    pub each_test: bool,
    pub command: &'static str,
    pub reports: Vec<Report>,
    progress: usize,
}

impl Teller {
    pub fn new(command: &'static str, json: bool, each_test: bool) -> Teller {
        Teller {
            json,
            each_test,
            command,
            reports: Vec::new(),
            progress: 0,
        }
    }

    pub fn add(&mut self, report: Report) {
        if !self.json {
            self.wipe();
            report.print(self.each_test);
        }
        self.reports.push(report);
    }

    /// Says how far the building is; on standard error, which JSON leaves free.
    pub fn built(&mut self, of: usize) {
        self.progress += 1;
        if std::io::stderr().is_terminal() {
            eprint!("\r\x1b[Kbuilding: {} of {of}", self.progress);
        } else if self.progress == of || self.progress.is_multiple_of(10) {
            note!("building: {} of {of}", self.progress);
        }
    }

    fn wipe(&self) {
        if self.progress > 0 && std::io::stderr().is_terminal() {
            eprint!("\r\x1b[K");
        }
    }

    /// Prints what it all comes to; the exit code is 0 where all is as it should be.
    pub fn end(self, good: &str) -> u8 {
        let ok = self.reports.iter().all(|report| report.ok);
        if self.json {
            let all = serde_json::json!({
                "command": self.command,
                "ok": ok,
                "reports": self.reports,
            });
            say!("{all}");
            return u8::from(!ok);
        }
        self.wipe();
        let bad = self.reports.iter().filter(|report| !report.ok).count();
        match ok {
            true => say!("{} {good}", style("ok:").green().bold()),
            false => say!(
                "{} {bad} of {} as shown above",
                style("not ok:").red().bold(),
                self.reports.len()
            ),
        }
        u8::from(!ok)
    }
}

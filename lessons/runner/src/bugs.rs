//! `lesson bugs`: every planted bug is caught by exactly the tests named, and
//! every variant passes.

use crate::compile::Running;
use crate::course::{Change, Chapter, Course};
use crate::report::{Report, Teller};
use crate::stage::{Case, Stage, Tried, read};
use crate::trouble::Result;
use crate::verdict::{Verdict, Word};
use std::cell::RefCell;
use std::collections::BTreeSet;

pub fn bugs(course: &Course, wish: Option<&str>, json: bool) -> Result<u8> {
    let chapters = course.chosen(wish)?;
    let mut cases = Vec::new();
    for chapter in chapters {
        let answer = read(&course.root.join(chapter.answer()))?;
        let my_tests = read(&course.root.join(chapter.part("answer_tests.rs")))?;
        let named = |kind, changes: &[Change]| -> Result<Vec<(String, String)>> {
            let cases = changes
                .iter()
                .map(|change| Ok((format!("{kind}-{}", change.id), change.apply(&answer)?)));
            cases.collect()
        };
        for (name, code) in named("bug", &chapter.bugs)?
            .into_iter()
            .chain(named("variant", &chapter.variants)?)
        {
            cases.push(Case {
                chapter,
                name,
                code,
                my_tests: my_tests.clone(),
            });
        }
    }
    let teller = RefCell::new(Teller::new("bugs", json, false));
    let stage = Stage::take(course, "stage")?;
    stage.try_all(
        &cases,
        "",
        &Running::default(),
        |_| teller.borrow_mut().built(cases.len()),
        |case, tried| teller.borrow_mut().add(report(case, tried)),
    )?;
    Ok(teller
        .into_inner()
        .end("every bug is caught by exactly the tests named, every variant passes"))
}

fn report(case: &Case, tried: &Tried) -> Report {
    let chapter = case.chapter;
    let verdicts = match tried {
        Tried::Ran(verdicts) => verdicts.clone(),
        Tried::DoesNotCompile(text) => {
            let mut report = Report::new(chapter, case.name.clone(), Vec::new());
            report.does_not_compile(text);
            return report;
        }
    };
    let failed: BTreeSet<&str> = (verdicts.iter())
        .filter(|verdict| verdict.word != Word::Green)
        .map(|verdict| verdict.test.as_str())
        .collect();
    let bug = chapter
        .bugs
        .iter()
        .find(|bug| case.name == format!("bug-{}", bug.id));
    let mut report = Report::new(chapter, case.name.clone(), verdicts.clone());
    let Some(bug) = bug else {
        for verdict in verdicts
            .iter()
            .filter(|verdict| verdict.word != Word::Green)
        {
            report.problem(
                verdict,
                format!("refuses a right variant: {}", verdict.word.text()),
            );
        }
        report.summary = format!(
            "accepted by {} of {}",
            verdicts.len() - failed.len(),
            verdicts.len()
        );
        return report;
    };
    // A test that this system does not have cannot catch anything on it.
    let here = |name: &&str| {
        let verdict = verdicts.iter().find(|verdict| verdict.test == *name);
        verdict.map_or(cfg!(target_os = "linux"), |verdict| !shows_nothing(verdict))
    };
    let named: BTreeSet<&str> = bug
        .caught_by
        .iter()
        .map(String::as_str)
        .filter(here)
        .collect();
    for verdict in &verdicts {
        match (
            failed.contains(verdict.test.as_str()),
            named.contains(verdict.test.as_str()),
        ) {
            (true, false) => report.problem(
                verdict,
                format!("catches it ({}) and is not named", verdict.word.text()),
            ),
            (false, true) => report.problem(verdict, "is named and does not catch it".to_string()),
            _ => {}
        }
    }
    for name in named
        .iter()
        .filter(|name| !verdicts.iter().any(|verdict| verdict.test == **name))
    {
        report.fault(
            &format!("names {name}, and there is no such test"),
            String::new(),
        );
    }
    if bug.caught_by.is_empty() {
        report.fault("names no test that catches it", String::new());
    }
    for step in unkept_promise(chapter, bug, &failed) {
        report.fault(
            &format!("{step} names it, and the answer key's tests there do not catch it"),
            String::new(),
        );
    }
    report.summary = format!("caught by {} of {} tests", failed.len(), verdicts.len());
    report
}

/// Whether the test has said that this machine lacks what it needs, like IPv6.
fn shows_nothing(verdict: &Verdict) -> bool {
    verdict.word == Word::Green && verdict.printed.contains(": it shows nothing")
}

/// The steps whose tests, in the answer key, let a bug live that they promise to catch.
fn unkept_promise<'a>(chapter: &'a Chapter, bug: &Change, failed: &BTreeSet<&str>) -> Vec<&'a str> {
    let promise = chapter
        .steps
        .iter()
        .filter(|step| step.catches.contains(&bug.id));
    let caught = |id: &str| {
        failed
            .iter()
            .any(|test| test.starts_with(&format!("{id}::")))
    };
    promise
        .map(|step| step.id.as_str())
        .filter(|id| !caught(id))
        .collect()
}

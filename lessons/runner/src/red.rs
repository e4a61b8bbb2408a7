//! `lesson red`: on the starter every test fails, for its declared reason.

use crate::compile::Running;
use crate::course::{Chapter, Course};
use crate::report::{Report, Teller};
use crate::stage::{Case, Stage, Tried, read};
use crate::trouble::Result;
use crate::verdict::{Verdict, Word};

pub fn red(course: &Course, wish: Option<&str>, json: bool) -> Result<u8> {
    let chapters = course.chosen(wish)?;
    let cases = (chapters.iter().copied())
        .map(|chapter| starter(course, chapter))
        .collect::<Result<Vec<_>>>()?;
    let mut teller = Teller::new("red", json, wish.is_some());
    let stage = Stage::take(course, "stage")?;
    let building = std::cell::RefCell::new(&mut teller);
    stage.try_all(
        &cases,
        "",
        &Running::default(),
        |_| building.borrow_mut().built(cases.len()),
        |case, tried| building.borrow_mut().add(report(case, tried)),
    )?;
    Ok(teller.end("each test is red on the starter, for its declared reason"))
}

/// The starter, with the answer key's tests in the place of the learner's.
fn starter<'a>(course: &Course, chapter: &'a Chapter) -> Result<Case<'a>> {
    Ok(Case {
        chapter,
        name: "starter".to_string(),
        code: read(&course.root.join(chapter.part("starter.rs")))?,
        my_tests: read(&course.root.join(chapter.part("answer_tests.rs")))?,
    })
}

fn report(case: &Case, tried: &Tried) -> Report {
    let verdicts = match tried {
        Tried::Ran(verdicts) => verdicts.clone(),
        Tried::DoesNotCompile(text) => {
            let mut report = Report::new(case.chapter, "starter".into(), Vec::new());
            report.does_not_compile(text);
            return report;
        }
    };
    let mut report = Report::new(case.chapter, "starter".into(), verdicts.clone());
    for verdict in &verdicts {
        if let Some(what) = objection(case.chapter, verdict) {
            report.problem(verdict, what);
        }
    }
    for step in &case.chapter.steps {
        let of_step = format!("{}::", step.id);
        if !verdicts
            .iter()
            .any(|verdict| verdict.test.starts_with(&of_step))
        {
            report.fault(&format!("{} has no test", step.id), String::new());
        }
    }
    let (all, well) = (
        verdicts.len(),
        verdicts.len() - report.problems.len().min(verdicts.len()),
    );
    report.summary = format!("red: {well} of {all} for the declared reason");
    report
}

/// Why the verdict is not the declared red, if it is not.
fn objection(chapter: &Chapter, verdict: &Verdict) -> Option<String> {
    let Some(step) = chapter.step_of(&verdict.test) else {
        return Some("no step of lesson.toml has it".to_string());
    };
    let declared = &chapter.steps[step].red;
    match verdict.word {
        Word::Green => Some(format!("green on the starter, declared red: {declared:?}")),
        Word::Hangs | Word::Crashes => Some(format!(
            "{}, declared red: {declared:?}",
            verdict.word.text()
        )),
        _ if !verdict.message.contains(declared) => {
            Some(format!("red for another reason, declared: {declared:?}"))
        }
        _ if verdict.panics > 1 => Some(format!(
            "{} threads panicked: which is the reason?",
            verdict.panics
        )),
        _ => None,
    }
}

//! `lesson green`: the tests on the learner's code where it is begun, and
//! otherwise on the answer key; each line says on which.

use crate::compile::{self, Order, Running};
use crate::course::{Chapter, Course, features};
use crate::look;
use crate::mine;
use crate::report::{Report, Teller};
use crate::stage::{Case, read};
use crate::trial::Trial;
use crate::trouble::Result;
use crate::verdict::{Verdict, Word};

/// Whose code is judged.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    Mine,
    Key,
}

/// The chapters, and for each whose code it is about. A chapter that was named
/// is judged on the learner's file even where that is still the starter.
pub fn subjects<'a>(
    course: &'a Course,
    wish: Option<&str>,
    key: bool,
) -> Result<Vec<(&'a Chapter, Whose)>> {
    let named = wish.is_some_and(|wish| !wish.is_empty());
    let subjects = course.chosen(wish)?.into_iter().map(|chapter| {
        let there = course.root.join(chapter.mine()).exists();
        let mine = !key && there && (named || mine::is_begun(course, chapter));
        (chapter, if mine { Whose::Mine } else { Whose::Key })
    });
    Ok(subjects.collect())
}

pub fn green(course: &Course, wish: Option<&str>, key: bool, json: bool) -> Result<u8> {
    let mut teller = Teller::new("green", json, wish.is_some());
    for report in reports(course, &subjects(course, wish, key)?, |of| teller.built(of))? {
        teller.add(report);
    }
    let good = match teller
        .reports
        .iter()
        .any(|report| report.subject.starts_with("my/"))
    {
        true => "all of it is green",
        false => "the answer key is green",
    };
    Ok(teller.end(good))
}

/// Builds and judges: a call of cargo for each of the two kinds of subject, and
/// one for each whole program.
pub fn reports(
    course: &Course,
    subjects: &[(&Chapter, Whose)],
    mut built: impl FnMut(usize),
) -> Result<Vec<Report>> {
    let mut reports = Vec::new();
    let kinds = [
        (Whose::Key, false),
        (Whose::Key, true),
        (Whose::Mine, false),
    ];
    for (whose, program) in kinds {
        let of_kind =
            (subjects.iter()).filter(|(chapter, of)| *of == whose && chapter.program == program);
        let mut targets = Vec::new();
        for (chapter, _) in of_kind.clone() {
            match files(course, chapter, whose) {
                Ok(_) => targets.push(chapter.target()),
                Err(trouble) => reports.push(no_file(chapter, trouble.sentence)),
            }
        }
        if targets.is_empty() {
            continue;
        }
        let features = features(of_kind.clone().map(|(chapter, _)| *chapter));
        let order = Order {
            folder: &course.root,
            target_dir: None,
            build_dir: None,
            targets: &targets,
            program,
            mine: whose == Whose::Mine,
            features: &features,
            colour: false,
        };
        let built = compile::build(&order, &Running::default(), |_| built(subjects.len()))?;
        for (chapter, _) in of_kind.filter(|(chapter, _)| targets.contains(&chapter.target())) {
            reports.push(judge(course, chapter, whose, &built)?);
        }
    }
    for (chapter, whose) in subjects {
        if *whose == Whose::Mine && chapter.program {
            reports.push(program(course, chapter)?);
            built(subjects.len());
        }
    }
    reports.sort_by(|a, b| a.chapter.cmp(&b.chapter));
    Ok(reports)
}

/// Judges the learner's program.
fn program(course: &Course, chapter: &Chapter) -> Result<Report> {
    let (code, my_tests) = match files(course, chapter, Whose::Mine) {
        Ok(files) => files,
        Err(trouble) => return Ok(no_file(chapter, trouble.sentence)),
    };
    let case = Case {
        chapter,
        name: "mine".to_string(),
        code,
        my_tests,
    };
    let (built, _program) = look::build(course, &case, false, &Running::default())?;
    judge(course, chapter, Whose::Mine, &built)
}

fn judge(
    course: &Course,
    chapter: &Chapter,
    whose: Whose,
    built: &compile::Built,
) -> Result<Report> {
    let subject = name(chapter, whose);
    let Some(binary) = built.binaries.get(&chapter.target()) else {
        let errors = built
            .errors
            .get(&chapter.target())
            .or(built.errors.values().next());
        let text = errors.map(|errors| errors.join("\n")).unwrap_or_default();
        let mut report = Report::new(chapter, subject, Vec::new());
        report.does_not_compile(&text.replace("tests/../my/", "my/"));
        return Ok(report);
    };
    let (code, my_source) = files(course, chapter, whose)?;
    let source = read(&course.root.join(chapter.tests()))?;
    let trial = Trial {
        chapter,
        binary,
        folder: &course.root,
        source: &source,
        my_source: &my_source,
        code: &code,
        running: &Running::default(),
    };
    let verdicts = trial.run(&trial.list()?)?;
    Ok(report(chapter, subject, verdicts))
}

/// What the verdicts come to, where all have to be green.
pub fn report(chapter: &Chapter, subject: String, verdicts: Vec<Verdict>) -> Report {
    let green = verdicts
        .iter()
        .filter(|verdict| verdict.word == Word::Green)
        .count();
    let mut report = Report::new(chapter, subject, verdicts.clone());
    for verdict in verdicts
        .iter()
        .filter(|verdict| verdict.word != Word::Green)
    {
        report.problem(verdict, verdict.word.text().to_string());
    }
    report.summary = format!("green: {green} of {}", verdicts.len());
    report
}

fn files(course: &Course, chapter: &Chapter, whose: Whose) -> Result<(String, String)> {
    match whose {
        Whose::Mine => Ok((
            mine::read(course, chapter, &chapter.mine())?,
            mine::read(course, chapter, &chapter.my_tests())?,
        )),
        Whose::Key => Ok((
            read(&course.root.join(chapter.answer()))?,
            read(&course.root.join(chapter.part("answer_tests.rs")))?,
        )),
    }
}

pub fn name(chapter: &Chapter, whose: Whose) -> String {
    match whose {
        Whose::Mine => chapter.mine().display().to_string().replace('\\', "/"),
        Whose::Key => "answer key".to_string(),
    }
}

fn no_file(chapter: &Chapter, sentence: String) -> Report {
    let mut report = Report::new(chapter, name(chapter, Whose::Mine), Vec::new());
    report.fault(&sentence, String::new());
    report.summary = "cannot be read".to_string();
    report
}

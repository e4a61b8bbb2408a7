//! `lesson mine`: the whole program from the learner's green modules, with the
//! answer key's in the place of the rest.

use crate::compile::{Built, Running};
use crate::course::{Chapter, Course, features};
use crate::green::{self, Whose};
use crate::mine;
use crate::overlay::{Overlay, Texts, as_mine};
use crate::report::{Report, Teller};
use crate::stage::read;
use crate::trial::Trial;
use crate::trouble::{Result, Trouble};
use crate::verdict::Word;
use console::style;
use serde::Serialize;
use serde_json::json;
use std::path::Path;

/// So many of the answer key's modules are named: the nearest to the program.
const NAMED: usize = 6;

/// A module that the learner has begun.
struct Part<'a> {
    chapter: &'a Chapter,
    summary: String,
    code: String,
    left_out: Option<LeftOut>,
}

#[derive(Clone, Serialize)]
struct LeftOut {
    file: String,
    why: String,
    /// rustc's first error, where there is one.
    message: String,
    /// Green, and still not to be built with the rest.
    unfit: bool,
}

pub fn together(course: &Course, json: bool) -> Result<u8> {
    let mut teller = Teller::new("mine", json, false);
    let mut parts = judged(course, &mut teller)?;
    if parts.iter().all(|part| part.left_out.is_some()) {
        return Ok(nothing(&parts, json));
    }
    let stage = Overlay::take(course, "mine")?;
    note!("building the whole …");
    let mut built = build(course, &stage, &parts)?;
    if built.program.is_none() {
        fit(&stage, &mut parts)?;
        built = build(course, &stage, &parts)?;
    }
    let Some(program) = &built.program else {
        let errors = built.all_errors();
        return Err(Trouble::course(format!(
            "the answer key's program does not build; `git status src` names what was changed\n{errors}"
        )));
    };
    let program = course.short(&stage.keep(program)?);
    if !json {
        parts.iter().for_each(Part::print);
    }
    for chapter in tested(course) {
        teller.add(report(course, chapter, &program, &parts, &built)?);
    }
    Ok(end(course, &teller, &parts, &program))
}

/// Judges each module that the learner has begun, by the course's tests: a test
/// of the learner's own that is not written yet says nothing about the module.
fn judged<'a>(course: &'a Course, teller: &mut Teller) -> Result<Vec<Part<'a>>> {
    let begun = course.chapters.iter();
    let begun = begun.filter(|chapter| mine::code_is_begun(course, chapter));
    let subjects: Vec<_> = begun.map(|chapter| (chapter, Whose::Mine)).collect();
    let reports = green::reports(course, &subjects, |of| teller.built(of))?;
    let parts = subjects.iter().map(|(chapter, _)| {
        let report = (reports.iter()).find(|report| report.chapter == chapter.folder);
        let (summary, left_out) = match report {
            Some(report) => verdict(chapter, report),
            None => (String::new(), None),
        };
        // What cannot be read is left out already.
        let code = mine::read(course, chapter, &chapter.mine()).unwrap_or_default();
        Part {
            chapter,
            summary,
            code,
            left_out,
        }
    });
    Ok(parts.collect())
}

fn verdict(chapter: &Chapter, report: &Report) -> (String, Option<LeftOut>) {
    let ours = || (report.tests.iter()).filter(|test| !test.test.starts_with("your_tests::"));
    let (of, red) = (
        ours().count(),
        ours().filter(|test| test.word != Word::Green).count(),
    );
    let left_out = |why: String, message: &str| {
        let message = first_error(message);
        Some(LeftOut::new(chapter, why, message, false))
    };
    let show = format!("`cargo lesson green {}`", chapter.number());
    let left_out = match (of, red) {
        (0, _) => {
            let problem = report.problems.first();
            let what = problem.map_or("has no test", |problem| &problem.what);
            let message = problem.map_or("", |problem| &problem.message);
            left_out(what.to_string(), message)
        }
        (_, 0) => None,
        (_, 1) => left_out(format!("1 of {of} tests is red; {show} shows it"), ""),
        _ => left_out(
            format!("{red} of {of} tests are red; {show} shows them"),
            "",
        ),
    };
    (format!("green: {} of {of}", of - red), left_out)
}

/// The chapters whose tests run on the whole.
fn tested(course: &Course) -> impl Iterator<Item = &Chapter> {
    let chapters = course.chapters.iter();
    chapters.filter(|chapter| chapter.program || chapter.together)
}

fn texts(parts: &[Part]) -> Texts {
    let parts = parts.iter().filter(|part| part.left_out.is_none());
    parts
        .map(|part| (part.chapter.answer(), part.code.clone().into()))
        .collect()
}

/// What the learner's modules need, or they would not be in the program.
fn needs(parts: &[Part]) -> Vec<String> {
    let parts = parts.iter().filter(|part| part.left_out.is_none());
    features(parts.map(|part| part.chapter))
}

fn build(course: &Course, stage: &Overlay, parts: &[Part]) -> Result<Built> {
    let chapters: Vec<&Chapter> = tested(course).collect();
    stage.lay(&chapters, texts(parts))?;
    let targets: Vec<String> = chapters.iter().map(|chapter| chapter.target()).collect();
    stage.build(
        &targets,
        &needs(parts),
        false,
        false,
        &Running::default(),
        |_| {},
    )
}

/// Takes in one part after the other, and leaves out what does not build with
/// those before it and the answer key.
fn fit(stage: &Overlay, parts: &mut [Part]) -> Result<()> {
    let green: Vec<usize> = (0..parts.len())
        .filter(|at| parts[*at].left_out.is_none())
        .collect();
    for at in green {
        stage.lay(&[], texts(&parts[..=at]))?;
        let needs = needs(&parts[..=at]);
        let built = stage.build(&[], &needs, false, false, &Running::default(), |_| {})?;
        if built.program.is_some() {
            continue;
        }
        let mut text = first_error(&built.all_errors());
        for part in &parts[..=at] {
            if part.left_out.is_none() {
                text = as_mine(part.chapter, &text);
            }
        }
        let chapter = parts[at].chapter;
        let starter = chapter.part("starter.rs").display().to_string();
        let why = format!(
            "it is green, and does not fit the rest: does each signature still read as in {}?",
            starter.replace('\\', "/")
        );
        parts[at].left_out = Some(LeftOut::new(chapter, why, text, true));
    }
    Ok(())
}

/// The tests of a chapter on the whole.
fn report(
    course: &Course,
    chapter: &Chapter,
    program: &str,
    parts: &[Part],
    built: &Built,
) -> Result<Report> {
    let Some(binary) = built.binaries.get(&chapter.target()) else {
        let mut report = Report::new(chapter, program.to_string(), Vec::new());
        report.does_not_compile(&built.all_errors());
        return Ok(report);
    };
    let part = parts
        .iter()
        .find(|part| part.chapter.folder == chapter.folder && part.left_out.is_none());
    let code = match part {
        Some(part) => part.code.clone(),
        None => read(&course.root.join(chapter.answer()))?,
    };
    let trial = Trial {
        chapter,
        binary,
        folder: &course.root,
        source: &read(&course.root.join(chapter.tests()))?,
        my_source: &read(&course.root.join(chapter.part("answer_tests.rs")))?,
        code: &code,
        running: &Running::default(),
    };
    let mut verdicts = trial.run(&trial.list()?)?;
    if part.is_none() {
        // What the test called is not in the learner's file.
        let places = verdicts.iter_mut().filter_map(|it| it.code_place.as_mut());
        places
            .filter(|place| place.file == shown(&chapter.mine()))
            .for_each(|place| place.file = shown(&chapter.answer()));
    }
    Ok(green::report(chapter, program.to_string(), verdicts))
}

/// Nothing is green, so there is nothing to build.
fn nothing(parts: &[Part], json: bool) -> u8 {
    let sentence = match parts.is_empty() {
        true => {
            "nothing of yours is begun yet: `cargo lesson` shows where you are; \
             with the first green module, this builds the program around it"
        }
        false => {
            "none of yours is green yet: with the first module that is, \
             this builds the program around it"
        }
    };
    match json {
        true => print_json(false, None, sentence, parts, &[]),
        false => {
            parts.iter().for_each(Part::print);
            say!("{sentence}");
        }
    }
    1
}

fn end(course: &Course, teller: &Teller, parts: &[Part], program: &str) -> u8 {
    let sentence = sentence(course, parts);
    let red = teller.reports.iter().any(|report| !report.ok);
    let unfit = parts.iter().any(|part| part.is_unfit());
    let ok = !red && !unfit;
    if teller.json {
        print_json(ok, Some(program), &sentence, parts, &teller.reports);
        return u8::from(!ok);
    }
    match ok {
        true => say!("{} {sentence}", style("ok:").green().bold()),
        false => say!("{} {sentence}", style("not ok:").red().bold()),
    }
    if red {
        say!(
            "    each of your modules is green by itself, so look at what they ask of each other;\n    \
             `cargo lesson answer CHAPTER` lays one beside the answer key"
        );
    }
    say!("    `{program} serve` opens it; `{program} join NAME`, in another terminal, goes in");
    u8::from(!ok)
}

fn print_json(ok: bool, program: Option<&str>, sentence: &str, parts: &[Part], all: &[Report]) {
    let yours = parts.iter().filter(|part| part.left_out.is_none());
    let yours: Vec<String> = yours.map(|part| shown(&part.chapter.mine())).collect();
    let left_out: Vec<_> = parts
        .iter()
        .filter_map(|part| part.left_out.as_ref())
        .collect();
    let all = json!({
        "command": "mine",
        "ok": ok,
        "program": program,
        "sentence": sentence,
        "yours": yours,
        "left_out": left_out,
        "reports": all,
    });
    say!("{all}");
}

/// Whose code is talking: `your frame, your room; the answer key's client and server`.
fn sentence(course: &Course, parts: &[Part]) -> String {
    let name = |chapter: &Chapter| chapter.id().replace('-', " ");
    let is_yours = |chapter: &Chapter| {
        let mut yours = parts.iter().filter(|part| part.left_out.is_none());
        yours.any(|part| part.chapter.folder == chapter.folder)
    };
    let (yours, keys): (Vec<&Chapter>, Vec<&Chapter>) =
        (course.chapters.iter()).partition(|chapter| is_yours(chapter));
    let yours: Vec<String> = yours
        .into_iter()
        .map(|of| format!("your {}", name(of)))
        .collect();
    let yours = match yours.is_empty() {
        true => "nothing of yours".to_string(),
        false => yours.join(", "),
    };
    let keys: Vec<String> = keys.into_iter().map(name).collect();
    let (more, keys) = keys.split_at(keys.len().saturating_sub(NAMED));
    match (more, keys) {
        (_, []) => format!("{yours}: all of it is yours"),
        ([], [key]) => format!("{yours}; the answer key's {key}"),
        ([], [keys @ .., last]) => {
            format!("{yours}; the answer key's {} and {last}", keys.join(", "))
        }
        (more, keys) => format!(
            "{yours}; the answer key's {}, and {} more of its modules",
            keys.join(", "),
            more.len()
        ),
    }
}

fn first_error(text: &str) -> String {
    let error = text.split("\n\n").next();
    error.unwrap_or_default().trim_end().to_string()
}

fn shown(path: &Path) -> String {
    path.display().to_string().replace('\\', "/")
}

impl LeftOut {
    fn new(chapter: &Chapter, why: String, message: String, unfit: bool) -> LeftOut {
        LeftOut {
            file: shown(&chapter.mine()),
            why,
            message,
            unfit,
        }
    }
}

impl Part<'_> {
    fn is_unfit(&self) -> bool {
        self.left_out
            .as_ref()
            .is_some_and(|left_out| left_out.unfit)
    }

    fn print(&self) {
        let file = shown(&self.chapter.mine());
        let Some(left_out) = &self.left_out else {
            say!("{} {file:<24} {}", style("✓").green(), self.summary);
            return;
        };
        say!("{} {file:<24} left out: {}", style("✗").red(), left_out.why);
        for line in left_out.message.lines() {
            say!("        {line}");
        }
    }
}

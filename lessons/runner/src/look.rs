//! One look at the learner's code: does the step stand, and if not, why?

use crate::compile::{self, Built, Order, Running};
use crate::course::{Chapter, Course};
use crate::grade::{self, Grade};
use crate::mine;
use crate::overlay::{self, Overlay};
use crate::screen::is_in;
use crate::stage::{Case, read};
use crate::trial::Trial;
use crate::trouble::Result;
use crate::verdict::{Verdict, Word, plain};
use serde::Serialize;

/// What a look at one step found.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum Found {
    /// A file of the learner's is missing, empty or not text.
    NoFile {
        sentence: String,
    },
    DoesNotCompile {
        errors: Vec<String>,
        in_tests: bool,
    },
    /// A test of this step or an earlier one is not green: the first such.
    Red {
        verdict: Box<Verdict>,
        /// All that are not green, of those that were run.
        failing: Vec<String>,
        green: usize,
        of: usize,
    },
    /// The learner's tests are green and do not pass as tests yet.
    Ungraded {
        grade: Grade,
    },
    Green {
        tests: usize,
        grade: Option<Grade>,
    },
}

impl Found {
    pub fn word(&self) -> &'static str {
        match self {
            Found::NoFile { .. } => "no file",
            Found::DoesNotCompile { .. } => "does not compile",
            Found::Red { verdict, .. } => verdict.word.text(),
            Found::Ungraded { .. } => "red, your test does not prove it yet",
            Found::Green { .. } => "green",
        }
    }

    pub fn is_green(&self) -> bool {
        matches!(self, Found::Green { .. })
    }
}

/// Builds the chapter's tests on the learner's code and judges one step, and
/// all before it.
pub fn look(
    course: &Course,
    chapter: &Chapter,
    step: usize,
    colour: bool,
    running: &Running,
) -> Result<Found> {
    let (code, my_tests) = match files(course, chapter) {
        Ok(files) => files,
        Err(trouble) => {
            return Ok(Found::NoFile {
                sentence: trouble.sentence,
            });
        }
    };
    let case = Case {
        chapter,
        name: "mine".to_string(),
        code,
        my_tests,
    };
    // Held until the tests have run: the program stays the learner's.
    let (built, program) = build(course, &case, colour, running)?;
    let Some(binary) = built.binaries.get(&chapter.target()) else {
        let mut errors: Vec<String> = built
            .errors
            .into_values()
            .flatten()
            .map(|text| as_mine(&text))
            .collect();
        // What is wrong in the learner's code comes first; what is wrong in our
        // files is about that code, and more than an echo in the learner's tests.
        errors.sort_by_key(|error| match stands_in_tests(error) {
            true => 1,
            false if is_in(course, error, &chapter.my_tests()) => 2,
            false => 0,
        });
        let in_tests = errors.first().is_some_and(|error| stands_in_tests(error));
        return Ok(Found::DoesNotCompile { errors, in_tests });
    };
    let source = read(&course.root.join(chapter.tests()))?;
    let trial = Trial {
        chapter,
        binary,
        folder: &course.root,
        source: &source,
        my_source: &case.my_tests,
        code: &case.code,
        running,
    };
    let mut tests = trial.list()?;
    tests.retain(|test| chapter.step_of(test).is_some_and(|of| of <= step));
    let verdicts = trial.run(&tests)?;
    drop(program);
    let green = verdicts
        .iter()
        .filter(|verdict| verdict.word == Word::Green)
        .count();
    let of = verdicts.len();
    let failing = (verdicts.iter())
        .filter(|verdict| verdict.word != Word::Green)
        .map(|verdict| verdict.test.clone())
        .collect();
    if let Some(verdict) = verdicts
        .into_iter()
        .find(|verdict| verdict.word != Word::Green)
    {
        return Ok(Found::Red {
            verdict: Box::new(verdict),
            failing,
            green,
            of,
        });
    }
    if chapter.steps[step].write.is_none() {
        return Ok(Found::Green {
            tests: of,
            grade: None,
        });
    }
    let grade = grade::grade(course, chapter, &chapter.steps[step], running)?;
    Ok(match grade.passes() {
        true => Found::Green {
            tests: of,
            grade: Some(grade),
        },
        false => Found::Ungraded { grade },
    })
}

/// Builds the chapter's tests on the learner's files: in the checkout, or with
/// the program on the overlay, which is then ours.
pub fn build<'a>(
    course: &'a Course,
    case: &Case,
    colour: bool,
    running: &Running,
) -> Result<(Built, Option<Overlay<'a>>)> {
    if case.chapter.program {
        let program = Overlay::take(course, overlay::PROGRAM)?;
        let built = program.build_case(case, colour, running, |_| {})?;
        return Ok((built, Some(program)));
    }
    let order = Order {
        folder: &course.root,
        target_dir: None,
        build_dir: None,
        targets: &[case.chapter.target()],
        program: false,
        mine: true,
        features: &case.chapter.features,
        colour,
    };
    Ok((compile::build(&order, running, |_| {})?, None))
}

fn files(course: &Course, chapter: &Chapter) -> Result<(String, String)> {
    let code = mine::read(course, chapter, &chapter.mine())?;
    let my_tests = mine::read(course, chapter, &chapter.my_tests())?;
    Ok((code, my_tests))
}

/// Whether the error stands in the course's tests, or in the program around the
/// learner's file: rustc names that place first, and only below it where the
/// learner's function is.
fn stands_in_tests(error: &str) -> bool {
    let error = console::strip_ansi_codes(error);
    let place = error.split_once("--> ").map(|(_, place)| place);
    let ours = ["tests/", "tests\\", "src/", "src\\"];
    place.is_some_and(|place| ours.iter().any(|folder| place.starts_with(folder)))
}

/// rustc's text with the learner's paths: `tests/../my/` is `my/`.
fn as_mine(text: &str) -> String {
    let text = text
        .replace("tests/../my/", "my/")
        .replace("tests\\../my/", "my/");
    debug_assert_eq!(plain("tests/../my/a.rs"), "my/a.rs");
    text
}

//! `lesson refactor`: still green, the tests untouched, and the file clean
//! under rustfmt and clippy.

use crate::compile::{self, feature_flags};
use crate::course::{Chapter, Course};
use crate::green::{Whose, reports, subjects};
use crate::mine;
use crate::overlay::{self, Overlay};
use crate::process;
use crate::report::{Report, Teller};
use crate::stage::Case;
use crate::trouble::Result;
use std::process::{Command, Stdio};

pub fn refactor(course: &Course, wish: Option<&str>, key: bool, json: bool) -> Result<u8> {
    let subjects = subjects(course, wish, key)?;
    let mut teller = Teller::new("refactor", json, false);
    for mut report in reports(course, &subjects, |of| teller.built(of))? {
        let subject = subjects
            .iter()
            .find(|(chapter, _)| chapter.folder == report.chapter);
        if let Some((chapter, whose)) = subject {
            check(course, chapter, *whose, &mut report)?;
        }
        teller.add(report);
    }
    Ok(teller.end("green, formatted, clean under clippy, the tests untouched"))
}

fn check(course: &Course, chapter: &Chapter, whose: Whose, report: &mut Report) -> Result<()> {
    if let Some(change) = edited_tests(course, chapter) {
        report.fault(&change, String::new());
    }
    let files = match whose {
        Whose::Mine => vec![chapter.mine(), chapter.my_tests()],
        Whose::Key => vec![chapter.answer()],
    };
    for file in files {
        if let Some(diff) = unformatted(course, &file)? {
            let name = course.short(&file);
            report.fault(
                &format!("not formatted: `rustfmt --edition 2024 {name}` does it"),
                diff,
            );
        }
    }
    if let Some(text) = lints(course, chapter, whose)? {
        report.fault("clippy has something to say", text);
    }
    report.summary = match report.ok {
        true => format!("{}, formatted, clean", report.summary),
        false => report.summary.clone(),
    };
    Ok(())
}

/// Says that the chapter's tests are not those of the repository, where git can tell.
pub fn edited_tests(course: &Course, chapter: &Chapter) -> Option<String> {
    let tests = course.short(&chapter.tests());
    let output = (Command::new("git").current_dir(&course.root))
        .args(["status", "--porcelain", "--", &tests, "tests/fixtures"])
        .output();
    let output = output.ok().filter(|output| output.status.success())?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let changed = said
        .lines()
        .find(|line| line.starts_with(" M") || line.starts_with("M"))?;
    let file = changed.get(3..)?.trim();
    Some(format!(
        "{file} was changed here: the verdict is about your tests, not the chapter's (`git checkout {file}` brings them back)"
    ))
}

/// What rustfmt would change in `file`.
pub fn unformatted(course: &Course, file: &std::path::Path) -> Result<Option<String>> {
    let output = (Command::new("rustfmt").current_dir(&course.root))
        .args(["--check", "--color", "never", "--edition", "2024"])
        .arg(file)
        .stdin(Stdio::null())
        .output();
    let output = match output {
        Ok(output) => output,
        Err(_) => {
            return Ok(Some(
                "rustfmt is not installed: `rustup component add rustfmt`".into(),
            ));
        }
    };
    let text = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    Ok((!output.status.success()).then_some(text))
}

/// What clippy says, with warnings as errors.
pub fn lints(course: &Course, chapter: &Chapter, whose: Whose) -> Result<Option<String>> {
    // What a `todo!()` does not use yet is no fault.
    let more: &[&str] = match whose == Whose::Mine && has_todo(course, chapter) {
        true => &["-A", "unused"],
        false => &[],
    };
    if whose == Whose::Mine && chapter.program {
        let case = Case {
            chapter,
            name: "mine".to_string(),
            code: mine::read(course, chapter, &chapter.mine())?,
            my_tests: mine::read(course, chapter, &chapter.my_tests())?,
        };
        return Overlay::take(course, overlay::PROGRAM)?.lints(&case, more);
    }
    let mut command = Command::new(compile::cargo());
    command.current_dir(&course.root);
    command.args(["clippy", "--quiet", "--test", &chapter.target()]);
    match (whose, chapter.program) {
        (Whose::Mine, _) => command.arg("--no-default-features"),
        (Whose::Key, false) => command.args(["--no-default-features", "--lib"]),
        (Whose::Key, true) => command.args(["--lib", "--bins"]),
    };
    command.args(feature_flags(whose == Whose::Mine, &chapter.features));
    command.args(["--", "-D", "warnings"]).args(more);
    let output = process::output(&mut command).map_err(compile::no_cargo)?;
    let text = String::from_utf8_lossy(&output.stderr).replace("tests/../my/", "my/");
    Ok((!output.status.success()).then_some(text))
}

fn has_todo(course: &Course, chapter: &Chapter) -> bool {
    let files = [chapter.mine(), chapter.my_tests()];
    let texts =
        files.map(|file| std::fs::read_to_string(course.root.join(file)).unwrap_or_default());
    texts.iter().any(|text| text.contains("todo!("))
}

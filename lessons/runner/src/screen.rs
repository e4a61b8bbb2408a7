//! What the learner reads: the texts of the main job.

use crate::course::{Chapter, Course, Step};
use crate::diagnosis;
use crate::gate::{Gate, Since};
use crate::grade::Grade;
use crate::journal::Journal;
use crate::look::Found;
use crate::refactor::edited_tests;
use crate::verdict::{Place, Word};
use console::style;
use std::fmt::Display;
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// How many lines of a message or an error are shown at once.
const LINES: usize = 30;
/// How many lines of a timeline are shown.
const TIMELINE: usize = 20;

/// The screen for one step: where, what, and what next.
pub fn lesson(course: &Course, journal: &Journal, at: usize, step: usize, found: &Found) -> String {
    let chapter = &course.chapters[at];
    let mut text = String::new();
    writeln!(text, "{}", progress(course, journal)).ok();
    writeln!(text, "{}", heading(chapter, step)).ok();
    if let Some(sentence) = edited_tests(course, chapter) {
        writeln!(text, "{} {sentence}\n", style("note:").yellow()).ok();
    }
    writeln!(text, "{}", verdict(course, chapter, step, found)).ok();
    if let Some(question) = question(journal, chapter, step, found) {
        writeln!(text, "{} {question}\n", style("think:").yellow().bold()).ok();
    }
    write!(text, "{}", what_next(course, chapter, step, found)).ok();
    text
}

pub fn progress(course: &Course, journal: &Journal) -> String {
    let all: usize = course
        .chapters
        .iter()
        .map(|chapter| chapter.steps.len())
        .sum();
    let done: usize = course
        .chapters
        .iter()
        .map(|chapter| journal.done(chapter))
        .sum();
    const WIDTH: usize = 48;
    let filled = WIDTH * done / all.max(1);
    let bar = format!("{}{}", "█".repeat(filled), "░".repeat(WIDTH - filled));
    format!("{}  {done} of {all} steps\n", style(bar).green())
}

fn heading(chapter: &Chapter, step: usize) -> String {
    let name = format!("{} · {}", chapter.number(), chapter.title);
    let of = chapter.steps.len();
    let step = format!("step {} of {of} · {}", step + 1, chapter.steps[step].title);
    format!("{}\n{step}\n", style(name).bold())
}

fn verdict(course: &Course, chapter: &Chapter, step: usize, found: &Found) -> String {
    let mut text = String::new();
    let bad = |word: &str| style(format!("✗ {word}")).red().bold().to_string();
    match found {
        Found::NoFile { sentence } => {
            writeln!(text, "{} {sentence}", bad("cannot be read:")).ok();
        }
        Found::DoesNotCompile { errors, in_tests } => {
            let more = errors.len().saturating_sub(1);
            writeln!(text, "{}", bad("does not compile")).ok();
            write!(
                text,
                "{}",
                lines(errors.first().map_or("", String::as_str), "  ")
            )
            .ok();
            if more > 0 {
                writeln!(text, "  … and {more} more; the first comes first").ok();
            }
            if *in_tests {
                let starter = course.short(&chapter.part("starter.rs"));
                let sentence = "The error is in a file that you did not write: does each signature still read as in";
                writeln!(text, "  {sentence} {starter}?").ok();
            }
        }
        Found::Red {
            verdict, green, of, ..
        } => {
            let earlier = chapter.step_of(&verdict.test).filter(|of| *of < step);
            writeln!(
                text,
                "{}   {green} of {of} tests are green",
                bad(verdict.word.text())
            )
            .ok();
            if let Some(earlier) = earlier {
                let title = &chapter.steps[earlier].title;
                writeln!(
                    text,
                    "  Step {} was green and is not any more: {title}",
                    earlier + 1
                )
                .ok();
            }
            let claim = verdict
                .test
                .rsplit("::")
                .next()
                .unwrap_or_default()
                .replace('_', " ");
            writeln!(text, "  {}", style(claim).bold()).ok();
            write!(text, "{}", lines(&verdict.message, "    ")).ok();
            if verdict.panics > 1 {
                writeln!(
                    text,
                    "    ({} threads panicked; this was the first)",
                    verdict.panics
                )
                .ok();
            }
            // Before anything is written, nothing has happened yet.
            if verdict.word != Word::NotWritten && !verdict.timeline.is_empty() {
                writeln!(text, "  what happened:").ok();
                write!(text, "{}", first_lines(&verdict.timeline, "  ", TIMELINE)).ok();
            }
            let places = [
                ("test", &verdict.test_place),
                ("yours", &verdict.code_place),
            ];
            for (whose, place) in places {
                if let Some(place) = place {
                    writeln!(text, "  {whose:<6} {}", link(course, place)).ok();
                }
            }
            if !verdict.printed.is_empty() {
                writeln!(text, "  it printed:").ok();
                write!(text, "{}", lines(&verdict.printed, "    ")).ok();
            }
        }
        Found::Ungraded { grade } => {
            writeln!(text, "{}", bad("red, your test does not prove it yet")).ok();
            write!(text, "{}", graded(grade)).ok();
        }
        Found::Green { tests, grade } => {
            writeln!(
                text,
                "{}",
                style(format!("✓ green: {tests} of {tests} tests"))
                    .green()
                    .bold()
            )
            .ok();
            if let Some(grade) = grade {
                write!(text, "{}", graded(grade)).ok();
            }
        }
    }
    text
}

/// What the failing tests usually mean, from the second such red on: first the
/// learner thinks.
fn question(journal: &Journal, chapter: &Chapter, step: usize, found: &Found) -> Option<String> {
    let Found::Red {
        verdict, failing, ..
    } = found
    else {
        return None;
    };
    // A hang has told already who waits for whom.
    if matches!(verdict.word, Word::NotWritten | Word::Hangs)
        || journal.alike(chapter.id(), &chapter.steps[step].id, found.word(), failing) < 2
    {
        return None;
    }
    let questions = diagnosis::questions(chapter, step, failing);
    let (first, rest) = questions.split_first()?;
    let rest: String = rest.iter().map(|tell| format!("\n  Or: {tell}")).collect();
    Some(format!("these failures have a usual cause. {first}{rest}"))
}

fn graded(grade: &Grade) -> String {
    let mut text = format!("  your tests: {}\n", grade.summary());
    if let Some(advice) = grade.advice() {
        writeln!(text, "  {advice}").ok();
    }
    text
}

fn what_next(course: &Course, chapter: &Chapter, step: usize, found: &Found) -> String {
    let mut text = String::new();
    // Where an earlier step broke, that one comes first.
    let step = match found {
        Found::Red { verdict, .. } => chapter.step_of(&verdict.test).unwrap_or(step),
        _ => step,
    };
    let this = &chapter.steps[step];
    let linked = |file: &Path| {
        let at = Place {
            file: course.short(file),
            line: 1,
        };
        link_as(course, &at, &at.file)
    };
    let file = linked(&file_to_mend(course, chapter, step, found));
    let next = style("next:").cyan().bold();
    match found {
        Found::Green { .. } => {
            writeln!(
                text,
                "{} {}",
                style("refactor:").cyan().bold(),
                this.refactor
            )
            .ok();
            writeln!(
                text,
                "Save as often as you like: the tests are your net. Then go through the gate to the next step."
            )
            .ok();
        }
        Found::Red { verdict, .. } if verdict.word == Word::NotWritten => match &this.write {
            Some(task) => {
                writeln!(text, "{next} {task} The place for it is {file}; save it.").ok();
            }
            None => {
                let functions = listed(&this.edit);
                writeln!(text, "{next} write {functions} in {file} and save.").ok();
            }
        },
        Found::Red { verdict, .. } if matches!(verdict.word, Word::Hangs) => {
            writeln!(
                text,
                "{next} what keeps it, and what would let it go on? Mend {file} and save."
            )
            .ok();
        }
        // The sentence says already what to do.
        Found::NoFile { .. } => {}
        Found::Red { .. } if this.write.is_some() => {
            let code = linked(&chapter.mine());
            writeln!(
                text,
                "{next} which of the two is wrong, your test in {file} or your code in {code}? Mend that one and save."
            )
            .ok();
        }
        Found::Ungraded { .. } => {
            writeln!(
                text,
                "{next} {} Mend {file} and save.",
                this.write.as_deref().unwrap_or_default()
            )
            .ok();
        }
        _ => {
            writeln!(text, "{next} mend {file} and save.").ok();
        }
    }
    let readme = linked(&chapter.part("README.md"));
    writeln!(text, "      the chapter: {readme}").ok();
    text
}

/// The file that the step is about.
pub fn file_to_edit(chapter: &Chapter, step: usize) -> PathBuf {
    match chapter.steps[step].write {
        Some(_) => chapter.my_tests(),
        None => chapter.mine(),
    }
}

/// The file in which the step goes on: where the compiler complains it says so
/// itself, and what it says of our files is about a signature of the learner's.
pub fn file_to_mend(course: &Course, chapter: &Chapter, step: usize, found: &Found) -> PathBuf {
    match found {
        Found::DoesNotCompile { errors, .. } => {
            let first = errors.first().map_or("", String::as_str);
            match is_in(course, first, &chapter.my_tests()) {
                true => chapter.my_tests(),
                false => chapter.mine(),
            }
        }
        _ => file_to_edit(chapter, step),
    }
}

/// Whether an error of the compiler stands in this file, and not only below it.
pub fn is_in(course: &Course, error: &str, file: &Path) -> bool {
    let error = console::strip_ansi_codes(error).replace('\\', "/");
    let place = error.split_once("--> ").map(|(_, place)| place);
    place.is_some_and(|place| place.starts_with(&course.short(file)))
}

/// Why the gate is shut.
pub fn gate(gate: &Gate) -> String {
    let mut text = format!("{}\n", style("The gate is shut:").red().bold());
    for (what, more) in &gate.objections {
        writeln!(text, "  {what}").ok();
        write!(text, "{}", lines(more, "    ")).ok();
    }
    write!(
        text,
        "Mend it and save, then `n` again; `s` goes on without."
    )
    .ok();
    text
}

pub fn through_the_gate(step: &Step, since: &Since, now: &Since) -> String {
    let done = format!(
        "✓ {}: tests untouched, green, formatted, clean under clippy",
        step.title
    );
    match since.size(now) {
        None => format!("{}; nothing changed since green.", style(done).green()),
        Some(size) => format!(
            "{}\n  {size}\n{}",
            style(done).green(),
            since.difference(now)
        ),
    }
}

/// A step that is green, where nobody sits before a terminal.
pub fn step_done(chapter: &Chapter, step: usize, found: &Found) -> String {
    let this = &chapter.steps[step];
    let mut text = format!(
        "{} {} step {} · {}\n  refactor: {}",
        style("✓ green").green().bold(),
        chapter.folder,
        step + 1,
        this.title,
        this.refactor
    );
    if let Found::Green {
        grade: Some(grade), ..
    } = found
    {
        write!(text, "\n{}", graded(grade).trim_end()).ok();
    }
    text
}

pub fn list(course: &Course, journal: &Journal) -> String {
    let mut text = progress(course, journal);
    let here = journal.position(course).map(|(at, _)| at);
    for (at, chapter) in course.chapters.iter().enumerate() {
        let (done, of) = (journal.done(chapter), chapter.steps.len());
        let mark = match (done == of, here == Some(at)) {
            (true, _) => style("✓").green(),
            (false, true) => style("▸").cyan(),
            (false, false) => style(" "),
        };
        writeln!(
            text,
            "{mark} {:<20} {done} of {of} steps  {:>3} min  {}",
            chapter.folder, chapter.minutes, chapter.title
        )
        .ok();
    }
    write!(text, "\n`cargo lesson start CHAPTER` goes to any of them.").ok();
    text
}

pub fn welcome(made: usize) -> String {
    format!(
        "Welcome. `my/` is new: {made} files, each a starter, all yours; nothing of ours writes into them again.\n\
         The chapters are in `lessons/`; read one, save your file, and come back here for the verdict."
    )
}

pub fn finished(course: &Course) -> String {
    let all: usize = course
        .chapters
        .iter()
        .map(|chapter| chapter.steps.len())
        .sum();
    format!(
        "{} All {all} steps are done. `cargo lesson answer CHAPTER` lays your file beside the answer key;\n\
         `cargo lesson start CHAPTER` goes back to a chapter, `cargo lesson reset CHAPTER` begins it anew.",
        style("✓").green().bold()
    )
}

pub fn was_reset(course: &Course, chapter: &Chapter, tests: bool, kept: &[PathBuf]) -> String {
    let code = course.short(&chapter.mine());
    let mut text = match tests {
        true => format!(
            "{code} and {} are the starters again.",
            course.short(&chapter.my_tests())
        ),
        false => format!(
            "{code} is the starter again; {} stays as it is.",
            course.short(&chapter.my_tests())
        ),
    };
    for copy in kept {
        write!(text, "\nWhat was there is in {}", course.short(copy)).ok();
    }
    text
}

/// The chapter is done, and another one is next.
pub fn chapter_done(course: &Course, chapter: &Chapter, next: &Chapter) -> String {
    let readme = course.short(&next.part("README.md"));
    format!(
        "{} Next comes {}; its text is in {readme}.",
        style(format!("✓ Chapter {} is done.", chapter.folder)).green(),
        next.folder
    )
}

/// Breaks lines of prose between words where the terminal is too narrow. What
/// is indented by four or more is code, and stays.
pub fn wrap(text: &str, width: usize) -> String {
    let mut wrapped = String::new();
    for line in text.split_inclusive('\n') {
        let indent = line.len() - line.trim_start_matches(' ').len();
        if indent >= 4 || console::measure_text_width(line) <= width {
            wrapped.push_str(line);
            continue;
        }
        let mut column = 0;
        for word in line.split_inclusive(' ') {
            let long = console::measure_text_width(word.trim_end());
            if column > 0 && column + long > width {
                // A blank at the end of a full line would take a line of its own.
                wrapped.truncate(wrapped.trim_end_matches(' ').len());
                wrapped.push_str("\n  ");
                column = 2;
            }
            wrapped.push_str(word);
            column += console::measure_text_width(word.trim_end_matches('\n'));
        }
    }
    wrapped
}

/// Breaks prose where somebody reads it on a terminal.
pub fn for_reading(text: &str) -> String {
    let terminal = console::Term::stdout();
    match terminal.is_term() {
        true => wrap(text, usize::from(terminal.size().1)),
        false => text.to_string(),
    }
}

/// Breaks a line of keys between them, and never within one.
pub fn wrap_keys(keys: &str, width: usize) -> String {
    const HARD: &str = "\u{a0}";
    let whole = keys.replace(' ', HARD).replace("\u{a0}·\u{a0}", " · ");
    wrap(&whole, width).replace(HARD, " ")
}

/// The first lines of a long text, indented.
fn lines(text: &str, indent: &str) -> String {
    first_lines(text, indent, LINES)
}

/// `a`, `b` and `c`.
fn listed(names: &[impl Display]) -> String {
    let quoted: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
        None => String::new(),
    }
}

fn first_lines(text: &str, indent: &str, most: usize) -> String {
    let all: Vec<&str> = text.lines().collect();
    let mut shown = String::new();
    for line in all.iter().take(most) {
        writeln!(shown, "{indent}{line}").ok();
    }
    if all.len() > most {
        writeln!(shown, "{indent}… {} more lines", all.len() - most).ok();
    }
    shown
}

fn link(course: &Course, place: &Place) -> String {
    link_as(course, place, &format!("{}:{}", place.file, place.line))
}

/// The text as a link to the file, where the terminal knows links.
fn link_as(course: &Course, place: &Place, text: &str) -> String {
    if !console::colors_enabled() || !supports_hyperlinks::on(supports_hyperlinks::Stream::Stdout) {
        return text.to_string();
    }
    let path = course.root.join(&place.file);
    format!(
        "\x1b]8;;{}#{}\x1b\\{text}\x1b]8;;\x1b\\",
        uri(&path),
        place.line
    )
}

/// `file:///home/名/a b.rs`, with all but the plainest bytes escaped.
fn uri(path: &Path) -> String {
    let path = path.display().to_string().replace('\\', "/");
    let mut uri = String::from("file://");
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' | b':' => {
                uri.push(char::from(byte))
            }
            _ => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prose_is_broken_between_words_and_code_is_not() {
        assert_eq!(wrap("one two three\n", 9), "one two\n  three\n");
        assert_eq!(wrap("one two three\n", 7), "one two\n  three\n");
        assert_eq!(wrap("    one two three\n", 9), "    one two three\n");
        assert_eq!(wrap("one\ntwo", 9), "one\ntwo");
    }

    #[test]
    fn keys_are_never_torn() {
        let keys = "n next, through the gate · q quit";
        assert_eq!(wrap_keys(keys, 80), keys);
        let torn = "n next, through the gate ·\n  q quit";
        assert_eq!(wrap_keys(keys, 30), torn);
    }

    #[test]
    fn names_are_listed_as_people_do() {
        assert_eq!(listed(&["bind"]), "`bind`");
        assert_eq!(listed(&["bind", "listen"]), "`bind` and `listen`");
        assert_eq!(
            listed(&["Story", "heard", "said"]),
            "`Story`, `heard` and `said`"
        );
    }
}

//! The main job without a terminal, and the small commands.

use crate::compile::Running;
use crate::course::{Chapter, Course};
use crate::fingerprint::fingerprint;
use crate::journal::{Entry, Event, Journal};
use crate::look::{Found, look};
use crate::mine;
use crate::screen;
use crate::trouble::{Result, Trouble};
use serde_json::json;

/// Judges where the learner is, goes over what is green already, and says what
/// to do next. It ends with 0 whatever the verdict: looking is no failure.
pub fn once(course: &Course, json: bool) -> Result<u8> {
    let mut journal = Journal::read(course);
    let made = mine::make(course, &mut journal)?;
    if made > 0 && !json {
        say!("{}\n", screen::welcome(made));
    }
    let mut passed = Vec::new();
    loop {
        let Some((at, step)) = journal.position(course) else {
            if json {
                say!(
                    "{}",
                    json!({ "command": "lesson", "finished": true, "passed": passed })
                );
            } else {
                say!("{}", screen::finished(course));
            }
            return Ok(0);
        };
        let chapter = &course.chapters[at];
        // Before the look: a save during it belongs to the next.
        let texts = mine::texts(course, chapter);
        let found = look(
            course,
            chapter,
            step,
            console::colors_enabled(),
            &Running::default(),
        )?;
        record(&mut journal, chapter, step, &found, fingerprint(texts))?;
        if found.is_green() {
            if !json {
                let text = screen::step_done(chapter, step, &found);
                say!("{}", screen::for_reading(&text));
            }
            passed.push(json!({ "chapter": chapter.folder, "step": chapter.steps[step].id }));
            journal.add(Entry::new(
                chapter.id(),
                &chapter.steps[step].id,
                Event::Done,
            ))?;
            continue;
        }
        if json {
            say!(
                "{}",
                json!({
                    "command": "lesson",
                    "finished": false,
                    "passed": passed,
                    "chapter": chapter.folder,
                    "step": chapter.steps[step].id,
                    "title": chapter.steps[step].title,
                    "verdict": found.word(),
                    "found": found,
                    "edit": course.short(&screen::file_to_mend(course, chapter, step, &found)),
                })
            );
        } else {
            let text = screen::lesson(course, &journal, at, step, &found);
            say!("{}", screen::for_reading(&text));
        }
        return Ok(0);
    }
}

/// Writes the verdict on that code into the journal.
pub fn record(
    journal: &mut Journal,
    chapter: &Chapter,
    step: usize,
    found: &Found,
    code: String,
) -> Result<()> {
    let mut entry = Entry::new(chapter.id(), &chapter.steps[step].id, Event::Run);
    entry.verdict = found.word().to_string();
    entry.code = code;
    if let Found::Red {
        verdict, failing, ..
    } = found
    {
        entry.failing = failing.clone();
        entry.test = verdict.test.clone();
        entry.message = verdict
            .message
            .lines()
            .next()
            .unwrap_or_default()
            .to_string();
    }
    journal.add_run(entry)
}

pub fn list(course: &Course, json: bool) -> Result<u8> {
    let journal = Journal::read(course);
    if json {
        let chapters: Vec<_> = (course.chapters.iter())
            .map(|chapter| {
                json!({
                    "chapter": chapter.folder,
                    "title": chapter.title,
                    "minutes": chapter.minutes,
                    "steps": chapter.steps.iter().map(|step| &step.id).collect::<Vec<_>>(),
                    "done": journal.done(chapter),
                    "file": course.short(&chapter.mine()),
                })
            })
            .collect();
        say!("{}", json!({ "command": "list", "chapters": chapters }));
    } else {
        say!("{}", screen::list(course, &journal));
    }
    Ok(0)
}

pub fn hint(course: &Course, level: Option<usize>, json: bool) -> Result<u8> {
    let mut journal = Journal::read(course);
    let Some((at, step)) = journal.position(course) else {
        say!("{}", screen::finished(course));
        return Ok(0);
    };
    let (chapter, step) = (&course.chapters[at], &course.chapters[at].steps[step]);
    let last = (journal.entries.iter().rev())
        .take_while(|entry| entry.event != Event::Done)
        .filter(|entry| {
            entry.event == Event::Hint && entry.step == step.id && entry.chapter == chapter.id()
        })
        .count();
    let level = level.unwrap_or(last + 1).clamp(1, step.hints.len());
    let hint = &step.hints[level - 1];
    if level > last {
        journal.add(Entry::new(chapter.id(), &step.id, Event::Hint))?;
    }
    match json {
        true => say!(
            "{}",
            json!({ "command": "hint", "level": level, "of": step.hints.len(), "hint": hint })
        ),
        false => say!("hint {level} of {}: {hint}", step.hints.len()),
    }
    Ok(0)
}

/// Goes on: a look does that where the step is green. Where it is not, says so.
pub fn next(course: &Course, json: bool) -> Result<u8> {
    let before = Journal::read(course).position(course);
    let code = once(course, json)?;
    if before.is_some() && before == Journal::read(course).position(course) && !json {
        say!(
            "Not green yet, so this is still your step; `cargo lesson start CHAPTER` goes to any chapter."
        );
    }
    Ok(code)
}

pub fn start(course: &Course, wish: &str, json: bool) -> Result<u8> {
    let chapter = course.chapter(wish)?;
    let mut journal = Journal::read(course);
    mine::make(course, &mut journal)?;
    journal.add(Entry::new(chapter.id(), "", Event::Start))?;
    if !json && journal.done(chapter) == chapter.steps.len() {
        let (folder, number) = (&chapter.folder, chapter.number());
        say!("{folder} is done already; `cargo lesson reset {number}` begins it anew.\n");
    }
    once(course, json)
}

pub fn reset(course: &Course, wish: &str, tests: bool) -> Result<u8> {
    let chapter = course.chapter(wish)?;
    let mut journal = Journal::read(course);
    let kept = mine::reset(course, chapter, tests)?;
    journal.add(Entry::new(chapter.id(), "", Event::Reset))?;
    say!("{}", screen::was_reset(course, chapter, tests, &kept));
    Ok(0)
}

/// The chapter that is named, or where the learner is, or the last one.
pub fn named_or_here<'a>(course: &'a Course, wish: Option<&str>) -> Result<&'a Chapter> {
    if let Some(wish) = wish {
        return course.chapter(wish);
    }
    let here = Journal::read(course).position(course).map(|(at, _)| at);
    let here = here.map_or(course.chapters.last(), |at| course.chapters.get(at));
    here.ok_or_else(|| Trouble::course("there is no chapter yet".to_string()))
}

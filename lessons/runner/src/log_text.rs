//! The log in the terminal: a line for each step. Each mark has a letter, so
//! that it reads without colour.

use crate::log::Log;
use crate::rhythm::{Mark, PAUSE, Rhythm, Turn};
use console::style;
use std::fmt::Write;

/// How many marks fit beside the rest in 80 columns; the last ones are shown.
const WIDTH: usize = 24;

pub fn draw(log: &Log) -> String {
    let mut text = String::new();
    for rhythm in &log.chapters {
        writeln!(text, "{}", chapter(rhythm)).ok();
    }
    writeln!(text, "{}", legend()).ok();
    writeln!(text, "{}", pauses(log)).ok();
    if let Some(sentence) = broken(log) {
        writeln!(text, "{sentence}").ok();
    }
    text
}

fn chapter(rhythm: &Rhythm) -> String {
    let heading = style(heading(rhythm)).bold();
    let mut text = format!("{heading}\nstep     red   green  hints  runs\n");
    let width = |turn: &Turn| turn.marks.len().min(WIDTH);
    let widest = rhythm.steps.iter().map(width).max().unwrap_or(0);
    for turn in &rhythm.steps {
        writeln!(
            text,
            "{:>4} {:>7} {:>7}  {:>5}  {:>4}  {}{}  {}",
            turn.number,
            duration(turn.red_seconds),
            duration(turn.green_seconds),
            turn.hints,
            turn.runs,
            bar(&turn.marks),
            " ".repeat(widest - width(turn)),
            turn.title
        )
        .ok();
    }
    if let Some(sentence) = doubt(rhythm) {
        writeln!(text, "{sentence}").ok();
    }
    text
}

/// `02 · bind: a socket gets an address`.
pub fn heading(rhythm: &Rhythm) -> String {
    match rhythm.chapter.split_once('-') {
        Some((number, _)) => format!("{number} · {}", rhythm.title),
        None => rhythm.title.clone(),
    }
}

fn bar(marks: &[Mark]) -> String {
    let shown = marks.len().min(WIDTH);
    let left_out = marks.len() > shown;
    let shown = shown - usize::from(left_out);
    let letters = marks[marks.len() - shown..].iter().map(|mark| {
        let letter = style(letter(*mark));
        match mark {
            Mark::Red => letter.white().on_red(),
            Mark::Green => letter.black().on_green(),
            Mark::Tidied => letter.black().on_cyan(),
            Mark::Broken | Mark::Skipped | Mark::Anew => letter.dim(),
        }
        .to_string()
    });
    let begin = if left_out { "…" } else { "" };
    begin.to_string() + &letters.collect::<String>()
}

pub fn letter(mark: Mark) -> char {
    match mark {
        Mark::Red => 'R',
        Mark::Green => 'G',
        Mark::Tidied => 'T',
        Mark::Broken => 'x',
        Mark::Skipped => 's',
        Mark::Anew => '|',
    }
}

pub fn meaning(mark: Mark) -> &'static str {
    match mark {
        Mark::Red => "red",
        Mark::Green => "green",
        Mark::Tidied => "tidied up",
        Mark::Broken => "did not compile",
        Mark::Skipped => "tidying skipped",
        Mark::Anew => "begun anew",
    }
}

pub const MARKS: [Mark; 6] = [
    Mark::Red,
    Mark::Green,
    Mark::Tidied,
    Mark::Broken,
    Mark::Skipped,
    Mark::Anew,
];

fn legend() -> String {
    MARKS
        .map(|mark| format!("{} {}", bar(&[mark]), meaning(mark)))
        .join("   ")
}

/// Seconds as people say them: `40 s`, `12 min`.
pub fn duration(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        _ => format!("{} min", seconds / 60),
    }
}

pub fn pauses(log: &Log) -> String {
    let minutes = PAUSE.as_secs() / 60;
    let left_out = match log.pauses() {
        0 => "there was none".to_string(),
        1 => "1 was left out".to_string(),
        count => format!("{count} were left out"),
    };
    format!(
        "A run's colour lasts until the next entry. More than {minutes} minutes is a pause,\nnot work: {left_out}."
    )
}

pub fn broken(log: &Log) -> Option<String> {
    let lines = match log.broken {
        0 => return None,
        1 => "1 line of my/journal.jsonl is no entry and was".to_string(),
        count => format!("{count} lines of my/journal.jsonl are no entries and were"),
    };
    Some(format!("{lines} passed over."))
}

/// What to ask about steps that went green and were never seen red.
fn doubt(rhythm: &Rhythm) -> Option<String> {
    let doubtful: Vec<&Turn> = (rhythm.steps.iter())
        .filter(|turn| turn.is_doubtful())
        .collect();
    let (last, before) = doubtful.split_last()?;
    let at_once = doubtful.iter().all(|turn| turn.marks[0].is_green());
    let before: Vec<String> = before.iter().map(|turn| turn.number.to_string()).collect();
    let (last, before) = (last.number, before.join(", "));
    let sentence = match (before.is_empty(), at_once) {
        (true, true) => {
            format!("Step {last} was green at its first run: was its test ever red?")
        }
        (true, false) => format!("Step {last} went green, and its own test was never seen red."),
        (false, true) => format!(
            "Steps {before} and {last} were green at their first run: were their tests ever red?"
        ),
        (false, false) => format!(
            "Steps {before} and {last} went green, and their own tests were never seen red."
        ),
    };
    Some(format!("{sentence} Break the code once and look."))
}

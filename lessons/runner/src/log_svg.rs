//! The log as a picture that needs nothing else: no font, no script, no file.

use crate::log::Log;
use crate::log_text::{MARKS, duration, heading, letter, meaning, pauses};
use crate::rhythm::{Mark, Rhythm, Turn};
use std::fmt::Write;

/// How each of our pictures begins: what begins otherwise is not ours.
pub const MARK: &str = "<!-- drawn by cargo lesson log, which may draw over it -->\n";

const WIDTH: usize = 760;
const EDGE: usize = 24;
/// A mark is a square of that side.
const SIDE: usize = 18;
/// From one mark to the next.
const PITCH: usize = 20;
const PER_ROW: usize = (WIDTH - 2 * EDGE) / PITCH;
/// A longer title would run into the numbers.
const TITLE: usize = 44;

/// The paper is drawn, too, and dark where the reader's is: so the words can
/// be read on any page. The marks have one colour for both.
const STYLE: &str = "<style>\n\
    @media (prefers-color-scheme: dark) { .paper { fill: #161b22 } .ink { fill: #e6edf3 } .faint { fill: #9da7b3 } }\n\
    </style>\n";

pub fn draw(log: &Log) -> String {
    let mut picture = Picture::default();
    picture.line(12);
    for rhythm in &log.chapters {
        picture.chapter(rhythm);
    }
    picture.legend(log);
    let (height, body) = (picture.y + EDGE, picture.body);
    format!(
        "{MARK}<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
         width=\"{WIDTH}\" height=\"{height}\" role=\"img\" aria-labelledby=\"title desc\" \
         font-family=\"sans-serif\" font-size=\"13\">\n\
         <title id=\"title\">The rhythm of red and green</title>\n\
         <desc id=\"desc\">{}</desc>\n{STYLE}\
         <rect class=\"paper\" width=\"{WIDTH}\" height=\"{height}\" rx=\"8\" fill=\"#ffffff\"/>\n\
         {body}</svg>\n",
        escape(&description(log))
    )
}

/// The picture in words, for who does not see it.
fn description(log: &Log) -> String {
    let steps = log.chapters.iter().flat_map(|rhythm| {
        let line = |turn: &Turn| {
            let marks: String = turn.marks.iter().map(|mark| letter(*mark)).collect();
            format!(
                "{}, step {}: {marks}, {}.",
                rhythm.chapter,
                turn.number,
                numbers(turn)
            )
        };
        rhythm.steps.iter().map(line).collect::<Vec<_>>()
    });
    let legend = MARKS.map(|mark| format!("{} {}", letter(mark), meaning(mark)));
    format!(
        "{}. {}",
        legend.join(", "),
        steps.collect::<Vec<_>>().join(" ")
    )
}

fn numbers(turn: &Turn) -> String {
    let count = |count: usize, what: &str| match count {
        1 => format!("1 {what}"),
        count => format!("{count} {what}s"),
    };
    format!(
        "{} · red {} · green {} · {}",
        count(turn.runs, "run"),
        duration(turn.red_seconds),
        duration(turn.green_seconds),
        count(turn.hints, "hint")
    )
}

/// A text that means itself in XML. What XML cannot hold becomes `�`.
fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for c in text.chars() {
        match c {
            '&' => escaped += "&amp;",
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '"' => escaped += "&quot;",
            '\'' => escaped += "&#39;",
            '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            c if c.is_control() && !"\t\n\r".contains(c) => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

/// What is drawn so far, and how far down.
#[derive(Default)]
struct Picture {
    body: String,
    y: usize,
}

impl Picture {
    fn line(&mut self, height: usize) {
        self.y += height;
    }

    /// Writes a text whose first letter (or last, from the right) is at `x`.
    fn text(&mut self, x: usize, class: &str, attributes: &str, text: &str) {
        let fill = if class == "ink" { "#1f2328" } else { "#59636e" };
        writeln!(
            self.body,
            "<text class=\"{class}\" x=\"{x}\" y=\"{}\" fill=\"{fill}\"{attributes}>{}</text>",
            self.y,
            escape(text)
        )
        .ok();
    }

    fn chapter(&mut self, rhythm: &Rhythm) {
        self.line(28);
        let bold = " font-size=\"16\" font-weight=\"bold\"";
        self.text(EDGE, "ink", bold, &heading(rhythm));
        for turn in &rhythm.steps {
            self.turn(turn);
        }
        self.line(12);
    }

    fn turn(&mut self, turn: &Turn) {
        self.line(28);
        let mut title: String = turn.title.chars().take(TITLE).collect();
        if title.len() < turn.title.len() {
            title.push('…');
        }
        self.text(EDGE, "ink", "", &format!("{} · {title}", turn.number));
        let right = " text-anchor=\"end\"";
        self.text(WIDTH - EDGE, "faint", right, &numbers(turn));
        self.line(8);
        for row in turn.marks.chunks(PER_ROW) {
            for (at, mark) in row.iter().enumerate() {
                self.mark(EDGE + at * PITCH, *mark);
            }
            self.line(PITCH);
        }
        if turn.is_doubtful() {
            self.line(14);
            let question = "Never seen red. Break the code once and look.";
            self.text(EDGE, "faint", " font-style=\"italic\"", question);
        }
    }

    /// Draws a mark whose upper edge is where we are.
    fn mark(&mut self, x: usize, mark: Mark) {
        let fill = match mark {
            Mark::Red => "#c4332d",
            Mark::Green => "#1f7a3a",
            Mark::Tidied => "#1f63b5",
            Mark::Broken | Mark::Skipped | Mark::Anew => "#5f6873",
        };
        writeln!(
            self.body,
            "<rect x=\"{x}\" y=\"{}\" width=\"{SIDE}\" height=\"{SIDE}\" rx=\"3\" fill=\"{fill}\"/>\
             <text x=\"{}\" y=\"{}\" fill=\"#ffffff\" font-size=\"12\" font-weight=\"bold\" text-anchor=\"middle\">{}</text>",
            self.y,
            x + SIDE / 2,
            self.y + 13,
            letter(mark)
        )
        .ok();
    }

    fn legend(&mut self, log: &Log) {
        self.line(20);
        let mut x = EDGE;
        for mark in MARKS {
            self.mark(x, mark);
            self.y += 13;
            self.text(x + PITCH + 4, "ink", "", meaning(mark));
            self.y -= 13;
            // Wide enough for any font's letters.
            x += PITCH + 28 + meaning(mark).len() * 7;
        }
        self.line(PITCH + 20);
        let faint = " font-size=\"12\"";
        self.text(EDGE, "faint", faint, &pauses(log).replace('\n', " "));
    }
}

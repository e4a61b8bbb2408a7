//! Edits a line at the bottom of a terminal, while other lines come in above.
//!
//! Two threads want to write on one screen: one draws what is typed, the other
//! what is heard. So the second hands its lines to the first, which takes its
//! own line away, prints the other's, and draws its own again. Between two
//! lines nobody edits; what comes then has to wait for the next prompt.

use crate::logging::harmless;
use crate::terminal::colour::Colours;
use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::MemHistory;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{ColorMode, Config, Editor, ExternalPrinter, Helper};
use std::borrow::Cow;
use std::io::{self, IsTerminal, Write};
use std::process::{Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// Where lines are typed. The arrow keys bring older ones back.
pub struct Prompt {
    editor: Editor<Dress, MemHistory>,
    prompt: String,
}

/// Where lines are shown while others are typed.
pub struct Printer {
    printer: Box<dyn ExternalPrinter + Send>,
    gate: Gate,
}

/// Returns a prompt with that name and the printer that goes with it; `None`
/// where there is no terminal that can edit, but a pipe, a file, or `TERM=dumb`.
pub fn open(name: &str, colours: Colours) -> Option<(Prompt, Printer)> {
    if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
        return None;
    }
    // The hooks below are only called where the editor thinks of colours.
    let config = Config::builder()
        .auto_add_history(true)
        .color_mode(ColorMode::Forced)
        .build();
    let history = MemHistory::with_config(&config);
    let mut editor = Editor::with_history(config, history).ok()?;
    let printer = Box::new(editor.create_external_printer().ok()?);
    let (gate, name) = (Gate::default(), harmless(name));
    editor.set_helper(Some(Dress {
        prompt: format!("{}> ", colours.name(&name)),
        gate: gate.clone(),
    }));
    let prompt = format!("{name}> ");
    Some((Prompt { editor, prompt }, Printer { printer, gate }))
}

impl Prompt {
    /// Waits for a line; `None` after Ctrl-C, and Ctrl-D on an empty line.
    ///
    /// The line is taken off the screen again: it comes back from the room,
    /// where it has its place among what others said.
    ///
    /// # Errors
    /// Those of the terminal.
    pub fn line(&mut self) -> io::Result<Option<String>> {
        match self.editor.readline(&self.prompt) {
            Ok(line) => {
                let columns = self.editor.dimensions().map_or(80, |(columns, _)| columns);
                let rows = (width(&self.prompt) + width(&line)) / usize::from(columns.max(1)) + 1;
                wipe(rows)?;
                Ok(Some(line))
            }
            Err(ReadlineError::Eof | ReadlineError::Interrupted | ReadlineError::Signal(_)) => {
                wipe(1)?;
                Ok(None)
            }
            Err(ReadlineError::Io(error)) => Err(error),
            Err(error) => Err(io::Error::other(error)),
        }
    }
}

impl Printer {
    /// Shows a line, which must be harmless, above the one that is typed.
    ///
    /// # Errors
    /// Those of the terminal.
    pub fn print(&mut self, line: &str) -> io::Result<()> {
        self.gate.pass();
        let result = self.printer.print(format!("{line}\n"));
        result.map_err(io::Error::other)
    }
}

/// Takes the last rows above the cursor off the screen.
fn wipe(rows: usize) -> io::Result<()> {
    let mut screen = io::stdout();
    write!(screen, "\x1b[{rows}A\r\x1b[J")?;
    screen.flush()
}

/// At most so many columns `text` takes; rather too few than too many, for
/// that many rows are wiped.
fn width(text: &str) -> usize {
    let seen = |sign: &char| sign.is_alphanumeric() || (' '..='~').contains(sign);
    text.chars().filter(seen).count()
}

/// Closed between two lines, from Enter to the next prompt.
#[derive(Clone, Default)]
struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    fn close(&self, closed: bool) {
        *self.lock() = closed;
        self.0.1.notify_all();
    }

    fn pass(&self) {
        let closed = self.0.1.wait_while(self.lock(), |closed| *closed);
        drop(closed.unwrap_or_else(PoisonError::into_inner));
    }

    fn lock(&self) -> MutexGuard<'_, bool> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the editor calls while it draws.
struct Dress {
    prompt: String,
    gate: Gate,
}

impl Highlighter for Dress {
    fn highlight_prompt<'b, 's: 'b, 'p: 'b>(&'s self, _: &'p str, _: bool) -> Cow<'b, str> {
        // The prompt is drawn: from here on lines can be handed over.
        self.gate.close(false);
        Cow::Borrowed(&self.prompt)
    }
}

impl Validator for Dress {
    fn validate(&self, _: &mut ValidationContext) -> rustyline::Result<ValidationResult> {
        // Enter: the editor is about to leave the line.
        self.gate.close(true);
        Ok(ValidationResult::Valid(None))
    }
}

impl Completer for Dress {
    type Candidate = String;
}

impl Hinter for Dress {
    type Hint = String;
}

impl Helper for Dress {}

/// Puts the terminal back as it was when this was made, also in the middle of
/// a line: where the program ends, the editor may still wait for a key.
pub struct Restore(Option<String>);

impl Restore {
    /// Notes how the terminal is now. Where there is no `stty`, nothing.
    pub fn later() -> Restore {
        let output = stty("-g");
        let modes = output.ok().filter(|output| output.status.success());
        let modes = modes.and_then(|output| String::from_utf8(output.stdout).ok());
        Restore(modes.map(|modes| modes.trim().to_owned()))
    }
}

impl Drop for Restore {
    fn drop(&mut self) {
        let mut screen = io::stdout();
        // Wipes the prompt, and ends the bracketed paste.
        let _ = write!(screen, "\r\x1b[J\x1b[?2004l");
        let _ = screen.flush();
        if let Some(modes) = &self.0 {
            let _ = stty(modes);
        }
    }
}

fn stty(argument: &str) -> io::Result<std::process::Output> {
    let mut command = Command::new("stty");
    command.arg(argument).stdin(Stdio::inherit()).output()
}

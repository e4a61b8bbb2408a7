//! Edits a line at the bottom of a terminal, while other lines come in above.
//!
//! Two threads want to write on one [`Screen`]: one draws what is typed, the
//! other what is heard. So the second leaves its lines to the first, which
//! takes its own line away, writes the other's, and draws its own again.
//! Between two lines nobody edits, and the second may write by itself.

use crate::logging::harmless;
use crate::terminal::colour::Colours;
use crate::terminal::screen::Screen;
use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::{CmdKind, Highlighter};
use rustyline::hint::Hinter;
use rustyline::history::MemHistory;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{ColorMode, Config, Editor, ExternalPrinter, GraphemeClusterMode, Helper};
use std::borrow::Cow;
use std::cell::RefCell;
use std::io::{self, IsTerminal, Write};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread;
use unicode_segmentation::UnicodeSegmentation;

/// The editor draws a tabulator up to the next multiple of this.
const TAB: usize = 8;

/// After the escape key the editor hears nobody for so many milliseconds: the
/// arrow keys begin with it.
const ESCAPE: u16 = 200;

/// Where lines are typed. The arrow keys bring older ones back.
pub struct Prompt {
    editor: Editor<Dress, MemHistory>,
    prompt: String,
    screen: Arc<Screen>,
    /// How wide a sign is here, as the editor thinks.
    wide: GraphemeClusterMode,
}

/// Where lines are shown while others are typed. Its clones are the same place.
#[derive(Clone)]
pub struct Printer {
    screen: Arc<Screen>,
    colours: Colours,
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
        .keyseq_timeout(Some(ESCAPE))
        .build();
    let history = MemHistory::with_config(&config);
    let mut editor = Editor::with_history(config.clone(), history).ok()?;
    let mut knocker = editor.create_external_printer().ok()?;
    let screen = Arc::new(Screen::default());
    let knocked_at = screen.clone();
    let knock = move || knocked_at.knock(|text| knocker.print(text).is_ok());
    thread::Builder::new().spawn(knock).ok()?;
    let name = harmless(name);
    editor.set_helper(Some(Dress {
        prompt: format!("{}> ", colours.name(&name)),
        screen: screen.clone(),
        typed: RefCell::default(),
    }));
    let printer = Printer {
        screen: screen.clone(),
        colours,
    };
    let prompt = Prompt {
        editor,
        prompt: format!("{name}> "),
        screen,
        wide: config.grapheme_cluster_mode(),
    };
    Some((prompt, printer))
}

impl Prompt {
    /// Waits for a line; `None` after Ctrl-C, and Ctrl-D on an empty line: then
    /// there are no more.
    ///
    /// The line is taken off the screen again: it comes back from the room,
    /// where it has its place among what others said.
    ///
    /// # Errors
    /// Those of the terminal.
    pub fn line(&mut self) -> io::Result<Option<String>> {
        self.screen.lend();
        let result = self.editor.readline(&self.prompt);
        let columns = self.editor.dimensions().map_or(80, |(columns, _)| columns);
        let typed = self.editor.helper().map(|dress| dress.typed.take());
        let drawn = format!("{}{}", self.prompt, typed.unwrap_or_default());
        self.screen
            .take_back(rows(&drawn, columns.into(), self.wide))?;
        match result {
            Ok(line) => Ok(Some(line)),
            Err(ReadlineError::Eof | ReadlineError::Interrupted | ReadlineError::Signal(_)) => {
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
    pub fn print(&self, line: &str) -> io::Result<()> {
        self.screen.show(line)
    }

    /// Shows a note of ours, which is made harmless, in the same place.
    ///
    /// # Errors
    /// Those of the terminal.
    pub fn note(&self, text: &str) -> io::Result<()> {
        let note = format!("— {}", harmless(text));
        self.print(&self.colours.pale(&note))
    }
}

/// How many rows the editor has drawn `text` on, as it reckons itself: a wide
/// sign that has no room at the end of a row stands on the next one, and behind
/// a full row there is an empty one.
fn rows(text: &str, columns: usize, wide: GraphemeClusterMode) -> usize {
    let (mut row, mut column) = (1, 0);
    for sign in text.graphemes(true) {
        let width = match sign {
            "\t" => TAB - column % TAB,
            "\n" => 0,
            _ => usize::from(wide.width(sign)),
        };
        column += width;
        if sign == "\n" {
            (row, column) = (row + 1, 0);
        } else if column > columns {
            (row, column) = (row + 1, width);
        }
    }
    row + usize::from(column == columns)
}

/// What the editor calls while it draws.
struct Dress {
    prompt: String,
    screen: Arc<Screen>,
    /// What stands behind the prompt: nobody tells it where Ctrl-C ends a line.
    typed: RefCell<String>,
}

impl Highlighter for Dress {
    fn highlight_char(&self, line: &str, _: usize, _: CmdKind) -> bool {
        self.screen.will_draw();
        line.clone_into(&mut self.typed.borrow_mut());
        false
    }

    fn highlight<'l>(&self, line: &'l str, _: usize) -> Cow<'l, str> {
        // Who pastes a text may not know all that is in it. What is left out
        // has no width; line ends and tabulators are the editor's to draw.
        let drawn = |sign: &char| {
            let text = sign.to_string();
            matches!(sign, '\n' | '\t') || harmless(&text) == text
        };
        match line.chars().all(|sign| drawn(&sign)) {
            true => Cow::Borrowed(line),
            false => Cow::Owned(line.chars().filter(drawn).collect()),
        }
    }

    fn highlight_prompt<'b, 's: 'b, 'p: 'b>(
        &'s self,
        prompt: &'p str,
        is_ours: bool,
    ) -> Cow<'b, str> {
        // Where the editor searches what was said before, it has its own.
        let prompt = if is_ours { &self.prompt } else { prompt };
        Cow::Owned(self.screen.above() + prompt)
    }
}

impl Validator for Dress {
    fn validate(&self, _: &mut ValidationContext) -> rustyline::Result<ValidationResult> {
        // Enter: the editor is about to leave the line.
        self.screen.is_over();
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
pub struct Restore {
    screen: Arc<Screen>,
    modes: Option<String>,
}

impl Restore {
    /// Notes how the terminal is now, and stops it from showing keys: between
    /// two lines nobody would take them off the screen again. Where there is no
    /// `stty`, nothing.
    pub fn later(printer: &Printer) -> Restore {
        let output = stty("-g");
        let modes = output.ok().filter(|output| output.status.success());
        let modes = modes.and_then(|output| String::from_utf8(output.stdout).ok());
        let _ = stty("-echo");
        Restore {
            screen: printer.screen.clone(),
            modes: modes.map(|modes| modes.trim().to_owned()),
        }
    }
}

impl Drop for Restore {
    fn drop(&mut self) {
        let _ = self.screen.close();
        let mut screen = io::stdout();
        // Ends the bracketed paste.
        let _ = write!(screen, "\x1b[?2004l");
        let _ = screen.flush();
        if let Some(modes) = &self.modes {
            let _ = stty(modes);
        }
    }
}

fn stty(argument: &str) -> io::Result<std::process::Output> {
    let mut command = Command::new("stty");
    command.arg(argument).stdin(Stdio::inherit()).output()
}

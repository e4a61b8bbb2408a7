//! Lends one screen to two threads: one edits a line, the other has lines to
//! show.
//!
//! While somebody edits, the screen is the editor's. Lines wait, and are drawn
//! together with the prompt, above it, in one write. Whoever has a line does
//! not wait for a key to be pressed: so one thread more knocks at the editor.
//! While nobody edits, whoever has a line writes it.
//!
//! ```
//! use chatroom::terminal::screen::Screen;
//!
//! let screen = Screen::default();
//! screen.lend();
//! screen.show("bob: hi")?;
//! assert_eq!(screen.above(), "bob: hi\n");
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! Left out: what a prompt looks like.

use std::io::{self, Write};
use std::mem;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// At most so many lines wait for an editor that does not come to draw them.
const WAITING: usize = 1000;

/// Goes up a line and comes back: nothing moves, whoever writes it.
const KNOCK: &str = "\x1b[A\n";

/// A knock that takes longer than this waits for the editor to hear another,
/// and the editor need not wait for it.
const ON_ITS_WAY: Duration = Duration::from_millis(100);

/// So long the editor has to take its last prompt away: it may be busy with
/// something else than the line, and a terminal may have stopped.
const LAST: Duration = Duration::from_secs(3);

/// A screen, and what is to be drawn on it.
#[derive(Debug, Default)]
pub struct Screen {
    state: Mutex<State>,
    change: Condvar,
}

#[derive(Debug, Default)]
struct State {
    lent: Lent,
    waiting: Vec<String>,
    /// Somebody has knocked since the prompt was drawn.
    knocked: bool,
    /// Somebody is about to knock.
    knocks: bool,
    /// The editor draws because of a key, and nobody needed to knock.
    by_itself: bool,
    /// There will be no more prompts.
    closed: bool,
}

/// Whether the screen is the editor's.
#[derive(Debug, Default, PartialEq, Eq)]
enum Lent {
    #[default]
    No,
    /// It is, and the editor has drawn no prompt yet.
    Yes,
    /// There is a prompt, and the editor hears who knocks.
    WithPrompt,
    /// The line is over, and still on the screen.
    WithOldLine,
}

impl Screen {
    /// Shows a line, which must be harmless: at once, or as soon as the editor
    /// draws. It waits where too many wait already.
    ///
    /// # Errors
    /// Those of the terminal.
    pub fn show(&self, line: &str) -> io::Result<()> {
        let full = |state: &State| state.lent != Lent::No && state.waiting.len() >= WAITING;
        let mut state = self.wait_while(full);
        if state.lent == Lent::No {
            return write(&format!("{line}\n"));
        }
        state.waiting.push(format!("{line}\n"));
        self.change.notify_all();
        Ok(())
    }

    /// Gives the screen to the editor.
    pub fn lend(&self) {
        // A knock at nobody moves nothing, but let it not come too late.
        let state = self
            .change
            .wait_timeout_while(self.lock(), ON_ITS_WAY, |state| state.knocks);
        let (mut state, _) = state.unwrap_or_else(PoisonError::into_inner);
        while state.closed {
            state = self.wait_for_ever(state);
        }
        state.lent = Lent::Yes;
    }

    /// Notes that a key was pressed, and that the editor will draw for it.
    pub fn will_draw(&self) {
        self.lock().by_itself = true;
    }

    /// Returns the lines to be drawn above the prompt, which is drawn now.
    ///
    /// Where the screen is to be closed, it does not return: who has knocked
    /// finds the old prompt taken away, and there is no other.
    pub fn above(&self) -> String {
        let mut state = self.lock();
        if state.lent == Lent::Yes {
            state.lent = Lent::WithPrompt;
        }
        state.knocked = false;
        let by_itself = mem::take(&mut state.by_itself);
        if state.closed && !by_itself && state.lent == Lent::WithPrompt {
            state.lent = Lent::No;
        }
        self.change.notify_all();
        while state.closed && state.lent == Lent::No {
            state = self.wait_for_ever(state);
        }
        state.waiting.drain(..).collect()
    }

    /// Notes that the editor hears nobody any more: the line is over.
    pub fn is_over(&self) {
        self.lock().lent = Lent::WithOldLine;
    }

    /// Takes the screen back, wipes the last rows above the cursor, and shows
    /// what has waited.
    ///
    /// # Errors
    /// Those of the terminal.
    pub fn take_back(&self, rows: usize) -> io::Result<()> {
        let mut state = self.lock();
        state.lent = Lent::No;
        self.change.notify_all();
        let lines: String = state.waiting.drain(..).collect();
        write(&format!("\x1b[{rows}A\r\x1b[J{lines}"))
    }

    /// Takes the screen back for good, and shows what has waited. The editor
    /// waits from here on until the program ends.
    ///
    /// # Errors
    /// Those of the terminal.
    pub fn close(&self) -> io::Result<()> {
        let mut state = self.lock();
        state.closed = true;
        self.change.notify_all();
        let left = (self.change).wait_timeout_while(state, LAST, |state| state.lent != Lent::No);
        let (mut state, in_time) = left.unwrap_or_else(PoisonError::into_inner);
        let wiped = if in_time.timed_out() { "\r\x1b[J" } else { "" };
        let lines: String = state.waiting.drain(..).collect();
        write(&format!("{wiped}{lines}"))
    }

    /// Knocks at the editor, with what is written to it, whenever lines wait
    /// and there is a prompt. It returns at the first error.
    pub fn knock(&self, mut write: impl FnMut(String) -> bool) {
        let needless = |state: &State| {
            let nothing = state.waiting.is_empty() && !state.closed;
            state.lent != Lent::WithPrompt || nothing || state.knocked
        };
        loop {
            let mut state = self.wait_while(needless);
            (state.knocked, state.knocks) = (true, true);
            // Not under the lock: the editor may have to draw before it hears.
            drop(state);
            let heard = write(KNOCK.to_owned());
            self.lock().knocks = false;
            self.change.notify_all();
            if !heard {
                return;
            }
        }
    }

    fn wait_while(&self, condition: impl Fn(&State) -> bool) -> MutexGuard<'_, State> {
        let state = self
            .change
            .wait_while(self.lock(), |state| condition(state));
        state.unwrap_or_else(PoisonError::into_inner)
    }

    fn wait_for_ever<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        let state = self.change.wait(state);
        state.unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn write(text: &str) -> io::Result<()> {
    let mut screen = io::stdout();
    screen.write_all(text.as_bytes())?;
    screen.flush()
}

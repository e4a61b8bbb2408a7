//! The terminal as it was when we came. While a key is awaited it is raw, and
//! who is ended in that moment would leave it so.

#[cfg(unix)]
mod unix {
    use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};
    use std::sync::OnceLock;

    static BEFORE: OnceLock<Termios> = OnceLock::new();

    pub fn remember() {
        if let Ok(modes) = tcgetattr(std::io::stdin()) {
            BEFORE.set(modes).ok();
        }
    }

    pub fn restore() {
        if let Some(modes) = BEFORE.get() {
            // An error means that the terminal is gone.
            tcsetattr(std::io::stdin(), OptionalActions::Now, modes).ok();
        }
    }
}

#[cfg(unix)]
pub use unix::{remember, restore};

#[cfg(not(unix))]
pub fn remember() {}

#[cfg(not(unix))]
pub fn restore() {}

//! Many deadlines, and one timer for all of them.
//!
//! A loop waits in one call, and that call takes one timeout: until the first
//! deadline of all. Who keeps ten thousand of them in order finds the first
//! without a look at the others.
//!
//! ```
//! use chatroom::scale::deadlines::Deadlines;
//! use std::time::{Duration, Instant};
//!
//! let (now, second) = (Instant::now(), Duration::from_secs(1));
//! let mut deadlines = Deadlines::default();
//! let (mut of_7, mut of_8) = (None, None);
//! deadlines.set(7, &mut of_7, Some(now + 2 * second));
//! deadlines.set(8, &mut of_8, Some(now + second));
//! assert_eq!(deadlines.wait(now), Some(second));
//! assert_eq!(deadlines.next_over(now), None);
//! assert_eq!(deadlines.next_over(now + second), Some(8));
//! ```
//!
//! Left out: the clock. Time is a parameter.

use std::collections::BTreeSet;
use std::mem;
use std::time::{Duration, Instant};

/// At most one deadline for each number. Who has none costs nothing here.
#[derive(Debug, Default)]
pub struct Deadlines {
    in_order: BTreeSet<(Instant, usize)>,
}

impl Deadlines {
    /// Sets a deadline, or takes it away. `place` is where the number's owner
    /// keeps it, `None` at first and else only changed by this call.
    pub fn set(&mut self, number: usize, place: &mut Option<Instant>, until: Option<Instant>) {
        if let Some(before) = mem::replace(place, until) {
            // One that is over is not there any more.
            self.in_order.remove(&(before, number));
        }
        if let Some(until) = until {
            self.in_order.insert((until, number));
        }
    }

    /// Returns how long it is until the first deadline.
    pub fn wait(&self, now: Instant) -> Option<Duration> {
        let (first, _) = self.in_order.first()?;
        Some(first.saturating_duration_since(now))
    }

    /// Takes one whose deadline is over, the first of them first.
    pub fn next_over(&mut self, now: Instant) -> Option<usize> {
        let (first, number) = *self.in_order.first()?;
        if first > now {
            return None;
        }
        self.in_order.pop_first();
        Some(number)
    }
}

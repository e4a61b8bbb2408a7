//! What a room allows: its [`Options`], how many [`Guests`] there may be, in
//! all and from one address, how long it is [`Patient`], and what a name must
//! not be.
//!
//! Whoever has opened a thousand connections is one person who keeps out a
//! thousand. [`Gate`](crate::server::threading::Gate) lets the surplus wait,
//! where nobody tells them why; here they are refused, and can be told.
//!
//! ```
//! use chatroom::chat::limits::{Guests, Refused};
//! use std::net::IpAddr;
//!
//! let guests = Guests::new(100, 1);
//! let home = IpAddr::from([127, 0, 0, 1]);
//! let place = guests.admit(home)?;
//! assert_eq!(guests.admit(home).err(), Some(Refused::TooManyFromThere));
//! drop(place);
//! assert!(guests.admit(home).is_ok());
//! # Ok::<(), Refused>(())
//! ```
//!
//! Left out: networks. Behind one address there may be a whole office, and in
//! one network there may be a thousand addresses.

use crate::chat::frame::Framing;
use crate::chat::outlet::Outlet;
use chrono::{DateTime, FixedOffset, Local};
use std::cell::Cell;
use std::collections::HashMap;
use std::fmt;
use std::io::{self, ErrorKind, Read};
use std::net::{IpAddr, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What somebody hears who says nothing for too long.
pub const TOO_LATE: &str = "you have said nothing in time";

/// How a room is opened.
#[derive(Clone, Debug)]
pub struct Options {
    pub framing: Framing,
    /// The longest body, in bytes.
    pub frame: usize,
    /// At most so many members.
    pub members: usize,
    /// At most so many from one address: a class behind one router gets in,
    /// and one person with a loop does not take every place.
    pub per_address: usize,
    /// So many bytes a member may be behind.
    pub behind: usize,
    /// So many messages a newcomer hears first, of those that were said before.
    pub history: usize,
    /// How long one may be here before its first message.
    pub silence: Option<Duration>,
    /// How long last words may take: what a member hears at its end, and the
    /// room's goodbye to all.
    pub grace: Duration,
    /// Tells the time of what the server says.
    pub clock: fn() -> DateTime<FixedOffset>,
    /// Where what members say goes.
    pub outlet: Outlet,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            framing: Framing::Line,
            frame: 64 * 1024,
            members: 1_000,
            per_address: 100,
            behind: 4 * 1024 * 1024,
            history: 0,
            silence: Some(Duration::from_secs(300)),
            grace: Duration::from_secs(1),
            clock: || Local::now().fixed_offset(),
            outlet: Outlet::default(),
        }
    }
}

/// Counts who is here. Its clones count the same.
#[derive(Clone, Debug)]
pub struct Guests(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    most: usize,
    per_address: usize,
    state: Mutex<State>,
    gone: Condvar,
}

#[derive(Debug, Default)]
struct State {
    all: usize,
    by_address: HashMap<IpAddr, usize>,
    closed: bool,
}

/// A place among the guests, which is given back by its drop.
#[derive(Debug)]
pub struct Place {
    guests: Guests,
    address: IpAddr,
}

/// Why somebody is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// There are as many as there may be.
    Full,
    /// There are as many from this address as there may be.
    TooManyFromThere,
    /// Nobody is let in any more.
    Closing,
}

impl Guests {
    /// Allows for `most` in all, and `per_address` from one address.
    pub fn new(most: usize, per_address: usize) -> Guests {
        Guests(Arc::new(Shared {
            most,
            per_address,
            state: Mutex::default(),
            gone: Condvar::new(),
        }))
    }

    /// Gives a place to somebody from this address, without waiting for one.
    ///
    /// # Errors
    /// [`Refused`] says why there is none.
    pub fn admit(&self, address: IpAddr) -> Result<Place, Refused> {
        let mut state = self.lock();
        let from_there = state.by_address.get(&address).copied().unwrap_or(0);
        if state.closed {
            return Err(Refused::Closing);
        }
        if state.all >= self.0.most {
            return Err(Refused::Full);
        }
        if from_there >= self.0.per_address {
            return Err(Refused::TooManyFromThere);
        }
        state.all += 1;
        state.by_address.insert(address, from_there + 1);
        let guests = self.clone();
        Ok(Place { guests, address })
    }

    /// Lets nobody in any more.
    pub fn close(&self) {
        self.lock().closed = true;
    }

    /// Waits until nobody is here, but no longer than `patience`, and says
    /// whether that is so.
    pub fn wait_until_gone(&self, patience: Duration) -> bool {
        let (state, _) = (self.0.gone)
            .wait_timeout_while(self.lock(), patience, |state| state.all > 0)
            .unwrap_or_else(PoisonError::into_inner);
        state.all == 0
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Returns the address that it is counted for.
    pub fn address(&self) -> IpAddr {
        self.address
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.guests.lock();
        state.all -= 1;
        if let Some(count) = state.by_address.get_mut(&self.address) {
            *count -= 1;
            // Who is not here leaves no entry behind.
            if *count == 0 {
                state.by_address.remove(&self.address);
            }
        }
        drop(state);
        self.guests.0.gone.notify_all();
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Refused::Full => "the room is full",
            Refused::TooManyFromThere => "too many are here from your address",
            Refused::Closing => "the room is closing",
        })
    }
}

impl std::error::Error for Refused {}

/// Says what is wrong with a name that looks like another, or like none: it
/// begins or ends with a blank, or has a character that nobody sees. Names that
/// can be told apart by a careful reader are all right.
pub fn flaw(name: &str) -> Option<String> {
    if name.trim() != name {
        return Some("a name neither begins nor ends with a blank".into());
    }
    let hidden = name
        .chars()
        .find(|it| it.is_control() || is_ignorable(*it))?;
    let hidden = hidden.escape_unicode();
    Some(format!("nobody sees the {hidden} in that name"))
}

/// Whether a character leaves no mark where it is shown: Unicode calls them
/// Default_Ignorable_Code_Point. The end of a line and of a paragraph are none
/// of them, and not to be seen either.
fn is_ignorable(character: char) -> bool {
    matches!(character,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
        | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}' | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// A stream whose bytes have to come until a moment, all of them together: who
/// sends one byte for each timeout would stay for ever. `None` is no limit.
pub struct Patient<'a, R, C> {
    /// A read that comes back in time, where it is told a time.
    pub read: R,
    /// The clock.
    pub now: C,
    pub until: &'a Cell<Option<Instant>>,
}

impl<R, C> Read for Patient<'_, R, C>
where
    R: FnMut(&mut [u8], Option<Duration>) -> io::Result<usize>,
    C: Fn() -> Instant,
{
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let too_late = || io::Error::new(ErrorKind::TimedOut, TOO_LATE);
        let now = (self.now)();
        let left = (self.until.get()).map(|until| until.saturating_duration_since(now));
        if left == Some(Duration::ZERO) {
            return Err(too_late());
        }
        (self.read)(buffer, left).map_err(|error| match error.kind() {
            // Most systems say that it would have to wait, longer than it may.
            ErrorKind::WouldBlock | ErrorKind::TimedOut if left.is_some() => too_late(),
            _ => error,
        })
    }
}

/// Makes reads from a connection, each for no longer than it is told.
pub fn reads(
    mut stream: &TcpStream,
) -> impl FnMut(&mut [u8], Option<Duration>) -> io::Result<usize> {
    let mut timeout = None;
    move |buffer, wait| {
        if wait != timeout {
            stream.set_read_timeout(wait)?;
            timeout = wait;
        }
        stream.read(buffer)
    }
}

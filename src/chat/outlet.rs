//! Where what the members say goes: to the room at once, or first to a relay,
//! which says it when all the rooms of the same name say it.
//!
//! ```
//! use chatroom::chat::outlet::Outlet;
//!
//! let outlet = Outlet::default();
//! let room = outlet.room(1024);
//! let (_alice, mut to_alice) = room.join(|| ());
//! outlet.say(&room, b"hello\n")?;
//! assert_eq!(to_alice.try_hear(), Ok(Some((*b"hello\n").into())));
//! # Ok::<(), String>(())
//! ```
//!
//! Both engines go through here, and neither knows who stands behind it.

use crate::chat::room::{Gone, Member, Room};
use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

/// What is told when the broker has gone.
pub const AWAY: &str = "the other servers are out of reach; what you say is kept for now";

/// What is told when it is there again.
pub const BACK: &str = "the other servers are back";

/// What is told when the broker has less than it had.
pub const TORN: &str = "the other servers' memory has a gap; some words are lost";

/// Says whether the server says this to all, and it is no answer to anybody.
pub fn is_news(text: &str) -> bool {
    [AWAY, BACK, TORN].contains(&text)
}

/// Somebody who takes what is said here, and says it in the room when its time
/// has come.
pub trait Relayed: Send + Sync {
    /// Returns the room in which it speaks.
    fn room(&self) -> Room;

    /// Takes whole frames of one message, or returns why not. It must not wait.
    fn say(&self, frames: &[u8]) -> Result<(), String>;

    /// Calls `then` once all that was taken until now has been said in the
    /// room. It may be in another thread; `then` must not wait.
    fn when_said(&self, then: Box<dyn FnOnce() + Send>);
}

/// Where what members say goes. Its clones lead to the same place.
#[derive(Clone, Default)]
pub struct Outlet(Option<Arc<dyn Relayed>>);

impl Outlet {
    /// Lets all that is said go to `relayed`, instead of to the room.
    pub fn to(relayed: Arc<dyn Relayed>) -> Outlet {
        Outlet(Some(relayed))
    }

    /// Returns the relay's room, or else a new one with this bound.
    pub fn room(&self, behind: usize) -> Room {
        match &self.0 {
            Some(relayed) => relayed.room(),
            None => Room::new(behind),
        }
    }

    /// Says whole frames of a member's message, as long as it is in the room.
    /// An error is what to answer to it.
    ///
    /// A relay takes no more from who is gone, but what it has taken is on its
    /// way, and is heard even if the name has a new owner by then: on other
    /// servers it may have one in any case.
    pub fn say_as(&self, member: &Member, frames: &[u8]) -> Result<(), String> {
        match &self.0 {
            Some(relayed) if member.is_here() => relayed.say(frames),
            Some(_) => Err(Gone.to_string()),
            None => member.say(frames).map_err(|gone| gone.to_string()),
        }
    }

    /// Says whole frames of one message of the server's own, sooner or later.
    /// An error says why not.
    pub fn say(&self, room: &Room, frames: &[u8]) -> Result<(), String> {
        match &self.0 {
            Some(relayed) => relayed.say(frames)?,
            None => room.say(frames),
        }
        Ok(())
    }

    /// Calls `then` once all that was said until now stands in the room.
    pub fn when_said(&self, then: impl FnOnce() + Send + 'static) {
        match &self.0 {
            Some(relayed) => relayed.when_said(Box::new(then)),
            None => then(),
        }
    }

    /// Waits until all that was said until now stands in the room, at most so
    /// long. Without a relay that is at once.
    pub fn settle(&self, most: Duration) {
        let (said, wait) = mpsc::channel::<Infallible>();
        self.when_said(move || drop(said));
        let _ = wait.recv_timeout(most);
    }
}

impl fmt::Debug for Outlet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "relayed" } else { "room" })
    }
}

//! Who is here, and what was said: everybody hears everybody, in one order.

use crate::chat::log::Log;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::Thread;

/// At most so many chunks are heard at once: a fourth of what one `writev(2)`
/// takes, and a lock that is held for some microseconds.
pub const MANY: usize = 256;

/// At most so many bytes of answers wait for one member.
const ANSWERS: usize = 64 * 1024;

/// A room. Its clones are the same room.
#[derive(Clone)]
pub struct Room(Arc<Shared>);

struct Shared {
    /// So many bytes a member may be behind.
    behind: usize,
    state: Mutex<State>,
}

struct State {
    log: Log,
    /// By their numbers, and so in the order of joining. Boxed, for a tree
    /// that only grows at its end leaves nearly half of its places empty.
    members: BTreeMap<u64, Box<Entry>>,
    /// How many members have each name.
    names: HashMap<Arc<str>, usize>,
    /// The number of the next who joins.
    next: u64,
    /// So many bytes can be said before anybody can be too far behind.
    slack: usize,
    /// Who waits for news.
    sleepers: BTreeMap<u64, Thread>,
    on_news: Option<Hook>,
    closed: bool,
}

type Hook = Arc<dyn Fn() + Send + Sync>;

/// What the room knows of a member.
struct Entry {
    name: Option<Arc<str>>,
    /// The position in the log up to which it has heard everything.
    heard: u64,
    /// Where it has left, and what it was still to hear ends.
    until: Option<u64>,
    /// What it alone is to hear, and at which position.
    answers: VecDeque<(u64, Arc<[u8]>)>,
    /// Bytes in the answers.
    answered: usize,
    hang_up: Box<dyn FnOnce() + Send>,
}

/// Somebody in the room. Its drop leaves.
pub struct Member {
    room: Room,
    id: u64,
}

/// What a member hears, in the order of the room. Once it is dropped, nobody
/// listens any more, and the member is out of the room.
pub struct Deliveries {
    room: Room,
    id: u64,
    end: Option<End>,
}

/// Why there is nothing more to hear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The member has left, or the room is closed, and all was heard.
    Left,
    /// The member was too far behind, and was dropped.
    TooSlow,
}

/// Who wants to speak is not in the room any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gone;

/// Somebody in the room has this name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NameTaken;

impl Room {
    /// Opens a room whose members may be `behind` bytes behind.
    pub fn new(behind: usize) -> Room {
        todo!("open a room in which one may be {behind} bytes behind")
    }

    /// Lets somebody in, who hears what is said from now on. `hang_up` is
    /// called once, when the room drops the member because it is too slow.
    pub fn join(&self, hang_up: impl FnOnce() + Send + 'static) -> (Member, Deliveries) {
        todo!("let somebody in who hears what is said from now on")
    }

    /// Lets somebody in who first hears the last `sayings`, but not more than
    /// half of what a member may be behind.
    pub fn join_late(
        &self,
        sayings: usize,
        hang_up: impl FnOnce() + Send + 'static,
    ) -> (Member, Deliveries) {
        todo!("let somebody in who first hears the last {sayings} sayings")
    }

    /// Says whole frames to everybody, and wakes who waits.
    pub fn say(&self, frames: &[u8]) {
        todo!("say {} bytes to everybody", frames.len())
    }

    /// Sets what is called after each change that may give a member something
    /// to hear, or the end.
    pub fn on_news(&self, hook: impl Fn() + Send + Sync + 'static) {
        todo!("keep the hook, and call it when there is news")
    }

    /// Returns the names of those who have one, in the order of joining.
    pub fn who(&self) -> Vec<String> {
        todo!("list the names")
    }

    /// Counts the members, with a name or without.
    pub fn len(&self) -> usize {
        todo!("count the members")
    }

    /// Says whether nobody is here.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns how many bytes were said, and whether the room is closed.
    pub fn said(&self) -> (u64, bool) {
        todo!("where does the log end, and is the room closed?")
    }

    /// Returns how many bytes can be said before the furthest behind is too
    /// far behind.
    pub fn slack(&self) -> usize {
        todo!("how far is the furthest behind?")
    }

    /// Closes the room: nothing is said any more, and who has heard all of it
    /// hears the end.
    pub fn close(&self) {
        todo!("close the room, and wake who waits")
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Member {
    /// Returns the number of this member, which nobody else in the room has.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Takes a name that nobody else here has, and gives up the one before.
    pub fn take_name(&self, name: &str) -> Result<(), NameTaken> {
        todo!("take the name {name}, if it is free")
    }

    /// Takes a name that others may have as well.
    pub fn share_name(&self, name: &str) {
        todo!("take the name {name}")
    }

    /// Returns the name that it has here, which is the room's: not a copy.
    pub fn name(&self) -> Option<Arc<str>> {
        todo!("what is it called?")
    }

    /// Says whole frames to everybody, as somebody who is here.
    pub fn say(&self, frames: &[u8]) -> Result<(), Gone> {
        todo!("say {} bytes, or nothing", frames.len())
    }

    /// Says whether it may speak.
    pub fn is_here(&self) -> bool {
        todo!("has it left, or was it dropped?")
    }

    /// Gives whole frames to this member alone, behind all that was said
    /// before, and before all that is said later. More than 64 KiB of them
    /// are too many, however far one may be behind.
    pub fn answer(&self, frames: &[u8]) {
        todo!("say {} bytes to one", frames.len())
    }

    /// Leaves: the name is free, and it hears what was said until now.
    pub fn leave(&self) {
        todo!("leave")
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.leave();
    }
}

impl Deliveries {
    /// Waits for whole frames that are to be heard next.
    pub fn hear(&mut self) -> Result<Arc<[u8]>, End> {
        todo!("wait for what is to be heard next")
    }

    /// Returns what is to be heard next, or `None` where that would wait.
    pub fn try_hear(&mut self) -> Result<Option<Arc<[u8]>>, End> {
        todo!("look for what is to be heard next")
    }

    /// Waits, and puts all that waits into `chunks`, up to 256.
    pub fn hear_many(&mut self, chunks: &mut Vec<Arc<[u8]>>) -> Result<(), End> {
        todo!("wait, and fill {chunks:?} anew")
    }

    /// Puts all that waits into `chunks`, or nothing where that would wait.
    pub fn try_hear_many(&mut self, chunks: &mut Vec<Arc<[u8]>>) -> Result<(), End> {
        todo!("fill {chunks:?} anew, without waiting")
    }

    /// Says whether the room has dropped this member because it was too slow.
    pub fn is_dropped(&self) -> bool {
        todo!("look, and take nothing")
    }
}

impl Drop for Deliveries {
    fn drop(&mut self) {
        todo!("take the member out: nobody listens any more")
    }
}

impl fmt::Display for NameTaken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("somebody here has this name")
    }
}

impl std::error::Error for NameTaken {}

impl fmt::Display for Gone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("you are not in the room any more")
    }
}

impl std::error::Error for Gone {}

//! Who is here, and what was said: everybody hears everybody, in one order.
//!
//! A `write` to a client who does not read waits for ever, and whoever writes
//! to one after the other lets all the rest wait with it. So nobody who says
//! something writes to anybody: it is added to a bounded log of bytes, once,
//! and each member goes through that log as fast as its own connection takes
//! it. A member is a position; who falls too far behind is dropped.
//!
//! ```
//! use chatroom::chat::room::{End, Room};
//! use std::sync::Arc;
//!
//! let room = Room::new(1024 * 1024);
//! let (alice, mut to_alice) = room.join(|| println!("alice was too slow"));
//! let (_bob, mut to_bob) = room.join(|| println!("bob was too slow"));
//! alice.take_name("alice")?;
//! alice.say(b"hello\n")?;
//! room.say(b"anybody here?\n");
//! let heard = Some(Arc::from(&b"hello\nanybody here?\n"[..]));
//! assert_eq!(to_alice.try_hear(), Ok(heard.clone()));
//! assert_eq!(to_bob.hear().ok(), heard); // the same bytes, not a copy of them
//! alice.leave();
//! assert_eq!(to_alice.hear(), Err(End::Left));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! No lock is held while anybody's code runs or anybody is woken: `hang_up`
//! and the hook of [`Room::on_news`] may call the room.
//!
//! Memory: the log keeps what a member may be behind, and at most one chunk
//! more. What somebody has taken out and not yet written is not counted as
//! behind, but lies in the last two bounds of the log, or they are dropped: so
//! all of them together keep at most one bound more, and of their own only the
//! parts of chunks that an answer or a latecomer's first word has cut. Small
//! sayings that are read one by one cost about two and a half times their
//! bytes. A member that waits costs its entry, some 300 bytes, and no buffer.
//! To say something costs the same for ten members as for ten thousand, but
//! for waking those who wait.
//!
//! Left out: sockets, frames, and whether a name is a good one. The room takes
//! whole frames from whoever calls it, and never looks inside.

use crate::chat::log::Log;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fmt;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, Thread};

/// At most so many chunks are heard at once: a fourth of what one `writev(2)`
/// takes, and a lock that is held for some microseconds.
pub const MANY: usize = 256;

/// At most so many bytes of answers wait for one member: some hundreds, far
/// more than anybody reads who asks for them in good faith.
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
    /// Opens a room whose members may be `behind` bytes behind. One saying
    /// that is longer drops nobody who has heard all that was said before.
    pub fn new(behind: usize) -> Room {
        let state = State {
            log: Log::default(),
            members: BTreeMap::new(),
            names: HashMap::new(),
            next: 0,
            slack: behind,
            sleepers: BTreeMap::new(),
            on_news: None,
            closed: false,
        };
        let state = Mutex::new(state);
        Room(Arc::new(Shared { behind, state }))
    }

    /// Lets somebody in, who hears what is said from now on.
    ///
    /// `hang_up` is called once, when the room drops the member because it is
    /// too slow, and otherwise never. It runs in the thread of the one who
    /// speaks, so it must not wait and must not panic.
    pub fn join(&self, hang_up: impl FnOnce() + Send + 'static) -> (Member, Deliveries) {
        self.join_late(0, hang_up)
    }

    /// Lets somebody in like [`join`](Room::join), who first hears the last
    /// `sayings` that were said: fewer where the log has forgotten them, or
    /// where they are more than half of what a member may be behind.
    pub fn join_late(
        &self,
        sayings: usize,
        hang_up: impl FnOnce() + Send + 'static,
    ) -> (Member, Deliveries) {
        let hang_up = Box::new(hang_up);
        let mut state = self.lock();
        let heard = state.log.back(sayings, self.0.behind / 2);
        let entry = Entry {
            name: None,
            heard,
            until: None,
            answers: VecDeque::new(),
            answered: 0,
            hang_up,
        };
        let slack = self.0.behind.saturating_sub(state.debt(&entry));
        state.slack = state.slack.min(slack);
        let id = state.next;
        state.next += 1;
        state.members.insert(id, Box::new(entry));
        drop(state);
        let (room, end) = (self.clone(), None);
        let member = Member {
            room: room.clone(),
            id,
        };
        (member, Deliveries { room, id, end })
    }

    /// Says whole frames to everybody, and wakes who waits. Nothing is said in
    /// a closed room.
    pub fn say(&self, frames: &[u8]) {
        self.change(|state| state.say(frames, self.0.behind));
    }

    /// Sets what is called after each change that may give a member something
    /// to hear, or the end: something was said or answered, somebody left or
    /// was dropped, the room was closed.
    ///
    /// It is meant for one thread that serves many members with
    /// [`Deliveries::try_hear`] and has to be woken; threads that wait in
    /// [`Deliveries::hear`] need no hook. It runs in the thread that made the
    /// change, behind the lock, maybe in several threads at once, so it must
    /// not wait: set a flag, and wake the other thread if it was not set.
    pub fn on_news(&self, hook: impl Fn() + Send + Sync + 'static) {
        let before = self.lock().on_news.replace(Arc::new(hook));
        drop(before);
    }

    /// Returns the names of those who have one, in the order of joining.
    pub fn who(&self) -> Vec<String> {
        let state = self.lock();
        let here = state.members.values().filter(|it| it.until.is_none());
        here.filter_map(|it| it.name.as_deref().map(str::to_owned))
            .collect()
    }

    /// Counts the members, with a name or without.
    pub fn len(&self) -> usize {
        let state = self.lock();
        let here = state.members.values().filter(|it| it.until.is_none());
        here.count()
    }

    /// Says whether nobody is here.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns how many bytes were said, and whether the room is closed: where
    /// neither has changed, there is no news for everybody.
    pub fn said(&self) -> (u64, bool) {
        let state = self.lock();
        (state.log.end(), state.closed)
    }

    /// Returns how many bytes can be said before the furthest behind is too
    /// far behind.
    pub fn slack(&self) -> usize {
        let state = self.lock();
        let debts = state.members.values().map(|entry| state.debt(entry));
        self.0.behind.saturating_sub(debts.max().unwrap_or(0))
    }

    /// Closes the room: nothing is said any more, and who has heard all of it
    /// hears the end.
    pub fn close(&self) {
        self.change(|state| {
            state.closed = true;
            state.news(Vec::new())
        });
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state, and does behind the lock what others may notice.
    fn change(&self, work: impl FnOnce(&mut State) -> Aftermath) {
        let aftermath = work(&mut self.lock());
        aftermath.sleepers.values().for_each(Thread::unpark);
        for entry in aftermath.slow {
            (entry.hang_up)();
        }
        if let Some(hook) = aftermath.on_news {
            hook();
        }
    }
}

/// What is to be done when the lock is free again.
#[derive(Default)]
struct Aftermath {
    sleepers: BTreeMap<u64, Thread>,
    slow: Vec<Entry>,
    on_news: Option<Hook>,
}

impl State {
    /// Adds to the log, unless it is closed.
    fn say(&mut self, frames: &[u8], behind: usize) -> Aftermath {
        if self.closed || frames.is_empty() {
            return Aftermath::default();
        }
        self.log.push(frames);
        let slow = self.trim(frames.len(), behind);
        self.news(slow)
    }

    /// Finds a member that has not left.
    fn here(&mut self, id: u64) -> Option<&mut Entry> {
        let entry = self.members.get_mut(&id)?;
        entry.until.is_none().then_some(&mut **entry)
    }

    /// Wakes all who wait.
    fn news(&mut self, slow: Vec<Entry>) -> Aftermath {
        Aftermath {
            sleepers: mem::take(&mut self.sleepers),
            slow,
            on_news: self.on_news.clone(),
        }
    }

    /// Wakes one, if it waits.
    fn news_for(&mut self, id: u64, slow: Vec<Entry>) -> Aftermath {
        Aftermath {
            sleepers: self.sleepers.remove_entry(&id).into_iter().collect(),
            slow,
            on_news: self.on_news.clone(),
        }
    }

    /// How many bytes a member is behind.
    fn debt(&self, entry: &Entry) -> usize {
        (self.log.end() - entry.heard) as usize + entry.answered
    }

    /// Forgets what lies further back than one may be behind, after so many
    /// bytes more were said, and takes those out who have not heard it. It
    /// looks at everybody only when somebody may be too slow.
    fn trim(&mut self, said: usize, behind: usize) -> Vec<Entry> {
        let bound = behind.max(said);
        let oldest = self.log.end().saturating_sub(bound as u64);
        self.log.forget(oldest);
        if let Some(slack) = self.slack.checked_sub(said) {
            self.slack = slack;
            return Vec::new();
        }
        let (mut slow, mut most) = (Vec::new(), 0);
        for (id, entry) in &self.members {
            match self.debt(entry) {
                debt if debt > bound => slow.push(*id),
                debt => most = most.max(debt),
            }
        }
        self.slack = behind.saturating_sub(most);
        slow.into_iter().filter_map(|id| self.remove(id)).collect()
    }

    /// Takes a member out, with its name.
    fn remove(&mut self, id: u64) -> Option<Entry> {
        let mut entry = *self.members.remove(&id)?;
        self.release(entry.name.take());
        Some(entry)
    }

    /// One fewer has this name.
    fn release(&mut self, name: Option<Arc<str>>) {
        let Some(name) = name else { return };
        if let Some(count) = self.names.get_mut(&name) {
            *count -= 1;
            if *count == 0 {
                self.names.remove(&name);
            }
        }
    }

    /// Puts into `into` what a member hears next; the end where there is
    /// nothing and will be nothing.
    fn take(&mut self, id: u64, most: usize, into: &mut Vec<Arc<[u8]>>) -> Result<(), End> {
        // Who is not here any more, and has not heard why, was dropped.
        let entry = self.members.get_mut(&id).ok_or(End::TooSlow)?;
        let end = entry.until.unwrap_or(self.log.end());
        while into.len() < most {
            let next = entry.answers.front().map_or(end, |(at, _)| *at);
            if entry.heard < next {
                entry.heard = self.log.read(entry.heard, next, most, into);
            } else if let Some((_, answer)) = entry.answers.pop_front() {
                entry.answered -= answer.len();
                into.push(answer);
            } else {
                break;
            }
        }
        if into.is_empty() && (entry.until.is_some() || self.closed) {
            return Err(End::Left);
        }
        Ok(())
    }
}

impl Member {
    /// Returns the number of this member, which nobody else in the room has.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Takes a name that nobody else here has, and gives up the one before.
    /// Who is not here any more takes none, and has nobody to be told.
    ///
    /// # Errors
    /// [`NameTaken`]: somebody else here has it.
    pub fn take_name(&self, name: &str) -> Result<(), NameTaken> {
        self.rename(name, false)
    }

    /// Takes a name that others may have as well.
    pub fn share_name(&self, name: &str) {
        let _ = self.rename(name, true);
    }

    fn rename(&self, name: &str, share: bool) -> Result<(), NameTaken> {
        let state = &mut *self.room.lock();
        let entry = state.members.get_mut(&self.id);
        let Some(entry) = entry.filter(|it| it.until.is_none()) else {
            return Ok(()); // who is gone takes no name, and says nothing
        };
        if entry.name.as_deref() == Some(name) {
            return Ok(());
        }
        let name = match state.names.get_key_value(name) {
            Some(_) if !share => return Err(NameTaken),
            Some((name, _)) => name.clone(),
            None => Arc::from(name),
        };
        *state.names.entry(name.clone()).or_default() += 1;
        let before = entry.name.replace(name);
        state.release(before);
        Ok(())
    }

    /// Returns the name that it has here, which is the room's: not a copy.
    pub fn name(&self) -> Option<Arc<str>> {
        self.room.lock().here(self.id)?.name.clone()
    }

    /// Says whole frames to everybody, like [`Room::say`], as somebody who is
    /// here. Whether it is, and the saying, are one step: as long as it may
    /// speak, nobody else can have taken its name.
    ///
    /// # Errors
    /// [`Gone`]: it has left, or was dropped, or nobody listens for it.
    pub fn say(&self, frames: &[u8]) -> Result<(), Gone> {
        let mut result = Err(Gone);
        self.room.change(|state| {
            if state.here(self.id).is_none() {
                return Aftermath::default();
            }
            result = Ok(());
            state.say(frames, self.room.0.behind)
        });
        result
    }

    /// Says whether it may speak. It may be gone a moment later: who speaks in
    /// this room asks [`say`](Member::say).
    pub fn is_here(&self) -> bool {
        self.room.lock().here(self.id).is_some()
    }

    /// Gives whole frames to this member alone: behind all that was said
    /// before, and before all that is said later. Answers count for how far
    /// it is behind, and more than 64 KiB of them are too many in any case:
    /// what is said to all is kept once, but these for each.
    pub fn answer(&self, frames: &[u8]) {
        self.room.change(|state| {
            let (at, behind) = (state.log.end(), self.room.0.behind);
            let Some(entry) = state.here(self.id) else {
                return Aftermath::default();
            };
            entry.answers.push_back((at, frames.into()));
            entry.answered += frames.len();
            let (answered, debt) = (entry.answered, (at - entry.heard) as usize);
            let debt = debt + answered;
            state.slack = state.slack.min(behind.saturating_sub(debt));
            let one = frames.len();
            let too_slow = debt > behind.max(one) || answered > ANSWERS.max(one);
            let slow = too_slow.then(|| state.remove(self.id)).flatten();
            state.news_for(self.id, slow.into_iter().collect())
        });
    }

    /// Leaves: its name is free, and it hears what was said until now, but
    /// nothing more. A second time it changes nothing.
    pub fn leave(&self) {
        self.room.change(|state| {
            let end = state.log.end();
            let Some(entry) = state.here(self.id) else {
                return Aftermath::default();
            };
            entry.until = Some(end);
            let name = entry.name.take();
            state.release(name);
            state.news_for(self.id, Vec::new())
        });
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.leave();
    }
}

impl Deliveries {
    /// Waits for whole frames that are to be heard next.
    ///
    /// # Errors
    /// [`End`] where there is nothing more to hear, again and again.
    pub fn hear(&mut self) -> Result<Arc<[u8]>, End> {
        let mut next = Vec::with_capacity(1);
        self.wait(1, &mut next)?;
        Ok(next.swap_remove(0))
    }

    /// Returns what is to be heard next, or `None` where that would wait.
    ///
    /// # Errors
    /// Those of [`hear`](Deliveries::hear).
    pub fn try_hear(&mut self) -> Result<Option<Arc<[u8]>>, End> {
        let mut next = Vec::with_capacity(1);
        self.look(1, &mut next, false)?;
        Ok(next.pop())
    }

    /// Waits for what is to be heard next and puts into `chunks`, instead of
    /// what was there, all of it that waits, up to 256 chunks: enough for one
    /// `write_vectored`.
    ///
    /// # Errors
    /// Those of [`hear`](Deliveries::hear).
    pub fn hear_many(&mut self, chunks: &mut Vec<Arc<[u8]>>) -> Result<(), End> {
        self.wait(MANY, chunks)
    }

    /// Puts what is to be heard into `chunks` like
    /// [`hear_many`](Deliveries::hear_many), but leaves them empty where that
    /// would wait.
    ///
    /// # Errors
    /// Those of [`hear`](Deliveries::hear).
    pub fn try_hear_many(&mut self, chunks: &mut Vec<Arc<[u8]>>) -> Result<(), End> {
        self.look(MANY, chunks, false)
    }

    /// Says whether the room has dropped this member because it was too slow:
    /// for one who has enough to write, and does not want to hear more.
    pub fn is_dropped(&self) -> bool {
        let here = self.end.is_none() && self.room.lock().members.contains_key(&self.id);
        !here && self.end != Some(End::Left)
    }

    fn wait(&mut self, most: usize, chunks: &mut Vec<Arc<[u8]>>) -> Result<(), End> {
        loop {
            self.look(most, chunks, true)?;
            if !chunks.is_empty() {
                return Ok(());
            }
            // News that came before this line ends the sleep at once.
            thread::park();
        }
    }

    /// Takes at most so many chunks. Where there is none, one who waits asks
    /// to be woken.
    fn look(&mut self, most: usize, chunks: &mut Vec<Arc<[u8]>>, waits: bool) -> Result<(), End> {
        chunks.clear();
        if let Some(end) = self.end {
            return Err(end);
        }
        let mut state = self.room.lock();
        let result = state.take(self.id, most, chunks);
        let mut gone = None;
        if let Err(end) = result {
            self.end = Some(end);
            gone = state.remove(self.id);
        } else if chunks.is_empty() && waits {
            state.sleepers.insert(self.id, thread::current());
        }
        // In this order, for what is gone drops what others wrote.
        drop(state);
        drop(gone);
        result
    }
}

impl Drop for Deliveries {
    fn drop(&mut self) {
        let gone = self.room.lock().remove(self.id);
        drop(gone);
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

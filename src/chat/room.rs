//! Who is here, and what was said: a bounded log of bytes, and cursors into it.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// A chunk of the log is sealed at so many bytes.
const CHUNK: usize = 64 * 1024;

/// A room. Its clones are the same room.
#[derive(Clone)]
pub struct Room(Arc<Shared>);

struct Shared {
    behind: usize,
    state: Mutex<State>,
    news: Condvar,
}

#[derive(Default)]
struct State {
    chunks: VecDeque<Arc<[u8]>>,
    /// The number of the first chunk that is still there.
    first: u64,
    /// Bytes in the chunks.
    bytes: usize,
    /// What was said since the last chunk was sealed.
    open: Vec<u8>,
    members: BTreeMap<u64, Entry>,
    next: u64,
    closed: bool,
}

struct Entry {
    name: Option<String>,
    /// The number of the chunk that this member gets next.
    cursor: u64,
    answers: VecDeque<Arc<[u8]>>,
    hang_up: Option<HangUp>,
}

type HangUp = Box<dyn FnOnce() + Send>;

/// Somebody in the room. Its drop leaves.
pub struct Member {
    room: Room,
    id: u64,
}

/// What a member hears, in the order of the room.
pub struct Deliveries {
    room: Room,
    id: u64,
}

/// Why there is nothing more to hear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The member has left, or the room is closed and all was heard.
    Left,
    /// The member was too far behind.
    TooSlow,
}

/// Somebody in the room has this name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NameTaken;

impl Room {
    /// Opens a room whose members may be `behind` bytes behind.
    pub fn new(behind: usize) -> Room {
        Room(Arc::new(Shared {
            behind,
            state: Mutex::default(),
            news: Condvar::new(),
        }))
    }

    /// Lets somebody in, who hears what is said from now on. `hang_up` is
    /// called once, when the room drops the member; it must not wait.
    pub fn join(&self, hang_up: impl FnOnce() + Send + 'static) -> (Member, Deliveries) {
        let mut state = self.lock();
        state.seal();
        let (id, cursor) = (state.next, state.first + state.chunks.len() as u64);
        state.next += 1;
        state.members.insert(
            id,
            Entry {
                name: None,
                cursor,
                answers: VecDeque::new(),
                hang_up: Some(Box::new(hang_up)),
            },
        );
        drop(state);
        let member = Member {
            room: self.clone(),
            id,
        };
        (
            member,
            Deliveries {
                room: self.clone(),
                id,
            },
        )
    }

    /// Says whole frames to everybody.
    pub fn say(&self, frames: &[u8]) {
        let mut state = self.lock();
        if state.closed {
            return;
        }
        state.open.extend(frames);
        if state.open.len() >= CHUNK {
            state.seal();
        }
        let dropped = state.trim(self.0.behind);
        drop(state);
        self.0.news.notify_all();
        dropped.into_iter().for_each(|hang_up| hang_up());
    }

    /// Returns the names of those who have one, in the order of joining.
    pub fn who(&self) -> Vec<String> {
        let state = self.lock();
        let names = state
            .members
            .values()
            .filter_map(|entry| entry.name.clone());
        names.collect()
    }

    /// Returns how many members there are, with a name or without.
    pub fn len(&self) -> usize {
        self.lock().members.len()
    }

    /// Says whether nobody is here.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Closes the room: nothing is said any more, and who has heard all of it
    /// hears the end.
    pub fn close(&self) {
        self.lock().closed = true;
        self.0.news.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn seal(&mut self) {
        if !self.open.is_empty() {
            self.bytes += self.open.len();
            self.chunks.push_back(std::mem::take(&mut self.open).into());
        }
    }

    /// Forgets the oldest chunks, and those who have not heard them.
    fn trim(&mut self, behind: usize) -> Vec<HangUp> {
        let before = self.first;
        while self.bytes + self.open.len() > behind {
            let Some(chunk) = self.chunks.pop_front() else {
                break;
            };
            self.bytes -= chunk.len();
            self.first += 1;
        }
        if self.first == before {
            return Vec::new();
        }
        let first = self.first;
        let slow = self
            .members
            .values_mut()
            .filter(|entry| entry.cursor < first);
        slow.filter_map(|entry| entry.hang_up.take()).collect()
    }

    fn take(&mut self, id: u64) -> Option<Result<Arc<[u8]>, End>> {
        let (first, sealed) = (self.first, self.first + self.chunks.len() as u64);
        let Some(entry) = self.members.get_mut(&id) else {
            return Some(Err(End::Left));
        };
        if let Some(answer) = entry.answers.pop_front() {
            return Some(Ok(answer));
        }
        if entry.cursor < first {
            return Some(Err(End::TooSlow));
        }
        if entry.cursor == sealed {
            if self.open.is_empty() {
                return self.closed.then_some(Err(End::Left));
            }
            self.bytes += self.open.len();
            self.chunks.push_back(std::mem::take(&mut self.open).into());
        }
        let chunk = self.chunks[(entry.cursor - first) as usize].clone();
        entry.cursor += 1;
        Some(Ok(chunk))
    }
}

impl Member {
    /// Returns the number of this member, which nobody else in the room has.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Takes a name that nobody here has.
    pub fn take_name(&self, name: &str) -> Result<(), NameTaken> {
        let mut state = self.room.lock();
        let mut others = state.members.iter().filter(|(id, _)| **id != self.id);
        if others.any(|(_, other)| other.name.as_deref() == Some(name)) {
            return Err(NameTaken);
        }
        if let Some(entry) = state.members.get_mut(&self.id) {
            entry.name = Some(name.to_owned());
        }
        Ok(())
    }

    /// Takes a name that others may have as well.
    pub fn share_name(&self, name: &str) {
        if let Some(entry) = self.room.lock().members.get_mut(&self.id) {
            entry.name = Some(name.to_owned());
        }
    }

    /// Gives whole frames to this member alone, between two frames of its stream.
    pub fn answer(&self, frames: &[u8]) {
        if let Some(entry) = self.room.lock().members.get_mut(&self.id) {
            entry.answers.push_back(frames.into());
        }
        self.room.0.news.notify_all();
    }

    /// Leaves. A second time it changes nothing.
    pub fn leave(&self) {
        self.room.lock().members.remove(&self.id);
        self.room.0.news.notify_all();
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
    /// [`End`] where there is nothing more to hear.
    pub fn hear(&mut self) -> Result<Arc<[u8]>, End> {
        let mut state = self.room.lock();
        loop {
            if let Some(result) = state.take(self.id) {
                return result;
            }
            let news = &self.room.0.news;
            state = news.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Returns what is to be heard next, or `None` where that would wait.
    ///
    /// # Errors
    /// Those of [`hear`](Deliveries::hear).
    pub fn try_hear(&mut self) -> Result<Option<Arc<[u8]>>, End> {
        self.room.lock().take(self.id).transpose()
    }
}

impl fmt::Display for NameTaken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("somebody here has this name")
    }
}

impl std::error::Error for NameTaken {}

//! Remembers what we have said until it comes back.
//!
//! That bytes were sent tells nothing of whether anybody got them. In a room
//! one hears oneself, so there is something better than hope: who has heard
//! their own words knows that they were said to all.

use crate::chat::client::Sender;
use crate::chat::message::Message;
use chrono::Local;
use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// So many lines may be on their way at once. The longest of them together are
/// less than what a room lets a member be behind.
const UNHEARD: usize = 32;

/// What we have said, until it comes back: whoever leaves earlier cannot know
/// that it was heard.
pub struct Words {
    sender: Sender,
    name: String,
    state: Mutex<Said>,
    change: Condvar,
}

#[derive(Default)]
struct Said {
    unheard: VecDeque<Message>,
    welcome: bool,
    finished: bool,
}

impl Words {
    /// Makes words of somebody of this name, said with `sender`.
    pub fn new(sender: Sender, name: &str) -> Words {
        Words {
            sender,
            name: name.to_owned(),
            state: Mutex::default(),
            change: Condvar::new(),
        }
    }

    /// Says something. It waits while too much is on its way. One thread alone
    /// may call it.
    ///
    /// # Errors
    /// `InvalidData` where the frame would be too long. Where the connection is
    /// gone there is none: the one who hears knows why.
    pub fn say(&self, text: &str, hello: bool) -> io::Result<()> {
        let mut message = Message::new(&self.name, text, Local::now().fixed_offset());
        message.hello = hello;
        let mut said = self.wait_while(|said| said.unheard.len() == UNHEARD);
        said.unheard.push_back(message.clone());
        drop(said);
        match self.sender.send(&message) {
            Err(error) if error.kind() == ErrorKind::InvalidData => {
                self.lock().unheard.pop_back();
                Err(error)
            }
            _ => Ok(()),
        }
    }

    /// Tells the room that there is no more, and goes on hearing.
    pub fn finish(&self) {
        self.lock().finished = true;
        // Where the connection is gone, it knows.
        let _ = self.sender.finish();
    }

    /// Takes off what was heard.
    pub fn heard(&self, message: &Message) {
        let mut said = self.lock();
        if said.unheard.front() == Some(message) {
            said.unheard.pop_front();
            said.welcome = true;
        }
        drop(said);
        self.change.notify_all();
    }

    /// Says whether anything of ours was heard.
    pub fn are_welcome(&self) -> bool {
        self.lock().welcome
    }

    /// Says whether there is no more, and all of it was heard.
    pub fn are_over(&self) -> bool {
        let said = self.lock();
        said.finished && said.unheard.is_empty()
    }

    /// Waits no more for what is on its way: some of it was refused.
    pub fn give_up(&self) {
        self.lock().unheard.clear();
        self.change.notify_all();
    }

    /// Waits until all that was said was heard.
    pub fn wait(&self) {
        drop(self.wait_while(|said| !said.unheard.is_empty()));
    }

    fn wait_while(&self, condition: impl Fn(&Said) -> bool) -> MutexGuard<'_, Said> {
        let said = self.change.wait_while(self.lock(), |said| condition(said));
        said.unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, Said> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

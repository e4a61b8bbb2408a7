//! What drives a room: a thread or two for each of its members, or one thread
//! for all of them. The second is there only with the Cargo feature `scale`.

use crate::chat::server::{self, ChatServer, Options};
#[cfg(feature = "scale")]
use crate::scale::event_loop::{self, EventServer};
use crate::terminal::descriptors;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::str::FromStr;

/// What somebody asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    Threads,
    #[cfg(feature = "scale")]
    Events,
}

/// A room that is open, whatever drives it.
#[derive(Debug)]
pub enum Room {
    Threads(ChatServer),
    #[cfg(feature = "scale")]
    Events(EventServer),
}

impl Engine {
    /// Opens a room for the clients of `listener`, and lets it have descriptors
    /// for all members.
    ///
    /// # Errors
    /// Those of the engine's `start`.
    pub fn open(self, listener: TcpListener, options: &Options) -> io::Result<Room> {
        descriptors::allow_for(options, self);
        match self {
            Engine::Threads => server::start(listener, options).map(Room::Threads),
            #[cfg(feature = "scale")]
            Engine::Events => event_loop::start(listener, options).map(Room::Events),
        }
    }
}

impl Room {
    /// Returns where the room is.
    pub fn address(&self) -> SocketAddr {
        match self {
            Room::Threads(room) => room.address(),
            #[cfg(feature = "scale")]
            Room::Events(room) => room.address(),
        }
    }

    /// Says goodbye to everybody, and closes.
    ///
    /// # Errors
    /// Those of the engine's `shutdown`.
    pub fn shutdown(self) -> io::Result<()> {
        match self {
            Room::Threads(room) => room.shutdown(),
            #[cfg(feature = "scale")]
            Room::Events(room) => room.shutdown(),
        }
    }
}

impl FromStr for Engine {
    type Err = String;

    fn from_str(text: &str) -> Result<Engine, String> {
        match text {
            "threads" => Ok(Engine::Threads),
            #[cfg(feature = "scale")]
            "events" => Ok(Engine::Events),
            #[cfg(not(feature = "scale"))]
            "events" => {
                let how = "cargo install --path . --features scale";
                Err(format!(
                    "this chatroom was built without it; `{how}` builds one with it"
                ))
            }
            _ => Err("there are threads and events".to_owned()),
        }
    }
}

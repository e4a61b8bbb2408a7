//! What the `chatroom` command needs of a terminal, and of its own arguments.
//!
//! A terminal shows what it is sent and obeys it, too: some characters are
//! commands. So what strangers wrote is made harmless before it gets here, and
//! what we draw ourselves stands in this folder alone.
//!
//! | module | what it does |
//! |---|---|
//! | [`arguments`] | says what may stand on the command line |
//! | [`colour`] | gives each name its colour |
//! | [`descriptors`] | lets a room have as many members as it says |
//! | [`engine`] | opens a room, on threads or on events |
//! | [`line`] | draws a message as one line of a terminal |
//! | [`prompt`] | edits a line while other lines come in |
//! | [`relay`] | makes one room of many servers |
//! | [`screen`] | lends one screen to two threads |
//! | [`words`] | remembers what we have said until it comes back |
//!
//! ```
//! use chatroom::terminal::colour::Colours;
//!
//! assert_eq!(Colours::Off.name("alice"), "alice");
//! assert_eq!(Colours::On.name("alice"), Colours::On.name("alice"));
//! ```
//!
//! Left out: windows, mouse, and history that outlives the program.

pub mod arguments;
pub mod colour;
pub mod descriptors;
pub mod engine;
pub mod line;
pub mod prompt;
pub mod relay;
pub mod screen;
pub mod words;

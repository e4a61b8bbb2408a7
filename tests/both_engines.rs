//! The tests of chapter 20 a second time, in the room of chapter 22: one room,
//! one protocol, two engines.
#![cfg(all(feature = "scale", not(feature = "mine")))]

#[macro_use]
mod fixtures;
#[path = "ch20_chat_server.rs"]
mod events;

// For chapter 20's `your_tests`.
use events::{answer_to, open, options};

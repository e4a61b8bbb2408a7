//! The tests of `relay_on_nats.rs` a second time, with the room of chapter 22
//! on each server.
#![cfg(all(feature = "scale", not(feature = "mine")))]

#[path = "relay_on_nats.rs"]
mod events;

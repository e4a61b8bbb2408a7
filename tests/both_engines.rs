//! The tests of chapter 20 a second time, in the room of chapter 22: one room,
//! one protocol, two engines.
#![cfg(all(feature = "scale", not(feature = "mine")))]
// Chapter 20 brings its fixtures along, and its own tests look for them here.
#![allow(clippy::duplicate_mod)]

#[macro_use]
mod fixtures;
#[path = "ch20_chat_server.rs"]
mod events;

// For chapter 20's `your_tests`.
use events::{answer_to, open, options};

// What `--engine events` opens is the same room.
#[cfg(all(unix, feature = "cli"))]
#[test]
fn the_command_line_opens_a_room_on_events_and_closes_it_in_good_order() {
    use chatroom::chat::server::GOODBYE;
    use fixtures::{Guest, Peer, Program};
    use std::net::TcpStream;

    let (mut room, address) = Program::room(&["--engine", "events", "--history", "1"]);
    let call = || {
        Guest::new(
            Peer::new(TcpStream::connect(&address).expect("a room")),
            false,
        )
    };
    let mut alice = call();
    alice.talks("alice", "is nobody here?");
    let mut bob = call();
    assert_eq!(bob.hears(), fixtures::message("alice", "is nobody here?"));
    bob.talks("bob", "I am");
    alice.hears();
    room.gets("INT");
    for guest in [&mut alice, &mut bob] {
        let goodbye = guest.hears_to_the_end();
        assert!(goodbye[0].contains(GOODBYE), "{goodbye:?}");
    }
    room.ends_with(0);
}

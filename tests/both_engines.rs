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
#[cfg(feature = "cli")]
#[test]
fn the_command_line_opens_a_room_on_events() {
    use fixtures::{Guest, Peer};
    use std::io::{BufRead, BufReader};
    use std::process::{Child, Command, Stdio};

    struct Room(Child);
    impl Drop for Room {
        fn drop(&mut self) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }

    let mut command = Command::new(env!("CARGO_BIN_EXE_chatroom"));
    command.args(["serve", "--listen", "127.0.0.1:0", "--engine", "events"]);
    command.stdout(Stdio::piped()).stderr(Stdio::null());
    let mut room = Room(command.spawn().expect("the program starts"));
    let mut line = String::new();
    let output = room.0.stdout.take().expect("it is piped");
    BufReader::new(output).read_line(&mut line).expect("a line");
    let address = line
        .trim()
        .strip_prefix("listening on ")
        .expect("its first line");
    let stream = std::net::TcpStream::connect(address).expect("a room is there");
    Guest::new(Peer::new(stream), false).talks("alice", "hello");
}

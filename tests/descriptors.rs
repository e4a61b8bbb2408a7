//! A room that is asked for many members takes the descriptors for them.
#![cfg(all(target_os = "linux", feature = "cli", not(feature = "mine")))]

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

struct Room(Child);

impl Drop for Room {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts a room under these limits, soft and hard. Returns the soft one that
/// it has when it listens, and its log until then.
fn limit_of_a_room(soft: u64, hard: u64, members: &str) -> (u64, String) {
    let script = format!("ulimit -S -n {soft} && ulimit -H -n {hard} && exec \"$@\"");
    let mut command = Command::new("sh");
    command.args(["-c", &script, "sh", env!("CARGO_BIN_EXE_chatroom")]);
    command.args(["serve", "--listen", "127.0.0.1:0", "--max-clients", members]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut room = Room(command.spawn().expect("there is a shell"));
    let (mut line, mut log) = (String::new(), String::new());
    let output = room.0.stdout.take().expect("it is piped");
    BufReader::new(output).read_line(&mut line).expect("a line");
    assert!(
        line.starts_with("listening on "),
        "its first line: {line:?}"
    );
    let limits = fs::read_to_string(format!("/proc/{}/limits", room.0.id()));
    let limits = limits.expect("proc(5)");
    let limit = limits
        .lines()
        .find(|line| line.starts_with("Max open files"));
    let limit = limit.and_then(|line| line.split_whitespace().nth(3));
    let limit = limit.and_then(|soft| soft.parse().ok()).expect("a number");
    let mut errors = BufReader::new(room.0.stderr.take().expect("it is piped"));
    while !log.contains("listening on ") {
        assert_ne!(errors.read_line(&mut log).expect("a log"), 0, "{log}");
    }
    (limit, log)
}

#[test]
fn the_soft_limit_is_raised_for_a_full_room() {
    let (limit, log) = limit_of_a_room(64, 1024, "300");
    assert!(limit >= 600, "two for each of 300, and there are {limit}");
    assert!(!log.contains("descriptors"), "no complaint: {log}");
}

#[test]
fn a_room_that_can_never_be_full_says_so() {
    let (limit, log) = limit_of_a_room(64, 512, "300");
    assert_eq!(limit, 512, "all that there are");
    assert!(log.contains("and there are 512"), "a complaint: {log}");
}

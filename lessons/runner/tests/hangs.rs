//! What is said of a test that hangs: where each of its threads waits, and on
//! what. The addresses change from run to run, the calls and states do not.
#![cfg(target_os = "linux")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

/// What is said of each test, from one run of the course in which all hang.
fn said_of(test: &str) -> &'static str {
    static SAID: OnceLock<BTreeMap<String, String>> = OnceLock::new();
    let said = SAID.get_or_init(|| {
        let folder = format!("hanging course of {}", std::process::id());
        let copy = Path::new(env!("CARGO_TARGET_TMPDIR")).join(folder);
        let course = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hanging");
        copy_all(&course, &copy);
        let output = Command::new(env!("CARGO_BIN_EXE_lesson"))
            .args(["green", "00", "--key", "--json", "--root"])
            .arg(&copy)
            .env_remove("CARGO_TARGET_DIR")
            .output()
            .unwrap();
        let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let verdicts = json["reports"][0]["tests"].as_array().unwrap().iter();
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_string();
        verdicts
            .map(|verdict| (text(&verdict["test"]), text(&verdict["message"])))
            .collect()
    });
    &said[&format!("step_1::{test}")]
}

fn copy_all(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (path, copy) = (entry.path(), to.join(entry.file_name()));
        match path.is_dir() {
            true => copy_all(&path, &copy),
            false => drop(fs::copy(&path, &copy).unwrap()),
        }
    }
}

/// The message with `N` for each number after the deadline.
fn without_numbers(message: &str) -> String {
    let rest = message.strip_prefix("no verdict after 2 s: ");
    let rest = rest.unwrap_or_else(|| panic!("it says {message:?}"));
    let mut text = String::new();
    for letter in rest.chars() {
        match letter.is_ascii_digit() {
            true if text.ends_with('N') => {}
            true => text.push('N'),
            false => text.push(letter),
        }
    }
    text.replace("N.N.N.N:N", "ADDRESS")
}

#[track_caller]
fn says(test: &str, lines: &[&str]) {
    assert_eq!(without_numbers(said_of(test)), lines.join(";\n"));
}

#[test]
fn a_recv_without_a_sender_names_both_ends() {
    says(
        "recv_without_a_sender",
        &[
            "the test waits in recv on ADDRESS ⇄ ADDRESS (ESTABLISHED, nothing to read; \
           this test holds the other end too)",
        ],
    );
}

#[test]
fn a_recv_from_a_server_that_never_accepts_says_so() {
    says(
        "recv_from_a_server_that_never_accepts",
        &[
            "the test waits in recv on ADDRESS ⇄ ADDRESS (ESTABLISHED, nothing to read; \
           nobody has accepted the other end)",
        ],
    );
}

#[test]
fn of_another_socket_the_kind_is_said() {
    says(
        "recv_on_a_unix_socket",
        &["the test waits in recv on a Unix socket"],
    );
}

#[test]
fn an_accept_without_a_client_has_an_empty_queue() {
    says(
        "accept_without_a_client",
        &[
            "the test waits in join, for thread \"server\" to end",
            "thread \"server\" waits in accept on ADDRESS (LISTEN, nobody in the queue)",
        ],
    );
}

#[test]
fn a_connect_to_a_full_backlog_counts_the_queue() {
    says(
        "connect_to_a_full_backlog",
        &[
            "the test waits in connect to ADDRESS (SYN_SENT, no answer; \
           the listener there has N in its queue and takes no more)",
        ],
    );
    let said = said_of("connect_to_a_full_backlog");
    assert!(said.contains(" has 129 in its queue"), "{said}");
}

#[test]
fn a_connect_with_a_timeout_waits_in_poll() {
    says(
        "connect_with_a_long_timeout",
        &[
            "the test waits in poll for an answer from ADDRESS (SYN_SENT, no answer; \
           the listener there has N in its queue and takes no more)",
        ],
    );
}

#[test]
fn two_writers_fill_both_queues() {
    let end = "ADDRESS ⇄ ADDRESS (ESTABLISHED, N bytes under way; \
               the other end has N bytes to read)";
    says(
        "two_writers",
        &[
            &format!("the test waits in send on {end}"),
            &format!("thread \"other writer\" waits in send on {end}"),
            "both wait in send; both receive queues are full",
        ],
    );
}

#[test]
fn a_join_names_the_thread_that_does_not_end() {
    says(
        "join_a_thread_that_waits_for_it",
        &[
            "the test waits in join, for thread \"worker\" to end",
            "thread \"worker\" waits in futex, for a lock, a channel or another thread",
            "no thread runs that could let another go on",
        ],
    );
}

#[test]
fn threads_that_join_in_a_circle_are_named() {
    says(
        "join_in_a_circle",
        &[
            "the test waits in futex, for a lock, a channel or another thread",
            "thread \"first\" waits in join, for thread \"second\" to end",
            "thread \"second\" waits in join, for thread \"third\" to end",
            "thread \"third\" waits in join, for thread \"first\" to end",
            "no thread runs that could let another go on",
        ],
    );
}

#[test]
fn a_lock_taken_twice_waits_for_nobody() {
    says(
        "a_lock_taken_twice",
        &[
            "the test waits in futex, for a lock, a channel or another thread, \
           and there is no other thread that could let it go on",
        ],
    );
}

#[test]
fn a_loop_without_end_is_busy() {
    says(
        "a_loop_without_end",
        &["the test is busy: it computes, or loops without waiting"],
    );
}

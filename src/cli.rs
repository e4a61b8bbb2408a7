//! The `chatroom` command.

use std::process::ExitCode;

/// Runs the command with the arguments of the process.
pub fn run() -> ExitCode {
    eprintln!("chatroom: not there yet");
    ExitCode::FAILURE
}

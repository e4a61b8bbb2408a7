// Your own tests for chapter 15. What they must catch stands in the chapter's
// last step.

use crate::fixtures::*;
use crate::forking::{Group, spawn};
use std::process::Command;

#[test]
fn the_client_hears_the_end_though_its_worker_lives() {
    // 1. Start a Group, and take a connection: connected().
    // 2. Make a command: sh -c with a script that complains on standard
    //    error, says "bye", and then closes its input and its output, but
    //    lives on: exec sleep 60 <&- >&-
    // 3. Send the command's standard error to Stdio::null().
    // 4. spawn(group.joined_by(command), socket.into()).
    // 5. What does the client hear, to the end? Drop the group and wait for
    //    the worker before you compare.
    todo!("your first test of a worker")
}

// The answer key's tests in the place of the learner's.

use crate::fixtures::*;
use crate::forking::{Group, spawn};
use std::process::Command;

#[test]
fn the_client_hears_the_end_though_its_worker_lives() {
    let group = Group::start().unwrap();
    let (socket, mut client) = connected();
    let mut command = Command::new("sh");
    command.args(["-c", "echo secret >&2; echo bye; exec sleep 60 <&- >&-"]);
    command.stderr(std::process::Stdio::null());
    let mut worker = spawn(group.joined_by(command), socket.into()).unwrap();
    let heard = client.hears_to_the_end();
    drop(group);
    worker.wait().unwrap();
    assert_eq!(peer::text(&heard), "bye\\n");
}

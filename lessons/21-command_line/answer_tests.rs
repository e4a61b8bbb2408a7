// The answer key's tests in the place of the learner's.

use crate::fixtures::*;
use std::net::TcpListener;

#[test]
fn the_last_words_before_the_end_are_heard() {
    let room = TcpListener::bind(ANY).unwrap();
    let address = room.local_addr().unwrap().to_string();
    let mut bob = Program::start(&["join", "bob", "--server", &address]);
    bob.types("first\nlast");
    bob.input_ends();
    let mut peer = bob.calls(&room);
    let said = peer.hears_to_the_end();
    bob.settles();
    peer.sends(&said);
    let ended = bob.ends_with(0);
    assert_eq!(ended.output, "bob: first\nbob: last\n");
}

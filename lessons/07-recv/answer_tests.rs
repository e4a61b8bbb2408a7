// The answer key's tests in the place of the learner's.

use crate::fixtures::*;
use crate::recv::{recv, recv_exactly};

#[test]
fn a_message_is_as_long_as_it_says_however_it_was_cut() {
    let mut source = Chop::new(&[b"red", b"gr", b"eenrefactor"]);
    for word in ["red", "green", "refactor"] {
        let taken = recv_exactly(&mut source, word.len()).unwrap();
        same_bytes(&taken, word.as_bytes(), "one word, whole, and no more");
    }
}

#[test]
fn a_peer_that_has_said_all_is_not_a_peer_that_is_silent() {
    let (socket, mut peer) = connected();
    peer.sends(b"all");
    peer.half_closes();
    same_bytes(&recv(&socket, 20).unwrap(), b"all", "what was said");
    same_bytes(&recv(&socket, 20).unwrap(), b"", "and then the end");
}

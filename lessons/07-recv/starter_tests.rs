// Your own tests for chapter 07. What they must catch stands in the chapter's
// last step.

use crate::fixtures::*;
use crate::recv::{recv, recv_exactly};

#[test]
fn a_message_is_as_long_as_it_says_however_it_was_cut() {
    // 1. Make a source that gives the letters of two or more words in pieces
    //    whose borders are not the words' borders:
    //    Chop::new(&[b"...", b"..."])
    // 2. Take word after word with recv_exactly(&mut source, count).
    // 3. Is each of them the word, the whole word, and no more?
    todo!("your first test of recv_exactly")
}

#[test]
fn a_peer_that_has_said_all_is_not_a_peer_that_is_silent() {
    // 1. Get a connection: let (socket, mut peer) = connected();
    // 2. Let the peer send something, and then end: peer.half_closes().
    // 3. What does recv give, and what does it give after that?
    todo!("your second test of recv")
}

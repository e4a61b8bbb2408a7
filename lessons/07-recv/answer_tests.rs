// The answer key's tests in the place of the learner's.

use crate::fixtures::*;
use crate::recv::{recv, recv_exactly};

#[test]
fn a_message_is_as_long_as_it_says_however_it_was_cut() {
    let mut source = Chop::new(&[b"red", b"gr", b"eenrefactor"]);
    assert_eq!(recv_exactly(&mut source, 3).unwrap(), b"red");
    assert_eq!(recv_exactly(&mut source, 5).unwrap(), b"green");
    assert_eq!(recv_exactly(&mut source, 8).unwrap(), b"refactor");
}

#[test]
fn a_peer_that_has_said_all_is_not_a_peer_that_is_silent() {
    let (socket, mut peer) = connected();
    peer.sends(b"all");
    peer.half_closes();
    assert_eq!(recv(&socket, 20).unwrap(), b"all");
    assert_eq!(recv(&socket, 20).unwrap(), b"");
}

// Your own tests for chapter 01. What they must catch stands in the chapter's
// last step.

use crate::family::{Family, Kind, Repr, socket};

#[test]
fn every_socket_is_described_as_what_was_asked_for() {
    // 1. Go through Inet and Unix, and for each through Stream and Dgram.
    // 2. Make that socket and describe it: format!("{:?}", Repr(&one)).
    // 3. Which words must stand in the text?
    let _ = (Family::Inet, Kind::Stream, socket, Repr);
    todo!("your first test of socket")
}

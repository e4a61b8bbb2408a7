// Your own tests for chapter 12. What they must catch stands in the chapter's
// last step.

use crate::echo::{EchoServer, echo};
use crate::fixtures::*;

#[test]
fn a_letter_cut_in_two_comes_back() {
    // 1. Start a server, connect a client.
    // 2. `"é".as_bytes()` are two bytes. Send one, and wait for its answer.
    //    Only then send the other.
    todo!("your first test of the echo server")
}

#[test]
fn a_server_that_is_stopped_with_a_silent_client_leaves_its_port() {
    // 1. Start a server on a listener that is bound to own_loopback().
    // 2. Let a client ask once and be silent then.
    // 3. Stop the server. Is its address free to bind?
    todo!("your second test of the echo server")
}

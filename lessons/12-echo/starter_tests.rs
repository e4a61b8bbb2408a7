// Your own tests for chapter 12. What they must catch stands in the chapter's
// last step.

use crate::echo::{EchoServer, echo};

#[test]
fn a_letter_cut_in_two_comes_back() {
    // 1. Start a server, connect a client.
    // 2. `"é".as_bytes()` are two bytes. Send one, and wait for its answer.
    //    Only then send the other.
    todo!("your first test of the echo server")
}

#[test]
fn a_silent_client_hears_the_end_of_a_server_that_is_stopped() {
    // 1. Start a server, connect a client.
    // 2. Let the client ask once and be silent then.
    // 3. Stop the server. What does the client read?
    todo!("your second test of the echo server")
}

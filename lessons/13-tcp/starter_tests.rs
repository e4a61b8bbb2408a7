// Your own tests for chapter 13. What they must catch stands in the chapter's
// last step.

use crate::fixtures::*;
use crate::tcp::start;
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

#[test]
fn each_error_is_told_once_and_the_server_lives() {
    // 1. Start a server on TcpListener::bind(ANY), with an Arc of
    //    Recorder::whose("handle", Act::Fails). Keep a clone of the Arc.
    // 2. Let two clients call, one after the other: Peer::new(stream), and
    //    hears_to_the_end().
    // 3. Shut the server down. Was that an error?
    // 4. What does the Recorder say about its errors()?
    todo!("your first test of a server")
}

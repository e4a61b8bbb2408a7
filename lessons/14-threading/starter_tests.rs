// Your own tests for chapter 14. What they must catch stands in the chapter's
// last step.

use crate::fixtures::*;
use crate::threading::{Limits, start};
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

#[test]
fn one_place_is_enough_for_two_panics() {
    // 1. Start a server on TcpListener::bind(ANY), with Limits { most: 1 } and
    //    a handler that reads a byte and panics.
    // 2. Let two clients call, one after the other: Peer::new(stream), sends,
    //    hears_to_the_end().
    // 3. Shut the server down.
    todo!("your first test of a limit")
}

#[test]
fn a_stop_waits_for_no_idle_client() {
    // 1. Start a server whose handler says hello, and then reads.
    // 2. Let a client hear the hello and say nothing.
    // 3. Shut the server down, while the client is there.
    todo!("your first test of a stop")
}

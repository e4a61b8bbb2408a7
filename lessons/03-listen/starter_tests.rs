// Your own tests for chapter 03. What they must catch stands in the chapter's
// last step.

use crate::fixtures::*;
use crate::listen::is_listening;
use chatroom::socket::bind::{bind, getsockname};
use std::net::TcpStream;

#[test]
fn a_bound_socket_does_not_listen_yet() {
    // 1. Bind a socket to ANY, and do no more.
    // 2. What must is_listening say?
    todo!("your first test of is_listening")
}

#[test]
fn a_question_does_not_make_a_socket_listen() {
    // 1. Bind a socket to ANY and ask for its address.
    // 2. Ask whether it listens.
    // 3. Call the address. What must a caller hear, and of which kind?
    todo!("your second test of is_listening")
}

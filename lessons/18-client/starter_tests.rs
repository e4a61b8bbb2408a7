// Your own tests for chapter 18. What they must catch stands in the chapter's
// last step.

use crate::client::talk;
use chatroom::chat::frame::Framing;
use std::net::{TcpListener, TcpStream};

#[test]
fn what_comes_behind_a_message_is_heard_next() {
    // 1. A listener on port 0, a stream that connects to it, and `accept` for
    //    the other end: now you are the room.
    // 2. Send two messages in one `write_all`.
    // 3. Receive twice.
    todo!("your first test of the client")
}

#[test]
fn half_a_message_is_neither_a_message_nor_the_end() {
    // 1. The same connection. Which byte makes a message whole?
    // 2. Send all but that one, and hang up.
    // 3. What does `receive` say, and of which kind is it?
    todo!("your second test of the client")
}

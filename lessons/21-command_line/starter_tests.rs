// Your own tests for chapter 21. What they must catch stands in the chapter's
// last step.

use crate::fixtures::*;
use std::net::TcpListener;

#[test]
fn the_last_words_before_the_end_are_heard() {
    // 1. Be the room: TcpListener::bind(ANY), and its address as a String.
    // 2. Program::start(&["join", "bob", "--server", &address]).
    // 3. Let bob type two lines, the last of them without a newline, and then
    //    let the input end: bob.types(…), bob.input_ends().
    // 4. bob.calls(&room) is your end of the connection. What does it hear to
    //    the end?
    // 5. bob.settles() waits until bob sleeps, or has gone. Then send back
    //    exactly what you have heard.
    // 6. bob.ends_with(0) gives what was printed. Compare it.
    todo!("your first test of a program")
}

// Your own tests for chapter 10. What they must catch stands in the chapter's
// last step.

use crate::fixtures::*;
use crate::socketpair::tcp_pair_with;
use std::io::ErrorKind;
use std::net::TcpStream;

#[test]
fn once_the_pair_stands_nobody_else_can_call() {
    // 1. Make a pair, and let the hook keep the address that it hears.
    // 2. Call that address, as a stranger would, while the pair lives.
    // 3. refused(…) gives you the error. Which kind must it be?
    todo!("call the address of a pair that stands")
}

#[test]
fn after_a_stranger_nobody_else_can_call() {
    // 1. This time the hook calls: queued_client(address) is in the queue for
    //    certain when it returns. Keep it, and the address.
    // 2. There must be no pair.
    // 3. And who calls that address now?
    todo!("call the address of a pair that came to nothing")
}

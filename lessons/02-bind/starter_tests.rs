// Your own tests for chapter 02. What they must catch stands in the chapter's
// last step.

use crate::bind::{bind, getsockname};
use crate::fixtures::*;

#[test]
fn the_port_that_was_asked_for_is_the_port_that_is_reported() {
    // 1. Find a port that is free: bind a socket to own_loopback(), ask for
    //    its address, drop it.
    // 2. Bind another socket to that very address.
    // 3. What does getsockname say?
    todo!("your first test of bind")
}

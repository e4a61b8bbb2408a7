// Your own tests for chapter 09. What they must catch stands in the chapter's
// last step.

use crate::create_connection::connect_in_turn;
use crate::fixtures::*;

#[test]
fn each_address_is_called_from_the_source_that_was_asked_for() {
    // 1. Find a source whose port is free: bind a socket to own_loopback(),
    //    ask for its address, drop it.
    // 2. Call two addresses with connect_in_turn, from that source. A closure
    //    in the place of `connect` writes down each socket's own address, and
    //    refuses.
    // 3. What should stand on the list?
    todo!("your first test of create_connection")
}

// Your own tests for chapter 08. What they must catch stands in the chapter's
// last step.

use crate::create_server::{Options, create_server};
use crate::fixtures::queue::{SILENCE, callers};
use crate::fixtures::*;

// Only Linux says for certain how many callers a queue holds.
#[cfg(target_os = "linux")]
#[test]
fn the_queue_is_as_long_as_was_asked_for() {
    // 1. Make a server on ANY with a small backlog of your choice, and ask
    //    for its address.
    // 2. Linux keeps one caller more than the backlog says: let so many call.
    // 3. One more caller, who waits no longer than SILENCE. What should he hear?
    todo!("your first test of create_server")
}

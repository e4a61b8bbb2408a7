// Your own tests for chapter 04. What they must catch stands in the chapter's
// last step.

use crate::connect::connect;
use crate::fixtures::*;

#[test]
fn a_call_in_time_leaves_the_timeouts_as_they_were() {
    // 1. Start a server: Server::start(|_| {}) hangs up on each caller.
    // 2. Make a socket and give it timeouts of your own, one for `recv` and
    //    another for `send`, in whole seconds: the kernel rounds what is finer.
    // 3. Connect it, with a timeout that is none of the two.
    // 4. What are the socket's timeouts now?
    todo!("your test of what connect leaves behind")
}

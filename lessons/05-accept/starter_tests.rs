// Your own tests for chapter 05. What they must catch stands in the chapter's
// last step.

use crate::accept::accept;
use crate::fixtures::*;
use std::net::TcpStream;

#[test]
fn each_client_is_called_by_its_own_address() {
    // 1. listening() gives a listener and its address.
    // 2. Connect a client, accept it. Is `from` what the client says of itself?
    // 3. The same with a second client, while the first one is still there.
    todo!("your first test of accept")
}

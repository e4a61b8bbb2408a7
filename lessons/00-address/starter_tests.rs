// Your own tests for chapter 00. What they must catch stands in the chapter's
// last step.

use crate::address::parse_port;

#[test]
fn port_0_is_a_port() {
    // 1. Do the one thing that the test is about.
    let port = parse_port("0");
    // 2. Say what you expect. Put this in the place of the `todo!`:
    //    assert_eq!(port, Some(0), "0 is a number of 16 bits");
    todo!("{port:?}: is this what you expect?")
}

// The last port is your second test. Write it here, all of it: `#[test]`, a
// name that is a claim, the call, and what you expect.

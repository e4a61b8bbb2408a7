// The answer key's tests in the place of the learner's.

use crate::bind::{bind, getsockname};
use crate::fixtures::*;

#[test]
fn the_address_that_was_asked_for_is_the_address_that_is_reported() {
    let one = tcp();
    bind(&one, own_loopback()).unwrap();
    let address = getsockname(&one).unwrap();
    drop(one);
    let two = tcp();
    bind(&two, address).unwrap();
    assert_eq!(getsockname(&two).unwrap(), address);
}

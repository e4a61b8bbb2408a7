// The answer key's tests in the place of the learner's.

use crate::address::parse_port;

#[test]
fn port_0_is_a_port() {
    let port = parse_port("0");
    assert_eq!(port, Some(0), "0 is a number of 16 bits");
}

#[test]
fn port_65535_is_the_last_port() {
    let port = parse_port("65535");
    assert_eq!(port, Some(65535), "16 bits, all of them set");
}

// The answer key's tests in the place of the learner's.

use crate::accept::accept;
use crate::fixtures::*;
use std::net::TcpStream;

#[test]
fn each_client_is_called_by_its_own_address() {
    let (listener, address) = listening();
    let one = TcpStream::connect(address).unwrap();
    let (_to_one, from) = accept(&listener, None).unwrap();
    assert_eq!(from, one.local_addr().unwrap());
    let two = TcpStream::connect(address).unwrap();
    let (_to_two, from) = accept(&listener, None).unwrap();
    assert_eq!(from, two.local_addr().unwrap());
}

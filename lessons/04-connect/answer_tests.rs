// The answer key's tests in the place of the learner's.

use crate::connect::connect;
use crate::fixtures::*;
use std::time::Duration;

#[test]
fn a_call_in_time_leaves_the_timeouts_as_they_were() {
    let server = Server::start(|_| {});
    let socket = tcp();
    let (read, write) = (Duration::from_secs(3), Duration::from_secs(4));
    socket.set_read_timeout(Some(read)).unwrap();
    socket.set_write_timeout(Some(write)).unwrap();
    connect(&socket, server.address(), Some(GUARD)).unwrap();
    assert_eq!(socket.read_timeout().unwrap(), Some(read), "for recv");
    assert_eq!(socket.write_timeout().unwrap(), Some(write), "for send");
}

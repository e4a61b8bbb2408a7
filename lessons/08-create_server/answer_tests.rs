// The answer key's tests in the place of the learner's.

use crate::create_server::{Options, create_server};
use crate::fixtures::queue::{SILENCE, callers};
use crate::fixtures::*;
use std::io::ErrorKind;
use std::net::TcpStream;

// Only Linux says for certain how many callers a queue holds.
#[cfg(target_os = "linux")]
#[test]
fn the_queue_is_as_long_as_was_asked_for() {
    let options = Options {
        backlog: 2,
        ..Options::default()
    };
    let server = create_server(ANY, &options).unwrap();
    let address = server.local_addr().unwrap().as_socket().unwrap();
    let _waiting = callers(address, 3);
    let fourth = TcpStream::connect_timeout(&address, SILENCE);
    let error = refused(fourth, "three wait already, and the backlog is 2");
    assert_eq!(error.kind(), ErrorKind::TimedOut);
}

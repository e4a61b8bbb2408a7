// The answer key's tests in the place of the learner's.

use crate::fixtures::*;
use crate::listen::is_listening;
use chatroom::socket::bind::{bind, getsockname};
use std::io::ErrorKind;
use std::net::TcpStream;

#[cfg(target_os = "linux")]
#[test]
fn a_bound_socket_does_not_listen_yet() {
    let socket = tcp();
    bind(&socket, ANY).unwrap();
    assert!(!is_listening(&socket).unwrap(), "it is bound, no more");
}

#[test]
fn a_question_does_not_make_a_socket_listen() {
    let socket = tcp();
    bind(&socket, ANY).unwrap();
    let address = getsockname(&socket).unwrap();
    let _ = is_listening(&socket);
    let error = refused(TcpStream::connect(address), "it was only asked");
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
}

// The answer key's tests in the place of the learner's.

use crate::echo::{EchoServer, echo};
use crate::fixtures::*;
use std::net::{TcpListener, TcpStream};

#[test]
fn a_letter_cut_in_two_comes_back() {
    let server = EchoServer::on_any_port().unwrap();
    let client = TcpStream::connect(server.address()).unwrap();
    for piece in "é".as_bytes().chunks(1) {
        assert_eq!(echo(&client, piece).unwrap(), piece);
    }
}

#[test]
fn a_server_that_is_stopped_with_a_silent_client_leaves_its_port() {
    let listener = TcpListener::bind(own_loopback()).unwrap();
    let server = EchoServer::start(listener).unwrap();
    let address = server.address();
    let client = TcpStream::connect(address).unwrap();
    echo(&client, b"hello").unwrap();
    server.stop();
    TcpListener::bind(address).unwrap();
}

// The answer key's tests in the place of the learner's.

use crate::echo::{EchoServer, echo};
use std::io::Read;
use std::net::TcpStream;

#[test]
fn a_letter_cut_in_two_comes_back() {
    let server = EchoServer::on_any_port().unwrap();
    let client = TcpStream::connect(server.address()).unwrap();
    for piece in "é".as_bytes().chunks(1) {
        assert_eq!(echo(&client, piece).unwrap(), piece);
    }
}

#[test]
fn a_silent_client_hears_the_end_of_a_server_that_is_stopped() {
    let server = EchoServer::on_any_port().unwrap();
    let mut client = TcpStream::connect(server.address()).unwrap();
    echo(&client, b"hello").unwrap();
    server.stop();
    assert_eq!(client.read(&mut [0; 10]).unwrap(), 0, "the end");
}

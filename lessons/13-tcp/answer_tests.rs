// The answer key's tests in the place of the learner's.

use crate::fixtures::Act::Fails;
use crate::fixtures::*;
use crate::tcp::start;
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

#[test]
fn each_error_is_told_once_and_the_server_lives() {
    let handler = Arc::new(Recorder::whose("handle", Fails));
    let listener = TcpListener::bind(ANY).unwrap();
    let server = start(listener, handler.clone()).unwrap();
    for _ in 0..2 {
        let stream = TcpStream::connect(server.address()).expect("the server lives");
        Peer::new(stream).hears_to_the_end();
    }
    server
        .shutdown()
        .expect("no error of a handler's is the server's");
    assert_eq!(handler.errors(), ["handle fails, as told"; 2]);
}

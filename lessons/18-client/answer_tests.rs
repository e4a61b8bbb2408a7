// The answer key's tests in the place of the learner's.

use crate::client::{Receiver, talk};
use chatroom::chat::frame::Framing;
use std::io::{ErrorKind, Write};
use std::net::{Shutdown, TcpListener, TcpStream};

/// Us, and the end of the connection at which a room would be.
fn receiver() -> (Receiver, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (room, _) = listener.accept().unwrap();
    let (_sender, receiver) = talk(stream, Framing::Line).unwrap();
    (receiver, room)
}

#[test]
fn what_comes_behind_a_message_is_heard_next() {
    let (mut receiver, mut room) = receiver();
    room.write_all(
        b"{\"name\":\"bob\",\"msg\":\"one\",\"time\":\"2024-2-24\"}\n\
          {\"name\":\"bob\",\"msg\":\"two\",\"time\":\"2024-2-24\"}\n",
    )
    .unwrap();
    room.shutdown(Shutdown::Write).unwrap();
    for word in ["one", "two"] {
        let message = receiver.receive().unwrap();
        assert_eq!(message.expect("it was said").msg, word);
    }
}

#[test]
fn half_a_message_is_neither_a_message_nor_the_end() {
    let (mut receiver, mut room) = receiver();
    room.write_all(b"{\"name\":\"bob\",\"msg\":\"hi\",\"time\":\"2024-2-24\"}")
        .unwrap();
    room.shutdown(Shutdown::Write).unwrap();
    let error = receiver.receive().expect_err("the end mark is missing");
    assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
}

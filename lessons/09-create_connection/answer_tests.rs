// The answer key's tests in the place of the learner's.

use crate::create_connection::connect_in_turn;
use crate::fixtures::*;
use std::io::ErrorKind;
use std::net::SocketAddr;

#[test]
fn each_address_is_called_from_the_source_that_was_asked_for() {
    let name = "your_tests::each_address_is_called_from_the_source_that_was_asked_for";
    // Alone: no child of another test's holds a copy of the port.
    alone(name, || {
        let socket = tcp();
        socket.bind(&own_loopback().into()).unwrap();
        let source = socket.local_addr().unwrap().as_socket().unwrap();
        drop(socket);
        let addresses = [80, 81].map(|port| SocketAddr::from(([192, 0, 2, 1], port)));
        let mut seen = Vec::new();
        let result = connect_in_turn(&addresses, None, Some(source), |socket, _, _| {
            seen.push(socket.local_addr()?.as_socket());
            Err(ErrorKind::ConnectionRefused.into())
        });
        drop(result);
        assert_eq!(seen, [Some(source); 2], "where each call came from");
    });
}

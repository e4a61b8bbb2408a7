// The answer key's tests in the place of the learner's.

use crate::fixtures::*;
use crate::socketpair::tcp_pair_with;
use std::io::ErrorKind;
use std::net::TcpStream;

#[test]
fn once_the_pair_stands_nobody_else_can_call() {
    // Alone: no child of another test's holds a copy of the listener.
    alone(
        "your_tests::once_the_pair_stands_nobody_else_can_call",
        || {
            let mut listened = None;
            let pair = tcp_pair_with(|address| listened = Some(address));
            let _pair = pair.expect("a pair");
            let address = listened.expect("the hook is called");
            let error = refused(TcpStream::connect(address), "the pair is complete");
            assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        },
    );
}

#[test]
fn after_a_stranger_nobody_else_can_call() {
    alone("your_tests::after_a_stranger_nobody_else_can_call", || {
        let mut stranger = None;
        let pair = tcp_pair_with(|address| stranger = Some((address, queued_client(address))));
        refused(pair, "a stranger was the first to call");
        let (address, _stranger) = stranger.expect("the hook is called");
        let error = refused(TcpStream::connect(address), "there is no pair to wait for");
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    });
}

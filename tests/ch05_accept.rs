//! Chapter 05: the next client, please.

#[macro_use]
mod fixtures;
subject!(socket::accept = "../my/socket/accept.rs",
    tests = "../my/tests/accept.rs" or "../lessons/05-accept/answer_tests.rs");

use accept::{accept, accept_from};
use fixtures::*;
use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

mod step_1 {
    use super::*;

    #[test]
    fn accept_tells_the_address_of_the_client() {
        let (listener, address) = listening();
        let client = TcpStream::connect(address).expect("it listens");
        let (_socket, from) = accept(&listener, None).expect("a client is there");
        let own = client.local_addr().expect("it is connected");
        assert_eq!(from, own, "who called? The client itself says the second");
    }

    #[test]
    fn the_new_socket_talks_with_the_client() {
        let (listener, address) = listening();
        let mut client = Peer::new(TcpStream::connect(address).expect("it listens"));
        let (mut socket, _) = accept(&listener, None).expect("a client is there");
        client.sends(b"ping");
        let mut heard = [0; 4];
        let read = socket.read_exact(&mut heard);
        read.expect("a connected socket can read; a listener cannot");
        same_bytes(&heard, b"ping", "what came out of the new socket");
        socket.write_all(b"pong").expect("and it can write");
        client.hears(b"pong");
    }

    #[test]
    fn the_listener_goes_on_listening() {
        let (listener, address) = listening();
        let first = TcpStream::connect(address).expect("it listens");
        let (socket, _) = accept(&listener, None).expect("a client is there");
        drop((first, socket));
        let second = TcpStream::connect(address);
        let second = second.expect("the first client has gone, the listener has not");
        let (_, from) = accept(&listener, None).expect("a second client is there");
        assert_eq!(from, second.local_addr().unwrap(), "the second client");
    }

    #[test]
    fn two_clients_get_two_sockets_in_the_order_of_their_calls() {
        let (listener, address) = listening();
        let mut one = Peer::new(queued_client(address));
        let mut two = Peer::new(queued_client(address));
        let (mut to_one, _) = accept(&listener, None).expect("the first has called");
        let (mut to_two, _) = accept(&listener, None).expect("so has the second");
        to_two.write_all(b"second").expect("two is connected");
        to_one.write_all(b"first").expect("one is connected");
        drop((to_one, to_two));
        let heard = one.hears_to_the_end();
        same_bytes(&heard, b"first", "what client one heard");
        let heard = two.hears_to_the_end();
        same_bytes(&heard, b"second", "what client two heard");
    }
}

mod step_2 {
    use super::*;

    // BSD and macOS hand down other things than Linux does.
    #[cfg(target_os = "linux")]
    #[test]
    fn the_new_socket_does_not_inherit_the_timeout_of_the_listener() {
        let (listener, address) = listening();
        let timeout = Some(Duration::from_secs(7));
        listener.set_read_timeout(timeout).expect("SO_RCVTIMEO");
        let _client = TcpStream::connect(address).expect("it listens");
        let (socket, _) = accept(&listener, None).expect("a client is there");
        let inherited = socket.read_timeout().expect("SO_RCVTIMEO");
        assert_eq!(inherited, None, "nobody gave the new socket a timeout");
    }

    #[cfg(unix)]
    fn not_yet(kind: ErrorKind) -> bool {
        matches!(kind, ErrorKind::WouldBlock | ErrorKind::TimedOut)
    }

    #[cfg(unix)]
    #[test]
    fn the_new_socket_waits_even_if_the_listener_does_not() {
        let (listener, address) = listening();
        listener.set_nonblocking(true).expect("O_NONBLOCK");
        let _client = TcpStream::connect(address).expect("it listens");
        let (socket, _) = loop {
            match accept(&listener, None) {
                // What it says while nobody is there is a question of step 3.
                Err(error) if not_yet(error.kind()) => std::thread::yield_now(),
                result => break result.expect("a client is there"),
            }
        };
        let nonblocking = socket.nonblocking().expect("O_NONBLOCK");
        assert!(!nonblocking, "a read from the new socket would not wait");
    }
}

// Only Linux ends an accept by SO_RCVTIMEO.
#[cfg(target_os = "linux")]
mod step_3 {
    use super::*;

    const SHORT: Duration = Duration::from_millis(20);

    #[test]
    fn accept_times_out_when_told_to() {
        let (listener, _) = listening();
        // For an accept that forgets what it was told: this ends it as well.
        listener.set_read_timeout(Some(SHORT)).expect("SO_RCVTIMEO");
        let error = refused(accept(&listener, Some(SHORT)), "there is no client");
        assert_eq!(error.kind(), ErrorKind::TimedOut, "the time is up: {error}");
    }

    #[test]
    fn accept_waits_as_long_as_it_was_told_to() {
        let ((listener, _), told) = (listening(), 10 * SHORT);
        let called = Instant::now();
        refused(accept(&listener, Some(told)), "there is no client");
        let waited = called.elapsed();
        let why = "it gave up too soon";
        assert!(2 * waited >= told, "{why}: after {waited:.2?} of {told:?}");
    }

    #[test]
    fn a_listener_that_does_not_wait_says_would_block() {
        let (listener, _) = listening();
        listener.set_nonblocking(true).expect("O_NONBLOCK");
        let waiter = Waiter::start(move || accept(&listener, None));
        let error = refused(waiter.answer(), "there is no client");
        let why = "it did not wait, so no time was up";
        assert_eq!(error.kind(), ErrorKind::WouldBlock, "{why}");
    }

    #[test]
    fn without_a_timeout_accept_waits_for_a_client() {
        let (listener, address) = listening();
        let waiter = Waiter::start(move || accept(&listener, None));
        let waiter = waiter.blocks().unwrap_or_else(|answer| {
            panic!("nobody has called yet, and accept came back with {answer:?}")
        });
        let client = TcpStream::connect(address).expect("it listens");
        let (_, from) = waiter.answer().expect("now a client has called");
        assert_eq!(from, client.local_addr().unwrap(), "who called");
    }

    #[test]
    fn with_time_left_accept_waits_for_a_client() {
        let (listener, address) = listening();
        let waiter = Waiter::start(move || accept(&listener, Some(GUARD)));
        let waiter = waiter.blocks().unwrap_or_else(|answer| {
            panic!("{GUARD:?} are not over, and accept came back with {answer:?}")
        });
        let client = TcpStream::connect(address).expect("it listens");
        let (_, from) = waiter.answer().expect("now a client has called");
        assert_eq!(from, client.local_addr().unwrap(), "who called");
    }

    #[test]
    fn the_timeout_of_the_call_does_not_stay_on_the_new_socket() {
        let (listener, address) = listening();
        let waiter = Waiter::start(move || accept(&listener, Some(GUARD)));
        // A socket inherits what the listener has at the moment of the call.
        let waiter = waiter.blocks().unwrap_or_else(|answer| {
            panic!("{GUARD:?} are not over, and accept came back with {answer:?}")
        });
        let _client = TcpStream::connect(address).expect("it listens");
        let (socket, _) = waiter.answer().expect("now a client has called");
        let inherited = socket.read_timeout().expect("SO_RCVTIMEO");
        assert_eq!(inherited, None, "the timeout was for accept alone");
    }

    #[test]
    fn after_a_client_the_listener_has_its_own_timeout_again() {
        let (listener, address) = listening();
        let own = Some(Duration::from_secs(7));
        listener.set_read_timeout(own).expect("SO_RCVTIMEO");
        let _client = queued_client(address);
        accept(&listener, Some(GUARD)).expect("a client is there");
        let left = listener.read_timeout().expect("SO_RCVTIMEO");
        assert_eq!(left, own, "the call's timeout was for the call alone");
    }

    #[test]
    fn after_a_timeout_the_listener_has_its_own_timeout_again() {
        let (listener, _) = listening();
        let own = Some(Duration::from_secs(1));
        listener.set_read_timeout(own).expect("SO_RCVTIMEO");
        refused(accept(&listener, Some(SHORT)), "there is no client");
        let left = listener.read_timeout().expect("SO_RCVTIMEO");
        assert_eq!(left, own, "the call's timeout was for the call alone");
    }

    #[test]
    fn a_timeout_of_zero_does_not_wait_for_ever() {
        let (listener, _) = listening();
        let waiter = Waiter::start(move || accept(&listener, Some(Duration::ZERO)));
        let error = refused(waiter.answer(), "there is no client");
        assert_eq!(error.kind(), ErrorKind::TimedOut, "the time is up: {error}");
    }
}

mod step_4 {
    use super::*;

    /// Answers as the script says. To ask once more than that is a mistake.
    fn scripted<T>(script: Vec<io::Result<T>>) -> impl FnMut() -> io::Result<T> {
        let mut answers = script.into_iter();
        move || {
            answers
                .next()
                .expect("that was the last answer: why ask again?")
        }
    }

    #[test]
    fn an_interrupted_accept_is_tried_again() {
        let script = vec![Err(ErrorKind::Interrupted.into()), Ok("a client")];
        let client = accept_from(scripted(script));
        let client = client.expect("a signal came, and after it a client");
        assert_eq!(client, "a client");
    }

    #[test]
    fn an_aborted_connection_is_passed_over() {
        let script = vec![Err(ErrorKind::ConnectionAborted.into()), Ok("the next")];
        let client = accept_from(scripted(script));
        let client = client.expect("one client hung up, the next one did not");
        assert_eq!(client, "the next");
    }

    #[test]
    fn a_reset_connection_is_passed_over() {
        let script = vec![Err(ErrorKind::ConnectionReset.into()), Ok("the next")];
        let client = accept_from(scripted(script));
        let client = client.expect("one client was reset, the next one was not");
        assert_eq!(client, "the next");
    }

    #[test]
    fn it_is_tried_again_as_often_as_it_takes() {
        let mut script: Vec<io::Result<&str>> = vec![];
        for _ in 0..100 {
            script.push(Err(ErrorKind::ConnectionAborted.into()));
            script.push(Err(ErrorKind::Interrupted.into()));
        }
        script.push(Ok("the client"));
        let client = accept_from(scripted(script));
        let client = client.expect("two hundred times no, and then a client");
        assert_eq!(client, "the client");
    }

    #[test]
    fn any_other_error_goes_out_as_it_came() {
        // EINVAL, EMFILE, ENFILE; on Windows these numbers mean other things.
        for number in [22, 24, 23] {
            let error = io::Error::from_raw_os_error(number);
            let result = accept_from(scripted::<()>(vec![Err(error)]));
            let error = refused(result, "no second try would mend this");
            assert_eq!(error.raw_os_error(), Some(number), "which error it was");
        }
    }

    #[test]
    fn that_nobody_is_there_is_an_answer() {
        let script: Vec<io::Result<()>> = vec![Err(ErrorKind::WouldBlock.into())];
        let error = refused(accept_from(scripted(script)), "nobody was there");
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
    }
}

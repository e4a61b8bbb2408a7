//! Chapter 03: a socket takes in callers.

#[macro_use]
mod fixtures;
subject!(socket::listen = "../my/socket/listen.rs",
    tests = "../my/tests/listen.rs" or "../lessons/03-listen/answer_tests.rs");

use chatroom::socket::bind::{bind, bind_again, getsockname};
use fixtures::queue::{ANSWER, SILENCE, callers, states_around};
use fixtures::*;
use listen::{DEFAULT_BACKLOG, is_listening, listen};
use socket2::{Domain, Socket, Type};
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};

/// A socket with an address of its own, which does not listen yet.
#[track_caller]
fn bound() -> (Socket, SocketAddr) {
    let socket = tcp();
    bind(&socket, own_loopback()).expect("any port will do");
    let address = getsockname(&socket).expect("it is bound");
    (socket, address)
}

mod step_1 {
    use super::*;

    #[test]
    fn a_call_is_refused_before_listen_and_taken_in_after() {
        let (socket, address) = bound();
        let error = refused(TcpStream::connect(address), "nobody listens yet");
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        listen(&socket, DEFAULT_BACKLOG).expect("a bound socket can listen");
        if let Err(error) = TcpStream::connect(address) {
            panic!("the socket was told to listen, and {address} still says: {error}");
        }
    }

    #[test]
    fn a_client_can_speak_and_leave_before_it_is_accepted() {
        let (socket, address) = bound();
        listen(&socket, DEFAULT_BACKLOG).expect("a bound socket can listen");
        let mut client = TcpStream::connect(address).expect("the kernel takes it in");
        client.write_all(b"hello").expect("the kernel keeps it");
        drop(client);
        let (mut connection, _) = socket.accept().expect("the client was there");
        let mut heard = String::new();
        connection.read_to_string(&mut heard).expect("it spoke");
        assert_eq!(heard, "hello", "said before anybody accepted");
    }
}

// A full queue is silent on Linux. Other systems count differently.
#[cfg(target_os = "linux")]
mod step_2 {
    use super::*;

    #[test]
    fn a_backlog_of_0_keeps_one_client_and_no_second() {
        let (socket, address) = bound();
        listen(&socket, 0).expect("0 is a backlog");
        let _waiting = callers(address, 1);
        let second = TcpStream::connect_timeout(&address, SILENCE);
        let error = refused(second, "one client waits already, and the backlog is 0");
        assert_eq!(
            error.kind(),
            ErrorKind::TimedOut,
            "a full queue says nothing"
        );
    }

    #[test]
    fn a_backlog_of_4_keeps_five_clients_and_no_sixth() {
        let (socket, address) = bound();
        listen(&socket, 4).expect("4 is a backlog");
        let _waiting = callers(address, 5);
        let sixth = TcpStream::connect_timeout(&address, SILENCE);
        let error = refused(sixth, "five clients wait already, and the backlog is 4");
        assert_eq!(
            error.kind(),
            ErrorKind::TimedOut,
            "a full queue says nothing"
        );
    }

    #[test]
    fn an_accept_makes_room_for_the_next_client() {
        let (socket, address) = bound();
        listen(&socket, 0).expect("0 is a backlog");
        let _waiting = callers(address, 1);
        let full = TcpStream::connect_timeout(&address, SILENCE);
        refused(full, "one client waits already, and the backlog is 0");
        let _accepted = socket.accept().expect("a client waits");
        callers(address, 1);
    }

    #[test]
    fn listening_again_makes_the_queue_longer() {
        let (socket, address) = bound();
        listen(&socket, 0).expect("a bound socket can listen");
        let _first = callers(address, 1);
        listen(&socket, 4).expect("a listening socket can listen again");
        callers(address, 4);
    }

    #[test]
    fn a_backlog_beyond_every_limit_is_as_long_as_can_be() {
        for backlog in [1 << 16, 1 << 31, u32::MAX] {
            let (socket, address) = bound();
            if let Err(error) = listen(&socket, backlog) {
                panic!("a backlog of {backlog} is too long, so cut it: {error}");
            }
            callers(address, 16);
        }
    }
}

// Only some systems tell whether a socket listens; Linux does.
#[cfg(target_os = "linux")]
mod step_3 {
    use super::*;
    use fixtures::netstat::states_of;

    #[test]
    fn a_listening_socket_says_so_and_netstat_agrees() {
        let (socket, address) = bound();
        listen(&socket, DEFAULT_BACKLOG).expect("a bound socket can listen");
        assert_eq!(states_of(address), ["LISTEN"], "the table's word");
        assert!(is_listening(&socket).expect("the kernel knows"), "ours");
    }

    #[test]
    fn a_waiting_client_is_established_at_both_ends() {
        let (socket, address) = bound();
        listen(&socket, DEFAULT_BACKLOG).expect("a bound socket can listen");
        let _client = callers(address, 1);
        let states = states_around(address);
        let both_ends = ["ESTABLISHED", "ESTABLISHED", "LISTEN"];
        assert_eq!(states, both_ends, "two ends, and nobody accepted");
        let still = is_listening(&socket).expect("the kernel knows");
        assert!(still, "a client waits, and the listener goes on listening");
    }

    #[test]
    fn a_question_takes_nobody_out_of_the_queue() {
        let (socket, address) = bound();
        listen(&socket, 0).expect("a bound socket can listen");
        let client = callers(address, 1);
        assert!(is_listening(&socket).expect("the kernel knows"), "it does");
        socket.set_read_timeout(Some(ANSWER)).expect("a guard");
        let (_connection, peer) = socket.accept().expect("the client still waits");
        let own = client[0].local_addr().expect("it is connected");
        assert_eq!(peer.as_socket(), Some(own), "the client that called");
    }

    #[test]
    fn a_socket_that_somebody_else_made_listen_says_so_too() {
        let (socket, _) = bound();
        socket.listen(1).expect("a bound socket can listen");
        let answer = is_listening(&socket).expect("the kernel knows");
        assert!(answer, "it listens, whoever made it");
    }

    #[test]
    fn a_socket_that_was_never_bound_does_not_listen() {
        let answer = is_listening(&tcp()).expect("the kernel knows");
        assert!(!answer, "nobody told it to");
    }

    #[test]
    fn an_accepted_connection_does_not_listen() {
        let (socket, address) = bound();
        listen(&socket, DEFAULT_BACKLOG).expect("a bound socket can listen");
        let _client = callers(address, 1);
        let (connection, _) = socket.accept().expect("a client waits");
        assert_eq!(getsockname(&connection).unwrap(), address, "same address");
        let answer = is_listening(&connection).expect("the kernel knows");
        assert!(
            !answer,
            "it has the listener's address, but it is a connection"
        );
    }
}

mod step_4 {
    use super::*;

    /// A datagram socket, as `socket(family, SOCK_DGRAM)` gives it.
    fn udp() -> Socket {
        Socket::new(Domain::IPV4, Type::DGRAM, None).expect("the kernel gives a socket")
    }

    #[test]
    fn a_socket_without_an_address_is_told_to_bind_first() {
        let result = listen(&tcp(), DEFAULT_BACKLOG);
        let why = "the kernel would pick any port, and nobody would know it";
        let error = refused(result, why);
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        #[cfg(not(windows))]
        assert!(
            error.to_string().contains("bind"),
            "what is missing? The error says only: {error}"
        );
    }

    #[test]
    fn a_refused_socket_is_left_as_it_was() {
        let socket = tcp();
        refused(listen(&socket, DEFAULT_BACKLOG), "it has no address");
        if let Err(error) = bind(&socket, ANY) {
            panic!("it was refused, so it is still without an address: {error}");
        }
    }

    #[test]
    fn a_datagram_socket_cannot_listen_and_is_told_why() {
        let socket = udp();
        bind(&socket, ANY).expect("any port will do");
        let result = listen(&socket, DEFAULT_BACKLOG);
        let error = refused(result, "a datagram socket has no connections");
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        let text = error.to_string();
        assert!(
            text.contains("datagram"),
            "what is wrong with the socket? The error says only: {text}"
        );
    }

    #[test]
    fn a_datagram_socket_is_not_sent_to_bind_first() {
        let result = listen(&udp(), DEFAULT_BACKLOG);
        let error = refused(result, "a datagram socket has no connections");
        assert_eq!(
            error.kind(),
            ErrorKind::Unsupported,
            "an address would not help it, and the error says: {error}"
        );
    }

    // Two sockets can share an address until one of them listens; elsewhere
    // than on Linux the second bind is refused already.
    #[cfg(target_os = "linux")]
    #[test]
    fn of_two_sockets_with_one_address_only_one_listens() {
        let (first, second) = (tcp(), tcp());
        bind_again(&first, own_loopback()).expect("any port will do");
        let address = getsockname(&first).expect("it is bound");
        bind_again(&second, address).expect("nobody listens yet");
        listen(&first, DEFAULT_BACKLOG).expect("it is the first");
        let error = refused(listen(&second, DEFAULT_BACKLOG), "the first one listens");
        assert_eq!(error.kind(), ErrorKind::AddrInUse, "the kernel's kind");
        let text = error.to_string();
        assert!(
            text.contains(&address.to_string()),
            "which address was it? The error says only: {text}"
        );
        assert!(
            text.contains("os error"),
            "and what did the kernel say? {text}"
        );
    }
}

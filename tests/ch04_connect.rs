//! Chapter 04: a socket calls a listener.

#[macro_use]
mod fixtures;
subject!(socket::connect = "../my/socket/connect.rs",
    tests = "../my/tests/connect.rs" or "../lessons/04-connect/answer_tests.rs");

use connect::{connect, getpeername};
use fixtures::*;
use socket2::Socket;
use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant};

/// Time enough: who runs out of it has not answered at all.
const PLENTY: Option<Duration> = Some(GUARD);

/// Time that is always too short where nobody answers, however long it takes.
#[cfg(target_os = "linux")]
const SHORT: Duration = Duration::from_millis(50);

/// A server that says "welcome" to each caller and hangs up.
fn greeter() -> Server {
    Server::start(|mut caller| caller.sends(b"welcome"))
}

/// Fails unless the socket hears the greeting. Whether the socket blocks is
/// another question, so here it does.
#[track_caller]
fn hears_the_greeting(socket: Socket) {
    socket.set_nonblocking(false).expect("a socket can block");
    if let Err(error) = socket.peer_addr() {
        panic!("connect said yes, and the socket has no peer: {error}");
    }
    Peer::ours(socket.into()).hears(b"welcome");
}

mod step_1 {
    use super::*;

    #[test]
    fn a_connected_socket_hears_the_server() {
        let server = greeter();
        let socket = tcp();
        connect(&socket, server.address(), None).expect("the server listens");
        hears_the_greeting(socket);
    }

    #[test]
    fn the_peer_is_the_server() {
        let listener = TcpListener::bind(ANY).expect("any port will do");
        let server = listener.local_addr().expect("it is bound");
        let socket = tcp();
        connect(&socket, server, None).expect("the server listens");
        let peer = getpeername(&socket).expect("it is connected");
        assert_eq!(peer, server, "the address at the other end of the line");
    }

    #[test]
    fn a_socket_that_never_called_has_no_peer() {
        let error = refused(getpeername(&tcp()), "it has not called anybody");
        assert_eq!(error.kind(), ErrorKind::NotConnected);
    }
}

mod step_2 {
    use super::*;

    #[test]
    fn a_port_where_nobody_listens_refuses() {
        let nobody = Held::new();
        let result = connect(&tcp(), nobody.address(), None);
        let error = refused(result, "the port is bound, and nobody listens there");
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    }

    #[test]
    fn a_refusal_names_the_address() {
        let nobody = Held::new();
        let result = connect(&tcp(), nobody.address(), None);
        let text = refused(result, "nobody listens there").to_string();
        assert!(
            text.contains(&nobody.address().to_string()),
            "who refused the call? The error says only: {text}"
        );
    }

    // The port must stay free once the server is gone: only Linux has an
    // address for this test alone.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_server_that_has_stopped_refuses() {
        let server = Server::start_at(own_loopback(), |_| {});
        let address = server.address();
        connect(&tcp(), address, None).expect("the server listens");
        drop(server);
        let error = refused(connect(&tcp(), address, None), "the server has stopped");
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    }

    #[test]
    fn a_connected_socket_cannot_call_again() {
        let (first, second) = (greeter(), greeter());
        let socket = tcp();
        connect(&socket, first.address(), None).expect("the first server listens");
        let result = connect(&socket, second.address(), None);
        let text = refused(result, "it is connected to the first server").to_string();
        assert!(
            text.contains(&second.address().to_string()),
            "which call failed? The error says only: {text}"
        );
    }

    #[test]
    fn a_second_call_does_not_disturb_the_first_connection() {
        let (first, second) = (greeter(), Server::start(|_| {}));
        let socket = tcp();
        connect(&socket, first.address(), None).expect("the first server listens");
        let result = connect(&socket, second.address(), None);
        refused(result, "it is connected to the first server");
        hears_the_greeting(socket);
    }
}

mod step_3 {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn a_call_that_nobody_answers_times_out() {
        let (silent, told) = (Full::new(), 5 * SHORT);
        let called = Instant::now();
        let result = connect(&impatient(), silent.address(), Some(told));
        let waited = called.elapsed();
        let error = refused(result, "the listener's queue is full");
        assert_eq!(
            error.kind(),
            ErrorKind::TimedOut,
            "the timeout was {told:?}; the test's socket gives up by itself after {PATIENCE:?}; this came after {waited:.2?}: {error}"
        );
        let why = "it gave up too soon";
        assert!(2 * waited >= told, "{why}: after {waited:.2?} of {told:?}");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_timeout_names_the_address() {
        let silent = Full::new();
        let result = connect(&impatient(), silent.address(), Some(SHORT));
        let text = refused(result, "the listener's queue is full").to_string();
        assert!(
            text.contains(&silent.address().to_string()),
            "who did not answer? The error says only: {text}"
        );
    }

    #[test]
    fn a_call_that_is_answered_in_time_is_a_connection() {
        let server = greeter();
        let socket = tcp();
        connect(&socket, server.address(), PLENTY).expect("the server listens");
        hears_the_greeting(socket);
    }

    #[test]
    fn a_refusal_is_not_a_timeout() {
        let nobody = Held::new();
        let result = connect(&tcp(), nobody.address(), PLENTY);
        let error = refused(result, "nobody listens there");
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    }

    #[test]
    fn a_timeout_of_zero_is_a_mistake() {
        let server = Server::start(|_| {});
        let result = connect(&tcp(), server.address(), Some(Duration::ZERO));
        let error = refused(result, "nobody answers in no time");
        let why = "the caller is wrong, and nobody was slow";
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{why}");
    }
}

mod step_4 {
    use super::*;

    #[test]
    fn a_call_in_time_leaves_no_timeout_behind() {
        let server = Server::start(|_| {});
        let socket = tcp();
        connect(&socket, server.address(), PLENTY).expect("the server listens");
        let left = (
            socket.read_timeout().unwrap(),
            socket.write_timeout().unwrap(),
        );
        assert_eq!(left, (None, None), "the timeouts of `recv` and of `send`");
    }

    #[cfg(unix)]
    #[test]
    fn a_call_in_time_leaves_a_socket_that_blocks() {
        let server = Server::start(|_| {});
        let socket = tcp();
        connect(&socket, server.address(), PLENTY).expect("the server listens");
        assert!(!socket.nonblocking().unwrap(), "O_NONBLOCK was left set");
    }

    #[test]
    fn a_call_in_time_is_finished_and_the_next_is_refused() {
        let (first, second) = (Server::start(|_| {}), Server::start(|_| {}));
        let socket = tcp();
        connect(&socket, first.address(), PLENTY).expect("the first server listens");
        let why = "it is still connected to the first server, not to the second";
        refused(connect(&socket, second.address(), PLENTY), why);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_call_too_late_leaves_the_timeouts_as_they_were() {
        let silent = Full::new();
        let socket = impatient();
        let result = connect(&socket, silent.address(), Some(SHORT));
        refused(result, "the listener's queue is full");
        let left = (
            socket.read_timeout().unwrap(),
            socket.write_timeout().unwrap(),
        );
        let before = (None, Some(PATIENCE));
        assert_eq!(left, before, "the timeouts of `recv` and of `send`");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_call_too_late_leaves_a_socket_that_blocks() {
        let silent = Full::new();
        let socket = impatient();
        let result = connect(&socket, silent.address(), Some(SHORT));
        refused(result, "the listener's queue is full");
        assert!(!socket.nonblocking().unwrap(), "O_NONBLOCK was left set");
    }
}

// Other systems refuse such a call by themselves, each in its own words.
#[cfg(target_os = "linux")]
mod step_5 {
    use super::*;

    /// A socket with an address that no other test uses.
    fn bound() -> (Socket, SocketAddr) {
        let socket = tcp();
        socket
            .bind(&own_loopback().into())
            .expect("any port will do");
        let address = socket.local_addr().expect("it is bound");
        (socket, address.as_socket().expect("it is of IPv4"))
    }

    #[test]
    fn a_call_to_oneself_is_refused() {
        let (socket, itself) = bound();
        let why = "nobody listens there: the socket is talking to itself";
        let error = refused(connect(&socket, itself, PLENTY), why);
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    }

    #[test]
    fn a_call_to_oneself_is_hung_up() {
        let (socket, itself) = bound();
        // Whether this is refused is the question of the test above.
        let _ = connect(&socket, itself, PLENTY);
        let why = "this goes to the socket itself, which must not be connected";
        refused(socket.send(b"is anybody there?"), why);
    }

    // Linux takes a call to 0.0.0.0 for one to the socket's own IP address.
    #[test]
    fn a_call_to_oneself_by_another_name_is_refused() {
        let (socket, itself) = bound();
        let alias = SocketAddr::from(([0, 0, 0, 0], itself.port()));
        let why = "it is answered by itself, which is not the address that it called";
        let error = refused(connect(&socket, alias, PLENTY), why);
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    }

    #[test]
    fn the_same_port_at_another_ip_address_is_somebody_else() {
        let (listener, server) = bound();
        listener.listen(1).expect("a bound socket can listen");
        let socket = tcp();
        let beside = SocketAddr::new(own_loopback().ip(), server.port());
        socket.bind(&beside.into()).expect("nobody else is there");
        if let Err(error) = connect(&socket, server, PLENTY) {
            panic!("{beside} calls {server}, which listens and is another: {error}");
        }
    }
}

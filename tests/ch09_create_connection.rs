//! Chapter 09: from a name to a connection.

#[macro_use]
mod fixtures;
subject!(socket::create_connection = "../my/socket/create_connection.rs",
    tests = "../my/tests/create_connection.rs" or "../lessons/09-create_connection/answer_tests.rs");

use chatroom::socket::connect::connect;
use chatroom::socket::recv::recv;
use create_connection::{ConnectError, connect_in_turn, create_connection};
use fixtures::*;
use socket2::{Domain, Socket};
use std::io::{self, ErrorKind};
use std::net::{Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::time::Duration;

/// Time enough: who runs out of it has not answered at all.
const PLENTY: Option<Duration> = Some(GUARD);

/// Time that is always too short where nobody answers, however long it takes.
const SHORT: Option<Duration> = Some(Duration::from_millis(50));

/// A server that says "welcome" to each caller and hangs up.
fn greeter() -> Server {
    Server::start(|mut caller| caller.sends(b"welcome"))
}

/// Three addresses that are written on paper: a script calls none of them.
fn on_paper() -> [SocketAddr; 3] {
    [2, 3, 1].map(|last| SocketAddr::from(([192, 0, 2, last], 80)))
}

/// The error in words of the test's own: the learner's come with step 2.
fn in_words(error: &ConnectError) -> String {
    match error {
        ConnectError::Resolve(error) => format!("Resolve: {error}"),
        ConnectError::NoAddresses => "NoAddresses".to_string(),
        ConnectError::AllFailed(errors) => {
            let each = errors.iter().map(|(_, error)| error.to_string());
            format!("AllFailed: {}", each.collect::<Vec<_>>().join("; "))
        }
    }
}

#[track_caller]
fn connected_to(result: Result<Socket, ConnectError>, why: &str) -> Socket {
    match result {
        Ok(socket) => socket,
        Err(error) => panic!("{why}: {}", in_words(&error)),
    }
}

#[track_caller]
fn failed(result: Result<Socket, ConnectError>, why: &str) -> ConnectError {
    match result {
        Err(error) => error,
        Ok(socket) => panic!("expected an error, got {socket:?}: {why}"),
    }
}

/// The address and the kind of each error.
#[track_caller]
fn told(error: &ConnectError) -> Vec<(SocketAddr, ErrorKind)> {
    match error {
        ConnectError::AllFailed(errors) => (errors.iter())
            .map(|(address, error)| (*address, error.kind()))
            .collect(),
        other => panic!("expected AllFailed, with each address and its error, got {other:?}"),
    }
}

mod step_1 {
    use super::*;

    #[test]
    fn a_server_that_listens_is_reached() {
        let server = greeter();
        let result = connect_in_turn(&[server.address()], None, None, connect);
        let socket = connected_to(result, "the server listens");
        Peer::new(socket.into()).hears(b"welcome");
    }

    #[test]
    fn after_a_refusal_the_next_address_is_called() {
        let (nobody, server) = (Held::new(), greeter());
        let addresses = [nobody.address(), server.address()];
        let result = connect_in_turn(&addresses, None, None, connect);
        let socket = connected_to(result, "nobody is at the first, the second listens");
        Peer::new(socket.into()).hears(b"welcome");
    }

    #[test]
    fn the_first_that_answers_is_the_last_that_is_called() {
        let addresses = on_paper();
        let mut called = Vec::new();
        let result = connect_in_turn(&addresses, None, None, |_, address, _| {
            called.push(address);
            match called.len() {
                1 => Err(ErrorKind::ConnectionRefused.into()),
                _ => Ok(()),
            }
        });
        connected_to(result, "the second answered");
        assert_eq!(called, addresses[..2], "who was called, and in which order");
    }
}

mod step_2 {
    use super::*;

    const KINDS: [ErrorKind; 3] = [
        ErrorKind::TimedOut,
        ErrorKind::NetworkUnreachable,
        ErrorKind::ConnectionRefused,
    ];

    /// Each address fails in its own way.
    fn three_failures() -> Result<Socket, ConnectError> {
        let mut kinds = KINDS.into_iter();
        connect_in_turn(&on_paper(), None, None, |_, _, _| {
            Err(kinds.next().unwrap_or(ErrorKind::Other).into())
        })
    }

    #[test]
    fn each_address_is_told_with_its_error() {
        let error = failed(three_failures(), "none of the three answered");
        let all: Vec<_> = on_paper().into_iter().zip(KINDS).collect();
        assert_eq!(told(&error), all, "who failed, and with what");
    }

    #[test]
    fn the_last_error_is_that_of_the_last_address() {
        let error = failed(three_failures(), "none of the three answered");
        let last = error.last().map(io::Error::kind);
        assert_eq!(last, Some(ErrorKind::ConnectionRefused));
    }

    #[test]
    fn the_text_says_what_became_of_each_address() {
        let (one, two) = (Held::new(), Held::new());
        let addresses = [one.address(), two.address()];
        let result = connect_in_turn(&addresses, None, None, connect);
        let text = failed(result, "nobody listens at either").to_string();
        for address in addresses {
            assert!(
                text.contains(&address.to_string()),
                "what about {address}? The error says only: {text}"
            );
        }
    }

    #[test]
    fn the_text_has_each_error_in_it() {
        let mut reasons = ["the cable is cut", "a cat sits on it", "closed on Fridays"].into_iter();
        let result = connect_in_turn(&on_paper(), None, None, |_, _, _| {
            Err(io::Error::other(reasons.next().unwrap_or_default()))
        });
        let text = failed(result, "none of the three answered").to_string();
        for reason in ["the cable is cut", "a cat sits on it", "closed on Fridays"] {
            let why = format!("{reason:?} was the reason. The error says only: {text}");
            assert!(text.contains(reason), "{why}");
        }
    }

    // A call that fails before it is made has failed as well.
    #[cfg(unix)]
    #[test]
    fn for_want_of_a_socket_each_address_has_its_error() {
        failed(three_failures(), "none of the three answered");
        let name = "step_2::for_want_of_a_socket_each_address_has_its_error";
        let said = descriptor::with_descriptors(64, name, || {
            let _all = descriptor::take_all();
            let result = connect_in_turn(&on_paper(), None, None, |_, _, _| Ok(()));
            match result {
                Err(ConnectError::AllFailed(errors)) => format!("{} errors", errors.len()),
                other => format!("{other:?}"),
            }
        });
        assert_eq!(said, "3 errors", "with no descriptor left");
    }

    #[test]
    fn an_empty_list_is_told_in_words() {
        let result = connect_in_turn(&[], None, None, connect);
        let text = failed(result, "there was nobody to call").to_string();
        assert_ne!(text, "", "somebody will read it in a log");
    }

    #[test]
    fn an_empty_list_is_an_error_of_its_own() {
        let result = connect_in_turn(&[], None, None, connect);
        let error = failed(result, "there was nobody to call");
        assert!(
            matches!(error, ConnectError::NoAddresses),
            "nobody was called, so nobody has failed: {error:?}"
        );
    }

    #[test]
    fn behind_the_whole_error_stands_the_last_one() {
        let refuses = |_: &Socket, _, _| Err(ErrorKind::ConnectionRefused.into());
        let error = failed(connect_in_turn(&on_paper(), None, None, refuses), "refused");
        let source = std::error::Error::source(&error).map(ToString::to_string);
        let last = error.last().map(ToString::to_string);
        assert_eq!(source, last, "the source of: {error}");
    }

    #[test]
    fn an_empty_list_has_no_last_error() {
        let result = connect_in_turn(&[], None, None, connect);
        let error = failed(result, "there was nobody to call");
        assert!(error.last().is_none(), "whose would it be? {error:?}");
    }
}

mod step_3 {
    use super::*;

    #[test]
    fn each_address_gets_the_whole_timeout() {
        let mut timeouts = Vec::new();
        let result = connect_in_turn(&on_paper(), PLENTY, None, |_, _, timeout| {
            timeouts.push(timeout);
            Err(ErrorKind::TimedOut.into())
        });
        failed(result, "nobody answered");
        assert_eq!(timeouts, [PLENTY; 3], "how long each was waited for");
    }

    // Other systems refuse a call that finds no place in the queue.
    #[cfg(target_os = "linux")]
    #[test]
    fn an_address_that_is_silent_is_a_timeout() {
        let silent = Full::new();
        let result = connect_in_turn(&[silent.address()], SHORT, None, connect);
        let error = failed(result, "the listener's queue is full");
        assert_eq!(told(&error), [(silent.address(), ErrorKind::TimedOut)]);
    }

    #[test]
    fn the_timeout_stays_for_recv() {
        let server = greeter();
        let result = connect_in_turn(&[server.address()], PLENTY, None, connect);
        let socket = connected_to(result, "the server listens");
        let left = socket.read_timeout().expect("SO_RCVTIMEO");
        assert_eq!(left, PLENTY, "as in Python, the timeout stays");
    }

    #[test]
    fn the_timeout_stays_for_send() {
        let server = greeter();
        let result = connect_in_turn(&[server.address()], PLENTY, None, connect);
        let socket = connected_to(result, "the server listens");
        let left = socket.write_timeout().expect("SO_SNDTIMEO");
        assert_eq!(left, PLENTY, "as in Python, the timeout stays");
    }

    #[test]
    fn without_a_timeout_none_is_left_behind() {
        let server = greeter();
        let result = connect_in_turn(&[server.address()], None, None, connect);
        let socket = connected_to(result, "the server listens");
        let left = (
            socket.read_timeout().expect("SO_RCVTIMEO"),
            socket.write_timeout().expect("SO_SNDTIMEO"),
        );
        assert_eq!(left, (None, None), "for recv and for send");
    }

    #[test]
    fn a_silent_server_ends_the_recv_after_the_timeout() {
        let (listener, address) = listening();
        // Whether the call itself is in time is not the question here.
        let patient = |socket: &Socket, to, _| connect(socket, to, PLENTY);
        let result = connect_in_turn(&[address], SHORT, None, patient);
        let socket = connected_to(result, "it listens");
        let limit = socket.read_timeout().expect("SO_RCVTIMEO");
        assert!(limit.is_some(), "this recv would wait for ever");
        // A bare `read` that has a timeout is ended by any signal: `signal(7)`.
        let error = refused(recv(&socket, 8), "the server never speaks");
        let late = [ErrorKind::WouldBlock, ErrorKind::TimedOut];
        assert!(late.contains(&error.kind()), "the time was up: {error}");
        drop(listener);
    }

    // The descriptor's number may be the same again; the inode is not.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_socket_that_failed_is_closed_before_the_next_call() {
        let mut before: Option<String> = None;
        let mut still_open = Vec::new();
        let result = connect_in_turn(&on_paper(), None, None, |socket, _, _| {
            let held = descriptor::held();
            still_open.extend(before.take().filter(|inode| held.contains(inode)));
            before = Some(descriptor::inode(socket));
            Err(ErrorKind::ConnectionRefused.into())
        });
        failed(result, "each of them was refused");
        let none: [String; 0] = [];
        assert_eq!(still_open, none, "these had failed already");
    }

    // Windows tells the family only of a socket that is bound.
    #[cfg(unix)]
    #[test]
    fn an_ipv6_address_is_called_by_an_ipv6_socket() {
        let six = SocketAddr::from((Ipv6Addr::LOCALHOST, 80));
        let mut domains = Vec::new();
        let result = connect_in_turn(&[six, on_paper()[0]], None, None, |socket, _, _| {
            domains.push(socket.local_addr()?.domain());
            Err(ErrorKind::ConnectionRefused.into())
        });
        failed(result, "each of them was refused");
        if has_ipv6() {
            assert_eq!(domains, [Domain::IPV6, Domain::IPV4], "the family of each");
        }
    }
}

mod step_4 {
    use super::*;

    #[test]
    fn the_socket_has_its_source_before_it_calls() {
        let source = own_loopback();
        let mut from = None;
        let result = connect_in_turn(&on_paper()[..1], None, Some(source), |socket, _, _| {
            from = socket.local_addr()?.as_socket();
            Ok(())
        });
        connected_to(result, "the script says yes");
        let ip = from.map(|address| address.ip());
        assert_eq!(ip, Some(source.ip()), "where the call comes from");
    }

    #[test]
    fn a_source_that_is_not_ours_is_an_error_of_each_address() {
        let elsewhere = SocketAddr::from(([192, 0, 2, 77], 0));
        let addresses = on_paper();
        let result = connect_in_turn(&addresses, None, Some(elsewhere), |_, _, _| Ok(()));
        let error = failed(result, "192.0.2.77 is an address for books");
        let all = addresses.map(|address| (address, ErrorKind::AddrNotAvailable));
        assert_eq!(told(&error), all, "from there nobody can be called");
    }

    // Without IPv6 on this machine the first address fails for want of a
    // socket, which comes to the same.
    #[test]
    fn an_address_of_another_family_than_the_source_is_passed_over() {
        let server = greeter();
        let six = SocketAddr::from((Ipv6Addr::LOCALHOST, server.address().port()));
        let addresses = [six, server.address()];
        let result = connect_in_turn(&addresses, None, Some(ANY), connect);
        let socket = connected_to(result, "the second address fits the source");
        Peer::new(socket.into()).hears(b"welcome");
    }
}

mod step_5 {
    use super::*;

    #[test]
    fn an_address_in_figures_is_called() {
        let server = greeter();
        let result = create_connection(("127.0.0.1", server.address().port()), PLENTY, None);
        let socket = connected_to(result, "the server listens");
        Peer::new(socket.into()).hears(b"welcome");
    }

    #[test]
    fn a_name_is_resolved() {
        let server = greeter();
        let result = create_connection(("localhost", server.address().port()), PLENTY, None);
        connected_to(result, "localhost is 127.0.0.1, and a server listens there");
    }

    // Nobody listens at port 0, so each address is called.
    #[test]
    fn each_address_of_a_name_is_called() {
        let called = |result| {
            let all = told(&failed(result, "nobody listens at port 0"));
            all.into_iter()
                .map(|(address, _)| address)
                .collect::<Vec<_>>()
        };
        for name in ["::1", "localhost"] {
            let all: Vec<_> = (name, 0).to_socket_addrs().expect("it is known").collect();
            let by_name = called(create_connection((name, 0), PLENTY, None));
            // Whether each of a list is called is the question of steps 1 and 2.
            let by_list = called(connect_in_turn(&all, PLENTY, None, connect));
            assert_eq!(by_name, by_list, "who was called for {name:?}");
        }
    }

    // No name has a zero byte in it, so no resolver is troubled with this one.
    #[test]
    fn a_name_that_cannot_be_resolved_is_an_error_of_its_own() {
        let result = create_connection(("no\0body", 80), PLENTY, None);
        let error = failed(result, "there is no such name");
        assert!(
            matches!(error, ConnectError::Resolve(_)),
            "nobody was called, the name is the trouble: {error:?}"
        );
    }

    #[test]
    fn the_name_is_told_and_cannot_harm_a_terminal() {
        let result = create_connection(("no\0body", 80), PLENTY, None);
        let text = failed(result, "there is no such name").to_string();
        assert!(
            text.contains(r"no\0body"),
            "which name was it? The error says only: {text:?}"
        );
    }

    #[test]
    fn the_last_error_of_such_a_name_is_the_resolvers() {
        let result = create_connection(("no\0body", 80), PLENTY, None);
        let error = failed(result, "there is no such name");
        let last = error.last().map(io::Error::kind);
        assert_eq!(last, Some(ErrorKind::InvalidInput), "it is the only one");
    }

    #[test]
    fn a_server_that_is_not_there_is_a_refusal() {
        let nobody = Held::new();
        let result = create_connection(("127.0.0.1", nobody.address().port()), None, None);
        let error = failed(result, "nobody listens there");
        let refusal = (nobody.address(), ErrorKind::ConnectionRefused);
        assert_eq!(told(&error), [refusal]);
    }

    #[test]
    fn timeout_and_source_are_handed_on() {
        let (server, source) = (greeter(), own_loopback());
        let address = ("127.0.0.1", server.address().port());
        let result = create_connection(address, PLENTY, Some(source));
        let socket = connected_to(result, "the server listens");
        let own = socket.local_addr().expect("it is connected").as_socket();
        assert_eq!(
            (own.map(|own| own.ip()), socket.read_timeout().unwrap()),
            (Some(source.ip()), PLENTY),
            "the socket's own IP address, and its timeout"
        );
    }

    // Other systems refuse such a call by themselves, each in its own words.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_call_to_oneself_is_refused() {
        // Alone: what another test starts just now has, for a moment, copies
        // of all our descriptors, and a copy keeps the port.
        alone("step_5::a_call_to_oneself_is_refused", || {
            let free = {
                let socket = tcp();
                let somewhere = own_loopback();
                socket.bind(&somewhere.into()).expect("any port will do");
                let address = socket.local_addr().expect("it is bound");
                address.as_socket().expect("it is of IPv4")
            };
            let host = free.ip().to_string();
            let result = create_connection((&host, free.port()), PLENTY, Some(free));
            let why = "nobody listens there: the socket is talking to itself";
            let error = failed(result, why);
            assert_eq!(told(&error), [(free, ErrorKind::ConnectionRefused)]);
        });
    }

    const PYTHON_CLIENT: &str = r#"
import socket, sys

server, nobody = [("127.0.0.1", int(port)) for port in sys.argv[1:]]
with socket.create_connection(server, timeout=5) as client:
    print(client.recv(8), client.gettimeout())
try:
    socket.create_connection(nobody)
except OSError as error:
    print(type(error).__name__)
"#;

    #[test]
    fn a_client_in_python_fares_like_ours() {
        let (server, nobody) = (greeter(), Held::new());
        let ports = [server.address().port(), nobody.address().port()];
        let result = create_connection(("127.0.0.1", ports[0]), PLENTY, None);
        let socket = connected_to(result, "the server listens");
        Peer::new(socket.into()).hears(b"welcome");
        let result = create_connection(("127.0.0.1", ports[1]), None, None);
        let last = failed(result, "nobody listens there");
        let last = last.last().map(io::Error::kind);
        assert_eq!(last, Some(ErrorKind::ConnectionRefused));
        let [server, nobody] = ports.map(|port| port.to_string());
        if let Some(python) = Python::start(PYTHON_CLIENT, &[&server, &nobody]) {
            let heard = python.rest();
            assert_eq!(heard, "b'welcome' 5.0\nConnectionRefusedError\n");
        }
    }

    const PYTHON_SERVER: &str = r#"
import socket

with socket.create_server(("127.0.0.1", 0)) as server:
    print(server.getsockname()[1], flush=True)
    connection, caller = server.accept()
    with connection:
        print(caller[0])
        connection.sendall(b"welcome")
"#;

    #[test]
    fn a_server_in_python_is_reached_like_ours() {
        let ours = greeter();
        let mut ports = vec![ours.address().port()];
        let mut theirs = Python::start(PYTHON_SERVER, &[]);
        if let Some(python) = &mut theirs {
            ports.push(python.says().parse().expect("it tells its port"));
        }
        for port in ports {
            let result = create_connection(("127.0.0.1", port), PLENTY, None);
            let socket = connected_to(result, "the server listens");
            Peer::new(socket.into()).hears(b"welcome");
        }
        if let Some(python) = theirs {
            assert_eq!(python.rest(), "127.0.0.1\n", "who called");
        }
    }
}

//! Chapter 08: a server's socket in one call.

#[macro_use]
mod fixtures;
subject!(socket::create_server = "../my/socket/create_server.rs",
    tests = "../my/tests/create_server.rs" or "../lessons/08-create_server/answer_tests.rs");

use chatroom::socket::accept::accept;
use chatroom::socket::family::Family;
use create_server::{Options, create_server, has_dualstack_ipv6};
use fixtures::queue::{ANSWER, callers};
use fixtures::*;
use socket2::{Domain, Socket, Type};
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};

/// A server with the options that nobody thought about.
#[track_caller]
fn plain(address: SocketAddr) -> Socket {
    match create_server(address, &Options::default()) {
        Ok(server) => server,
        Err(error) => panic!("a server on {address} is possible: {error}"),
    }
}

#[track_caller]
fn address_of(server: &Socket) -> SocketAddr {
    let address = server.local_addr().expect("it is bound");
    address.as_socket().expect("it is an address of IP")
}

#[track_caller]
fn calls(address: SocketAddr) -> TcpStream {
    match TcpStream::connect_timeout(&address, ANSWER) {
        Ok(stream) => stream,
        Err(error) => panic!("nobody answers at {address}: {error}"),
    }
}

/// What came of an attempt, in words.
fn outcome(result: io::Result<Socket>) -> String {
    match result {
        Ok(_) => "a server".to_string(),
        Err(error) => error.to_string(),
    }
}

mod step_1 {
    use super::*;

    #[test]
    fn callers_are_taken_in_at_once() {
        let server = plain(ANY);
        let mut client = Peer::new(calls(address_of(&server)));
        let (connection, _) = server.accept().expect("a caller waits");
        Peer::new(connection.into()).sends(b"welcome");
        client.hears(b"welcome");
    }

    #[test]
    fn an_ipv4_address_makes_a_tcp_server_over_ipv4() {
        let server = plain(ANY);
        let address = server.local_addr().expect("it is bound");
        let found = (address.domain(), server.r#type().expect("SO_TYPE"));
        assert_eq!(found, (Domain::IPV4, Type::STREAM), "family and type");
    }

    #[test]
    fn the_address_that_was_asked_for_is_the_servers() {
        // Alone: what another test starts just now has, for a moment, copies
        // of all our descriptors, and a copy keeps the port.
        alone(
            "step_1::the_address_that_was_asked_for_is_the_servers",
            || {
                let free = {
                    let socket = tcp();
                    let somewhere = own_loopback();
                    socket.bind(&somewhere.into()).expect("any port will do");
                    address_of(&socket)
                };
                let server = plain(free);
                assert_eq!(address_of(&server), free, "nobody else wanted this one");
            },
        );
    }

    // Windows does not tell.
    #[cfg(unix)]
    #[test]
    fn the_server_waits_for_its_callers() {
        let server = plain(ANY);
        let nonblocking = server.nonblocking().expect("O_NONBLOCK");
        assert!(!nonblocking, "an accept would not wait");
    }

    #[test]
    fn a_crowd_may_wait_unless_somebody_says_otherwise() {
        let server = plain(ANY);
        callers(address_of(&server), 20);
    }
}

mod step_2 {
    use super::*;

    /// A server that has just died: it hung up first, and the kernel
    /// remembers its connection.
    fn leave_a_connection_behind(address: SocketAddr) -> SocketAddr {
        let server = plain(address);
        let address = address_of(&server);
        let client = calls(address);
        let (connection, _) = server.accept().expect("a caller waits");
        drop(connection);
        drop(client);
        address
    }

    #[test]
    fn a_server_restarts_while_its_old_connections_fade() {
        let name = "step_2::a_server_restarts_while_its_old_connections_fade";
        alone(name, || {
            let address = leave_a_connection_behind(own_loopback());
            if let Err(error) = create_server(address, &Options::default()) {
                panic!("the old server is gone, only its last connection is remembered: {error}");
            }
        });
    }

    #[test]
    fn a_second_live_server_is_refused() {
        let server = plain(ANY);
        let second = create_server(address_of(&server), &Options::default());
        let error = refused(second, "two would share the first one's callers");
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
    }

    #[test]
    fn a_refusal_says_which_address_was_taken() {
        let server = plain(ANY);
        let taken = address_of(&server);
        let second = create_server(taken, &Options::default());
        let text = refused(second, "somebody lives there").to_string();
        assert!(
            text.contains(&taken.to_string()),
            "which address was it? The error says only: {text}"
        );
    }

    #[cfg(unix)]
    #[test]
    fn two_servers_share_an_address_if_both_ask_for_it() {
        let options = Options {
            reuse_port: true,
            ..Options::default()
        };
        let first = create_server(ANY, &options).expect("any port will do");
        let shared = address_of(&first);
        if let Err(error) = create_server(shared, &options) {
            panic!("both servers on {shared} asked for SO_REUSEPORT: {error}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn nobody_shares_an_address_without_having_asked() {
        let options = Options {
            reuse_port: true,
            ..Options::default()
        };
        let server = plain(ANY);
        let second = create_server(address_of(&server), &options);
        let error = refused(second, "the first server did not ask for SO_REUSEPORT");
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
    }
}

mod step_3 {
    use super::*;

    const EVERYWHERE: SocketAddr = SocketAddr::new(std::net::IpAddr::V6(Ipv6Addr::UNSPECIFIED), 0);

    fn both() -> Options {
        Options {
            dual_stack: true,
            ..Options::default()
        }
    }

    #[track_caller]
    fn server_on(address: SocketAddr, options: &Options) -> Socket {
        match create_server(address, options) {
            Ok(server) => server,
            Err(error) => panic!("this machine has IPv6, and yet: {error}"),
        }
    }

    /// Asks the kernel, without the learner's help.
    fn kernel_has_dual_stack() -> bool {
        Socket::new(Domain::IPV6, Type::STREAM, None)
            .and_then(|socket| socket.set_only_v6(false))
            .is_ok()
    }

    #[test]
    fn an_ipv6_address_makes_an_ipv6_server() {
        let options = Options::default();
        if !has_ipv6() {
            return;
        }
        let server = server_on(ANY6, &options);
        assert_eq!(address_of(&server).ip(), Ipv6Addr::LOCALHOST);
        calls(address_of(&server));
    }

    #[test]
    fn ipv6_is_alone_unless_dual_stack_is_asked_for() {
        let options = Options::default();
        if !has_ipv6() {
            return;
        }
        let server = server_on(EVERYWHERE, &options);
        let alone = server.only_v6().expect("IPV6_V6ONLY");
        assert!(alone, "nobody asked for IPv4, and it answers there");
    }

    #[test]
    fn dual_stack_is_ipv6_with_ipv4_beside_it() {
        let options = both();
        if !has_ipv6() {
            return;
        }
        let alone = server_on(EVERYWHERE, &options)
            .only_v6()
            .expect("IPV6_V6ONLY");
        assert!(!alone, "IPv4 was asked for as well");
    }

    #[test]
    fn dual_stack_answers_a_caller_over_ipv4() {
        let options = both();
        if !has_ipv6() {
            return;
        }
        let server = server_on(EVERYWHERE, &options);
        let port = address_of(&server).port();
        calls((Ipv4Addr::LOCALHOST, port).into());
    }

    #[test]
    fn dual_stack_answers_a_caller_over_ipv6() {
        let options = both();
        if !has_ipv6() {
            return;
        }
        let server = server_on(EVERYWHERE, &options);
        let port = address_of(&server).port();
        calls((Ipv6Addr::LOCALHOST, port).into());
    }

    #[test]
    fn has_dualstack_ipv6_says_what_the_kernel_says() {
        assert_eq!(has_dualstack_ipv6(), kernel_has_dual_stack());
    }

    #[cfg(unix)]
    #[test]
    fn has_dualstack_ipv6_says_no_where_nobody_can_look() {
        has_dualstack_ipv6();
        let name = "step_3::has_dualstack_ipv6_says_no_where_nobody_can_look";
        let said = descriptor::with_descriptors(64, name, || {
            let _all = descriptor::take_all();
            has_dualstack_ipv6().to_string()
        });
        assert_eq!(
            said, "false",
            "no socket can be made, so what does it go by?"
        );
    }

    #[cfg(unix)]
    #[test]
    fn has_dualstack_ipv6_can_be_asked_a_thousand_times() {
        let once = has_dualstack_ipv6();
        let name = "step_3::has_dualstack_ipv6_can_be_asked_a_thousand_times";
        let said = descriptor::with_descriptors(64, name, || {
            let same = (0..1000).filter(|_| has_dualstack_ipv6() == once);
            same.count().to_string()
        });
        assert_eq!(said, "1000", "with 64 descriptors, the answers alike");
    }

    const PYTHON_CLIENT: &str = r#"
import socket, sys

with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as client:
    print(client.recv(8))
"#;

    #[test]
    fn a_caller_in_python_is_taken_in() {
        let server = plain(ANY);
        let port = address_of(&server).port().to_string();
        if let Some(python) = Python::start(PYTHON_CLIENT, &[&port]) {
            // Whether it waits by itself is another test's question.
            server.set_nonblocking(false).expect("a socket can wait");
            let (connection, _) = accept(&server, Some(GUARD)).expect("Python calls");
            Peer::new(connection.into()).sends(b"welcome");
            assert_eq!(python.rest(), "b'welcome'\n", "what Python's client heard");
        }
    }

    const PYTHON_SERVER: &str = r#"
import socket

alone = socket.create_server(("::", 0), family=socket.AF_INET6)
print(alone.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY))

both = socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True)
print(both.getsockname()[1], flush=True)
connection, caller = both.accept()
print(caller[0])

try:
    socket.create_server(("127.0.0.1", 0), dualstack_ipv6=True)
except ValueError as error:
    print(error)
try:
    socket.create_server(both.getsockname()[:2], family=socket.AF_INET6)
except OSError as error:
    print(error)
"#;

    #[test]
    fn a_server_in_python_makes_the_same_promises() {
        let (alone, both) = (Options::default(), both());
        if !has_ipv6() {
            return;
        }
        let six = create_server(EVERYWHERE, &alone).expect("any port");
        assert!(six.only_v6().expect("IPV6_V6ONLY"), "ours, alone");
        let ours = server_on(EVERYWHERE, &both);
        let _client = calls((Ipv4Addr::LOCALHOST, address_of(&ours).port()).into());
        let (_, caller) = accept(&ours, Some(GUARD)).expect("a caller waits");
        let caller = caller.ip().to_string();
        if let Some(mut python) = Python::start(PYTHON_SERVER, &[]) {
            assert_eq!(python.says(), "1", "IPV6_V6ONLY of Python's, alone");
            let port: u16 = python.says().parse().expect("it tells its port");
            let _client = calls((Ipv4Addr::LOCALHOST, port).into());
            assert_eq!(python.says(), caller, "the caller, as a dual stack sees it");
            assert_eq!(python.says(), "dualstack_ipv6 requires AF_INET6 family");
            let taken = python.says();
            let address = format!("('::', {port})");
            assert!(taken.contains(&address), "which address was it? {taken}");
        }
    }
}

mod step_4 {
    use super::*;

    /// An address, and a family that it is not of.
    fn of_another_family() -> Vec<(SocketAddr, Options)> {
        let six = SocketAddr::from((Ipv6Addr::LOCALHOST, 0));
        let of = |family| Options {
            family: Some(family),
            ..Options::default()
        };
        vec![
            (ANY, of(Family::Inet6)),
            (ANY, of(Family::Unix)),
            (six, of(Family::Inet)),
            (six, of(Family::Unix)),
        ]
    }

    /// Both families, on an address of IPv4.
    fn two_families_on_ipv4() -> (SocketAddr, Options) {
        let both = Options {
            dual_stack: true,
            ..Options::default()
        };
        (ANY, both)
    }

    /// Requests that contradict themselves, whatever the machine can do.
    fn impossible() -> Vec<(SocketAddr, Options)> {
        let mut all = of_another_family();
        all.push(two_families_on_ipv4());
        all
    }

    #[track_caller]
    fn is_invalid_input(address: SocketAddr, options: &Options) {
        let why = format!("{address} with {options:?} cannot be");
        let error = refused(create_server(address, options), &why);
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{why}: {error}");
    }

    #[test]
    fn the_family_may_be_named_as_well() {
        let options = Options {
            family: Some(Family::Inet),
            ..Options::default()
        };
        if let Err(error) = create_server(ANY, &options) {
            panic!("{ANY} is an address of Inet, and Inet was asked for: {error}");
        }
    }

    #[test]
    fn a_family_other_than_that_of_the_address_is_invalid_input() {
        for (address, options) in of_another_family() {
            is_invalid_input(address, &options);
        }
    }

    #[test]
    fn a_dual_stack_on_ipv4_is_invalid_input() {
        let (address, options) = two_families_on_ipv4();
        is_invalid_input(address, &options);
    }

    #[test]
    fn a_contradiction_is_told_with_the_address() {
        for (address, options) in impossible() {
            let why = format!("{address} with {options:?} cannot be");
            let text = refused(create_server(address, &options), &why).to_string();
            assert!(
                text.contains(&address.to_string()),
                "which of all servers was it? The error says only: {text}"
            );
        }
    }

    // In a process without a single descriptor left, whoever makes a socket
    // first and thinks afterwards hears of the descriptors, not of the request.
    #[cfg(unix)]
    #[test]
    fn a_contradiction_is_refused_before_there_is_a_socket() {
        drop(impossible());
        let name = "step_4::a_contradiction_is_refused_before_there_is_a_socket";
        let said = descriptor::with_descriptors(64, name, || {
            let _all = descriptor::take_all();
            for (address, options) in impossible() {
                match create_server(address, &options) {
                    Err(error) if error.kind() == ErrorKind::InvalidInput => {}
                    other => return format!("{address}: {}", outcome(other)),
                }
            }
            "each is InvalidInput".to_string()
        });
        assert_eq!(said, "each is InvalidInput", "with no descriptor left");
    }

    // The opposite fault: what is possible, and fails for want of a descriptor,
    // will succeed in a second. A server that hears InvalidInput gives up.
    #[cfg(unix)]
    #[test]
    fn a_want_of_descriptors_is_not_a_want_of_a_dual_stack() {
        let everywhere = SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0));
        let (_, both) = two_families_on_ipv4();
        let result = create_server(everywhere, &both);
        if !has_ipv6() {
            return;
        }
        drop(result);
        let name = "step_4::a_want_of_descriptors_is_not_a_want_of_a_dual_stack";
        let said = descriptor::with_descriptors(64, name, || {
            let _all = descriptor::take_all();
            outcome(create_server(everywhere, &both))
        });
        let emfile = io::Error::from_raw_os_error(24).to_string();
        assert!(said.contains(&emfile), "no descriptor is left: {said}");
    }
}

mod step_5 {
    use super::*;

    // In a process that may hold 64 descriptors, a socket that is left open
    // each time is noticed long before the thousandth. The count is the
    // child's own: no other test can disturb it.
    #[cfg(unix)]
    #[test]
    fn a_thousand_failures_leave_no_socket_open() {
        drop(plain(ANY));
        let name = "step_5::a_thousand_failures_leave_no_socket_open";
        let said = descriptor::with_descriptors(64, name, || {
            let server = plain(ANY);
            let taken = address_of(&server);
            for number in 1..=1000 {
                match create_server(taken, &Options::default()) {
                    Err(error) if error.kind() == ErrorKind::AddrInUse => {}
                    other => return format!("attempt {number}: {}", outcome(other)),
                }
            }
            "1000 times AddrInUse".to_string()
        });
        assert_eq!(said, "1000 times AddrInUse", "with 64 descriptors");
    }
}

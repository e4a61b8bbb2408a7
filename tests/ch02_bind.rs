//! Chapter 02: a socket gets an address.

#[macro_use]
mod fixtures;
subject!(socket::bind = "../my/socket/bind.rs",
    tests = "../my/tests/bind.rs" or "../lessons/02-bind/answer_tests.rs");

use bind::{bind, bind_again, getsockname};
use fixtures::*;
use socket2::{Domain, Socket, Type};
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};

mod step_1 {
    use super::*;

    #[test]
    fn a_bound_socket_knows_its_ip_address() {
        let socket = tcp();
        bind(&socket, ANY).expect("127.0.0.1 is this machine's");
        let address = getsockname(&socket).expect("it is bound");
        assert_eq!(address.ip(), Ipv4Addr::LOCALHOST, "the IP address");
    }

    #[test]
    fn a_bound_socket_never_reports_port_0() {
        let socket = tcp();
        bind(&socket, ANY).expect("any port will do");
        let address = getsockname(&socket).expect("it is bound");
        assert_ne!(address.port(), 0, "0 was the wish; which port came of it?");
    }
}

mod step_2 {
    use super::*;

    #[test]
    fn two_sockets_that_ask_for_port_0_get_two_ports() {
        let (one, two) = (tcp(), tcp());
        bind(&one, ANY).expect("any port will do");
        bind(&two, ANY).expect("any other port will do");
        let (one, two) = (getsockname(&one).unwrap(), getsockname(&two).unwrap());
        assert_ne!(one, two, "both are bound at the same time");
    }

    #[test]
    fn a_client_reaches_the_address_that_is_reported() {
        let listener = tcp();
        bind(&listener, ANY).expect("any port will do");
        listener.listen(1).expect("a bound socket can listen");
        let address = getsockname(&listener).expect("it is bound");
        if let Err(error) = TcpStream::connect(address) {
            panic!("nobody answers at {address}, the address that getsockname told: {error}");
        }
    }

    #[test]
    fn a_socket_that_was_never_bound_has_port_0() {
        let address = getsockname(&tcp()).expect("the wildcard is an address too");
        assert_eq!(address.to_string(), "0.0.0.0:0", "nobody gave it one");
    }

    #[cfg(unix)]
    #[test]
    fn a_path_is_an_error_and_no_panic() {
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None).expect("the kernel has it");
        let error = refused(getsockname(&socket), "its address is no IP and port");
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    }

    #[test]
    fn a_bound_socket_takes_nobody_in_yet() {
        let socket = tcp();
        bind(&socket, own_loopback()).expect("any port will do");
        let address = getsockname(&socket).expect("it is bound");
        let error = refused(TcpStream::connect(address), "nobody called listen");
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    }
}

mod step_3 {
    use super::*;

    #[test]
    fn an_address_in_use_is_refused_and_named() {
        let (first, second) = (tcp(), tcp());
        bind(&first, ANY).expect("any port will do");
        let taken = getsockname(&first).expect("it is bound");
        let error = refused(bind(&second, taken), "the first socket still has the port");
        assert_eq!(error.kind(), ErrorKind::AddrInUse, "the kernel's kind");
        let text = error.to_string();
        assert!(
            text.contains(&taken.to_string()),
            "which address was it? The error says only: {text}"
        );
        assert!(
            text.contains("os error"),
            "and what did the kernel say? {text}"
        );
    }

    #[test]
    fn a_socket_is_bound_once() {
        let socket = tcp();
        bind(&socket, ANY).expect("the first time");
        let error = refused(bind(&socket, ANY), "it has an address already");
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "the kernel's kind");
    }

    #[test]
    fn an_ipv6_address_does_not_fit_an_ipv4_socket() {
        let address: SocketAddr = "[::1]:0".parse().unwrap();
        let error = refused(bind(&tcp(), address), "the socket's family is IPv4");
        let text = error.to_string();
        assert!(
            text.contains("[::1]:0"),
            "which address was it? The error says only: {text}"
        );
    }
}

mod step_4 {
    use super::*;

    /// A server that has just died: it hung up on its client, as a server
    /// that is stopped does, and the kernel remembers the connection.
    fn leave_a_connection_behind(address: SocketAddr) -> SocketAddr {
        let listener = tcp();
        bind_again(&listener, address).expect("any port will do");
        listener.listen(1).expect("a bound socket can listen");
        let address = getsockname(&listener).expect("it is bound");
        let client = TcpStream::connect(address).expect("the server listens");
        let (connection, _) = listener.accept().expect("the client is there");
        drop(connection);
        drop(client);
        address
    }

    #[test]
    fn a_server_restarts_while_its_old_connections_fade() {
        let address = leave_a_connection_behind(own_loopback());
        let restarted = tcp();
        if let Err(error) = bind_again(&restarted, address) {
            panic!("the old server is gone, only its last connection is remembered: {error}");
        }
    }

    #[test]
    fn a_second_live_listener_is_still_refused() {
        let (first, second) = (tcp(), tcp());
        bind_again(&first, ANY).expect("any port will do");
        first.listen(1).expect("a bound socket can listen");
        let taken = getsockname(&first).expect("it is bound");
        let result = bind_again(&second, taken);
        let error = refused(result, "a server lives there; two would share its clients");
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
        let text = error.to_string();
        let times = text.matches(&taken.to_string()).count();
        assert_eq!(times, 1, "so often stands {taken} in the error: {text}");
    }
}

mod step_5 {
    use super::*;

    // All of 127.0.0.0/8 is this machine on Linux; elsewhere only 127.0.0.1 is.
    #[cfg(target_os = "linux")]
    #[test]
    fn bound_to_one_address_is_not_reachable_under_another() {
        let listener = tcp();
        bind_again(&listener, ANY).expect("any port will do");
        listener.listen(1).expect("a bound socket can listen");
        let port = getsockname(&listener).expect("it is bound").port();
        let elsewhere = SocketAddr::from(([127, 0, 0, 2], port));
        let why = "only 127.0.0.1 was asked for, and 127.0.0.2 answers as well";
        let error = refused(TcpStream::connect(elsewhere), why);
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn bound_to_0_0_0_0_is_reachable_under_every_address() {
        let listener = tcp();
        let everywhere = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
        bind_again(&listener, everywhere).expect("any port will do");
        listener.listen(1).expect("a bound socket can listen");
        let port = getsockname(&listener).expect("it is bound").port();
        for ip in [[127, 0, 0, 1], [127, 0, 0, 2]] {
            let address = SocketAddr::from((ip, port));
            assert!(TcpStream::connect(address).is_ok(), "nobody at {address}");
        }
    }

    #[test]
    fn a_port_that_was_picked_first_can_be_stolen() {
        // To pick a port is to bind it, read its number and let it go again.
        let picked = {
            let socket = tcp();
            bind(&socket, own_loopback()).expect("any port will do");
            getsockname(&socket).expect("it is bound")
        };
        // Between the picking and the use lies this moment. Here is who comes in it:
        let thief = tcp();
        bind(&thief, picked).expect("the port is free: the one who picked it let it go");
        let error = refused(bind(&tcp(), picked), "the thief has it");
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
    }
}

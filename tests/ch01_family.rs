//! Chapter 01: a socket is made of a family and a kind.

#[macro_use]
mod fixtures;
subject!(socket::family = "../my/socket/family.rs",
    tests = "../my/tests/family.rs" or "../lessons/01-family/answer_tests.rs");

use family::{Family, Kind, Repr, socket};
use fixtures::*;
use socket2::{Domain, Protocol, Socket, Type};
use std::io::{ErrorKind, Read};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};

/// A socket of the learner's, where the kernel has to have one.
#[track_caller]
fn made(family: Family, kind: Kind) -> Socket {
    match socket(family, kind) {
        Ok(socket) => socket,
        Err(error) => panic!("socket({family:?}, {kind:?}) is a possible pair: {error}"),
    }
}

mod step_1 {
    use super::*;

    // Windows tells the family only of a socket that is bound.
    #[cfg(unix)]
    #[test]
    fn inet_is_ipv4() {
        let socket = made(Family::Inet, Kind::Stream);
        let domain = socket.local_addr().expect("the kernel tells").domain();
        assert_eq!(domain, Domain::IPV4, "the family of socket(Inet, Stream)");
    }

    #[test]
    fn stream_is_a_stream() {
        let socket = made(Family::Inet, Kind::Stream);
        let found = socket.r#type().expect("the kernel tells");
        assert_eq!(found, Type::STREAM, "the type of socket(Inet, Stream)");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn inet_and_stream_together_are_tcp() {
        let socket = made(Family::Inet, Kind::Stream);
        let protocol = socket.protocol().expect("the kernel tells");
        assert_eq!(protocol, Some(Protocol::TCP), "what the kernel made of it");
    }
}

mod step_2 {
    use super::*;

    #[test]
    fn each_word_of_ours_becomes_the_kernels() {
        let families = [Family::Inet, Family::Inet6, Family::Unix].map(Domain::from);
        assert_eq!(families, [Domain::IPV4, Domain::IPV6, Domain::UNIX]);
        let kinds = [Kind::Stream, Kind::Dgram, Kind::SeqPacket].map(Type::from);
        assert_eq!(kinds, [Type::STREAM, Type::DGRAM, Type::SEQPACKET]);
    }

    #[test]
    fn dgram_is_a_datagram_socket() {
        let socket = made(Family::Inet, Kind::Dgram);
        let found = socket.r#type().expect("the kernel tells");
        assert_eq!(found, Type::DGRAM, "the type of socket(Inet, Dgram)");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn inet_and_dgram_together_are_udp() {
        let socket = made(Family::Inet, Kind::Dgram);
        let protocol = socket.protocol().expect("the kernel tells");
        assert_eq!(protocol, Some(Protocol::UDP), "what the kernel made of it");
    }

    #[cfg(unix)]
    #[test]
    fn inet6_is_ipv6() {
        match socket(Family::Inet6, Kind::Stream) {
            Ok(socket) => {
                let domain = socket.local_addr().expect("the kernel tells").domain();
                assert_eq!(domain, Domain::IPV6, "the family of socket(Inet6, Stream)");
            }
            // Some machines are run without IPv6: then nobody gets such a socket.
            Err(error) => assert!(
                Socket::new(Domain::IPV6, Type::STREAM, None).is_err(),
                "this machine has IPv6, and yet: {error}"
            ),
        }
    }

    #[cfg(unix)]
    #[test]
    fn unix_is_a_family_of_its_own() {
        let socket = made(Family::Unix, Kind::Stream);
        let domain = socket.local_addr().expect("the kernel tells").domain();
        assert_eq!(domain, Domain::UNIX, "the family of socket(Unix, Stream)");
    }

    /// Sends `one`, sends `two`, and then receives once.
    #[cfg(unix)]
    fn two_sends_and_one_recv(kind: Kind) -> String {
        let (sender, receiver) = (made(Family::Unix, kind), made(Family::Unix, kind));
        let place = SocketPath::new();
        let path = place.address();
        receiver
            .bind(&path)
            .expect("the family is Unix, so the address is a path");
        let connected = "the receiver has its path, and Dgram needs no more";
        let mut receiver = if kind == Kind::Stream {
            receiver.listen(1).expect("a stream socket can listen");
            sender.connect(&path).expect(connected);
            receiver.accept().expect("the sender has called").0
        } else {
            sender.connect(&path).expect(connected);
            receiver
        };
        sender.send(b"one").expect("there is room for it");
        sender.send(b"two").expect("there is room for both");
        receiver.set_read_timeout(Some(GUARD)).expect("a guard");
        let mut buffer = [0; 64];
        let count = receiver.read(&mut buffer).expect("both have arrived");
        peer::text(&buffer[..count])
    }

    #[cfg(unix)]
    #[test]
    fn a_datagram_keeps_its_borders_and_a_stream_does_not() {
        let dgram = two_sends_and_one_recv(Kind::Dgram);
        let stream = two_sends_and_one_recv(Kind::Stream);
        assert_eq!(
            [("Dgram", dgram.as_str()), ("Stream", stream.as_str())],
            [("Dgram", "one"), ("Stream", "onetwo")],
            "after the sends \"one\" and \"two\", one recv"
        );
    }
}

mod step_3 {
    use super::*;

    #[test]
    fn a_new_socket_has_no_address() {
        let socket = made(Family::Inet, Kind::Stream);
        // Windows tells nothing; the others tell that nothing was chosen yet.
        if let Ok(address) = socket.local_addr() {
            let nobody = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
            assert_eq!(address.as_socket(), Some(nobody), "nobody called bind");
        }
    }

    #[test]
    fn a_new_socket_has_no_peer() {
        let socket = made(Family::Inet, Kind::Stream);
        let error = refused(socket.peer_addr(), "nobody called connect");
        assert_eq!(error.kind(), ErrorKind::NotConnected);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_child_does_not_inherit_it() {
        let socket = made(Family::Inet, Kind::Stream);
        let ours = descriptor::inode(&socket);
        let list = descriptor::held_by_a_child(tcp());
        assert!(
            !list.contains(&ours),
            "{ours} is ours, and the child has it open too:\n{list}"
        );
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn dropped_is_closed() {
        let socket = made(Family::Inet, Kind::Stream);
        let ours = descriptor::inode(&socket);
        drop(socket);
        assert!(
            !descriptor::held().contains(&ours),
            "{ours} was dropped, and this process still has it open"
        );
    }
}

mod step_4 {
    use super::*;

    /// Both stand in the text, as words of their own and in any order.
    #[track_caller]
    fn names(text: &str, family: Family, kind: Kind) {
        let words: Vec<&str> = text.split(|c: char| !c.is_alphanumeric()).collect();
        for name in [format!("{family:?}"), format!("{kind:?}")] {
            assert!(
                words.contains(&name.as_str()),
                "which pair was it? Awaited {family:?} and {kind:?}, the error says only: {text}"
            );
        }
    }

    #[test]
    fn seqpacket_over_ip_is_refused_whatever_the_machine_can_do() {
        for family in [Family::Inet, Family::Inet6] {
            let error = refused(socket(family, Kind::SeqPacket), "that would be SCTP");
            assert_eq!(
                error.kind(),
                ErrorKind::Unsupported,
                "the answer must be ours, not the kernel's: {error}"
            );
        }
    }

    #[test]
    fn the_refusal_names_family_and_kind() {
        for family in [Family::Inet, Family::Inet6] {
            let error = refused(socket(family, Kind::SeqPacket), "that would be SCTP");
            names(&error.to_string(), family, Kind::SeqPacket);
        }
    }

    // macOS has no such pair.
    #[cfg(target_os = "linux")]
    #[test]
    fn seqpacket_over_unix_is_possible() {
        let socket = made(Family::Unix, Kind::SeqPacket);
        let found = socket.r#type().expect("the kernel tells");
        assert_eq!(
            found,
            Type::SEQPACKET,
            "the type of socket(Unix, SeqPacket)"
        );
    }

    #[cfg(unix)]
    #[test]
    fn a_refusal_by_the_kernel_names_both_as_well() {
        drop(made(Family::Inet, Kind::Stream));
        let name = "step_4::a_refusal_by_the_kernel_names_both_as_well";
        let text = descriptor::with_descriptors(64, name, || {
            let sockets: Result<Vec<Socket>, _> = (0..64)
                .map(|_| socket(Family::Inet, Kind::Stream))
                .collect();
            refused(sockets, "64 are allowed, and some were taken").to_string()
        });
        names(&text, Family::Inet, Kind::Stream);
        assert!(
            text.contains("os error"),
            "and what did the kernel say? {text}"
        );
    }
}

mod step_5 {
    use super::*;

    /// `<socket fd=3, …>`; on Windows without the descriptor.
    #[track_caller]
    fn is_described(socket: &Socket, awaited: &str) {
        #[cfg(unix)]
        let fd = format!("fd={}, ", std::os::fd::AsRawFd::as_raw_fd(socket));
        #[cfg(not(unix))]
        let fd = "";
        assert_eq!(
            format!("{:?}", Repr(socket)),
            format!("<socket {fd}{awaited}>"),
            "left is what Repr prints, right is what was awaited"
        );
    }

    #[cfg(unix)]
    #[test]
    fn a_new_socket_is_family_and_type() {
        let socket = made(Family::Unix, Kind::Dgram);
        is_described(&socket, "family=Unix, type=Dgram");
    }

    #[cfg(unix)]
    #[test]
    fn a_new_internet_socket_shows_the_address_of_nobody() {
        let socket = made(Family::Inet, Kind::Stream);
        is_described(&socket, "family=Inet, type=Stream, laddr=0.0.0.0:0");
    }

    #[test]
    fn a_bound_socket_shows_its_address() {
        let socket = made(Family::Inet, Kind::Dgram);
        socket.bind(&ANY.into()).expect("any port will do");
        let own = socket.local_addr().unwrap().as_socket().unwrap();
        is_described(&socket, &format!("family=Inet, type=Dgram, laddr={own}"));
    }

    #[test]
    fn a_connected_socket_shows_its_own_address_and_the_peers() {
        let socket = made(Family::Inet, Kind::Stream);
        let listener = TcpListener::bind(ANY).expect("any port will do");
        let peer = listener.local_addr().expect("it is bound");
        socket.connect(&peer.into()).expect("the listener is there");
        let own = socket.local_addr().unwrap().as_socket().unwrap();
        let awaited = format!("family=Inet, type=Stream, laddr={own}, raddr={peer}");
        is_described(&socket, &awaited);
    }

    #[cfg(unix)]
    #[test]
    fn a_unix_socket_shows_its_path() {
        let socket = made(Family::Unix, Kind::Stream);
        let place = SocketPath::new();
        socket.bind(&place.address()).expect("the path is free");
        let path = place.path();
        is_described(
            &socket,
            &format!("family=Unix, type=Stream, laddr={path:?}"),
        );
    }

    #[cfg(unix)]
    #[test]
    fn a_path_with_a_line_break_is_shown_escaped() {
        let socket = made(Family::Unix, Kind::Stream);
        let place = SocketPath::ending_in("one\ntwo");
        socket.bind(&place.address()).expect("the path is free");
        let path = place.path();
        is_described(
            &socket,
            &format!("family=Unix, type=Stream, laddr={path:?}"),
        );
    }

    #[cfg(unix)]
    #[test]
    fn an_ipv6_socket_is_not_called_inet() {
        if !has_ipv6() {
            return;
        }
        let socket = Socket::new(Domain::IPV6, Type::STREAM, None).expect("there is IPv6");
        is_described(&socket, "family=Inet6, type=Stream, laddr=[::]:0");
    }

    // macOS has no such pair.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_pair_without_paths_shows_family_and_type() {
        let (one, _other) =
            Socket::pair(Domain::UNIX, Type::SEQPACKET, None).expect("the kernel makes a pair");
        is_described(&one, "family=Unix, type=SeqPacket");
    }

    #[test]
    fn a_socket_that_somebody_else_made_is_described_as_well() {
        let socket = Socket::from(UdpSocket::bind(ANY).expect("any port will do"));
        let own = socket.local_addr().unwrap().as_socket().unwrap();
        is_described(&socket, &format!("family=Inet, type=Dgram, laddr={own}"));
    }
}

//! Chapter 10: two sockets that are connected to each other.

#[macro_use]
mod fixtures;
subject!(socket::socketpair = "../my/socket/socketpair.rs",
    tests = "../my/tests/socketpair.rs" or "../lessons/10-socketpair/answer_tests.rs");

use chatroom::socket::family::{Family, Repr};
use chatroom::socket::recv::recv;
#[cfg(target_os = "linux")]
use fixtures::descriptor::{held_by_a_child, inode};
use fixtures::peer::text;
use fixtures::*;
use socket2::Socket;
use socketpair::{are_a_pair, socketpair, tcp_pair, tcp_pair_over, tcp_pair_with};
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;
#[cfg(unix)]
use std::{os::fd::OwnedFd, process::Stdio};

/// What arrives at `to` when `from` sends `words` and nothing more.
#[track_caller]
fn said(mut from: &Socket, mut to: &Socket, words: &str) -> String {
    // Whether it waits by itself is another test's question.
    to.set_nonblocking(false).expect("a socket can wait");
    to.set_read_timeout(Some(GUARD)).expect("a guard");
    from.write_all(words.as_bytes()).expect("the end can send");
    let mut heard = vec![0; words.len()];
    if let Err(error) = to.read_exact(&mut heard) {
        panic!("{words:?} went in at one end, and at the other: {error}");
    }
    text(&heard)
}

/// The address that the kernel has for `socket`, and the one for its peer.
#[track_caller]
fn addresses(socket: &Socket) -> (SocketAddr, SocketAddr) {
    let own = socket.local_addr().expect("a socket has an address");
    let peer = socket.peer_addr().expect("it is connected");
    let ip = "an end of a TCP pair has an IP address and a port";
    (own.as_socket().expect(ip), peer.as_socket().expect(ip))
}

mod step_1 {
    use super::*;

    #[test]
    fn what_goes_into_one_end_comes_out_of_the_other() {
        let (one, other) = socketpair().expect("a pair");
        assert_eq!(said(&one, &other, "ping"), "ping", "what went there");
        assert_eq!(said(&other, &one, "pong"), "pong", "what came back");
    }

    #[test]
    fn two_pairs_are_strangers_to_each_other() {
        let (one, other) = socketpair().expect("a pair");
        let (two, another) = socketpair().expect("and another pair");
        (&one).write_all(b"for the first").expect("it can send");
        assert_eq!(said(&two, &another, "second"), "second");
        assert_eq!(said(&another, &two, "again"), "again");
        drop((one, other));
    }

    #[test]
    fn a_dropped_end_is_the_end_of_the_stream() {
        let (one, other) = socketpair().expect("a pair");
        drop(one);
        other.set_read_timeout(Some(GUARD)).expect("a guard");
        // A bare `read` that has a timeout is ended by any signal: `signal(7)`.
        let heard = recv(&other, 8).expect("the end is no error");
        assert_eq!(heard, b"", "nobody is left to say anything");
    }

    #[cfg(unix)]
    #[test]
    fn the_ends_are_of_the_kernels_own_family() {
        let (one, other) = socketpair().expect("a pair");
        for end in [one, other] {
            let address = end.local_addr().expect("a family");
            assert!(address.is_unix(), "not of the family Unix: {address:?}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn no_child_inherits_an_end() {
        let (one, other) = socketpair().expect("a pair");
        let list = held_by_a_child(tcp());
        for end in [one, other] {
            let end = inode(&end);
            assert!(!list.contains(&end), "the child holds {end}:\n{list}");
        }
    }

    #[cfg(unix)]
    const PYTHON_END: &str = r#"
import socket

end = socket.socket(fileno=0)
one, other = socket.socketpair()
print(end.family.name, one.family.name)
one.sendall(end.recv(8))
end.sendall(other.recv(8))
"#;

    #[cfg(unix)]
    #[test]
    fn an_end_may_be_in_pythons_hands() {
        let (mut ours, theirs) = socketpair().expect("a pair");
        let own = ours.local_addr().expect("a family");
        assert!(own.is_unix(), "not of the family that Python's is: {own:?}");
        let stdin = Stdio::from(OwnedFd::from(theirs));
        if let Some(python) = Python::start_on(stdin, PYTHON_END, &[]) {
            ours.set_read_timeout(Some(GUARD)).expect("a guard");
            ours.write_all(b"ping").expect("it can send");
            let mut heard = [0; 4];
            ours.read_exact(&mut heard).expect("Python sends it back");
            assert_eq!(text(&heard), "ping", "through Python's pair and back");
            assert_eq!(
                python.rest(),
                "AF_UNIX AF_UNIX\n",
                "our family and Python's"
            );
        }
    }
}

mod step_2 {
    use super::*;

    #[test]
    fn bytes_go_both_ways() {
        let (one, other) = tcp_pair().expect("a pair");
        assert_eq!(said(&one, &other, "ping"), "ping", "what went there");
        assert_eq!(said(&other, &one, "pong"), "pong", "what came back");
    }

    #[test]
    fn each_end_is_the_others_peer() {
        let (one, other) = tcp_pair().expect("a pair");
        let ((one, its_peer), (other, whose_peer)) = (addresses(&one), addresses(&other));
        assert_eq!(its_peer, other, "the peer of one");
        assert_eq!(whose_peer, one, "the peer of the other");
    }

    #[test]
    fn both_ends_are_on_127_0_0_1() {
        let (one, other) = tcp_pair().expect("a pair");
        for end in [one, other] {
            let (own, _) = addresses(&end);
            assert_eq!(own.ip(), ANY.ip(), "a pair never leaves its machine");
        }
    }

    // Elsewhere there is no table to look at; your own test does it by calling.
    #[cfg(target_os = "linux")]
    #[test]
    fn two_established_ends_and_no_listener_are_left() {
        // Alone: what another test starts just now has, for a moment, copies
        // of all our descriptors, and a copy of the listener listens.
        let name = "step_2::two_established_ends_and_no_listener_are_left";
        alone(name, || {
            let (one, other) = tcp_pair().expect("a pair");
            // Both have heard the other: now the handshake is over for certain.
            said(&one, &other, "ping");
            said(&other, &one, "pong");
            time_to_look();
            let (one, other) = addresses(&one);
            let states = netstat::states(|row| {
                let ends = (row.local, row.peer);
                ends == (one, other)
                    || ends == (other, one)
                    || row.state == "LISTEN" && [one, other].contains(&row.local)
            });
            assert_eq!(states, ["ESTABLISHED", "ESTABLISHED"], "{one} and {other}");
        });
    }

    #[cfg(unix)]
    #[test]
    fn both_ends_block() {
        let (one, other) = tcp_pair().expect("a pair");
        for end in [one, other] {
            let (own, _) = addresses(&end);
            let nonblocking = end.nonblocking().expect("O_NONBLOCK");
            assert!(!nonblocking, "a read from {own} would not wait");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn no_child_inherits_an_end() {
        let (one, other) = tcp_pair().expect("a pair");
        let list = held_by_a_child(tcp());
        for end in [one, other] {
            let end = inode(&end);
            assert!(!list.contains(&end), "the child holds {end}:\n{list}");
        }
    }
}

mod step_3 {
    use super::*;

    /// The two ends of a call to `listener`: the caller's and ours.
    #[track_caller]
    fn call(caller: Socket, listener: &TcpListener) -> (Socket, Socket) {
        let address = listener.local_addr().expect("it is bound");
        caller.connect(&address.into()).expect("it listens");
        let (ours, _) = listener.accept().expect("somebody has called");
        (caller, ours.into())
    }

    #[track_caller]
    fn listener() -> TcpListener {
        TcpListener::bind(ANY).expect("any port will do")
    }

    #[test]
    fn the_two_ends_of_a_connection_are_a_pair() {
        let (caller, ours) = call(tcp(), &listener());
        let answer = are_a_pair(&ours, &caller).expect("both are connected");
        assert!(answer, "{:?} {:?}", addresses(&ours), addresses(&caller));
    }

    #[test]
    fn their_order_does_not_matter() {
        let (caller, ours) = call(tcp(), &listener());
        let answer = are_a_pair(&caller, &ours).expect("both are connected");
        assert!(answer, "{:?} {:?}", addresses(&caller), addresses(&ours));
    }

    #[test]
    fn two_callers_of_one_listener_are_told_apart() {
        let listener = listener();
        let (_alice, with_alice) = call(tcp(), &listener);
        let (bob, _with_bob) = call(tcp(), &listener);
        let answer = are_a_pair(&with_alice, &bob).expect("both are connected");
        let (_, caller) = addresses(&with_alice);
        let (own, _) = addresses(&bob);
        assert!(!answer, "accepted from {caller}, but the other is {own}");
    }

    // Linux lets two sockets share an address, if they call different listeners.
    #[cfg(target_os = "linux")]
    #[test]
    fn two_calls_from_one_address_are_told_apart() {
        let (alice, bob) = (tcp(), tcp());
        alice.set_reuse_address(true).expect("SO_REUSEADDR");
        bob.set_reuse_address(true).expect("SO_REUSEADDR");
        alice.bind(&own_loopback().into()).expect("any port");
        bob.bind(&alice.local_addr().unwrap())
            .expect("the same port");
        let (_alice, with_alice) = call(alice, &listener());
        let (bob, _with_bob) = call(bob, &listener());
        let answer = are_a_pair(&with_alice, &bob).expect("both are connected");
        let (called, _) = addresses(&with_alice);
        let (_, peer) = addresses(&bob);
        assert!(!answer, "accepted at {called}, but the other called {peer}");
    }

    // All of 127.0.0.0/8 is this machine on Linux; elsewhere only 127.0.0.1 is.
    #[cfg(target_os = "linux")]
    #[test]
    fn equal_ports_alone_make_no_pair() {
        let (alice, bob) = (tcp(), tcp());
        alice.bind(&ANY.into()).expect("any port");
        let own = alice.local_addr().unwrap().as_socket().unwrap().port();
        let there = SocketAddr::from((own_loopback().ip(), own));
        bob.bind(&there.into()).expect("the port, elsewhere");
        let here = listener();
        let port = here.local_addr().expect("it is bound").port();
        let elsewhere = TcpListener::bind((own_loopback().ip(), port));
        let elsewhere = elsewhere.expect("the port, elsewhere");
        let (_alice, with_alice) = call(alice, &here);
        let (bob, _with_bob) = call(bob, &elsewhere);
        let answer = are_a_pair(&with_alice, &bob).expect("both are connected");
        assert!(
            !answer,
            "{:?} {:?}",
            addresses(&with_alice),
            addresses(&bob)
        );
    }

    #[test]
    fn without_a_connection_there_is_no_answer() {
        let error = refused(are_a_pair(&tcp(), &tcp()), "neither is connected");
        assert_eq!(error.kind(), ErrorKind::NotConnected);
    }
}

mod step_4 {
    use super::*;

    /// What becomes of the pair if a stranger has called before we do, in words,
    /// and the stranger.
    #[track_caller]
    fn with_a_stranger() -> (std::io::Result<String>, TcpStream) {
        let mut stranger = None;
        let result = tcp_pair_with(|address| stranger = Some(queued_client(address)));
        (in_words(result), stranger.expect("the hook is called"))
    }

    fn in_words(result: std::io::Result<(Socket, Socket)>) -> std::io::Result<String> {
        result.map(|(one, other)| format!("{:?} {:?}", Repr(&one), Repr(&other)))
    }

    const WHY: &str = "a stranger was the first to call, and nobody is told";

    #[test]
    fn where_nobody_intrudes_it_is_a_pair() {
        let (one, other) = tcp_pair_with(|_| ()).expect("a pair");
        assert_eq!(said(&one, &other, "ping"), "ping", "what went there");
        assert_eq!(said(&other, &one, "pong"), "pong", "what came back");
    }

    // Elsewhere there is no table to look at.
    #[cfg(target_os = "linux")]
    #[test]
    fn the_hook_is_called_before_we_call() {
        let mut states = None;
        let pair = tcp_pair_with(|address| states = Some(queue::states_around(address)));
        pair.expect("a pair");
        let states = states.expect("the hook is called");
        let called = states.contains(&"ESTABLISHED");
        assert!(!called, "a stranger could only be the second: {states:?}");
    }

    #[test]
    fn only_this_machine_can_call_the_listener() {
        let mut heard = None;
        let pair = tcp_pair_with(|address| heard = Some(address));
        pair.expect("a pair");
        let address = heard.expect("the hook is called");
        assert_eq!(address.ip(), ANY.ip(), "where it listened");
    }

    // All of 127.0.0.0/8 is this machine on Linux; elsewhere only 127.0.0.1 is.
    #[cfg(target_os = "linux")]
    #[test]
    fn under_another_address_nobody_answers() {
        let mut answer = None;
        let pair = tcp_pair_with(|address| {
            let elsewhere = SocketAddr::from(([127, 0, 0, 2], address.port()));
            answer = Some(TcpStream::connect(elsewhere));
        });
        let answer = answer.expect("the hook is called");
        let error = refused(answer, "127.0.0.2 answered, so the listener is everybody's");
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        pair.expect("nobody got in");
    }

    #[test]
    fn a_stranger_who_calls_first_is_an_error() {
        let (result, _stranger) = with_a_stranger();
        let error = refused(result, WHY);
        assert_eq!(error.kind(), ErrorKind::ConnectionAborted, "{error}");
    }

    #[test]
    fn the_error_names_the_stranger() {
        let (result, stranger) = with_a_stranger();
        let error = refused(result, WHY).to_string();
        let address = stranger.local_addr().expect("it is connected").to_string();
        assert!(error.contains(&address), "who was it? Only: {error}");
    }

    // Linux shows when the reset has arrived.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_stranger_who_has_gone_again_is_named_too() {
        let mut stranger = None;
        let result = tcp_pair_with(|address| {
            let client = Socket::from(queued_client(address));
            let (own, _) = addresses(&client);
            client.set_linger(Some(Duration::ZERO)).expect("SO_LINGER");
            drop(client);
            let here = |row: &netstat::Row| (row.local, row.peer) == (address, own);
            while !netstat::states(here).is_empty() {
                std::thread::yield_now();
            }
            stranger = Some(own.to_string());
        });
        let error = refused(in_words(result), WHY);
        assert_eq!(error.kind(), ErrorKind::ConnectionAborted, "{error}");
        let stranger = stranger.expect("the hook is called");
        let text = error.to_string();
        assert!(text.contains(&stranger), "who was it? Only: {text}");
    }

    #[test]
    fn the_stranger_is_hung_up_on() {
        let (result, stranger) = with_a_stranger();
        refused(result, WHY);
        stranger.set_read_timeout(Some(GUARD)).expect("a guard");
        match recv(&stranger.into(), 8) {
            Ok(heard) if heard.is_empty() => {}
            Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
            other => panic!("the stranger is still connected: {other:?}"),
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn after_a_stranger_nothing_is_left() {
        alone("step_4::after_a_stranger_nothing_is_left", || {
            let mut called = None;
            let result = tcp_pair_with(|address| called = Some((address, queued_client(address))));
            refused(in_words(result), WHY);
            let (address, stranger) = called.expect("the hook is called");
            let stranger = stranger.local_addr().expect("it was connected");
            // The stranger's own end is the stranger's to close.
            let states = netstat::states(|row| {
                row.local == address || row.peer == address && row.local != stranger
            });
            let open = |state| states.contains(&state);
            assert!(!open("LISTEN"), "the listener is still there: {states:?}");
            assert!(!open("ESTABLISHED"), "an end is still open: {states:?}");
        });
    }

    const PYTHON_STRANGER: &str = r#"
import socket, sys

stranger = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
print(stranger.getsockname()[1], flush=True)
print(stranger.recv(8))
"#;

    #[test]
    fn a_stranger_in_python_is_an_error_too() {
        let (mut python, mut port, mut instead) = (None, 0, None);
        let result = tcp_pair_with(|address| {
            python = Python::start(PYTHON_STRANGER, &[&address.port().to_string()]);
            match &mut python {
                Some(python) => {
                    port = python.says().parse().expect("it tells its port");
                    in_queue(address, (Ipv4Addr::LOCALHOST, port).into());
                }
                None => {
                    let stranger = instead.insert(queued_client(address));
                    port = stranger.local_addr().expect("it is connected").port();
                }
            }
        });
        let error = refused(in_words(result), WHY).to_string();
        let stranger = format!("127.0.0.1:{port}");
        assert!(
            error.contains(&stranger),
            "it was {stranger}. Only: {error}"
        );
        if let Some(python) = python {
            assert_eq!(python.rest(), "b''\n", "Python is hung up on");
        }
    }
}

mod step_5 {
    use super::*;

    #[test]
    fn over_ipv6_each_end_is_the_others_peer() {
        let result = tcp_pair_over(Family::Inet6, |_| ());
        if !has_ipv6() {
            return;
        }
        let (one, other) = result.expect("a pair");
        let ((one, its_peer), (other, whose_peer)) = (addresses(&one), addresses(&other));
        assert_eq!(one.ip().to_string(), "::1", "where the pair lives");
        assert_eq!(its_peer, other, "the peer of one");
        assert_eq!(whose_peer, one, "the peer of the other");
    }

    #[test]
    fn over_ipv6_only_this_machine_can_call_the_listener() {
        let mut heard = None;
        let pair = tcp_pair_over(Family::Inet6, |address| heard = Some(address));
        if !has_ipv6() {
            return;
        }
        pair.expect("a pair");
        let address = heard.expect("the hook is called");
        assert_eq!(address.ip(), ANY6.ip(), "where it listened");
    }

    #[test]
    fn over_ipv6_a_stranger_is_an_error_too() {
        let mut stranger = None;
        let result = tcp_pair_over(Family::Inet6, |address| {
            stranger = Some(queued_client(address));
        });
        if !has_ipv6() {
            return;
        }
        let error = refused(result, "a stranger was the first to call");
        assert_eq!(error.kind(), ErrorKind::ConnectionAborted, "{error}");
    }

    #[test]
    fn over_a_path_there_is_no_tcp() {
        let error = refused(tcp_pair_over(Family::Unix, |_| ()), "TCP needs IP");
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    }
}

mod step_6 {
    use super::*;

    /// More than the kernel's buffers hold: somebody has to wait.
    const MUCH: usize = 4 * 1024 * 1024;

    /// Sends from both ends at once, each in a thread of its own, and returns
    /// what each end has received.
    #[track_caller]
    fn exchange(one: Socket, other: Socket, words: &[Vec<u8>; 2]) -> [Vec<u8>; 2] {
        let ends = [one, other];
        let senders = [0, 1].map(|at| {
            // So much is on its way at most; left alone, the buffer would grow.
            ends[at].set_send_buffer_size(64 * 1024).expect("a buffer");
            let (mut end, bytes) = (ends[at].try_clone().expect("a clone"), words[at].clone());
            Waiter::start(move || {
                end.write_all(&bytes)?;
                end.shutdown(Shutdown::Write)
            })
        });
        // Nobody reads yet: both ends must be waiting, each for the other.
        #[cfg(target_os = "linux")]
        let senders = senders.map(|sender| {
            sender.blocks().unwrap_or_else(|answer| {
                panic!("nobody has read yet, and sending came back with {answer:?}")
            })
        });
        let heard = [0, 1].map(|at| {
            let mut heard = Vec::new();
            ends[at].set_read_timeout(Some(GUARD)).expect("a guard");
            let read = (&ends[at]).read_to_end(&mut heard);
            read.expect("an end reads what the other has sent");
            heard
        });
        for sender in senders {
            sender.answer().expect("all was sent, for all was read");
        }
        heard
    }

    fn words() -> [Vec<u8>; 2] {
        // 251 is prime: no buffer's size is a multiple of it.
        let there = (0..MUCH).map(|at| (at % 251) as u8).collect();
        let back = (0..MUCH).map(|at| (at % 241) as u8).collect();
        [there, back]
    }

    #[test]
    fn much_can_go_both_ways_at_once_through_a_tcp_pair() {
        let (one, other) = tcp_pair().expect("a pair");
        let words = words();
        let [back, there] = exchange(one, other, &words);
        assert!(there == words[0], "{} bytes came there", there.len());
        assert!(back == words[1], "{} bytes came back", back.len());
    }

    #[test]
    fn much_can_go_both_ways_at_once_through_the_kernels_pair() {
        let (one, other) = socketpair().expect("a pair");
        let words = words();
        let [back, there] = exchange(one, other, &words);
        assert!(there == words[0], "{} bytes came there", there.len());
        assert!(back == words[1], "{} bytes came back", back.len());
    }
}

//! Chapter 12: the first server and its client, and what it takes to stop it.

#[macro_use]
mod fixtures;
subject!(echo = "../my/echo.rs",
    tests = "../my/tests/echo.rs" or "../lessons/12-echo/answer_tests.rs");

use crate::echo::{EchoServer, echo, repeat, serve_connection};
use chatroom::logging::{Story, basic_config};
use fixtures::peer::text;
use fixtures::*;
use log::LevelFilter;
use socket2::SockRef;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

const MIB: usize = 1 << 20;

/// Buffers of this size let much less than 4 MiB be under way.
const ROOM: usize = 1 << 17;

/// Bytes that do not look like themselves a power of two further on.
fn many(count: usize) -> Vec<u8> {
    (0..=250).cycle().take(count).collect()
}

fn every_byte() -> Vec<u8> {
    (0..=255).collect()
}

/// Compares without printing megabytes.
#[track_caller]
fn assert_same(came: &[u8], sent: &[u8]) {
    let wrong = came.iter().zip(sent).position(|(one, other)| one != other);
    assert_eq!(wrong, None, "the first byte that is not the one sent");
    assert_eq!(came.len(), sent.len(), "how many bytes came back");
}

/// A listener on an address of its own, for ports that are bound again. Its
/// test runs alone: a process that another test starts just now has, for a
/// moment, copies of all our descriptors, and a copy keeps the port.
#[track_caller]
fn own_listener() -> TcpListener {
    TcpListener::bind(own_loopback()).expect("any port will do")
}

#[track_caller]
fn client_of(server: &EchoServer) -> Peer {
    let stream = TcpStream::connect(server.address()).expect("a started server is there");
    Peer::new(stream)
}

/// A client that is being served, and says nothing more.
#[track_caller]
fn silent_client_of(server: &EchoServer) -> Peer {
    let mut client = client_of(server);
    client.sends(b"hello");
    client.hears(b"hello");
    client
}

/// Stops the server, in a thread that may fail the test but not hang it.
#[track_caller]
fn stop(server: EchoServer) {
    Waiter::start(move || server.stop()).answer();
}

#[track_caller]
fn assert_free(address: SocketAddr) {
    if let Err(error) = TcpListener::bind(address) {
        panic!("the server has gone, so {address} is free: {error}");
    }
}

/// What stands in a log's lines behind the time.
fn behind_the_time(lines: &[String]) -> Vec<&str> {
    let rest = |line: &'_ String| line.find(' ').map_or(0, |space| space + 1);
    lines.iter().map(|line| &line[rest(line)..]).collect()
}

mod step_1 {
    use super::*;

    fn peer() -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], 49152))
    }

    /// What `repeat` makes of these pieces.
    #[track_caller]
    fn repeated(pieces: &[&[u8]]) -> Vec<u8> {
        let log = Logbook::new();
        let mut story = Story::told_to(&log, "here", peer());
        let mut to = Vec::new();
        let result = repeat(Chop::new(pieces), &mut to, &mut story);
        let count = result.expect("a vector takes everything");
        assert_eq!(count, to.len() as u64, "how many bytes it says there were");
        to
    }

    #[test]
    fn what_came_goes_back() {
        assert_eq!(text(&repeated(&[b"hello"])), "hello");
    }

    #[test]
    fn a_short_piece_behind_a_long_one_goes_back_alone() {
        assert_eq!(text(&repeated(&[b"hello", b"you", b"!"])), "helloyou!");
    }

    #[test]
    fn each_byte_is_a_byte_and_no_letter() {
        let bytes = every_byte();
        let pieces: Vec<_> = bytes.chunks(1).collect();
        assert_same(&repeated(&pieces), &bytes);
    }

    #[test]
    fn a_letter_in_two_pieces_stays_a_letter() {
        let (one, two) = "é".as_bytes().split_at(1);
        assert_eq!(text(&repeated(&[one, two])), text("é".as_bytes()));
    }

    #[test]
    fn each_piece_is_answered_before_the_next_is_asked_for() {
        let log = Logbook::new();
        let mut story = Story::told_to(&log, "here", peer());
        let dialog = Dialog::new(&[b"how", b"are", b"you"]);
        let result = repeat(&dialog, &dialog, &mut story);
        assert_eq!(result.expect("it goes on if it is answered"), 9);
        assert_eq!(text(&dialog.heard()), "howareyou");
    }

    #[test]
    fn what_is_taken_in_parts_goes_back_whole() {
        let log = Logbook::new();
        let mut story = Story::told_to(&log, "here", peer());
        let mut sip = Sip::new(3);
        let result = repeat(Chop::new(&[b"hello, world"]), &mut sip, &mut story);
        assert_eq!(text(&sip.took), "hello, world", "three bytes at a time");
        result.expect("all of it was taken");
    }

    #[test]
    fn an_interruption_is_not_the_end() {
        let log = Logbook::new();
        let mut story = Story::told_to(&log, "here", peer());
        let from = Chop::new(&[b"hello"]);
        let from = from.then_fails(ErrorKind::Interrupted).then(b", world");
        let mut to = Vec::new();
        let result = repeat(from, &mut to, &mut story);
        result.expect("a signal came in between, that was all");
        assert_eq!(text(&to), "hello, world");
    }

    #[test]
    fn a_reset_is_not_the_end_but_an_error() {
        let log = Logbook::new();
        let mut story = Story::told_to(&log, "here", peer());
        let from = Chop::new(&[b"hello"]).then_fails(ErrorKind::ConnectionReset);
        let result = repeat(from, io::sink(), &mut story);
        let error = refused(result, "the client did not end, it broke off");
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    }

    #[test]
    fn the_story_counts_both_directions() {
        let log = Logbook::new();
        let mut story = Story::told_to(&log, "here", peer());
        let full = Sip::new(9).failing_at(1, ErrorKind::BrokenPipe);
        let result = repeat(Chop::new(&[b"hello", b"you"]), full, &mut story);
        refused(result, "the second piece was not taken");
        story.ends("as it must");
        assert_eq!(
            log.messages()[1..],
            ["127.0.0.1:49152: closed after 8 bytes in, 5 bytes out: as it must"]
        );
    }
}

mod step_2 {
    use super::*;

    /// Serves one client, which does as `script` says in a thread of its own.
    /// What came of either is returned, and no panic is added to a panic.
    fn served<T: Send>(
        script: impl FnOnce(Peer) -> io::Result<T> + Send,
    ) -> (io::Result<u64>, io::Result<T>) {
        let (server, client) = connected();
        thread::scope(|scope| {
            let client = scope.spawn(|| script(client));
            let served = serve_connection(&server.into());
            (served, client.join().expect("scripts do not panic"))
        })
    }

    /// Sends and waits for as many bytes, and goes on being connected.
    fn asks(mut client: &TcpStream, bytes: &[u8]) -> io::Result<Vec<u8>> {
        client.write_all(bytes)?;
        let mut answer = Vec::new();
        client.take(bytes.len() as u64).read_to_end(&mut answer)?;
        Ok(answer)
    }

    /// Sends, says that this was all, and waits for the end.
    fn says_all(mut client: &TcpStream, bytes: &[u8]) -> io::Result<Vec<u8>> {
        client.write_all(bytes)?;
        client.shutdown(Shutdown::Write)?;
        let mut answer = Vec::new();
        client.read_to_end(&mut answer)?;
        Ok(answer)
    }

    #[test]
    fn a_client_is_answered_before_it_has_said_all() {
        let (_, heard) = served(|client| asks(client.stream(), b"hello"));
        assert_eq!(text(&heard.expect("it is answered")), "hello");
    }

    #[test]
    fn every_byte_comes_back_one_by_one() {
        let (_, heard) = served(|client| {
            let mut heard = Vec::new();
            for byte in every_byte() {
                heard.extend(asks(client.stream(), &[byte])?);
            }
            Ok(heard)
        });
        assert_same(&heard.expect("it is answered"), &every_byte());
    }

    #[test]
    fn nothing_comes_back_that_was_not_sent() {
        let (_, heard) = served(|client| says_all(client.stream(), b"hello"));
        assert_eq!(text(&heard.expect("it is answered")), "hello");
    }

    #[test]
    fn it_returns_how_many_bytes_there_were() {
        let (served, _) = served(|client| says_all(client.stream(), b"hello"));
        assert_eq!(served.expect("the client hung up in good order"), 5);
    }

    #[test]
    fn a_client_that_breaks_off_is_an_error() {
        let (served, _) = served(|client| {
            asks(client.stream(), b"hello")?;
            client.resets();
            Ok(())
        });
        let error = refused(served, "the client broke off");
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    }

    #[test]
    fn the_log_tells_of_a_client_and_of_its_end() {
        let lines = alone("step_2::the_log_tells_of_a_client_and_of_its_end", || {
            basic_config(LevelFilter::Info);
            let (_, port) = served(|client| {
                says_all(client.stream(), b"hello")?;
                Ok(client.stream().local_addr()?.port())
            });
            log::info!("{}", port.expect("the client is answered"));
        });
        let told = behind_the_time(&lines);
        let port = told.last().and_then(|line| line.rsplit(' ').next());
        let client = format!("127.0.0.1:{}", port.unwrap_or_default());
        let told: Vec<_> = told
            .iter()
            .map(|line| line.replace(&client, "CLIENT"))
            .collect();
        let connected = told
            .first()
            .is_some_and(|line| line.ends_with("echo: CLIENT: connected"));
        let closed = "echo: CLIENT: closed after 5 bytes in, 5 bytes out: ";
        let closed = told.get(1).is_some_and(|line| line.contains(closed));
        assert!(
            connected && closed,
            "a client came and went, and this was told: {told:#?}"
        );
    }

    #[test]
    fn the_log_tells_why_a_client_went() {
        let lines = alone("step_2::the_log_tells_why_a_client_went", || {
            basic_config(LevelFilter::Info);
            let (served, _) = served(|client| {
                asks(client.stream(), b"hello")?;
                client.resets();
                Ok(())
            });
            log::info!("{}", refused(served, "the client broke off"));
        });
        let told = behind_the_time(&lines);
        let (why, told) = told.split_last().expect("the reason was told");
        let why = why.split_once(": ").map_or(*why, |(_, why)| why);
        assert!(
            told.last().is_some_and(|line| line.ends_with(why)),
            "the client went because of {why:?}, and this was told: {told:#?}"
        );
    }
}

mod step_3 {
    use super::*;

    #[test]
    fn a_started_server_answers() {
        let listener = TcpListener::bind(ANY).expect("any port will do");
        let server = EchoServer::start(listener).expect("it starts");
        silent_client_of(&server);
    }

    #[test]
    fn it_knows_where_it_listens() {
        let listener = TcpListener::bind(ANY).expect("any port will do");
        let address = listener.local_addr().expect("it is bound");
        let server = EchoServer::start(listener).expect("it starts");
        assert_eq!(server.address(), address);
    }

    #[test]
    fn any_port_is_a_port_of_this_machine_alone() {
        let server = EchoServer::on_any_port().expect("it starts");
        assert_eq!(server.address().ip(), Ipv4Addr::LOCALHOST, "the IP address");
        silent_client_of(&server);
    }

    #[test]
    fn two_servers_are_two() {
        let one = EchoServer::on_any_port().expect("it starts");
        let two = EchoServer::on_any_port().expect("it starts, too");
        let (_one, _two) = (silent_client_of(&one), silent_client_of(&two));
    }

    #[test]
    fn one_client_after_the_other_is_served() {
        let server = EchoServer::on_any_port().expect("it starts");
        for _ in 0..3 {
            silent_client_of(&server).closes();
        }
    }

    #[test]
    fn a_client_that_broke_off_does_not_end_the_server() {
        let server = EchoServer::on_any_port().expect("it starts");
        silent_client_of(&server).resets();
        silent_client_of(&server);
    }

    #[test]
    fn who_has_said_all_hears_the_end() {
        let server = EchoServer::on_any_port().expect("it starts");
        let mut client = client_of(&server);
        client.sends(b"hello");
        client.half_closes();
        assert_eq!(text(&client.hears_to_the_end()), "hello");
    }

    #[cfg(unix)]
    #[test]
    fn a_listener_that_did_not_wait_waits_now() {
        let listener = TcpListener::bind(ANY).expect("any port will do");
        listener.set_nonblocking(true).expect("it can");
        let same = listener.try_clone().expect("a second handle");
        let server = EchoServer::start(listener).expect("it starts");
        silent_client_of(&server);
        let hurried = SockRef::from(&same).nonblocking().expect("it can tell");
        assert!(
            !hurried,
            "with no client there, accept would not wait for one"
        );
    }

    /// Passes on what it is told.
    #[cfg(target_os = "linux")]
    struct Ear(std::sync::mpsc::Sender<String>);

    #[cfg(target_os = "linux")]
    impl log::Log for Ear {
        fn enabled(&self, _: &log::Metadata) -> bool {
            true
        }

        fn log(&self, record: &log::Record) {
            let _ = self.0.send(record.args().to_string());
        }

        fn flush(&self) {}
    }

    // Only Linux lets a listener be shut down under whoever waits at it.
    #[cfg(target_os = "linux")]
    #[test]
    fn the_log_hears_why_there_are_no_more_clients() {
        let name = "step_3::the_log_hears_why_there_are_no_more_clients";
        alone(name, || {
            let listener = TcpListener::bind(ANY).expect("any port will do");
            let same = listener.try_clone().expect("a second handle");
            let _server = EchoServer::start(listener).expect("it starts");
            let (tell, told) = std::sync::mpsc::channel();
            log::set_boxed_logger(Box::new(Ear(tell))).expect("there is no other");
            log::set_max_level(LevelFilter::Info);
            let socket = SockRef::from(&same);
            socket.shutdown(Shutdown::Both).expect("it listens");
            let why = "Invalid argument (os error 22)";
            while !told
                .recv_timeout(GUARD)
                .expect("a log that says why")
                .contains(why)
            {}
        });
    }
}

mod step_4 {
    use super::*;

    #[test]
    fn stopping_an_idle_server_waits_for_nobody() {
        let server = EchoServer::on_any_port().expect("it starts");
        stop(server);
    }

    #[test]
    fn a_stopped_server_leaves_its_port_free() {
        alone("step_4::a_stopped_server_leaves_its_port_free", || {
            let server = EchoServer::start(own_listener()).expect("it starts");
            let address = server.address();
            stop(server);
            assert_free(address);
        });
    }

    #[test]
    fn a_silent_client_does_not_hold_it_up_and_hears_the_end() {
        let server = EchoServer::on_any_port().expect("it starts");
        let mut client = silent_client_of(&server);
        stop(server);
        assert_eq!(text(&client.hears_to_the_end()), "", "after the answer");
    }

    #[test]
    fn clients_in_the_queue_do_not_hold_it_up() {
        let server = EchoServer::on_any_port().expect("it starts");
        let _served = silent_client_of(&server);
        let _waiting = [client_of(&server), client_of(&server)];
        stop(server);
    }

    #[test]
    fn a_client_that_never_reads_does_not_hold_it_up() {
        let server = EchoServer::on_any_port().expect("it starts");
        let client = silent_client_of(&server);
        client.stream().set_nonblocking(true).expect("it can");
        // The server answers until there is no room for answers any more.
        while client.stream().write(&[0; 4096]).is_ok() {}
        stop(server);
    }

    #[test]
    fn a_server_for_every_address_stops_as_well() {
        let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).expect("any port will do");
        stop(EchoServer::start(listener).expect("it starts"));
    }

    #[test]
    fn whoever_knocks_to_stop_it_is_no_client() {
        let lines = alone("step_4::whoever_knocks_to_stop_it_is_no_client", || {
            let server = EchoServer::on_any_port().expect("it starts");
            basic_config(LevelFilter::Info);
            stop(server);
        });
        let told = behind_the_time(&lines);
        let clients: Vec<_> = told
            .iter()
            .filter(|line| line.contains("connected"))
            .collect();
        assert!(
            clients.is_empty(),
            "nobody called, and this was told: {clients:#?}"
        );
    }

    #[test]
    fn the_log_tells_when_it_came_and_when_it_went() {
        let name = "step_4::the_log_tells_when_it_came_and_when_it_went";
        let lines = alone(name, || {
            basic_config(LevelFilter::Info);
            let server = EchoServer::on_any_port().expect("it starts");
            let address = server.address();
            stop(server);
            log::info!("{address}");
        });
        let told = behind_the_time(&lines);
        let address = told.last().and_then(|line| line.rsplit(' ').next());
        let listening = format!("echo: listening on {}", address.unwrap_or_default());
        let stopped = format!("echo: stopped listening on {}", address.unwrap_or_default());
        let once = |end: &str| told.iter().filter(|line| line.ends_with(end)).count() == 1;
        assert!(
            once(&listening) && once(&stopped),
            "awaited {listening:?} and {stopped:?}, each once, and this was told: {told:#?}"
        );
    }

    /// Holds whoever tells it of a connection's end, until it is opened.
    #[cfg(target_os = "linux")]
    mod gate {
        use log::{Log, Metadata, Record};
        use std::sync::{Condvar, Mutex, PoisonError};

        pub struct Gate(Mutex<bool>, Condvar);

        pub static GATE: Gate = Gate(Mutex::new(false), Condvar::new());

        impl Gate {
            pub fn open(&self) {
                *self.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
                self.1.notify_all();
            }
        }

        impl Log for Gate {
            fn enabled(&self, _: &Metadata) -> bool {
                true
            }

            fn log(&self, record: &Record) {
                if record.args().to_string().contains("closed after") {
                    let open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
                    drop(self.1.wait_while(open, |open| !*open));
                }
            }

            fn flush(&self) {}
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn stopped_means_that_its_thread_has_ended() {
        alone("step_4::stopped_means_that_its_thread_has_ended", || {
            let server = EchoServer::start(own_listener()).expect("it starts");
            log::set_logger(&gate::GATE).expect("there is no other");
            log::set_max_level(LevelFilter::Info);
            let _client = silent_client_of(&server);
            // The server's thread will tell the log of its client's end, and
            // be held there. Whoever stops it has to wait meanwhile.
            match Waiter::start(move || server.stop()).blocks() {
                Ok(waiting) => {
                    gate::GATE.open();
                    waiting.answer();
                }
                Err(()) => panic!("stop came back, and the server's thread is still at work"),
            }
        });
    }
}

mod step_5 {
    use super::*;
    use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

    #[test]
    fn a_server_that_goes_out_of_scope_stops() {
        alone("step_5::a_server_that_goes_out_of_scope_stops", || {
            let server = EchoServer::start(own_listener()).expect("it starts");
            let address = server.address();
            Waiter::start(move || drop(server)).answer();
            assert_free(address);
        });
    }

    #[test]
    fn a_test_that_panics_stops_it() {
        alone("step_5::a_test_that_panics_stops_it", || {
            let server = EchoServer::start(own_listener()).expect("it starts");
            let address = server.address();
            let test = move || {
                let panics = AssertUnwindSafe(move || {
                    let _server = server;
                    // As a panic unwinds, without its message on the screen.
                    resume_unwind(Box::new("a test fails"));
                });
                catch_unwind(panics).is_err()
            };
            assert!(Waiter::start(test).answer(), "the panic went on");
            assert_free(address);
        });
    }

    #[test]
    fn started_and_stopped_a_hundred_times_it_leaves_nothing() {
        alone(
            "step_5::started_and_stopped_a_hundred_times_it_leaves_nothing",
            || {
                let server = EchoServer::start(own_listener()).expect("it starts");
                let address = server.address();
                stop(server);
                #[cfg(target_os = "linux")]
                let before = descriptor::held().len();
                for _ in 0..100 {
                    let listener = TcpListener::bind(address);
                    let listener = listener.expect("the server before this one has gone");
                    let server = EchoServer::start(listener).expect("it starts");
                    let _client = silent_client_of(&server);
                    stop(server);
                }
                #[cfg(target_os = "linux")]
                assert_eq!(descriptor::held().len(), before, "descriptors");
                let states = netstat::states_of(address);
                assert!(!states.contains(&"LISTEN"), "at {address}: {states:?}");
            },
        );
    }
}

mod step_6 {
    use super::*;

    /// A server whose connections have little room, and a client with as
    /// little: much less than 4 MiB is ever under way.
    #[track_caller]
    fn narrow_server() -> (EchoServer, TcpStream) {
        let listener = tcp();
        listener.set_recv_buffer_size(ROOM).expect("little room");
        listener.set_send_buffer_size(ROOM).expect("little room");
        listener.bind(&ANY.into()).expect("any port will do");
        listener.listen(8).expect("a bound socket can listen");
        let server = EchoServer::start(listener.into()).expect("it starts");
        let stream = TcpStream::connect(server.address()).expect("it is there");
        let socket = SockRef::from(&stream);
        socket.set_recv_buffer_size(ROOM).expect("little room");
        socket.set_send_buffer_size(ROOM).expect("little room");
        (server, stream)
    }

    #[test]
    fn what_was_sent_is_returned() {
        let (stream, mut peer) = connected();
        peer.sends(b"hello");
        let answer = echo(&stream.into(), b"hello").expect("the answer is there");
        assert_eq!(text(&answer), "hello");
        peer.hears(b"hello");
    }

    #[test]
    fn what_came_back_is_returned_and_not_what_was_sent() {
        let (stream, mut peer) = connected();
        peer.sends(b"HELLO");
        let answer = echo(&stream.into(), b"hello").expect("an answer is there");
        assert_eq!(text(&answer), "HELLO");
    }

    #[test]
    fn it_can_be_asked_again() {
        let (stream, mut peer) = connected();
        let stream = TcpStream::from(stream);
        peer.sends(b"howareyou");
        for word in [b"how", b"are", b"you"] {
            let answer = echo(&stream, word).expect("the answer is there");
            assert_eq!(text(&answer), text(word));
        }
    }

    #[test]
    fn every_byte_comes_back() {
        let server = EchoServer::on_any_port().expect("it starts");
        let stream = TcpStream::connect(server.address()).expect("it is there");
        let answer = echo(&stream, &every_byte()).expect("the server answers");
        assert_same(&answer, &every_byte());
    }

    #[test]
    fn four_mebibytes_come_back_through_a_narrow_connection() {
        let (_server, stream) = narrow_server();
        let bytes = many(4 * MIB + 1);
        let asked = bytes.clone();
        let asks = move || Ok::<_, io::Error>([echo(&stream, &asked)?, echo(&stream, b"?")?]);
        let answers = Waiter::start(asks).answer();
        let [answer, behind] = answers.expect("the server answers");
        assert_same(&answer, &bytes);
        assert_eq!(text(&behind), "?", "the answer to the next question");
    }

    #[test]
    fn half_an_answer_is_an_error() {
        let (stream, mut peer) = connected();
        peer.sends(b"he");
        peer.half_closes();
        let result = echo(&stream.into(), b"hello");
        let error = refused(result, "two of five bytes came back");
        assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
    }

    #[cfg(unix)]
    #[test]
    fn a_silent_server_does_not_hold_it_longer_than_the_timeout() {
        let (stream, _peer) = narrow();
        let stream = TcpStream::from(stream);
        let timeout = Some(Duration::from_millis(50));
        stream.set_read_timeout(timeout).expect("a timeout");
        // More than there is room for: the sending half waits as well.
        let result = Waiter::start(move || echo(&stream, &many(MIB))).answer();
        let error = refused(result, "nobody answers");
        assert!(
            matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
            "the time was up, and it says: {error}"
        );
    }

    #[test]
    fn a_python_client_is_answered() {
        let server = EchoServer::on_any_port().expect("it starts");
        let script = r#"
import socket, sys

with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as client:
    client.sendall("é".encode()[:1])
    print(client.recv(10))
    client.sendall("é".encode()[1:])
    print(client.recv(10))
    client.shutdown(socket.SHUT_WR)
    print(client.recv(10))
"#;
        let port = server.address().port().to_string();
        if let Some(client) = Python::start(script, &[&port]) {
            let printed = client.rest();
            assert_eq!(printed, "b'\\xc3'\nb'\\xa9'\nb''\n", "what it printed");
        }
    }

    #[test]
    fn a_python_server_answers_our_client_like_ours() {
        let ours = EchoServer::on_any_port().expect("it starts");
        let mut ports = vec![ours.address().port()];
        let script = "
import socket
with socket.create_server(('127.0.0.1', 0)) as listener:
    print(listener.getsockname()[1], flush=True)
    connection, _ = listener.accept()
    with connection:
        while piece := connection.recv(65536):
            connection.sendall(piece)
";
        let mut theirs = Python::start(script, &[]);
        if let Some(server) = &mut theirs {
            ports.push(server.says().parse().expect("it prints its port"));
        }
        for port in ports {
            let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("it listens");
            let answer = echo(&stream, &every_byte()).expect("it answers");
            assert_same(&answer, &every_byte());
            let answer = echo(&stream, b"?").expect("it answers again");
            assert_eq!(text(&answer), "?", "the answer to the next question");
        }
    }
}

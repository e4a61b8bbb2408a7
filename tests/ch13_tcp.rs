//! Chapter 13: connections apart from handling, one after the other.

#[macro_use]
mod fixtures;
subject!(server::tcp = "../my/server/tcp.rs",
    tests = "../my/tests/tcp.rs" or "../lessons/13-tcp/answer_tests.rs");

use chatroom::echo::{EchoServer, echo};
use chatroom::server::{ServerHandle, Stopper};
use fixtures::Act::{Fails, Panics};
use fixtures::*;
use std::cell::Cell;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;
use tcp::{process, serve, start, start_with};

/// A connection as a server has it, with its client's address, and the client.
#[track_caller]
fn connection() -> (TcpStream, SocketAddr, Peer) {
    let (socket, client) = connected();
    let stream = TcpStream::from(socket);
    let peer = stream.peer_addr().expect("it is connected");
    (stream, peer, client)
}

/// Fails unless `stream` was shut down: our own kernel says so, at once.
#[track_caller]
fn is_shut(mut stream: &TcpStream, why: &str) {
    let error = refused(stream.write(b"x"), why);
    assert_eq!(error.kind(), ErrorKind::BrokenPipe, "{why}: {error}");
}

mod step_1 {
    use super::*;

    #[test]
    fn a_connection_is_verified_set_up_handled_and_finished() {
        let (stream, peer, _client) = connection();
        let handler = Recorder::default();
        process(&handler, &stream, peer);
        assert_eq!(handler.steps(), "verify, setup, handle, finish");
    }

    #[test]
    fn the_handler_gets_the_connection_and_the_address_of_the_client() {
        let (stream, peer, mut client) = connection();
        let hello = |mut stream: &TcpStream, peer: SocketAddr| write!(stream, "hello, {peer}");
        process(&hello, &stream, peer);
        client.hears(format!("hello, {peer}").as_bytes());
    }

    #[test]
    fn a_connection_ends_with_its_handler() {
        let (stream, peer, _client) = connection();
        process(&Recorder::default(), &stream, peer);
        is_shut(
            &stream,
            "the handler is done, and its client waits for the end",
        );
    }

    #[test]
    fn a_refused_client_meets_no_other_step() {
        let (stream, peer, _client) = connection();
        let handler = Recorder::whose("verify", Fails);
        process(&handler, &stream, peer);
        assert_eq!(handler.steps(), "verify", "verify said no");
    }

    #[test]
    fn a_refused_client_is_closed() {
        let (stream, peer, _client) = connection();
        let handler = Recorder::whose("verify", Fails);
        process(&handler, &stream, peer);
        is_shut(
            &stream,
            "verify said no, and the client waits for an answer",
        );
    }
}

mod step_2 {
    use super::*;

    /// Takes a connection through a handler that does so, and returns its record.
    fn processed(handler: Recorder) -> Recorder {
        let (stream, peer, _client) = connection();
        process(&handler, &stream, peer);
        handler
    }

    #[test]
    fn an_error_of_handle_reaches_the_hook_once() {
        let handler = processed(Recorder::whose("handle", Fails));
        assert_eq!(handler.errors(), ["handle fails, as told"]);
    }

    #[test]
    fn an_error_of_setup_reaches_the_hook_once() {
        let handler = processed(Recorder::whose("setup", Fails));
        assert_eq!(handler.errors(), ["setup fails, as told"]);
    }

    #[test]
    fn the_hook_hears_which_client_it_was() {
        let (stream, peer, _client) = connection();
        let handler = Recorder::whose("handle", Fails);
        process(&handler, &stream, peer);
        assert_eq!(handler.blamed(), [Some(peer)]);
    }

    #[test]
    fn what_went_well_does_not_reach_the_hook() {
        let handler = processed(Recorder::default());
        assert_eq!(handler.errors(), [""; 0], "nothing failed");
    }

    #[test]
    fn finish_follows_a_handle_that_failed() {
        let handler = processed(Recorder::whose("handle", Fails));
        assert_eq!(handler.steps(), "verify, setup, handle, finish");
    }

    #[test]
    fn a_setup_that_failed_has_nothing_to_finish() {
        let handler = processed(Recorder::whose("setup", Fails));
        assert_eq!(handler.steps(), "verify, setup");
    }

    #[test]
    fn a_panic_of_handle_reaches_the_hook_once_with_its_words() {
        let handler = processed(Recorder::whose("handle", Panics));
        let errors = handler.errors();
        assert_eq!(errors.len(), 1, "one connection, one panic: {errors:?}");
        assert!(
            errors[0].contains("handle panics, as told"),
            "what did the panic say? The hook heard: {}",
            errors[0]
        );
    }

    #[test]
    fn finish_follows_a_handle_that_panicked() {
        let handler = processed(Recorder::whose("handle", Panics));
        assert_eq!(handler.steps(), "verify, setup, handle, finish");
    }

    #[test]
    fn a_panic_with_fixed_words_reaches_the_hook_with_them() {
        /// Panics with a `&str`; `Recorder` does it with a `String`.
        struct Bangs(Mutex<String>);
        impl chatroom::server::Handler for Bangs {
            fn handle(&self, _: &TcpStream, _: SocketAddr) -> io::Result<()> {
                fixtures::shout::bang()
            }
            fn on_error(&self, _: Option<SocketAddr>, error: &io::Error) {
                *self.0.lock().unwrap() = error.to_string();
            }
        }
        let (stream, peer, _client) = connection();
        let handler = Bangs(Mutex::default());
        process(&handler, &stream, peer);
        let heard = handler.0.into_inner().unwrap();
        assert!(
            heard.contains("a bang, as told"),
            "what did the panic say? The hook heard: {heard:?}"
        );
    }

    #[test]
    fn a_verify_that_panics_lets_nobody_in() {
        let handler = processed(Recorder::whose("verify", Panics));
        assert_eq!(handler.steps(), "verify", "it did not say yes");
    }

    #[test]
    fn a_finish_that_panics_reaches_the_hook_and_goes_no_further() {
        let handler = processed(Recorder::whose("finish", Panics));
        assert_eq!(handler.errors().len(), 1, "one connection, one panic");
    }

    #[test]
    fn a_connection_that_failed_is_closed_as_well() {
        let (stream, peer, _client) = connection();
        let handler = Recorder::whose("handle", Fails);
        process(&handler, &stream, peer);
        is_shut(
            &stream,
            "the handler failed, and its client waits for the end",
        );
    }

    #[test]
    fn a_hook_that_panics_goes_no_further() {
        let handler = processed(Recorder::whose("handle", Fails).and("on_error", Panics));
        assert_eq!(handler.errors().len(), 1, "it was called");
    }
}

mod step_3 {
    use super::*;

    #[test]
    fn clients_are_handled_in_the_order_in_which_they_are_accepted() {
        let (clients, script) = clients(3);
        let handler = Recorder::default();
        let _ = serve(scripted(script), never, &handler, &Stopper::new());
        let own = |client: &Peer| client.stream().local_addr().expect("it is connected");
        let expected: Vec<_> = clients.iter().map(own).collect();
        assert_eq!(handler.peers(), expected, "who was handled");
    }

    #[test]
    fn one_client_is_handled_before_the_next_is_accepted() {
        let (_clients, script) = clients(2);
        let diary = Arc::new(Mutex::new(Vec::new()));
        let mut accept = scripted(script);
        let (before, during) = (diary.clone(), diary.clone());
        let noted = move || {
            before.lock().unwrap().push("accept");
            accept()
        };
        let handler = move |_: &TcpStream, _: SocketAddr| {
            during.lock().unwrap().push("handle");
            Ok(())
        };
        let _ = serve(noted, never, &handler, &Stopper::new());
        let diary = diary.lock().unwrap().join(", ");
        assert_eq!(diary, "accept, handle, accept, handle, accept");
    }

    #[test]
    fn an_error_of_the_handler_does_not_end_the_server() {
        let (_clients, script) = clients(3);
        let handler = Recorder::whose("handle", Fails);
        let _ = serve(scripted(script), never, &handler, &Stopper::new());
        assert_eq!(handler.peers().len(), 3, "clients that were handled");
    }

    #[test]
    fn a_panic_of_the_handler_does_not_end_the_server() {
        let (_clients, script) = clients(3);
        let handler = Recorder::whose("handle", Panics);
        let _ = serve(scripted(script), never, &handler, &Stopper::new());
        assert_eq!(handler.peers().len(), 3, "clients that were handled");
    }

    #[test]
    fn an_accept_that_is_interrupted_or_aborted_is_tried_again() {
        let (_clients, mut script) = clients(1);
        for kind in [
            ErrorKind::Interrupted,
            ErrorKind::ConnectionAborted,
            ErrorKind::ConnectionReset,
            // What the network had to say of a client: `accept(2)`.
            ErrorKind::NetworkDown,
            ErrorKind::NetworkUnreachable,
            ErrorKind::HostUnreachable,
        ] {
            script.insert(0, Err(kind.into()));
        }
        let handler = Recorder::default();
        let _ = serve(scripted(script), never, &handler, &Stopper::new());
        assert_eq!(handler.peers().len(), 1, "the client behind them");
    }

    #[test]
    fn without_descriptors_the_server_rests_before_it_asks_again() {
        let script = vec![no_descriptors(), no_descriptors(), no_descriptors()];
        let pauses = Cell::new(0);
        let rest = |pause: Duration| {
            assert_ne!(pause, Duration::ZERO, "that is no rest");
            pauses.set(pauses.get() + 1);
        };
        let _ = serve(
            scripted(script),
            rest,
            &Recorder::default(),
            &Stopper::new(),
        );
        assert_eq!(pauses.get(), 3, "pauses after three times EMFILE");
    }

    #[test]
    fn when_there_are_descriptors_again_the_next_client_is_handled() {
        let (_clients, mut script) = clients(1);
        script.insert(0, no_descriptors());
        let handler = Recorder::default();
        let _ = serve(scripted(script), drop, &handler, &Stopper::new());
        assert_eq!(handler.peers().len(), 1, "the client who waited");
    }

    #[test]
    fn that_descriptors_ran_out_is_nobodys_fault_and_reaches_the_hook() {
        let handler = Recorder::default();
        let script = vec![no_descriptors()];
        let _ = serve(scripted(script), drop, &handler, &Stopper::new());
        assert_eq!(handler.blamed(), [None], "one shortage, no client");
    }

    #[test]
    fn a_hook_that_panics_does_not_end_the_server() {
        let (_clients, mut script) = clients(1);
        script.insert(0, no_descriptors());
        let handler = Recorder::whose("on_error", Panics);
        let _ = serve(scripted(script), drop, &handler, &Stopper::new());
        assert_eq!(handler.peers().len(), 1, "the client who waited");
    }

    #[test]
    fn a_listener_that_is_gone_ends_the_server_with_its_error() {
        let handler = Recorder::default();
        let result = serve(scripted(vec![]), never, &handler, &Stopper::new());
        let error = refused(result, "nobody listens, and nobody asked for it");
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    }
}

mod step_4 {
    use super::*;

    #[test]
    fn a_server_that_was_stopped_before_its_start_asks_for_nobody() {
        let stopper = Stopper::new();
        stopper.stop();
        let mut asked = 0;
        let mut script = scripted(vec![]);
        let accept = || {
            asked += 1;
            script()
        };
        let result = serve(accept, drop, &Recorder::default(), &stopper);
        result.expect("to be stopped is no error");
        assert_eq!(asked, 0, "how often it asked for a client");
    }

    #[test]
    fn who_is_accepted_after_the_stop_is_not_a_client() {
        let (stream, peer, _client) = connection();
        let (stopper, handler) = (Stopper::new(), Recorder::default());
        let mut script = scripted(vec![Ok((stream, peer))]);
        let accept = || {
            stopper.stop();
            script()
        };
        let result = serve(accept, drop, &handler, &stopper);
        result.expect("to be stopped is no error");
        assert_eq!(handler.steps(), "", "it only came to wake the server");
    }

    #[test]
    fn an_accept_that_the_stop_has_ended_is_no_error() {
        let stopper = Stopper::new();
        let mut script = scripted(vec![]);
        let accept = || {
            stopper.stop();
            script()
        };
        let result = serve(accept, drop, &Recorder::default(), &stopper);
        result.expect("nobody listens, because somebody asked for it");
    }

    #[test]
    fn a_handler_can_ask_for_the_stop_and_say_goodbye() {
        let (stream, peer, mut client) = connection();
        let stopper = Stopper::new();
        let button = stopper.clone();
        let last = move |mut stream: &TcpStream, _: SocketAddr| {
            button.stop();
            stream.write_all(b"goodbye")
        };
        let accept = scripted(vec![Ok((stream, peer))]);
        let result = serve(accept, drop, &last, &stopper);
        result.expect("to be stopped is no error");
        client.hears(b"goodbye");
    }

    #[test]
    fn after_the_stop_nobody_is_asked_for() {
        let (stream, peer, _client) = connection();
        let stopper = Stopper::new();
        let button = stopper.clone();
        let last = move |_: &TcpStream, _: SocketAddr| {
            button.stop();
            Ok(())
        };
        let mut script = scripted(vec![Ok((stream, peer))]);
        let mut asked = 0;
        let accept = || {
            asked += 1;
            script()
        };
        let _ = serve(accept, drop, &last, &stopper);
        assert_eq!(asked, 1, "who asks again may wait for ever");
    }

    #[test]
    fn a_stop_from_elsewhere_ends_the_connection_at_hand() {
        let (stream, peer, _client) = connection();
        let stopper = Stopper::new();
        let (button, ended) = (stopper.clone(), Arc::new(Mutex::new(None)));
        let result = ended.clone();
        let slow = move |mut stream: &TcpStream, _: SocketAddr| {
            let button = button.clone();
            let elsewhere = thread::spawn(move || button.stop());
            elsewhere.join().expect("a stop does not panic");
            *result.lock().unwrap() = Some(stream.write(b"x"));
            Ok(())
        };
        let accept = scripted(vec![Ok((stream, peer))]);
        let _ = serve(accept, drop, &slow, &stopper);
        let ended = ended.lock().unwrap().take().expect("it was handled");
        let error = refused(ended, "the server has stopped, its client is still served");
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    }
}

mod step_5 {
    use super::*;
    use fixtures::shout::{answer, bang, call, listener, shout};

    /// A client that has got an answer, and stays.
    #[track_caller]
    fn idle(address: SocketAddr) -> Peer {
        let mut client = call(address);
        client.sends(b"x");
        client.hears(b"X");
        client
    }

    #[test]
    fn each_client_gets_its_answer() {
        let server = start(listener(), shout).expect("a server");
        for words in ["one", "two", "three"] {
            assert_eq!(answer(server.address(), words), words.to_uppercase());
        }
        server.shutdown().expect("nothing went wrong");
    }

    #[test]
    fn two_clients_at_once_are_served_one_after_the_other() {
        let server = start(listener(), shout).expect("a server");
        let mut first = call(server.address());
        let mut second = call(server.address());
        second.sends(b"me too");
        first.sends(b"me");
        first.hears(b"ME");
        drop(first);
        second.hears(b"ME TOO");
        drop(second);
        server.shutdown().expect("nothing went wrong");
    }

    #[test]
    fn a_refused_client_hears_the_end_and_the_next_one_an_answer() {
        /// Refuses whoever calls first.
        struct SecondThoughts(Mutex<bool>);
        impl chatroom::server::Handler for SecondThoughts {
            fn verify(&self, _: SocketAddr) -> bool {
                std::mem::replace(&mut self.0.lock().unwrap(), true)
            }
            fn handle(&self, mut stream: &TcpStream, _: SocketAddr) -> io::Result<()> {
                stream.write_all(b"welcome")
            }
        }
        let handler = SecondThoughts(Mutex::new(false));
        let server = start(listener(), handler).expect("a server");
        let first = call(server.address()).hears_to_the_end();
        assert_eq!(peer::text(&first), "", "verify said no");
        call(server.address()).hears(b"welcome");
        server.shutdown().expect("nothing went wrong");
    }

    #[test]
    fn a_client_that_resets_reaches_the_hook_once_and_harms_nobody() {
        /// Shouts, and counts the errors.
        struct Shouts(Arc<Mutex<Vec<ErrorKind>>>);
        impl chatroom::server::Handler for Shouts {
            fn handle(&self, stream: &TcpStream, peer: SocketAddr) -> io::Result<()> {
                shout(stream, peer)
            }
            fn on_error(&self, _: Option<SocketAddr>, error: &io::Error) {
                self.0.lock().unwrap().push(error.kind());
            }
        }
        let errors = Arc::new(Mutex::new(Vec::new()));
        let server = start(listener(), Shouts(errors.clone())).expect("a server");
        let mut rude = call(server.address());
        rude.sends(b"x");
        rude.hears(b"X");
        rude.resets();
        assert_eq!(answer(server.address(), "hello"), "HELLO");
        server.shutdown().expect("nothing went wrong");
        assert_eq!(*errors.lock().unwrap(), [ErrorKind::ConnectionReset]);
    }

    #[test]
    fn a_client_that_sends_rubbish_harms_nobody() {
        // It is strict with text, and it panics on a full stop.
        let strict = |mut stream: &TcpStream, _: SocketAddr| {
            let mut text = String::new();
            stream.read_to_string(&mut text)?;
            if text.contains('.') {
                bang();
            }
            stream.write_all(text.as_bytes())
        };
        let server = start(listener(), strict).expect("a server");
        for rubbish in [&b"\xff\xfe"[..], b"\0.\0", b""] {
            let mut client = call(server.address());
            client.sends(rubbish);
            client.half_closes();
            assert_eq!(peer::text(&client.hears_to_the_end()), "", "no answer");
        }
        assert_eq!(answer(server.address(), "hello"), "hello");
        server.shutdown().expect("nothing went wrong");
    }

    #[test]
    fn a_handler_may_be_a_client_of_another_server() {
        // The one that was built in chapter 12.
        let behind = EchoServer::on_any_port().expect("it starts");
        let address = behind.address();
        let passes_on = move |mut stream: &TcpStream, _: SocketAddr| {
            let mut words = Vec::new();
            stream.read_to_end(&mut words)?;
            stream.write_all(&echo(&TcpStream::connect(address)?, &words)?)
        };
        let server = start(listener(), passes_on).expect("a server");
        for words in ["one", "two", "three"] {
            assert_eq!(answer(server.address(), words), words);
        }
        server.shutdown().expect("nothing went wrong");
        behind.stop();
    }

    #[test]
    fn an_idle_server_stops() {
        let server = start(listener(), shout).expect("a server");
        server.shutdown().expect("nothing went wrong");
    }

    #[test]
    fn to_ask_for_the_stop_twice_is_to_ask_once() {
        let server = start(listener(), shout).expect("a server");
        server.request_stop();
        server.request_stop();
        server.shutdown().expect("nothing went wrong");
    }

    #[test]
    fn another_thread_can_ask_for_the_stop() {
        let server = start(listener(), shout).expect("a server");
        let stopper = server.stopper();
        let other = thread::spawn(move || stopper.stop());
        server.join().expect("nothing went wrong");
        other.join().expect("a stop does not panic");
    }

    #[test]
    fn a_stop_before_the_start_is_remembered() {
        let stopper = Stopper::new();
        stopper.stop();
        let server = start_with(listener(), shout, &stopper).expect("a server");
        server.join().expect("to be stopped is no error");
    }

    #[test]
    fn an_idle_client_does_not_delay_the_stop() {
        let server = start(listener(), shout).expect("a server");
        let mut idle = idle(server.address());
        server.shutdown().expect("nothing went wrong");
        assert_eq!(peer::text(&idle.hears_to_the_end()), "", "nothing more");
    }

    #[test]
    fn a_client_that_never_reads_does_not_delay_the_stop() {
        let (begun, begins) = channel();
        let endless = move |mut stream: &TcpStream, _: SocketAddr| {
            let _ = begun.send(());
            loop {
                stream.write_all(&[b'x'; 1024])?;
            }
        };
        let server = start(listener(), endless).expect("a server");
        let _deaf = call(server.address());
        begins.recv_timeout(GUARD).expect("it is handled");
        server.shutdown().expect("nothing went wrong");
    }

    #[test]
    fn a_handler_can_stop_its_server() {
        let stopper = Stopper::new();
        let button = stopper.clone();
        let last = move |mut stream: &TcpStream, _: SocketAddr| {
            button.stop();
            stream.write_all(b"goodbye")
        };
        let server = start_with(listener(), last, &stopper).expect("a server");
        let mut client = call(server.address());
        server.join().expect("to be stopped is no error");
        client.hears(b"goodbye");
    }

    #[test]
    fn a_bell_that_panics_does_not_keep_the_server_from_its_stop() {
        let stopper = Stopper::new();
        let server = start_with(listener(), shout, &stopper).expect("a server");
        stopper.on_stop(|| bang());
        let mut idle = idle(server.address());
        stopper.stop();
        server.join().expect("to be stopped is no error");
        assert_eq!(peer::text(&idle.hears_to_the_end()), "", "nothing more");
    }

    #[test]
    fn a_second_stop_does_not_cut_a_client_in_the_middle_of_a_goodbye() {
        let (stopper, (ringing, rings), (enough, waits)) = (Stopper::new(), channel(), channel());
        let server = start_with(listener(), shout, &stopper).expect("a server");
        stopper.on_stop(move || {
            let _ = ringing.send(());
            let _ = waits.recv_timeout(GUARD);
        });
        let mut client = idle(server.address());
        let first = stopper.clone();
        let first = thread::spawn(move || first.stop());
        rings.recv_timeout(GUARD).expect("the stop rings");
        stopper.stop();
        client.sends(b"goodbye");
        client.hears(b"GOODBYE");
        enough.send(()).expect("the bell waits");
        first.join().expect("a stop does not panic");
        server.join().expect("to be stopped is no error");
        assert_eq!(peer::text(&client.hears_to_the_end()), "", "nothing more");
    }

    #[test]
    fn who_asks_while_a_goodbye_is_said_is_heard_after_it() {
        let stopper = Stopper::new();
        let (button, (entered, enters)) = (stopper.clone(), channel());
        // Its own stop spares it, but the one that came meanwhile does not.
        let handler = move |mut stream: &TcpStream, _: SocketAddr| {
            button.stop();
            let _ = entered.send(stream.read(&mut [0]));
            Ok(())
        };
        let other = stopper.clone();
        stopper.on_stop(move || {
            let asks = thread::spawn(move || other.stop());
            asks.join().expect("a stop does not panic");
        });
        let server = start_with(listener(), handler, &stopper).expect("a server");
        let _idle = call(server.address());
        let read = enters.recv_timeout(GUARD).expect("its wait has ended");
        assert_eq!(read.expect("no error, but the end"), 0, "bytes");
        server.join().expect("to be stopped is no error");
    }

    #[test]
    fn a_handler_that_waits_for_its_own_server_gets_an_error() {
        let own: Arc<Mutex<Option<ServerHandle>>> = Arc::default();
        let (heard, hears) = channel();
        let place = own.clone();
        let confused = move |_: &TcpStream, _: SocketAddr| {
            let server = place.lock().unwrap().take();
            let result = server.map_or(Ok(()), ServerHandle::shutdown);
            let _ = heard.send(result);
            Ok(())
        };
        let server = start(listener(), confused).expect("a server");
        let address = server.address();
        *own.lock().unwrap() = Some(server);
        let mut client = call(address);
        let result = hears.recv_timeout(GUARD).expect("it came back");
        let error = refused(result, "who waits for itself waits for ever");
        assert_eq!(error.kind(), ErrorKind::Deadlock);
        assert_eq!(peer::text(&client.hears_to_the_end()), "", "and it stops");
    }

    #[test]
    fn a_handle_that_is_dropped_stops_the_server() {
        // Alone: what another test starts just now has, for a moment, copies
        // of all our descriptors, and a copy of the listener listens.
        let name = "step_5::a_handle_that_is_dropped_stops_the_server";
        alone(name, || {
            let listener = TcpListener::bind(own_loopback()).expect("any port will do");
            let server = start(listener, shout).expect("a server");
            let address = server.address();
            drop(server);
            let error = refused(TcpStream::connect(address), "its server is gone");
            assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        });
    }

    #[test]
    fn a_server_can_be_started_again_at_its_address() {
        let name = "step_5::a_server_can_be_started_again_at_its_address";
        alone(name, || {
            let first = TcpListener::bind(own_loopback()).expect("any port will do");
            let server = start(first, shout).expect("a server");
            let address = server.address();
            assert_eq!(answer(address, "one"), "ONE");
            server.shutdown().expect("nothing went wrong");
            let second = TcpListener::bind(address).expect("the first one has let go of it");
            let server = start(second, shout).expect("a server");
            assert_eq!(answer(address, "two"), "TWO");
            server.shutdown().expect("nothing went wrong");
        });
    }

    // Only Linux has a table of descriptors to look at, and 127.0.0.0/8.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_hundred_starts_and_stops_leave_nothing_behind() {
        let name = "step_5::a_hundred_starts_and_stops_leave_nothing_behind";
        alone(name, || {
            let handler = Arc::new(Recorder::default());
            leaves_nothing(100, |listener| {
                let server = start(listener, handler.clone()).expect("a server");
                call(server.address()).hears_to_the_end();
                server.shutdown().expect("nothing went wrong");
            });
            assert_eq!(handler.peers().len(), 100, "clients that were handled");
            // A thread that still ran would still have its handler.
            assert_eq!(Arc::strong_count(&handler), 1, "handlers in use");
        });
    }

    // Where descriptors are really short: in a process that may have 64.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_server_without_descriptors_rests_and_recovers() {
        // A server that does not start at all is told so here, not by a child.
        drop(start(listener(), shout).expect("a server"));
        let test = "step_5::a_server_without_descriptors_rests_and_recovers";
        let report = without_descriptors(test, start);
        assert_eq!(report, "Too many open files (os error 24)");
    }

    /// Divides twelve by what its client says, and tells what went wrong.
    struct Fraction(Sender<String>);

    impl chatroom::server::Handler for Fraction {
        fn handle(&self, mut stream: &TcpStream, _: SocketAddr) -> io::Result<()> {
            let mut words = [0; 9];
            let count = stream.read(&mut words)?;
            let by: u32 = peer::text(&words[..count])
                .parse()
                .map_err(io::Error::other)?;
            let fraction = 12_u32.checked_div(by);
            let fraction = fraction.ok_or_else(|| io::Error::other("division by zero"))?;
            stream.write_all(fraction.to_string().as_bytes())
        }

        fn on_error(&self, _: Option<SocketAddr>, error: &io::Error) {
            let _ = self.0.send(error.to_string());
        }
    }

    /// Asks for three fractions, of which the second cannot be.
    #[track_caller]
    fn divides(address: SocketAddr) {
        for (words, fraction) in [("4", "3"), ("0", ""), ("6", "2")] {
            assert_eq!(answer(address, words), fraction, "12 / {words}");
        }
    }

    const PYTHON_CLIENT: &str = r#"
import socket, sys

for words in [b"4", b"0", b"6"]:
    with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as client:
        client.sendall(words)
        print(words, client.recv(9))
"#;

    #[test]
    fn clients_in_python_get_the_answers_that_ours_get() {
        let (tell, _told) = channel();
        let server = start(listener(), Fraction(tell)).expect("a server");
        divides(server.address());
        let port = server.address().port().to_string();
        if let Some(python) = Python::start(PYTHON_CLIENT, &[&port]) {
            let heard = "b'4' b'3'\nb'0' b''\nb'6' b'2'\n";
            assert_eq!(python.rest(), heard, "what Python's clients heard");
        }
        server.shutdown().expect("nothing went wrong");
    }

    const PYTHON_SERVER: &str = r#"
import socketserver, sys

class Fraction(socketserver.BaseRequestHandler):
    def handle(self):
        self.request.sendall(b"%d" % (12 / int(self.request.recv(9))))

with socketserver.TCPServer(("127.0.0.1", 0), Fraction) as server:
    print(server.server_address[1], flush=True)
    server.handle_error = lambda request, client: print(sys.exc_info()[1], flush=True)
    server.serve_forever()
"#;

    #[test]
    fn pythons_tcp_server_answers_like_ours() {
        let (tell, told) = channel();
        let ours = start(listener(), Fraction(tell)).expect("a server");
        divides(ours.address());
        ours.shutdown().expect("nothing went wrong");
        let errors: Vec<_> = told.try_iter().collect();
        assert_eq!(errors, ["division by zero"], "what our hook was told");
        if let Some(mut python) = Python::start(PYTHON_SERVER, &[]) {
            let port = python.says().parse().expect("Python tells its port");
            divides(SocketAddr::from(([127, 0, 0, 1], port)));
            assert_eq!(python.says(), errors[0], "what Python's hook was told");
        }
    }
}

//! Chapter 14: each connection has its thread.

#[macro_use]
mod fixtures;
subject!(server::threading = "../my/server/threading.rs",
    tests = "../my/tests/threading.rs" or "../lessons/14-threading/answer_tests.rs");

use chatroom::echo::{EchoServer, echo};
use chatroom::server::{Handler, Stopper};
use fixtures::Act::{Fails, Panics};
use fixtures::*;
use std::cell::{Cell, RefCell};
use std::io::{self, ErrorKind, Read, Write};
use std::iter;
use std::net::{SocketAddr, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Barrier, Mutex};
use std::thread::{self, JoinHandle};
use threading::{Gate, Job, Limits, Worker, serve, start, start_with};

#[track_caller]
fn gate(most: usize) -> Gate {
    Gate::new(Limits { most }).expect("that many are allowed")
}

/// A thread that is none. While it is kept, it has its clone of the token.
struct Puppet {
    finished: bool,
    joined: Sender<()>,
    _kept: Arc<()>,
}

impl Worker for Puppet {
    fn is_finished(&self) -> bool {
        self.finished
    }

    fn join(self) {
        let _ = self.joined.send(());
    }
}

/// Makes puppets, and hears of each that is joined.
struct Theatre {
    finished: bool,
    token: Arc<()>,
    joined: Sender<()>,
    joins: Receiver<()>,
}

impl Theatre {
    /// One whose puppets have all come to their end, or none of them.
    fn whose_puppets_are(finished: bool) -> Theatre {
        let (joined, joins) = channel();
        Theatre {
            finished,
            token: Arc::default(),
            joined,
            joins,
        }
    }

    fn puppet(&self) -> Puppet {
        Puppet {
            finished: self.finished,
            joined: self.joined.clone(),
            _kept: self.token.clone(),
        }
    }

    /// How many puppets are kept.
    fn kept(&self) -> usize {
        Arc::strong_count(&self.token) - 1
    }

    /// How many puppets were joined.
    fn joined(&self) -> usize {
        self.joins.try_iter().count()
    }
}

/// Starts no thread, but does the job before it returns.
fn at_once(theatre: &Theatre) -> impl FnMut(Job) -> io::Result<Puppet> {
    |job| {
        job();
        Ok(theatre.puppet())
    }
}

/// Starts a thread.
fn threads(job: Job) -> io::Result<JoinHandle<()>> {
    thread::Builder::new().spawn(job)
}

/// Has no thread to give, as the kernel that says EAGAIN.
fn no_threads(_: Job) -> io::Result<Puppet> {
    Err(ErrorKind::WouldBlock.into())
}

/// Serves so many clients with a handler, each at once, and returns it.
#[track_caller]
fn served(count: usize, handler: Recorder) -> Arc<Recorder> {
    let gate = gate(8);
    let (_clients, script) = clients(count);
    let (handler, theatre) = (Arc::new(handler), Theatre::whose_puppets_are(true));
    let (accept, stopper) = (scripted(script), Stopper::new());
    let _ = serve(accept, drop, at_once(&theatre), &handler, &gate, &stopper);
    handler
}

mod step_1 {
    use super::*;

    #[test]
    fn a_new_gate_has_all_its_places() {
        assert_eq!(gate(3).free(), 3);
    }

    #[test]
    fn who_enters_takes_a_place() {
        let gate = gate(3);
        let _places = (gate.enter(), gate.enter());
        assert_eq!(gate.free(), 1, "three places, two are taken");
    }

    #[test]
    fn a_clone_is_the_same_gate() {
        let gate = gate(3);
        let _place = gate.clone().enter();
        assert_eq!(gate.free(), 2, "places");
    }

    #[test]
    fn who_leaves_gives_the_place_back() {
        let gate = gate(3);
        drop(gate.enter());
        assert_eq!(gate.free(), 3, "nobody is inside");
    }

    #[test]
    fn a_panic_gives_the_place_back() {
        let gate = gate(3);
        let place = gate.enter();
        let _ = catch_unwind(AssertUnwindSafe(move || {
            let _place = place;
            resume_unwind(Box::new("a panic, as told"));
        }));
        assert_eq!(gate.free(), 3, "the panic has left");
    }

    #[test]
    fn another_thread_can_give_the_place_back() {
        let gate = gate(3);
        let place = gate.enter();
        let other = thread::spawn(move || drop(place));
        other.join().expect("to leave does not panic");
        assert_eq!(gate.free(), 3, "nobody is inside");
    }

    #[test]
    fn a_gate_for_nobody_is_an_error() {
        let error = refused(Gate::new(Limits { most: 0 }), "who would ever get in?");
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    }

    // Only Linux says which threads sleep.
    #[cfg(target_os = "linux")]
    #[test]
    fn who_comes_to_a_full_gate_waits_until_somebody_leaves() {
        let gate = gate(1);
        let place = gate.enter();
        let other = gate.clone();
        let waiter = Waiter::start(move || drop(other.enter()));
        let Ok(waiter) = waiter.blocks() else {
            panic!("two are inside, and there is one place");
        };
        drop(place);
        waiter.answer();
    }

    /// Leaves a gate of one place, for which somebody waits, and enters again.
    /// Says whether that was quicker than who had waited.
    #[cfg(target_os = "linux")]
    #[track_caller]
    fn turns_round_at_the_door() -> bool {
        let gate = gate(1);
        let place = gate.enter();
        let other = gate.clone();
        let waiter = Waiter::start(move || drop(other.enter()));
        let Ok(waiter) = waiter.blocks() else {
            panic!("two are inside, and there is one place");
        };
        // In a thread that has hardly run: the kernel lets it go on, though
        // it wakes another one.
        let turns = move || {
            drop(place);
            gate.enter()
        };
        let quicker = Waiter::start(turns).answer();
        let Ok(waiter) = waiter.blocks() else {
            return false;
        };
        // It was woken, and sleeps again.
        drop(quicker);
        waiter.answer();
        true
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn who_is_woken_looks_again_whether_a_place_is_free() {
        // Once is enough; but a gate may also let in who came first.
        let _ = (0..100).any(|_| turns_round_at_the_door());
    }
}

mod step_2 {
    use super::*;

    #[test]
    fn each_client_is_left_to_a_thread() {
        let gate = gate(8);
        let (_clients, script) = clients(3);
        let (handler, theatre) = (
            Arc::new(Recorder::default()),
            Theatre::whose_puppets_are(true),
        );
        let jobs = RefCell::new(Vec::new());
        let later = |job| {
            jobs.borrow_mut().push(job);
            Ok(theatre.puppet())
        };
        let (accept, stopper) = (scripted(script), Stopper::new());
        let _ = serve(accept, never, later, &handler, &gate, &stopper);
        assert_eq!(jobs.borrow().len(), 3, "three clients, so many jobs");
        assert_eq!(handler.steps(), "", "no thread has begun with its job");
    }

    #[test]
    fn a_thread_takes_its_client_through_all_steps() {
        let handler = served(1, Recorder::default());
        assert_eq!(handler.steps(), "verify, setup, handle, finish");
    }

    #[test]
    fn two_handlers_run_at_once() {
        let gate = gate(8);
        let (_clients, script) = clients(2);
        // Whoever comes first waits until there are two.
        let meeting = Barrier::new(2);
        let handler = Arc::new(move |_: &TcpStream, _: SocketAddr| {
            meeting.wait();
            Ok(())
        });
        let (accept, stopper) = (scripted(script), Stopper::new());
        let result = serve(accept, never, threads, &handler, &gate, &stopper);
        let error = refused(result, "nobody listens, and nobody asked for it");
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    }

    #[test]
    fn each_connection_has_a_place() {
        let gate = gate(8);
        let (_clients, script) = clients(3);
        let (handler, theatre) = (
            Arc::new(Recorder::default()),
            Theatre::whose_puppets_are(true),
        );
        let (jobs, free) = (RefCell::new(Vec::new()), RefCell::new(Vec::new()));
        let later = |job| {
            free.borrow_mut().push(gate.free());
            jobs.borrow_mut().push(job);
            Ok(theatre.puppet())
        };
        let (accept, stopper) = (scripted(script), Stopper::new());
        let _ = serve(accept, never, later, &handler, &gate, &stopper);
        assert_eq!(
            *free.borrow(),
            [7, 6, 5],
            "free places as the threads start"
        );
    }

    #[test]
    fn a_place_is_taken_before_a_client_is_accepted() {
        let gate = gate(8);
        let (_clients, script) = clients(1);
        let (handler, theatre) = (
            Arc::new(Recorder::default()),
            Theatre::whose_puppets_are(true),
        );
        let mut script = scripted(script);
        let mut free = Vec::new();
        let accept = || {
            free.push(gate.free());
            script()
        };
        let stopper = Stopper::new();
        let _ = serve(accept, never, at_once(&theatre), &handler, &gate, &stopper);
        assert_eq!(free, [7, 7], "free places, each time it accepts");
    }

    #[test]
    fn a_connection_keeps_its_place_while_the_handler_runs() {
        let gate = gate(8);
        let (_clients, script) = clients(1);
        let (theatre, free) = (Theatre::whose_puppets_are(true), Arc::new(Mutex::new(0)));
        let (own, seen) = (gate.clone(), free.clone());
        let handler = Arc::new(move |_: &TcpStream, _: SocketAddr| {
            *seen.lock().unwrap() = own.free();
            Ok(())
        });
        let (accept, stopper) = (scripted(script), Stopper::new());
        let _ = serve(accept, never, at_once(&theatre), &handler, &gate, &stopper);
        assert_eq!(*free.lock().unwrap(), 7, "free places as the handler runs");
    }

    #[test]
    fn a_connection_that_has_ended_gives_its_place_back() {
        let gate = gate(8);
        let (_clients, script) = clients(3);
        let (handler, theatre) = (
            Arc::new(Recorder::default()),
            Theatre::whose_puppets_are(true),
        );
        let (accept, stopper) = (scripted(script), Stopper::new());
        let _ = serve(accept, never, at_once(&theatre), &handler, &gate, &stopper);
        assert_eq!(gate.free(), 8, "all three have gone");
    }

    #[test]
    fn a_handler_that_panics_gives_its_place_back() {
        let gate = gate(8);
        let (_clients, script) = clients(3);
        let (handler, theatre) = (
            Arc::new(Recorder::whose("handle", Panics)),
            Theatre::whose_puppets_are(true),
        );
        let shielded = |job: Job| {
            // As a thread would: it ends by the panic, and nobody else does.
            let _ = catch_unwind(AssertUnwindSafe(job));
            Ok(theatre.puppet())
        };
        let (accept, stopper) = (scripted(script), Stopper::new());
        let _ = serve(accept, never, shielded, &handler, &gate, &stopper);
        assert_eq!(gate.free(), 8, "all three have gone");
    }

    #[test]
    fn an_error_of_a_handler_reaches_the_hook_once() {
        let handler = served(1, Recorder::whose("handle", Fails));
        assert_eq!(handler.errors(), ["handle fails, as told"]);
    }

    #[test]
    fn a_panic_of_a_handler_reaches_the_hook_once() {
        let handler = served(1, Recorder::whose("handle", Panics));
        let errors = handler.errors();
        assert_eq!(errors.len(), 1, "one connection, one panic: {errors:?}");
    }

    #[test]
    fn an_error_of_a_handler_does_not_end_the_server() {
        let handler = served(3, Recorder::whose("handle", Fails));
        assert_eq!(handler.peers().len(), 3, "clients that were handled");
    }

    #[test]
    fn a_panic_of_a_handler_does_not_end_the_server() {
        let handler = served(3, Recorder::whose("handle", Panics));
        assert_eq!(handler.peers().len(), 3, "clients that were handled");
    }

    #[test]
    fn no_error_of_accept_costs_a_place_or_the_next_client() {
        let gate = gate(2);
        let (_clients, mut script) = clients(1);
        for _ in 0..3 {
            script.insert(0, no_descriptors());
            script.insert(0, Err(ErrorKind::Interrupted.into()));
            script.insert(0, Err(ErrorKind::ConnectionAborted.into()));
            script.insert(0, Err(ErrorKind::ConnectionReset.into()));
        }
        let (handler, theatre) = (
            Arc::new(Recorder::default()),
            Theatre::whose_puppets_are(true),
        );
        let pauses = Cell::new(0);
        let rest = |_| pauses.set(pauses.get() + 1);
        let (accept, stopper) = (scripted(script), Stopper::new());
        let _ = serve(accept, rest, at_once(&theatre), &handler, &gate, &stopper);
        assert_eq!(handler.peers().len(), 1, "the client behind the errors");
        assert_eq!(handler.blamed(), [None; 3], "three times EMFILE");
        assert_eq!(pauses.get(), 3, "rests, one for each EMFILE");
    }
}

mod step_3 {
    use super::*;

    /// How many puppets are kept when the server asks for a client, each time.
    #[track_caller]
    fn kept_at_each_accept(theatre: &Theatre, count: usize) -> Vec<usize> {
        let gate = gate(8);
        let (_clients, script) = clients(count);
        let (handler, stopper) = (Arc::new(Recorder::default()), Stopper::new());
        let mut script = scripted(script);
        let mut kept = Vec::new();
        let accept = || {
            kept.push(theatre.kept());
            script()
        };
        let _ = serve(accept, never, at_once(theatre), &handler, &gate, &stopper);
        kept
    }

    #[test]
    fn finished_threads_are_let_go_of() {
        let theatre = Theatre::whose_puppets_are(true);
        let kept = kept_at_each_accept(&theatre, 5);
        let most = kept.iter().max();
        assert!(
            most <= Some(&1),
            "each thread has ended before the next client came, and so many were kept: {kept:?}"
        );
    }

    #[test]
    fn finished_threads_are_joined_as_well() {
        let theatre = Theatre::whose_puppets_are(true);
        kept_at_each_accept(&theatre, 5);
        assert_eq!(theatre.joined(), 5, "threads that were waited for");
    }

    #[test]
    fn threads_that_run_are_kept() {
        let theatre = Theatre::whose_puppets_are(false);
        let kept = kept_at_each_accept(&theatre, 3);
        assert_eq!(kept, [0, 1, 2, 3], "none of them has ended");
    }

    #[test]
    fn at_the_end_each_thread_that_runs_is_joined() {
        let theatre = Theatre::whose_puppets_are(false);
        kept_at_each_accept(&theatre, 3);
        assert_eq!(theatre.joined(), 3, "threads that were waited for");
    }

    #[test]
    fn while_clients_come_no_running_thread_is_waited_for() {
        let gate = gate(8);
        let theatre = Theatre::whose_puppets_are(false);
        let (_clients, script) = clients(3);
        let (handler, stopper) = (Arc::new(Recorder::default()), Stopper::new());
        let mut script = scripted(script);
        let mut joined = 0;
        let accept = || {
            joined += theatre.joined();
            script()
        };
        let _ = serve(accept, never, at_once(&theatre), &handler, &gate, &stopper);
        assert_eq!(joined, 0, "waited for, before the next client was accepted");
    }

    #[test]
    fn a_full_house_is_no_reason_to_hold_a_lock() {
        let gate = gate(1);
        let (_clients, script) = clients(2);
        let (handler, stopper) = (Arc::new(Recorder::default()), Stopper::new());
        // The second is accepted when the first has left: this ends, or never.
        let _ = serve(scripted(script), never, threads, &handler, &gate, &stopper);
        assert_eq!(handler.peers().len(), 2, "clients that were handled");
    }
}

mod step_4 {
    use super::*;

    /// What becomes of the first of two clients, for whom there is no thread.
    #[track_caller]
    fn without_a_thread(handler: Recorder) -> (Vec<Peer>, Arc<Recorder>, Gate) {
        let gate = gate(8);
        let (clients, script) = clients(2);
        let (handler, theatre) = (Arc::new(handler), Theatre::whose_puppets_are(true));
        let mut failures = iter::once(no_threads);
        let mut given = at_once(&theatre);
        let spawn = |job| match failures.next() {
            Some(fail) => fail(job),
            None => given(job),
        };
        let (accept, stopper) = (scripted(script), Stopper::new());
        let _ = serve(accept, never, spawn, &handler, &gate, &stopper);
        (clients, handler, gate)
    }

    #[test]
    fn who_gets_no_thread_is_hung_up_on() {
        let (mut clients, _, _) = without_a_thread(Recorder::default());
        let heard = clients[0].hears_to_the_end();
        assert_eq!(peer::text(&heard), "", "nobody was there to talk");
    }

    #[test]
    fn the_hook_hears_who_got_no_thread() {
        let (clients, handler, _) = without_a_thread(Recorder::default());
        let first = clients[0].stream().local_addr().expect("it is connected");
        assert_eq!(handler.blamed(), [Some(first)], "whom the hook heard of");
    }

    #[test]
    fn the_next_client_gets_its_thread() {
        let (clients, handler, _) = without_a_thread(Recorder::default());
        let second = clients[1].stream().local_addr().expect("it is connected");
        assert_eq!(handler.peers(), [second], "who was handled");
    }

    #[test]
    fn who_gets_no_thread_gives_the_place_back() {
        let (_, _, gate) = without_a_thread(Recorder::default());
        assert_eq!(gate.free(), 8, "nobody is inside");
    }

    #[test]
    fn a_hook_that_panics_does_not_end_the_server() {
        let (_, handler, _) = without_a_thread(Recorder::whose("on_error", Panics));
        assert_eq!(handler.peers().len(), 1, "the client behind it");
    }
}

mod step_5 {
    use super::*;
    use fixtures::shout::{answer, call, listener, shout};

    const SOME: Limits = Limits { most: 256 };
    const ONE: Limits = Limits { most: 1 };

    /// A client that has got an answer, and stays.
    #[track_caller]
    fn idle(address: SocketAddr) -> Peer {
        let mut client = call(address);
        client.sends(b"x");
        client.hears(b"X");
        client
    }

    #[test]
    fn after_the_stop_nobody_is_asked_for() {
        let gate = gate(8);
        let (_clients, script) = clients(1);
        let (stopper, theatre) = (Stopper::new(), Theatre::whose_puppets_are(true));
        let button = stopper.clone();
        let handler = Arc::new(move |_: &TcpStream, _: SocketAddr| {
            button.stop();
            Ok(())
        });
        let mut script = scripted(script);
        let mut asked = 0;
        let accept = || {
            asked += 1;
            script()
        };
        let result = serve(accept, never, at_once(&theatre), &handler, &gate, &stopper);
        result.expect("to be stopped is no error");
        assert_eq!(asked, 1, "who asks again may wait for ever");
    }

    // Only Linux says that the server waits.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_stop_while_it_waits_for_a_place_is_heard() {
        let (gate, stopper) = (gate(1), Stopper::new());
        let place = gate.enter();
        let (asked, asks) = channel();
        let mut script = scripted(vec![]);
        let accept = move || {
            let _ = asked.send(());
            script()
        };
        let (theirs, stop) = (gate.clone(), stopper.clone());
        let server = Waiter::start(move || {
            let handler = Arc::new(Recorder::default());
            serve(accept, never, threads, &handler, &theirs, &stop)
        });
        let server = server.blocks().expect("it waits for a place");
        stopper.stop();
        drop(place);
        server.answer().expect("to be stopped is no error");
        assert_eq!(asks.try_iter().count(), 0, "who asks may wait for ever");
    }

    #[test]
    fn who_is_accepted_after_the_stop_is_not_a_client() {
        let gate = gate(8);
        let (_clients, script) = clients(1);
        let (stopper, theatre) = (Stopper::new(), Theatre::whose_puppets_are(true));
        let handler = Arc::new(Recorder::default());
        let mut script = scripted(script);
        let accept = || {
            stopper.stop();
            script()
        };
        let result = serve(accept, never, at_once(&theatre), &handler, &gate, &stopper);
        result.expect("to be stopped is no error");
        assert_eq!(handler.steps(), "", "it only came to wake the server");
    }

    #[test]
    fn a_thread_that_begins_after_the_stop_hangs_up() {
        let gate = gate(8);
        let (_clients, script) = clients(1);
        let (stopper, theatre) = (Stopper::new(), Theatre::whose_puppets_are(true));
        let handler = Arc::new(Recorder::default());
        let mut given = at_once(&theatre);
        let late = |job| {
            stopper.stop();
            given(job)
        };
        let result = serve(scripted(script), never, late, &handler, &gate, &stopper);
        result.expect("to be stopped is no error");
        assert_eq!(handler.steps(), "", "the stop would not know of it");
    }

    #[test]
    fn a_stop_ends_all_connections() {
        let gate = gate(8);
        let (_clients, script) = clients(1);
        let (stopper, theatre) = (Stopper::new(), Theatre::whose_puppets_are(true));
        let (button, ended) = (stopper.clone(), Arc::new(Mutex::new(None)));
        let result = ended.clone();
        let handler = Arc::new(move |mut stream: &TcpStream, _: SocketAddr| {
            let button = button.clone();
            let elsewhere = thread::spawn(move || button.stop());
            elsewhere.join().expect("a stop does not panic");
            *result.lock().unwrap() = Some(stream.write(b"x"));
            Ok(())
        });
        let accept = scripted(script);
        let _ = serve(accept, never, at_once(&theatre), &handler, &gate, &stopper);
        let ended = ended.lock().unwrap().take().expect("it was handled");
        let error = refused(ended, "the server has stopped, its client is still served");
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    }

    #[test]
    fn each_client_gets_its_answer() {
        let server = start(listener(), shout, SOME).expect("a server");
        for words in ["one", "two", "three"] {
            assert_eq!(answer(server.address(), words), words.to_uppercase());
        }
        server.shutdown().expect("nothing went wrong");
    }

    #[test]
    fn a_slow_client_delays_nobody() {
        let server = start(listener(), shout, SOME).expect("a server");
        let mut slow = idle(server.address());
        assert_eq!(answer(server.address(), "quick"), "QUICK");
        slow.sends(b"slow");
        slow.hears(b"SLOW");
        server.shutdown().expect("nothing went wrong");
    }

    #[test]
    fn a_client_that_makes_the_handler_panic_harms_nobody() {
        let server = start(listener(), shout, SOME).expect("a server");
        let mut neighbour = idle(server.address());
        assert_eq!(answer(server.address(), "!"), "", "no answer");
        neighbour.sends(b"still here");
        neighbour.hears(b"STILL HERE");
        server.shutdown().expect("nothing went wrong");
    }

    #[test]
    fn a_client_that_resets_reaches_the_hook_once_and_harms_nobody() {
        /// Shouts, and tells of errors.
        struct Shouts(Sender<ErrorKind>);
        impl Handler for Shouts {
            fn handle(&self, stream: &TcpStream, peer: SocketAddr) -> io::Result<()> {
                shout(stream, peer)
            }
            fn on_error(&self, _: Option<SocketAddr>, error: &io::Error) {
                let _ = self.0.send(error.kind());
            }
        }
        let (tell, told) = channel();
        let server = start(listener(), Shouts(tell), SOME).expect("a server");
        let mut neighbour = idle(server.address());
        idle(server.address()).resets();
        let error = told.recv_timeout(GUARD).expect("the hook is told");
        assert_eq!(error, ErrorKind::ConnectionReset);
        neighbour.sends(b"still here");
        neighbour.hears(b"STILL HERE");
        drop(neighbour);
        server.shutdown().expect("nothing went wrong");
        assert_eq!(told.try_iter().count(), 0, "what else the hook was told");
    }

    #[test]
    fn a_client_that_sends_rubbish_harms_nobody() {
        // It is strict with text, and shouts back what it understood.
        let strict = |mut stream: &TcpStream, peer: SocketAddr| {
            let mut piece = [0; 1024];
            let count = stream.read(&mut piece)?;
            let text = std::str::from_utf8(&piece[..count]).map_err(io::Error::other)?;
            stream.write_all(text.to_uppercase().as_bytes())?;
            shout(stream, peer)
        };
        let server = start(listener(), strict, SOME).expect("a server");
        let mut neighbour = idle(server.address());
        for rubbish in [&b"\xff\xfe"[..], b"\xc3", &[0x80; 1024]] {
            let mut client = call(server.address());
            client.sends(rubbish);
            client.half_closes();
            assert_eq!(peer::text(&client.hears_to_the_end()), "", "no answer");
        }
        neighbour.sends(b"still here");
        neighbour.hears(b"STILL HERE");
        server.shutdown().expect("nothing went wrong");
    }

    #[test]
    fn a_client_that_never_reads_harms_nobody() {
        let server = start(listener(), shout, SOME).expect("a server");
        let mut neighbour = idle(server.address());
        let deaf = idle(server.address());
        deaf.stream().set_nonblocking(true).expect("it can");
        // It is answered until there is no room for answers any more.
        while deaf.stream().write(&[b'x'; 4096]).is_ok() {}
        neighbour.sends(b"still here");
        neighbour.hears(b"STILL HERE");
        assert_eq!(answer(server.address(), "new here"), "NEW HERE");
        server.shutdown().expect("nothing went wrong");
    }

    #[test]
    fn who_is_one_too_many_waits_and_is_served_later() {
        let server = start(listener(), shout, ONE).expect("a server");
        let first = idle(server.address());
        let mut second = call(server.address());
        second.sends(b"my turn");
        first.closes();
        second.hears(b"MY TURN");
        server.shutdown().expect("nothing went wrong");
    }

    #[test]
    fn a_handler_that_panics_makes_room_for_the_next() {
        let server = start(listener(), shout, ONE).expect("a server");
        assert_eq!(answer(server.address(), "!"), "", "no answer");
        assert_eq!(answer(server.address(), "hello"), "HELLO");
        server.shutdown().expect("nothing went wrong");
    }

    #[test]
    fn a_limit_of_nobody_is_an_error() {
        let result = start(listener(), shout, Limits { most: 0 });
        let error = refused(result, "who would ever be served?");
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
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
        let server = start(listener(), passes_on, SOME).expect("a server");
        for words in ["one", "two", "three"] {
            assert_eq!(answer(server.address(), words), words);
        }
        server.shutdown().expect("nothing went wrong");
        behind.stop();
    }

    #[test]
    fn an_idle_server_stops() {
        let server = start(listener(), shout, SOME).expect("a server");
        server.shutdown().expect("nothing went wrong");
    }

    #[test]
    fn a_stop_before_the_start_is_remembered() {
        let stopper = Stopper::new();
        stopper.stop();
        let server = start_with(listener(), shout, SOME, &stopper).expect("a server");
        server.join().expect("to be stopped is no error");
    }

    #[test]
    fn fifty_idle_clients_do_not_delay_the_stop() {
        let server = start(listener(), shout, SOME).expect("a server");
        let address = server.address();
        let mut clients: Vec<_> = iter::repeat_with(|| idle(address)).take(50).collect();
        server.shutdown().expect("nothing went wrong");
        for client in &mut clients {
            assert_eq!(peer::text(&client.hears_to_the_end()), "", "nothing more");
        }
    }

    #[test]
    fn a_full_house_does_not_delay_the_stop() {
        let server = start(listener(), shout, ONE).expect("a server");
        let _inside = idle(server.address());
        let _outside = call(server.address());
        server.shutdown().expect("nothing went wrong");
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
        let server = start(listener(), endless, SOME).expect("a server");
        let _deaf = call(server.address());
        begins.recv_timeout(GUARD).expect("it is handled");
        server.shutdown().expect("nothing went wrong");
    }

    #[test]
    fn a_handler_can_stop_its_server_and_say_goodbye() {
        let stopper = Stopper::new();
        let button = stopper.clone();
        let last = move |mut stream: &TcpStream, _: SocketAddr| {
            button.stop();
            stream.write_all(b"goodbye")
        };
        let server = start_with(listener(), last, SOME, &stopper).expect("a server");
        let mut client = call(server.address());
        server.join().expect("to be stopped is no error");
        client.hears(b"goodbye");
    }

    #[test]
    fn when_the_server_has_stopped_every_handler_has_finished() {
        /// Shouts, and counts those who have finished.
        struct Counts(Arc<Mutex<usize>>);
        impl Handler for Counts {
            fn handle(&self, stream: &TcpStream, peer: SocketAddr) -> io::Result<()> {
                shout(stream, peer)
            }
            fn finish(&self, _: &TcpStream, _: SocketAddr) {
                *self.0.lock().unwrap() += 1;
            }
        }
        let finished = Arc::new(Mutex::new(0));
        let server = start(listener(), Counts(finished.clone()), SOME).expect("a server");
        let address = server.address();
        let _clients: Vec<_> = iter::repeat_with(|| idle(address)).take(5).collect();
        drop(server);
        assert_eq!(*finished.lock().unwrap(), 5, "handlers that have finished");
    }

    // Where descriptors are really short: in a process that may have 64.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_server_without_descriptors_rests_and_recovers() {
        // A server that does not start at all is told so here, not by a child.
        drop(start(listener(), shout, SOME).expect("a server"));
        let test = "step_5::a_server_without_descriptors_rests_and_recovers";
        let report = without_descriptors(test, |listener, handler| start(listener, handler, SOME));
        assert_eq!(report, "Too many open files (os error 24)");
    }

    // Only Linux has a table of descriptors to look at, and 127.0.0.0/8.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_hundred_starts_and_stops_leave_nothing_behind() {
        let name = "step_5::a_hundred_starts_and_stops_leave_nothing_behind";
        alone(name, || {
            let handled = Arc::new(AtomicUsize::new(0));
            leaves_nothing(100, |listener| {
                let counter = handled.clone();
                let handler = move |_: &TcpStream, _: SocketAddr| {
                    counter.fetch_add(1, Ordering::SeqCst);
                    Ok(())
                };
                let server = start(listener, handler, SOME).expect("a server");
                call(server.address()).hears_to_the_end();
                server.shutdown().expect("nothing went wrong");
            });
            let handled_all = handled.load(Ordering::SeqCst);
            assert_eq!(handled_all, 100, "clients that were handled");
            // A thread that still ran would still have its handler.
            assert_eq!(Arc::strong_count(&handled), 1, "handlers in use");
        });
    }

    /// Speaks first with one client that is idle, then with another.
    #[track_caller]
    fn delays_nobody(address: SocketAddr) {
        let mut slow = idle(address);
        assert_eq!(answer(address, "quick"), "QUICK");
        slow.sends(b"slow");
        slow.hears(b"SLOW");
    }

    const PYTHON_CLIENT: &str = r#"
import socket, sys

address = ("127.0.0.1", int(sys.argv[1]))
with socket.create_connection(address) as slow, socket.create_connection(address) as quick:
    quick.sendall(b"quick")
    print(quick.recv(1024))
    slow.sendall(b"slow")
    print(slow.recv(1024))
"#;

    #[test]
    fn two_clients_in_python_are_served_at_once() {
        let server = start(listener(), shout, SOME).expect("a server");
        delays_nobody(server.address());
        let port = server.address().port().to_string();
        if let Some(python) = Python::start(PYTHON_CLIENT, &[&port]) {
            let heard = "b'QUICK'\nb'SLOW'\n";
            assert_eq!(python.rest(), heard, "what Python's clients heard");
        }
        server.shutdown().expect("nothing went wrong");
    }

    const PYTHON_SERVER: &str = r#"
import socketserver

class Shout(socketserver.BaseRequestHandler):
    def handle(self):
        while words := self.request.recv(1024):
            self.request.sendall(words.upper())

with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Shout) as server:
    print(server.server_address[1], flush=True)
    server.serve_forever()
"#;

    #[test]
    fn pythons_threading_server_delays_nobody_either() {
        let ours = start(listener(), shout, SOME).expect("a server");
        delays_nobody(ours.address());
        ours.shutdown().expect("nothing went wrong");
        if let Some(mut python) = Python::start(PYTHON_SERVER, &[]) {
            let port = python.says().parse().expect("Python tells its port");
            delays_nobody(SocketAddr::from(([127, 0, 0, 1], port)));
        }
    }
}

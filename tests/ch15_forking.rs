//! Chapter 15: a process for each connection.
#![cfg(unix)]

#[macro_use]
mod fixtures;
subject!(server::forking = "../my/server/forking.rs",
    tests = "../my/tests/forking.rs" or "../lessons/15-forking/answer_tests.rs");

use chatroom::server::{Handler, ServerHandle, Stopper};
use fixtures::Act::{Fails, Panics};
use fixtures::shout::bang;
use fixtures::*;
use forking::{Group, Limits, serve, spawn, start, start_with, work};
use std::cell::Cell;
use std::env;
use std::io::{self, ErrorKind, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio, exit};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Barrier, Mutex};
use std::time::Duration;

/// A worker that does what the script says. Its complaints are not ours.
fn sh(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script]).stderr(Stdio::null());
    command
}

/// Says that it is there, and a goodbye when it is asked to end.
const POLITE: &str = "trap 'echo goodbye; exit' TERM; echo ready; sleep 60 <&- >&- 2>&- & wait";

/// Says that it is there, and does not listen to whoever asks it to end.
const STUBBORN: &str = "trap '' TERM; echo ready; while :; do sleep 60; done";

/// Says which group this is: the number of its first, the guardian
/// (`proc_pid_stat(5)`).
const GROUP: &str = "read -r pid name state parent group rest < /proc/$$/stat; echo $group";

/// Sends KILL or STOP to the process of that number. When this returns, it does
/// nothing more.
#[track_caller]
fn send(signal: &str, pid: &str) {
    let mut command = Command::new("sh");
    command.args(["-c", "kill -s \"$0\" -- \"$1\"", signal, pid]);
    let status = command.status().expect("every Unix has a shell");
    assert!(status.success(), "kill -s {signal} {pid}: {status}");
}

/// A child that no test leaves behind.
struct Worker(Child);

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The worker that `command` starts for a connection, and its client.
#[track_caller]
fn hired(command: Command) -> (Worker, Peer) {
    let (socket, client) = connected();
    let child = spawn(command, socket.into()).expect("every Unix has a shell");
    (Worker(child), client)
}

/// All that the client hears, to the end.
#[track_caller]
fn heard(mut client: Peer) -> String {
    String::from_utf8(client.hears_to_the_end()).expect("a worker says text")
}

/// The next line that the client hears.
#[track_caller]
fn line_for(client: &mut Peer) -> String {
    let line = String::from_utf8(client.hears_a_line()).expect("a worker says text");
    line.trim().to_owned()
}

mod step_1 {
    use super::*;

    #[test]
    fn what_a_worker_says_is_what_its_client_hears() {
        let (_worker, client) = hired(sh("echo hello"));
        assert_eq!(heard(client), "hello\n");
    }

    #[test]
    fn what_the_client_says_is_what_the_worker_reads() {
        let (_worker, mut client) = hired(sh("read -r name; echo hello, $name"));
        client.sends(b"alice\n");
        assert_eq!(heard(client), "hello, alice\n");
    }

    #[test]
    fn a_worker_hears_that_its_client_says_no_more() {
        let (_worker, mut client) = hired(Command::new("cat"));
        client.sends(b"hello");
        client.half_closes();
        assert_eq!(heard(client), "hello");
    }

    #[test]
    fn a_workers_complaints_are_not_for_the_client() {
        let (_worker, client) = hired(sh("echo secret >&2; echo hello"));
        assert_eq!(heard(client), "hello\n");
    }

    #[test]
    fn the_client_hears_the_end_when_the_worker_lets_go() {
        let (_worker, client) = hired(sh("echo bye; exec sleep 60 <&- >&-"));
        assert_eq!(heard(client), "bye\n", "the worker has closed its copies");
    }

    #[test]
    fn a_command_that_is_not_there_is_an_error() {
        let (socket, _client) = connected();
        let result = spawn(Command::new("/no/such/worker"), socket.into());
        let error = refused(result, "there is no such command");
        assert_eq!(error.kind(), ErrorKind::NotFound);
    }

    #[test]
    fn the_client_of_a_command_that_is_not_there_hears_the_end() {
        let (socket, client) = connected();
        let _ = spawn(Command::new("/no/such/worker"), socket.into());
        assert_eq!(heard(client), "");
    }

    // Only Linux has a table of descriptors to look at.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_worker_has_no_connection_but_its_own() {
        let (other, _client_of_it) = connected();
        let (_worker, client) = hired(sh("ls -l /proc/self/fd"));
        let list = heard(client);
        assert!(list.contains("socket:["), "its own is not there:\n{list}");
        let other = descriptor::inode(&other);
        assert!(!list.contains(&other), "somebody else's, {other}:\n{list}");
    }
}

mod step_2 {
    use super::*;

    #[test]
    fn who_joins_a_group_is_killed_with_it() {
        let group = Group::start().expect("a group");
        let (mut worker, mut client) = hired(group.joined_by(sh(STUBBORN)));
        client.hears(b"ready\n");
        drop(group);
        let status = worker.0.wait().expect("it is our child");
        assert_eq!(status.signal(), Some(9), "SIGKILL: {status}");
    }

    #[test]
    fn who_does_not_join_is_left_alone() {
        let group = Group::start().expect("a group");
        let (_worker, mut client) = hired(Command::new("cat"));
        drop(group);
        client.sends(b"still here");
        client.hears(b"still here");
    }

    #[test]
    fn who_is_asked_to_end_can_say_goodbye() {
        let mut group = Group::start().expect("a group");
        let (_worker, mut client) = hired(group.joined_by(sh(POLITE)));
        client.hears(b"ready\n");
        group.terminate().expect("the guardian is there");
        assert_eq!(heard(client), "goodbye\n");
    }

    #[test]
    fn who_was_asked_in_vain_is_killed() {
        let mut group = Group::start().expect("a group");
        let (mut worker, mut client) = hired(group.joined_by(sh(STUBBORN)));
        client.hears(b"ready\n");
        group.terminate().expect("the guardian is there");
        drop(group);
        let status = worker.0.wait().expect("it is our child");
        assert_eq!(status.signal(), Some(9), "SIGKILL: {status}");
    }

    #[test]
    fn what_a_worker_has_started_ends_as_well() {
        let group = Group::start().expect("a group");
        let (_worker, mut client) = hired(group.joined_by(sh("sleep 60 & echo ready; wait")));
        client.hears(b"ready\n");
        drop(group);
        // The sleeper has a copy of the connection, too.
        assert_eq!(heard(client), "");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_guardian_is_reaped() {
        let group = Group::start().expect("a group");
        let (_worker, client) = hired(group.joined_by(sh(GROUP)));
        let guardian = heard(client);
        assert!(is_our_child(guardian.trim()), "a group is led by its first");
        drop(group);
        assert!(
            !is_our_child(guardian.trim()),
            "nobody has waited for the guardian: it is a zombie"
        );
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_group_ends_though_somebody_has_stopped_its_guardian() {
        let group = Group::start().expect("a group");
        let script = format!("{GROUP}; {STUBBORN}");
        let (mut worker, mut client) = hired(group.joined_by(sh(&script)));
        send("STOP", &line_for(&mut client));
        Waiter::start(move || drop(group)).answer();
        let status = Waiter::start(move || worker.0.wait()).answer();
        let status = status.expect("it is our child");
        assert_eq!(status.signal(), Some(9), "SIGKILL: {status}");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_group_ends_though_somebody_has_killed_its_guardian() {
        let group = Group::start().expect("a group");
        let script = format!("{GROUP}; {STUBBORN}");
        let (mut worker, mut client) = hired(group.joined_by(sh(&script)));
        send("KILL", &line_for(&mut client));
        drop(group);
        let status = Waiter::start(move || worker.0.wait()).answer();
        let status = status.expect("it is our child");
        assert_eq!(status.signal(), Some(9), "SIGKILL: {status}");
    }
}

/// At most so many workers, and all the time in the world for a goodbye.
fn at_most(most: usize) -> Limits {
    Limits { most, grace: GUARD }
}

/// Next to no time for a goodbye.
const IMPATIENT: Limits = Limits {
    most: 9,
    grace: Duration::from_millis(10),
};

/// Serves whom `accept` gives, until it gives nobody any more.
#[track_caller]
fn served_by(
    handler: &Recorder,
    accept: impl FnMut() -> Accepted,
    command: impl Fn() -> Command,
    limits: Limits,
) -> io::Result<()> {
    let (group, stopper) = (Group::start().expect("a group"), Stopper::new());
    serve(accept, never, handler, command, group, limits, &stopper)
}

/// As [`served_by`] a handler that has no objections.
#[track_caller]
fn served(
    accept: impl FnMut() -> Accepted,
    command: impl Fn() -> Command,
    limits: Limits,
) -> io::Result<()> {
    served_by(&Recorder::default(), accept, command, limits)
}

fn cat() -> Command {
    Command::new("cat")
}

fn hello() -> Command {
    sh("echo hello")
}

mod step_3 {
    use super::*;

    #[test]
    fn each_client_has_a_worker_of_its_own() {
        let ((mut one, first), (mut two, second)) = (calling(), calling());
        let accept = scripted_then(vec![first, second], || {
            // Both at once, and the second is first.
            two.sends(b"two");
            two.hears(b"two");
            one.sends(b"one");
            one.hears(b"one");
        });
        let _ = served(accept, cat, at_most(9));
    }

    #[test]
    fn the_next_client_gets_the_place_of_a_worker_that_has_ended() {
        let ((one, first), (two, second)) = (calling(), calling());
        let accept = scripted_then(vec![first, second], || {
            assert_eq!([heard(one), heard(two)], ["hello\n", "hello\n"]);
        });
        let _ = served(accept, hello, at_most(1));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_worker_that_has_ended_is_reaped() {
        /// Tells of errors.
        struct Tells(Sender<()>);
        impl Handler for Tells {
            fn handle(&self, _: &TcpStream, _: SocketAddr) -> io::Result<()> {
                unreachable!("that is the worker's")
            }
            fn on_error(&self, _: Option<SocketAddr>, _: &io::Error) {
                let _ = self.0.send(());
            }
        }
        let (group, (tell, told)) = (Group::start().expect("a group"), channel());
        let (client, connection) = calling();
        let accept = scripted_then(vec![connection], || {
            let pid = heard(client);
            told.recv_timeout(GUARD).expect("the hook is told");
            assert!(
                !is_our_child(pid.trim()),
                "it has ended, and is still there"
            );
        });
        let (handler, fails, stopper) = (Tells(tell), || sh("echo $$; exit 3"), Stopper::new());
        let _ = serve(accept, never, &handler, fails, group, at_most(9), &stopper);
    }

    // Only Linux says that the server waits.
    #[cfg(target_os = "linux")]
    #[test]
    fn with_all_places_taken_nobody_is_accepted() {
        let group = Group::start().expect("a group");
        let (mut client, connection) = calling();
        let ((asked, asks), (end, ends)) = (channel(), channel::<()>());
        let mut script = scripted_then(vec![connection], move || {
            let _ = ends.recv();
        });
        let accept = move || {
            let _ = asked.send(());
            script()
        };
        let server = Waiter::start(move || {
            let (handler, stopper) = (Recorder::default(), Stopper::new());
            serve(accept, never, &handler, cat, group, at_most(1), &stopper)
        });
        client.sends(b"x");
        client.hears(b"x");
        let server = server.blocks().expect("it waits for a place");
        assert_eq!(
            asks.try_iter().count(),
            1,
            "there is one place, and it is taken"
        );
        drop((client, end));
        let _ = server.answer();
        assert_eq!(asks.try_iter().count(), 1, "the place is free again");
    }

    #[test]
    fn a_slow_hook_keeps_no_place() {
        /// Its hook is as slow as the next client's.
        struct Meets(Barrier);
        impl Handler for Meets {
            fn handle(&self, _: &TcpStream, _: SocketAddr) -> io::Result<()> {
                unreachable!("that is the worker's")
            }
            fn on_error(&self, _: Option<SocketAddr>, _: &io::Error) {
                self.0.wait();
            }
        }
        let ((_one, first), (_two, second)) = (calling(), calling());
        let (group, stopper) = (Group::start().expect("a group"), Stopper::new());
        let (handler, fails) = (Meets(Barrier::new(2)), || sh("exit 3"));
        let accept = scripted(vec![first, second]);
        let _ = serve(accept, never, &handler, fails, group, at_most(1), &stopper);
    }

    #[test]
    fn the_hook_hears_of_a_worker_that_ended_badly() {
        let (client, connection) = calling();
        let peer = connection.as_ref().map(|(_, peer)| *peer).ok();
        let accept = scripted_then(vec![connection], || assert_eq!(heard(client), ""));
        let (handler, fails) = (Recorder::default(), || sh("exit 3"));
        let _ = served_by(&handler, accept, fails, at_most(9));
        assert_eq!(handler.errors(), ["the worker ended with exit status: 3"]);
        assert_eq!(handler.blamed(), [peer], "whom the hook heard of");
    }

    #[test]
    fn what_went_well_does_not_reach_the_hook() {
        let (client, connection) = calling();
        let accept = scripted_then(vec![connection], || assert_eq!(heard(client), "hello\n"));
        let handler = Recorder::default();
        let _ = served_by(&handler, accept, hello, at_most(9));
        assert_eq!(handler.errors(), [""; 0], "nothing failed");
    }

    #[test]
    fn a_refused_client_gets_no_worker_and_hears_the_end() {
        let (client, connection) = calling();
        let accept = scripted_then(vec![connection], || assert_eq!(heard(client), ""));
        let handler = Recorder::whose("verify", Fails);
        let _ = served_by(&handler, accept, hello, at_most(9));
        assert_eq!(
            handler.steps(),
            "verify",
            "the other steps are the worker's"
        );
        assert_eq!(handler.errors(), [""; 0], "to refuse is no error");
    }

    #[test]
    fn a_verify_that_panics_lets_nobody_in() {
        let (client, connection) = calling();
        let accept = scripted_then(vec![connection], || assert_eq!(heard(client), ""));
        let handler = Recorder::whose("verify", Panics);
        let _ = served_by(&handler, accept, hello, at_most(9));
        assert_eq!(handler.errors().len(), 1, "one connection, one panic");
    }

    /// Serves two clients: this is the command for the first one.
    #[track_caller]
    fn only_the_second_is_answered(first_command: fn() -> Command) {
        let ((one, first), (two, second)) = (calling(), calling());
        let accept = scripted_then(vec![first, second], || {
            assert_eq!([heard(one), heard(two)], ["", "hello\n"]);
        });
        let first = Cell::new(true);
        let command = || match first.replace(false) {
            true => first_command(),
            false => hello(),
        };
        let handler = Recorder::default();
        let _ = served_by(&handler, accept, command, at_most(1));
        assert_eq!(handler.errors().len(), 1, "one of two had no worker");
    }

    #[test]
    fn a_command_that_cannot_be_started_is_an_error_for_that_client_alone() {
        only_the_second_is_answered(|| Command::new("/no/such/worker"));
    }

    #[test]
    fn a_command_that_panics_is_an_error_for_that_client_alone() {
        only_the_second_is_answered(|| bang());
    }

    #[test]
    fn a_hook_that_panics_does_not_end_the_server() {
        let ((one, first), (two, second)) = (calling(), calling());
        let accept = scripted_then(vec![first, second], || {
            assert_eq!([heard(one), heard(two)], ["", "hello\n"]);
        });
        let first = Cell::new(true);
        let command = || match first.replace(false) {
            true => Command::new("/no/such/worker"),
            false => sh("echo hello; exit 3"),
        };
        let handler = Recorder::whose("on_error", Panics);
        let _ = served_by(&handler, accept, command, at_most(9));
        assert_eq!(handler.errors().len(), 2, "no worker, and one that failed");
    }

    #[test]
    fn an_accept_that_is_interrupted_or_aborted_is_tried_again() {
        let (client, connection) = calling();
        let accept = scripted_then(
            vec![
                Err(ErrorKind::Interrupted.into()),
                Err(ErrorKind::ConnectionAborted.into()),
                Err(ErrorKind::ConnectionReset.into()),
                connection,
            ],
            || assert_eq!(heard(client), "hello\n", "the client behind them"),
        );
        let _ = served(accept, hello, at_most(1));
    }

    #[test]
    fn without_descriptors_the_server_tells_and_rests_before_it_asks_again() {
        let (group, stopper) = (Group::start().expect("a group"), Stopper::new());
        let accept = scripted(vec![no_descriptors(), no_descriptors()]);
        let (handler, pauses) = (Recorder::default(), Cell::new(0));
        let rest = |_| pauses.set(pauses.get() + 1);
        let _ = serve(accept, rest, &handler, cat, group, at_most(1), &stopper);
        assert_eq!(pauses.get(), 2, "pauses after two times EMFILE");
        assert_eq!(handler.blamed(), [None, None], "it is nobody's fault");
    }

    #[test]
    fn a_listener_that_is_gone_ends_the_server_with_its_error() {
        let result = served(scripted(vec![]), cat, at_most(1));
        let error = refused(result, "nobody listens, and nobody asked for it");
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    }
}

mod step_4 {
    use super::*;

    #[test]
    fn a_worker_is_asked_to_end_and_may_say_goodbye() {
        let (mut client, connection) = calling();
        let accept = scripted_then(vec![connection], || client.hears(b"ready\n"));
        let _ = served(accept, || sh(POLITE), at_most(9));
        assert_eq!(heard(client), "goodbye\n");
    }

    #[test]
    fn a_goodbye_may_take_longer_than_any_clock_can_show() {
        let (mut client, connection) = calling();
        let accept = scripted_then(vec![connection], || client.hears(b"ready\n"));
        let patient = Limits {
            most: 9,
            grace: Duration::MAX,
        };
        let _ = served(accept, || sh(POLITE), patient);
        assert_eq!(heard(client), "goodbye\n");
    }

    #[test]
    fn a_worker_that_does_not_listen_is_killed() {
        let (mut client, connection) = calling();
        let accept = scripted_then(vec![connection], || client.hears(b"ready\n"));
        let handler = Recorder::default();
        let _ = served_by(&handler, accept, || sh(STUBBORN), IMPATIENT);
        let killed = "the worker ended with signal: 9 (SIGKILL)";
        assert_eq!(handler.errors(), [killed]);
    }

    // Only Linux tells a worker who its guardian is.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_stop_ends_though_somebody_has_killed_the_guardian() {
        let (group, (mut client, connection)) = (Group::start().expect("a group"), calling());
        let accept = scripted_then(vec![connection], move || {
            send("KILL", &line_for(&mut client));
        });
        let idle = || sh(&format!("{GROUP}; {STUBBORN}"));
        let server = Waiter::start(move || {
            let (handler, stopper) = (Recorder::default(), Stopper::new());
            let _ = serve(accept, never, &handler, idle, group, IMPATIENT, &stopper);
            handler.errors()
        });
        let killed = "the worker ended with signal: 9 (SIGKILL)";
        assert_eq!(server.answer(), [killed]);
    }

    #[test]
    fn a_server_that_was_stopped_before_its_start_asks_for_nobody() {
        let (group, stopper) = (Group::start().expect("a group"), Stopper::new());
        stopper.stop();
        let (handler, accept) = (Recorder::default(), || panic!("nobody is wanted any more"));
        let result = serve(accept, never, &handler, cat, group, at_most(1), &stopper);
        result.expect("to be stopped is no error");
    }

    #[test]
    fn who_is_accepted_after_the_stop_is_not_a_client() {
        let (group, stopper) = (Group::start().expect("a group"), Stopper::new());
        let (_client, connection) = calling();
        let mut script = scripted(vec![connection]);
        let accept = || {
            stopper.stop();
            script()
        };
        let handler = Recorder::default();
        let result = serve(accept, never, &handler, cat, group, at_most(1), &stopper);
        result.expect("to be stopped is no error");
        assert_eq!(handler.steps(), "", "it only came to wake the server");
    }

    #[test]
    fn an_accept_that_the_stop_has_ended_is_no_error() {
        let (group, stopper) = (Group::start().expect("a group"), Stopper::new());
        let accept = scripted_then(vec![], || stopper.stop());
        let handler = Recorder::default();
        let result = serve(accept, never, &handler, cat, group, at_most(1), &stopper);
        result.expect("nobody listens, because somebody asked for it");
    }

    // Only Linux says that the server waits.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_server_that_waits_for_a_place_hears_the_stop() {
        let (group, stopper) = (Group::start().expect("a group"), Stopper::new());
        let (mut client, connection) = calling();
        let (accept, stop) = (scripted(vec![connection]), stopper.clone());
        let server = Waiter::start(move || {
            let handler = Recorder::default();
            serve(accept, never, &handler, cat, group, at_most(1), &stop)
        });
        client.sends(b"x");
        client.hears(b"x");
        let server = server.blocks().expect("it waits for a place");
        stopper.stop();
        server.answer().expect("to be stopped is no error");
    }
}

mod step_5 {
    use super::*;
    use fixtures::shout::{answer, call, listener, shout};

    /// A client whose worker is there for certain: it has answered.
    #[track_caller]
    fn idle(address: SocketAddr) -> Peer {
        let mut client = call(address);
        client.sends(b"x");
        client.hears(b"x");
        client
    }

    /// So many workers, who may take as long as usual for a goodbye.
    fn some(most: usize) -> Limits {
        Limits {
            most,
            ..Limits::default()
        }
    }

    /// A server whose workers do as `command` says. The handler's own steps
    /// would be those of a worker.
    fn starts(command: impl Fn() -> Command + Send + 'static, most: usize) -> ServerHandle {
        start(listener(), shout, command, some(most)).expect("a server")
    }

    #[test]
    fn each_client_gets_its_answer() {
        let server = starts(cat, 9);
        for words in ["one", "two", "three"] {
            let mut client = call(server.address());
            client.sends(words.as_bytes());
            client.half_closes();
            assert_eq!(heard(client), words);
        }
        server.shutdown().expect("nothing went wrong");
    }

    #[test]
    fn a_crash_takes_one_connection() {
        let crash = || sh("read -r words; kill -s KILL $$");
        let server = starts(crash, 9);
        let (mut one, mut two) = (call(server.address()), call(server.address()));
        for client in [&mut two, &mut one] {
            client.sends(b"crash, please\n");
            assert_eq!(peer::text(&client.hears_to_the_end()), "");
        }
        server.shutdown().expect("a crash is not the server's");
    }

    #[test]
    fn who_is_one_too_many_is_served_when_another_one_goes() {
        let server = starts(cat, 1);
        let first = idle(server.address());
        let mut second = call(server.address());
        second.sends(b"me too");
        drop(first);
        second.hears(b"me too");
        drop(second);
        server.shutdown().expect("nothing went wrong");
    }

    #[test]
    fn an_idle_client_does_not_delay_the_stop() {
        let server = starts(cat, 9);
        let silent = idle(server.address());
        server.shutdown().expect("nothing went wrong");
        assert_eq!(heard(silent), "", "its worker was ended");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn no_worker_is_left_after_the_stop() {
        let stubborn = || sh("trap '' TERM; echo $$; while :; do sleep 60; done");
        let server = start(listener(), shout, stubborn, IMPATIENT).expect("a server");
        let mut clients = [call(server.address()), call(server.address())];
        let mut pids: Vec<_> = clients.iter_mut().map(line_for).collect();
        server.shutdown().expect("nothing went wrong");
        pids.retain(|pid| is_our_child(pid));
        assert_eq!(pids, [""; 0], "workers that are left");
    }

    #[test]
    fn a_limit_of_nobody_is_refused() {
        let result = start(listener(), shout, cat, some(0));
        let error = refused(result, "it could serve nobody");
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    }

    #[test]
    fn a_stop_before_the_start_is_remembered() {
        let stopper = Stopper::new();
        stopper.stop();
        let server = start_with(listener(), shout, cat, some(9), &stopper);
        let server = server.expect("a server");
        server.join().expect("to be stopped is no error");
    }

    #[test]
    fn a_goodbye_has_the_time_that_was_given() {
        // It goes on only when its client does, who waits for its word.
        let slow = "trap 'echo going; read -r word; echo goodbye; exit' TERM; echo ready";
        let slow = move || sh(&format!("{slow}; sleep 60 <&- >&- 2>&- & wait"));
        let server = start(listener(), shout, slow, at_most(9)).expect("a server");
        let mut client = call(server.address());
        client.hears(b"ready\n");
        let server = Waiter::start(move || server.shutdown());
        client.hears(b"going\n");
        client.sends(b"well\n");
        assert_eq!(heard(client), "goodbye\n");
        server.answer().expect("nothing went wrong");
    }

    #[test]
    fn there_is_some_time_for_a_goodbye_unless_told_otherwise() {
        let server = start(listener(), shout, cat, Limits::default()).expect("a server");
        drop(idle(server.address()));
        server.shutdown().expect("nothing went wrong");
        assert_ne!(Limits::default().grace, Duration::ZERO);
    }

    #[test]
    fn a_client_that_resets_reaches_the_hook_once_and_harms_nobody() {
        let (handler, told) = telling();
        let quiet = || sh("exec cat");
        let server = start(listener(), handler, quiet, some(9)).expect("a server");
        let mut neighbour = idle(server.address());
        idle(server.address()).resets();
        let error = told.recv_timeout(GUARD).expect("the hook is told");
        assert!(error.contains("the worker ended with"), "{error}");
        neighbour.sends(b"still here");
        neighbour.hears(b"still here");
        assert_eq!(told.try_iter().count(), 0, "what else the hook was told");
        server.shutdown().expect("nothing went wrong");
    }

    #[test]
    fn a_client_that_sends_rubbish_harms_nobody() {
        // It crashes on whatever is not a number.
        let strict =
            || sh("while read -r n; do [ \"$n\" -ge 0 ] || kill -s KILL $$; echo $n; done");
        let server = starts(strict, 9);
        let mut neighbour = call(server.address());
        neighbour.sends(b"1\n");
        neighbour.hears(b"1\n");
        for rubbish in [&b"\xff\xfe\n"[..], b"\0.\0\n", b"; exit 0\n"] {
            let mut client = call(server.address());
            client.sends(rubbish);
            assert_eq!(heard(client), "", "no answer");
        }
        neighbour.sends(b"2\n");
        neighbour.hears(b"2\n");
        server.shutdown().expect("nothing went wrong");
    }

    #[test]
    fn a_client_that_never_reads_harms_nobody() {
        let server = starts(cat, 9);
        let mut neighbour = idle(server.address());
        let deaf = idle(server.address());
        deaf.stream().set_nonblocking(true).expect("it can");
        // It is answered until there is no room for answers any more.
        while deaf.stream().write(&[b'x'; 4096]).is_ok() {}
        neighbour.sends(b"still here");
        neighbour.hears(b"still here");
        assert_eq!(answer(server.address(), "new here"), "new here");
        server.shutdown().expect("nothing went wrong");
    }

    /// Tells what its hook was told.
    struct Tells(Sender<String>);

    impl Handler for Tells {
        fn handle(&self, stream: &TcpStream, peer: SocketAddr) -> io::Result<()> {
            shout(stream, peer)
        }
        fn on_error(&self, _: Option<SocketAddr>, error: &io::Error) {
            let _ = self.0.send(error.to_string());
        }
    }

    fn telling() -> (Tells, Receiver<String>) {
        let (tell, told) = channel();
        (Tells(tell), told)
    }

    #[test]
    fn a_hook_that_waits_for_its_own_server_gets_an_error() {
        /// Stops its own server, and waits for its end.
        struct Confused(Arc<Mutex<Option<ServerHandle>>>, Sender<io::Result<()>>);
        impl Handler for Confused {
            fn handle(&self, stream: &TcpStream, peer: SocketAddr) -> io::Result<()> {
                shout(stream, peer)
            }
            fn on_error(&self, _: Option<SocketAddr>, _: &io::Error) {
                let server = self.0.lock().unwrap().take();
                let result = server.map_or(Ok(()), ServerHandle::shutdown);
                let _ = self.1.send(result);
            }
        }
        let (own, (heard, hears)) = (Arc::default(), channel());
        let handler = Confused(Arc::clone(&own), heard);
        let (alive, over) = channel::<()>();
        let fails = move || {
            let _ = &alive;
            sh("read -r words; exit 3")
        };
        let server = start(listener(), handler, fails, some(9)).expect("a server");
        let mut client = call(server.address());
        *own.lock().unwrap() = Some(server);
        client.sends(b"now\n");
        let result = hears.recv_timeout(GUARD).expect("it came back");
        let error = refused(result, "who waits for itself waits for ever");
        assert_eq!(error.kind(), ErrorKind::Deadlock);
        let over = over.recv_timeout(GUARD);
        assert_eq!(over, Err(RecvTimeoutError::Disconnected), "and it stops");
    }

    const AT_WORK: &str = "TEST_AT_WORK";

    /// This program again, with nothing but the test of that name, which does
    /// the worker's work then. What the harness prints is not for the client.
    fn worker(test: &str) -> Command {
        let mut command = sh("exec \"$0\" --exact \"$1\" --nocapture >&2");
        command.arg(env::current_exe().expect("this program has a path"));
        command.arg(test).env(AT_WORK, "1");
        command
    }

    #[test]
    fn a_worker_of_our_own_has_the_same_handler() {
        let name = "step_5::a_worker_of_our_own_has_the_same_handler";
        if env::var_os(AT_WORK).is_some() {
            work(&shout).expect("its standard input is a connection");
            exit(0);
        }
        let server = starts(move || worker(name), 9);
        assert_eq!(answer(server.address(), "hello"), "HELLO");
        server.shutdown().expect("nothing went wrong");
    }

    #[test]
    fn a_worker_of_our_own_takes_the_connection_through_all_steps() {
        let name = "step_5::a_worker_of_our_own_takes_the_connection_through_all_steps";
        if env::var_os(AT_WORK).is_some() {
            /// Shouts, and says when it has finished.
            struct Polite;
            impl Handler for Polite {
                fn handle(&self, stream: &TcpStream, peer: SocketAddr) -> io::Result<()> {
                    shout(stream, peer)
                }
                fn finish(&self, mut stream: &TcpStream, _: SocketAddr) {
                    let _ = stream.write_all(b" goodbye");
                }
            }
            work(&Polite).expect("its standard input is a connection");
            exit(0);
        }
        let server = starts(move || worker(name), 9);
        assert_eq!(answer(server.address(), "hello"), "HELLO goodbye");
        assert_eq!(answer(server.address(), "!"), " goodbye", "after a panic");
        server.shutdown().expect("nothing went wrong");
    }

    #[test]
    fn a_server_can_be_started_again_at_its_address() {
        // Alone: what another test starts just now has, for a moment, copies
        // of all our descriptors, and a copy keeps the port.
        let name = "step_5::a_server_can_be_started_again_at_its_address";
        alone(name, || {
            let first = TcpListener::bind(own_loopback()).expect("any port will do");
            let server = start(first, shout, cat, some(9)).expect("a server");
            let address = server.address();
            drop(idle(address));
            server.shutdown().expect("nothing went wrong");
            let second = TcpListener::bind(address).expect("the first one has let go of it");
            let server = start(second, shout, cat, some(9)).expect("a server");
            drop(idle(address));
            server.shutdown().expect("nothing went wrong");
        });
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_group_that_does_not_start_is_told_at_once() {
        use descriptor::{take_all, with_descriptors};

        // A server that does not start at all is told so here, not by a child.
        drop(starts(cat, 9));
        let test = "step_5::a_group_that_does_not_start_is_told_at_once";
        let report = with_descriptors(64, test, || {
            let (listener, _hoard) = (listener(), take_all());
            match start(listener, shout, cat, some(9)) {
                Ok(_) => "a server, which has no group".to_owned(),
                Err(error) => error.to_string(),
            }
        });
        assert_eq!(report, "Too many open files (os error 24)");
    }

    // Where descriptors are really short: in a process that may have 64.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_server_without_descriptors_tells_rests_and_recovers() {
        use descriptor::{take_all, with_descriptors};
        use std::time::Instant;

        /// What is left is taken, and it tells of errors that are nobody's.
        struct Robbed(
            Arc<Mutex<Option<Vec<socket2::Socket>>>>,
            Sender<(Instant, String)>,
        );
        impl Handler for Robbed {
            fn handle(&self, stream: &TcpStream, peer: SocketAddr) -> io::Result<()> {
                shout(stream, peer)
            }
            fn on_error(&self, peer: Option<SocketAddr>, error: &io::Error) {
                let mut hoard = self.0.lock().unwrap();
                hoard.iter_mut().for_each(|all| all.extend(take_all()));
                if peer.is_none() {
                    let _ = self.1.send((Instant::now(), error.to_string()));
                }
            }
        }

        // A server that does not start at all is told so here, not by a child.
        drop(starts(cat, 9));
        let test = "step_5::a_server_without_descriptors_tells_rests_and_recovers";
        let report = with_descriptors(64, test, || {
            let (listener, [first, second]) = (listener(), [tcp(), tcp()]);
            let hoard = Arc::new(Mutex::new(Some(Vec::new())));
            // With the first client, and after each error, nothing is left.
            let (thief, again) = (hoard.clone(), hoard.clone());
            let robbed = move || {
                thief
                    .lock()
                    .unwrap()
                    .iter_mut()
                    .for_each(|all| all.extend(take_all()));
                cat()
            };
            let (tell, told) = channel();
            let handler = Robbed(again, tell);
            let server = start(listener, handler, robbed, IMPATIENT).expect("a server");
            let address = server.address().into();
            first.connect(&address).expect("the kernel takes it in");
            let report = fixtures::shortage::rests(&told);
            hoard.lock().unwrap().take();
            second.connect(&address).expect("the kernel takes it in");
            let mut client = Peer::new(second.into());
            client.sends(b"hello");
            client.hears(b"hello");
            report
        });
        assert_eq!(report, "Too many open files (os error 24)");
    }

    // Only Linux has a table of descriptors to look at, and of processes.
    #[cfg(target_os = "linux")]
    #[test]
    fn fifty_starts_and_stops_leave_nothing_behind() {
        let name = "step_5::fifty_starts_and_stops_leave_nothing_behind";
        alone(name, || {
            let in_use = Arc::new(());
            leaves_nothing(50, |listener| {
                let in_use = in_use.clone();
                let command = move || {
                    let _ = &in_use;
                    cat()
                };
                let server = start(listener, shout, command, some(9)).expect("a server");
                assert_eq!(answer(server.address(), "hello"), "hello");
                server.shutdown().expect("nothing went wrong");
            });
            // A thread that still ran would still have its command.
            assert_eq!(Arc::strong_count(&in_use), 1, "servers");
        });
    }

    /// What three clients hear who say their names, to the end of each.
    #[track_caller]
    fn greeted(address: SocketAddr) -> [String; 3] {
        ["alice\n", "crash\n", "bob\n"].map(|name| {
            let mut client = call(address);
            client.sends(name.as_bytes());
            heard(client)
        })
    }

    const GREETINGS: [&str; 3] = ["hello, alice", "", "hello, bob"];

    /// A worker that greets, and crashes when it is told to.
    fn greeter() -> Command {
        sh("read -r name; [ $name = crash ] && kill -s KILL $$; printf 'hello, %s' $name")
    }

    const PYTHON_CLIENT: &str = r#"
import socket, sys

for name in ["alice", "crash", "bob"]:
    with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as client:
        client.sendall(name.encode() + b"\n")
        print(name, client.makefile("rb").read())
"#;

    const PYTHON_HEARD: &str = "alice b'hello, alice'\ncrash b''\nbob b'hello, bob'\n";

    #[test]
    fn clients_in_python_get_workers_too() {
        let server = starts(greeter, 9);
        assert_eq!(greeted(server.address()), GREETINGS);
        let port = server.address().port().to_string();
        if let Some(python) = Python::start(PYTHON_CLIENT, &[&port]) {
            assert_eq!(python.rest(), PYTHON_HEARD, "what Python's clients heard");
        }
        server.shutdown().expect("a crash is not the server's");
    }

    const PYTHON_WORKER: &str = r#"
import os

name = input()
if name == "crash":
    os.kill(os.getpid(), 9)
print("hello,", name, end="")
"#;

    #[test]
    fn a_worker_may_be_written_in_python() {
        let is_there = Python::start("", &[]).is_some();
        // Where there is no Python, the shell does its work.
        let worker = move || {
            if !is_there {
                return greeter();
            }
            let mut python = Command::new("python3");
            python.args(["-c", PYTHON_WORKER]);
            python
        };
        let server = starts(worker, 9);
        assert_eq!(greeted(server.address()), GREETINGS);
        server.shutdown().expect("a crash is not the server's");
    }

    const PYTHON_SERVER: &str = r#"
import os, socketserver

class Hello(socketserver.StreamRequestHandler):
    def handle(self):
        name = self.rfile.readline().decode().strip()
        if name == "crash":
            os.kill(os.getpid(), 9)
        self.wfile.write(b"hello, " + name.encode())

with socketserver.ForkingTCPServer(("127.0.0.1", 0), Hello) as server:
    print(server.server_address[1], flush=True)
    for _ in range(3):
        server.handle_request()
"#;

    #[test]
    fn pythons_forking_server_greets_like_ours() {
        let ours = starts(greeter, 9);
        assert_eq!(greeted(ours.address()), GREETINGS);
        ours.shutdown().expect("a crash is not the server's");
        if let Some(mut python) = Python::start(PYTHON_SERVER, &[]) {
            let port = python.says().parse().expect("Python tells its port");
            assert_eq!(greeted(SocketAddr::from(([127, 0, 0, 1], port))), GREETINGS);
            // It ends when its workers have ended, and leaves none of them.
            assert_eq!(python.rest(), "", "it has nothing more to say");
        }
    }
}

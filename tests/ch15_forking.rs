//! Chapter 15: a process for each connection.
#![cfg(unix)]

#[macro_use]
mod fixtures;
subject!(server::forking = "../my/server/forking.rs",
    tests = "../my/tests/forking.rs" or "../lessons/15-forking/answer_tests.rs");

use chatroom::server::Stopper;
use fixtures::*;
use forking::{End, GRACE, Group, Limits, serve, spawn, start, start_with};
use std::cell::Cell;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
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

/// Whether a process is our child, be it alive or a zombie (Linux only). Its
/// parent's number is the second after its name: `proc_pid_stat(5)`.
#[cfg(target_os = "linux")]
#[track_caller]
fn is_our_child(pid: &str) -> bool {
    pid.parse::<u32>().expect("a worker says its number");
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let parent = stat
        .rsplit_once(") ")
        .and_then(|(_, rest)| rest.split(' ').nth(1));
    parent == Some(&*std::process::id().to_string())
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
        let script = "read -r pid name state parent group rest < /proc/$$/stat; echo $group";
        let (_worker, client) = hired(group.joined_by(sh(script)));
        let guardian = heard(client);
        assert!(is_our_child(guardian.trim()), "a group is led by its first");
        drop(group);
        assert!(!is_our_child(guardian.trim()), "its group is gone");
    }
}

/// At most so many workers, and all the time in the world for a goodbye.
fn at_most(most: usize) -> Limits {
    Limits { most, grace: GUARD }
}

/// What the hook was told.
#[derive(Default)]
struct Told(Mutex<Vec<(Option<SocketAddr>, String)>>);

impl Told {
    fn hook(&self) -> impl Fn(Option<SocketAddr>, End) + Sync {
        |peer, end| {
            let end = match end {
                Ok(status) => status.to_string(),
                Err(error) => error.kind().to_string(),
            };
            self.0.lock().unwrap().push((peer, end));
        }
    }

    fn all(&self) -> Vec<(Option<SocketAddr>, String)> {
        self.0.lock().unwrap().clone()
    }

    fn ends(&self) -> Vec<String> {
        self.all().into_iter().map(|(_, end)| end).collect()
    }
}

fn nobody_told(_: Option<SocketAddr>, _: End) {}

mod step_3 {
    use super::*;

    #[test]
    fn each_client_has_a_worker_of_its_own() {
        let group = Group::start().expect("a group");
        let ((mut one, first), (mut two, second)) = (calling(), calling());
        let accept = scripted_then(vec![first, second], || {
            // Both at once, and the second is first.
            two.sends(b"two");
            two.hears(b"two");
            one.sends(b"one");
            one.hears(b"one");
        });
        let cat = || Command::new("cat");
        let told = &nobody_told;
        let _ = serve(accept, never, cat, group, at_most(9), told, &Stopper::new());
    }

    #[test]
    fn the_next_client_gets_the_place_of_a_worker_that_has_ended() {
        let group = Group::start().expect("a group");
        let ((one, first), (two, second)) = (calling(), calling());
        let accept = scripted_then(vec![first, second], || {
            assert_eq!([heard(one), heard(two)], ["hello\n", "hello\n"]);
        });
        let hello = || sh("echo hello");
        let told = &nobody_told;
        let _ = serve(
            accept,
            never,
            hello,
            group,
            at_most(1),
            told,
            &Stopper::new(),
        );
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_worker_that_has_ended_is_reaped() {
        let group = Group::start().expect("a group");
        let (client, connection) = calling();
        let (tell, told) = std::sync::mpsc::channel();
        let accept = scripted_then(vec![connection], || {
            let pid = heard(client);
            told.recv_timeout(GUARD).expect("the hook is told");
            assert!(
                !is_our_child(pid.trim()),
                "it has ended, and is still there"
            );
        });
        let pid = || sh("echo $$");
        let hook = &|_, _| tell.send(()).expect("the test listens");
        let _ = serve(accept, never, pid, group, at_most(9), hook, &Stopper::new());
    }

    // Only Linux says that the server waits.
    #[cfg(target_os = "linux")]
    #[test]
    fn with_all_places_taken_nobody_is_accepted() {
        let group = Group::start().expect("a group");
        let (mut client, connection) = calling();
        let (asked, asks) = std::sync::mpsc::channel();
        let mut script = scripted(vec![connection]);
        let accept = move || {
            let _ = asked.send(());
            script()
        };
        let cat = || Command::new("cat");
        let server = Waiter::start(move || {
            let told = &nobody_told;
            serve(accept, never, cat, group, at_most(1), told, &Stopper::new())
        });
        client.sends(b"x");
        client.hears(b"x");
        let server = server.blocks().expect("it waits for a place");
        assert_eq!(
            asks.try_iter().count(),
            1,
            "there is one place, and it is taken"
        );
        drop(client);
        let _ = server.answer();
        assert_eq!(asks.try_iter().count(), 1, "the place is free again");
    }

    #[test]
    fn the_hook_hears_how_a_worker_ended() {
        let group = Group::start().expect("a group");
        let (client, connection) = calling();
        let peer = connection.as_ref().map(|(_, peer)| *peer).ok();
        let accept = scripted_then(vec![connection], || assert_eq!(heard(client), ""));
        let (told, fails) = (Told::default(), || sh("exit 3"));
        let hook = &told.hook();
        let _ = serve(
            accept,
            never,
            fails,
            group,
            at_most(9),
            hook,
            &Stopper::new(),
        );
        assert_eq!(told.all(), [(peer, "exit status: 3".to_owned())]);
    }

    #[test]
    fn a_command_that_cannot_be_started_is_an_error_for_that_client_alone() {
        let group = Group::start().expect("a group");
        let ((one, first), (two, second)) = (calling(), calling());
        let accept = scripted_then(vec![first, second], || {
            assert_eq!([heard(one), heard(two)], ["", "hello\n"]);
        });
        let first = Cell::new(true);
        let command = || match first.replace(false) {
            true => Command::new("/no/such/worker"),
            false => sh("echo hello"),
        };
        let told = Told::default();
        let hook = &told.hook();
        let _ = serve(
            accept,
            never,
            command,
            group,
            at_most(1),
            hook,
            &Stopper::new(),
        );
        assert_eq!(told.ends(), ["entity not found", "exit status: 0"]);
    }

    #[test]
    fn an_accept_that_is_interrupted_or_aborted_is_tried_again() {
        let group = Group::start().expect("a group");
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
        let hello = || sh("echo hello");
        let told = &nobody_told;
        let _ = serve(
            accept,
            never,
            hello,
            group,
            at_most(1),
            told,
            &Stopper::new(),
        );
    }

    #[test]
    fn without_descriptors_the_server_tells_and_rests_before_it_asks_again() {
        let group = Group::start().expect("a group");
        let accept = scripted(vec![no_descriptors(), no_descriptors()]);
        let pauses = Cell::new(0);
        let rest = |_| pauses.set(pauses.get() + 1);
        let (told, cat) = (Told::default(), || Command::new("cat"));
        let hook = &told.hook();
        let _ = serve(accept, rest, cat, group, at_most(1), hook, &Stopper::new());
        assert_eq!(pauses.get(), 2, "pauses after two times EMFILE");
        let blamed: Vec<_> = told.all().iter().map(|(peer, _)| *peer).collect();
        assert_eq!(blamed, [None, None], "it is nobody's fault");
    }

    #[test]
    fn a_listener_that_is_gone_ends_the_server_with_its_error() {
        let group = Group::start().expect("a group");
        let (accept, cat) = (scripted(vec![]), || Command::new("cat"));
        let told = &nobody_told;
        let result = serve(accept, never, cat, group, at_most(1), told, &Stopper::new());
        let error = refused(result, "nobody listens, and nobody asked for it");
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    }
}

mod step_4 {
    use super::*;

    #[test]
    fn a_worker_is_asked_to_end_and_may_say_goodbye() {
        let group = Group::start().expect("a group");
        let (mut client, connection) = calling();
        let accept = scripted_then(vec![connection], || client.hears(b"ready\n"));
        let polite = || sh(POLITE);
        let told = &nobody_told;
        let _ = serve(
            accept,
            never,
            polite,
            group,
            at_most(9),
            told,
            &Stopper::new(),
        );
        assert_eq!(heard(client), "goodbye\n");
    }

    #[test]
    fn a_worker_that_does_not_listen_is_killed() {
        let group = Group::start().expect("a group");
        let (mut client, connection) = calling();
        let accept = scripted_then(vec![connection], || client.hears(b"ready\n"));
        let limits = Limits {
            most: 9,
            grace: Duration::from_millis(10),
        };
        let (told, stubborn) = (Told::default(), || sh(STUBBORN));
        let hook = &told.hook();
        let _ = serve(
            accept,
            never,
            stubborn,
            group,
            limits,
            hook,
            &Stopper::new(),
        );
        assert_eq!(told.ends(), ["signal: 9 (SIGKILL)"]);
    }

    #[test]
    fn a_server_that_was_stopped_before_its_start_asks_for_nobody() {
        let group = Group::start().expect("a group");
        let stopper = Stopper::new();
        stopper.stop();
        let accept = || panic!("nobody is wanted any more");
        let cat = || Command::new("cat");
        let result = serve(
            accept,
            never,
            cat,
            group,
            at_most(1),
            &nobody_told,
            &stopper,
        );
        result.expect("to be stopped is no error");
    }

    #[test]
    fn who_is_accepted_after_the_stop_is_not_a_client() {
        let group = Group::start().expect("a group");
        let (stopper, (_client, connection)) = (Stopper::new(), calling());
        let mut script = scripted(vec![connection]);
        let accept = || {
            stopper.stop();
            script()
        };
        let command = || panic!("it only came to wake the server");
        let result = serve(
            accept,
            never,
            command,
            group,
            at_most(1),
            &nobody_told,
            &stopper,
        );
        result.expect("to be stopped is no error");
    }

    #[test]
    fn an_accept_that_the_stop_has_ended_is_no_error() {
        let group = Group::start().expect("a group");
        let stopper = Stopper::new();
        let accept = scripted_then(vec![], || stopper.stop());
        let cat = || Command::new("cat");
        let result = serve(
            accept,
            never,
            cat,
            group,
            at_most(1),
            &nobody_told,
            &stopper,
        );
        result.expect("nobody listens, because somebody asked for it");
    }

    // Only Linux says that the server waits.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_server_that_waits_for_a_place_hears_the_stop() {
        let group = Group::start().expect("a group");
        let (mut client, connection) = calling();
        let accept = scripted(vec![connection]);
        let (cat, stopper) = (|| Command::new("cat"), Stopper::new());
        let stop = stopper.clone();
        let server = Waiter::start(move || {
            serve(accept, never, cat, group, at_most(1), &nobody_told, &stop)
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
    use fixtures::shout::{call, listener};

    /// A client whose worker is there for certain: it has answered.
    #[track_caller]
    fn served(address: SocketAddr) -> Peer {
        let mut client = call(address);
        client.sends(b"x");
        client.hears(b"x");
        client
    }

    fn cat() -> Command {
        Command::new("cat")
    }

    #[test]
    fn each_client_gets_its_answer() {
        let server = start(listener(), cat, 9).expect("a server");
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
        let server = start(listener(), crash, 9).expect("a server");
        let (mut one, mut two) = (call(server.address()), call(server.address()));
        for client in [&mut two, &mut one] {
            client.sends(b"crash, please\n");
            assert_eq!(peer::text(&client.hears_to_the_end()), "");
        }
        server.shutdown().expect("a crash is not the server's");
    }

    #[test]
    fn who_is_one_too_many_is_served_when_another_one_goes() {
        let server = start(listener(), cat, 1).expect("a server");
        let first = served(server.address());
        let mut second = call(server.address());
        second.sends(b"me too");
        drop(first);
        second.hears(b"me too");
        drop(second);
        server.shutdown().expect("nothing went wrong");
    }

    #[test]
    fn an_idle_client_does_not_delay_the_stop() {
        let server = start(listener(), cat, 9).expect("a server");
        let idle = served(server.address());
        server.shutdown().expect("nothing went wrong");
        assert_eq!(heard(idle), "", "its worker was ended");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn no_worker_is_left_after_the_stop() {
        let limits = Limits {
            most: 9,
            grace: Duration::from_millis(10),
        };
        let stubborn = || sh("trap '' TERM; echo $$; while :; do sleep 60; done");
        let server = start_with(listener(), stubborn, limits, nobody_told, &Stopper::new());
        let server = server.expect("a server");
        let mut clients = [call(server.address()), call(server.address())];
        let pids = clients.iter_mut().map(|client| {
            let mut line = String::new();
            let mut reader = io::BufReader::new(client.stream());
            io::BufRead::read_line(&mut reader, &mut line).expect("a line");
            line.trim().to_owned()
        });
        let mut pids: Vec<_> = pids.collect();
        server.shutdown().expect("nothing went wrong");
        pids.retain(|pid| is_our_child(pid));
        assert_eq!(pids, [""; 0], "workers that are left");
    }

    #[test]
    fn a_limit_of_nobody_is_refused() {
        let result = start(listener(), cat, 0);
        let error = refused(result, "it could serve nobody");
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    }

    #[test]
    fn there_is_some_time_for_a_goodbye() {
        let server = start(listener(), || sh(POLITE), 9).expect("a server");
        let mut client = call(server.address());
        client.hears(b"ready\n");
        assert_ne!(GRACE, Duration::ZERO);
        server.shutdown().expect("nothing went wrong");
    }

    #[test]
    fn a_server_can_be_started_again_at_its_address() {
        // Alone: what another test starts just now has, for a moment, copies
        // of all our descriptors, and a copy keeps the port.
        let name = "step_5::a_server_can_be_started_again_at_its_address";
        alone(name, || {
            let first = TcpListener::bind(own_loopback()).expect("any port will do");
            let server = start(first, cat, 9).expect("a server");
            let address = server.address();
            drop(served(address));
            server.shutdown().expect("nothing went wrong");
            let second = TcpListener::bind(address).expect("the first one has let go of it");
            let server = start(second, cat, 9).expect("a server");
            drop(served(address));
            server.shutdown().expect("nothing went wrong");
        });
    }

    // Where descriptors are really short: in a process that may have 64.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_server_without_descriptors_tells_rests_and_recovers() {
        use descriptor::{take_all, with_descriptors};
        use std::sync::Arc;
        use std::time::Instant;

        // A server that does not start at all is told so here, not by a child.
        drop(start(listener(), cat, 9).expect("a server"));
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
            let (tell, told) = std::sync::mpsc::channel();
            let hook = move |peer: Option<SocketAddr>, end: End| {
                again
                    .lock()
                    .unwrap()
                    .iter_mut()
                    .for_each(|all| all.extend(take_all()));
                if let (None, Err(error)) = (peer, end) {
                    let _ = tell.send((Instant::now(), error.to_string()));
                }
            };
            let limits = Limits {
                most: 9,
                grace: Duration::from_millis(10),
            };
            let server = start_with(listener, robbed, limits, hook, &Stopper::new());
            let server = server.expect("a server");
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
    fn two_hundred_starts_and_stops_leave_nothing_behind() {
        let name = "step_5::two_hundred_starts_and_stops_leave_nothing_behind";
        alone(name, || {
            let (address, in_use) = (own_loopback(), std::sync::Arc::new(()));
            let before = descriptor::held().len();
            for _ in 0..200 {
                let listener = TcpListener::bind(address).expect("any port will do");
                let in_use = in_use.clone();
                let command = move || {
                    let _ = &in_use;
                    cat()
                };
                let server = start(listener, command, 9).expect("a server");
                server.shutdown().expect("nothing went wrong");
            }
            assert_eq!(descriptor::held().len(), before, "descriptors");
            let processes = std::fs::read_dir("/proc").expect("proc(5) is mounted");
            let numbers = processes.flatten().map(|entry| entry.file_name());
            let numbers = numbers.filter_map(|name| name.into_string().ok());
            let children = numbers.filter(|name| name.parse::<u32>().is_ok());
            assert_eq!(
                children.filter(|pid| is_our_child(pid)).count(),
                0,
                "children"
            );
            let states = netstat::states(|row| row.local.ip() == address.ip());
            assert_eq!(states, [""; 0], "sockets in the kernel's table");
            // A thread that still ran would still have its command.
            assert_eq!(std::sync::Arc::strong_count(&in_use), 1, "servers");
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
        let server = start(listener(), greeter, 9).expect("a server");
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
        let server = start(listener(), worker, 9).expect("a server");
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
        let ours = start(listener(), greeter, 9).expect("a server");
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

//! What is left of a thousand servers: nothing. These take longer than somebody
//! who waits for a verdict should, so they belong to no chapter.
#![cfg(target_os = "linux")]

mod fixtures;

use chatroom::echo::EchoServer;
use chatroom::server::{forking, tcp, threading};
use fixtures::shout::{answer, shout};
use fixtures::*;
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::Arc;

const TURNS: usize = 1000;

/// Starts and stops servers whose handlers hold what they are given.
#[track_caller]
fn a_thousand(test: &str, mut turn: impl FnMut(TcpListener, Arc<()>)) {
    alone(test, || {
        let in_use = Arc::new(());
        leaves_nothing(TURNS, |listener| turn(listener, in_use.clone()));
        assert_eq!(Arc::strong_count(&in_use), 1, "servers that still run");
    });
}

#[test]
fn of_echoes() {
    a_thousand("of_echoes", |listener, _| {
        let server = EchoServer::start(listener).expect("a server");
        let stream = TcpStream::connect(server.address()).expect("a server is there");
        // A client that is being served, and says nothing more.
        let mut client = Peer::new(stream);
        client.sends(b"hello");
        client.hears(b"hello");
        server.stop();
    });
}

#[test]
fn of_one_thread() {
    a_thousand("of_one_thread", |listener, in_use| {
        let handler = move |stream: &TcpStream, peer| {
            let _ = &in_use;
            shout(stream, peer)
        };
        let server = tcp::start(listener, handler).expect("a server");
        assert_eq!(answer(server.address(), "hello"), "HELLO");
        server.shutdown().expect("nothing went wrong");
    });
}

#[test]
fn of_threads() {
    a_thousand("of_threads", |listener, in_use| {
        let handler = move |stream: &TcpStream, peer| {
            let _ = &in_use;
            shout(stream, peer)
        };
        let server =
            threading::start(listener, handler, threading::Limits { most: 9 }).expect("a server");
        assert_eq!(answer(server.address(), "hello"), "HELLO");
        server.shutdown().expect("nothing went wrong");
    });
}

#[test]
fn of_processes() {
    a_thousand("of_processes", |listener, in_use| {
        let command = move || {
            let _ = &in_use;
            Command::new("cat")
        };
        let limits = forking::Limits {
            most: 1,
            grace: GUARD,
        };
        let server = forking::start(listener, shout, command, limits).expect("a server");
        assert_eq!(answer(server.address(), "hello"), "hello");
        server.shutdown().expect("nothing went wrong");
    });
}

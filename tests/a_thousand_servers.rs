//! What is left of a thousand servers: nothing. These take longer than somebody
//! who waits for a verdict should, so they belong to no chapter.
#![cfg(target_os = "linux")]

mod fixtures;

use chatroom::echo::EchoServer;
use chatroom::server::forking::{Limits, start};
use fixtures::shout::{answer, shout};
use fixtures::*;
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::Arc;

#[test]
fn a_thousand_servers_of_echoes_leave_nothing_behind() {
    let name = "a_thousand_servers_of_echoes_leave_nothing_behind";
    alone(name, || {
        let address = own_loopback();
        let before = Inventory::of(address.ip());
        for _ in 0..1000 {
            let listener = TcpListener::bind(address).expect("any port will do");
            let server = EchoServer::start(listener).expect("a server");
            let stream = TcpStream::connect(server.address()).expect("a server is there");
            // A client that is being served, and says nothing more.
            let mut client = Peer::new(stream);
            client.sends(b"hello");
            client.hears(b"hello");
            server.stop();
        }
        assert_eq!(before.again(address.ip()), before, "what is left");
    });
}

#[test]
fn a_thousand_servers_of_processes_leave_nothing_behind() {
    let name = "a_thousand_servers_of_processes_leave_nothing_behind";
    alone(name, || {
        let (address, in_use) = (own_loopback(), Arc::new(()));
        let before = Inventory::of(address.ip());
        for turn in 0..1000 {
            let listener = TcpListener::bind(address).expect("any port will do");
            let in_use = in_use.clone();
            let command = move || {
                let _ = &in_use;
                Command::new("cat")
            };
            let limits = Limits {
                most: 1,
                grace: GUARD,
            };
            let server = start(listener, shout, command, limits).expect("a server");
            let words = format!("client {turn}");
            assert_eq!(answer(server.address(), &words), words);
            server.shutdown().expect("nothing went wrong");
        }
        assert_eq!(before.again(address.ip()), before, "what is left");
        // A thread that still ran would still have its command.
        assert_eq!(Arc::strong_count(&in_use), 1, "servers");
    });
}

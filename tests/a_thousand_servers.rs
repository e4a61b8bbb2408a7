//! What is left of a thousand servers of processes: nothing. Three processes
//! for each take longer than a chapter's test may, so this belongs to none.
#![cfg(target_os = "linux")]

mod fixtures;

use chatroom::server::forking::{Limits, start};
use fixtures::shout::{answer, shout};
use fixtures::*;
use std::net::TcpListener;
use std::process::Command;
use std::sync::Arc;

#[test]
fn a_thousand_servers_with_a_client_each_leave_nothing_behind() {
    let name = "a_thousand_servers_with_a_client_each_leave_nothing_behind";
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

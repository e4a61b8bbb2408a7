// The answer key's tests in the place of the learner's.

use crate::fixtures::*;
use crate::threading::{Limits, start};
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

#[test]
fn one_place_is_enough_for_two_panics() {
    let fragile = |mut stream: &TcpStream, _: SocketAddr| -> io::Result<()> {
        stream.read_exact(&mut [0])?;
        panic!("a byte, as told");
    };
    let listener = TcpListener::bind(ANY).unwrap();
    let server = start(listener, fragile, Limits { most: 1 }).unwrap();
    for _ in 0..2 {
        let mut client = Peer::new(TcpStream::connect(server.address()).unwrap());
        client.sends(b"x");
        client.hears_to_the_end();
    }
    server.shutdown().unwrap();
}

#[test]
fn a_stop_waits_for_no_idle_client() {
    let patient = |mut stream: &TcpStream, _: SocketAddr| {
        stream.write_all(b"hello")?;
        stream.read(&mut [0]).map(drop)
    };
    let listener = TcpListener::bind(ANY).unwrap();
    let server = start(listener, patient, Limits { most: 8 }).unwrap();
    let mut client = Peer::new(TcpStream::connect(server.address()).unwrap());
    client.hears(b"hello");
    server.shutdown().unwrap();
    client.hears_to_the_end();
}

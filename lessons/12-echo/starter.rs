//! Sends back what it hears: the first server, and its client.

use crate::logging::Story;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

/// Sends to `to` what comes from `from`, each piece as it comes, until `from`
/// ends, and returns how many bytes that were. It tells `story` of each piece.
pub fn repeat(from: impl Read, to: impl Write, story: &mut Story) -> io::Result<u64> {
    todo!("each piece goes back")
}

/// Serves one client until it sends no more, and tells the log of it.
pub fn serve_connection(stream: &TcpStream) -> io::Result<u64> {
    todo!("serve {stream:?}")
}

/// A server in a thread of its own: one client after the other.
pub struct EchoServer {
    // What will `stop` have to know?
}

impl EchoServer {
    /// Starts a server on any free port of 127.0.0.1.
    pub fn on_any_port() -> io::Result<EchoServer> {
        todo!("bind and start")
    }

    /// Starts a server for the clients of `listener`.
    pub fn start(listener: TcpListener) -> io::Result<EchoServer> {
        todo!("serve the clients of {listener:?}")
    }

    /// Returns where the server listens.
    pub fn address(&self) -> SocketAddr {
        todo!("the address of the listener")
    }

    /// Hangs up, and returns when the thread has ended and the port is free.
    pub fn stop(self) {
        todo!("end the wait of accept, and of recv")
    }
}

impl Drop for EchoServer {
    fn drop(&mut self) {
        // Step 5 is about this moment.
    }
}

/// Sends `bytes` to an echo server and returns as many that came back.
pub fn echo(stream: &TcpStream, bytes: &[u8]) -> io::Result<Vec<u8>> {
    todo!("{} bytes there and back, by {stream:?}", bytes.len())
}

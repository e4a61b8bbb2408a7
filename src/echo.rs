//! Sends back what it hears: the first server, and its client.
//!
//! A server spends its life in two calls that wait, `accept` and `recv`, and
//! neither looks at a flag. Whoever stops it has to end the wait of both: the
//! connection is shut down under the one, and the other is given a connection.
//!
//! ```
//! use chatroom::echo::{EchoServer, echo};
//! use std::net::TcpStream;
//!
//! let server = EchoServer::on_any_port()?;
//! let client = TcpStream::connect(server.address())?;
//! assert_eq!(echo(&client, b"hello")?, b"hello");
//! server.stop();
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! Left out: a second client at the same time. It waits in the queue until the
//! first has gone. A process without descriptors: the server ends, and says so.
//!
//! `socketserver`'s `shutdown` waits for the client that is served; ours hangs
//! up on it, because a silent client may never go.

use crate::logging::Story;
use crate::socket::accept::accept;
use socket2::{Domain, Socket, Type};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{self, JoinHandle};

/// So many bytes are taken at a time; more only saves calls.
const PIECE: usize = 64 * 1024;

/// Sends to `to` what comes from `from`, each piece as it comes, until `from`
/// ends, and returns how many bytes that were. It tells `story` of each piece.
///
/// # Errors
/// Those of `from` and `to`, except `Interrupted`, which is tried again.
pub fn repeat(mut from: impl Read, mut to: impl Write, story: &mut Story) -> io::Result<u64> {
    let mut buffer = vec![0; PIECE];
    let mut total = 0;
    loop {
        let count = match from.read(&mut buffer) {
            Ok(0) => return Ok(total),
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        story.heard(count);
        to.write_all(&buffer[..count])?;
        story.said(count);
        total += count as u64;
    }
}

/// Serves one client until it sends no more, and tells the log of it. Returns
/// how many bytes came and went back.
///
/// # Errors
/// `ConnectionReset` and `BrokenPipe` where the client has gone before its
/// answer; `NotConnected` where it has gone before the first call.
pub fn serve_connection(stream: &TcpStream) -> io::Result<u64> {
    let mut story = Story::begin(module_path!(), stream.peer_addr()?);
    // An answer is not to wait in the kernel for the one before it.
    let _ = stream.set_nodelay(true);
    let result = repeat(stream, stream, &mut story);
    match &result {
        Ok(_) => story.ends("end of stream"),
        Err(error) => story.ends(error),
    }
    result
}

/// A server in a thread of its own: one client after the other.
///
/// When its value goes, it stops: the client that is served is hung up on, the
/// thread has ended, the port is free.
pub struct EchoServer {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    thread: Option<JoinHandle<()>>,
    /// Kept ready, so that stopping needs no descriptor that may be missing.
    knocker: Socket,
}

/// What the server's thread and the one who stops it both look at.
#[derive(Default)]
struct State {
    stopping: bool,
    /// A second handle of the connection that is served.
    client: Option<TcpStream>,
}

impl EchoServer {
    /// Starts a server on any free port of 127.0.0.1.
    ///
    /// # Errors
    /// Those of `bind(2)`, and of [`start`](EchoServer::start).
    pub fn on_any_port() -> io::Result<EchoServer> {
        EchoServer::start(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?)
    }

    /// Starts a server for the clients of `listener`. They can connect before
    /// the thread runs, for the kernel takes them in.
    ///
    /// # Errors
    /// Those of `getsockname(2)`, and of a system that has no descriptor or no
    /// thread to give.
    pub fn start(listener: TcpListener) -> io::Result<EchoServer> {
        listener.set_nonblocking(false)?;
        let address = listener.local_addr()?;
        let knocker = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
        knocker.set_nonblocking(true)?;
        let state = Arc::new(Mutex::new(State::default()));
        log::info!("listening on {address}");
        let shared = state.clone();
        let thread = thread::Builder::new()
            .name("echo".to_owned())
            .spawn(move || serve(&listener.into(), &shared))?;
        Ok(EchoServer {
            address,
            state,
            thread: Some(thread),
            knocker,
        })
    }

    /// Returns where the server listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Hangs up, and returns when the thread has ended and the port is free.
    pub fn stop(self) {}
}

impl Drop for EchoServer {
    fn drop(&mut self) {
        let mut state = lock(&self.state);
        state.stopping = true;
        if let Some(client) = &state.client {
            // The client may have been quicker: then there is nothing to end.
            let _ = client.shutdown(Shutdown::Both);
        }
        drop(state);

        // Wakes `accept`, and does not wait for it: where the queue is full,
        // `accept` does not wait either.
        let _ = self.knocker.connect(&door(self.address).into());
        if let Some(thread) = self.thread.take() {
            // Its panic has been printed. A second one here could end a
            // program that is busy with its first.
            let _ = thread.join();
        }
        log::info!("stopped listening on {}", self.address);
    }
}

/// Takes one client after the other, until it is to stop.
fn serve(listener: &Socket, state: &Mutex<State>) {
    loop {
        let stream = match accept(listener, None) {
            Ok((socket, _)) => TcpStream::from(socket),
            Err(error) => return log::error!("no more clients: {error}"),
        };
        let mut now = lock(state);
        if now.stopping {
            return;
        }
        match stream.try_clone() {
            Ok(second) => now.client = Some(second),
            // Whom nobody could hang up on is not served.
            Err(error) => {
                log::error!("a client is turned away: {error}");
                continue;
            }
        }
        drop(now);

        // The log has been told of an error, and the next client waits.
        let _ = serve_connection(&stream);
        // While there is a second handle, the client does not hear the end.
        lock(state).client = None;
    }
}

/// Returns where to knock at a server that listens at `address`: one that
/// listens everywhere is at home.
fn door(mut address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        // With its scope: a link-local address is none without it.
        _ => {}
    }
    address
}

/// A panic while the lock was held has left the state as it should be.
fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Sends `bytes` to an echo server and returns as many that came back.
///
/// It sends and receives at once: a server that waits until somebody takes its
/// answer reads no more. What comes behind the answer stays for the next call.
///
/// # Errors
/// `NotConnected` where nobody is at the other end; `UnexpectedEof` where the
/// server sends no more before all is back; those of `send(2)` and `recv(2)`,
/// timeouts of `stream` among them. After any of these the connection is shut
/// down.
pub fn echo(stream: &TcpStream, bytes: &[u8]) -> io::Result<Vec<u8>> {
    let peer = stream.peer_addr()?;
    let first = OnceLock::new();
    let check = |result: io::Result<()>| {
        if let Err(error) = result {
            let _ = first.set(error);
            // The other half may wait for what will never come.
            let _ = stream.shutdown(Shutdown::Both);
        }
    };
    let mut answer = Vec::new();
    thread::scope(|scope| {
        let sends = || {
            let mut to = stream;
            check(to.write_all(bytes))
        };
        thread::Builder::new().spawn_scoped(scope, sends)?;
        check(receive(stream, bytes.len(), &mut answer));
        Ok::<(), io::Error>(())
    })?;
    match first.into_inner() {
        Some(error) => Err(error),
        None => {
            log::info!("{} bytes came back from {peer}", answer.len());
            Ok(answer)
        }
    }
}

/// Reads `count` bytes, or says how many were missing.
fn receive(stream: &TcpStream, count: usize, answer: &mut Vec<u8>) -> io::Result<()> {
    let came = stream.take(count as u64).read_to_end(answer)?;
    match came < count {
        true => Err(io::Error::new(
            ErrorKind::UnexpectedEof,
            format!("{came} of {count} bytes came back, and then the end"),
        )),
        false => Ok(()),
    }
}

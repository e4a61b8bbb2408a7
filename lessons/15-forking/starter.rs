//! Serves each connection in a process of its own: `socketserver.ForkingTCPServer`.

use crate::server::{Next, REST, ServerHandle, Stopper, after_accept_error};
use std::io::{self, ErrorKind, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
#[cfg(unix)]
use std::os::{fd::OwnedFd, unix::process::CommandExt};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, Scope};
use std::time::{Duration, Instant};

/// How long workers may take to say goodbye: a person at the keyboard waits.
pub const GRACE: Duration = Duration::from_secs(1);

/// What a group's first process does. It ignores the polite signal itself. At
/// a line it sends it to its group, at another one, or at the end, the rude
/// one: so it does also where the server has died. 0 is the own group.
const GUARDIAN: &str = "trap '' TERM; read -r _; kill -s TERM 0; read -r _; kill -s KILL 0";

/// How a worker ended, or why there was none.
pub type End = io::Result<ExitStatus>;

/// How much a server takes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// At most so many workers at once.
    pub most: usize,
    /// How long after the stop a worker may go on.
    pub grace: Duration,
}

/// Starts `command` with the connection as its standard input and output.
/// This process keeps no copy of the connection, whether that works or not.
pub fn spawn(command: Command, stream: TcpStream) -> io::Result<Child> {
    todo!("start a worker that has the connection, and nothing else")
}

#[cfg(unix)]
fn stdio(stream: TcpStream) -> io::Result<Stdio> {
    Ok(OwnedFd::from(stream).into())
}

#[cfg(not(unix))]
fn stdio(_: TcpStream) -> io::Result<Stdio> {
    Err(ErrorKind::Unsupported.into())
}

/// A process group, to which one signal goes at once. Its drop kills all who
/// are left in it.
#[derive(Debug)]
pub struct Group {
    guardian: Child,
    orders: Option<ChildStdin>,
}

impl Group {
    /// Starts a group that has nobody in it but its guardian.
    pub fn start() -> io::Result<Group> {
        todo!("start the guardian, at the head of a group of its own")
    }

    /// Lets what `command` will start be one of this group: `setpgid(2)`.
    pub fn joined_by(&self, command: Command) -> Command {
        todo!("the group of the guardian is the command's")
    }

    /// Asks all in the group to end: `SIGTERM`.
    pub fn terminate(&mut self) -> io::Result<()> {
        todo!("give the guardian its first order")
    }
}

/// Accepts connections and starts a worker for each, until `stopper` is
/// pressed. Then it ends those that are left, and waits for them.
pub fn serve(
    accept: impl FnMut() -> io::Result<(TcpStream, SocketAddr)>,
    pause: impl FnMut(Duration),
    command: impl Fn() -> Command,
    group: Group,
    limits: Limits,
    told: &(impl Fn(Option<SocketAddr>, End) + Sync),
    stopper: &Stopper,
) -> io::Result<()> {
    todo!("accept, and start a worker, until the stopper is pressed")
}

/// Starts a server on `listener`, with at most so many workers at once. How
/// they end is written into the log.
pub fn start(
    listener: TcpListener,
    command: impl Fn() -> Command + Send + 'static,
    most: usize,
) -> io::Result<ServerHandle> {
    todo!("start a server with at most {most} workers")
}

/// Starts a server like [`start`], which tells `told` how its workers ended,
/// and with a stopper that was made before.
pub fn start_with(
    listener: TcpListener,
    command: impl Fn() -> Command + Send + 'static,
    limits: Limits,
    told: impl Fn(Option<SocketAddr>, End) + Send + Sync + 'static,
    stopper: &Stopper,
) -> io::Result<ServerHandle> {
    todo!("start the thread of a server: {limits:?}")
}

/// Writes into the log what was not as it should be.
fn log_end(peer: Option<SocketAddr>, end: End) {
    match (peer, end) {
        (_, Ok(status)) if status.success() => {}
        (Some(peer), Ok(status)) => log::warn!("{peer}: the worker ended with {status}"),
        (Some(peer), Err(error)) => log::warn!("{peer}: no worker: {error}"),
        (None, end) => log::warn!("no connection: {end:?}"),
    }
}

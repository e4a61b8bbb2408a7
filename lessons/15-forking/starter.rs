//! Serves each connection in a process of its own: `socketserver.ForkingTCPServer`.

use crate::server::{
    Handler, Next, REST, ServerHandle, Stopper, after_accept_error, caught, process, report,
};
use std::io::{self, ErrorKind, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
#[cfg(unix)]
use std::os::{
    fd::{AsFd, OwnedFd},
    unix::process::CommandExt,
};
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

/// Kills the group of the number that it is given.
const KILLER: &str = "kill -s KILL -- \"-$0\"";

/// How much a server takes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// At most so many workers at once.
    pub most: usize,
    /// How long after the stop a worker may go on.
    pub grace: Duration,
}

impl Default for Limits {
    /// As many as Python's `max_children`, and [`GRACE`].
    fn default() -> Limits {
        Limits {
            most: 40,
            grace: GRACE,
        }
    }
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

/// Returns the connection that is this process's standard input.
#[cfg(unix)]
pub fn connection() -> io::Result<TcpStream> {
    Ok(io::stdin().as_fd().try_clone_to_owned()?.into())
}

/// There is no such standard input here.
#[cfg(not(unix))]
pub fn connection() -> io::Result<TcpStream> {
    Err(ErrorKind::Unsupported.into())
}

/// Takes the connection that is this process's standard input through its
/// life: what a worker does.
pub fn work(handler: &dyn Handler) -> io::Result<()> {
    todo!("take the connection that is our standard input through its steps")
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

impl Drop for Group {
    fn drop(&mut self) {
        // Step 2: who is left is killed, and nobody stays a zombie.
    }
}

/// Accepts connections and starts a worker for each, until `stopper` is
/// pressed. Then it ends those that are left, and waits for them.
pub fn serve(
    accept: impl FnMut() -> io::Result<(TcpStream, SocketAddr)>,
    pause: impl FnMut(Duration),
    handler: &dyn Handler,
    command: impl Fn() -> Command,
    group: Group,
    limits: Limits,
    stopper: &Stopper,
) -> io::Result<()> {
    todo!("accept, and start a worker, until the stopper is pressed")
}

/// Makes an error of the end of a worker that did not go as it should.
fn success(end: io::Result<ExitStatus>) -> io::Result<()> {
    match end? {
        status if status.success() => Ok(()),
        status => Err(io::Error::other(format!("the worker ended with {status}"))),
    }
}

/// Starts a server on `listener`, with a process for each connection, which
/// `command` starts.
pub fn start(
    listener: TcpListener,
    handler: impl Handler,
    command: impl Fn() -> Command + Send + 'static,
    limits: Limits,
) -> io::Result<ServerHandle> {
    todo!("start a server with at most {} workers", limits.most)
}

/// Starts a server like [`start`], with a stopper that was made before.
pub fn start_with(
    listener: TcpListener,
    handler: impl Handler,
    command: impl Fn() -> Command + Send + 'static,
    limits: Limits,
    stopper: &Stopper,
) -> io::Result<ServerHandle> {
    todo!("start the thread of a server: {limits:?}")
}

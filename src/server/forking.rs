//! Serves each connection in a process of its own: `socketserver.ForkingTCPServer`.
//!
//! A process may crash, leak and be killed, and takes nobody along. A program
//! with threads must not fork, so ours starts a command, which gets the
//! connection as its standard input and output, as inetd did it. Whoever holds
//! a connection keeps it open; so the server lets go of it at once, and the
//! client hears the end when its worker has ended.
//!
//! ```
//! use chatroom::server::forking;
//! use std::io::{Read, Write};
//! use std::net::{TcpListener, TcpStream};
//! use std::process::Command;
//!
//! # if cfg!(not(unix)) { return Ok(()); }
//! let listener = TcpListener::bind("127.0.0.1:0")?;
//! let server = forking::start(listener, || Command::new("cat"), 40)?;
//! let mut client = TcpStream::connect(server.address())?;
//! client.write_all(b"hello")?;
//! client.read_exact(&mut [0; 5])?;
//! server.shutdown()?; // no worker is left
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! Left out: Windows, where a start fails with `Unsupported`; a worker that
//! leaves its process group, as `setsid(1)` does, and so escapes the stop; and
//! a `command` that panics, which ends the server.

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
///
/// # Errors
/// Those of `dup(2)` and of the start: `NotFound`, `PermissionDenied`,
/// `WouldBlock` where there are no more processes. `Unsupported` on Windows.
pub fn spawn(mut command: Command, stream: TcpStream) -> io::Result<Child> {
    let output = stream.try_clone()?;
    command.stdin(stdio(stream)?).stdout(stdio(output)?);
    // With the command, our copies of the connection are dropped.
    command.spawn()
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
///
/// The number of a process that has ended is given to another one, but not the
/// number of a group that has somebody in it. So the first in this group is a
/// guardian, who sends the signals as well.
#[derive(Debug)]
pub struct Group {
    guardian: Child,
    orders: Option<ChildStdin>,
}

impl Group {
    /// Starts a group that has nobody in it but its guardian.
    ///
    /// # Errors
    /// Those of the start of `sh`. `Unsupported` on Windows.
    pub fn start() -> io::Result<Group> {
        if cfg!(not(unix)) {
            return Err(ErrorKind::Unsupported.into());
        }
        let mut command = Command::new("sh");
        command.args(["-c", GUARDIAN]).stdin(Stdio::piped());
        command.stdout(Stdio::null()).stderr(Stdio::null());
        #[cfg(unix)]
        command.process_group(0);
        let mut guardian = command.spawn()?;
        let orders = guardian.stdin.take();
        Ok(Group { guardian, orders })
    }

    /// Lets what `command` will start be one of this group: `setpgid(2)`.
    pub fn joined_by(&self, mut command: Command) -> Command {
        #[cfg(unix)]
        command.process_group(self.guardian.id() as i32);
        command
    }

    /// Asks all in the group to end: `SIGTERM`.
    ///
    /// # Errors
    /// `BrokenPipe` where somebody has killed the guardian.
    pub fn terminate(&mut self) -> io::Result<()> {
        match &mut self.orders {
            Some(orders) => orders.write_all(b"\n"),
            None => Ok(()),
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // The end of its orders makes the guardian kill the group.
        self.orders = None;
        if let Err(error) = self.guardian.wait() {
            log::error!("a group's guardian: {error}");
        }
    }
}

/// Accepts connections and starts a worker for each, until `stopper` is
/// pressed. Then it ends those that are left, and waits for them.
///
/// Who is one too many waits in the listener's queue. `told` hears, once for
/// each connection, how its worker ended, or why there was none; and of errors
/// of `accept`, without a client.
///
/// # Errors
/// The error of `accept` that says that nobody listens any more, and those of
/// [`Group::terminate`].
pub fn serve(
    mut accept: impl FnMut() -> io::Result<(TcpStream, SocketAddr)>,
    mut pause: impl FnMut(Duration),
    command: impl Fn() -> Command,
    mut group: Group,
    limits: Limits,
    told: &(impl Fn(Option<SocketAddr>, End) + Sync),
    stopper: &Stopper,
) -> io::Result<()> {
    // Each worker that has ended sends a 1, and the stop a 0.
    let (ended, ends) = channel();
    let bell = ended.clone();
    stopper.on_stop(move || {
        // Where the server has ended already, nobody listens.
        let _ = bell.send(0);
    });
    thread::scope(move |scope| {
        let mut running = 0;
        let result = loop {
            running -= ends.try_iter().sum::<usize>();
            if stopper.is_stopping() {
                break Ok(());
            }
            if running == limits.most {
                running -= ends.recv().unwrap_or(0);
                continue;
            }
            match accept() {
                // Whoever comes after the stop only wakes us.
                Ok(_) | Err(_) if stopper.is_stopping() => break Ok(()),
                Ok((stream, peer)) => {
                    let command = group.joined_by(command());
                    let tell = move |status| told(Some(peer), status);
                    match begin(scope, command, stream, ended.clone(), tell) {
                        Ok(()) => running += 1,
                        Err(error) => told(Some(peer), Err(error)),
                    }
                }
                Err(error) => match after_accept_error(&error) {
                    Next::Again => {}
                    Next::BackOff => {
                        told(None, Err(error));
                        pause(REST);
                    }
                    Next::Stop => break Err(error),
                },
            }
        };
        let asked = group.terminate();
        if asked.is_ok() {
            wait(running, &ends, limits.grace);
        }
        // Whoever is left is killed here, and then the scope joins its threads.
        drop(group);
        result.and(asked)
    })
}

/// Starts a worker, and the thread that waits for its end: a process that has
/// ended stays in the kernel's table until somebody asks for its status.
fn begin<'scope>(
    scope: &'scope Scope<'scope, '_>,
    command: Command,
    stream: TcpStream,
    ended: Sender<usize>,
    tell: impl FnOnce(End) + Send + 'scope,
) -> io::Result<()> {
    // First the thread: a worker without one would never be reaped.
    let (give, given) = channel::<Child>();
    thread::Builder::new().spawn_scoped(scope, move || {
        let Ok(mut child) = given.recv() else {
            return; // the command could not be started
        };
        let status = child.wait();
        let _ = ended.send(1);
        tell(status);
    })?;
    let child = spawn(command, stream)?;
    // The thread is there, and it takes what it gets.
    let _ = give.send(child);
    Ok(())
}

/// Waits until so many workers have ended, or `grace` is over.
fn wait(mut running: usize, ends: &Receiver<usize>, grace: Duration) {
    let deadline = Instant::now() + grace;
    while running > 0 {
        match ends.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(count) => running -= count,
            Err(_) => return,
        }
    }
}

/// Starts a server on `listener`, with at most so many workers at once. How
/// they end is written into the log.
///
/// # Errors
/// `InvalidInput` where `most` is 0, and those of [`Group::start`] and of
/// [`ServerHandle::spawn`].
pub fn start(
    listener: TcpListener,
    command: impl Fn() -> Command + Send + 'static,
    most: usize,
) -> io::Result<ServerHandle> {
    let limits = Limits { most, grace: GRACE };
    start_with(listener, command, limits, log_end, &Stopper::new())
}

/// Starts a server like [`start`], which tells `told` how its workers ended,
/// and with a stopper that was made before. See [`serve`].
///
/// # Errors
/// Those of [`start`].
pub fn start_with(
    listener: TcpListener,
    command: impl Fn() -> Command + Send + 'static,
    limits: Limits,
    told: impl Fn(Option<SocketAddr>, End) + Send + Sync + 'static,
    stopper: &Stopper,
) -> io::Result<ServerHandle> {
    if limits.most == 0 {
        let why = "a limit of 0 workers serves nobody";
        return Err(io::Error::new(ErrorKind::InvalidInput, why));
    }
    let (group, stop) = (Group::start()?, stopper.clone());
    ServerHandle::spawn(listener, stopper, move |listener| {
        let accept = || listener.accept();
        serve(accept, thread::sleep, command, group, limits, &told, &stop)
    })
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

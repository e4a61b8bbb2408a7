//! Serves each connection in a process of its own: `socketserver.ForkingTCPServer`.
//!
//! A process may crash, leak and be killed, and takes nobody along. A program
//! with threads must not fork, so ours starts a command, which gets the
//! connection as its standard input and output, as inetd did it. Whoever holds
//! a connection keeps it open; so the server lets go of it at once, and the
//! client hears the end when its worker has ended.
//!
//! The server asks its [`Handler`] who may come in, and tells it what went
//! wrong. The other steps are the worker's: a program of ours calls [`work`]
//! there, with the same handler, and any program that reads and prints will do.
//!
//! ```
//! use chatroom::server::forking;
//! use chatroom::server::forking::Limits;
//! use std::io::{self, Read, Write};
//! use std::net::{SocketAddr, TcpListener, TcpStream};
//! use std::process::Command;
//!
//! # if cfg!(not(unix)) { return Ok(()); }
//! let listener = TcpListener::bind("127.0.0.1:0")?;
//! let echo = |mut stream: &TcpStream, _: SocketAddr| {
//!     io::copy(&mut &*stream, &mut stream).map(drop)
//! };
//! // A worker of our own would call `forking::work(&echo)`.
//! let worker = || Command::new("cat");
//! let server = forking::start(listener, echo, worker, Limits::default())?;
//! let mut client = TcpStream::connect(server.address())?;
//! client.write_all(b"hello")?;
//! client.read_exact(&mut [0; 5])?;
//! server.shutdown()?; // no worker is left
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! Left out: Windows, where a start fails with `Unsupported`; a worker that
//! leaves its process group, as `setsid(1)` does, and so escapes the stop; and
//! one that sends a signal to its group, as `kill 0` does: it hits all workers.

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

/// Returns the connection that is this process's standard input.
///
/// # Errors
/// Those of `dup(2)`. `Unsupported` on Windows.
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
/// life, see [`process`]: what a worker does. What goes wrong is told to the
/// handler here, in the worker.
///
/// # Errors
/// Those of [`connection`], and of `getpeername(2)`, which says that it is none.
pub fn work(handler: &dyn Handler) -> io::Result<()> {
    let stream = connection()?;
    let peer = stream.peer_addr()?;
    process(handler, &stream, peer);
    Ok(())
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
        // But somebody may have killed it first. Until it is waited for, the
        // number is its own and the group's, so this can hit nobody else.
        let mut killer = Command::new("sh");
        killer.args(["-c", KILLER, &self.guardian.id().to_string()]);
        killer.stdin(Stdio::null()).stderr(Stdio::null());
        if let Err(error) = killer.status() {
            log::error!("a group is left to its guardian: {error}");
        }
        if let Err(error) = self.guardian.wait() {
            log::error!("a group's guardian: {error}");
        }
    }
}

/// Accepts connections and starts a worker for each, until `stopper` is
/// pressed. Then it ends those that are left, and waits for them.
///
/// Who is one too many waits in the listener's queue. The handler says here who
/// may come in; it hears, once for each connection, why there was no worker or
/// that it ended badly; and of errors of `accept`, without a client.
///
/// # Errors
/// The error of `accept` that says that nobody listens any more, and those of
/// [`Group::terminate`].
pub fn serve(
    mut accept: impl FnMut() -> io::Result<(TcpStream, SocketAddr)>,
    mut pause: impl FnMut(Duration),
    handler: &dyn Handler,
    command: impl Fn() -> Command,
    mut group: Group,
    limits: Limits,
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
                    let tell = move |end| {
                        // Whoever waits for the server here waits for itself.
                        let _enlisted = stopper.enlist();
                        if let Err(error) = success(end) {
                            report(handler, Some(peer), &error);
                        }
                    };
                    let begun = caught(|| {
                        if handler.verify(peer) {
                            let command = group.joined_by(command());
                            begin(scope, command, stream, ended.clone(), tell)?;
                            running += 1;
                        }
                        Ok(())
                    });
                    if let Err(error) = begun {
                        report(handler, Some(peer), &error);
                    }
                }
                Err(error) => match after_accept_error(&error) {
                    Next::Again => {}
                    Next::BackOff => {
                        report(handler, None, &error);
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

/// Makes an error of the end of a worker that did not go as it should.
fn success(end: io::Result<ExitStatus>) -> io::Result<()> {
    match end? {
        status if status.success() => Ok(()),
        status => Err(io::Error::other(format!("the worker ended with {status}"))),
    }
}

/// Starts a worker, and the thread that waits for its end: a process that has
/// ended stays in the kernel's table until somebody asks for its status.
fn begin<'scope>(
    scope: &'scope Scope<'scope, '_>,
    command: Command,
    stream: TcpStream,
    ended: Sender<usize>,
    tell: impl FnOnce(io::Result<ExitStatus>) + Send + 'scope,
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
    // A grace that no clock can show is one without an end.
    let deadline = Instant::now().checked_add(grace);
    while running > 0 {
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        match ends.recv_timeout(left.unwrap_or(grace)) {
            Ok(count) => running -= count,
            Err(_) => return,
        }
    }
}

/// Starts a server on `listener`, with a process for each connection, which
/// `command` starts.
///
/// # Errors
/// `InvalidInput` where the limit is 0, and those of [`Group::start`] and of
/// [`ServerHandle::spawn`].
pub fn start(
    listener: TcpListener,
    handler: impl Handler,
    command: impl Fn() -> Command + Send + 'static,
    limits: Limits,
) -> io::Result<ServerHandle> {
    start_with(listener, handler, command, limits, &Stopper::new())
}

/// Starts a server like [`start`], with a stopper that was made before, for
/// instance to be given to the handler.
///
/// # Errors
/// Those of [`start`].
pub fn start_with(
    listener: TcpListener,
    handler: impl Handler,
    command: impl Fn() -> Command + Send + 'static,
    limits: Limits,
    stopper: &Stopper,
) -> io::Result<ServerHandle> {
    if limits.most == 0 {
        let why = "a limit of 0 workers serves nobody";
        return Err(io::Error::new(ErrorKind::InvalidInput, why));
    }
    let (group, stop) = (Group::start()?, stopper.clone());
    ServerHandle::spawn(listener, stopper, move |listener| {
        let accept = || listener.accept();
        serve(
            accept,
            thread::sleep,
            &handler,
            command,
            group,
            limits,
            &stop,
        )
    })
}

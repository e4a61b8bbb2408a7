//! The rooms that are measured, each in a process of its own, so that its
//! memory is its own as well.

use crate::bare;
use crate::load::LINE;
use crate::load::Wire;
use chatroom::chat::server::{Options, start};
use chatroom::scale::event_loop;
use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Ours, with two threads for each member.
    Threads,
    /// Ours, with one thread for all members.
    Events,
    /// The loop without the chat: what `Events` could be at most.
    Bare,
    /// Pub/sub of a `redis-server`, where there is one.
    Redis,
    /// The same idea on Python's `ThreadingTCPServer`.
    Python,
    /// No room at all: one `send` for each delivery, as fast as they go.
    Sends,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Kind::Threads => "chatroom, threads",
            Kind::Events => "chatroom, events",
            Kind::Bare => "bare loop, no chat",
            Kind::Redis => "Redis pub/sub",
            Kind::Python => "Python's ThreadingTCPServer",
            Kind::Sends => "bare sends, no room",
        }
    }

    /// What the bench's own program is called with to be this one.
    fn word(self) -> Option<&'static str> {
        match self {
            Kind::Threads => Some("threads"),
            Kind::Events => Some("events"),
            Kind::Bare => Some("bare"),
            Kind::Redis | Kind::Python => None,
            Kind::Sends => Some("sends"),
        }
    }

    /// Says whether one can talk in it.
    pub fn is_room(self) -> bool {
        self != Kind::Sends
    }

    /// How one talks to it.
    pub fn wire(self) -> Wire {
        match self {
            Kind::Redis => Wire::Redis,
            _ => Wire::Lines,
        }
    }

    /// At most so many clients are tried: where a client takes a thread or two,
    /// more say nothing of the room and much of the machine.
    pub fn most(self) -> usize {
        match self {
            Kind::Threads | Kind::Python => 1_000,
            _ => usize::MAX,
        }
    }

    /// Why no more than that are.
    pub fn why_not_more(self) -> &'static str {
        match self {
            Kind::Threads => "two threads for each client",
            _ => "a thread for each client",
        }
    }

    fn command(self, behind: Option<usize>) -> io::Result<Command> {
        let Some(word) = self.word() else {
            let mut command = Command::new("python3");
            command.args(["-c", include_str!("room.py")]);
            return Ok(command);
        };
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["serve", word]);
        if let Some(behind) = behind {
            command.args(["--behind", &behind.to_string()]);
        }
        Ok(command)
    }
}

/// A room in a process, which ends with the value.
pub struct Room {
    child: Child,
    pub address: SocketAddr,
}

impl Room {
    pub fn open(kind: Kind) -> io::Result<Room> {
        match kind {
            Kind::Redis => Room::redis(),
            kind => Room::start(kind.command(None)?, kind.name()),
        }
    }

    /// Opens a room of ours in which one may be so many bytes behind.
    pub fn strict(kind: Kind, behind: usize) -> io::Result<Room> {
        Room::start(kind.command(Some(behind))?, kind.name())
    }

    fn start(mut command: Command, name: &str) -> io::Result<Room> {
        // A room of ours lives as long as its standard input.
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        // Python's complaints about clients that went are not ours.
        command.stderr(Stdio::null());
        let mut child = command.spawn()?;
        let mut line = String::new();
        if let Some(stdout) = child.stdout.take() {
            BufReader::new(stdout).read_line(&mut line)?;
        }
        let address = line.trim().strip_prefix("listening on ");
        match address.unwrap_or_default().parse() {
            Ok(address) => Ok(Room { child, address }),
            Err(_) => {
                let _ = child.kill();
                let _ = child.wait();
                Err(io::Error::other(format!("{name} does not start: {line:?}")))
            }
        }
    }

    /// Starts a `redis-server` on a port that was free a moment ago.
    fn redis() -> io::Result<Room> {
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let mut command = Command::new("redis-server");
        command.args(["--bind", "127.0.0.1", "--port", &address.port().to_string()]);
        command.args(["--save", "", "--appendonly", "no", "--maxclients", "100000"]);
        // It takes only 127.0.0.1 for loopback, and we call from its neighbours.
        command.args(["--protected-mode", "no"]);
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let room = Room {
            child: command.stderr(Stdio::null()).spawn()?,
            address,
        };
        for _ in 0..100 {
            if TcpStream::connect(address).is_ok() {
                return Ok(room);
            }
            thread::sleep(Duration::from_millis(50));
        }
        Err(io::Error::other("redis-server does not start"))
    }

    /// Returns its memory in KiB: `VmRSS` of proc(5).
    pub fn memory(&self) -> u64 {
        self.status("VmRSS:")
    }

    /// Returns how many threads it has.
    pub fn threads(&self) -> u64 {
        self.status("Threads:")
    }

    /// Returns how many descriptors it has open.
    pub fn descriptors(&self) -> u64 {
        let folder = fs::read_dir(format!("/proc/{}/fd", self.child.id()));
        folder.map_or(0, |entries| entries.count() as u64)
    }

    fn status(&self, field: &str) -> u64 {
        let path = format!("/proc/{}/status", self.child.id());
        let text = fs::read_to_string(path).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix(field));
        let number = line.and_then(|line| line.split_whitespace().next());
        number.and_then(|number| number.parse().ok()).unwrap_or(0)
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Is the room, in the process that `Room::open` has started.
pub fn serve(word: &str, behind: Option<usize>) -> io::Result<()> {
    let mut options = options();
    options.behind = behind.unwrap_or(options.behind);
    let listener = listener()?;
    println!("listening on {}", listener.local_addr()?);
    io::stdout().flush()?;
    let ended = || io::stdin().lines().for_each(drop);
    match word {
        "sends" => drop(thread::spawn(move || sends(&listener))),
        "bare" => drop(thread::spawn(move || bare::serve(listener))),
        // What `chatroom serve --engine events` calls, and without `--engine`.
        "events" => {
            let server = event_loop::start(listener, &options)?;
            ended();
            return server.shutdown();
        }
        _ => {
            let server = start(listener, &options)?;
            ended();
            return server.shutdown();
        }
    }
    ended();
    Ok(())
}

/// The room's own limits, but for those that ten thousand clients from one
/// machine would meet.
fn options() -> Options {
    Options {
        members: 100_000,
        per_address: 100_000,
        ..Options::default()
    }
}

fn listener() -> io::Result<TcpListener> {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None)?;
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into())?;
    socket.listen(4_096)?;
    Ok(socket.into())
}

/// Takes clients in, and sends each of them line after line.
fn sends(listener: &TcpListener) -> io::Result<()> {
    let mut clients: Vec<TcpStream> = Vec::new();
    let mut line = [b'.'; LINE];
    line[LINE - 1] = b'\n';
    listener.set_nonblocking(true)?;
    loop {
        while let Ok((client, _)) = listener.accept() {
            client.set_nonblocking(false)?;
            client.set_nodelay(true)?;
            clients.push(client);
        }
        for client in &mut clients {
            client.write_all(&line)?;
        }
    }
}

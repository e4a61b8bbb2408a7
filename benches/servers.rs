//! `make bench-servers`: what a connection costs our three servers, beside the
//! classes of the same name in Python's `socketserver`, in one run.
//!
//! Each server is a process of its own that echoes; this one is the clients.
//! Ours and Python's take turns, with a fresh process for each round, so that
//! what else the machine does meets both, and with a fresh port, so that the
//! connections of one round that linger in TIME_WAIT take no port away from the
//! next. The medians of the rounds are printed.

use chatroom::server::{forking, tcp, threading};
use std::env;
use std::fmt::Write as _;
use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

/// Of each server, for each measurement. An odd number has a median.
const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_millis(300);
/// The first clients of a server meet cold caches; they do not count.
const WARM_UP: Duration = Duration::from_millis(50);
/// A guard: an answer that has not come by then never comes.
const GUARD: Duration = Duration::from_secs(20);
const MESSAGE: &[u8; 32] = b"what was said is what is heard.\n";
/// Places for all clients of a round, and for some that have just gone.
const MOST: usize = 100;

const PYTHON: &str = r#"
import socketserver, sys

class Echo(socketserver.BaseRequestHandler):
    def handle(self):
        while piece := self.request.recv(4096):
            self.request.sendall(piece)

kind = getattr(socketserver, sys.argv[1])
kind.allow_reuse_address = True
kind.request_queue_size = 128
kind.max_children = 100
kind.daemon_threads = True
with kind(("127.0.0.1", 0), Echo) as server:
    print("%s:%d" % server.server_address, flush=True)
    server.serve_forever()
"#;

/// What a worker of the forking server is, here: a program with nothing in it
/// that it does not need, linked statically, for the system has to start it
/// for each connection.
const WORKER: &str = r#"
use std::fs::File;
use std::io::{Read, Result, Write, stdin};
use std::os::fd::AsFd;

fn main() -> Result<()> {
    let mut connection = File::from(stdin().as_fd().try_clone_to_owned()?);
    let mut piece = [0; 4096];
    loop {
        match connection.read(&mut piece)? {
            0 => return Ok(()),
            count => connection.write_all(&piece[..count])?,
        }
    }
}
"#;

/// Ours by its module's name, and Python's class.
const SERVERS: [(&str, &str); 3] = [
    ("tcp", "TCPServer"),
    ("threading", "ThreadingTCPServer"),
    ("forking", "ForkingTCPServer"),
];

fn main() -> io::Result<()> {
    let words: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["serve", kind] => return serve(kind),
        ["bare", kind] => return bare(kind),
        ["work"] => return forking::work(&echo),
        ["nothing"] => return Ok(()),
        // `cargo test --benches` only wants to see that it runs.
        _ if !words.contains(&"--bench") => return Ok(()),
        _ => {}
    }
    if let Err(error) = build_worker() {
        println!("a worker is this program in another role, for none can be built: {error}");
    }
    let python = has_python();
    if !python {
        println!("skipped: there is no python3 to compare with");
    }
    println!(
        "{:<11}{:<21}{:>7}{:>9}{:>9}{:>10}{:>7}{:>12}{:>8}{:>10}{:>7}",
        "",
        "in a second",
        "clients",
        "ours",
        "bare",
        "Python's",
        "ratio",
        "µs of ours",
        "bare",
        "Python's",
        "ratio"
    );
    for (ours, class) in SERVERS {
        for load in [Load::Connections, Load::RoundTrips] {
            for clients in [1, 50] {
                println!("{}", line(ours, class, load, clients, python)?);
            }
        }
    }
    println!(
        "\nMedians of {ROUNDS} rounds of {ROUND:?}. Bare is the system calls in a loop and nothing"
    );
    println!("else, the most that a server could answer here; µs, the server's processor time");
    println!("for each. A process that does nothing, in a second, started and reaped:");
    for threads in [1, thread::available_parallelism()?.get()] {
        println!(
            "{:<32}{threads:>7}{:>9.0}",
            "  by so many threads",
            processes(threads)?
        );
    }
    Ok(())
}

#[derive(Clone, Copy, PartialEq)]
enum Load {
    /// Connect, one message, its answer, close.
    Connections,
    /// A message and its answer, on a connection that stays open.
    RoundTrips,
}

fn line(ours: &str, class: &str, load: Load, clients: usize, python: bool) -> io::Result<String> {
    let name = match load {
        Load::Connections => "connections answered",
        Load::RoundTrips => "round trips",
    };
    let mut line = format!("{ours:<11}{name:<21}{clients:>7}");
    if ours == "tcp" && load == Load::RoundTrips && clients > 1 {
        // It serves the second client when the first one has gone.
        let _ = write!(line, "{:>9}", "-");
        return Ok(line);
    }
    let mut results: [Vec<Round>; 3] = Default::default();
    for _ in 0..ROUNDS {
        results[0].push(round(&mut this(&["serve", ours])?, load, clients)?);
        if python {
            let mut command = Command::new("python3");
            command.args(["-c", PYTHON, class]);
            results[1].push(round(&mut command, load, clients)?);
        }
        results[2].push(round(&mut this(&["bare", ours])?, load, clients)?);
    }
    let [ours, python, bare] = results;
    let rate = |rounds: &[Round]| median(rounds.iter().map(|round| round.rate).collect());
    let _ = write!(line, "{:>9.0}{:>9.0}", rate(&ours), rate(&bare));
    if !python.is_empty() {
        let ratio = rate(&ours) / rate(&python);
        let _ = write!(line, "{:>10.0}{ratio:>7.1}", rate(&python));
        if let (Some(ours), Some(bare), Some(python)) = (cost(&ours), cost(&bare), cost(&python)) {
            let ratio = python / ours;
            let _ = write!(line, "{ours:>12.1}{bare:>8.1}{python:>10.1}{ratio:>7.1}");
        }
    }
    Ok(line)
}

struct Round {
    /// In a second.
    rate: f64,
    count: f64,
    /// What the server and its children that were reaped have computed.
    computed: Option<Duration>,
}

/// Microseconds of the server's processor time for each answer.
fn cost(rounds: &[Round]) -> Option<f64> {
    let count: f64 = rounds.iter().map(|round| round.count).sum();
    let computed: Option<Duration> = rounds.iter().map(|round| round.computed).sum();
    // The clock of processes ticks every 10 ms.
    let computed = computed.filter(|computed| *computed > Duration::from_millis(100))?;
    Some(computed.as_secs_f64() * 1e6 / count)
}

/// The clients of one round, and how many answers they got.
fn round(server: &mut Command, load: Load, clients: usize) -> io::Result<Round> {
    let server = Server::start(server)?;
    let (ready, address) = (Barrier::new(clients + 1), server.address);
    thread::scope(|scope| {
        let client = || {
            // Whoever fails lets the others begin as well.
            let mut connection = None;
            let mut once = || match load {
                Load::Connections => talk(&mut call(address)?),
                Load::RoundTrips => match &mut connection {
                    Some(connection) => talk(connection),
                    None => talk(connection.insert(call(address)?)),
                },
            };
            let warm = count(WARM_UP, &mut once);
            ready.wait();
            warm.and_then(|_| count(ROUND, once))
        };
        let clients: Vec<_> = (0..clients).map(|_| scope.spawn(client)).collect();
        ready.wait();
        let before = computed(server.process.id());
        let mut count = 0;
        for client in clients {
            count += (client.join()).map_err(|_| io::Error::other("a client panicked"))??;
        }
        let after = computed(server.process.id());
        Ok(Round {
            rate: f64::from(count) / ROUND.as_secs_f64(),
            count: f64::from(count),
            computed: after.zip(before).map(|(after, before)| after - before),
        })
    })
}

/// The processor time of a process and of its children that were reaped, where
/// there is `/proc/PID/stat`: four numbers of ticks, the 12th after its name.
fn computed(process: u32) -> Option<Duration> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let (_, rest) = stat.rsplit_once(") ")?;
    let ticks = rest.split(' ').skip(11).take(4);
    let ticks: u64 = ticks.filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
    Some(Duration::from_millis(10 * ticks))
}

/// How often `once` came to its end in that time.
fn count(time: Duration, mut once: impl FnMut() -> io::Result<()>) -> io::Result<u32> {
    let end = Instant::now() + time;
    let mut count = 0;
    loop {
        once()?;
        if Instant::now() > end {
            return Ok(count);
        }
        count += 1;
    }
}

fn call(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(GUARD))?;
    Ok(stream)
}

fn talk(stream: &mut TcpStream) -> io::Result<()> {
    stream.write_all(MESSAGE)?;
    let mut answer = [0; MESSAGE.len()];
    stream.read_exact(&mut answer)?;
    match &answer == MESSAGE {
        true => Ok(()),
        false => Err(io::Error::other("this is no echo")),
    }
}

/// How many processes can be started and reaped in a second.
fn processes(threads: usize) -> io::Result<f64> {
    let start = || {
        count(ROUND, || {
            let mut command = this(&["nothing"])?;
            command.stdin(Stdio::null()).stdout(Stdio::null());
            command.status().map(drop)
        })
    };
    let mut rates = Vec::new();
    for _ in 0..ROUNDS {
        let total = thread::scope(|scope| {
            let threads: Vec<_> = (0..threads).map(|_| scope.spawn(start)).collect();
            let mut total = 0;
            for thread in threads {
                total += thread
                    .join()
                    .map_err(|_| io::Error::other("a thread panicked"))??;
            }
            Ok::<_, io::Error>(total)
        })?;
        rates.push(f64::from(total) / ROUND.as_secs_f64());
    }
    Ok(median(rates))
}

fn median(mut rates: Vec<f64>) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates[rates.len() / 2]
}

/// A server in a process of its own, that is killed by its drop.
struct Server {
    process: Child,
    address: SocketAddr,
}

impl Server {
    /// Starts it, and waits for its first line, which says where it listens.
    fn start(command: &mut Command) -> io::Result<Server> {
        let mut process = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let output = process.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
        let mut server = Server {
            process,
            address: SocketAddr::from(([0, 0, 0, 0], 0)),
        };
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        server.address = (line.trim().parse()).map_err(|_| io::Error::other("no server"))?;
        Ok(server)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// One of our servers, until it is killed.
fn serve(kind: &str) -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let server = match kind {
        "tcp" => tcp::start(listener, echo)?,
        "threading" => threading::start(listener, echo, threading::Limits { most: MOST })?,
        _ => {
            let path = env::current_exe()?;
            let worker = move || worker(&path);
            let limits = forking::Limits {
                most: MOST,
                ..forking::Limits::default()
            };
            forking::start(listener, echo, worker, limits)?
        }
    };
    println!("{}", server.address());
    server.join()
}

/// A worker, or where there is none this program, whose `path` it is.
fn worker(path: &Path) -> Command {
    let small = small_worker();
    if small.exists() {
        return Command::new(small);
    }
    let mut command = Command::new(path);
    command.arg("work");
    command
}

fn small_worker() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("worker")
}

fn build_worker() -> io::Result<()> {
    let path = small_worker();
    // One of an earlier run may be another one.
    let _ = fs::remove_file(&path);
    let source = path.with_extension("rs");
    fs::write(&source, WORKER)?;
    let mut rustc = Command::new("rustc");
    rustc.args(["--edition", "2024", "-O", "-C", "panic=abort"]);
    rustc.args(["-C", "target-feature=+crt-static"]);
    rustc.args(["-C", "relocation-model=static"]);
    let built = rustc.arg(source).arg("-o").arg(path).output()?;
    match built.status.success() {
        true => Ok(()),
        false => Err(io::Error::other(
            String::from_utf8_lossy(&built.stderr).into_owned(),
        )),
    }
}

/// The least that does the same, without limits, errors, or a stop.
fn bare(kind: &str) -> io::Result<()> {
    let (listener, path) = (TcpListener::bind("127.0.0.1:0")?, env::current_exe()?);
    println!("{}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept()?;
        match kind {
            "tcp" => repeat(&stream, &stream)?,
            "threading" => drop(thread::spawn(move || repeat(&stream, &stream))),
            _ => {
                let mut child = forking::spawn(worker(&path), stream)?;
                thread::spawn(move || child.wait());
            }
        }
    }
}

fn echo(stream: &TcpStream, _: SocketAddr) -> io::Result<()> {
    repeat(stream, stream)
}

fn repeat(mut from: impl Read, mut to: impl Write) -> io::Result<()> {
    let mut piece = [0; 4096];
    loop {
        match from.read(&mut piece)? {
            0 => return Ok(()),
            count => to.write_all(&piece[..count])?,
        }
    }
}

/// This program once more, in another role.
fn this(words: &[&str]) -> io::Result<Command> {
    let mut command = Command::new(env::current_exe()?);
    command.args(words);
    Ok(command)
}

fn has_python() -> bool {
    let mut python = Command::new("python3");
    python.arg("--version").stdout(Stdio::null());
    python.status().is_ok_and(|status| status.success())
}

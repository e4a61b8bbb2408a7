//! `make bench-relay`: what a relay costs. One server alone, then one, two and
//! three servers on one broker, all on this machine: how long from saying to
//! hearing on every server, and how many messages a second the room takes.

use crate::load::{LINE, STAMP};
use chatroom::chat::outlet::Outlet;
use chatroom::chat::server::{self, Options};
use chatroom::scale::{nats, relay::Relay};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Messages a second, from all servers together, while times are taken.
const CALM: u64 = 1_000;

/// Each speaker has so many messages on their way at most.
const WINDOW: u64 = 1_000;

/// A process that ends with the value.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

struct Broker {
    _process: Process,
    store: std::path::PathBuf,
    url: String,
}

impl Broker {
    fn start() -> io::Result<Broker> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let store = std::env::temp_dir().join(format!("bench-relay-{port}"));
        let mut command = Command::new("nats-server");
        command.args(["-js", "-a", "127.0.0.1", "-p", &port.to_string(), "-sd"]);
        command.arg(&store).stderr(Stdio::piped());
        let mut child = command.spawn()?;
        let stderr = child.stderr.take();
        let broker = Broker {
            _process: Process(child),
            store,
            url: format!("nats://127.0.0.1:{port}"),
        };
        let mut log = BufReader::new(stderr.ok_or_else(|| io::Error::other("no log"))?);
        let mut line = String::new();
        while !line.contains("Server is ready") {
            line.clear();
            if log.read_line(&mut line)? == 0 {
                return Err(io::Error::other("nats-server has ended"));
            }
        }
        thread::spawn(move || io::copy(&mut log, &mut io::sink()));
        Ok(broker)
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = self._process.0.kill();
        let _ = std::fs::remove_dir_all(&self.store);
    }
}

/// Is one of the servers, in a process of its own, until its input ends.
pub fn serve(url: Option<&str>) -> io::Result<()> {
    let mut options = Options {
        members: 10_000,
        per_address: 10_000,
        ..Options::default()
    };
    let mut links = Vec::new();
    if let Some(url) = url {
        let relay = Arc::new(Relay::new(&options));
        links.push(nats::start(url, "bench", relay.clone())?);
        options.outlet = Outlet::to(relay);
    }
    let server = server::start(TcpListener::bind("127.0.0.1:0")?, &options)?;
    println!("listening on {}", server.address());
    io::stdin().read_to_end(&mut Vec::new())?;
    server.shutdown()
}

fn open(url: Option<&str>) -> io::Result<(Process, SocketAddr)> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("relay-server").args(url);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut process = Process(command.spawn()?);
    let mut line = String::new();
    if let Some(stdout) = process.0.stdout.take() {
        BufReader::new(stdout).read_line(&mut line)?;
    }
    let address = line.trim().strip_prefix("listening on ");
    let address = address.and_then(|address| address.parse().ok());
    let address = address.ok_or_else(|| io::Error::other("a server does not start"))?;
    Ok((process, address))
}

/// Somebody who says, and whose ears count in another thread.
struct Client {
    stream: TcpStream,
    name: String,
    said: u64,
    /// All that it has heard, and what it has heard of itself.
    all: Arc<AtomicU64>,
    own: Arc<AtomicU64>,
    timed: Arc<AtomicBool>,
    ears: JoinHandle<Vec<u64>>,
}

impl Client {
    fn join(address: SocketAddr, number: usize, began: Instant) -> io::Result<Client> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        let name = format!("c{number:06}");
        let [all, own] = [(); 2].map(|()| Arc::new(AtomicU64::new(0)));
        let timed = Arc::new(AtomicBool::new(false));
        let mut input = BufReader::with_capacity(256 * 1024, stream.try_clone()?);
        let (mine, counts, taken) = (name.clone(), (all.clone(), own.clone()), timed.clone());
        let ears = thread::spawn(move || {
            let (mut line, mut times) = ([0; LINE], Vec::new());
            while input.read_exact(&mut line).is_ok() {
                if taken.load(Ordering::Relaxed) {
                    let stamp = std::str::from_utf8(&line[STAMP]).unwrap_or_default();
                    let said: u64 = stamp.parse().unwrap_or_default();
                    times.push(began.elapsed().as_nanos() as u64 - said);
                }
                counts.0.fetch_add(1, Ordering::Relaxed);
                if line[9..16] == *mine.as_bytes() {
                    counts.1.fetch_add(1, Ordering::Relaxed);
                }
            }
            times
        });
        let said = 0;
        Ok(Client {
            stream,
            name,
            said,
            all,
            own,
            timed,
            ears,
        })
    }

    fn say(&mut self, count: u64, began: Instant) -> io::Result<()> {
        let mut lines = Vec::new();
        for _ in 0..count {
            let (begin, now) = (lines.len(), began.elapsed().as_nanos());
            write!(lines, r#"{{"name":"{}","msg":"{now:016}"#, self.name)?;
            let tail = "\",\"time\":\"2026-11-22T08:00:00Z\"}\n";
            lines.resize(begin + LINE - tail.len(), b'.');
            lines.extend(tail.as_bytes());
        }
        self.said += count;
        self.stream.write_all(&lines)
    }

    fn on_their_way(&self) -> u64 {
        self.said - self.own.load(Ordering::Relaxed)
    }
}

/// p50 and p99 in milliseconds, and messages a second.
struct Figures {
    p50: f64,
    p99: f64,
    messages: f64,
}

fn measure(servers: usize, relayed: bool, time: Duration) -> io::Result<Figures> {
    let broker = relayed.then(Broker::start).transpose()?;
    let url = broker.as_ref().map(|broker| broker.url.as_str());
    let began = Instant::now();
    let (mut processes, mut clients) = (Vec::new(), Vec::new());
    for number in 0..servers {
        let (process, address) = open(url)?;
        processes.push(process);
        clients.push(Client::join(address, number, began)?);
    }
    for client in &mut clients {
        client.say(1, began)?;
    }
    wait(&clients)?;
    clients
        .iter()
        .for_each(|it| it.timed.store(true, Ordering::Relaxed));
    let start = Instant::now();
    for number in 0.. {
        let due = Duration::from_nanos(number * 1_000_000_000 / CALM);
        if due > time {
            break;
        }
        thread::sleep(due.saturating_sub(start.elapsed()));
        clients[number as usize % servers].say(1, began)?;
    }
    wait(&clients)?;
    clients
        .iter()
        .for_each(|it| it.timed.store(false, Ordering::Relaxed));

    let (start, before) = (Instant::now(), clients[0].all.load(Ordering::Relaxed));
    while start.elapsed() < time {
        let mut idle = true;
        for client in &mut clients {
            let free = WINDOW - client.on_their_way();
            if free >= WINDOW / 4 {
                client.say(free.min(256), began)?;
                idle = false;
            }
        }
        if idle {
            thread::sleep(Duration::from_micros(100));
        }
    }
    let count = clients[0].all.load(Ordering::Relaxed) - before;
    let messages = count as f64 / start.elapsed().as_secs_f64();
    wait(&clients)?;
    let mut times = Vec::new();
    drop(processes);
    for client in clients {
        times.extend(client.ears.join().unwrap_or_default());
    }
    times.sort_unstable();
    let at = |part: f64| times[(times.len() as f64 * part) as usize] as f64 / 1e6;
    Ok(Figures {
        p50: at(0.50),
        p99: at(0.99),
        messages,
    })
}

/// Waits until everybody has heard themselves, or says that nothing comes.
fn wait(clients: &[Client]) -> io::Result<()> {
    let start = Instant::now();
    while clients.iter().any(|client| client.on_their_way() > 0) {
        if start.elapsed() > Duration::from_secs(20) {
            return Err(io::Error::other("something that was said is not heard"));
        }
        thread::sleep(Duration::from_millis(1));
    }
    Ok(())
}

pub fn bench(rounds: usize, seconds: f64) -> io::Result<()> {
    let rows = [(1, false), (1, true), (2, true), (3, true)];
    let time = Duration::from_secs_f64(seconds);
    println!(
        "messages of {LINE} bytes; times at {CALM} messages a second; a speaker on each server\n"
    );
    println!("| servers | broker | p50 | p99 | messages/s |\n|--:|---|--:|--:|--:|");
    for (servers, relayed) in rows {
        let mut all = Vec::new();
        for _ in 0..rounds {
            all.push(measure(servers, relayed, time)?);
        }
        let middle = |figure: fn(&Figures) -> f64| {
            let mut values: Vec<f64> = all.iter().map(figure).collect();
            values.sort_by(f64::total_cmp);
            values[values.len() / 2]
        };
        let broker = if relayed { "NATS JetStream" } else { "none" };
        let (p50, p99) = (middle(|it| it.p50), middle(|it| it.p99));
        let messages = middle(|it| it.messages);
        println!("| {servers} | {broker} | {p50:.2} ms | {p99:.2} ms | {messages:.0} |");
    }
    Ok(())
}

//! The load: many clients in one thread, on readiness, so that they cost as
//! little as they can. They count what they hear and do not look at it, but
//! where the time of a delivery is measured.

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use socket2::{Domain, Socket, Type};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

/// Every message is one line of so many bytes.
pub const LINE: usize = 128;

/// In a saturated room so many messages are on their way at most: enough to
/// keep it busy, far from what a member may be behind.
const WINDOW: u64 = 4_096;

/// So many messages a speaker says at a time when it may.
const BURST: u64 = 32;

/// In a large room fewer, or the kernel would have to keep gigabytes for them.
const ON_THEIR_WAY: u64 = 4_000_000;

/// Where the line tells when it was said, in nanoseconds: 16 digits.
pub const STAMP: std::ops::Range<usize> = 25..41;

/// What Redis puts before a line that somebody hears, and behind it.
const HEAD: &str = "*3\r\n$7\r\nmessage\r\n$4\r\nroom\r\n$128\r\n";
const TAIL: &str = "\r\n";

/// What Redis wants before a line that is said.
const PUBLISH: &str = "*3\r\n$7\r\nPUBLISH\r\n$4\r\nroom\r\n$128\r\n";

/// How one talks to a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    /// Each message is a line, both ways.
    Lines,
    /// Some say, and others hear: who has subscribed may not publish.
    Redis,
}

impl Wire {
    /// So many bytes are one delivery.
    fn delivery(self) -> usize {
        match self {
            Wire::Lines => LINE,
            Wire::Redis => HEAD.len() + LINE + TAIL.len(),
        }
    }

    /// Where the line begins in a delivery.
    fn line(self) -> usize {
        match self {
            Wire::Lines => 0,
            Wire::Redis => HEAD.len(),
        }
    }
}

/// At most so many of the clients speak; the others listen.
const SPEAKERS: usize = 10;

/// So many greet at a time: what waits for ten thousand meanwhile is 128 MB of
/// the kernel's memory.
const GREETINGS: usize = 100;

/// Nothing came for so long: all has been heard.
const QUIET: Duration = Duration::from_millis(300);

/// A room that takes longer than this to let everybody in is broken.
const PATIENCE: Duration = Duration::from_secs(60);

pub struct Load {
    poll: Poll,
    events: Events,
    wire: Wire,
    /// Those who hear, and behind them those who only say.
    clients: Vec<Client>,
    ears: usize,
    buffer: Vec<u8>,
    began: Instant,
    said: u64,
    /// How old each delivery was, in nanoseconds, while that is measured.
    times: Option<Vec<u64>>,
}

struct Client {
    stream: TcpStream,
    name: String,
    /// Bytes since the last `settle`.
    bytes: u64,
    /// The beginning of a line whose end has not come.
    part: Vec<u8>,
    pending: Vec<u8>,
    gone: bool,
}

impl Load {
    /// Lets `count` clients in.
    pub fn connect(address: SocketAddr, count: usize, wire: Wire) -> io::Result<Load> {
        let mut load = Load {
            poll: Poll::new()?,
            events: Events::with_capacity(1024),
            wire,
            clients: Vec::with_capacity(count),
            ears: count,
            buffer: vec![0; 256 * 1024],
            began: Instant::now(),
            said: 0,
            times: None,
        };
        let mouths = match wire {
            Wire::Lines => 0,
            Wire::Redis => count.min(SPEAKERS),
        };
        for number in 0..count + mouths {
            let mut stream = TcpStream::from_std(connect(address, number)?);
            let registry = load.poll.registry();
            registry.register(&mut stream, Token(number), Interest::READABLE)?;
            load.clients.push(Client {
                stream,
                name: format!("c{number:06}"),
                bytes: 0,
                part: Vec::new(),
                pending: Vec::new(),
                gone: false,
            });
        }
        if wire == Wire::Redis {
            for client in &mut load.clients[..count] {
                client.stream.write_all(b"SUBSCRIBE room\r\n")?;
            }
        }
        Ok(load)
    }

    /// Lets `count` clients in and waits until each has heard something.
    pub fn join(address: SocketAddr, count: usize, wire: Wire) -> io::Result<Load> {
        let mut load = Load::connect(address, count, wire)?;
        let start = Instant::now();
        while load.deaf() > 0 {
            if start.elapsed() > PATIENCE {
                let deaf = load.deaf();
                return Err(io::Error::other(format!(
                    "{deaf} of {count} clients hear nothing"
                )));
            }
            // Once more only when all have heard it who will: what is said in
            // between is memory of the room, and not of its clients.
            if load.turn(Duration::from_millis(50))? == 0 {
                load.say(0, 1)?;
            }
        }
        load.settle()?;
        Ok(load)
    }

    /// Lets each of the clients say something, if it can: then all are members
    /// with a name. Everybody hears all of it.
    pub fn greet(&mut self) -> io::Result<()> {
        let mouths = match self.wire {
            Wire::Lines => self.ears,
            Wire::Redis => 0,
        };
        for first in (0..mouths).step_by(GREETINGS) {
            for number in first..mouths.min(first + GREETINGS) {
                self.say(number, 1)?;
            }
            let start = Instant::now();
            let all = self.said * self.wire.delivery() as u64;
            while self.ears().iter().any(|client| client.bytes < all) {
                self.turn(Duration::from_millis(10))?;
                if start.elapsed() > PATIENCE {
                    return Err(io::Error::other("a greeting is not heard"));
                }
            }
        }
        self.check()?;
        self.settle()
    }

    fn deaf(&self) -> usize {
        let deaf = self.ears().iter().filter(|client| client.bytes == 0);
        deaf.count()
    }

    fn ears(&self) -> &[Client] {
        &self.clients[..self.ears]
    }

    /// Who says what this speaker says.
    fn mouth(&self, speaker: usize) -> usize {
        match self.wire {
            Wire::Lines => speaker,
            Wire::Redis => self.ears + speaker,
        }
    }

    /// Waits until all is quiet, and counts from zero again.
    pub fn settle(&mut self) -> io::Result<()> {
        let mut last = Instant::now();
        while last.elapsed() < QUIET {
            if self.turn(Duration::from_millis(50))? > 0 || self.flush()? {
                last = Instant::now();
            }
        }
        self.said = 0;
        for client in &mut self.clients {
            client.bytes = 0;
            client.part.clear();
        }
        Ok(())
    }

    /// Lets the speakers say as much as the room takes, for so long; returns
    /// deliveries a second.
    pub fn saturate(&mut self, time: Duration) -> io::Result<f64> {
        let start = Instant::now();
        let mut heard = 0;
        while start.elapsed() < time {
            self.speak()?;
            heard += self.turn(Duration::from_millis(1))?;
        }
        let rate = heard as f64 / self.wire.delivery() as f64 / start.elapsed().as_secs_f64();
        self.check()?;
        Ok(rate)
    }

    /// Says nothing and counts what comes, for so long: deliveries a second.
    pub fn listen(&mut self, time: Duration) -> io::Result<f64> {
        let start = Instant::now();
        let mut heard = 0;
        while start.elapsed() < time {
            heard += self.turn(Duration::from_millis(1))?;
        }
        Ok(heard as f64 / self.wire.delivery() as f64 / start.elapsed().as_secs_f64())
    }

    /// Lets so many messages be said, as fast as the room takes them.
    pub fn fill(&mut self, messages: u64) -> io::Result<()> {
        let until = self.said + messages;
        let start = Instant::now();
        while self.said < until && start.elapsed() < Duration::from_secs(5) {
            self.speak()?;
            self.turn(Duration::from_millis(1))?;
        }
        self.settle()
    }

    /// Says so many messages a second, evenly, and returns the times from
    /// saying to hearing of all deliveries, sorted. What is not heard in two
    /// seconds after the last word has `Duration::MAX`.
    pub fn measure(&mut self, rate: f64, time: Duration) -> io::Result<Vec<Duration>> {
        self.times = Some(Vec::new());
        let gap = Duration::from_secs_f64(1.0 / rate);
        let start = Instant::now();
        let mut due = start;
        let mut speaker = 0;
        while start.elapsed() < time {
            while due <= Instant::now() {
                self.say(speaker, 1)?;
                speaker = (speaker + 1) % self.speakers();
                due += gap;
            }
            self.turn(due.saturating_duration_since(Instant::now()))?;
        }
        let all = self.said as usize * self.ears;
        let end = Instant::now();
        while self.heard() < all && end.elapsed() < Duration::from_secs(2) {
            self.turn(Duration::from_millis(10))?;
        }
        let times = self.times.take().unwrap_or_default();
        let mut times: Vec<_> = times.into_iter().map(Duration::from_nanos).collect();
        times.sort_unstable();
        times.resize(times.len().max(all), Duration::MAX);
        self.settle()?;
        Ok(times)
    }

    fn heard(&self) -> usize {
        self.times.as_ref().map_or(0, Vec::len)
    }

    fn speakers(&self) -> usize {
        self.ears.min(SPEAKERS)
    }

    /// Who is furthest behind decides how much may be said.
    fn speak(&mut self) -> io::Result<()> {
        let slowest = self.ears().iter().map(|client| client.bytes).min();
        let heard = slowest.unwrap_or(0) / self.wire.delivery() as u64;
        let window = WINDOW.min(ON_THEIR_WAY / self.ears as u64);
        let mut may = window.saturating_sub(self.said.saturating_sub(heard));
        for speaker in 0..self.speakers() {
            let count = may.min(BURST);
            if count > 0 && self.clients[self.mouth(speaker)].pending.is_empty() {
                self.say(speaker, count)?;
                may -= count;
            }
        }
        self.flush().map(drop)
    }

    fn say(&mut self, speaker: usize, count: u64) -> io::Result<()> {
        let now = self.began.elapsed().as_nanos();
        let (wire, mouth) = (self.wire, self.mouth(speaker));
        let Client { name, pending, .. } = &mut self.clients[mouth];
        for _ in 0..count {
            if wire == Wire::Redis {
                pending.extend(PUBLISH.as_bytes());
            }
            let begin = pending.len();
            write!(pending, r#"{{"name":"{name}","msg":"{now:016}"#)?;
            let tail = "\",\"time\":\"2026-11-22T08:00:00Z\"}\n";
            pending.resize(begin + LINE - tail.len(), b'.');
            pending.extend(tail.as_bytes());
            if wire == Wire::Redis {
                pending.extend(TAIL.as_bytes());
            }
        }
        self.said += count;
        self.flush_one(speaker).map(drop)
    }

    fn flush(&mut self) -> io::Result<bool> {
        let mut some = false;
        for speaker in 0..self.speakers() {
            some |= self.flush_one(speaker)?;
        }
        Ok(some)
    }

    /// Writes what is pending; says whether something was written.
    fn flush_one(&mut self, speaker: usize) -> io::Result<bool> {
        let mouth = self.mouth(speaker);
        let client = &mut self.clients[mouth];
        let before = client.pending.len();
        while !client.pending.is_empty() {
            match client.stream.write(&client.pending) {
                Ok(count) => drop(client.pending.drain(..count)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        Ok(client.pending.len() < before)
    }

    /// Takes what has come; returns how many bytes.
    fn turn(&mut self, wait: Duration) -> io::Result<u64> {
        match self.poll.poll(&mut self.events, Some(wait)) {
            Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error),
            _ => {}
        }
        let mut heard = 0;
        for event in &self.events {
            let number = event.token().0;
            let hears = number < self.ears;
            let client = &mut self.clients[number];
            loop {
                match client.stream.read(&mut self.buffer) {
                    // Redis tells those who say how many have heard it.
                    Ok(count) if count > 0 && !hears => {}
                    Ok(count) if count > 0 => {
                        heard += count as u64;
                        client.bytes += count as u64;
                        if let Some(times) = &mut self.times {
                            let now = self.began.elapsed().as_nanos() as u64;
                            client.lines(self.wire, &self.buffer[..count], now, times);
                        }
                    }
                    Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                    Ok(_) | Err(_) => {
                        client.gone = true;
                        break;
                    }
                }
            }
        }
        Ok(heard)
    }

    /// A client that was hung up on makes the figures worthless.
    fn check(&self) -> io::Result<()> {
        match self.clients.iter().filter(|client| client.gone).count() {
            0 => Ok(()),
            gone => Err(io::Error::other(format!("{gone} clients were hung up on"))),
        }
    }
}

impl Client {
    /// Finds the lines in what came, and how old they are.
    fn lines(&mut self, wire: Wire, mut bytes: &[u8], now: u64, times: &mut Vec<u64>) {
        let (whole, line) = (wire.delivery(), wire.line());
        if !self.part.is_empty() {
            let rest = (whole - self.part.len()).min(bytes.len());
            self.part.extend(&bytes[..rest]);
            bytes = &bytes[rest..];
            if self.part.len() < whole {
                return;
            }
            times.push(age(&self.part[line..], now));
            self.part.clear();
        }
        let mut deliveries = bytes.chunks_exact(whole);
        times.extend((&mut deliveries).map(|it| age(&it[line..], now)));
        self.part.extend(deliveries.remainder());
    }
}

fn age(line: &[u8], now: u64) -> u64 {
    let digits = std::str::from_utf8(&line[STAMP]).unwrap_or_default();
    now.saturating_sub(digits.parse().unwrap_or(0))
}

/// Connects from one of many addresses of loopback: one has not enough ports.
fn connect(address: SocketAddr, number: usize) -> io::Result<std::net::TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    if cfg!(target_os = "linux") {
        let source = Ipv4Addr::new(127, 0, 1, (number / 5_000) as u8 + 1);
        socket.bind(&SocketAddr::from((source, 0)).into())?;
    }
    socket.connect(&address.into())?;
    socket.set_tcp_nodelay(true)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// A client that never reads, and has little room for what it does not read.
pub fn sleeper(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.set_recv_buffer_size(4 * 1024)?;
    socket.connect(&address.into())?;
    Ok(socket)
}

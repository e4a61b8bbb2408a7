//! `make soak`: a long session, bounded, on loopback. A stable group talks
//! while others join and leave, hang up in the middle of a word, send rubbish,
//! or never read. At the end each of the group has to have heard the same
//! bytes and all of them, and the room's memory, threads and descriptors have
//! to be where they were.

use crate::rooms::{Kind, Room};
use socket2::{SockRef, Socket};
use std::collections::hash_map::DefaultHasher;
use std::hash::Hasher;
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// So many belong to the stable group.
const GROUP: usize = 20;

/// Each of them says something once in so long.
const PAUSE: Duration = Duration::from_millis(200);

/// What they say is so long, in bytes, so that who sleeps is soon too slow.
const TEXT: usize = 2 * 1024;

/// Who visits takes their time; so many do it at once.
const VISITORS: u64 = 32;

/// So many bytes one may be behind. The stable group is not: what is said in a
/// second is less, and the kernel takes some seconds more for each of them.
const BEHIND: usize = 512 * 1024;

/// While a reader sleeps so much is said that it must be dropped: the kernel
/// takes 3 MB of it, and a bound is on its way and another one in the log.
const SLEEP: u64 = 8 * 1024 * 1024;

/// Before the first look the log has been filled more than once.
const WARM_UP: usize = 5 * 1024 * 1024;

/// More memory than at the first look that is still taken for the same: what
/// the allocator keeps, in KiB.
const SLACK: u64 = 4 * 1024;

/// What one of the group has heard between the first word and the last.
#[derive(Debug, PartialEq, Eq)]
struct Heard {
    hash: u64,
    lines: u64,
    /// Of the group's own lines.
    of_group: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Look {
    memory: u64,
    threads: u64,
    descriptors: u64,
}

fn look(room: &Room) -> Look {
    Look {
        memory: room.memory(),
        threads: room.threads(),
        descriptors: room.descriptors(),
    }
}

/// A session of so long, in which one visitor comes in each `pause`.
pub fn soak(kind: Kind, time: Duration, pause: Duration) -> io::Result<()> {
    let room = Room::strict(kind, BEHIND)?;
    let address = room.address;
    let members = (0..GROUP).map(|_| TcpStream::connect(address));
    let members: Vec<TcpStream> = members.collect::<io::Result<_>>()?;
    let mut ears = Vec::new();
    for member in &members {
        member.set_nodelay(true)?;
        let member = member.try_clone()?;
        let (tell, told) = mpsc::channel();
        let ear = thread::spawn(move || listen(member, &tell));
        ears.push((ear, told));
    }
    // A member hears what is said after it has come in; so everybody has to
    // have heard something before the first word counts.
    let mut numbers = [0; GROUP];
    for (_, told) in &ears {
        while told.recv_timeout(Duration::from_millis(100)).is_err() {
            say(&members[0], 0, "is everybody here?")?;
        }
    }
    let padding = "-".repeat(1024);
    for count in 0..WARM_UP / padding.len() {
        say(&members[0], 0, &padding)?;
        if count % 64 == 0 {
            // Nobody is to be too far behind before it begins.
            thread::sleep(Duration::from_millis(20));
        }
    }
    say(&members[0], 0, FIRST)?;
    for (_, counts) in &ears {
        while !counts.recv().map_err(io::Error::other)? {}
    }

    let (over, said, counts) = (AtomicBool::new(false), AtomicU64::new(0), Counts::default());
    let padding = "-".repeat(TEXT);
    let start = Instant::now();
    let mut first = None;
    let mut highest = 0;
    thread::scope(|scope| {
        for visitor in 0..VISITORS {
            let (over, counts) = (&over, &counts);
            scope.spawn(move || {
                let gap = pause * VISITORS as u32;
                let mut due = Instant::now() + pause * visitor as u32;
                let mut kind = visitor;
                while !over.load(Ordering::Relaxed) {
                    thread::sleep(due.saturating_duration_since(Instant::now()));
                    let count = match TcpStream::connect(address) {
                        Ok(stream) => {
                            // It may be hung up on at any time; that is the point.
                            let _ = visit(stream, kind);
                            &counts.visits
                        }
                        Err(_) => &counts.turned_away,
                    };
                    count.fetch_add(1, Ordering::Relaxed);
                    (due, kind) = (due + gap, kind + VISITORS);
                }
            });
        }
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                let count = match sleep_in(address, &said, &over) {
                    Ok(true) => &counts.dropped,
                    Ok(false) if over.load(Ordering::Relaxed) => continue,
                    _ => &counts.kept,
                };
                count.fetch_add(1, Ordering::Relaxed);
            }
        });
        // Whatever comes of it: the others go on until it is over.
        let _over = Over(&over);
        let mut minute = 1;
        while start.elapsed() < time {
            for (number, member) in members.iter().enumerate() {
                say(member, number, &format!("{padding} {}", numbers[number]))?;
                numbers[number] += 1;
                said.fetch_add(TEXT as u64, Ordering::Relaxed);
            }
            thread::sleep(PAUSE);
            let now = look(&room);
            highest = highest.max(now.memory);
            // By then the allocator has seen all kinds of visitors, and the log
            // has turned over.
            if first.is_none() && start.elapsed() > time / 6 {
                first = Some(now);
            }
            if start.elapsed() >= Duration::from_secs(60) * minute {
                let visits = counts.visits.load(Ordering::Relaxed);
                println!(
                    "minute {minute}: {} said, {visits} visits, {} KiB, {} threads, {} descriptors",
                    numbers[0] * GROUP as u64,
                    now.memory,
                    now.threads,
                    now.descriptors
                );
                minute += 1;
            }
        }
        io::Result::Ok(())
    })?;
    let took = start.elapsed();

    // Each one's last word comes behind all its others.
    for (number, member) in members.iter().enumerate() {
        say(member, number, LAST)?;
    }
    let mut heard = Vec::new();
    for (ear, _) in ears {
        heard.push(join(ear)?);
    }
    // Who has gone is gone when its threads are: wait until nothing changes.
    let alone = match kind {
        Kind::Threads => 2 + 2 * GROUP as u64,
        _ => 2,
    };
    let start = Instant::now();
    while room.threads() > alone && start.elapsed() < Duration::from_secs(10) {
        thread::sleep(Duration::from_millis(100));
    }
    let last = look(&room);
    report(&heard, &numbers, first, last, highest, alone)?;
    counts.report(took, said.into_inner())?;
    for member in &members {
        let _ = member.shutdown(Shutdown::Both);
    }
    Ok(())
}

const FIRST: &str = "from here on everything counts";
const LAST: &str = "that was the last word";

fn say(mut member: &TcpStream, number: usize, text: &str) -> io::Result<()> {
    let line = format!(
        "{{\"name\":\"stable {number}\",\"msg\":\"{text}\",\"time\":\"2026-11-22T08:00:00Z\"}}\n"
    );
    member.write_all(line.as_bytes())
}

/// Hears everything between the first word and the last.
fn listen(stream: TcpStream, tell: &mpsc::Sender<bool>) -> io::Result<Heard> {
    let mut hash = DefaultHasher::new();
    let (mut lines, mut of_group, mut counts, mut goodbyes) = (0, 0, false, 0);
    let mut reader = BufReader::new(stream);
    let mut line = Vec::new();
    loop {
        line.clear();
        if reader.read_until(b'\n', &mut line)? == 0 {
            return Err(io::Error::other("one of the group was hung up on"));
        }
        let holds = |text: &str| line.windows(text.len()).any(|part| part == text.as_bytes());
        goodbyes += usize::from(counts && holds(LAST));
        if goodbyes == GROUP {
            let hash = hash.finish();
            return Ok(Heard {
                hash,
                lines,
                of_group,
            });
        }
        if counts {
            hash.write(&line);
            lines += 1;
            let is_theirs = line.starts_with(b"{\"name\":\"stable ");
            of_group += u64::from(is_theirs && !holds(LAST));
        }
        counts |= holds(FIRST);
        let _ = tell.send(counts);
    }
}

fn join<T>(thread: JoinHandle<io::Result<T>>) -> io::Result<T> {
    match thread.join() {
        Ok(result) => result,
        Err(_) => Err(io::Error::other("a listening thread panicked")),
    }
}

/// Its drop says that the session is over, also after an error.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// What became of the others.
#[derive(Default)]
struct Counts {
    visits: AtomicU64,
    /// Visits that did not come about.
    turned_away: AtomicU64,
    /// Readers that slept and were dropped.
    dropped: AtomicU64,
    /// Readers that slept and were not.
    kept: AtomicU64,
}

impl Counts {
    fn report(&self, took: Duration, said: u64) -> io::Result<()> {
        let count = |it: &AtomicU64| it.load(Ordering::Relaxed);
        let (visits, turned_away) = (count(&self.visits), count(&self.turned_away));
        let rate = visits as f64 / took.as_secs_f64();
        println!("visits: {visits}, {rate:.1} a second; not let in by the kernel: {turned_away}");
        let (dropped, kept) = (count(&self.dropped), count(&self.kept));
        println!("readers that slept: {dropped} dropped, {kept} not");
        if kept > 0 || dropped == 0 && said > 2 * SLEEP {
            return Err(io::Error::other("a reader slept and was not dropped"));
        }
        Ok(())
    }
}

/// Somebody has come, and goes in one of many ways.
fn visit(mut stream: TcpStream, kind: u64) -> io::Result<()> {
    let name = format!("visitor {kind}");
    let whole =
        format!("{{\"name\":\"{name}\",\"msg\":\"hello\",\"time\":\"2026-11-22T08:00:00Z\"}}\n");
    match kind % 8 {
        0 => {}
        1 => stream.write_all(whole.as_bytes())?,
        2 => stream.write_all(&whole.as_bytes()[..whole.len() / 2])?,
        3 => stream.write_all(b"\xff\xfe\x00 rubbish\n[1, 2]\n{}\n")?,
        4 => stream.write_all(whole.replace(&name, "stable 1").as_bytes())?,
        5 => stream.write_all(&vec![b'x'; 100_000])?,
        6 => {
            stream.write_all(whole.as_bytes())?;
            stream.shutdown(Shutdown::Write)?;
            io::copy(&mut stream, &mut io::sink())?;
        }
        _ => {
            // It says hello, and hears itself, among others.
            stream.write_all(whole.as_bytes())?;
            let mut reader = BufReader::new(&stream);
            let mut line = String::new();
            while !line.contains(&name) {
                line.clear();
                if reader.read_line(&mut line)? == 0 {
                    break;
                }
            }
        }
    }
    if kind.is_multiple_of(3) {
        // Closing resets the connection.
        SockRef::from(&stream).set_linger(Some(Duration::ZERO))?;
    }
    Ok(())
}

/// Does not read while so much is said, and says then whether it was hung up on.
fn sleep_in(address: SocketAddr, said: &AtomicU64, over: &AtomicBool) -> io::Result<bool> {
    let socket: Socket = crate::load::sleeper(address)?;
    let until = said.load(Ordering::Relaxed) + SLEEP;
    while said.load(Ordering::Relaxed) < until && !over.load(Ordering::Relaxed) {
        thread::sleep(Duration::from_millis(100));
    }
    let mut stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(Duration::from_millis(500)))?;
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return Ok(true),
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return Ok(true),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(error),
        }
    }
}

fn report(
    heard: &[Heard],
    numbers: &[u64],
    first: Option<Look>,
    last: Look,
    highest: u64,
    alone: u64,
) -> io::Result<()> {
    let said: u64 = numbers.iter().sum();
    let first = first.unwrap_or(last);
    println!(
        "said by the group: {said}, heard by each of {GROUP}: {}",
        heard[0].of_group
    );
    println!(
        "heard of all: {} lines, the same for everybody: {}",
        heard[0].lines,
        same(heard)
    );
    println!(
        "memory: {} KiB first, {} KiB last, {highest} KiB at most",
        first.memory, last.memory
    );
    println!(
        "threads: {} last, descriptors: {} last",
        last.threads, last.descriptors
    );
    let failed = |why: &str| Err(io::Error::other(why.to_string()));
    if heard.iter().any(|heard| heard.of_group != said) {
        return failed("something was lost");
    }
    if !same(heard) {
        return failed("not everybody has heard the same");
    }
    if last.memory > first.memory + SLACK {
        return failed("the room's memory has grown");
    }
    if last.threads > alone {
        return failed("threads were left behind");
    }
    if last.descriptors > first.descriptors {
        return failed("descriptors were left behind");
    }
    Ok(())
}

fn same(heard: &[Heard]) -> bool {
    heard.windows(2).all(|pair| pair[0] == pair[1])
}

//! `make bench-chat`: how many deliveries a second, how long from saying to
//! hearing, how much memory for each client; beside a room in Python and
//! beside what bare `send`s take, in one run.

mod bare;
mod load;
mod plot;
mod relay;
mod rooms;
mod soak;
mod table;

use clap::{Parser, Subcommand};
use load::{LINE, Load};
use rooms::{Kind, Room};
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// Deliveries a second at which the time from saying to hearing is measured.
const CALM: f64 = 20_000.0;

/// So far a member may be behind.
const BEHIND: usize = 4 * 1024 * 1024;

#[derive(Parser)]
#[command(about = "Measures the chat room beside others, in one run")]
struct Arguments {
    #[command(subcommand)]
    command: Option<Inner>,
    /// So many clients, one measurement for each number
    #[arg(long, value_delimiter = ',', default_value = "10,100,1000")]
    clients: Vec<usize>,
    /// So many rounds; the table shows the medians
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Seconds for each phase of a measurement
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
    /// Only the rooms whose names contain one of these, with any number of clients
    #[arg(long, value_delimiter = ',')]
    rooms: Option<Vec<String>>,
    /// Where the plot is drawn
    #[arg(long)]
    plot: Option<PathBuf>,
}

#[derive(Subcommand)]
enum Inner {
    /// Is a room; for the bench itself
    #[command(hide = true)]
    Serve {
        word: String,
        #[arg(long)]
        behind: Option<usize>,
    },
    /// One, two and three servers on one broker
    Relay,
    /// Is one of them; for the bench itself
    #[command(hide = true)]
    RelayServer { url: Option<String> },
    /// A long session with a stable group among rude visitors
    Soak {
        #[arg(long, default_value_t = 60.0)]
        minutes: f64,
        /// What drives the room: threads or events
        #[arg(long, default_value = "threads", value_parser = ["threads", "events"])]
        engine: String,
        /// So many of the others come and go in a second
        #[arg(long, default_value_t = 20.0)]
        visits_per_second: f64,
    },
}

/// What one kind of room did with so many clients.
#[derive(Clone, Debug)]
pub struct Figures {
    pub kind: Kind,
    pub clients: usize,
    /// Deliveries a second, when all that can be said is said.
    pub deliveries: f64,
    pub talk: Option<Talk>,
}

/// What can only be measured where somebody hears somebody.
#[derive(Clone, Debug)]
pub struct Talk {
    pub p50: Duration,
    pub p99: Duration,
    /// p99 while one more client never reads.
    pub asleep: Duration,
    /// KiB of the room's memory for each idle client, which has said something once.
    pub memory: f64,
    pub threads: u64,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // A client is a descriptor here, and another one in the room.
    if let Err(error) = rlimit::increase_nofile_limit(u64::MAX) {
        eprintln!("bench-chat: few descriptors: {error}");
    }
    let result = match &arguments.command {
        Some(Inner::Serve { word, behind }) => rooms::serve(word, *behind),
        Some(Inner::Soak {
            minutes,
            engine,
            visits_per_second,
        }) => {
            let time = Duration::from_secs_f64(60.0 * minutes);
            let pause = Duration::from_secs_f64(1.0 / visits_per_second);
            let kind = match engine.as_str() {
                "events" => Kind::Events,
                _ => Kind::Threads,
            };
            soak::soak(kind, time, pause)
        }
        Some(Inner::Relay) => relay::bench(arguments.rounds, arguments.seconds),
        Some(Inner::RelayServer { url }) => relay::serve(url.as_deref()),
        None => bench(&arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench-chat: {error}");
            ExitCode::FAILURE
        }
    }
}

fn bench(arguments: &Arguments) -> io::Result<()> {
    let kinds = [
        Kind::Events,
        Kind::Threads,
        Kind::Bare,
        Kind::Redis,
        Kind::Python,
        Kind::Sends,
    ];
    let kinds = match &arguments.rooms {
        None => kinds.to_vec(),
        Some(words) => (kinds.into_iter())
            .filter(|kind| words.iter().any(|word| kind.name().contains(word)))
            .collect(),
    };
    let time = Duration::from_secs_f64(arguments.seconds);
    let mut all = Vec::new();
    for round in 1..=arguments.rounds {
        for &clients in &arguments.clients {
            let named = arguments.rooms.is_some();
            let here = |kind: &&Kind| named || clients <= kind.most();
            for &kind in kinds.iter().filter(here) {
                let (of, name) = (arguments.rounds, kind.name());
                eprintln!("round {round} of {of}: {clients} clients, {name}");
                match measure(kind, clients, time) {
                    Ok(figures) => all.push(figures),
                    Err(error) => eprintln!("  no figures: {error}"),
                }
            }
        }
    }
    let medians: Vec<Figures> = (arguments.clients.iter())
        .flat_map(|clients| kinds.iter().map(|kind| (*kind, *clients)))
        .filter_map(|(kind, clients)| table::median(&all, kind, clients))
        .collect();
    let left_out: Vec<(usize, Kind)> = (arguments.clients.iter())
        .flat_map(|clients| kinds.iter().map(|kind| (*clients, *kind)))
        .filter(|(clients, kind)| arguments.rooms.is_none() && *clients > kind.most())
        .collect();
    println!("messages of {LINE} bytes; times at {CALM} deliveries a second\n");
    print!("{}", table::table(&medians, &left_out));
    if let Some(path) = &arguments.plot {
        plot::draw(path, &medians).map_err(|error| io::Error::other(error.to_string()))?;
        println!("\nplot: {}", path.display());
    }
    Ok(())
}

fn measure(kind: Kind, clients: usize, time: Duration) -> io::Result<Figures> {
    let room = Room::open(kind)?;
    if !kind.is_room() {
        let mut load = Load::connect(room.address, clients, kind.wire())?;
        return Ok(Figures {
            kind,
            clients,
            deliveries: load.listen(time)?,
            talk: None,
        });
    }
    // A log that is as long as it gets is the room's; what is more is the clients'.
    Load::join(room.address, 1, kind.wire())?.fill((2 * BEHIND / LINE) as u64)?;
    let before = room.memory();
    let mut load = Load::join(room.address, clients, kind.wire())?;
    load.greet()?;
    let memory = room.memory().saturating_sub(before) as f64 / clients as f64;
    let threads = room.threads();
    let rate = CALM / clients as f64;
    let times = load.measure(rate, time)?;
    load.saturate(time / 4)?;
    let deliveries = load.saturate(time)?;
    drop((load, room));

    let room = Room::open(kind)?;
    let mut load = Load::join(room.address, clients, kind.wire())?;
    let _sleeper = load::sleeper(room.address)?;
    // Its socket is full before the times are taken, and it stays within the
    // bound for who is behind.
    load.fill((3 * BEHIND / 4 / LINE) as u64)?;
    let asleep = load.measure(rate, time)?;
    Ok(Figures {
        kind,
        clients,
        deliveries,
        talk: Some(Talk {
            p50: percentile(&times, 0.50),
            p99: percentile(&times, 0.99),
            asleep: percentile(&asleep, 0.99),
            memory,
            threads,
        }),
    })
}

fn percentile(sorted: &[Duration], part: f64) -> Duration {
    let at = (sorted.len() as f64 * part) as usize;
    sorted.get(at).copied().unwrap_or(Duration::MAX)
}

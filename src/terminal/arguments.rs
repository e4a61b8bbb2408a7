//! What may stand on the command line of `chatroom`, and its help.

use crate::address;
use crate::chat::client::LIMIT;
use crate::chat::frame::Framing;
use crate::chat::server::Options;
use crate::terminal::engine::Engine;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use log::LevelFilter;
use std::fmt;
use std::io;
use std::time::Duration;

const ENDS: &str = "\
Exit codes:
  0  all went well; Ctrl-C and SIGTERM are ways to end well
  1  it failed while it was running
  2  it was called in a wrong way
  3  there was no connection";

const EXAMPLES: &str = "\
Examples:
  chatroom serve                              a room for this machine
  chatroom serve --listen 0.0.0.0:7878        a room for the whole network
  chatroom join alice                         come in, and talk
  chatroom join bob --server 192.0.2.7:7878   the same, from another machine
  date | chatroom join clock                  say something, and go
  chatroom echo --server forking              an echo from a process of its own

Nothing is encrypted, and nobody has to prove who they are: open a room on a
network where you would also talk aloud.";

const SERVE: &str = "\
Examples:
  chatroom serve --listen 127.0.0.1:0         any free port; the first line tells
  chatroom serve --framing header             for clients that send headers
  chatroom serve --max-clients 30 --silence never

The first line on standard output is `listening on HOST:PORT`. The log is
written to standard error.";

const JOIN: &str = "\
Examples:
  chatroom join alice
  chatroom join alice --server [::1]:7878
  printf 'hi\\n' | chatroom join bob
  (echo I listen; tail -f /dev/null) | chatroom join ear > said.txt

On a terminal there is a prompt: the arrow keys bring back what you said, and
Ctrl-D leaves. Otherwise each line of standard input is said, and each message
is one line `NAME: text` on standard output. At the end of its input it waits
until it has heard its own words, and leaves.

NO_COLOR=1 turns the colours off.";

const ECHO: &str = "\
Examples:
  chatroom echo                               each connection a thread
  chatroom echo --server forking              each connection a process
  chatroom echo --server tcp --listen 127.0.0.1:0

The first line on standard output is `listening on HOST:PORT`. The log is
written to standard error.";

/// A chat room over TCP: what is said by one is heard by all.
#[derive(Debug, Parser)]
#[command(name = "chatroom", version, after_help = format!("{EXAMPLES}\n\n{ENDS}"))]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Command,
}

/// What the program is to do.
#[derive(Debug, Subcommand)]
#[command(disable_help_subcommand = true)]
pub enum Command {
    /// Opens a room, until Ctrl-C
    #[command(after_help = format!("{SERVE}\n\n{ENDS}"))]
    Serve(Serve),
    /// Joins a room, to talk or as a part of a pipe
    #[command(after_help = format!("{JOIN}\n\n{ENDS}"))]
    Join(Join),
    /// Sends back what it hears, with one of three servers
    #[command(after_help = format!("{ECHO}\n\n{ENDS}"))]
    Echo(Echo),
    /// Prints what a shell needs to complete the command
    #[command(after_help = "Example:\n  source <(chatroom completions bash)")]
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Serves the connection that is its standard input
    #[command(hide = true)]
    Worker {
        #[arg(long, value_parser = level(), default_value = "info")]
        log_level: LevelFilter,
    },
}

/// `chatroom serve`.
#[derive(Debug, Args)]
pub struct Serve {
    /// Where to listen; port 0 is any free one
    #[arg(long, value_name = "HOST:PORT", default_value = DOOR)]
    pub listen: Place,
    /// How messages are told apart on the wire
    #[arg(long, value_parser = framing(), default_value = "line")]
    pub framing: Framing,
    /// At most so many people at once
    #[arg(long, value_name = "COUNT", value_parser = count, default_value_t = Options::default().members)]
    pub max_clients: usize,
    /// At most so many from one address
    #[arg(long, value_name = "COUNT", value_parser = count, default_value_t = Options::default().per_address)]
    pub max_per_address: usize,
    /// The longest message, as JSON
    #[arg(long, value_name = "BYTES", value_parser = frame, default_value_t = LIMIT)]
    pub max_frame: usize,
    /// Whoever is behind by more than this is dropped
    #[arg(long, value_name = "BYTES", value_parser = count, default_value_t = Options::default().behind)]
    pub behind: usize,
    /// Whoever comes and says nothing for so long is dropped: 30s, 5m, never
    #[arg(long, value_name = "TIME", default_value = "5m")]
    pub silence: Silence,
    /// What drives the room: threads, or events for many thousands
    #[arg(long, hide = cfg!(not(feature = "scale")), default_value = "threads")]
    pub engine: Engine,
    /// So many messages a newcomer hears first, of those that were said before
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    pub history: usize,
    /// The broker that makes one room of many servers: nats://HOST:PORT
    #[arg(long, hide = cfg!(not(feature = "scale")), value_name = "URL", requires = "room")]
    pub relay: Option<String>,
    /// The name of that room, on all servers the same
    #[arg(long, hide = cfg!(not(feature = "scale")), value_name = "NAME", requires = "relay")]
    pub room: Option<String>,
    /// What the log tells of
    #[arg(long, value_name = "LEVEL", value_parser = level(), default_value = "info")]
    pub log_level: LevelFilter,
}

/// `chatroom join`.
#[derive(Debug, Args)]
pub struct Join {
    /// The name that others will read
    pub name: String,
    /// Where the room is
    #[arg(long, value_name = "HOST:PORT", default_value = DOOR)]
    pub server: Place,
    /// How messages are told apart on the wire, as the room says
    #[arg(long, value_parser = framing(), default_value = "line")]
    pub framing: Framing,
}

/// `chatroom echo`.
#[derive(Debug, Args)]
pub struct Echo {
    /// Who handles a connection: one for all, a thread each, a process each
    #[arg(long, value_enum, default_value = "threading")]
    pub server: Kind,
    /// Where to listen; port 0 is any free one
    #[arg(long, value_name = "HOST:PORT", default_value = DOOR)]
    pub listen: Place,
    /// What the log tells of
    #[arg(long, value_name = "LEVEL", value_parser = level(), default_value = "info")]
    pub log_level: LevelFilter,
}

/// The three servers of chapters 13 to 15.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    Tcp,
    Threading,
    Forking,
}

/// Where a room is, unless somebody says otherwise: nobody from outside gets in.
const DOOR: &str = "127.0.0.1:7878";

/// A host and a port, not resolved yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub host: String,
    pub port: u16,
}

/// How long one may be silent; `None` is for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Silence(pub Option<Duration>);

impl std::str::FromStr for Place {
    type Err = io::Error;

    fn from_str(text: &str) -> io::Result<Place> {
        let (host, port) = address::parse(text)?;
        let host = host.to_owned();
        Ok(Place { host, port })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

impl std::str::FromStr for Silence {
    type Err = String;

    fn from_str(text: &str) -> Result<Silence, String> {
        if text == "never" {
            return Ok(Silence(None));
        }
        match humantime::parse_duration(text) {
            Ok(time) if time.is_zero() => Err("for no time at all, say never".to_owned()),
            Ok(time) => Ok(Silence(Some(time))),
            Err(error) => Err(error.to_string()),
        }
    }
}

fn framing() -> impl TypedValueParser<Value = Framing> {
    PossibleValuesParser::new(["line", "header"]).try_map(|text| text.parse::<Framing>())
}

fn level() -> impl TypedValueParser<Value = LevelFilter> {
    let levels = ["off", "error", "warn", "info", "debug", "trace"];
    PossibleValuesParser::new(levels).try_map(|text| text.parse::<LevelFilter>())
}

fn count(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("for none at all, do not open a room".to_owned()),
        Ok(count) => Ok(count),
        Err(_) => Err("that is no number".to_owned()),
    }
}

fn frame(text: &str) -> Result<usize, String> {
    match count(text)? {
        // A longer one would end the connection of everybody who has joined.
        length if length > LIMIT => Err(format!("`chatroom join` takes {LIMIT} at most")),
        length => Ok(length),
    }
}

/// Says in one sentence what is wrong with a command line.
pub fn sentence(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    let lines = text.lines().map(str::trim);
    let said: Vec<&str> = match error.kind() {
        clap::error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            vec!["it is not said what to do: serve, join, echo or completions"]
        }
        _ => lines.take_while(|line| !line.is_empty()).collect(),
    };
    format!("{}; `chatroom --help` tells how", said.join(" "))
}

//! The `chatroom` command: a room, somebody in it, and an echo.
//!
//! A program meets people and other programs, and both go by its edges: what
//! it prints first, on which of its two outputs, with which code it ends. A
//! connection has two directions and a person does not wait for their turn, so
//! whoever joins does two things at once: one thread says, another hears, and
//! the first end of either is the end.
//!
//! ```no_run
//! // chatroom serve --listen 127.0.0.1:0
//! // chatroom join alice
//! fn main() -> std::process::ExitCode {
//!     chatroom::cli::run()
//! }
//! ```
//!
//! Left out: files of settings, and to run in the background.

use crate::chat::client::{self, LIMIT, Receiver, Sender};
use crate::chat::message::{Message, Refusal};
use crate::chat::outlet::is_news;
use crate::chat::server::{GOODBYE, Options, SERVER};
use crate::echo::serve_connection;
use crate::logging::{basic_config, harmless};
use crate::server::{forking, tcp, threading};
use crate::socket::create_connection::create_connection;
use crate::socket::create_server::{self, create_server};
use crate::terminal::arguments::{self, Arguments, Command, Echo, Join, Kind, Place, Serve};
use crate::terminal::{colour::Colours, line::line, prompt, relay, words::Words};
use chrono::Local;
use clap::{CommandFactory, Parser};
use std::io::{self, BufRead, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::panic::{self, AssertUnwindSafe};
use std::process::{self, ExitCode};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver as End, Sender as Over};
use std::thread;
use std::time::Duration;

/// Something went wrong while the program was running.
pub const FAILED: u8 = 1;

/// The program was called in a wrong way.
pub const WRONG_USE: u8 = 2;

/// There was nobody to talk to.
pub const NO_CONNECTION: u8 = 3;

/// How long a call may ring: a person is waiting.
const PATIENCE: Duration = Duration::from_secs(10);

/// At most so many processes of `echo --server forking` at once.
const WORKERS: usize = 64;

/// Why the program cannot go on, in one sentence, and the code that it ends with.
#[derive(Debug)]
pub struct Failure {
    pub code: u8,
    pub sentence: String,
}

impl Failure {
    /// Makes a failure of this code.
    pub fn new(code: u8, sentence: impl Into<String>) -> Failure {
        let sentence = sentence.into();
        Failure { code, sentence }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        Failure::new(FAILED, error.to_string())
    }
}

/// Does what the command line says, and returns the code to end with.
pub fn run() -> ExitCode {
    let result = match Arguments::try_parse() {
        Ok(arguments) => obey(arguments.command),
        Err(help) if !help.use_stderr() => show(&help.render().to_string()),
        Err(error) => Err(Failure::new(WRONG_USE, arguments::sentence(&error))),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure { code, sentence }) => {
            complain(&sentence);
            ExitCode::from(code)
        }
    }
}

/// Says on standard error what is wrong. Where nobody reads it, the code still
/// says it.
fn complain(sentence: &str) {
    let _ = writeln!(io::stderr(), "chatroom: {}", harmless(sentence));
}

fn obey(command: Command) -> Result<(), Failure> {
    match command {
        Command::Serve(arguments) => serve(&arguments),
        Command::Join(arguments) => join(&arguments),
        Command::Echo(arguments) => echo(&arguments),
        Command::Worker { log_level } => work(log_level),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Arguments::command(), "chatroom", &mut script);
            show(&String::from_utf8_lossy(&script))
        }
    }
}

/// Prints on standard output. That nobody reads it any more is no failure.
fn show(text: &str) -> Result<(), Failure> {
    let mut output = io::stdout().lock();
    let result = output
        .write_all(text.as_bytes())
        .and_then(|()| output.flush());
    match result {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            let sentence = format!("cannot write to standard output: {error}");
            Err(Failure::new(FAILED, sentence))
        }
        _ => Ok(()),
    }
}

/// Opens a room: `chatroom serve`. It closes at Ctrl-C.
///
/// # Errors
/// Where nobody can listen there, or the room cannot be closed.
pub fn serve(arguments: &Serve) -> Result<(), Failure> {
    basic_config(arguments.log_level);
    let (over, end) = mpsc::channel();
    on_ctrl_c(&over)?;
    let options = Options {
        framing: arguments.framing,
        frame: arguments.max_frame,
        members: arguments.max_clients,
        per_address: arguments.max_per_address,
        behind: arguments.behind,
        silence: arguments.silence.0,
        history: arguments.history,
        ..Options::default()
    };
    let (options, _relay) = relay::connect(arguments, options)?;
    let engine = arguments.engine;
    let server = engine.open(listen(&arguments.listen)?, &options)?;
    announce(server.address())?;
    wait(&end)?;
    server.shutdown()?;
    Ok(())
}

/// Repeats what it hears: `chatroom echo`.
///
/// # Errors
/// Where nobody can listen there, or the server cannot be started or stopped.
pub fn echo(arguments: &Echo) -> Result<(), Failure> {
    basic_config(arguments.log_level);
    let (over, end) = mpsc::channel();
    on_ctrl_c(&over)?;
    let listener = listen(&arguments.listen)?;
    let server = match arguments.server {
        Kind::Tcp => tcp::start(listener, repeat)?,
        Kind::Threading => threading::start(listener, repeat, threading::Limits::default())?,
        Kind::Forking => {
            let (program, level) = (std::env::current_exe()?, arguments.log_level.to_string());
            let worker = move || {
                let mut command = process::Command::new(&program);
                command.args(["worker", "--log-level", &level.to_lowercase()]);
                command
            };
            let limits = forking::Limits {
                most: WORKERS,
                ..forking::Limits::default()
            };
            forking::start(listener, repeat, worker, limits)?
        }
    };
    announce(server.address())?;
    wait(&end)?;
    server.shutdown()?;
    Ok(())
}

/// What each of the three servers does with a connection.
fn repeat(stream: &TcpStream, _: SocketAddr) -> io::Result<()> {
    serve_connection(stream).map(drop)
}

/// Repeats what comes on the connection that is our standard input.
fn work(log_level: log::LevelFilter) -> Result<(), Failure> {
    basic_config(log_level);
    let stream = forking::connection()?;
    let hang_up = move || {
        let _ = stream.shutdown(Shutdown::Both);
    };
    ctrlc::set_handler(hang_up).map_err(|error| Failure::new(FAILED, error.to_string()))?;
    forking::work(&repeat)?;
    Ok(())
}

/// Listens where it is said, at the first address of the host that lets us.
fn listen(place: &Place) -> Result<TcpListener, Failure> {
    let fails = |error: io::Error| {
        let sentence = format!("cannot listen at {place}: {error}; try another --listen");
        Failure::new(FAILED, sentence)
    };
    let mut last = io::Error::from(ErrorKind::AddrNotAvailable);
    let addresses = (place.host.as_str(), place.port).to_socket_addrs();
    for address in addresses.map_err(fails)? {
        match create_server(address, &create_server::Options::default()) {
            Ok(socket) => return Ok(socket.into()),
            Err(error) => last = error,
        }
    }
    Err(fails(last))
}

/// Says that clients can come now, and where. Programs wait for this line.
fn announce(address: SocketAddr) -> Result<(), Failure> {
    log::info!("listening on {address}");
    show(&format!("listening on {address}\n"))
}

/// Lets `over` hear of Ctrl-C, of SIGTERM, and of a terminal that is closed.
fn on_ctrl_c(over: &Over<Result<(), Failure>>) -> Result<(), Failure> {
    let over = over.clone();
    let tell = move || {
        // At the second Ctrl-C nobody may listen any more.
        let _ = over.send(Ok(()));
    };
    ctrlc::set_handler(tell).map_err(|error| Failure::new(FAILED, error.to_string()))
}

/// Waits for whatever ends the program first.
fn wait(end: &End<Result<(), Failure>>) -> Result<(), Failure> {
    end.recv().unwrap_or(Ok(()))
}

/// Joins a room: `chatroom join`. On a terminal it leaves at Ctrl-D, otherwise
/// when all of its input was said and heard.
///
/// # Errors
/// Where there is no room, where it refuses us or hangs up, and where the
/// input is not text.
pub fn join(arguments: &Join) -> Result<(), Failure> {
    let (sender, receiver) = call(arguments)?;
    let words = Arc::new(Words::new(sender.clone(), &arguments.name));
    let (over, end) = mpsc::channel();
    let colours = Colours::wanted();
    let result = match prompt::open(&arguments.name, colours) {
        Some((mut prompt, printer)) => {
            let _restored_at_the_end = prompt::Restore::later(&printer);
            on_ctrl_c(&over)?;
            let (place, notes) = (printer.clone(), printer.clone());
            let show =
                move |message: &Message| printer.print(&line(message, colours, &Local::now()));
            let note = move |text: &str| place.note(text);
            start(&over, &words, move |words| {
                hear(receiver, words, true, show, note)
            })?;
            let note = move |text: &str| notes.note(text);
            start(&over, &words, move |words| talk(&mut prompt, words, note))?;
            wait(&end)
        }
        None => {
            on_ctrl_c(&over)?;
            let show = |message: &Message| writeln!(io::stdout(), "{}", plain(message));
            let note = |text: &str| {
                complain(text);
                Ok(())
            };
            start(&over, &words, move |words| {
                hear(receiver, words, false, show, note)
            })?;
            start(&over, &words, |words| pipe(io::stdin().lock(), words))?;
            wait(&end)
        }
    };
    let _ = sender.hang_up(); // the room may have been quicker
    result
}

/// Calls the room.
fn call(arguments: &Join) -> Result<(Sender, Receiver), Failure> {
    let place = &arguments.server;
    let socket = create_connection((&place.host, place.port), Some(PATIENCE), None);
    let socket = socket.map_err(|error| {
        let what_to_do = "open one with `chatroom serve`, or say where it is with --server";
        let sentence = format!("no room at {place}: {error}; {what_to_do}");
        Failure::new(NO_CONNECTION, sentence)
    })?;
    let stream = TcpStream::from(socket);
    // The patience was for the call. In a room it may be silent for long.
    stream.set_read_timeout(None)?;
    stream.set_write_timeout(None)?;
    Ok(client::talk(stream, arguments.framing)?)
}

/// Starts a thread, whose end is an end of the program.
fn start(
    over: &Over<Result<(), Failure>>,
    words: &Arc<Words>,
    run: impl FnOnce(&Words) -> Result<(), Failure> + Send + 'static,
) -> io::Result<()> {
    let (over, words) = (over.clone(), words.clone());
    let run = move || {
        let result = panic::catch_unwind(AssertUnwindSafe(|| run(&words)));
        let panicked = |_| Err(Failure::new(FAILED, "a thread of ours has panicked"));
        // Where the other thread was quicker, nobody listens any more.
        let _ = over.send(result.unwrap_or_else(panicked));
    };
    thread::Builder::new().spawn(run).map(drop)
}

/// Shows what is heard, until the room hangs up or nobody looks any more, and
/// notes what is no message.
fn hear(
    mut receiver: Receiver,
    words: &Words,
    goes_on: bool,
    show: impl Fn(&Message) -> io::Result<()>,
    note: impl Fn(&str) -> io::Result<()>,
) -> Result<(), Failure> {
    loop {
        let message = match receiver.receive() {
            Ok(Some(message)) => message,
            // We have said that there is no more, and the room has no more.
            Ok(None) if words.are_over() => return Ok(()),
            Ok(None) => return Err(Failure::new(FAILED, "the room has hung up")),
            // Behind it the borders still hold.
            Err(error) if is_refusal(&error) => {
                note(&format!("what was heard is no message: {error}"))?;
                continue;
            }
            Err(error) => {
                let sentence = format!("the connection to the room broke: {error}");
                return Err(Failure::new(FAILED, sentence));
            }
        };
        if is_answer(&message) {
            if !words.are_welcome() {
                let sentence = format!("the room does not let us in: {}", message.msg);
                return Err(Failure::new(FAILED, sentence));
            }
            if !goes_on {
                let sentence = format!("the room says: {}", message.msg);
                return Err(Failure::new(FAILED, sentence));
            }
            words.give_up();
        }
        match show(&message) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(()),
            result => result?,
        }
        words.heard(&message);
    }
}

/// Whether a frame was whole, and held no message.
fn is_refusal(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inside| inside.is::<Refusal>())
}

/// Whether the room speaks to us alone. To all it says who has left, how it is
/// with the other servers, and goodbye.
fn is_answer(message: &Message) -> bool {
    let text = &message.msg;
    message.name == SERVER && !text.ends_with(" left") && text != GOODBYE && !is_news(text)
}

/// Returns the line for a message, without its end, on which nothing is a
/// command to whoever shows it.
fn plain(message: &Message) -> String {
    format!("{}: {}", harmless(&message.name), harmless(&message.msg))
}

/// Says what is typed at the prompt, and before it that we are here. It notes
/// what is too long.
fn talk(
    prompt: &mut prompt::Prompt,
    words: &Words,
    note: impl Fn(&str) -> io::Result<()>,
) -> Result<(), Failure> {
    words.say("joined", true)?;
    words.wait(); // whom the room does not let in gets no prompt
    while let Some(line) = prompt.line()? {
        for line in line.lines().filter(|line| !line.trim().is_empty()) {
            if let Err(error) = words.say(line, false) {
                note(&format!("not said: {error}"))?;
            }
        }
    }
    words.finish();
    words.wait();
    Ok(())
}

/// Says each line of the input, then says that there are no more, and waits
/// until all of them were heard.
fn pipe(mut input: impl BufRead, words: &Words) -> Result<(), Failure> {
    for number in 1.. {
        let mut line = Vec::new();
        let most = LIMIT as u64 + 1;
        let result = (&mut input).take(most).read_until(b'\n', &mut line);
        let wrong = |what: &str| {
            let sentence =
                format!("line {number} of the input {what}; nothing was said from there on");
            words.wait();
            Failure::new(FAILED, sentence)
        };
        if result.map_err(|error| wrong(&format!("cannot be read: {error}")))? == 0 {
            break;
        }
        let Ok(line) = std::str::from_utf8(&line) else {
            return Err(wrong("is not UTF-8"));
        };
        let line = line.strip_suffix('\n').unwrap_or(line);
        let line = line.strip_suffix('\r').unwrap_or(line);
        words
            .say(line, false)
            .map_err(|error| wrong(&format!("cannot be sent: {error}")))?;
    }
    words.finish();
    words.wait();
    Ok(())
}

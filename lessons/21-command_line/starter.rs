//! The `chatroom` command: a room, somebody in it, and an echo.

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
    todo!("do what the command line says, and return the code to end with")
}

/// Says on standard error what is wrong. Where nobody reads it, the code still
/// says it.
fn complain(sentence: &str) {
    todo!("say on standard error: {sentence:?}")
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
    todo!("print {text:?} on standard output")
}

/// Opens a room: `chatroom serve`. It closes at Ctrl-C.
pub fn serve(arguments: &Serve) -> Result<(), Failure> {
    todo!("open a room at {}", arguments.listen)
}

/// Repeats what it hears: `chatroom echo`.
pub fn echo(arguments: &Echo) -> Result<(), Failure> {
    todo!("repeat what is heard at {}", arguments.listen)
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
    todo!("listen at {place}")
}

/// Says that clients can come now, and where. Programs wait for this line.
fn announce(address: SocketAddr) -> Result<(), Failure> {
    todo!("say that clients can come to {address}")
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
pub fn join(arguments: &Join) -> Result<(), Failure> {
    todo!("join the room at {}", arguments.server)
}

/// Calls the room.
fn call(arguments: &Join) -> Result<(Sender, Receiver), Failure> {
    todo!("call the room at {}", arguments.server)
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
    receiver: Receiver,
    words: &Words,
    goes_on: bool,
    show: impl Fn(&Message) -> io::Result<()>,
    note: impl Fn(&str) -> io::Result<()>,
) -> Result<(), Failure> {
    todo!("show what is heard, until the room hangs up")
}

/// Whether a frame was whole, and held no message.
fn is_refusal(error: &io::Error) -> bool {
    todo!("is {error:?} about one message alone?")
}

/// Whether the room speaks to us alone. To all it says who has left, how it is
/// with the other servers, and goodbye.
fn is_answer(message: &Message) -> bool {
    todo!("is {message:?} for us alone?")
}

/// Returns the line for a message, without its end, on which nothing is a
/// command to whoever shows it.
fn plain(message: &Message) -> String {
    todo!("the line for {message:?}")
}

/// Says what is typed at the prompt, and before it that we are here. It notes
/// what is too long.
fn talk(
    prompt: &mut prompt::Prompt,
    words: &Words,
    note: impl Fn(&str) -> io::Result<()>,
) -> Result<(), Failure> {
    todo!("say what is typed at the prompt")
}

/// Says each line of the input, then says that there are no more, and waits
/// until all of them were heard.
fn pipe(input: impl BufRead, words: &Words) -> Result<(), Failure> {
    todo!("say each line of the input")
}

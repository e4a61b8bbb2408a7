//! The `lesson` command: where the learner is, the verdict, what to do next.

/// Prints a line. Where nobody reads any more (`| head`) it ends quietly.
macro_rules! say {
    ($($text:tt)*) => {{
        use std::io::Write;
        if writeln!(std::io::stdout(), $($text)*).is_err() {
            std::process::exit(0);
        }
    }};
}

/// Prints a line on standard error, whether or not somebody reads it.
macro_rules! note {
    ($($text:tt)*) => {{
        use std::io::Write;
        writeln!(std::io::stderr(), $($text)*).ok();
    }};
}

mod answer;
mod bugs;
mod compile;
mod course;
mod diagnosis;
mod fingerprint;
mod gate;
mod grade;
mod green;
mod journal;
mod lesson;
mod log;
mod log_svg;
mod log_text;
mod look;
mod mine;
mod overlay;
mod process;
mod red;
mod refactor;
mod report;
mod rhythm;
mod screen;
mod sockets;
mod stage;
mod starved;
mod terminal;
mod together;
mod trial;
mod trouble;
mod verdict;
mod waits;
mod watch;

use clap::{CommandFactory, Parser, Subcommand, ValueEnum};
use course::Course;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;
use trouble::{Result, Trouble};

/// Learn sockets by test-driven development: red, green, refactor.
///
/// Without a command: shows where you are, judges your code, and says what to
/// do next; on a terminal it goes on watching your files.
#[derive(Parser)]
#[command(name = "lesson", bin_name = "cargo lesson", version, after_help = AFTER)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// Prints JSON for machines
    #[arg(long, global = true)]
    json: bool,
    /// Colours: on a terminal they are on, unless NO_COLOR is set
    #[arg(long, global = true, value_enum, default_value_t = Colour::Auto)]
    color: Colour,
    /// The checkout, if not the one that you are in
    #[arg(long, global = true, value_name = "FOLDER")]
    root: Option<PathBuf>,
    /// Goes on watching where there is no terminal, too
    #[arg(long)]
    watch: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Colour {
    Auto,
    Always,
    Never,
}

#[derive(Subcommand)]
enum Command {
    /// Shows the chapters and how far you are
    List,
    /// Shows the next hint for the step you are at
    Hint {
        /// Which of the three, instead of the next
        #[arg(long)]
        level: Option<usize>,
    },
    /// Goes on to the next step, once this one is green
    Next,
    /// Goes to a chapter, whatever is done before it
    Start { chapter: String },
    /// Lays your file beside the answer key
    Answer {
        chapter: Option<String>,
        /// Even though it is not green yet
        #[arg(long)]
        yes: bool,
    },
    /// Lays the starter again; your file is kept beside it, dated
    Reset {
        chapter: String,
        /// Your own tests too
        #[arg(long)]
        tests: bool,
    },
    /// Draws the rhythm of red and green, from your journal
    Log {
        chapter: Option<String>,
        /// Draws it as a picture; `-` is standard output
        #[arg(long, value_name = "FILE")]
        svg: Option<PathBuf>,
    },
    /// Shows who listens and who is connected on this machine's loopback
    Sockets {
        /// Every address and every state
        #[arg(long)]
        all: bool,
    },
    /// Proves that each test is red on the starter, for its declared reason
    Red { chapter: Option<String> },
    /// Runs the tests on your code where it is begun, otherwise on the answer key
    Green {
        chapter: Option<String>,
        /// On the answer key, even where your code is begun
        #[arg(long)]
        key: bool,
    },
    /// Checks that it is still green, the tests untouched, the file clean
    Refactor {
        chapter: Option<String>,
        /// The answer key, even where your code is begun
        #[arg(long)]
        key: bool,
    },
    /// Proves that every planted bug is caught, by exactly the tests named
    Bugs { chapter: Option<String> },
    /// Builds the whole program from your green modules, the rest from the answer key
    Mine,
    /// Prints completions for a shell
    Completions { shell: clap_complete::Shell },
}

const AFTER: &str = "\
Examples:
  cargo lesson              where am I, and what next?
  cargo lesson start 05     go to chapter 05
  cargo lesson red bind     is each test of chapter 02 red for its reason?
  cargo lesson green --json | jq .ok
  cargo lesson mine         a chat room made of what is green

Exit codes: 0 all is well, 1 a verdict is not, 2 wrong use, 3 something is missing or broken.";

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let colours = match arguments.color {
        Colour::Always => true,
        Colour::Never => false,
        Colour::Auto => {
            std::io::stdout().is_terminal()
                && std::env::var_os("NO_COLOR").is_none_or(|set| set.is_empty())
        }
    };
    console::set_colors_enabled(colours);
    // Ctrl-C ends what runs for us, too; without a handler it would end only us.
    let handled = ctrlc::set_handler(|| {
        process::close();
        terminal::restore();
        std::process::exit(130);
    });
    if let Err(error) = handled {
        note!("note: Ctrl-C may leave a test running: {error}");
    }
    let ended = run(arguments);
    let interrupted = process::close();
    terminal::restore();
    match ended {
        _ if interrupted => ExitCode::from(130),
        Ok(code) => ExitCode::from(code),
        Err(trouble) => {
            note!("lesson: {trouble}");
            ExitCode::from(trouble.code)
        }
    }
}

fn run(arguments: Arguments) -> Result<u8> {
    let json = arguments.json;
    if let Some(Command::Completions { shell }) = arguments.command {
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut Arguments::command(), "lesson", &mut script);
        say!("{}", String::from_utf8_lossy(&script).trim_end());
        return Ok(0);
    }
    if let Some(Command::Sockets { all }) = arguments.command {
        return sockets::sockets(all, json);
    }
    let course = Course::read(root(arguments.root)?)?;
    match arguments.command {
        None => {
            let terminal = std::io::stdout().is_terminal() && std::io::stdin().is_terminal();
            match (terminal && !json, arguments.watch) {
                (false, false) => lesson::once(&course, json),
                (keys, _) => watch::watch(&course, keys),
            }
        }
        Some(Command::List) => lesson::list(&course, json),
        Some(Command::Hint { level }) => lesson::hint(&course, level, json),
        Some(Command::Next) => lesson::next(&course, json),
        Some(Command::Start { chapter }) => lesson::start(&course, &chapter, json),
        Some(Command::Answer { chapter, yes }) => answer::answer(&course, chapter.as_deref(), yes),
        Some(Command::Reset { chapter, tests }) => lesson::reset(&course, &chapter, tests),
        Some(Command::Log { chapter, svg }) => {
            log::log(&course, chapter.as_deref(), svg.as_deref(), json)
        }
        Some(Command::Red { chapter }) => red::red(&course, chapter.as_deref(), json),
        Some(Command::Green { chapter, key }) => {
            green::green(&course, chapter.as_deref(), key, json)
        }
        Some(Command::Refactor { chapter, key }) => {
            refactor::refactor(&course, chapter.as_deref(), key, json)
        }
        Some(Command::Bugs { chapter }) => bugs::bugs(&course, chapter.as_deref(), json),
        Some(Command::Mine) => together::together(&course, json),
        Some(Command::Completions { .. } | Command::Sockets { .. }) => Ok(0),
    }
}

/// The checkout: the folder named, or the nearest around us with lessons in
/// it, or the one that this program was built from.
fn root(named: Option<PathBuf>) -> Result<PathBuf> {
    let is_course = |folder: &std::path::Path| {
        folder.join("lessons").is_dir() && folder.join("Cargo.toml").is_file()
    };
    let here = std::env::current_dir().unwrap_or_default();
    let found = match named {
        Some(folder) => Some(here.join(folder)).filter(|folder| is_course(folder)),
        None => {
            let built_from = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
            let around = here
                .ancestors()
                .find(|folder| is_course(folder))
                .map(PathBuf::from);
            around.or(built_from
                .canonicalize()
                .ok()
                .filter(|folder| is_course(folder)))
        }
    };
    found.ok_or_else(|| {
        Trouble::usage(
            "no lessons here: change into the checkout, or name it with --root".to_string(),
        )
    })
}

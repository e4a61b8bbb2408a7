//! One call of cargo builds the test binaries, and says which it could not.

use crate::process;
use crate::trouble::{Result, Trouble};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// What to build, and how.
pub struct Order<'a> {
    /// The folder with the `Cargo.toml`.
    pub folder: &'a Path,
    /// Where cargo puts what it makes, if not where it would anyway.
    pub target_dir: Option<&'a Path>,
    /// Where it builds, if not there: what is built for others is found again.
    pub build_dir: Option<&'a Path>,
    pub targets: &'a [String],
    /// With the package's program, for tests that start it.
    pub program: bool,
    /// The learner's files in the place of the answer key's.
    pub mine: bool,
    /// Cargo features beside that.
    pub features: &'a [String],
    /// rustc's own colours in its messages.
    pub colour: bool,
}

#[derive(Default)]
pub struct Built {
    pub binaries: BTreeMap<String, PathBuf>,
    /// The package's program.
    pub program: Option<PathBuf>,
    /// What rustc printed, first error first, for each target that has one.
    pub errors: BTreeMap<String, Vec<String>>,
}

impl Built {
    /// All that rustc printed.
    pub fn all_errors(&self) -> String {
        let errors: Vec<&str> = self.errors.values().flatten().map(String::as_str).collect();
        errors.join("\n")
    }
}

/// A look that is under way, and can be told to stop: its cargo, and after that
/// its tests.
#[derive(Clone, Default)]
pub struct Running {
    cargo: Arc<Mutex<Option<Child>>>,
    given_up: Arc<AtomicBool>,
}

impl Running {
    pub fn given_up(&self) -> &AtomicBool {
        &self.given_up
    }

    pub fn stop(&self) {
        self.given_up.store(true, Ordering::Relaxed);
        let child = self
            .cargo
            .lock()
            .unwrap_or_else(|broken| broken.into_inner())
            .take();
        if let Some(child) = child {
            process::stop(child);
        }
    }
}

/// Builds, and calls `done` after each target.
pub fn build(order: &Order, running: &Running, mut done: impl FnMut(&str)) -> Result<Built> {
    let mut command = Command::new(cargo());
    let format = if order.colour {
        "json-diagnostic-rendered-ansi"
    } else {
        "json"
    };
    command.current_dir(order.folder);
    command.args(["build", "--keep-going", "--message-format", format]);
    command.arg(match order.program {
        true => "--bins",
        false => "--no-default-features",
    });
    command.args(feature_flags(order.mine, order.features));
    if let Some(folder) = order.target_dir {
        command.arg("--target-dir").arg(folder);
    }
    if let Some(folder) = order.build_dir {
        share(&mut command, folder);
    }
    for target in order.targets {
        command.args(["--test", target]);
    }
    command.stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = process::start_unless(&mut command, running.given_up()).map_err(no_cargo)?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    *running
        .cargo
        .lock()
        .unwrap_or_else(|broken| broken.into_inner()) = Some(child);

    let said = thread::spawn(move || {
        let mut said = String::new();
        if let Some(mut stderr) = stderr {
            stderr.read_to_string(&mut said).ok();
        }
        said
    });
    let mut built = Built::default();
    for line in stdout
        .into_iter()
        .flat_map(|out| BufReader::new(out).lines())
    {
        let Ok(line) = line else { break };
        let Ok(message) = serde_json::from_str::<Value>(&line) else {
            continue;
        };
        let target = message["target"]["name"].as_str().unwrap_or_default();
        match message["reason"].as_str() {
            Some("compiler-artifact") => {
                let Some(binary) = message["executable"].as_str() else {
                    continue;
                };
                if message["target"]["kind"][0] == "bin" {
                    built.program = Some(binary.into());
                } else {
                    built.binaries.insert(target.to_string(), binary.into());
                    done(target);
                }
            }
            Some("compiler-message") if message["message"]["level"] == "error" => {
                let text = message["message"]["rendered"].as_str().unwrap_or_default();
                let errors = built.errors.entry(target.to_string()).or_default();
                // The last one only counts the others.
                if !message["message"]["spans"]
                    .as_array()
                    .is_none_or(Vec::is_empty)
                    || errors.is_empty()
                {
                    errors.push(text.to_string());
                }
            }
            _ => {}
        }
    }
    let said = said.join().unwrap_or_default();
    let child = running
        .cargo
        .lock()
        .unwrap_or_else(|broken| broken.into_inner())
        .take();
    let well = match child {
        Some(mut child) => {
            let well = child.wait().is_ok_and(|status| status.success());
            process::ended(child.id());
            well
        }
        None => return Err(Trouble::course("stopped".to_string())),
    };
    if !well && built.errors.is_empty() {
        return Err(cargo_failed(&said));
    }
    if order.program && built.program.is_none() {
        // The tests may be there, and would start the program of last time.
        built.binaries.clear();
    }
    Ok(built)
}

/// What tells cargo of features; nothing where there are none.
pub fn feature_flags(mine: bool, features: &[String]) -> Vec<String> {
    let mine = mine.then_some("mine");
    let all: Vec<&str> = (mine.into_iter())
        .chain(features.iter().map(String::as_str))
        .collect();
    match all.is_empty() {
        true => Vec::new(),
        false => vec!["--features".to_string(), all.join(",")],
    }
}

/// Has a cargo build where others build too. A cargo before 1.91 does not know
/// of that, and builds the dependencies once more.
pub fn share(command: &mut Command, build_dir: &Path) {
    if std::env::var_os("CARGO_BUILD_BUILD_DIR").is_none() {
        command.env("CARGO_BUILD_BUILD_DIR", build_dir);
    }
}

/// The cargo that started us, or the first on the path.
pub fn cargo() -> std::ffi::OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

pub fn no_cargo(error: io::Error) -> Trouble {
    Trouble::course(format!(
        "cannot start cargo ({error}): install Rust from https://rustup.rs and open a new terminal"
    ))
}

/// What cargo says where it, or the rustc beside it, is too old for the course.
const TOO_OLD: [&str; 4] = [
    "requires rustc",
    "is not supported by",
    "older than the `2024` edition",
    "perhaps Cargo needs to be updated",
];

fn cargo_failed(said: &str) -> Trouble {
    let full = said.contains("No space left on device") || said.contains("os error 28");
    let advice = if full {
        "the disk is full: free some space and run this again, nothing of yours was changed"
    } else if TOO_OLD.iter().any(|text| said.contains(text)) {
        "your Rust is too old: `rustup update stable` brings a newer one"
    } else if said.contains("no test target named") {
        "a file of tests/ is missing: `git status tests` names it, `git checkout FILE` brings it back"
    } else if said.contains("failed to download") || said.contains("failed to get") {
        "the first build downloads a few crates: is there a network?"
    } else {
        "cargo could not build the tests"
    };
    Trouble::course(format!("{advice}\n{}", said.trim_end()))
}

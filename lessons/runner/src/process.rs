//! One test, in a process of its own and a process group of its own, with a
//! deadline; nothing that it starts outlives it. Time in which it waits for a
//! processor is not counted: no verdict depends on what else the machine does.

use crate::starved;
use crate::trouble::{Result, Trouble};
use crate::waits;
use std::collections::BTreeSet;
use std::io::{self, Read};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

/// What a test may print before it is stopped: more than anybody reads.
const FLOOD: usize = 1 << 20;
/// What is kept of it.
const KEPT: usize = 1 << 16;

pub enum End {
    Exited(ExitStatus),
    /// Still running at the deadline.
    Deadline,
    /// Printed without end.
    Flood,
    /// Ended, and left a process behind.
    LeftBehind,
}

pub struct Outcome {
    pub end: End,
    /// What each thread waited for at the deadline, where the system tells.
    pub waits: String,
    pub stdout: String,
    pub stderr: String,
    pub took: Duration,
}

enum News {
    Ended(std::io::Result<ExitStatus>),
    Flood,
    ReadToEnd,
}

/// The process groups that run now: Ctrl-C ends them too.
static GROUPS: Mutex<Groups> = Mutex::new(Groups {
    running: BTreeSet::new(),
    closed: false,
});

struct Groups {
    running: BTreeSet<u32>,
    /// No other one begins.
    closed: bool,
}

fn groups() -> MutexGuard<'static, Groups> {
    GROUPS.lock().unwrap_or_else(|broken| broken.into_inner())
}

pub fn stop_all() {
    let running = groups().running.clone();
    running.into_iter().for_each(kill);
}

/// Ends all that run, and lets nothing else begin: we are about to leave. Says
/// whether somebody else has done so before.
pub fn close() -> bool {
    let before = std::mem::replace(&mut groups().closed, true);
    stop_all();
    before
}

/// Starts a command in a process group of its own, which ends with us.
pub fn start(command: &mut Command) -> io::Result<Child> {
    start_unless(command, &AtomicBool::new(false))
}

/// The same, unless what it is for was given up before.
pub fn start_unless(command: &mut Command, given_up: &AtomicBool) -> io::Result<Child> {
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(command, 0);
    // Who gives up says so before it ends the groups: none slips in between.
    let mut groups = groups();
    if groups.closed || given_up.load(Ordering::Relaxed) {
        return Err(io::ErrorKind::Interrupted.into());
    }
    let child = command.spawn()?;
    groups.running.insert(child.id());
    Ok(child)
}

/// Forgets the group of a child that has been waited for.
pub fn ended(group: u32) {
    groups().running.remove(&group);
}

/// Ends a child with all that it started, and waits for it.
pub fn stop(mut child: Child) {
    kill(child.id());
    // An error means that it ended by itself.
    child.wait().ok();
    ended(child.id());
}

/// Runs a command to its end.
pub fn output(command: &mut Command) -> io::Result<Output> {
    command.stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = start(command)?;
    let group = child.id();
    let output = child.wait_with_output();
    ended(group);
    output
}

/// Runs the test `name` of `binary` until it ends or is ended.
pub fn run(
    binary: &Path,
    name: &str,
    folder: &Path,
    deadline: Duration,
    given_up: &AtomicBool,
) -> Result<Outcome> {
    let mut command = Command::new(binary);
    command.args([name, "--exact", "--nocapture", "--test-threads=1"]);
    command.current_dir(folder);
    command
        .env("RUST_BACKTRACE", "0")
        .env_remove("RUST_TEST_THREADS");
    command.stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());

    let started = Instant::now();
    let mut child = start_unless(&mut command, given_up)
        .map_err(|error| Trouble::file("start", binary, error))?;
    let group = child.id();
    let (tell, news) = mpsc::channel();
    let stdout = child.stdout.take().map(|pipe| keep(pipe, tell.clone()));
    let stderr = child.stderr.take().map(|pipe| keep(pipe, tell.clone()));
    thread::spawn(move || tell.send(News::Ended(child.wait())));

    let mut end = None;
    let mut until = deadline;
    let mut waits = String::new();
    let mut readers = 2;
    let status = loop {
        let left = match end {
            None => until.saturating_sub(started.elapsed()),
            Some(_) => Duration::from_secs(5),
        };
        match news.recv_timeout(left) {
            Ok(News::Ended(status)) => break status.ok(),
            Ok(News::Flood) => {
                end.get_or_insert(End::Flood);
                kill(group);
            }
            Ok(News::ReadToEnd) => readers -= 1,
            Err(RecvTimeoutError::Timeout) if end.is_none() => {
                until = deadline + starved::grace(deadline, starved::of(group));
                if started.elapsed() < until {
                    continue;
                }
                end = Some(End::Deadline);
                waits = waits::of(group, name);
                kill(group);
            }
            Err(_) => break None,
        }
    };
    if left_behind(group) {
        kill(group);
        end.get_or_insert(End::LeftBehind);
    }
    ended(group);
    if groups().closed || given_up.load(Ordering::Relaxed) {
        // We ended it, so how it ended is no verdict.
        return Err(Trouble::course("stopped".to_string()));
    }
    // With the whole group gone the pipes end, unless a process fled from it.
    while readers > 0 {
        match news.recv_timeout(Duration::from_secs(1)) {
            Ok(News::ReadToEnd) => readers -= 1,
            Ok(_) => {}
            Err(_) => {
                end.get_or_insert(End::LeftBehind);
                break;
            }
        }
    }
    let text = |kept: Option<Arc<Mutex<Vec<u8>>>>| {
        let kept = kept.unwrap_or_default();
        let kept = kept.lock().unwrap_or_else(|broken| broken.into_inner());
        String::from_utf8_lossy(&kept).into_owned()
    };
    let end = match (end, status) {
        (Some(end), _) => end,
        (None, Some(status)) => End::Exited(status),
        (None, None) => End::Deadline,
    };
    Ok(Outcome {
        end,
        waits,
        stdout: text(stdout),
        stderr: text(stderr),
        took: started.elapsed(),
    })
}

/// Reads `pipe` to its end and keeps the beginning.
fn keep(mut pipe: impl Read + Send + 'static, tell: Sender<News>) -> Arc<Mutex<Vec<u8>>> {
    let kept = Arc::new(Mutex::new(Vec::new()));
    let mine = kept.clone();
    thread::spawn(move || {
        let mut buffer = [0; 8192];
        let mut total = 0;
        while let Ok(count @ 1..) = pipe.read(&mut buffer) {
            let mut kept = mine.lock().unwrap_or_else(|broken| broken.into_inner());
            let room = KEPT.saturating_sub(kept.len()).min(count);
            kept.extend_from_slice(&buffer[..room]);
            let before = total;
            total += count;
            if before <= FLOOD && total > FLOOD {
                tell.send(News::Flood).ok();
            }
        }
        tell.send(News::ReadToEnd).ok();
    });
    kept
}

#[cfg(unix)]
fn kill(group: u32) {
    use rustix::process::{Pid, Signal, kill_process_group};
    if let Some(pid) = i32::try_from(group).ok().and_then(Pid::from_raw) {
        // An error means that nobody is left in it.
        kill_process_group(pid, Signal::KILL).ok();
    }
}

#[cfg(unix)]
fn left_behind(group: u32) -> bool {
    use rustix::process::{Pid, test_kill_process_group};
    let pid = i32::try_from(group).ok().and_then(Pid::from_raw);
    pid.is_some_and(|pid| test_kill_process_group(pid).is_ok()) && lives(group)
}

/// A process that has ended and that nobody has waited for yet does not count.
#[cfg(target_os = "linux")]
fn lives(group: u32) -> bool {
    let Ok(processes) = std::fs::read_dir("/proc") else {
        return true;
    };
    processes.flatten().any(|process| {
        let stat = std::fs::read_to_string(process.path().join("stat")).unwrap_or_default();
        let ended = stat
            .rsplit(") ")
            .next()
            .is_none_or(|after| after.starts_with('Z'));
        !ended && starved::group_of(&stat) == Some(group)
    })
}

#[cfg(all(unix, not(target_os = "linux")))]
fn lives(_group: u32) -> bool {
    true
}

#[cfg(windows)]
fn kill(process: u32) {
    let mut command = Command::new("taskkill");
    command.args(["/T", "/F", "/PID", &process.to_string()]);
    command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .ok();
}

#[cfg(windows)]
fn left_behind(_process: u32) -> bool {
    false
}

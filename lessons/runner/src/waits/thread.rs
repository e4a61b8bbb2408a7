//! The threads of a process: what each is called, and what it does.

use super::calls::{self, Kind};
use std::fs;

/// How many bytes of a thread's name the kernel keeps.
const NAME: usize = 15;

pub struct Thread {
    pub id: u32,
    pub name: String,
    pub doing: Doing,
    /// How often it has gone to sleep, counted after `doing` was read.
    pub sleeps: String,
}

pub enum Doing {
    /// It waits for no call, and for nothing.
    Busy,
    /// It waits in a call that we know.
    Call(&'static str, Kind, Vec<u64>),
    /// What is known besides: `is stopped`.
    Other(String),
}

/// The threads of a process, the test's own first.
pub fn threads(process: u32, test: &str) -> Vec<Thread> {
    let tasks = fs::read_dir(format!("/proc/{process}/task"));
    let tasks = tasks.into_iter().flatten().flatten();
    let mut ids: Vec<u32> = tasks
        .filter_map(|task| task.file_name().to_str()?.parse().ok())
        .collect();
    ids.sort_unstable();
    let file = |id: u32, name: &str| {
        let bytes = fs::read(format!("/proc/{process}/task/{id}/{name}"));
        bytes.unwrap_or_default().trim_ascii_end().to_vec()
    };
    let text = |id, name| String::from_utf8_lossy(&file(id, name)).into_owned();
    // libtest runs a test in a thread that has its name, or in the first one.
    let name_of_test = &test.as_bytes()[..test.len().min(NAME)];
    let own = ids.iter().find(|id| file(**id, "comm") == name_of_test);
    let own = own.copied().unwrap_or(process);
    if own != process {
        ids.retain(|id| *id != process);
    }
    ids.sort_by_key(|id| (*id != own, *id));
    // A thread without a name has that of the thread which started it.
    let program = file(process, "comm");
    let unnamed = |name: &[u8]| name == program || name == b"main" || name == name_of_test;
    let thread = |id| {
        let name = match id {
            id if id == own => "the test".to_string(),
            id if unnamed(&file(id, "comm")) => "another thread".to_string(),
            id => format!("thread \"{}\"", text(id, "comm").escape_debug()),
        };
        let doing = doing(&text(id, "syscall"), &text(id, "stat"), &text(id, "wchan"));
        let status = text(id, "status");
        let sleeps = (status.lines())
            .find(|line| line.starts_with("voluntary_ctxt_switches"))
            .unwrap_or_default()
            .to_string();
        Thread {
            id,
            name,
            doing,
            sleeps,
        }
    };
    ids.into_iter().map(thread).collect()
}

/// Reads `45 0x3 0x7ffe… …`, a call's number and its arguments, or `running`.
/// Where that is not to be had, the place in the kernel, or the state, must do.
pub fn doing(call: &str, stat: &str, place: &str) -> Doing {
    let mut words = call.split_whitespace();
    let number = words.next();
    if number == Some("running") {
        return Doing::Busy;
    }
    let known = number.and_then(|number| calls::call(number.parse().ok()?));
    if let Some((name, kind)) = known {
        let arguments = words.filter_map(|word| {
            let digits = word.strip_prefix("0x")?;
            u64::from_str_radix(digits, 16).ok()
        });
        return Doing::Call(name, kind, arguments.collect());
    }
    // The state follows the name, which is in brackets.
    let state = stat
        .rsplit_once(") ")
        .and_then(|(_, rest)| rest.chars().next());
    match (state, place) {
        (Some('R'), _) => Doing::Busy,
        (Some('T' | 't'), _) => Doing::Other("is stopped".into()),
        (Some('Z' | 'X') | None, _) => Doing::Other("has ended".into()),
        (_, place) if number.is_none() && !matches!(place, "" | "0") => {
            Doing::Other(format!("waits in the kernel, in {place}"))
        }
        (Some('D'), _) => Doing::Other("waits for a device".into()),
        _ => Doing::Other("waits in the kernel".into()),
    }
}

impl Thread {
    /// The thread that this one may wait for: glibc's `pthread_join` waits for
    /// the kernel to clear the other's number, in a futex that is not private.
    pub fn joins(&self) -> Option<u32> {
        const PRIVATE: u64 = 128;
        let Doing::Call(_, Kind::Futex, arguments) = &self.doing else {
            return None;
        };
        let (operation, value) = (arguments.get(1)?, arguments.get(2)?);
        let id = u32::try_from(*value).ok()?;
        (operation & PRIVATE == 0 && id != self.id).then_some(id)
    }

    /// Whether only another thread can let it go on: no socket, and no time.
    pub fn is_stuck(&self) -> bool {
        match &self.doing {
            Doing::Call(_, Kind::Futex, arguments) => arguments.get(3) == Some(&0),
            _ => false,
        }
    }

    pub fn fd(&self) -> Option<u64> {
        match &self.doing {
            Doing::Call(
                _,
                Kind::Receive | Kind::Send | Kind::Accept | Kind::Connect,
                arguments,
            ) => arguments.first().copied(),
            _ => None,
        }
    }
}

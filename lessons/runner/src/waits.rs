//! Where a test hangs: in which call each of its threads waits, and on what.
//! Linux tells it under `/proc` (`proc(5)`); elsewhere nothing is said.

mod calls;
mod place;

use calls::Kind;
use place::Places;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};

/// How many threads are told of.
const TOLD: usize = 6;
/// How many bytes of a thread's name the kernel keeps.
const NAME: usize = 15;

struct Thread {
    id: u32,
    name: String,
    doing: Doing,
    /// How often it has gone to sleep, counted after `doing` was read.
    sleeps: String,
}

enum Doing {
    /// It waits for no call, and for nothing.
    Busy,
    /// It waits in a call that we know.
    Call(&'static str, Kind, Vec<u64>),
    /// What is known besides: `is stopped`.
    Other(String),
}

/// What each thread of the process that runs `test` waits for, a line for each.
pub fn of(process: u32, test: &str) -> String {
    let before = threads(process, test);
    let threads = threads(process, test);
    if threads.is_empty() {
        return String::new();
    }
    let places = Places::of(process);
    let names: BTreeMap<u32, &str> = (threads.iter())
        .map(|thread| (thread.id, thread.name.as_str()))
        .collect();
    let mut lines: Vec<String> = (threads.iter().take(TOLD))
        .map(|thread| thread.tell(process, &names, &places))
        .collect();
    if let more @ 1.. = threads.len().saturating_sub(TOLD) {
        lines.push(format!("and {more} more threads"));
    }
    lines.extend(two_writers(&threads, &places));
    if all_stuck(&before, &threads) {
        match threads.len() {
            1 => lines[0] += ", and there is no other thread that could let it go on",
            _ => lines.push("no thread runs that could let another go on".to_string()),
        }
    }
    lines.join(";\n")
}

/// Whether each thread waits for another one. They are read one by one, and may
/// wake each other meanwhile: so none may have gone to sleep since `before`.
fn all_stuck(before: &[Thread], threads: &[Thread]) -> bool {
    let sleeps = |threads: &[Thread]| -> Vec<(u32, String)> {
        let each = threads.iter();
        each.map(|thread| (thread.id, thread.sleeps.clone()))
            .collect()
    };
    threads.iter().all(Thread::is_stuck) && sleeps(before) == sleeps(threads)
}

/// The threads of a process, the test's own first.
fn threads(process: u32, test: &str) -> Vec<Thread> {
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
fn doing(call: &str, stat: &str, place: &str) -> Doing {
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
    fn tell(&self, process: u32, names: &BTreeMap<u32, &str>, places: &Places) -> String {
        let what = match &self.doing {
            Doing::Busy => "is busy: it computes, or loops without waiting".to_string(),
            Doing::Other(what) => what.clone(),
            Doing::Call(name, kind, arguments) => {
                let on = match kind {
                    Kind::Futex => return self.tell_futex(names),
                    Kind::Poll => polled(process, arguments, places),
                    Kind::Event => ", for something to happen".to_string(),
                    Kind::Sleep => ", for time to pass".to_string(),
                    Kind::Child => ", for a child process to end".to_string(),
                    _ => self
                        .fd()
                        .map_or_else(String::new, |fd| places.tell(fd, *kind)),
                };
                format!("waits in {name}{on}")
            }
        };
        format!("{} {what}", self.name)
    }

    fn tell_futex(&self, names: &BTreeMap<u32, &str>) -> String {
        let joined = self.joins().and_then(|id| names.get(&id));
        match joined {
            Some(name) => format!("{} waits in join, for {name} to end", self.name),
            None => format!(
                "{} waits in futex, for a lock, a channel or another thread",
                self.name
            ),
        }
    }

    /// The thread that this one may wait for: glibc's `pthread_join` waits for
    /// the kernel to clear the other's number, in a futex that is not private.
    fn joins(&self) -> Option<u32> {
        const PRIVATE: u64 = 128;
        let Doing::Call(_, Kind::Futex, arguments) = &self.doing else {
            return None;
        };
        let (operation, value) = (arguments.get(1)?, arguments.get(2)?);
        let id = u32::try_from(*value).ok()?;
        (operation & PRIVATE == 0 && id != self.id).then_some(id)
    }

    /// Whether only another thread can let it go on: no socket, and no time.
    fn is_stuck(&self) -> bool {
        match &self.doing {
            Doing::Call(_, Kind::Futex, arguments) => arguments.get(3) == Some(&0),
            _ => false,
        }
    }

    fn fd(&self) -> Option<u64> {
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

/// What a `poll` waits on: its `struct pollfd`s stand in the process's memory.
fn polled(process: u32, arguments: &[u64], places: &Places) -> String {
    const SIZE: usize = 8;
    const WRITABLE: u8 = 4;
    let [start, count, ..] = *arguments else {
        return String::new();
    };
    let mut memory = [0; 4 * SIZE];
    let asked = count.min(4) as usize * SIZE;
    let read = File::open(format!("/proc/{process}/mem")).and_then(|mut file| {
        file.seek(SeekFrom::Start(start))?;
        file.read_exact(&mut memory[..asked])
    });
    if read.is_err() {
        return String::new();
    }
    let told = memory[..asked].chunks_exact(SIZE).map(|entry| {
        let fd = u32::from_ne_bytes([entry[0], entry[1], entry[2], entry[3]]);
        let events = u16::from_ne_bytes([entry[4], entry[5]]) as u8;
        let kind = match events & WRITABLE {
            0 => Kind::Receive,
            _ => Kind::Send,
        };
        places.tell(fd.into(), kind)
    });
    let told = told.filter(|place| !place.is_empty());
    told.collect::<Vec<_>>().join(" or")
}

/// Whether two threads write into the two ends of one connection, and nobody reads.
fn two_writers(threads: &[Thread], places: &Places) -> Option<String> {
    let writing = threads.iter().filter_map(|thread| match &thread.doing {
        Doing::Call(_, Kind::Send, _) => places.row(thread.fd()?),
        _ => None,
    });
    let rows: Vec<_> = writing.collect();
    let full = rows.iter().any(|row| {
        let other = places.other_end(row).filter(|other| rows.contains(other));
        other.is_some_and(|other| row.receive_queue > 0 && other.receive_queue > 0)
    });
    full.then(|| "both wait in send; both receive queues are full".to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn thread(doing: Doing, sleeps: &str) -> Thread {
        Thread {
            id: 1,
            name: "it".to_string(),
            doing,
            sleeps: sleeps.to_string(),
        }
    }

    fn told(call: &str, stat: &str, place: &str) -> String {
        let thread = thread(doing(call, stat, place), "");
        thread.tell(0, &BTreeMap::new(), &Places::of(0))
    }

    #[test]
    fn an_unknown_call_leaves_the_state_alone() {
        assert_eq!(
            told("9999 0x0", "1 (a) b) S 1", "x"),
            "it waits in the kernel"
        );
        assert_eq!(
            told("9999 0x0", "1 (a) b) D 1", "x"),
            "it waits for a device"
        );
        assert_eq!(told("-1 0x0", "1 (ab) T 1", "x"), "it is stopped");
    }

    #[test]
    fn where_the_call_may_not_be_read_the_kernel_tells_the_place() {
        let place = "inet_csk_accept";
        assert_eq!(
            told("", "1 (ab) S 1", place),
            "it waits in the kernel, in inet_csk_accept"
        );
        assert_eq!(told("", "1 (ab) S 1", "0"), "it waits in the kernel");
        assert!(told("", "1 (ab) R 1", "0").starts_with("it is busy"));
        assert_eq!(told("", "", ""), "it has ended");
    }

    #[test]
    fn a_thread_that_slept_anew_is_not_stuck() {
        let futex = || Doing::Call("futex", Kind::Futex, vec![0, 128, 2, 0]);
        let [before, still, anew] = ["7", "7", "8"].map(|sleeps| [thread(futex(), sleeps)]);
        assert!(all_stuck(&before, &still));
        assert!(!all_stuck(&before, &anew));
    }
}

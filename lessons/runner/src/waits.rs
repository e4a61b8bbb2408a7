//! Where a test hangs: in which call each of its threads waits, and on what.
//! Linux tells it under `/proc` (`proc(5)`); elsewhere nothing is said.

mod calls;
mod place;
mod thread;

use calls::Kind;
use place::Places;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use thread::{Doing, Thread, threads};

/// How many threads are told of.
const TOLD: usize = 6;

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
    use thread::doing;

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

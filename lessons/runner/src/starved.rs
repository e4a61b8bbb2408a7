//! How long a test has waited for a processor. On a machine that is busy with
//! other work that is no fault of the test's, and no time of its own.
//!
//! Linux counts it for each thread in `/proc/PID/task/TID/schedstat`: time on
//! a processor, time waiting for one, both in nanoseconds, and turns. Elsewhere
//! a deadline is a deadline.

use std::time::Duration;

/// A test gets at most so many deadlines more, however busy the machine is.
const MORE: u32 = 3;

/// How much later a test is to end that has waited so long for a processor.
pub fn grace(deadline: Duration, starved: Duration) -> Duration {
    starved.min(deadline * MORE)
}

/// The time that the threads of a process group have waited for a processor,
/// and those of all processes below it: a worker may have a group of its own.
#[cfg(target_os = "linux")]
pub fn of(group: u32) -> Duration {
    use std::fs::{read_dir, read_to_string};
    let processes = read_dir("/proc").into_iter().flatten().flatten();
    let relatives: Vec<Relative> = processes
        .filter_map(|process| relative(&read_to_string(process.path().join("stat")).ok()?))
        .collect();
    let tasks = below(group, &relatives)
        .into_iter()
        .map(|process| read_dir(format!("/proc/{process}/task")));
    let threads = tasks.flatten().flatten().flatten();
    let waited = threads.map(|thread| {
        let schedstat = read_to_string(thread.path().join("schedstat"));
        schedstat.map_or(Duration::ZERO, |text| waited(&text))
    });
    waited.sum()
}

#[cfg(not(target_os = "linux"))]
pub fn of(_group: u32) -> Duration {
    Duration::ZERO
}

/// A process, and to whom it belongs.
#[cfg(any(target_os = "linux", test))]
struct Relative {
    process: u32,
    parent: u32,
    group: u32,
}

/// The processes of a group, and all below them.
#[cfg(any(target_os = "linux", test))]
fn below(group: u32, all: &[Relative]) -> Vec<u32> {
    let mut found: Vec<u32> = Vec::new();
    loop {
        let more = all.iter().filter(|it| {
            !found.contains(&it.process) && (it.group == group || found.contains(&it.parent))
        });
        let more: Vec<u32> = more.map(|it| it.process).collect();
        if more.is_empty() {
            return found;
        }
        found.extend(more);
    }
}

/// What a `/proc/PID/stat` says: the number, the name in brackets, the state,
/// the parent and the group.
#[cfg(any(target_os = "linux", test))]
fn relative(stat: &str) -> Option<Relative> {
    let (before, after) = stat.rsplit_once(") ")?;
    let (process, _) = before.split_once(' ')?;
    let mut fields = after.split(' ').skip(1);
    Some(Relative {
        process: process.parse().ok()?,
        parent: fields.next()?.parse().ok()?,
        group: fields.next()?.parse().ok()?,
    })
}

/// The group in a `/proc/PID/stat`.
#[cfg(any(target_os = "linux", test))]
pub fn group_of(stat: &str) -> Option<u32> {
    relative(stat).map(|it| it.group)
}

#[cfg(any(target_os = "linux", test))]
fn waited(schedstat: &str) -> Duration {
    let waited = schedstat.split_whitespace().nth(1);
    let waited = waited.and_then(|nanoseconds| nanoseconds.parse().ok());
    Duration::from_nanos(waited.unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEADLINE: Duration = Duration::from_secs(5);

    #[test]
    fn who_has_waited_for_no_processor_gets_no_more_time() {
        assert_eq!(grace(DEADLINE, Duration::ZERO), Duration::ZERO);
    }

    #[test]
    fn the_wait_for_a_processor_is_given_back() {
        let starved = Duration::from_secs(2);
        assert_eq!(grace(DEADLINE, starved), starved);
    }

    #[test]
    fn a_busy_machine_puts_off_no_verdict_for_ever() {
        let starved = Duration::from_secs(3600);
        assert_eq!(grace(DEADLINE, starved), Duration::from_secs(15));
    }

    #[test]
    fn the_second_number_is_the_wait() {
        assert_eq!(waited("411738 2000000 13\n"), Duration::from_millis(2));
        assert_eq!(waited(""), Duration::ZERO);
    }

    #[test]
    fn a_process_may_be_called_anything() {
        assert_eq!(group_of("7 (a) b (c) S 1 42 42 0 -1"), Some(42));
        assert_eq!(group_of("nothing"), None);
    }

    #[test]
    fn a_worker_in_a_group_of_its_own_is_below_its_server() {
        // A test, its server, and a worker of that; and a stranger.
        let all = [(7, 1, 7), (9, 8, 9), (8, 7, 7), (10, 1, 10)];
        let all = all.map(|(process, parent, group)| Relative {
            process,
            parent,
            group,
        });
        let mut found = below(7, &all);
        found.sort();
        assert_eq!(found, [7, 8, 9]);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_group_that_computes_beside_others_has_waited() {
        use std::os::unix::process::CommandExt;
        use std::process::{Child, Command};
        struct Busy(Vec<Child>);
        impl Drop for Busy {
            fn drop(&mut self) {
                for child in &mut self.0 {
                    child.kill().ok();
                    child.wait().ok();
                }
            }
        }

        // More of them than processors: some have to wait.
        let many = std::thread::available_parallelism().map_or(1, |count| 4 * count.get());
        let mut busy = Busy(Vec::new());
        for _ in 0..many {
            let group = busy.0.first().map_or(0, |child| child.id() as i32);
            let mut command = Command::new("sh");
            command.args(["-c", "while :; do :; done"]);
            let child = command.process_group(group).spawn();
            busy.0.push(child.expect("a shell"));
        }
        let group = busy.0[0].id();
        while of(group).is_zero() {}
    }
}

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

/// The time that the threads of a process group have waited for a processor.
#[cfg(target_os = "linux")]
pub fn of(group: u32) -> Duration {
    use std::fs::{read_dir, read_to_string};
    let processes = read_dir("/proc").into_iter().flatten().flatten();
    let processes = processes.filter(|process| {
        let stat = read_to_string(process.path().join("stat"));
        stat.is_ok_and(|stat| group_of(&stat) == Some(group))
    });
    let tasks = processes.flat_map(|process| read_dir(process.path().join("task")));
    let threads = tasks.flatten().flatten();
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

/// The group in a `/proc/PID/stat`: behind the name, in brackets, come the
/// state, the parent and the group.
#[cfg(any(target_os = "linux", test))]
pub fn group_of(stat: &str) -> Option<u32> {
    let (_, after) = stat.rsplit_once(") ")?;
    after.split(' ').nth(2)?.parse().ok()
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

//! On what a call waits: the descriptor, its socket, and the other end.

use super::calls::Kind;
use crate::sockets::netstat::{self, Row};
use std::collections::BTreeMap;
use std::fs;

/// What a process has open, and the kernel's table of TCP sockets.
pub struct Places {
    /// Descriptor by descriptor, as `/proc/PID/fd` shows it: `socket:[inode]`.
    open: BTreeMap<u64, String>,
    rows: Vec<Row>,
}

impl Places {
    pub fn of(process: u32) -> Places {
        let entries = fs::read_dir(format!("/proc/{process}/fd"));
        let open = entries.into_iter().flatten().flatten().filter_map(|entry| {
            let fd = entry.file_name().to_str()?.parse().ok()?;
            let target = fs::read_link(entry.path()).ok()?;
            Some((fd, target.to_string_lossy().into_owned()))
        });
        // One reading of the table may pass a row over.
        let rows = [netstat::table(), netstat::table()].concat();
        Places {
            open: open.collect(),
            rows,
        }
    }

    /// The TCP socket behind a descriptor.
    pub fn row(&self, fd: u64) -> Option<&Row> {
        let inode = inode(self.open.get(&fd)?)?;
        self.rows.iter().find(|row| row.inode == inode)
    }

    /// The row of the connection's other end, if it is on this machine.
    pub fn other_end(&self, row: &Row) -> Option<&Row> {
        let crosswise = |other: &&Row| (other.local, other.peer) == (row.peer, row.local);
        self.rows.iter().find(crosswise)
    }

    /// Where a call of that kind waits: ` on 127.0.0.1:1 ⇄ 127.0.0.1:2 (ESTABLISHED, …)`.
    pub fn tell(&self, fd: u64, kind: Kind) -> String {
        let Some(row) = self.row(fd) else {
            return match self.open.get(&fd) {
                Some(target) => format!(" on {}", other_kind(target)),
                None => String::new(),
            };
        };
        let (local, peer, state) = (row.local, row.peer, row.state);
        match state {
            "LISTEN" => {
                let queue = match row.receive_queue {
                    0 => "nobody".to_string(),
                    count => count.to_string(),
                };
                format!(" on {local} ({state}, {queue} in the queue)")
            }
            "SYN_SENT" => {
                let to = match kind {
                    Kind::Connect => "to",
                    _ => "for an answer from",
                };
                let queue = self.listener(row).map_or(0, |row| row.receive_queue);
                let why = match queue {
                    0 => String::new(),
                    queue => {
                        format!("; the listener there has {queue} in its queue and takes no more")
                    }
                };
                format!(" {to} {peer} ({state}, no answer{why})")
            }
            _ => {
                let what = match kind {
                    Kind::Send => self.unsent(row),
                    _ => self.unread(row),
                };
                format!(" on {local} ⇄ {peer} ({state}, {what})")
            }
        }
    }

    fn listener(&self, caller: &Row) -> Option<&Row> {
        let called = caller.peer;
        self.rows.iter().find(|row| {
            let same = row.local.ip() == called.ip() || row.local.ip().is_unspecified();
            row.state == "LISTEN" && row.local.port() == called.port() && same
        })
    }

    fn unread(&self, row: &Row) -> String {
        let here = bytes(row.receive_queue, "to read");
        let Some(other) = self.other_end(row) else {
            return here;
        };
        let ours = |target: &String| inode(target) == Some(other.inode);
        let holder = match other.state {
            // The kernel has made the connection and no process has it yet.
            "ESTABLISHED" | "CLOSE_WAIT" if other.inode == 0 => "nobody has accepted the other end",
            _ if other.inode == 0 => return here,
            _ if self.open.values().any(ours) => "this test holds the other end too",
            _ => "another process holds the other end",
        };
        format!("{here}; {holder}")
    }

    fn unsent(&self, row: &Row) -> String {
        let here = bytes(row.send_queue, "under way");
        match self.other_end(row) {
            Some(other) => {
                let there = bytes(other.receive_queue, "to read");
                format!("{here}; the other end has {there}")
            }
            None => here,
        }
    }
}

fn bytes(count: u64, what: &str) -> String {
    match count {
        0 => format!("nothing {what}"),
        1 => format!("1 byte {what}"),
        count => format!("{count} bytes {what}"),
    }
}

fn inode(target: &str) -> Option<u64> {
    let number = target.strip_prefix("socket:[")?.strip_suffix(']')?;
    number.parse().ok()
}

/// What is no TCP socket is named by its kind alone.
fn other_kind(target: &str) -> &str {
    let Some(inode) = inode(target) else {
        return match target.split_once(':') {
            Some(("pipe", _)) => "a pipe",
            _ if target.starts_with('/') => target,
            _ => "a descriptor",
        };
    };
    let inode = inode.to_string();
    let lists = |table: &str| {
        let text = fs::read_to_string(format!("/proc/net/{table}")).unwrap_or_default();
        text.lines()
            .any(|line| line.split_whitespace().any(|word| word == inode))
    };
    match () {
        () if lists("unix") => "a Unix socket",
        () if lists("udp") || lists("udp6") => "a UDP socket",
        () => "a socket",
    }
}

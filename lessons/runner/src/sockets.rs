//! `lesson sockets`: the TCP sockets of this machine's loopback, as netstat
//! shows them, with the process that holds each.

use crate::trouble::{Result, Trouble};
use serde::Serialize;
use std::collections::BTreeMap;
use std::process::Command;

// The tests look at the same table.
#[allow(dead_code)]
#[path = "../../../tests/fixtures/netstat.rs"]
pub mod netstat;

#[derive(Serialize)]
struct Line {
    state: &'static str,
    local: String,
    peer: String,
    /// Bytes that arrived and were not read; a listener: connections not accepted.
    receive_queue: u64,
    /// Bytes sent that the other end has not acknowledged.
    send_queue: u64,
    process: String,
}

pub fn sockets(all: bool, json: bool) -> Result<u8> {
    if !cfg!(target_os = "linux") {
        return elsewhere();
    }
    let holders = holders();
    let mut lines: Vec<Line> = (netstat::table().into_iter())
        .filter(|row| all || row.local.ip().is_loopback() || row.local.ip().is_unspecified())
        .filter(|row| all || matches!(row.state, "LISTEN" | "ESTABLISHED"))
        .map(|row| Line {
            state: row.state,
            local: row.local.to_string(),
            peer: match row.state {
                "LISTEN" => "*".to_string(),
                _ => row.peer.to_string(),
            },
            receive_queue: row.receive_queue,
            send_queue: row.send_queue,
            process: holders.get(&row.inode).cloned().unwrap_or_default(),
        })
        .collect();
    lines.sort_by(|a, b| b.state.cmp(a.state).then(a.local.cmp(&b.local)));
    if json {
        say!("{}", serde_json::json!(lines));
        return Ok(0);
    }
    let [state, receive, send, local, peer] = ["state", "recv-q", "send-q", "local", "peer"];
    say!("{state:<12} {receive:>6} {send:>6}  {local:<22} {peer:<22} process");
    for line in &lines {
        let (receive, send) = (line.receive_queue, line.send_queue);
        let (state, local, peer, process) = (line.state, &line.local, &line.peer, &line.process);
        say!("{state:<12} {receive:>6} {send:>6}  {local:<22} {peer:<22} {process}");
    }
    if lines.is_empty() {
        say!("(nothing listens here, and nobody is connected)");
    }
    Ok(0)
}

/// Which process holds which socket: `/proc/PID/fd/N` shows `socket:[inode]`.
/// Other people's processes stay unnamed, as they do for netstat.
fn holders() -> BTreeMap<u64, String> {
    let mut holders = BTreeMap::new();
    for process in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let pid = process.file_name().to_string_lossy().into_owned();
        let name = std::fs::read_to_string(process.path().join("comm")).unwrap_or_default();
        for fd in std::fs::read_dir(process.path().join("fd"))
            .into_iter()
            .flatten()
            .flatten()
        {
            let Ok(target) = std::fs::read_link(fd.path()) else {
                continue;
            };
            let target = target.to_string_lossy();
            let inode = target
                .strip_prefix("socket:[")
                .and_then(|rest| rest.strip_suffix(']'));
            if let Some(inode) = inode.and_then(|inode| inode.parse().ok()) {
                holders.insert(inode, format!("{} ({pid})", name.trim()));
            }
        }
    }
    holders
}

/// Where there is no `/proc/net/tcp`, the system's own command answers.
fn elsewhere() -> Result<u8> {
    let (command, arguments): (_, &[&str]) = match cfg!(windows) {
        true => ("netstat", &["-ano", "-p", "TCP"]),
        false => (
            "lsof",
            &["-nP", "-iTCP@127.0.0.1", "-sTCP:LISTEN,ESTABLISHED"],
        ),
    };
    let status = Command::new(command).args(arguments).status();
    let status =
        status.map_err(|error| Trouble::course(format!("cannot start {command}: {error}")))?;
    Ok(u8::from(!status.success()))
}

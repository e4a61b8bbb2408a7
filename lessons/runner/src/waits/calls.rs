//! The system calls that wait, by their numbers on Linux.

/// What a call waits for; it tells what its arguments mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Receive,
    Send,
    Accept,
    Connect,
    Poll,
    Event,
    Futex,
    Sleep,
    Child,
}

/// The number on x86_64 and on aarch64 (`NONE`: it has no such call), the name
/// under which the chapters know the call, and its kind.
const CALLS: [(i64, i64, &str, Kind); 23] = [
    (0, 63, "read", Kind::Receive),
    (1, 64, "write", Kind::Send),
    (7, NONE, "poll", Kind::Poll),
    (19, 65, "read", Kind::Receive),
    (20, 66, "write", Kind::Send),
    (23, NONE, "select", Kind::Event),
    (35, 101, "sleep", Kind::Sleep),
    (42, 203, "connect", Kind::Connect),
    (43, 202, "accept", Kind::Accept),
    (44, 206, "send", Kind::Send),
    (45, 207, "recv", Kind::Receive),
    (46, 211, "send", Kind::Send),
    (47, 212, "recv", Kind::Receive),
    (61, 260, "wait", Kind::Child),
    (202, 98, "futex", Kind::Futex),
    (230, 115, "sleep", Kind::Sleep),
    (232, NONE, "epoll_wait", Kind::Event),
    (247, 95, "wait", Kind::Child),
    (270, 72, "select", Kind::Event),
    (271, 73, "poll", Kind::Poll),
    (281, 22, "epoll_wait", Kind::Event),
    (288, 242, "accept", Kind::Accept),
    (441, 441, "epoll_wait", Kind::Event),
];
const NONE: i64 = -1;

/// The name and the kind of the call with that number, if it is a known one.
pub fn call(number: i64) -> Option<(&'static str, Kind)> {
    let known = |(x86_64, aarch64, ..): &&(i64, i64, &str, Kind)| {
        let here = match std::env::consts::ARCH {
            "x86_64" => *x86_64,
            "aarch64" => *aarch64,
            _ => NONE,
        };
        here != NONE && here == number
    };
    (CALLS.iter().find(known)).map(|(_, _, name, kind)| (*name, *kind))
}

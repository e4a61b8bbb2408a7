//! A connection is a descriptor, and a process may have so many: `getrlimit(2)`.
//!
//! The usual limit, 1,024, is a soft one: a program may raise it for itself, up
//! to a hard one. A room that does not would be full at some hundred members,
//! and could not even say so, for to say it takes a descriptor as well.

use crate::chat::server::Options;
use crate::terminal::engine::Engine;

/// Beside those of the members: those who are told why they are not let in or
/// hear their last words, the listener, the log, a relay.
const BESIDE: usize = 256;

/// Returns how many descriptors a room of this engine takes when it is full.
///
/// ```
/// use chatroom::terminal::{descriptors::needed, engine::Engine};
///
/// assert!(needed(1_000, Engine::Threads) >= 2_000);
/// ```
pub fn needed(members: usize, engine: Engine) -> usize {
    let each = match engine {
        // The room has one of its own, to hang up with.
        Engine::Threads => 2,
        #[cfg(feature = "scale")]
        Engine::Events => 1,
    };
    members.saturating_mul(each).saturating_add(BESIDE)
}

/// Raises the limit so far that the room can be full, or says that it cannot.
pub fn allow_for(options: &Options, engine: Engine) {
    #[cfg(unix)]
    {
        let (members, needed) = (options.members, needed(options.members, engine));
        match rlimit::increase_nofile_limit(needed as u64) {
            Ok(limit) if limit >= needed as u64 => {}
            Ok(limit) => log::warn!(
                "{members} members may take {needed} descriptors, and there are {limit}: \
                 raise `ulimit -Hn`, or ask for fewer with --max-clients"
            ),
            Err(error) => log::warn!("the limit for descriptors is not to be seen: {error}"),
        }
    }
    #[cfg(not(unix))]
    let _ = (options, engine);
}

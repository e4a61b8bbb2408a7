//! Past the notes: ten thousand in one room, and one room on many machines.

pub mod deadlines;
pub mod event_loop;
pub mod nats;
pub mod relay;

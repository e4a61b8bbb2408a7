//! The chat room: what is said by one is heard by all, in one order.

pub mod client;
pub mod frame;
pub mod frame_error;
pub mod json;
pub mod limits;
pub mod log;
pub mod message;
pub mod outlet;
pub mod room;
pub mod server;

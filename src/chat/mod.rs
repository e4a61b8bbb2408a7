//! The chat room: what is said by one is heard by all, in one order.

pub mod client;
pub mod frame;
<<<<<<< HEAD
pub mod limits;
=======
>>>>>>> 359dfa65a96d3187be696c6d1f09dc24914c23ff
pub mod log;
pub mod message;
pub mod room;
pub mod server;

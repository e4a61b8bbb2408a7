//! Three servers that differ in one thing: who handles the connection.

pub mod forking;
pub mod tcp;
pub mod threading;

//! One socket: the system calls, under the names that Python gives them.
//!
//! The functions take a [`Socket`], the type of the `socket2` crate, which
//! converts to and from the sockets of [`std::net`].

pub mod accept;
pub mod bind;
pub mod connect;
pub mod create_connection;
pub mod create_server;
pub mod family;
pub mod listen;
pub mod recv;
pub mod sendall;
pub mod socketpair;

#[doc(no_inline)]
pub use socket2::Socket;

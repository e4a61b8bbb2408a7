//! A chat room over TCP, built from the socket calls upwards.
//!
//! Each module is one chapter of the course in `lessons/`, and the course's
//! answer key. This page is the map.
//!
//! | module | what it does | chapter |
//! |---|---|---|
//! | [`address`] | reads `host:port` | 00 |
//! | [`socket::family`] | makes a socket of a family and a kind | 01 |
//! | [`socket::bind`] | gives a socket its address | 02 |
//! | [`socket::listen`] | lets the kernel take in connections | 03 |
//! | [`socket::connect`] | calls a listener | 04 |
//! | [`socket::accept`] | takes the next connection from the queue | 05 |
//! | [`socket::sendall`] | sends everything, or fails | 06 |
//! | [`socket::recv`] | takes what has arrived | 07 |
//! | [`socket::create_server`] | socket, bind and listen in one call | 08 |
//! | [`socket::create_connection`] | resolves, and tries each address | 09 |
//! | [`socket::socketpair`] | makes the connected pair | 10 |
//! | [`logging`] | says when, where and what | 11 |
//! | [`echo`] | the first server and its client | 12 |
//! | [`server::tcp`] | serves one connection after the other | 13 |
//! | [`server::threading`] | a thread for each connection | 14 |
//! | [`server::forking`] | a process for each connection | 15 |
//! | [`chat::frame`] | cuts the stream into frames | 16 |
//! | [`chat::message`] | who said what, and when, as JSON | 17 |
//! | [`chat::client`] | joins a room, says and hears | 18 |
//! | [`chat::room`] | who is here, and what was said to all | 19 |
//! | [`chat::server`] | the room over TCP | 20 |
//! | [`cli`] | the `chatroom` command | 21 |
//! | `scale::event_loop` | the room on readiness: ten thousand members in one thread | 22 |
//! | `scale::relay` | one room on many machines | 23 |
//! | [`terminal`] | the prompt, the colours, the arguments of the command | given |
//!
//! How it compares with Python's modules of the same names, test by test, is in
//! [`conformance`].

pub mod address;
pub mod chat;
#[cfg(feature = "cli")]
pub mod cli;
#[doc = include_str!("conformance.md")]
pub mod conformance {}
pub mod echo;
pub mod logging;
#[cfg(feature = "scale")]
pub mod scale;
pub mod server;
pub mod socket;
#[cfg(feature = "cli")]
pub mod terminal;

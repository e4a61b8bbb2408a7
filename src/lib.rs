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

pub mod address;
pub mod socket;

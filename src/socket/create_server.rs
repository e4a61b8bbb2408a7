//! Makes a server's socket in one call: socket, options, bind, listen.
//!
//! The kernel lets a socket be born in steps, and each step has its moment:
//! an option that decides about the address counts only before `bind`. Here
//! the order is written down once, and what cannot be is refused before the
//! first step, when there is nothing to tidy up.
//!
//! ```
//! use chatroom::socket::bind::getsockname;
//! use chatroom::socket::create_server::{Options, create_server};
//! use std::net::{Ipv4Addr, TcpStream};
//!
//! let server = create_server((Ipv4Addr::LOCALHOST, 0).into(), &Options::default())?;
//! TcpStream::connect(getsockname(&server)?)?;
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! Left out: names instead of addresses (chapter 09 resolves them), and
//! servers on Unix paths.

use crate::socket::bind::bind_again;
use crate::socket::family::{Family, Kind, socket};
use crate::socket::listen::{DEFAULT_BACKLOG, listen};
use socket2::Socket;
use std::io;
use std::net::SocketAddr;

/// What a server can be asked for beside its address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The family that the address must be of; with `None` any will do.
    pub family: Option<Family>,
    /// How many callers may wait for `accept`.
    pub backlog: u32,
    /// Several servers share the address, if each of them asks for it, and the
    /// kernel deals the callers out: SO_REUSEPORT.
    pub reuse_port: bool,
    /// A server on an IPv6 address answers callers over IPv4 too. They are
    /// seen as `::ffff:127.0.0.1`.
    pub dual_stack: bool,
}

impl Default for Options {
    /// What most servers want: nobody shares the address, and IPv6 is alone.
    fn default() -> Options {
        Options {
            family: None,
            backlog: DEFAULT_BACKLOG,
            reuse_port: false,
            dual_stack: false,
        }
    }
}

/// Returns a socket that listens on `address`: `socket.create_server`.
///
/// It does not wait for the old connections of a server that had the address
/// before (SO_REUSEADDR, not on Windows), and on an IPv6 address it is for
/// IPv6 alone (IPV6_V6ONLY) unless `dual_stack` says otherwise.
///
/// # Errors
/// `InvalidInput`, before there is a socket, where the request contradicts
/// itself or this system has no such option: a family that is not the
/// address's, `dual_stack` for IPv4, `reuse_port` elsewhere than on Unix. A
/// machine without a dual stack says so when it is asked for one, with an
/// error of its own; [`has_dualstack_ipv6`] tells beforehand. All else is what
/// [`socket`](socket()), [`bind`](crate::socket::bind::bind) and
/// [`listen`](listen()) say: `AddrInUse` and its kind name the address. After
/// an error nothing is left open.
pub fn create_server(address: SocketAddr, options: &Options) -> io::Result<Socket> {
    let family = possible(address, options)?;
    let server = socket(family, Kind::Stream)?;
    // Both options decide about the address, so they come before bind.
    if family == Family::Inet6 {
        server.set_only_v6(!options.dual_stack)?;
    }
    #[cfg(unix)]
    if options.reuse_port {
        server.set_reuse_port(true)?;
    }
    bind_again(&server, address)?;
    listen(&server, options.backlog)?;
    Ok(server)
}

/// Returns the family that `address` is of, if what is asked for can be.
fn possible(address: SocketAddr, options: &Options) -> io::Result<Family> {
    let family = match address {
        SocketAddr::V4(_) => Family::Inet,
        SocketAddr::V6(_) => Family::Inet6,
    };
    let asked = options.family.unwrap_or(family);
    let no = |why: &str| {
        let text = format!("{why}: {asked:?} server on {address}");
        Err(io::Error::new(io::ErrorKind::InvalidInput, text))
    };
    if asked != family {
        return no("the address is of another family");
    }
    if options.dual_stack && family != Family::Inet6 {
        return no("only an IPv6 server can have a dual stack");
    }
    if options.reuse_port && !cfg!(unix) {
        return no("there is no SO_REUSEPORT here");
    }
    Ok(family)
}

/// Tells whether one socket can serve IPv6 and IPv4 on this machine:
/// `socket.has_dualstack_ipv6`.
///
/// It makes a socket, tries the option and drops the socket again; no address
/// is bound. Where it cannot find out, for want of a descriptor perhaps, the
/// answer is no.
pub fn has_dualstack_ipv6() -> bool {
    socket(Family::Inet6, Kind::Stream)
        .and_then(|socket| socket.set_only_v6(false))
        .is_ok()
}

//! Connects to a name: resolves it, and tries each of its addresses in turn.
//!
//! A name stands for a list. `localhost` is often `::1` and `127.0.0.1`, and
//! the server may listen on one of them only; one dead address does not mean
//! that the server is dead. So the next one is called, with a new socket, and
//! only when the list has come to its end is there an error: all of them.
//!
//! ```
//! use chatroom::socket::create_connection::create_connection;
//! use std::net::TcpListener;
//! use std::time::Duration;
//!
//! let server = TcpListener::bind("127.0.0.1:0")?;
//! let port = server.local_addr()?.port();
//! let socket = create_connection(("localhost", port), Some(Duration::from_secs(5)), None)?;
//! assert_eq!(socket.read_timeout()?, Some(Duration::from_secs(5)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Left out: calling several addresses at the same time, and a limit on how
//! long the resolver may take.

use crate::socket::bind::bind;
use crate::socket::connect::connect;
use crate::socket::family::{Family, Kind, socket};
use socket2::Socket;
use std::error::Error;
use std::fmt;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::time::Duration;

/// Why there is no connection.
#[derive(Debug)]
pub enum ConnectError {
    /// The name could not be resolved.
    Resolve(io::Error),
    /// There was no address to call.
    NoAddresses,
    /// Each address with its error, in the order in which they were called.
    AllFailed(Vec<(SocketAddr, io::Error)>),
}

/// Returns a socket that is connected to a host and a port:
/// `socket.create_connection`.
///
/// The addresses of the host are called in the resolver's order until one
/// answers. Each may take as long as `timeout` says, so the whole may take
/// longer; the resolver takes its own time. As in Python the timeout stays on
/// the socket, for `recv` and `send`. With a `source` the calls come from that
/// address; port 0 leaves the port to the kernel.
///
/// # Errors
/// [`ConnectError`] says how far it came. What one address failed with is the
/// error of [`socket`](socket()), [`bind`](bind()) or [`connect`](connect()):
/// `ConnectionRefused`, also where the socket has reached nobody but itself,
/// `TimedOut`, `InvalidInput` for a timeout of zero, `AddrNotAvailable` for a
/// source that is not of this machine, and their kind.
pub fn create_connection(
    address: (&str, u16),
    timeout: Option<Duration>,
    source: Option<SocketAddr>,
) -> Result<Socket, ConnectError> {
    let addresses = resolve(address).map_err(ConnectError::Resolve)?;
    connect_in_turn(&addresses, timeout, source, connect)
}

/// Returns all addresses of a host, each with the port: `getaddrinfo(3)`.
fn resolve((host, port): (&str, u16)) -> io::Result<Vec<SocketAddr>> {
    match (host, port).to_socket_addrs() {
        Ok(addresses) => Ok(addresses.collect()),
        // Quoted: whatever the name has in it must not reach a terminal raw.
        Err(error) => Err(io::Error::new(
            error.kind(),
            format!("{error}: resolve {host:?}"),
        )),
    }
}

/// Tries `addresses` in turn, each on a new socket, and returns the first that
/// `connect` could connect.
///
/// # Errors
/// `NoAddresses` for an empty list, otherwise `AllFailed`.
pub fn connect_in_turn(
    addresses: &[SocketAddr],
    timeout: Option<Duration>,
    source: Option<SocketAddr>,
    mut connect: impl FnMut(&Socket, SocketAddr, Option<Duration>) -> io::Result<()>,
) -> Result<Socket, ConnectError> {
    let mut errors = Vec::new();
    for &address in addresses {
        match attempt(address, timeout, source, &mut connect) {
            Ok(socket) => return Ok(socket),
            Err(error) => errors.push((address, error)),
        }
    }
    if errors.is_empty() {
        return Err(ConnectError::NoAddresses);
    }
    Err(ConnectError::AllFailed(errors))
}

fn attempt(
    address: SocketAddr,
    timeout: Option<Duration>,
    source: Option<SocketAddr>,
    connect: &mut impl FnMut(&Socket, SocketAddr, Option<Duration>) -> io::Result<()>,
) -> io::Result<Socket> {
    let family = match address {
        SocketAddr::V4(_) => Family::Inet,
        SocketAddr::V6(_) => Family::Inet6,
    };
    let socket = socket(family, Kind::Stream)?;
    if let Some(source) = source {
        bind(&socket, source)?;
    }
    connect(&socket, address, timeout)?;
    socket.set_read_timeout(timeout)?;
    socket.set_write_timeout(timeout)?;
    Ok(socket)
}

impl ConnectError {
    /// Returns the error that came last, which is the one that Python raises.
    pub fn last(&self) -> Option<&io::Error> {
        match self {
            ConnectError::Resolve(error) => Some(error),
            ConnectError::NoAddresses => None,
            ConnectError::AllFailed(errors) => errors.last().map(|(_, error)| error),
        }
    }
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConnectError::Resolve(error) => write!(f, "{error}"),
            ConnectError::NoAddresses => write!(f, "there is no address to call"),
            ConnectError::AllFailed(errors) => {
                let each = errors.iter().map(|(_, error)| error.to_string());
                write!(f, "{}", each.collect::<Vec<_>>().join("; "))
            }
        }
    }
}

impl Error for ConnectError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.last().map(|error| error as _)
    }
}

//! Connects to a name: resolves it, and tries each of its addresses in turn.

use socket2::Socket;
use std::error::Error;
use std::fmt;
use std::io;
use std::net::SocketAddr;
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

/// Returns a socket that is connected to a host and a port.
pub fn create_connection(
    address: (&str, u16),
    timeout: Option<Duration>,
    source: Option<SocketAddr>,
) -> Result<Socket, ConnectError> {
    todo!("resolve {address:?}, then call from {source:?} within {timeout:?}")
}

/// Tries `addresses` in turn, each on a new socket, and returns the first that
/// `connect` could connect.
pub fn connect_in_turn(
    addresses: &[SocketAddr],
    timeout: Option<Duration>,
    source: Option<SocketAddr>,
    connect: impl FnMut(&Socket, SocketAddr, Option<Duration>) -> io::Result<()>,
) -> Result<Socket, ConnectError> {
    todo!("call {addresses:?} from {source:?}, each within {timeout:?}")
}

impl ConnectError {
    /// Returns the error that came last, which is the one that Python raises.
    pub fn last(&self) -> Option<&io::Error> {
        todo!("the last error")
    }
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        todo!("what went wrong, all of it")
    }
}

impl Error for ConnectError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.last().map(|error| error as _)
    }
}

//! Serves one connection after the other: `socketserver.TCPServer`.

use crate::server::{Handler, Next, REST, ServerHandle, Stopper, after_accept_error};
use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

/// Takes one connection through its life: verify, setup, handle, finish. What
/// fails or panics on the way reaches `on_error`, once, and nobody else.
pub fn process(handler: &dyn Handler, stream: &TcpStream, peer: SocketAddr) {
    todo!("take {peer} through the steps of its handler")
}

/// Tells the error hook, which may panic as well.
pub fn report(handler: &dyn Handler, peer: Option<SocketAddr>, error: &io::Error) {
    todo!("tell {peer:?} and {error} to on_error")
}

/// Calls `step`, and turns its panic into an error.
pub fn caught(step: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    todo!("call it, and catch its panic")
}

/// Accepts and processes one connection after the other, until `stopper` is
/// pressed: `serve_forever`.
pub fn serve(
    accept: impl FnMut() -> io::Result<(TcpStream, SocketAddr)>,
    pause: impl FnMut(Duration),
    handler: &dyn Handler,
    stopper: &Stopper,
) -> io::Result<()> {
    todo!("accept and process, until the stopper is pressed")
}

/// Starts a server on `listener` in a thread of its own.
pub fn start(listener: TcpListener, handler: impl Handler) -> io::Result<ServerHandle> {
    todo!("start a server, with a stopper of its own")
}

/// Starts a server like [`start`], with a stopper that was made before.
pub fn start_with(
    listener: TcpListener,
    handler: impl Handler,
    stopper: &Stopper,
) -> io::Result<ServerHandle> {
    todo!("start the thread of a server")
}

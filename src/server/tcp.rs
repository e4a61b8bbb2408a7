//! Serves one connection after the other: `socketserver.TCPServer`.
//!
//! Connections come from strangers: they abort, reset, send rubbish, and find
//! the input on which a handler panics. Each of these ends that connection and
//! none of them the server.
//!
//! ```
//! use chatroom::server::tcp;
//! use std::io::{self, Read};
//! use std::net::{SocketAddr, TcpListener, TcpStream};
//!
//! let listener = TcpListener::bind("127.0.0.1:0")?;
//! let echo = |mut stream: &TcpStream, _: SocketAddr| {
//!     io::copy(&mut &*stream, &mut stream).map(drop)
//! };
//! let server = tcp::start(listener, echo)?;
//! drop(TcpStream::connect(server.address())?);
//! server.shutdown()?;
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! Left out: two clients at once, for while one is handled, the others wait in
//! the listener's queue; and input that a handler leaves unread, which turns
//! the end of its connection into a reset.

use crate::server::{Handler, Next, REST, ServerHandle, Stopper, after_accept_error};
use std::any::Any;
use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

/// Takes one connection through its life: verify, setup, handle, finish. What
/// fails or panics on the way reaches `on_error`, once, and nobody else. At
/// the end the connection is shut down, whoever else has a clone of it.
///
/// A client that `verify` refuses is shut down and meets none of the others.
/// Where setup fails there is neither handle nor finish; finish follows handle
/// in any case.
pub fn process(handler: &dyn Handler, stream: &TcpStream, peer: SocketAddr) {
    let result = caught(|| {
        if !handler.verify(peer) {
            return Ok(());
        }
        handler.setup(stream, peer)?;
        let handled = caught(|| handler.handle(stream, peer));
        handler.finish(stream, peer);
        handled
    });
    if let Err(error) = result {
        report(handler, Some(peer), &error);
    }
    // A client that has hung up already needs no shutdown.
    let _ = stream.shutdown(Shutdown::Both);
}

/// Tells the error hook, which may panic as well.
pub fn report(handler: &dyn Handler, peer: Option<SocketAddr>, error: &io::Error) {
    let told = caught(|| {
        handler.on_error(peer, error);
        Ok(())
    });
    if let Err(panic) = told {
        log::error!("on_error: {panic}");
    }
}

/// Calls `step`, and turns its panic into an error.
///
/// # Errors
/// Those of `step`, and `Other` for its panic, with the words of it.
pub fn caught(step: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    // What a panic leaves half done is the handler's own; its locks are poisoned.
    catch_unwind(AssertUnwindSafe(step)).unwrap_or_else(|panic| {
        let words = words(&*panic);
        Err(io::Error::other(format!("the handler panicked: {words}")))
    })
}

/// What a panic said. `panic!` gives a `&str` or a `String`.
fn words(panic: &(dyn Any + Send)) -> &str {
    match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
        (Some(words), _) => words,
        (_, Some(words)) => words,
        _ => "without words",
    }
}

/// Accepts and processes one connection after the other, until `stopper` is
/// pressed: `serve_forever`.
///
/// # Errors
/// The error of `accept` that says that nobody listens any more.
pub fn serve(
    mut accept: impl FnMut() -> io::Result<(TcpStream, SocketAddr)>,
    mut pause: impl FnMut(Duration),
    handler: &dyn Handler,
    stopper: &Stopper,
) -> io::Result<()> {
    while !stopper.is_stopping() {
        match accept() {
            Ok((stream, peer)) => {
                let stream = Arc::new(stream);
                // Whoever comes after the stop only wakes us.
                let Some(_admitted) = stopper.admit(&stream) else {
                    break;
                };
                process(handler, &stream, peer);
            }
            Err(_) if stopper.is_stopping() => break,
            Err(error) => match after_accept_error(&error) {
                Next::Again => {}
                Next::BackOff => {
                    report(handler, None, &error);
                    pause(REST);
                }
                Next::Stop => return Err(error),
            },
        }
    }
    Ok(())
}

/// Starts a server on `listener` in a thread of its own.
///
/// # Errors
/// Those of [`ServerHandle::spawn`].
pub fn start(listener: TcpListener, handler: impl Handler) -> io::Result<ServerHandle> {
    start_with(listener, handler, &Stopper::new())
}

/// Starts a server like [`start`], with a stopper that was made before, for
/// instance to be given to the handler.
///
/// # Errors
/// Those of [`start`].
pub fn start_with(
    listener: TcpListener,
    handler: impl Handler,
    stopper: &Stopper,
) -> io::Result<ServerHandle> {
    let stop = stopper.clone();
    ServerHandle::spawn(listener, stopper, move |listener| {
        serve(|| listener.accept(), thread::sleep, &handler, &stop)
    })
}

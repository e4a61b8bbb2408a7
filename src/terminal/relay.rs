//! `chatroom serve --relay`: the room of this server is one of many.

use crate::chat::server::Options;
use crate::terminal::arguments::Serve;
use std::io;

/// Connects the room to its relay, where one is asked for: the room is opened
/// with these options, and closed before what else is returned is dropped.
///
/// # Errors
/// Those of [`nats::start`](crate::scale::nats::start).
#[cfg(feature = "scale")]
pub fn connect(arguments: &Serve, options: Options) -> io::Result<(Options, impl Sized + use<>)> {
    use crate::chat::outlet::Outlet;
    use crate::scale::{nats, relay::Relay};
    use std::sync::Arc;

    let (Some(url), Some(room)) = (&arguments.relay, &arguments.room) else {
        return Ok((options, None));
    };
    let relay = Arc::new(Relay::new(&options));
    let link = nats::start(url, room, relay.clone())?;
    let outlet = Outlet::to(relay);
    Ok((Options { outlet, ..options }, Some(link)))
}

/// Says that this program has no relay, where one is asked for.
///
/// # Errors
/// `Unsupported`.
#[cfg(not(feature = "scale"))]
pub fn connect(arguments: &Serve, options: Options) -> io::Result<(Options, impl Sized + use<>)> {
    if arguments.relay.is_some() {
        let how = "cargo install --path . --features scale";
        let why = format!("this chatroom was built without it; `{how}` builds one with it");
        return Err(io::Error::new(io::ErrorKind::Unsupported, why));
    }
    Ok((options, ()))
}

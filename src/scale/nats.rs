//! Carries a [`Desk`]'s parcels to a stream of NATS JetStream, and to the desk
//! what the stream has got, from all servers in one order.
//!
//! This module is given: it is the only one that knows of `async` and of NATS,
//! and both stay inside of one thread. It decides nothing. A *session* is a
//! stream that was looked up and is being read; where anything goes wrong, be
//! it that a broker has gone, that an answer does not come in time or that the
//! stream is silent, the session ends, the desk is told, and the next begins.
//!
//! Left out: encryption and who may read the stream, beyond what the URL says
//! (`tls://user:password@host:port`); a broker that loses its disk. One that
//! loses power may lose its last seconds: a stream with three replicas, on
//! three brokers, does not.

use crate::chat::frame::Framing;
use async_nats::header::NATS_MESSAGE_ID;
use async_nats::jetstream::consumer::pull::{self, Stream as Messages};
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy};
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::stream::{Config, DiscardPolicy};
use async_nats::jetstream::{self, Context};
use async_nats::{ConnectOptions, Event};
use futures_util::StreamExt;
use std::error::Error;
use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use tokio::sync::{Notify, watch};
use tokio::time::timeout;

/// A message may have so many bytes: half of what a broker takes by default.
pub const LONGEST: usize = 512 * 1024;

/// How long an answer of the broker may take. A link that is cut without a
/// word is noticed after so long.
const PATIENCE: Duration = Duration::from_secs(3);

/// A stream that has nothing to say says so this often.
const HEARTBEAT: Duration = Duration::from_secs(1);

/// How long a session that failed is past before the next one is tried.
const PAUSE: Duration = Duration::from_millis(200);

/// What was missed while the line was cut comes faster than people read it. So
/// long it waits at most for somebody who is far behind, who may be asleep, and
/// this often it looks.
const SLEEPER: Duration = Duration::from_secs(2);
const LOOK: Duration = Duration::from_millis(5);

/// The broker keeps so many bytes of a room, and then forgets the oldest.
const KEPT: i64 = 256 * 1024 * 1024;

/// For so long the broker knows what it has stored. The inbox knows it longer.
const WINDOW: Duration = Duration::from_secs(120);

/// What is to be stored at once: frames of the messages up to this number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parcel {
    pub number: u64,
    pub bytes: Vec<u8>,
}

/// What the stream has got, as its message of this number.
#[derive(Clone, Copy, Debug)]
pub struct Delivery<'a> {
    pub sequence: u64,
    /// Whose parcel it is, and its number: empty and 0 where nobody said.
    pub from: &'a str,
    pub number: u64,
    pub bytes: &'a [u8],
}

/// A stream, as it is when a session begins.
#[derive(Clone, Copy, Debug)]
pub struct Extent {
    /// When it was made: tells it from another of the same name.
    pub birth: i128,
    /// The number of the oldest message that it still has.
    pub first: u64,
    /// The number of the last message that it has got, or one less than the
    /// oldest where it is empty.
    pub last: u64,
}

/// Decides what is stored and what is said. Nothing here may wait; only
/// [`parcel`](Desk::parcel)'s hook is called from other threads.
pub trait Desk: Send + Sync + 'static {
    /// What tells this desk from all others.
    fn id(&self) -> &str;

    /// How the borders of messages are marked in its parcels.
    fn framing(&self) -> Framing;

    /// A session begins. Returns from which number on the stream is to be read.
    fn opened(&self, stream: Extent) -> u64;

    /// Returns what is to be stored next, the same until it is stored.
    fn parcel(&self) -> Option<Parcel>;

    /// The parcel of this number is stored.
    fn stored(&self, number: u64);

    /// Takes what has arrived. `false`: something before it is missing, and
    /// the session is to begin anew.
    fn arrived(&self, delivery: &Delivery<'_>) -> bool;

    /// Returns how many bytes of what was missed may arrive now, so that none
    /// who reads is left behind; 0 where somebody is far behind already, and
    /// is to be waited for. `anyway`: that was waited for long enough.
    fn credit(&self, anyway: bool) -> usize;

    /// The session has failed.
    fn lost(&self, why: &str);

    /// Sets what is called when there is a parcel.
    fn on_news(&self, hook: Box<dyn Fn() + Send + Sync>);
}

/// The line between a desk and a broker. Its drop ends it.
#[derive(Debug)]
pub struct Link {
    stop: Arc<Stop>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Stop {
    asked: AtomicBool,
    /// Wakes the session.
    news: Notify,
    /// Wakes who watches over the session's end.
    end: Notify,
}

/// How a session ends where nothing went wrong.
enum Ended {
    /// The desk wants to read some of it again.
    Anew,
    /// All is stored, and nobody wants to go on.
    Stopped,
}

type Failure = Box<dyn Error + Send + Sync>;

/// Connects a desk to the stream of a room, which is made where it is missing,
/// and waits until the desk has got all that the stream has for it.
///
/// # Errors
/// `InvalidInput` where the room's name is none, and `Other` where there is no
/// broker now, or not one that can keep the room. Later it may go and come.
pub fn start<D: Desk>(url: &str, room: &str, desk: Arc<D>) -> io::Result<Link> {
    let good = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    if room.is_empty() || room.len() > 64 || !room.bytes().all(good) {
        let why = format!("{room:?} is no name of a room: letters, digits, - and _, at most 64");
        return Err(io::Error::new(ErrorKind::InvalidInput, why));
    }
    let stop = Arc::new(Stop::default());
    let waker = stop.clone();
    desk.on_news(Box::new(move || waker.news.notify_one()));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let (ready, wait) = mpsc::channel();
    let line = Line {
        url: url.to_owned(),
        room: room.to_owned(),
        desk,
        stop: stop.clone(),
    };
    let thread = thread::Builder::new().name("relay".into());
    let thread = thread.spawn(move || runtime.block_on(line.run(ready)))?;
    let link = Link {
        stop,
        thread: Some(thread),
    };
    match wait.recv() {
        Ok(Ok(())) => Ok(link),
        Ok(Err(why)) => Err(io::Error::other(format!("no relay at {url}: {why}"))),
        Err(_) => Err(io::Error::other("the relay's thread has ended")),
    }
}

impl Link {
    /// Stores what waits, for two seconds at most, and ends.
    pub fn shutdown(self) {
        drop(self);
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.stop.asked.store(true, Ordering::Release);
        self.stop.news.notify_one();
        self.stop.end.notify_one();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Line<D> {
    url: String,
    room: String,
    desk: Arc<D>,
    stop: Arc<Stop>,
}

/// Tells once how the first session begins.
type Ready = Option<mpsc::Sender<Result<(), String>>>;

fn tell(ready: &mut Ready, result: Result<(), String>) {
    if let Some(ready) = ready.take() {
        let _ = ready.send(result);
    }
}

impl<D: Desk> Line<D> {
    async fn run(self, ready: mpsc::Sender<Result<(), String>>) {
        let mut ready = Some(ready);
        let last_orders = async {
            self.stop.end.notified().await;
            if self.desk.parcel().is_some() {
                pause(2 * HEARTBEAT).await;
            }
        };
        tokio::select! {
            () = self.sessions(&mut ready) => {}
            () = last_orders => {}
        }
        if self.desk.parcel().is_some() {
            log::warn!("what was said last may be lost");
        }
    }

    async fn sessions(&self, ready: &mut Ready) {
        let (breaks, broken) = watch::channel(0_u64);
        let connected = ConnectOptions::new()
            .name("chatroom")
            .connection_timeout(PATIENCE)
            .request_timeout(Some(PATIENCE))
            .ping_interval(PATIENCE)
            .reconnect_delay_callback(|_| PAUSE)
            .event_callback(move |event| {
                if event == Event::Disconnected {
                    breaks.send_modify(|breaks| *breaks += 1);
                }
                async {}
            })
            .connect(&self.url)
            .await;
        let client = match connected {
            Ok(client) => client,
            Err(why) => return tell(ready, Err(in_full(&why))),
        };
        if client.server_info().max_payload < 2 * LONGEST {
            let most = client.server_info().max_payload;
            return tell(ready, Err(format!("it takes only {most} bytes at once")));
        }
        let mut context = jetstream::new(client);
        context.set_timeout(PATIENCE);
        loop {
            match self.session(&context, broken.clone(), ready).await {
                Ok(Ended::Stopped) => return,
                Ok(Ended::Anew) => {}
                Err(why) if ready.is_some() => return tell(ready, Err(in_full(&*why))),
                Err(why) => {
                    self.desk.lost(&in_full(&*why));
                    pause(PAUSE).await;
                }
            }
        }
    }

    /// Reads the stream, and stores one parcel after the other.
    async fn session(
        &self,
        context: &Context,
        mut broken: watch::Receiver<u64>,
        ready: &mut Ready,
    ) -> Result<Ended, Failure> {
        broken.borrow_and_update();
        let desk = &*self.desk;
        let (mut messages, mut missed) = self.open(context).await?;
        let subject = self.subject();
        let mut storing: Option<Storing> = None;
        let (mut credit, mut waits) = (0, None);
        loop {
            if !missed {
                tell(ready, Ok(()));
            } else if credit == 0 {
                let since = waits.get_or_insert_with(Instant::now);
                credit = desk.credit(since.elapsed() >= SLEEPER);
            }
            if storing.is_none() {
                match desk.parcel() {
                    Some(parcel) => {
                        let number = parcel.number;
                        let message = PublishMessage::build()
                            .message_id(format!("{}:{number}", desk.id()))
                            .payload(parcel.bytes.into());
                        let sent = context.send_publish(subject.clone(), message).await?;
                        let done = Box::pin(async move {
                            timeout(PATIENCE, sent.into_future()).await??;
                            Ok(number)
                        });
                        storing = Some(done);
                    }
                    None if self.stop.asked.load(Ordering::Acquire) => return Ok(Ended::Stopped),
                    None => {}
                }
            }
            tokio::select! {
                stored = done(&mut storing) => {
                    storing = None;
                    desk.stored(stored?);
                }
                message = messages.next(), if !missed || credit > 0 => {
                    let message = message.ok_or("the stream has ended")??;
                    let info = message.info().map_err(|why| why.to_string())?;
                    let id = (message.headers.as_ref()).and_then(|all| all.get(NATS_MESSAGE_ID));
                    let id = id.and_then(|id| id.as_str().rsplit_once(':'));
                    let id = id.and_then(|(from, number)| Some((from, number.parse().ok()?)));
                    let (from, number) = id.unwrap_or_default();
                    let (sequence, bytes) = (info.stream_sequence, &message.payload[..]);
                    if !desk.arrived(&Delivery { sequence, from, number, bytes }) {
                        return Ok(Ended::Anew);
                    }
                    missed &= info.pending > 0;
                    credit = credit.saturating_sub(bytes.len());
                    waits = None;
                }
                () = pause(LOOK), if missed && credit == 0 => {}
                _ = broken.changed() => return Err("the connection broke".into()),
                () = self.stop.news.notified() => {}
            }
        }
    }

    /// Finds the stream or makes it, and begins to read it; says whether there
    /// is something that we have missed.
    async fn open(&self, context: &Context) -> Result<(Messages, bool), Failure> {
        let framing = format!("{:?} frames", self.desk.framing());
        let stream = context
            .get_or_create_stream(Config {
                name: format!("chatroom_{}", self.room),
                subjects: vec![self.subject()],
                description: Some(framing.clone()),
                max_bytes: KEPT,
                discard: DiscardPolicy::Old,
                duplicate_window: WINDOW,
                ..Config::default()
            })
            .await?;
        let info = stream.cached_info();
        // One that was made by hand may say nothing.
        let said = info.config.description.as_deref().unwrap_or_default();
        if !said.is_empty() && said != framing {
            return Err(format!("this room has {said:?}, not {framing:?}").into());
        }
        let start_sequence = self.desk.opened(Extent {
            birth: info.created.unix_timestamp_nanos(),
            first: info.state.first_sequence,
            last: info.state.last_sequence,
        });
        let consumer = stream
            .create_consumer(pull::Config {
                deliver_policy: DeliverPolicy::ByStartSequence { start_sequence },
                ack_policy: AckPolicy::None,
                inactive_threshold: 10 * PATIENCE,
                memory_storage: true,
                ..pull::Config::default()
            })
            .await?;
        let messages = consumer.stream().heartbeat(HEARTBEAT).messages().await?;
        // What was deleted will not come, whatever the numbers say.
        Ok((messages, consumer.cached_info().num_pending > 0))
    }

    fn subject(&self) -> String {
        format!("chatroom.{}", self.room)
    }
}

/// A parcel on its way; what it gives is the parcel's number.
type Storing = Pin<Box<dyn Future<Output = Result<u64, Failure>> + Send>>;

/// Waits for a parcel on its way; where there is none, for ever.
async fn done(storing: &mut Option<Storing>) -> Result<u64, Failure> {
    match storing {
        Some(storing) => storing.await,
        None => std::future::pending().await,
    }
}

/// Waits for so long, and for nothing else.
async fn pause(time: Duration) {
    let _ = timeout(time, std::future::pending::<()>()).await;
}

/// An error with its causes.
fn in_full(error: &(dyn Error + 'static)) -> String {
    let causes = std::iter::successors(error.source(), |error| (*error).source());
    causes.fold(error.to_string(), |text, cause| {
        let cause = cause.to_string();
        if text.contains(&cause) {
            text
        } else {
            format!("{text}: {cause}")
        }
    })
}

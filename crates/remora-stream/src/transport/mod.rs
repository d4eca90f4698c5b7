//! The thread that owns the UDP and TCP sockets and at most one [`Peer`].
//!
//! ```text
//!  TransportHandle ──Command, Message ──► thread ──TransportEvent (bounded)──► the host
//!        │    └── waker ─────────────────►  │
//!        └──── hold_until (atomic) ◄────────┘ ◄──► UDP and TCP, a port of both per address
//! ```
//!
//! Messages of the control channel are never lost while the connection lasts (`messages.rs`): what the path does not
//! take waits, and a client that sends faster than the host acts is told so and disconnected.
//!
//! The thread sleeps until a datagram, a command or the peer's next deadline; it never blocks on anything else.
//! Who may connect is decided before [`TransportHandle::accept`]: the transport takes any offer while it is free.

mod framing;
mod messages;
mod sockets;
mod tcp;
mod thread;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, Sender, SyncSender, TrySendError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use mio::Waker;
use thiserror::Error;

use self::messages::Backlog;
pub use self::messages::{Message, RECEIVED_MAX};
use self::sockets::Sockets;
pub use self::sockets::local_addresses;
use self::thread::{Command, ThreadChannels, TransportThread};
use crate::congestion::BitrateRange;
use crate::encoder::EncodedFrame;
use crate::peer::{Channel, CloseReason, OfferError, SendError, Statistics};

/// Commands that the thread has not taken yet. It takes them within microseconds: a full queue means that the
/// machine cannot keep up.
const COMMANDS_MAX: usize = 64;
/// WebRTC sends no larger ones.
const DATAGRAM_BYTES_MAX: usize = 2048;

#[derive(Clone, Debug)]
pub struct TransportOptions {
    /// One UDP and one TCP socket are bound to each and advertised to clients. Loopback should be among them:
    /// browsers on the same machine reach it without any network.
    pub addresses: Vec<IpAddr>,
    /// Where clients reach this machine, if a 1:1 NAT stands before it: advertised beside the addresses, with the
    /// same ports.
    pub external_address: Option<IpAddr>,
    /// The first port that is free for UDP and TCP is taken on each address; `None` is any.
    pub ports: Option<RangeInclusive<u16>>,
    pub bitrate: BitrateRange,
    /// Said on the control channel to a client that sends faster than the host acts, before it is disconnected; empty
    /// for nothing.
    pub overrun_farewell: Vec<u8>,
}

impl Default for TransportOptions {
    /// Every address of this machine, any port.
    fn default() -> Self {
        Self {
            addresses: local_addresses(),
            external_address: None,
            ports: None,
            bitrate: BitrateRange::default(),
            overrun_farewell: Vec::new(),
        }
    }
}

/// What happens to the connection, in order. Between [`TransportEvent::Connected`] and
/// [`TransportEvent::Closed`] there is one client; an accepted offer always ends in `Closed`.
#[derive(Debug, PartialEq)]
pub enum TransportEvent {
    Connected,
    ChannelOpen(Channel),
    /// One of the control channel counts as waiting until its bytes are dropped.
    Message {
        channel: Channel,
        bytes: Message,
    },
    KeyFrameWanted,
    RepeatWanted,
    Bandwidth(Bandwidth),
    Statistics(Statistics),
    Closed(CloseReason),
}

/// What the encoder may spend from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bandwidth {
    pub target_bits_per_second: u32,
}

#[derive(Debug, Error)]
pub enum StartError {
    #[error("no address to listen on; name at least one, 127.0.0.1 for this machine only")]
    NoAddress,
    #[error("{address} cannot be listened on: it is not an address of this machine, or may not be used")]
    Bind { address: IpAddr, source: io::Error },
    #[error("no port of {address} is free for both UDP and TCP; allow a wider range")]
    NoPort { address: IpAddr, source: io::Error },
    #[error("the transport cannot wait for its sockets")]
    Poll(#[from] io::Error),
}

/// Why an offer was not accepted.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum AcceptError {
    #[error(transparent)]
    Offer(#[from] OfferError),
    #[error("another client is connected")]
    InUse,
    #[error("the transport is too busy to accept a client")]
    Busy,
    #[error("the transport has ended")]
    Stopped,
}

/// Starts transports.
pub struct Transport;

impl Transport {
    /// Binds the sockets and starts the thread. It ends when the last handle is dropped.
    ///
    /// `events` is never waited for: a full channel loses poses and statistics, and closes the connection
    /// ([`CloseReason::Overrun`]) before it loses anything else. It should have room for [`RECEIVED_MAX`] messages.
    pub fn start(options: TransportOptions, events: SyncSender<TransportEvent>) -> Result<TransportHandle, StartError> {
        let poll = mio::Poll::new()?;
        let waker = Waker::new(poll.registry(), sockets::WAKER)?;
        let sockets = Sockets::bind(&options, poll.registry())?;
        let TransportOptions { bitrate, overrun_farewell, .. } = options;
        let addresses = sockets.addresses().to_vec();
        let hold = Arc::new(SharedInstant::new(thread::now()));
        let stopping = Arc::new(AtomicBool::new(false));
        let (commands, receiver) = mpsc::sync_channel(COMMANDS_MAX);
        let (messages, unsent) = mpsc::channel();
        let ends = ThreadChannels {
            commands: receiver,
            messages: unsent,
            events,
            hold: hold.clone(),
            stopping: stopping.clone(),
        };
        let thread = TransportThread::new(poll, sockets, bitrate, overrun_farewell, ends);
        // In the caller's span, so that log lines carry its fields.
        let span = tracing::Span::current();
        let run = move || span.in_scope(|| thread.run());
        let thread = std::thread::Builder::new().name("transport".to_owned()).spawn(run)?;
        let sent = Backlog::of_sent();
        let shared = Shared { commands, messages, sent, waker, hold, stopping, addresses, thread: Some(thread) };
        Ok(TransportHandle { shared: Arc::new(shared) })
    }
}

/// Commands to the transport; each wakes it at once. Clones share one transport.
#[derive(Clone)]
pub struct TransportHandle {
    shared: Arc<Shared>,
}

struct Shared {
    commands: SyncSender<Command>,
    /// Messages for the control channel; bounded by `sent`.
    messages: Sender<Message>,
    sent: Arc<Backlog>,
    waker: Waker,
    hold: Arc<SharedInstant>,
    stopping: Arc<AtomicBool>,
    addresses: Vec<SocketAddr>,
    thread: Option<JoinHandle<()>>,
}

impl TransportHandle {
    /// Where clients can send to, as advertised in each answer.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.shared.addresses
    }

    /// Takes a client's SDP offer and returns the answer. Waits for the thread, some milliseconds.
    pub fn accept(&self, offer_sdp: &str) -> Result<String, AcceptError> {
        let (reply, answer) = mpsc::sync_channel(1);
        self.command(Command::Accept { offer: offer_sdp.to_owned(), reply }).map_err(|error| match error {
            SendError::Busy => AcceptError::Busy,
            _ => AcceptError::Stopped,
        })?;
        answer.recv().map_err(|_| AcceptError::Stopped)?
    }

    /// Sends one access unit. Without a connected client it is dropped: a client starts with a key frame, which
    /// [`TransportEvent::KeyFrameWanted`] asks for.
    pub fn send_video(&self, frame: EncodedFrame) -> Result<(), SendError> {
        self.command(Command::Video(frame))
    }

    /// Sends a message. Without a connected client it is dropped, and so is one of the pose channel while the path is
    /// slow. One of the control channel waits for the path, and is refused ([`SendError::Backlogged`]) when too much
    /// waits already; see [`Self::control_bytes_waiting`].
    pub fn send(&self, channel: Channel, bytes: Vec<u8>) -> Result<(), SendError> {
        let bytes_max = channel.message_bytes_max();
        if bytes.len() > bytes_max {
            return Err(SendError::TooLarge { channel, bytes: bytes.len(), bytes_max });
        }
        match channel {
            Channel::Pose => self.command(Command::Pose { bytes }),
            Channel::Control => {
                let message = self.shared.sent.admit(bytes).ok_or(SendError::Backlogged(channel))?;
                self.shared.messages.send(message).map_err(|_| SendError::Stopped)?;
                self.shared.wake();
                Ok(())
            }
        }
    }

    /// Bytes of the control channel that the path has not taken yet. As long as there are many, the host should not
    /// act on further commands, because their answers would only wait too.
    pub fn control_bytes_waiting(&self) -> usize {
        self.shared.sent.bytes()
    }

    /// ThreadChannels the connection, if there is one, as soon as the client has everything that was sent before, at most a
    /// second later; [`TransportEvent::Closed`] follows.
    pub fn close(&self) -> Result<(), SendError> {
        self.command(Command::Close)
    }

    /// Until when another frame would only wait in the network: the next one should not be rendered earlier. In the
    /// past while the path is free.
    pub fn hold_until(&self) -> Instant {
        self.shared.hold.get()
    }

    fn command(&self, command: Command) -> Result<(), SendError> {
        self.shared.commands.try_send(command).map_err(|error| match error {
            TrySendError::Full(_) => SendError::Busy,
            TrySendError::Disconnected(_) => SendError::Stopped,
        })?;
        self.shared.wake();
        Ok(())
    }
}

impl Shared {
    fn wake(&self) {
        if let Err(error) = self.waker.wake() {
            tracing::error!(%error, "the transport was not woken");
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::Release);
        self.wake();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the transport thread panicked");
        }
    }
}

/// An instant that one thread writes and others read.
struct SharedInstant {
    start: Instant,
    nanoseconds: AtomicU64,
}

impl SharedInstant {
    fn new(start: Instant) -> Self {
        Self { start, nanoseconds: AtomicU64::new(0) }
    }

    fn set(&self, at: Instant) {
        let since_start = at.saturating_duration_since(self.start).as_nanos();
        self.nanoseconds.store(u64::try_from(since_start).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    fn get(&self) -> Instant {
        self.start + Duration::from_nanos(self.nanoseconds.load(Ordering::Relaxed))
    }
}

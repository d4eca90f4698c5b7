//! The thread that owns the UDP and TCP sockets and at most one [`Peer`].
//!
//! ```text
//!  TransportHandle ──Command, Message ──► thread ──TransportEvent (bounded)──► the host
//!        │    └── waker ─────────────────►  │
//!        └──── hold_until (atomic) ◄────────┘ ◄──► UDP and TCP, a port of both per address
//! ```
//!
//! Messages of the control channel are never lost while the connection lasts (`messages.rs`): they wait until the path
//! accepts them, and a client that sends faster than the host executes is told so and disconnected.
//!
//! The thread sleeps until a datagram, a command or the peer's next deadline; it never blocks on anything else. The
//! caller decides which clients may connect before [`TransportHandle::accept`]: the transport accepts any offer while
//! it is free.

mod addresses;
mod framing;
mod interface;
mod messages;
mod shared_instant;
mod sockets;
mod tcp;
mod thread;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Sender, SyncSender, TrySendError};
use std::thread::JoinHandle;
use std::time::Instant;

use mio::Waker;

pub use self::addresses::local_addresses;
pub use self::interface::{AcceptError, Bandwidth, StartError, TransportEvent, TransportOptions};
use self::messages::Backlog;
pub use self::messages::{Message, RECEIVED_MAX};
use self::shared_instant::SharedInstant;
use self::sockets::Sockets;
use self::thread::{Command, ThreadChannels, TransportThread};
use crate::encoder::EncodedFrame;
use crate::peer::{Channel, SendError};

/// Upper bound on commands that the thread has not taken yet. It takes them within microseconds, so a full queue means
/// that the machine cannot keep up.
const COMMANDS_MAX: usize = 64;
/// Starts transports.
pub struct Transport;

impl Transport {
    /// Binds the sockets and starts the thread. It ends when the last handle is dropped.
    ///
    /// The thread never waits for `events`. A full channel loses poses and statistics, and closes the connection
    /// ([`CloseReason::Overrun`](crate::CloseReason::Overrun)) before it loses anything else. It should have room for
    /// [`RECEIVED_MAX`] messages.
    ///
    /// # Errors
    ///
    /// The sockets cannot be bound, or the thread cannot be started.
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

/// A handle to a transport, which each command wakes at once. Clones share one transport.
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
    /// Returns the addresses that are advertised to clients.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.shared.addresses
    }

    /// Accepts a client's SDP offer and returns the answer. Waits some milliseconds for the thread.
    ///
    /// # Errors
    ///
    /// The offer is refused, another client is connected, or the transport cannot answer.
    pub fn accept(&self, offer_sdp: &str) -> Result<String, AcceptError> {
        let (reply, answer) = mpsc::sync_channel(1);
        self.command(Command::Accept { offer: offer_sdp.to_owned(), reply }).map_err(|error| match error {
            SendError::Busy => AcceptError::Busy,
            _ => AcceptError::Stopped,
        })?;
        answer.recv().map_err(|_| AcceptError::Stopped)?
    }

    /// Sends one access unit. Without a connected client it is dropped: a client starts with a key frame, which
    /// [`TransportEvent::KeyFrameWanted`] requests.
    ///
    /// # Errors
    ///
    /// The command queue is full, or the transport has ended.
    pub fn send_video(&self, frame: EncodedFrame) -> Result<(), SendError> {
        self.command(Command::Video(frame))
    }

    /// Sends a message. Without a connected client it is dropped, and so is a message of the pose channel while the
    /// path is slow. A message of the control channel waits for the path.
    ///
    /// # Errors
    ///
    /// The message is too large, too much waits already ([`SendError::Backlogged`]; see
    /// [`Self::control_bytes_waiting`]), or the transport has ended.
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

    /// Returns the bytes of the control channel that the path has not accepted yet. While there are many, the host
    /// should not execute further commands, because their answers would wait too.
    pub fn control_bytes_waiting(&self) -> usize {
        self.shared.sent.bytes()
    }

    /// Ends the connection, if there is one, as soon as the client has received everything that was sent before, at
    /// most a second later. [`TransportEvent::Closed`] follows.
    ///
    /// # Errors
    ///
    /// The command queue is full, or the transport has ended.
    pub fn close(&self) -> Result<(), SendError> {
        self.command(Command::Close)
    }

    /// Returns the time until which another frame would only wait in the network. The next one should not be rendered
    /// earlier. It is in the past while the path is free.
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

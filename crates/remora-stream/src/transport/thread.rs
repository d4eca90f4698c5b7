//! The transport's loop. This is the only file of this crate that reads the clock.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, TrySendError};
use std::time::{Duration, Instant, SystemTime};

use mio::{Events, Poll, Token};

use super::interface::{AcceptError, Bandwidth, DATAGRAM_BYTES_MAX, TransportEvent};
use super::messages::{Backlog, Message};
use super::shared_instant::SharedInstant;
use super::sockets::{Datagram, Sockets};
use crate::congestion::BitrateRange;
use crate::encoder::EncodedFrame;
use crate::peer::{Channel, CloseReason, Peer, PeerEvent, PeerOptions, SendError};

/// Upper bound on socket events per wake-up.
const POLL_EVENTS_MAX: usize = 64;
/// Upper bound on datagrams of one socket that are read before other work is done.
const BATCH_MAX: usize = 256;
/// The interval at which an undelivered event is offered again to a host that takes no events.
const UNDELIVERED_RETRY: Duration = Duration::from_millis(10);
/// The time for everything that was sent to arrive before a connection is closed.
const CLOSING_MAX: Duration = Duration::from_secs(1);

/// Returns the current time.
pub(super) fn now() -> Instant {
    Instant::now()
}

/// A command of the host.
pub(super) enum Command {
    Accept { offer: String, reply: SyncSender<Result<String, AcceptError>> },
    Video(EncodedFrame),
    Pose { bytes: Vec<u8> },
    Close,
}

/// The channels between the thread and the host.
pub(super) struct ThreadChannels {
    pub commands: Receiver<Command>,
    /// Messages for the control channel.
    pub messages: Receiver<Message>,
    pub events: SyncSender<TransportEvent>,
    pub hold: Arc<SharedInstant>,
    pub stopping: Arc<AtomicBool>,
}

/// The state of the thread.
pub(super) struct TransportThread {
    poll: Poll,
    sockets: Sockets,
    bitrate: BitrateRange,
    overrun_farewell: Vec<u8>,
    ends: ThreadChannels,
    peer: Option<Peer>,
    /// Messages of the peer that the host has not executed yet.
    received: Arc<Backlog>,
    /// Messages that the peer's control channel has not accepted yet, oldest first.
    unsent: VecDeque<Message>,
    closing: Option<Closing>,
    /// The end of a connection that was not delivered to the host yet. No client is accepted before it is.
    undelivered: Option<CloseReason>,
}

impl TransportThread {
    pub(super) fn new(
        poll: Poll,
        sockets: Sockets,
        bitrate: BitrateRange,
        overrun_farewell: Vec<u8>,
        ends: ThreadChannels,
    ) -> Self {
        Self {
            poll,
            sockets,
            bitrate,
            overrun_farewell,
            ends,
            peer: None,
            received: Backlog::of_received(),
            unsent: VecDeque::new(),
            closing: None,
            undelivered: None,
        }
    }

    /// Runs until the transport is dropped.
    pub(super) fn run(mut self) {
        let mut ready = Events::with_capacity(POLL_EVENTS_MAX);
        let mut buffer = [0; DATAGRAM_BYTES_MAX];
        // Readable sockets that were not read to their end.
        let mut unread: Vec<Token> = Vec::new();
        loop {
            let timeout = if unread.is_empty() { self.timeout(Instant::now()) } else { Some(Duration::ZERO) };
            match self.poll.poll(&mut ready, timeout) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    tracing::error!(%error, "the transport ends: it cannot wait for its sockets");
                    break;
                }
            }
            if self.ends.stopping.load(Ordering::Acquire) {
                break;
            }
            for event in &ready {
                if !unread.contains(&event.token()) {
                    unread.push(event.token());
                }
            }
            unread.retain(|&token| self.receive(token, &mut buffer));
            while self.take_command() {}
            let now = Instant::now();
            if let Some(peer) = &mut self.peer
                && now >= peer.poll_timeout()
            {
                peer.handle_timeout(now);
            }
            self.sockets.handle_timeout(now);
            self.send_messages(now);
            self.flush();
            self.close_in_time(now);
        }
        if let Some(peer) = &mut self.peer {
            peer.close(CloseReason::Requested, Instant::now());
            self.flush();
        }
    }

    fn timeout(&self, now: Instant) -> Option<Duration> {
        if self.undelivered.is_some() {
            return Some(UNDELIVERED_RETRY);
        }
        let peer = self.peer.as_ref().map(Peer::poll_timeout);
        let closing = self.closing.as_ref().map(|closing| closing.deadline);
        let next = peer.into_iter().chain(closing).chain(self.sockets.poll_timeout()).min();
        next.map(|at| at.saturating_duration_since(now))
    }

    /// Reads a batch of datagrams from a socket. Returns whether there may be more. Events are edge-triggered, so the
    /// rest would be announced only with the next datagram.
    fn receive(&mut self, token: Token, buffer: &mut [u8; DATAGRAM_BYTES_MAX]) -> bool {
        for _ in 0..BATCH_MAX {
            let now = Instant::now();
            let Some(datagram) = self.sockets.receive(token, buffer, now) else {
                self.flush();
                return false;
            };
            let Datagram { length, protocol, source, destination } = datagram;
            let is_of_peer = self
                .peer
                .as_mut()
                .is_some_and(|peer| peer.handle_datagram(protocol, source, destination, &buffer[..length], now));
            self.sockets.note_sender(token, is_of_peer);
        }
        self.flush();
        true
    }

    fn take_command(&mut self) -> bool {
        let command = match self.ends.commands.try_recv() {
            Ok(command) => command,
            Err(TryRecvError::Empty | TryRecvError::Disconnected) => return false,
        };
        let now = Instant::now();
        // Messages that were sent before the command leave before it.
        self.send_messages(now);
        match (command, &mut self.peer) {
            (Command::Accept { offer, reply }, _) => {
                let answer = self.accept(&offer, now);
                // If the caller has gone, no client will connect, and the deadline frees the transport.
                drop(reply.try_send(answer));
            }
            (_, None) => {}
            (Command::Video(frame), Some(peer)) => {
                if let Err(error) = peer.send_video(frame, now) {
                    tracing::debug!(%error, "frame dropped");
                }
            }
            (Command::Pose { bytes }, Some(peer)) => {
                if let Err(error) = peer.send(Channel::Pose, &bytes, now) {
                    tracing::debug!(%error, "message dropped");
                }
            }
            (Command::Close, Some(_)) => self.start_closing(CloseReason::Requested, now),
        }
        self.flush();
        true
    }

    /// Hands the peer the messages that its control channel accepts now.
    fn send_messages(&mut self, now: Instant) {
        self.unsent.extend(self.ends.messages.try_iter());
        let Some(peer) = &mut self.peer else {
            self.unsent.clear();
            return;
        };
        while let Some(message) = self.unsent.front() {
            match peer.send(Channel::Control, message, now) {
                Ok(()) => {}
                Err(SendError::Backlogged(_)) => return,
                Err(error) => tracing::debug!(%error, "message dropped"),
            }
            self.unsent.pop_front();
        }
    }

    /// Starts to close the connection. The first reason counts.
    fn start_closing(&mut self, reason: CloseReason, now: Instant) {
        self.closing.get_or_insert(Closing { reason, deadline: now + CLOSING_MAX });
        self.close_in_time(now);
    }

    fn start_closing_overrun(&mut self, now: Instant) {
        if self.closing.is_none() && !self.overrun_farewell.is_empty() {
            self.unsent.push_back(Message::from(self.overrun_farewell.clone()));
            self.send_messages(now);
        }
        self.start_closing(CloseReason::Overrun, now);
    }

    /// Closes the connection when everything that was sent has arrived, or when that takes too long.
    fn close_in_time(&mut self, now: Instant) {
        let (Some(closing), Some(peer)) = (&self.closing, &mut self.peer) else { return };
        let has_arrived = self.unsent.is_empty() && peer.buffered_bytes(Channel::Control) == 0;
        if has_arrived || now >= closing.deadline {
            peer.close(closing.reason.clone(), now);
            self.flush();
        }
    }

    fn accept(&mut self, offer: &str, now: Instant) -> Result<String, AcceptError> {
        if self.peer.is_some() || self.undelivered.is_some() {
            return Err(AcceptError::InUse);
        }
        let options = PeerOptions {
            local_addresses: self.sockets.addresses().to_vec(),
            mapped_address: self.sockets.mapped_address(),
            bitrate: self.bitrate,
            wall_clock: (now, SystemTime::now()),
        };
        let (peer, answer) = Peer::accept(offer, &options, now)?;
        self.peer = Some(peer);
        Ok(answer)
    }

    /// Sends the peer's datagrams and delivers its events. Drops a closed peer.
    fn flush(&mut self) {
        if let Some(reason) = self.undelivered.take() {
            self.tell_end(reason);
        }
        let Some(peer) = &mut self.peer else {
            return;
        };
        let mut overrun = false;
        while let Some(event) = peer.poll_event() {
            let event = match event {
                PeerEvent::Closed(reason) => {
                    self.undelivered = Some(reason);
                    break;
                }
                // Messages are ignored on a connection that is about to end.
                PeerEvent::Message { .. } if overrun || self.closing.is_some() => continue,
                event => translate(event, &self.received),
            };
            let event = match event.map(|event| self.ends.events.try_send(event)) {
                Some(Ok(()) | Err(TrySendError::Disconnected(_))) => continue,
                Some(Err(TrySendError::Full(event))) => Some(event),
                None => None,
            };
            let can_be_lost = matches!(
                event,
                Some(TransportEvent::Message { channel: Channel::Pose, .. } | TransportEvent::Statistics(_))
            );
            overrun |= !can_be_lost;
        }
        while let Some(transmit) = peer.poll_transmit() {
            self.sockets.send(&transmit);
        }
        self.sockets.flush();
        self.ends.hold.set(peer.hold_until());
        if peer.is_closed() {
            self.peer = None;
            self.sockets.release(Instant::now());
            self.closing = None;
            self.unsent.clear();
            self.received = Backlog::of_received();
        }
        if let Some(reason) = self.undelivered.take() {
            self.tell_end(reason);
        }
        if overrun {
            self.start_closing_overrun(Instant::now());
        }
    }

    fn tell_end(&mut self, reason: CloseReason) {
        if let Err(TrySendError::Full(_)) = self.ends.events.try_send(TransportEvent::Closed(reason.clone())) {
            self.undelivered = Some(reason);
        }
    }
}

/// Translates an event. Returns `None` for a message if too many wait for the host.
fn translate(event: PeerEvent, received: &Arc<Backlog>) -> Option<TransportEvent> {
    Some(match event {
        PeerEvent::Connected => TransportEvent::Connected,
        PeerEvent::ChannelOpen(channel) => TransportEvent::ChannelOpen(channel),
        PeerEvent::Message { channel: channel @ Channel::Control, bytes } => {
            TransportEvent::Message { channel, bytes: received.admit(bytes)? }
        }
        PeerEvent::Message { channel: channel @ Channel::Pose, bytes } => {
            TransportEvent::Message { channel, bytes: bytes.into() }
        }
        PeerEvent::KeyFrameWanted => TransportEvent::KeyFrameWanted,
        PeerEvent::RepeatWanted => TransportEvent::RepeatWanted,
        PeerEvent::TargetBitrate { bits_per_second } => {
            TransportEvent::Bandwidth(Bandwidth { target_bits_per_second: bits_per_second })
        }
        PeerEvent::Statistics(statistics) => TransportEvent::Statistics(statistics),
        PeerEvent::Closed(reason) => TransportEvent::Closed(reason),
    })
}

/// A connection that ends when the client has received everything that was sent.
struct Closing {
    reason: CloseReason,
    deadline: Instant,
}

//! The transport's loop. The only file of this crate that reads the clock.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, TrySendError};
use std::time::{Duration, Instant, SystemTime};

use mio::{Events, Poll};

use super::sockets::{Datagram, Sockets};
use super::{AcceptError, Bandwidth, DATAGRAM_BYTES_MAX, Hold, TransportEvent};
use crate::congestion::BitrateRange;
use crate::encoder::EncodedFrame;
use crate::peer::{Channel, CloseReason, Peer, PeerEvent, PeerOptions, SendError};

const POLL_EVENTS_MAX: usize = 64;
/// Datagrams of one socket that are taken before anything else has its turn.
const BATCH_MAX: usize = 256;
/// How soon to try again to tell a host that does not take its events.
const UNDELIVERED_RETRY: Duration = Duration::from_millis(10);

pub(super) fn now() -> Instant {
    Instant::now()
}

pub(super) enum Command {
    Accept { offer: String, reply: SyncSender<Result<String, AcceptError>> },
    Video(EncodedFrame),
    Message { channel: Channel, bytes: Vec<u8> },
    Close,
}

pub(super) struct TransportThread {
    poll: Poll,
    sockets: Sockets,
    bitrate: BitrateRange,
    commands: Receiver<Command>,
    events: SyncSender<TransportEvent>,
    hold: Arc<Hold>,
    stopping: Arc<AtomicBool>,
    peer: Option<Peer>,
    /// The end of a connection that the host could not be told yet. There is no next one before.
    undelivered: Option<CloseReason>,
}

impl TransportThread {
    pub(super) fn new(
        poll: Poll,
        sockets: Sockets,
        bitrate: BitrateRange,
        commands: Receiver<Command>,
        events: SyncSender<TransportEvent>,
        hold: Arc<Hold>,
        stopping: Arc<AtomicBool>,
    ) -> Self {
        Self { poll, sockets, bitrate, commands, events, hold, stopping, peer: None, undelivered: None }
    }

    pub(super) fn run(mut self) {
        let mut ready = Events::with_capacity(POLL_EVENTS_MAX);
        let mut buffer = [0; DATAGRAM_BYTES_MAX];
        loop {
            let timeout = self.timeout(Instant::now());
            match self.poll.poll(&mut ready, timeout) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    tracing::error!(%error, "the transport ends: it cannot wait for its sockets");
                    break;
                }
            }
            if self.stopping.load(Ordering::Acquire) {
                break;
            }
            for event in &ready {
                self.receive(event.token(), &mut buffer);
            }
            while self.take_command() {}
            let now = Instant::now();
            if let Some(peer) = &mut self.peer
                && now >= peer.poll_timeout()
            {
                peer.handle_timeout(now);
            }
            self.sockets.handle_timeout(now);
            self.flush();
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
        peer.into_iter().chain(self.sockets.poll_timeout()).min().map(|at| at.saturating_duration_since(now))
    }

    fn receive(&mut self, token: mio::Token, buffer: &mut [u8; DATAGRAM_BYTES_MAX]) {
        // Edge-triggered: what is left would be announced only with the next datagram, so all of it is taken, in
        // turns with what it causes.
        loop {
            for taken in 0..=BATCH_MAX {
                if taken == BATCH_MAX {
                    break;
                }
                let now = Instant::now();
                let Some(datagram) = self.sockets.receive(token, buffer, now) else {
                    self.flush();
                    return;
                };
                let Datagram { length, protocol, source, destination } = datagram;
                let is_of_peer = self
                    .peer
                    .as_mut()
                    .is_some_and(|peer| peer.handle_datagram(protocol, source, destination, &buffer[..length], now));
                self.sockets.judge(token, is_of_peer);
            }
            self.flush();
            while self.take_command() {}
        }
    }

    fn take_command(&mut self) -> bool {
        let command = match self.commands.try_recv() {
            Ok(command) => command,
            Err(TryRecvError::Empty | TryRecvError::Disconnected) => return false,
        };
        let now = Instant::now();
        match (command, &mut self.peer) {
            (Command::Accept { offer, reply }, _) => {
                let answer = self.accept(&offer, now);
                // The caller may have gone; then nobody will connect, and the deadline frees the transport.
                drop(reply.try_send(answer));
            }
            (_, None) => {}
            (Command::Video(frame), Some(peer)) => {
                if let Err(error) = peer.send_video(frame, now) {
                    tracing::debug!(%error, "frame dropped");
                }
            }
            (Command::Message { channel, bytes }, Some(peer)) => match (peer.send(channel, &bytes, now), channel) {
                (Err(SendError::Backlogged(_)), Channel::Control) => peer.close(CloseReason::Overrun, now),
                (Err(error), _) => tracing::debug!(%error, "message dropped"),
                (Ok(()), _) => {}
            },
            (Command::Close, Some(peer)) => peer.close(CloseReason::Requested, now),
        }
        self.flush();
        true
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

    /// Sends what the peer has to send and tells what happened; a closed peer leaves.
    fn flush(&mut self) {
        if let Some(reason) = self.undelivered.take() {
            self.tell_end(reason);
        }
        let Some(peer) = &mut self.peer else {
            return;
        };
        while let Some(event) = peer.poll_event() {
            if let PeerEvent::Closed(reason) = event {
                self.undelivered = Some(reason);
                break;
            }
            match self.events.try_send(translate(event)) {
                Ok(()) | Err(TrySendError::Disconnected(_)) => {}
                Err(TrySendError::Full(TransportEvent::Message { channel: Channel::Pose, .. })) => {}
                Err(TrySendError::Full(TransportEvent::Statistics(_))) => {}
                Err(TrySendError::Full(_)) => peer.close(CloseReason::Overrun, Instant::now()),
            }
        }
        while let Some(transmit) = peer.poll_transmit() {
            self.sockets.send(&transmit);
        }
        self.sockets.flush();
        self.hold.set(peer.hold_until());
        if peer.is_closed() {
            self.peer = None;
            self.sockets.release(Instant::now());
        }
        if let Some(reason) = self.undelivered.take() {
            self.tell_end(reason);
        }
    }

    fn tell_end(&mut self, reason: CloseReason) {
        if let Err(TrySendError::Full(_)) = self.events.try_send(TransportEvent::Closed(reason.clone())) {
            self.undelivered = Some(reason);
        }
    }
}

fn translate(event: PeerEvent) -> TransportEvent {
    match event {
        PeerEvent::Connected => TransportEvent::Connected,
        PeerEvent::ChannelOpen(channel) => TransportEvent::ChannelOpen(channel),
        PeerEvent::Message { channel, bytes } => TransportEvent::Message { channel, bytes },
        PeerEvent::KeyFrameWanted => TransportEvent::KeyFrameWanted,
        PeerEvent::RepeatWanted => TransportEvent::RepeatWanted,
        PeerEvent::TargetBitrate { bits_per_second } => {
            TransportEvent::Bandwidth(Bandwidth { target_bits_per_second: bits_per_second })
        }
        PeerEvent::Statistics(statistics) => TransportEvent::Statistics(statistics),
        PeerEvent::Closed(reason) => TransportEvent::Closed(reason),
    }
}

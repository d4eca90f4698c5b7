//! The WebRTC state of one client: ICE, DTLS, SRTP, SCTP by str0m, and what this host makes of them.
//!
//! Pure: no socket, no clock. Datagrams, commands and time go in; datagrams, events and the next deadline come
//! out. Every mutation of str0m is followed by a full drain of its output, in [`Peer::drain`].
//!
//! ```text
//!   accept ──► Connecting ──DTLS──► Connected ──┬─ goodbye, closed channel or association ─► Closed(Goodbye)
//!                  │                            ├─ nothing received for SILENCE_MAX ───────► Closed(TimedOut)
//!                  └─ CONNECT_MAX ─► Closed(NeverConnected)
//! ```
//!
//! [`PeerEvent::Closed`] comes exactly once and is the last event.

mod event;
mod feedback;
mod offer;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime};

use str0m::channel::ChannelId;
use str0m::media::{MediaTime, Mid, Pt};
use str0m::net::{Protocol, Receive, Transmit};
use str0m::rtp::AbsCaptureTime;
use str0m::stats::PeerStats;
use str0m::{Event, Input, Output, Rtc, RtcError};

use self::event::CONTROL_BYTES_MAX;
pub use self::event::{Channel, CloseReason, PeerEvent, SendError, Statistics};
use self::feedback::Feedback;
pub use self::offer::OfferError;
use crate::congestion::{BitrateRange, Congestion};
use crate::encoder::EncodedFrame;

/// From the offer to an open control channel.
const CONNECT_MAX: Duration = Duration::from_secs(10);
/// Browsers answer the connectivity checks that are sent every [`CONSENT_INTERVAL`], so that this long a silence
/// means that several were lost in a row.
const SILENCE_MAX: Duration = Duration::from_millis(4500);
const CONSENT_INTERVAL: Duration = Duration::from_secs(1);
const STATISTICS_INTERVAL: Duration = Duration::from_secs(1);
/// A browser repeats its request until the key frame has arrived; answering each would flood the path.
const KEY_FRAME_INTERVAL_MIN: Duration = Duration::from_millis(250);
/// Chromium asks for a key frame when it has got no frame for three seconds, although it misses none: while the picture
/// rests, that is how it should be. A request so late after the newest frame is answered only if something was lost.
const KEY_FRAME_REQUEST_IDLE: Duration = Duration::from_secs(2);
/// Of both channels together, waiting for a slow path.
const BUFFERED_BYTES_MAX: usize = 1024 * 1024;

#[derive(Clone, Debug)]
pub struct PeerOptions {
    /// Addresses of the sockets: each takes datagrams by UDP, and by TCP from clients that cannot use UDP.
    pub local_addresses: Vec<SocketAddr>,
    pub mapped_address: Option<MappedAddress>,
    pub bitrate: BitrateRange,
    /// What the wall clock showed at an instant, for `abs-capture-time`.
    pub wall_clock: (Instant, SystemTime),
}

/// An address of a NAT that passes what it receives on to a local address, by UDP and TCP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MappedAddress {
    pub external: SocketAddr,
    pub local: SocketAddr,
}

/// See the module's documentation.
pub struct Peer {
    rtc: Rtc,
    state: State,
    video: Video,
    channels: Channels,
    feedback: Feedback,
    congestion: Congestion,
    bitrate: BitrateRange,
    /// As told last.
    target_bits_per_second: u32,
    last_received: Instant,
    key_frame_wanted_at: Option<Instant>,
    sent_bytes: u64,
    wall_clock: (Instant, SystemTime),
    rtc_timeout: Instant,
    farewell_said: bool,
    transmits: VecDeque<Transmit>,
    events: VecDeque<PeerEvent>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Connecting { deadline: Instant },
    Connected,
    Closed,
}

/// The one video line of the offer that is sent on.
struct Video {
    mid: Mid,
    pt: Pt,
    /// Timestamp of the newest frame, extended beyond 32 bits.
    extended_timestamp: Option<u64>,
    newest_sent: Option<Instant>,
}

#[derive(Default)]
struct Channels {
    control: Option<ChannelId>,
    pose: Option<ChannelId>,
}

impl Channels {
    fn slot(&mut self, channel: Channel) -> &mut Option<ChannelId> {
        match channel {
            Channel::Control => &mut self.control,
            Channel::Pose => &mut self.pose,
        }
    }

    fn find(&self, id: ChannelId) -> Option<Channel> {
        if self.control == Some(id) {
            Some(Channel::Control)
        } else if self.pose == Some(id) {
            Some(Channel::Pose)
        } else {
            None
        }
    }
}

impl Peer {
    /// Takes a client's SDP offer; the answer lists every local address as a candidate.
    pub fn accept(offer: &str, options: &PeerOptions, now: Instant) -> Result<(Self, String), OfferError> {
        let offer::Accepted { rtc, mid, pt, answer } = offer::accept(offer, options, now)?;
        let congestion = Congestion::new(options.bitrate, now);
        let mut peer = Self {
            rtc,
            state: State::Connecting { deadline: now + CONNECT_MAX },
            video: Video { mid, pt, extended_timestamp: None, newest_sent: None },
            channels: Channels::default(),
            feedback: Feedback::new(now),
            bitrate: options.bitrate,
            target_bits_per_second: congestion.target_bits_per_second(),
            congestion,
            last_received: now,
            key_frame_wanted_at: None,
            sent_bytes: 0,
            wall_clock: options.wall_clock,
            rtc_timeout: now,
            farewell_said: false,
            transmits: VecDeque::new(),
            events: VecDeque::new(),
        };
        peer.drain(now);
        Ok((peer, answer))
    }

    pub fn is_closed(&self) -> bool {
        self.state == State::Closed
    }

    /// The next datagram to be sent, if any.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.transmits.pop_front()
    }

    pub fn poll_event(&mut self) -> Option<PeerEvent> {
        self.events.pop_front()
    }

    /// When [`Self::handle_timeout`] wants to be called at the latest.
    pub fn poll_timeout(&self) -> Instant {
        let own = match self.state {
            State::Connecting { deadline } => deadline,
            State::Connected => self.last_received + SILENCE_MAX,
            State::Closed => return self.rtc_timeout,
        };
        self.rtc_timeout.min(own).min(self.congestion.poll_timeout().unwrap_or(own))
    }

    /// Until when rendering another frame would only lengthen the queue in the network; the past while there is
    /// none.
    pub fn hold_until(&self) -> Instant {
        self.congestion.hold_until()
    }

    /// Returns whether the datagram was the client's; those of strangers are ignored. `destination` is the local
    /// address, also where the client sent to a mapped one.
    pub fn handle_datagram(
        &mut self,
        protocol: Protocol,
        source: SocketAddr,
        destination: SocketAddr,
        bytes: &[u8],
        now: Instant,
    ) -> bool {
        let Ok(receive) = Receive::new(protocol, source, destination, bytes) else {
            return false;
        };
        let input = Input::Receive(now, receive);
        if !self.rtc.accepts(&input) {
            return false;
        }
        self.last_received = now;
        let handled = self.rtc.handle_input(input);
        self.settle(handled, now);
        true
    }

    pub fn handle_timeout(&mut self, now: Instant) {
        match self.state {
            State::Connecting { deadline } if now >= deadline => self.close(CloseReason::NeverConnected, now),
            State::Connected if now >= self.last_received + SILENCE_MAX => self.close(CloseReason::TimedOut, now),
            _ => {}
        }
        let handled = self.rtc.handle_input(Input::Timeout(now));
        self.settle(handled, now);
        if self.congestion.handle_timeout(now) && self.state == State::Connected {
            self.events.push_back(PeerEvent::RepeatWanted);
        }
    }

    /// The frame's timestamp becomes the RTP timestamp, unchanged.
    pub fn send_video(&mut self, frame: EncodedFrame, now: Instant) -> Result<(), SendError> {
        if self.state == State::Closed || !self.rtc.is_connected() {
            return Err(SendError::NotConnected);
        }
        let extended = match self.video.extended_timestamp {
            None => u64::from(frame.rtp_timestamp),
            Some(newest) => newest + u64::from(frame.rtp_timestamp.wrapping_sub(newest as u32)),
        };
        self.video.extended_timestamp = Some(extended);
        self.video.newest_sent = Some(now);
        let (then, wall_clock) = self.wall_clock;
        let capture_time = wall_clock + now.saturating_duration_since(then);
        let Some(writer) = self.rtc.writer(self.video.mid) else {
            return Err(SendError::NotConnected);
        };
        let written = writer
            .playout_delay(MediaTime::ZERO, MediaTime::ZERO)
            .abs_capture_time(AbsCaptureTime { capture_time, clock_offset: None })
            .write(self.video.pt, now, MediaTime::from_90khz(extended), frame.data);
        self.settle(written, now);
        // str0m packetises on the next time step only; a frame does not wait for one.
        let handled = self.rtc.handle_input(Input::Timeout(now));
        self.settle(handled, now);
        Ok(())
    }

    pub fn send(&mut self, channel: Channel, bytes: &[u8], now: Instant) -> Result<(), SendError> {
        let bytes_max = channel.message_bytes_max();
        if bytes.len() > bytes_max {
            return Err(SendError::TooLarge { channel, bytes: bytes.len(), bytes_max });
        }
        if self.state == State::Closed {
            return Err(SendError::NotConnected);
        }
        let open = self.channels.slot(channel).and_then(|id| self.rtc.channel(id));
        let Some(mut open) = open else {
            return Err(SendError::ChannelClosed(channel));
        };
        let written = open.write(true, bytes);
        let accepted = *written.as_ref().unwrap_or(&true);
        self.settle(written.map(drop), now);
        if accepted { Ok(()) } else { Err(SendError::Backlogged(channel)) }
    }

    /// Returns the bytes of a channel that the client has not acknowledged yet.
    pub fn buffered_bytes(&mut self, channel: Channel) -> usize {
        let open = self.channels.slot(channel).and_then(|id| self.rtc.channel(id));
        open.map_or(0, |mut open| open.buffered_amount())
    }

    /// Tells the client, where it still listens, and ends. What it says comes out of [`Self::poll_transmit`].
    pub fn close(&mut self, reason: CloseReason, now: Instant) {
        self.finish(reason);
        self.settle(Ok(()), now);
    }

    fn finish(&mut self, reason: CloseReason) {
        if self.state != State::Closed {
            self.state = State::Closed;
            self.events.push_back(PeerEvent::Closed(reason));
        }
    }

    /// Drains str0m after a mutation, whatever came of it.
    fn settle(&mut self, result: Result<(), RtcError>, now: Instant) {
        match result {
            Ok(()) => self.drain(now),
            Err(error) => self.fail(&error),
        }
        if self.state == State::Closed && !self.farewell_said {
            self.farewell_said = true;
            match self.rtc.close() {
                Ok(()) => self.drain(now),
                Err(error) => self.fail(&error),
            }
        }
        let target = self.congestion.target_bits_per_second();
        if worth_telling(self.target_bits_per_second, target, &self.bitrate) && self.state == State::Connected {
            self.target_bits_per_second = target;
            self.events.push_back(PeerEvent::TargetBitrate { bits_per_second: target });
        }
    }

    fn drain(&mut self, now: Instant) {
        loop {
            match self.rtc.poll_output() {
                Ok(Output::Timeout(at)) => {
                    self.rtc_timeout = at;
                    return;
                }
                Ok(Output::Transmit(transmit)) => {
                    self.sent_bytes += transmit.contents.len() as u64;
                    self.transmits.push_back(transmit);
                }
                Ok(Output::Event(event)) => self.handle_event(event, now),
                Err(error) => self.fail(&error),
            }
        }
    }

    /// str0m is of no use after an error.
    fn fail(&mut self, error: &RtcError) {
        self.finish(CloseReason::Failed(error.to_string()));
        self.rtc.disconnect();
    }

    fn handle_event(&mut self, event: Event, now: Instant) {
        if self.state == State::Closed {
            return;
        }
        match event {
            Event::Connected => {
                self.events.push_back(PeerEvent::Connected);
                self.want_key_frame(now);
            }
            Event::ChannelOpen(id, label) => self.open_channel(id, &label),
            Event::ChannelData(message) => self.receive_message(message.id, message.data),
            Event::ChannelClose(id) => {
                if let Some(channel) = self.channels.find(id) {
                    *self.channels.slot(channel) = None;
                    if channel == Channel::Control {
                        self.finish(CloseReason::Goodbye);
                    }
                }
            }
            Event::Closed => self.finish(CloseReason::Goodbye),
            Event::KeyframeRequest(_) => {
                let idle = self.video.newest_sent.is_some_and(|sent| now >= sent + KEY_FRAME_REQUEST_IDLE);
                if !(idle && self.congestion.newest_arrived()) {
                    self.want_key_frame(now);
                }
            }
            Event::RawPacket(packet) => self.feedback.observe(*packet, &mut self.congestion, now),
            Event::PeerStats(statistics) => self.report(&statistics),
            // Received media, str0m's own bandwidth estimation and ICE states that the deadlines cover.
            _ => {}
        }
    }

    fn open_channel(&mut self, id: ChannelId, label: &str) {
        let Some(channel) = Channel::from_label(label) else {
            tracing::debug!(label, "the client opened a channel that means nothing here");
            return;
        };
        let slot = self.channels.slot(channel);
        if slot.is_some() {
            tracing::debug!(label, "the client opened a second channel of this name");
            return;
        }
        *slot = Some(id);
        if channel == Channel::Control {
            self.state = State::Connected;
        }
        self.events.push_back(PeerEvent::ChannelOpen(channel));
    }

    fn receive_message(&mut self, id: ChannelId, bytes: Vec<u8>) {
        let Some(channel) = self.channels.find(id) else {
            return;
        };
        if bytes.len() > channel.message_bytes_max() {
            let length = bytes.len();
            self.finish(CloseReason::Failed(format!("a message of {length} bytes on the {channel:?} channel")));
            return;
        }
        self.events.push_back(PeerEvent::Message { channel, bytes });
    }

    fn want_key_frame(&mut self, now: Instant) {
        let recent = |at: Instant| now.saturating_duration_since(at) < KEY_FRAME_INTERVAL_MIN;
        if !self.key_frame_wanted_at.is_some_and(recent) {
            self.key_frame_wanted_at = Some(now);
            self.events.push_back(PeerEvent::KeyFrameWanted);
        }
    }

    fn report(&mut self, statistics: &PeerStats) {
        let pair = statistics.selected_candidate_pair.as_ref();
        let sent_bits = std::mem::take(&mut self.sent_bytes) * 8;
        self.events.push_back(PeerEvent::Statistics(Statistics {
            round_trip: pair.and_then(|pair| pair.current_round_trip_time).or(statistics.rtt),
            loss_fraction: self.congestion.loss_fraction(),
            queueing_delay: self.congestion.queueing_delay(),
            sent_bits_per_second: sent_bits / STATISTICS_INTERVAL.as_secs(),
        }));
    }
}

/// An encoder is not told every step of a slow increase.
fn worth_telling(told: u32, target: u32, range: &BitrateRange) -> bool {
    let (told_for, change) = (f64::from(told), f64::from(target) - f64::from(told));
    target != told && (change.abs() >= told_for * 0.05 || target == range.max_bits_per_second || target < told)
}

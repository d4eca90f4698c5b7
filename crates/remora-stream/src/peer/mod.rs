//! The WebRTC state of one client: ICE, DTLS, SRTP and SCTP by str0m, and this host's use of them.
//!
//! Pure: no socket, no clock. Datagrams, commands and time go in; datagrams, events and the next deadline come out.
//! Every mutation of str0m is followed by a full drain of its output, in [`Peer::drain`].
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
mod options;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime};

use str0m::channel::ChannelId;
use str0m::media::{MediaTime, Mid, Pt};
use str0m::net::{Protocol, Receive, Transmit};
use str0m::rtp::AbsCaptureTime;
use str0m::stats::PeerStats;
use str0m::{Event, Input, Output, Rtc, RtcError};

pub use self::event::{Channel, CloseReason, PeerEvent, SendError, Statistics};
use self::feedback::Feedback;
pub use self::offer::OfferError;
use self::options::STATISTICS_INTERVAL;
pub use self::options::{MappedAddress, PeerOptions};
use crate::congestion::{BitrateRange, Congestion};
use crate::encoder::EncodedFrame;

/// The time from the offer to an open control channel.
const CONNECT_MAX: Duration = Duration::from_secs(10);
/// The longest silence of a client. Browsers answer the connectivity checks that are sent every `CONSENT_INTERVAL`, so
/// this silence means that several were lost in a row.
const SILENCE_MAX: Duration = Duration::from_millis(4500);
/// The interval between key frames. A browser repeats its request until the key frame has arrived, and answering each
/// request would flood the path.
const KEY_FRAME_INTERVAL_MIN: Duration = Duration::from_millis(250);
/// A request this long after the newest frame is answered only if something was lost. Chromium requests a key frame
/// when it has received no frame for three seconds, although none is missing while nothing changes.
const KEY_FRAME_REQUEST_IDLE: Duration = Duration::from_secs(2);

/// See the module's documentation.
pub struct Peer {
    rtc: Rtc,
    state: State,
    video: Video,
    channels: Channels,
    feedback: Feedback,
    congestion: Congestion,
    bitrate: BitrateRange,
    /// The bitrate of the last [`PeerEvent::TargetBitrate`].
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

/// The video line of the offer that carries the stream.
struct Video {
    mid: Mid,
    pt: Pt,
    /// The timestamp of the newest frame, extended beyond 32 bits.
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
    /// Accepts a client's SDP offer. Returns the peer and the SDP answer, which lists every local address as a
    /// candidate.
    ///
    /// # Errors
    ///
    /// The offer is malformed or lacks something that the host needs.
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

    /// Returns whether the connection has ended.
    pub fn is_closed(&self) -> bool {
        self.state == State::Closed
    }

    /// Returns the next datagram to send.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.transmits.pop_front()
    }

    /// Returns the next event.
    pub fn poll_event(&mut self) -> Option<PeerEvent> {
        self.events.pop_front()
    }

    /// Returns when [`Self::handle_timeout`] is to be called at the latest.
    pub fn poll_timeout(&self) -> Instant {
        let own = match self.state {
            State::Connecting { deadline } => deadline,
            State::Connected => self.last_received + SILENCE_MAX,
            State::Closed => return self.rtc_timeout,
        };
        self.rtc_timeout.min(own).min(self.congestion.poll_timeout().unwrap_or(own))
    }

    /// Returns the time until which another frame would only lengthen the queue in the network; in the past while there
    /// is none.
    pub fn hold_until(&self) -> Instant {
        self.congestion.hold_until()
    }

    /// Takes a datagram. Returns whether it was the client's; those of strangers are ignored. `destination` is the
    /// local address, even if the client sent to a mapped one.
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

    /// Acts on deadlines that have passed.
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

    /// Sends a frame. Its timestamp becomes the RTP timestamp, unchanged.
    ///
    /// # Errors
    ///
    /// There is no connection.
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
        // str0m packetises only at the next time step. The frame does not wait for one.
        let handled = self.rtc.handle_input(Input::Timeout(now));
        self.settle(handled, now);
        Ok(())
    }

    /// Sends a message.
    ///
    /// # Errors
    ///
    /// The message is too large, the channel is not open, or too much waits already.
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

    /// Ends the connection and tells the client, if it still listens. [`Self::poll_transmit`] returns the last
    /// datagrams.
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

    /// Drains str0m after a mutation, whether it succeeded or not.
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

    /// Ends the connection after an error of str0m, which cannot be used any more.
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
            // Received media, str0m's own bandwidth estimation, and ICE states that the deadlines cover.
            _ => {}
        }
    }

    fn open_channel(&mut self, id: ChannelId, label: &str) {
        let Some(channel) = Channel::from_label(label) else {
            tracing::debug!(label, "the client opened an unknown channel");
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

/// Returns whether a target differs enough from the last one. The encoder is not told every step of a slow increase.
fn worth_telling(told: u32, target: u32, range: &BitrateRange) -> bool {
    let (told_for, change) = (f64::from(told), f64::from(target) - f64::from(told));
    target != told && (change.abs() >= told_for * 0.05 || target == range.max_bits_per_second || target < told)
}

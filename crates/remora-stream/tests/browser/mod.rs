//! A client like a browser: str0m on real sockets, driven by the test's own thread.

mod network;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use str0m::change::{SdpAnswer, SdpPendingOffer};
use str0m::channel::{ChannelConfig, ChannelId, Reliability};
use str0m::format::Codec;
use str0m::media::{Direction, KeyframeRequestKind, MediaData, MediaKind, Mid};
use str0m::net::{Protocol, Receive};
use str0m::rtp::Extension;
use str0m::{Event, Input, Output, Rtc};

use self::network::Network;
pub(crate) use self::network::NetworkProtocols;

pub(crate) struct Browser {
    pub(crate) rtc: Rtc,
    pub(crate) control: ChannelId,
    pub(crate) pose: ChannelId,
    mid: Mid,
    network: Network,
    pending: Option<SdpPendingOffer>,
    events: VecDeque<Event>,
}

impl Browser {
    pub(crate) fn new() -> (Self, String) {
        Self::with_protocols(NetworkProtocols::Udp)
    }

    pub(crate) fn with_protocols(protocols: NetworkProtocols) -> (Self, String) {
        let mut rtc = Rtc::builder()
            .clear_codecs()
            .enable_h264(true)
            .enable_vp8(true)
            .set_extension(5, Extension::PlayoutDelay)
            .set_extension(6, Extension::AbsoluteCaptureTime)
            .build(Instant::now());
        let network = Network::new(protocols);
        for candidate in network.candidates() {
            rtc.add_local_candidate(candidate);
        }
        let mut changes = rtc.sdp_api();
        let mid = changes.add_media(MediaKind::Video, Direction::RecvOnly, None, None, None);
        let control = changes.add_channel("control".to_owned());
        let pose = changes.add_channel_with_config(ChannelConfig {
            label: "pose".to_owned(),
            ordered: false,
            reliability: Reliability::MaxRetransmits { retransmits: 0 },
            ..ChannelConfig::default()
        });
        let (offer, pending) = changes.apply().unwrap();
        let offer = offer.to_sdp_string();
        (Self { rtc, control, pose, mid, network, pending: Some(pending), events: VecDeque::new() }, offer)
    }

    pub(crate) fn accept(&mut self, answer: &str) {
        let answer = SdpAnswer::from_sdp_string(answer).unwrap();
        let pending = self.pending.take().expect("one answer for one offer");
        self.rtc.sdp_api().accept_answer(pending, answer).unwrap();
    }

    /// Runs the client until `find` returns something. Panics after ten seconds.
    pub(crate) fn wait_for<T>(&mut self, what: &str, mut find: impl FnMut(&mut Self, Event) -> Option<T>) -> T {
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            if let Some(event) = self.events.pop_front() {
                if let Some(found) = find(self, event) {
                    return found;
                }
                continue;
            }
            assert!(Instant::now() < deadline, "no {what} within 10 s");
            self.step(Duration::from_millis(20));
        }
    }

    /// Waits until both channels are open. Keeps all other events, because the host may send on one channel before the
    /// other is open.
    pub(crate) fn wait_for_channels(&mut self) {
        let (mut open, mut others) = (0, Vec::new());
        self.wait_for("open channels", |_, event| {
            match event {
                Event::ChannelOpen(..) => open += 1,
                other => others.push(other),
            }
            (open == 2).then_some(())
        });
        others.into_iter().rev().for_each(|event| self.events.push_front(event));
    }

    pub(crate) fn wait_for_frame(&mut self) -> MediaData {
        self.wait_for("frame", |_, event| match event {
            Event::MediaData(data) => Some(data),
            _ => None,
        })
    }

    pub(crate) fn wait_for_message(&mut self) -> (ChannelId, Vec<u8>) {
        self.wait_for("message", |_, event| match event {
            Event::ChannelData(message) => Some((message.id, message.data)),
            _ => None,
        })
    }

    pub(crate) fn send(&mut self, channel: ChannelId, bytes: &[u8]) {
        assert!(self.rtc.channel(channel).expect("the channel is open").write(true, bytes).unwrap());
        self.step(Duration::ZERO);
    }

    /// Writes a message. Runs the network only if there is no room.
    pub(crate) fn write(&mut self, channel: ChannelId, bytes: &[u8]) {
        while !self.rtc.channel(channel).expect("the channel is open").write(true, bytes).unwrap() {
            self.step(Duration::ZERO);
        }
    }

    pub(crate) fn request_key_frame(&mut self) {
        self.rtc.writer(self.mid).unwrap().request_keyframe(None, KeyframeRequestKind::Pli).unwrap();
        self.rtc.handle_input(Input::Timeout(Instant::now())).unwrap();
        self.step(Duration::ZERO);
    }

    /// Returns the protocol of each received datagram, in order.
    pub(crate) fn protocols(&self) -> &[Protocol] {
        self.network.received()
    }

    /// Closes the connection, as a tab does.
    pub(crate) fn close(&mut self) {
        self.rtc.close().unwrap();
        self.step(Duration::ZERO);
    }

    /// Sends all datagrams, then receives one within `wait` or until the next deadline.
    pub(crate) fn step(&mut self, wait: Duration) {
        let until = self.drain();
        let now = Instant::now();
        let wait = until.saturating_duration_since(now).min(wait).max(Duration::from_millis(1));
        let datagram = self.network.receive(wait);
        let input = match &datagram {
            Some((protocol, source, destination, bytes)) => {
                Input::Receive(Instant::now(), Receive::new(*protocol, *source, *destination, bytes).unwrap())
            }
            None => Input::Timeout(Instant::now()),
        };
        self.rtc.handle_input(input).unwrap();
        self.drain();
    }

    fn drain(&mut self) -> Instant {
        loop {
            match self.rtc.poll_output().unwrap() {
                Output::Timeout(at) => return at,
                Output::Transmit(transmit) => self.network.send(&transmit),
                Output::Event(event) => self.events.push_back(event),
            }
        }
    }
}

pub(crate) fn is_h264(data: &MediaData) -> bool {
    data.params.spec().codec == Codec::H264
}

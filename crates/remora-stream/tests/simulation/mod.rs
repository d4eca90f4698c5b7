//! A [`Peer`] and a str0m client, joined by a path with a rate, a delay and losses. Deterministic except for the keys
//! of both ends.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime};

use remora_stream::{BitrateRange, EncodedFrame, Peer, PeerEvent, PeerOptions};
use str0m::change::SdpAnswer;
use str0m::media::{Direction, KeyframeRequestKind, MediaKind, Mid};
use str0m::net::{Protocol, Receive};
use str0m::{Candidate, Event, Input, Output, Rtc};

const FRAME_INTERVAL: Duration = Duration::from_nanos(1_000_000_000 / 30);

/// The path from host to client. The path back has the same delay and no limit.
pub(crate) struct Path {
    pub(crate) bits_per_second: f64,
    pub(crate) delay: Duration,
    pub(crate) loss_per_mille: u32,
    pub(crate) back_loss_per_mille: u32,
    /// Lost datagrams are sent again and not overtaken, as over TCP.
    pub(crate) in_order: bool,
    newest_arrival: Option<Instant>,
    busy_until: Option<Instant>,
    random: u64,
}

impl Path {
    pub(crate) fn of(bits_per_second: u32, delay: Duration) -> Self {
        Self {
            bits_per_second: bits_per_second.into(),
            delay,
            loss_per_mille: 0,
            back_loss_per_mille: 0,
            in_order: false,
            newest_arrival: None,
            busy_until: None,
            random: 1,
        }
    }

    /// Returns when a datagram that is sent now arrives; `None` if it is lost.
    fn forward(&mut self, bytes: usize, now: Instant) -> Option<Instant> {
        let start = self.busy_until.map_or(now, |busy| busy.max(now));
        // Bad routers have a queue of one second.
        let lost = self.lost(self.loss_per_mille);
        if start > now + Duration::from_secs(1) || (lost && !self.in_order) {
            return None;
        }
        let end = start + Duration::from_secs_f64((bytes + 28) as f64 * 8.0 / self.bits_per_second);
        self.busy_until = Some(end);
        let mut arrival = end + self.delay;
        if self.in_order {
            // The receiver's acknowledgements reveal the loss, and the repetition takes the path again.
            let repetition = if lost { 2 * self.delay } else { Duration::ZERO };
            arrival = self.newest_arrival.map_or(arrival, |newest| newest.max(arrival)) + repetition;
            self.newest_arrival = Some(arrival);
        }
        Some(arrival)
    }

    fn back(&mut self, now: Instant) -> Option<Instant> {
        (!self.lost(self.back_loss_per_mille)).then(|| now + self.delay)
    }

    fn lost(&mut self, per_mille: u32) -> bool {
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.random >> 33) % 1000 < u64::from(per_mille)
    }
}

pub(crate) struct Frames {
    pub(crate) sent: usize,
    pub(crate) held: usize,
    pub(crate) lost: usize,
    pub(crate) per_second: f64,
    pub(crate) delay_median: Duration,
    pub(crate) delay_95: Duration,
}

struct Frame {
    due: Instant,
    /// `None` if the frame was held back.
    timestamp: Option<u32>,
    arrived: Option<Instant>,
}

struct Datagram {
    at: Instant,
    source: SocketAddr,
    destination: SocketAddr,
    bytes: Vec<u8>,
}

pub(crate) struct Simulation {
    pub(crate) path: Path,
    pub(crate) frames_wanted: bool,
    pub(crate) events: Vec<PeerEvent>,
    pub(crate) host_steps: usize,
    pub(crate) host_datagrams: usize,
    /// Seconds that the client's clock gains per second.
    pub(crate) client_clock_drift: f64,
    start: Instant,
    now: Instant,
    next_frame: Instant,
    host: Peer,
    client: Rtc,
    mid: Mid,
    client_timeout: Instant,
    to_client: VecDeque<Datagram>,
    to_host: VecDeque<Datagram>,
    frames: Vec<Frame>,
    target_bits_per_second: u32,
    connected: bool,
}

impl Simulation {
    /// Returns a connected simulation in which no frame was sent.
    pub(crate) fn new(path: Path, bitrate: BitrateRange) -> Self {
        let start = Instant::now();
        let host_address = SocketAddr::from(([192, 0, 2, 1], 1000));
        let client_address = SocketAddr::from(([192, 0, 2, 2], 2000));
        let mut client = Rtc::builder().clear_codecs().enable_h264(true).build(start);
        client.add_local_candidate(Candidate::host(client_address, "udp").unwrap());
        let mut changes = client.sdp_api();
        let mid = changes.add_media(MediaKind::Video, Direction::RecvOnly, None, None, None);
        changes.add_channel("control".to_owned());
        let (offer, pending) = changes.apply().unwrap();
        let options = PeerOptions {
            local_addresses: vec![host_address],
            mapped_address: None,
            bitrate,
            wall_clock: (start, SystemTime::UNIX_EPOCH),
        };
        let (host, answer) = Peer::accept(&offer.to_sdp_string(), &options, start).unwrap();
        client.sdp_api().accept_answer(pending, SdpAnswer::from_sdp_string(&answer).unwrap()).unwrap();

        let mut this = Self {
            path,
            frames_wanted: false,
            events: Vec::new(),
            host_steps: 0,
            host_datagrams: 0,
            client_clock_drift: 0.0,
            start,
            now: start,
            next_frame: start,
            host,
            client,
            mid,
            client_timeout: start,
            to_client: VecDeque::new(),
            to_host: VecDeque::new(),
            frames: Vec::new(),
            target_bits_per_second: bitrate.start_bits_per_second,
            connected: false,
        };
        while !this.connected {
            assert!(this.now < start + Duration::from_secs(5), "not connected within five seconds");
            this.step(start + Duration::from_secs(5));
        }
        this.start = this.now;
        this.next_frame = this.now;
        this.frames_wanted = true;
        this
    }

    pub(crate) fn target_bits_per_second(&self) -> u32 {
        self.target_bits_per_second
    }

    pub(crate) fn run(&mut self, duration: Duration) {
        let end = self.now + duration;
        while self.now < end {
            self.step(end);
        }
    }

    /// Sends a frame of the size that the target allows.
    pub(crate) fn send_frame(&mut self) {
        let timestamp = (self.now.duration_since(self.start).as_micros() * 9 / 100) as u32;
        let budget = self.target_bits_per_second as usize / 8 / 30;
        let bytes = if self.frames.is_empty() { budget * 4 } else { budget };
        let mut data = vec![0, 0, 0, 1, 0x41];
        data.resize(bytes, 0xa5);
        let frame = EncodedFrame { data, rtp_timestamp: timestamp, key: false, refinable: false };
        self.frames.push(Frame { due: self.now, timestamp: Some(timestamp), arrived: None });
        self.host.send_video(frame, self.now).unwrap();
        self.drain_host();
    }

    /// Requests a key frame, as a browser does whose decoder cannot continue.
    pub(crate) fn request_key_frame(&mut self) {
        let mut writer = self.client.writer(self.mid).unwrap();
        writer.request_keyframe(None, KeyframeRequestKind::Pli).unwrap();
        self.client.handle_input(Input::Timeout(self.client_time(self.now))).unwrap();
        self.drain_client();
    }

    /// Returns the statistics of the frames that were due since then. Those of the last second may still be under way
    /// and do not count.
    pub(crate) fn take_frames_since(&self, since: Duration) -> Frames {
        let (from, to) = (self.start + since, self.now - Duration::from_secs(1));
        let frames: Vec<_> = self.frames.iter().filter(|frame| frame.due >= from && frame.due < to).collect();
        let mut delays: Vec<_> =
            frames.iter().filter_map(|frame| Some(frame.arrived?.duration_since(frame.due))).collect();
        delays.sort();
        let sent = frames.iter().filter(|frame| frame.timestamp.is_some()).count();
        Frames {
            sent,
            held: frames.len() - sent,
            lost: sent - delays.len(),
            per_second: delays.len() as f64 / to.duration_since(from).as_secs_f64(),
            delay_median: delays[delays.len() / 2],
            delay_95: delays[delays.len() * 95 / 100],
        }
    }

    /// Advances to the next event, but not past `end`.
    fn step(&mut self, end: Instant) {
        let next_frame = if self.frames_wanted { self.next_frame } else { end };
        let arrivals = [self.to_client.front(), self.to_host.front()];
        let next = arrivals
            .iter()
            .flatten()
            .map(|datagram| datagram.at)
            .chain([self.host.poll_timeout(), self.client_timeout, next_frame, end])
            .min()
            .expect("the end is among them");
        // Deadlines in the past are due now, and time advances.
        self.now = next.max(self.now + Duration::from_micros(1)).min(end);

        if self.host.poll_timeout() <= self.now {
            self.host_steps += 1;
            self.host.handle_timeout(self.now);
        }
        while self.to_host.front().is_some_and(|datagram| datagram.at <= self.now) {
            let datagram = self.to_host.pop_front().expect("it is there");
            self.host_steps += 1;
            let Datagram { source, destination, bytes, .. } = datagram;
            self.host.handle_datagram(Protocol::Udp, source, destination, &bytes, self.now);
        }
        self.drain_host();
        if self.frames_wanted && self.next_frame <= self.now {
            self.next_frame += FRAME_INTERVAL;
            if self.host.hold_until() <= self.now && !self.host.is_closed() {
                self.send_frame();
            } else {
                self.frames.push(Frame { due: self.now, timestamp: None, arrived: None });
            }
        }

        while self.to_client.front().is_some_and(|datagram| datagram.at <= self.now) {
            let datagram = self.to_client.pop_front().expect("it is there");
            let receive = Receive::new(Protocol::Udp, datagram.source, datagram.destination, &datagram.bytes).unwrap();
            self.client.handle_input(Input::Receive(self.client_time(datagram.at), receive)).unwrap();
            self.drain_client();
        }
        if self.client_timeout <= self.now {
            self.client.handle_input(Input::Timeout(self.client_time(self.now))).unwrap();
            self.drain_client();
        }
    }

    fn client_time(&self, at: Instant) -> Instant {
        let elapsed = at.duration_since(self.start);
        self.start + elapsed.mul_f64(1.0 + self.client_clock_drift)
    }

    fn host_time(&self, at: Instant) -> Instant {
        let elapsed = at.saturating_duration_since(self.start);
        self.start + elapsed.div_f64(1.0 + self.client_clock_drift)
    }

    fn drain_host(&mut self) {
        while let Some(transmit) = self.host.poll_transmit() {
            self.host_datagrams += 1;
            if let Some(at) = self.path.forward(transmit.contents.len(), self.now) {
                let (source, destination) = (transmit.source, transmit.destination);
                self.to_client.push_back(Datagram { at, source, destination, bytes: transmit.contents.to_vec() });
            }
        }
        while let Some(event) = self.host.poll_event() {
            match &event {
                PeerEvent::TargetBitrate { bits_per_second } => self.target_bits_per_second = *bits_per_second,
                PeerEvent::ChannelOpen(_) => self.connected = true,
                _ => {}
            }
            self.events.push(event);
        }
    }

    fn drain_client(&mut self) {
        loop {
            match self.client.poll_output().unwrap() {
                Output::Timeout(at) => {
                    self.client_timeout = self.host_time(at);
                    return;
                }
                Output::Transmit(transmit) => {
                    if let Some(at) = self.path.back(self.now) {
                        let (source, destination) = (transmit.source, transmit.destination);
                        self.to_host.push_back(Datagram { at, source, destination, bytes: transmit.contents.to_vec() });
                    }
                }
                Output::Event(Event::MediaData(data)) => {
                    let timestamp = data.time.numer() as u32;
                    let frame = self.frames.iter_mut().rev().find(|frame| frame.timestamp == Some(timestamp));
                    frame.expect("only sent frames arrive").arrived = Some(self.now);
                }
                Output::Event(_) => {}
            }
        }
    }
}

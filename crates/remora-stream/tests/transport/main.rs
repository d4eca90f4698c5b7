//! A client over real sockets on loopback, from its offer to its end.

#[path = "../browser/mod.rs"]
mod browser;
#[path = "../synthetic/mod.rs"]
mod synthetic;
mod tcp;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use remora_stream::{
    AcceptError, Channel, CloseReason, EncodedFrame, Encoder, Fidelity, FrameRequest, I420, OfferError,
    OpenH264Encoder, OpenH264Options, RECEIVED_MAX, SendError, StartError, Transport, TransportEvent, TransportHandle,
    TransportOptions,
};

use self::browser::{Browser, NetworkProtocols};

const EVENTS_MAX: usize = 256;
const WIDTH: u32 = 320;
const HEIGHT: u32 = 180;

struct Host {
    transport: TransportHandle,
    events: Receiver<TransportEvent>,
}

impl Host {
    fn start() -> Self {
        Self::with_events_max(EVENTS_MAX)
    }

    fn with_events_max(events_max: usize) -> Self {
        Self::with(TransportOptions::default(), events_max)
    }

    fn with(options: TransportOptions, events_max: usize) -> Self {
        let (sender, events) = mpsc::sync_channel(events_max);
        let addresses = vec![IpAddr::V4(Ipv4Addr::LOCALHOST)];
        let transport = Transport::start(TransportOptions { addresses, ..options }, sender).unwrap();
        Self { transport, events }
    }

    fn connect(&self) -> Browser {
        self.connect_with_protocols(NetworkProtocols::Udp)
    }

    fn connect_with_protocols(&self, protocols: NetworkProtocols) -> Browser {
        self.connect_with(protocols, |answer| answer)
    }

    /// Connects a client that receives a changed answer.
    fn connect_with(&self, protocols: NetworkProtocols, change: impl Fn(String) -> String) -> Browser {
        let (mut browser, offer) = Browser::with_protocols(protocols);
        browser.accept(&change(self.transport.accept(&offer).unwrap()));
        browser.wait_for_channels();
        self.wait_for("connection", |event| matches!(event, TransportEvent::Connected));
        browser
    }

    fn wait_for(&self, what: &str, mut is_it: impl FnMut(&TransportEvent) -> bool) -> TransportEvent {
        let deadline = Instant::now() + Duration::from_secs(15);
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let event = self.events.recv_timeout(left).unwrap_or_else(|error| panic!("no {what}: {error}"));
            if is_it(&event) {
                return event;
            }
        }
    }

    fn wait_for_end(&self) -> CloseReason {
        match self.wait_for("end", |event| matches!(event, TransportEvent::Closed(_))) {
            TransportEvent::Closed(reason) => reason,
            other => panic!("{other:?}"),
        }
    }
}

struct Camera {
    encoder: OpenH264Encoder,
    rtp_timestamp: u32,
}

impl Camera {
    fn new(rtp_timestamp: u32) -> Self {
        Self { encoder: OpenH264Encoder::new(OpenH264Options::default()), rtp_timestamp }
    }

    fn frame(&mut self, key: bool) -> (EncodedFrame, Vec<u8>) {
        self.rtp_timestamp = self.rtp_timestamp.wrapping_add(3000);
        let data = synthetic::picture(WIDTH, HEIGHT, self.rtp_timestamp as f32 * 1e-6);
        let request = FrameRequest { rtp_timestamp: self.rtp_timestamp, key, fidelity: Fidelity::Motion };
        let frame = self.encoder.encode(I420::new(WIDTH, HEIGHT, &data).unwrap(), request).unwrap();
        (frame, data)
    }
}

#[test]
fn frames_arrive_whole_in_order_and_under_their_own_timestamps() {
    let host = Host::start();
    let mut browser = host.connect();
    // The timestamps wrap in the middle.
    let mut camera = Camera::new(u32::MAX - 15 * 3000);
    let mut decoder = synthetic::decoder();
    for index in 0..30 {
        let (frame, picture) = camera.frame(index == 0);
        let (data, rtp_timestamp) = (frame.data.clone(), frame.rtp_timestamp);
        host.transport.send_video(frame).unwrap();
        let received = browser.wait_for_frame();
        assert!(browser::is_h264(&received) && received.contiguous);
        assert_eq!(received.time.numer() as u32, rtp_timestamp, "frame {index}");
        assert_eq!(received.ext_vals.play_delay_max.map(|delay| delay.is_zero()), Some(true), "frame {index}");
        assert!(received.ext_vals.abs_capture_time.is_some(), "frame {index}");
        let decoded = decoder.decode(&received.data).unwrap().expect("a frame");
        assert!(synthetic::psnr(&picture, &decoded) > 30.0, "frame {index}");
        assert!(received.data.len().abs_diff(data.len()) < 32, "start codes may differ, nothing else");
    }
}

#[test]
fn messages_travel_both_ways_on_the_channel_that_they_were_sent_on() {
    let host = Host::start();
    let mut browser = host.connect();
    let (control, pose) = (browser.control, browser.pose);
    let large = vec![7; 100_000];
    for (id, channel, bytes) in [(control, Channel::Control, &large[..]), (pose, Channel::Pose, b"pose")] {
        browser.send(id, bytes);
        for _ in 0..50 {
            browser.step(Duration::from_millis(2));
        }
        let expected = TransportEvent::Message { channel, bytes: bytes.to_vec().into() };
        assert_eq!(host.wait_for("message", |event| matches!(event, TransportEvent::Message { .. })), expected);

        host.transport.send(channel, bytes.to_vec()).unwrap();
        assert_eq!(browser.wait_for_message(), (id, bytes.to_vec()));
    }
}

#[test]
fn a_connected_client_and_one_that_asks_get_a_key_frame_request() {
    let host = Host::start();
    let mut browser = host.connect();
    host.wait_for("first key frame request", |event| matches!(event, TransportEvent::KeyFrameWanted));
    let mut camera = Camera::new(0);
    host.transport.send_video(camera.frame(true).0).unwrap();
    browser.wait_for_frame();
    // Requests within 250 ms of each other count as one.
    let earlier = Instant::now();
    while earlier.elapsed() < Duration::from_millis(260) {
        browser.step(Duration::from_millis(20));
    }
    browser.request_key_frame();
    for _ in 0..20 {
        browser.step(Duration::from_millis(5));
    }
    host.wait_for("second key frame request", |event| matches!(event, TransportEvent::KeyFrameWanted));
}

#[test]
fn a_second_offer_is_refused_until_the_first_client_has_left() {
    let host = Host::start();
    let mut first = host.connect();
    let (mut second, offer) = Browser::new();
    assert_eq!(host.transport.accept(&offer), Err(AcceptError::InUse));

    first.close();
    assert_eq!(host.wait_for_end(), CloseReason::Goodbye);

    second.accept(&host.transport.accept(&offer).unwrap());
    second.wait_for_channels();
}

/// The time is measured in virtual time in `congested_path.rs`, because this machine may be busy.
#[test]
fn a_client_that_vanishes_is_noticed_and_a_short_silence_is_forgiven() {
    let host = Host::start();
    let browser = host.connect();
    let vanished = Instant::now();
    drop(browser);
    assert_eq!(host.wait_for_end(), CloseReason::TimedOut);
    let silence = vanished.elapsed();
    assert!(silence > Duration::from_secs(3), "{silence:?}");
    host.connect();
}

#[test]
fn an_offer_without_a_connection_frees_the_transport() {
    let host = Host::start();
    let (_browser, offer) = Browser::new();
    host.transport.accept(&offer).unwrap();
    assert_eq!(host.wait_for_end(), CloseReason::NeverConnected);
    host.connect();
}

#[test]
fn the_host_can_end_the_connection_and_the_client_learns_of_it() {
    let host = Host::start();
    let mut browser = host.connect();
    host.transport.send(Channel::Control, b"last words".to_vec()).unwrap();
    host.transport.close().unwrap();
    assert_eq!(host.wait_for_end(), CloseReason::Requested);
    assert_eq!(browser.wait_for_message().1, b"last words");
    browser.wait_for("end", |_, event| matches!(event, str0m::Event::Closed).then_some(()));
}

#[test]
fn a_dropped_transport_says_goodbye_too() {
    let host = Host::start();
    let mut browser = host.connect();
    drop(host);
    browser.wait_for("end", |_, event| matches!(event, str0m::Event::Closed).then_some(()));
}

#[test]
fn a_host_that_takes_no_events_loses_the_client_but_not_the_event_of_its_end() {
    let host = Host::with_events_max(8);
    let (mut browser, offer) = Browser::new();
    browser.accept(&host.transport.accept(&offer).unwrap());
    browser.wait_for_channels();
    for _ in 0..64 {
        let control = browser.control;
        if browser.rtc.channel(control).is_none() {
            break;
        }
        browser.send(control, b"one of many");
    }
    browser.wait_for("end", |_, event| matches!(event, str0m::Event::Closed).then_some(()));
    assert_eq!(host.transport.accept(&Browser::new().1), Err(AcceptError::InUse), "the host does not know yet");
    assert_eq!(host.wait_for_end(), CloseReason::Overrun);
    host.connect();
}

#[test]
fn a_client_that_sends_faster_than_the_host_executes_is_told_so_before_the_connection_ends() {
    let host = Host::with(
        TransportOptions { overrun_farewell: b"too fast".to_vec(), ..TransportOptions::default() },
        RECEIVED_MAX + 64,
    );
    let mut browser = host.connect();
    for index in 0..=RECEIVED_MAX as u32 {
        browser.write(browser.control, &index.to_be_bytes());
    }
    assert_eq!(browser.wait_for_message().1, b"too fast");
    browser.wait_for("end", |_, event| matches!(event, str0m::Event::Closed).then_some(()));
    let mut received = 0;
    let reason = host.wait_for("end", |event| {
        received += usize::from(matches!(event, TransportEvent::Message { .. }));
        matches!(event, TransportEvent::Closed(_))
    });
    assert_eq!((reason, received), (TransportEvent::Closed(CloseReason::Overrun), RECEIVED_MAX));
}

#[test]
fn messages_wait_for_a_slow_path_and_arrive_in_their_order() {
    let host = Host::start();
    let mut browser = host.connect();
    let large = |index: u8| vec![index; 200_000];
    let send = |index| host.transport.send(Channel::Control, large(index));
    let refused = (0..=u8::MAX).map(send).take_while(Result::is_ok).count();
    let sent = u8::try_from(refused).expect("not everything may wait");
    assert!(sent >= 40, "{sent}");
    assert_eq!(send(sent), Err(SendError::Backlogged(Channel::Control)));
    assert!(host.transport.control_bytes_waiting() > 1_000_000);
    for index in 0..sent {
        assert!(browser.wait_for_message().1 == large(index), "message {index}");
    }
    host.transport.close().unwrap();
    assert_eq!(host.wait_for_end(), CloseReason::Requested);
    assert_eq!(host.transport.control_bytes_waiting(), 0);
}

#[test]
fn a_message_that_is_too_large_is_refused() {
    let host = Host::start();
    let (channel, bytes_max) = (Channel::Pose, Channel::Pose.message_bytes_max());
    assert_eq!(
        host.transport.send(channel, vec![0; bytes_max + 1]),
        Err(SendError::TooLarge { channel, bytes: bytes_max + 1, bytes_max })
    );
}

#[test]
fn an_unusable_offer_is_refused_with_a_message_and_reserves_nothing() {
    type Expected = fn(&OfferError) -> bool;
    let host = Host::start();
    let (_, offer) = Browser::new();
    let without_video = offer.replace("m=video ", "m=audio ");
    let sending = offer.replace("a=recvonly", "a=sendonly");
    let without_channels = offer.split("m=application").next().unwrap().to_owned();
    let vp8_only = offer.replace("H264/90000", "VP9/90000");
    let cases: [(&str, Expected); 6] = [
        ("", |error| matches!(error, OfferError::NotSdp(_))),
        ("v=0\r\nhello", |error| matches!(error, OfferError::NotSdp(_))),
        (&without_video, |error| matches!(error, OfferError::NoVideo)),
        (&sending, |error| matches!(error, OfferError::NoVideo)),
        (&without_channels, |error| !error.to_string().is_empty()),
        (&vp8_only, |error| matches!(error, OfferError::NoH264)),
    ];
    for (offer, expected) in cases {
        match host.transport.accept(offer) {
            Err(AcceptError::Offer(error)) => assert!(expected(&error), "{error:?} for {offer}"),
            other => panic!("{other:?} for {offer}"),
        }
    }
    host.connect();
}

#[test]
fn an_address_of_another_machine_is_named_in_the_error() {
    let addresses = vec![IpAddr::from([203, 0, 113, 1])];
    let (sender, _events) = mpsc::sync_channel(1);
    let started = Transport::start(TransportOptions { addresses, ..TransportOptions::default() }, sender);
    match started {
        Err(StartError::Bind { address, .. }) => assert_eq!(address.to_string(), "203.0.113.1"),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("bound a documentation address"),
    }
}

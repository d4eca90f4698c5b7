//! Clients whose network allows only TCP, clients on the other side of the host's NAT, and strangers on the TCP port.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use remora_stream::{
    BitrateRange, Channel, CloseReason, EncodedFrame, StartError, Transport, TransportEvent, TransportOptions,
};
use str0m::net::Protocol;

use super::browser::{self, Browser, NetworkProtocols};
use super::{Camera, EVENTS_MAX, Host};

const LOCALHOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
/// An address of this machine that hosts do not listen on.
const EXTERNAL: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));

fn address_of(host: &Host) -> SocketAddr {
    host.transport.addresses()[0]
}

/// Sends frames to the client, and a message in each direction.
fn use_connection(host: &Host, browser: &mut Browser) {
    let mut camera = Camera::new(0);
    for index in 0..10 {
        let (frame, _) = camera.frame(index == 0);
        let rtp_timestamp = frame.rtp_timestamp;
        host.transport.send_video(frame).unwrap();
        let received = browser.wait_for_frame();
        assert!(browser::is_h264(&received), "frame {index}");
        assert_eq!(received.time.numer() as u32, rtp_timestamp, "frame {index}");
    }
    let message = vec![7; 100_000];
    host.transport.send(Channel::Control, message.clone()).unwrap();
    assert_eq!(browser.wait_for_message(), (browser.control, message.clone()));
    let control = browser.control;
    browser.send(control, &message);
    let expected = TransportEvent::Message { channel: Channel::Control, bytes: message.into() };
    let deadline = Instant::now() + Duration::from_secs(10);
    while !host.events.try_iter().any(|event| event == expected) {
        assert!(Instant::now() < deadline, "the message has not arrived within 10 s");
        browser.step(Duration::from_millis(5));
    }
}

/// Returns whether the host ends the connection within ten seconds.
fn is_closed(stream: &mut TcpStream) -> bool {
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    // A connection that the host closes before it has read everything is reset.
    match stream.read(&mut [0; 64]) {
        Ok(bytes) => bytes == 0,
        Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
    }
}

#[test]
fn a_client_with_tcp_only_receives_frames_and_messages() {
    let host = Host::start();
    let mut browser = host.connect_with_protocols(NetworkProtocols::Tcp);
    use_connection(&host, &mut browser);
    assert!(browser.protocols().iter().all(|&protocol| protocol == Protocol::Tcp));
    browser.close();
    assert_eq!(host.wait_for_end(), CloseReason::Goodbye);
    host.connect_with_protocols(NetworkProtocols::Tcp);
}

#[test]
fn a_client_over_tcp_learns_that_the_host_ends_the_connection() {
    let host = Host::start();
    let mut browser = host.connect_with_protocols(NetworkProtocols::Tcp);
    host.transport.send(Channel::Control, b"last words".to_vec()).unwrap();
    host.transport.close().unwrap();
    assert_eq!(browser.wait_for_message().1, b"last words");
    browser.wait_for("end", |_, event| matches!(event, str0m::Event::Closed).then_some(()));
    assert_eq!(host.wait_for_end(), CloseReason::Requested);
}

#[test]
fn feedback_arrives_over_tcp_and_the_bitrate_grows() {
    let host = Host::start();
    let mut browser = host.connect_with_protocols(NetworkProtocols::Tcp);
    let start = BitrateRange::default().start_bits_per_second;
    let (deadline, frame_interval) = (Instant::now() + Duration::from_secs(15), Duration::from_secs(1) / 30);
    for frame in 1.. {
        // The frame uses the whole target, so that the target may rise.
        let mut data = vec![0, 0, 0, 1, 0x41];
        data.resize(start as usize / 8 / 30, 0xa5);
        let frame = EncodedFrame { data, rtp_timestamp: frame * 3000, key: false, refinable: false };
        host.transport.send_video(frame).unwrap();
        let next = Instant::now() + frame_interval;
        while Instant::now() < next {
            browser.step(Duration::from_millis(3));
        }
        let grown = host.events.try_iter().any(
            |event| matches!(event, TransportEvent::Bandwidth(bandwidth) if bandwidth.target_bits_per_second > start),
        );
        if grown {
            return;
        }
        assert!(Instant::now() < deadline, "the target did not rise above its start within 15 s");
    }
}

#[test]
fn media_use_udp_if_both_protocols_work() {
    let host = Host::start();
    let mut browser = host.connect_with_protocols(NetworkProtocols::Both);
    assert!(browser.protocols().contains(&Protocol::Tcp), "the client has tried TCP");
    let before = browser.protocols().len();
    use_connection(&host, &mut browser);
    let received = &browser.protocols()[before..];
    let by = |protocol: Protocol| received.iter().filter(|&&other| other == protocol).count();
    // Connectivity checks continue over both.
    assert!(by(Protocol::Udp) > 10 * by(Protocol::Tcp), "{} by UDP, {} by TCP", by(Protocol::Udp), by(Protocol::Tcp));
}

#[test]
fn strangers_on_the_port_are_dropped_and_a_client_still_connects() {
    let host = Host::start();
    let stranger = || TcpStream::connect(address_of(&host)).unwrap();
    // More connections than there are slots: silent ones lose theirs.
    let mut silent: Vec<TcpStream> = (0..200).map(|_| stranger()).collect();
    let mut talkers = [stranger(), stranger(), stranger(), stranger()];
    let no_stun: &[u8] = &[0, 4, 1, 2, 3, 4];
    let forged_stun = [&[0, 20, 0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42][..], &[9; 12]].concat();
    for (talker, bytes) in talkers.iter_mut().zip([no_stun, &forged_stun, b"GET / HTTP/1.1\r\n\r\n", &[0xff; 4096]]) {
        let _ = talker.write_all(bytes);
        assert!(is_closed(talker), "{bytes:?}");
    }
    assert!(is_closed(&mut silent[0]), "the oldest silent one has made room");
    let mut browser = host.connect_with_protocols(NetworkProtocols::Tcp);
    use_connection(&host, &mut browser);
    assert!(is_closed(silent.last_mut().unwrap()), "a connection that says nothing ends");
    use_connection(&host, &mut browser);
}

#[test]
fn ports_are_taken_from_the_given_range_and_shared_by_both_protocols() {
    // Two neighbouring ports, the lower one taken for TCP.
    let (taken, port) = (0..100)
        .find_map(|_| {
            let taken = TcpListener::bind((LOCALHOST, 0)).unwrap();
            let port = taken.local_addr().unwrap().port();
            let next = port.checked_add(1)?;
            TcpListener::bind((LOCALHOST, next)).and(UdpSocket::bind((LOCALHOST, next))).ok().map(|_| (taken, port))
        })
        .expect("two neighbouring free ports");
    let options = |ports| TransportOptions { addresses: vec![LOCALHOST], ports: Some(ports), ..Default::default() };
    let host = Host::with(options(port..=port + 1), EVENTS_MAX);
    assert_eq!(address_of(&host).port(), port + 1);
    use_connection(&host, &mut host.connect_with_protocols(NetworkProtocols::Tcp));
    let (sender, _events) = mpsc::sync_channel(1);
    let refused = Transport::start(options(port..=port), sender);
    assert!(matches!(refused, Err(StartError::NoPort { address: LOCALHOST, .. })), "{:?}", refused.err());
    drop(taken);
}

/// A simulated NAT: it forwards from the external address to the host, from an address of its own.
struct Nat;

impl Nat {
    fn udp(host: SocketAddr) {
        let outside = UdpSocket::bind((EXTERNAL, host.port())).unwrap();
        let inside = UdpSocket::bind((LOCALHOST, 0)).unwrap();
        inside.connect(host).unwrap();
        let (outside_back, inside_back) = (outside.try_clone().unwrap(), inside.try_clone().unwrap());
        let (clients, client) = mpsc::channel();
        thread::spawn(move || {
            let mut buffer = [0; 2048];
            while let Ok((length, source)) = outside.recv_from(&mut buffer) {
                let _ = clients.send(source);
                let _ = inside.send(&buffer[..length]);
            }
        });
        thread::spawn(move || {
            let (mut buffer, mut to) = ([0; 2048], None);
            while let Ok(length) = inside_back.recv(&mut buffer) {
                to = client.try_iter().last().or(to);
                if let Some(to) = to {
                    let _ = outside_back.send_to(&buffer[..length], to);
                }
            }
        });
    }

    fn tcp(host: SocketAddr) {
        let outside = TcpListener::bind((EXTERNAL, host.port())).unwrap();
        thread::spawn(move || {
            for client in outside.incoming() {
                let (client, host) = (client.unwrap(), TcpStream::connect(host).unwrap());
                for (mut from, mut to) in [
                    (client.try_clone().unwrap(), host.try_clone().unwrap()),
                    (host.try_clone().unwrap(), client.try_clone().unwrap()),
                ] {
                    thread::spawn(move || std::io::copy(&mut from, &mut to));
                }
            }
        });
    }
}

#[test]
fn a_host_behind_a_nat_is_reached_at_its_external_address() {
    let host = Host::with(TransportOptions { external_address: Some(EXTERNAL), ..Default::default() }, EVENTS_MAX);
    Nat::udp(address_of(&host));
    Nat::tcp(address_of(&host));
    // A client outside cannot reach the address inside.
    let outside = |answer: String| {
        let inside = format!(" {} {} typ host", address_of(&host).ip(), address_of(&host).port());
        let lines = answer.split_inclusive("\r\n").filter(|line| !line.contains(&inside));
        lines.collect::<String>()
    };
    for protocols in [NetworkProtocols::Udp, NetworkProtocols::Tcp] {
        let mut browser = host.connect_with(protocols, outside);
        use_connection(&host, &mut browser);
        browser.close();
        assert_eq!(host.wait_for_end(), CloseReason::Goodbye);
    }
}

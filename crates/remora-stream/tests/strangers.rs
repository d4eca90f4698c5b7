//! Datagrams of strangers and malformed ones change nothing.

use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime};

use proptest::collection::vec;
use proptest::prelude::*;
use remora_stream::{BitrateRange, CloseReason, Peer, PeerEvent, PeerOptions};
use str0m::net::Protocol;

const OFFER: &str = include_str!("fixtures/chromium-156.sdp");

/// Returns first bytes of STUN, DTLS and RTP, and of none of them.
fn first_byte() -> impl Strategy<Value = u8> {
    prop::sample::select(vec![0_u8, 1, 20, 22, 23, 63, 128, 144, 200])
}

proptest! {
    #[test]
    fn an_unconnected_peer_ignores_them_until_its_time_is_up(
        datagrams in vec((first_byte(), vec(any::<u8>(), 0..1500)), 0..32),
    ) {
        let start = Instant::now();
        let (local, stranger) = (SocketAddr::from(([192, 0, 2, 1], 1)), SocketAddr::from(([192, 0, 2, 2], 2)));
        let options = PeerOptions {
            local_addresses: vec![local],
            mapped_address: None,
            bitrate: BitrateRange::default(),
            wall_clock: (start, SystemTime::UNIX_EPOCH),
        };
        let (mut peer, _) = Peer::accept(&OFFER.replace('\n', "\r\n"), &options, start).unwrap();
        for (index, (kind, rest)) in datagrams.iter().enumerate() {
            // The first byte distinguishes STUN, DTLS and RTP.
            let bytes = [&[*kind], &rest[..]].concat();
            let protocol = if index % 2 == 0 { Protocol::Udp } else { Protocol::Tcp };
            let at = start + Duration::from_millis(index as u64);
            prop_assert!(!peer.handle_datagram(protocol, stranger, local, &bytes, at));
        }
        prop_assert_eq!(peer.poll_event(), None);
        prop_assert!(peer.poll_transmit().is_none());
        peer.handle_timeout(start + Duration::from_secs(10));
        prop_assert_eq!(peer.poll_event(), Some(PeerEvent::Closed(CloseReason::NeverConnected)));
        prop_assert!(peer.is_closed());
    }
}

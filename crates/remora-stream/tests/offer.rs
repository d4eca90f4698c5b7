//! Offers that are accepted, and offers that are not.

use std::net::SocketAddr;
use std::time::{Instant, SystemTime};

use proptest::collection::vec;
use proptest::prelude::*;
use remora_stream::{BitrateRange, MappedAddress, OfferError, Peer, PeerOptions};

/// The offer of Debian's Chromium 156 before it gathered candidates, with the line ends of a repository.
const CHROMIUM: &str = include_str!("fixtures/chromium-156.sdp");

fn accept(offer: &str) -> Result<String, OfferError> {
    let now = Instant::now();
    let options = PeerOptions {
        local_addresses: vec![SocketAddr::from(([127, 0, 0, 1], 5000)), SocketAddr::from(([192, 0, 2, 7], 5001))],
        mapped_address: Some(MappedAddress {
            external: SocketAddr::from(([203, 0, 113, 9], 5001)),
            local: SocketAddr::from(([192, 0, 2, 7], 5001)),
        }),
        bitrate: BitrateRange::default(),
        wall_clock: (now, SystemTime::UNIX_EPOCH),
    };
    Peer::accept(offer, &options, now).map(|(_, answer)| answer)
}

fn chromium() -> String {
    CHROMIUM.replace('\n', "\r\n")
}

#[test]
fn a_browser_is_answered_with_what_it_needs() {
    let answer = accept(&chromium()).unwrap();
    for expected in [
        "a=sendonly",
        "H264/90000",
        "packetization-mode=1;profile-level-id=42e01f",
        "nack pli",
        "transport-cc",
        "playout-delay",
        "abs-capture-time",
        "webrtc-datachannel",
    ] {
        assert!(answer.contains(expected), "{expected} is missing in\n{answer}");
    }
    for unwanted in ["VP8", "VP9", "AV1", "a=recvonly"] {
        assert!(!answer.contains(unwanted), "{unwanted} in\n{answer}");
    }
}

#[test]
fn every_address_is_advertised_for_udp_and_for_tcp() {
    let answer = accept(&chromium()).unwrap();
    let candidates: Vec<&str> = answer.lines().filter(|line| line.starts_with("a=candidate:")).collect();
    for (address, kind) in
        [("127.0.0.1 5000", "host"), ("192.0.2.7 5001", "host"), ("203.0.113.9 5001", "srflx raddr 0.0.0.0 rport 0")]
    {
        for (protocol, role) in [("udp", ""), ("tcp", " tcptype passive")] {
            let (before, after) = (format!(" 1 {protocol} "), format!(" {address} typ {kind}{role} ufrag "));
            let advertised = candidates.iter().any(|line| line.contains(&before) && line.contains(&after));
            assert!(advertised, "{protocol} {address} is missing in {candidates:#?}");
        }
    }
    assert_eq!(candidates.len(), 6);
}

#[test]
fn each_missing_part_has_its_own_error() {
    assert_eq!(accept(&chromium().replace("a=recvonly", "a=inactive")), Err(OfferError::NoVideo));
    assert_eq!(accept(&chromium().replace("H264/90000", "H265/90000")), Err(OfferError::NoH264));
    let single_nal = chromium().replace("packetization-mode=1", "packetization-mode=0");
    assert_eq!(accept(&single_nal), Err(OfferError::NoH264));
    let (head, _) = chromium().split_once("m=application").map(|(head, tail)| (head.to_owned(), tail.len())).unwrap();
    let without_channel = head.replace("a=group:BUNDLE 0 1", "a=group:BUNDLE 0");
    assert_eq!(accept(&without_channel), Err(OfferError::NoDataChannel));
    let padded = format!("{}a=x:{}\r\n", chromium(), "y".repeat(64 * 1024));
    assert!(matches!(accept(&padded), Err(OfferError::TooLarge { bytes }) if bytes == padded.len()));
    let without_fingerprint: String =
        chromium().split_inclusive("\r\n").filter(|line| !line.starts_with("a=fingerprint")).collect();
    assert!(matches!(accept(&without_fingerprint), Err(OfferError::Refused(_))));
}

fn lines() -> Vec<String> {
    chromium().split_inclusive("\r\n").map(str::to_owned).collect()
}

#[derive(Clone, Debug)]
enum Damage {
    Drop(usize),
    Repeat(usize),
    Swap(usize, usize),
    Replace(usize, usize, char),
    Cut(usize),
}

fn damage() -> impl Strategy<Value = Damage> {
    let line = 0..lines().len();
    prop_oneof![
        line.clone().prop_map(Damage::Drop),
        line.clone().prop_map(Damage::Repeat),
        (line.clone(), line.clone()).prop_map(|(a, b)| Damage::Swap(a, b)),
        (line.clone(), 0..60_usize, any::<char>()).prop_map(|(line, at, with)| Damage::Replace(line, at, with)),
        line.prop_map(Damage::Cut),
    ]
}

fn apply(lines: &mut Vec<String>, damage: &Damage) {
    let count = lines.len();
    if count == 0 {
        return;
    }
    match *damage {
        Damage::Drop(line) => drop(lines.remove(line % count)),
        Damage::Repeat(line) => lines.push(lines[line % count].clone()),
        Damage::Swap(a, b) => lines.swap(a % count, b % count),
        Damage::Replace(line, at, with) => {
            let line = &mut lines[line % count];
            *line = line.chars().enumerate().map(|(index, char)| if index == at { with } else { char }).collect();
        }
        Damage::Cut(line) => lines.truncate(line % count),
    }
}

proptest! {
    #[test]
    fn any_bytes_are_refused_with_a_message(bytes in vec(any::<u8>(), 0..4096)) {
        let error = accept(&String::from_utf8_lossy(&bytes)).unwrap_err();
        prop_assert!(!error.to_string().is_empty());
    }

    #[test]
    fn a_damaged_offer_is_answered_or_refused(damages in vec(damage(), 1..8)) {
        let mut lines = lines();
        for damage in &damages {
            apply(&mut lines, damage);
        }
        if let Err(error) = accept(&lines.concat()) {
            prop_assert!(!error.to_string().is_empty());
        }
    }
}

//! The options of a peer.

use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime};

use crate::congestion::BitrateRange;

/// Interval of connectivity checks.
pub(super) const CONSENT_INTERVAL: Duration = Duration::from_secs(1);
/// Interval of statistics.
pub(super) const STATISTICS_INTERVAL: Duration = Duration::from_secs(1);
/// Upper bound on the bytes of both channels that wait for a slow path.
pub(super) const BUFFERED_BYTES_MAX: usize = 1024 * 1024;

/// The options of a peer.
#[derive(Clone, Debug)]
pub struct PeerOptions {
    /// The addresses of the sockets. Each accepts datagrams over UDP, and over TCP from clients that cannot use UDP.
    pub local_addresses: Vec<SocketAddr>,
    /// The external address, if a NAT forwards to one of the others.
    pub mapped_address: Option<MappedAddress>,
    /// The bounds of the bitrate.
    pub bitrate: BitrateRange,
    /// An instant and the wall clock's time at it, for `abs-capture-time`.
    pub wall_clock: (Instant, SystemTime),
}

/// The external address of a NAT that forwards UDP and TCP to a local address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MappedAddress {
    /// The address that clients send to.
    pub external: SocketAddr,
    /// The address that receives it.
    pub local: SocketAddr,
}

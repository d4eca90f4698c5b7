//! The transport's options, events and errors.

use std::io;
use std::net::IpAddr;
use std::ops::RangeInclusive;

use thiserror::Error;

use super::addresses::local_addresses;
use super::messages::Message;
use crate::congestion::BitrateRange;
use crate::peer::{Channel, CloseReason, OfferError, Statistics};

/// Upper bound on the bytes of a datagram, which WebRTC never exceeds.
pub(super) const DATAGRAM_BYTES_MAX: usize = 2048;

/// The options of a transport.
#[derive(Clone, Debug)]
pub struct TransportOptions {
    /// Addresses to bind, with one UDP and one TCP socket each, and to advertise to clients. Loopback should be among
    /// them, because browsers on the same machine reach it without any network.
    pub addresses: Vec<IpAddr>,
    /// The address under which clients reach this machine through a 1:1 NAT. It is advertised beside the others, with
    /// the same ports.
    pub external_address: Option<IpAddr>,
    /// The first port of this range that is free for UDP and TCP is bound on each address; `None` is any port.
    pub ports: Option<RangeInclusive<u16>>,
    /// The bounds of the bitrate.
    pub bitrate: BitrateRange,
    /// The last message on the control channel to a client that sends faster than the host executes; empty for none.
    pub overrun_farewell: Vec<u8>,
}

impl Default for TransportOptions {
    /// Returns options with every address of this machine and any port.
    fn default() -> Self {
        Self {
            addresses: local_addresses(),
            external_address: None,
            ports: None,
            bitrate: BitrateRange::default(),
            overrun_farewell: Vec::new(),
        }
    }
}

/// An event of the connection, in order. Between [`TransportEvent::Connected`] and [`TransportEvent::Closed`] there is
/// one client. An accepted offer always ends with `Closed`.
#[derive(Debug, PartialEq)]
pub enum TransportEvent {
    /// Video can be sent.
    Connected,
    /// The client has opened a channel.
    ChannelOpen(Channel),
    /// The client has sent a message. One of the control channel counts as waiting until its bytes are dropped.
    Message {
        /// The channel that carried it.
        channel: Channel,
        /// The message.
        bytes: Message,
    },
    /// The decoder needs a key frame.
    KeyFrameWanted,
    /// The newest frame is to be encoded again; see [`crate::PeerEvent::RepeatWanted`].
    RepeatWanted,
    /// The bitrate for the encoder has changed.
    Bandwidth(Bandwidth),
    /// Statistics, about once a second.
    Statistics(Statistics),
    /// The connection has ended.
    Closed(CloseReason),
}

/// The bandwidth that the path to the client offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bandwidth {
    /// The bitrate for the encoder.
    pub target_bits_per_second: u32,
}

/// The reason why a transport does not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// The options have no address.
    #[error("no address to listen on; name at least one, 127.0.0.1 for this machine only")]
    NoAddress,
    /// An address cannot be bound.
    #[error("{address} cannot be listened on: it is not an address of this machine, or may not be used")]
    Bind {
        /// The address.
        address: IpAddr,
        /// The error of the operating system.
        source: io::Error,
    },
    /// All ports of the range are taken.
    #[error("no port of {address} is free for both UDP and TCP; allow a wider range")]
    NoPort {
        /// The address.
        address: IpAddr,
        /// The error of the last port.
        source: io::Error,
    },
    /// The operating system offers no event queue.
    #[error("the transport cannot wait for its sockets")]
    Poll(#[from] io::Error),
}

/// The reason why an offer is not accepted.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum AcceptError {
    /// The offer is refused.
    #[error(transparent)]
    Offer(#[from] OfferError),
    /// Another client is connected.
    #[error("another client is connected")]
    InUse,
    /// The command queue is full.
    #[error("the transport is too busy to accept a client")]
    Busy,
    /// The transport has ended.
    #[error("the transport has ended")]
    Stopped,
}

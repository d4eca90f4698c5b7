//! What a peer tells and is told: channels, events, and the reasons for the end.

use std::time::Duration;

use remora_protocol::handshake::{CONTROL_CHANNEL, POSE_CHANNEL};
use thiserror::Error;

pub(super) const CONTROL_BYTES_MAX: usize = 256 * 1024;
/// One datagram.
const POSE_BYTES_MAX: usize = 1200;

/// The two data channels, told apart by the labels of `remora_protocol::handshake`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Channel {
    /// Reliable, ordered; messages of at most 256 kB.
    Control,
    /// Unreliable, unordered; messages of at most 1,200 bytes.
    Pose,
}

impl Channel {
    pub const fn message_bytes_max(self) -> usize {
        match self {
            Self::Control => CONTROL_BYTES_MAX,
            Self::Pose => POSE_BYTES_MAX,
        }
    }

    pub(super) fn from_label(label: &str) -> Option<Self> {
        match label {
            CONTROL_CHANNEL => Some(Self::Control),
            POSE_CHANNEL => Some(Self::Pose),
            _ => None,
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub enum PeerEvent {
    /// ICE and DTLS are through: video can be sent. [`PeerEvent::KeyFrameWanted`] follows.
    Connected,
    ChannelOpen(Channel),
    Message {
        channel: Channel,
        bytes: Vec<u8>,
    },
    /// The decoder cannot go on without a frame that needs no other.
    KeyFrameWanted,
    /// The newest frame may not have arrived, and nothing that was sent since would reveal it. Encoding the same
    /// picture once more makes the client ask for what it misses. Comes only while no frames are sent.
    RepeatWanted,
    /// What the encoder may spend from now on.
    TargetBitrate {
        bits_per_second: u32,
    },
    Statistics(Statistics),
    Closed(CloseReason),
}

/// About once a second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Statistics {
    /// Of a connectivity check; `None` before the first.
    pub round_trip: Option<Duration>,
    /// Of the video packets of the last second, as the client reports it; 0 to 1.
    pub loss_fraction: f32,
    /// How long a packet waits in the path's bottleneck, as estimated from transport-wide feedback.
    pub queueing_delay: Duration,
    /// Everything that was sent in the last interval.
    pub sent_bits_per_second: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// The client closed the connection or its control channel.
    Goodbye,
    /// Nothing was heard of the client for 4.5 seconds.
    TimedOut,
    /// No connection, or no control channel, within 10 seconds after the offer.
    NeverConnected,
    /// The host asked for it.
    Requested,
    /// Messages came faster than the host acted on them.
    Overrun,
    /// The client broke a protocol, or its fingerprint did not match the offer.
    Failed(String),
}

#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum SendError {
    #[error("no client is connected")]
    NotConnected,
    #[error("the client has not opened the {0:?} channel")]
    ChannelClosed(Channel),
    #[error("a message of {bytes} bytes is too large for the {channel:?} channel, which takes {bytes_max}")]
    TooLarge { channel: Channel, bytes: usize, bytes_max: usize },
    /// Try again when the client has acknowledged some of what was sent.
    #[error("the client takes messages of the {0:?} channel more slowly than they are sent")]
    Backlogged(Channel),
    #[error("the transport has more to send than it can take")]
    Busy,
    #[error("the transport has ended")]
    Stopped,
}

//! A peer's channels, events and errors.

use std::time::Duration;

use remora_protocol::handshake::{CONTROL_CHANNEL, POSE_CHANNEL};
use thiserror::Error;

/// Upper bound on a message of the control channel.
pub(super) const CONTROL_BYTES_MAX: usize = 256 * 1024;
/// Upper bound on a message of the pose channel, which fits one datagram.
const POSE_BYTES_MAX: usize = 1200;

/// The two data channels, identified by the labels of `remora_protocol::handshake`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Channel {
    /// Reliable, ordered; messages of at most 256 kB.
    Control,
    /// Unreliable, unordered; messages of at most 1,200 bytes.
    Pose,
}

impl Channel {
    /// Returns the upper bound on the bytes of one message.
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

/// An event of a peer.
#[derive(Clone, Debug, PartialEq)]
pub enum PeerEvent {
    /// ICE and DTLS are established, so video can be sent. [`PeerEvent::KeyFrameWanted`] follows.
    Connected,
    /// The client has opened a channel.
    ChannelOpen(Channel),
    /// The client has sent a message.
    Message {
        /// The channel that carried it.
        channel: Channel,
        /// The message.
        bytes: Vec<u8>,
    },
    /// The decoder needs a key frame.
    KeyFrameWanted,
    /// The newest frame may not have arrived, and nothing that was sent since would reveal the loss. Encoding the same
    /// content again makes the client ask for the missing packets. Comes only while no frames are sent.
    RepeatWanted,
    /// The bitrate for the encoder has changed.
    TargetBitrate {
        /// The new bitrate.
        bits_per_second: u32,
    },
    /// Statistics, about once a second.
    Statistics(Statistics),
    /// The connection has ended. This is the last event.
    Closed(CloseReason),
}

/// Statistics of a connection.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Statistics {
    /// The round-trip time of a connectivity check; `None` before the first.
    pub round_trip: Option<Duration>,
    /// The fraction of the last second's video packets that the client reported as lost; 0 to 1.
    pub loss_fraction: f32,
    /// The time that a packet waits in the path's bottleneck, estimated from transport-wide feedback.
    pub queueing_delay: Duration,
    /// The rate of everything that was sent in the last interval.
    pub sent_bits_per_second: u64,
}

/// The reason why a connection ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// The client closed the connection or its control channel.
    Goodbye,
    /// The client sent nothing for 4.5 seconds.
    TimedOut,
    /// The client did not connect and open the control channel within 10 seconds of its offer.
    NeverConnected,
    /// The host closed the connection.
    Requested,
    /// Messages arrived faster than the host executed them.
    Overrun,
    /// The client broke a protocol, or its fingerprint did not match the offer.
    Failed(String),
}

/// The reason why something was not sent.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum SendError {
    /// There is no connection.
    #[error("no client is connected")]
    NotConnected,
    /// The client has not opened the channel.
    #[error("the client has not opened the {0:?} channel")]
    ChannelClosed(Channel),
    /// The message exceeds [`Channel::message_bytes_max`].
    #[error("a message of {bytes} bytes is too large for the {channel:?} channel, which takes {bytes_max}")]
    TooLarge {
        /// The channel.
        channel: Channel,
        /// Bytes of the message.
        bytes: usize,
        /// Bytes that a message may have.
        bytes_max: usize,
    },
    /// Too much waits already. Try again when the client has acknowledged some of it.
    #[error("the client takes messages of the {0:?} channel more slowly than they are sent")]
    Backlogged(Channel),
    /// The queue to the transport is full.
    #[error("the transport has more to send than it can take")]
    Busy,
    /// The transport has ended.
    #[error("the transport has ended")]
    Stopped,
}

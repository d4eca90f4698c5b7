//! The picture's way out of the host and the client's messages' way in: video encoding and the WebRTC
//! transport of one connection.
//!
//! ```text
//!  frame thread                                    transport thread
//!  I420 ──► Encoder ──► EncodedFrame ──send_video──► Peer (str0m) ──► UDP and TCP sockets
//!                ▲                                     │    │
//!     set_bitrate│          TransportEvent             │    └─ Congestion (from transport-wide feedback)
//!                └────────── Bandwidth ◄───────────────┘
//! ```
//!
//! Pure, with time as an argument: [`Peer`] (the WebRTC state of one client) and [`Congestion`] (how much the
//! path carries). Around them is one thread, [`Transport`], the only file that reads the clock.
//!
//! This crate moves opaque bytes on two named channels. It does not know the scene, nor the messages, nor who
//! may connect: the caller has verified the client before it hands over the offer.

mod backend;
mod congestion;
mod encoder;
mod i420;
mod openh264;
mod peer;
mod transport;

pub use backend::EncoderBackend;
pub use congestion::{BitrateRange, Congestion, PacketFate};
pub use encoder::{EncodeError, EncodedFrame, Encoder, Fidelity, FrameRequest};
pub use i420::{I420, I420Error};
pub use openh264::{OpenH264Encoder, OpenH264Options};
pub use peer::{Channel, CloseReason, MappedAddress, OfferError, Peer, PeerEvent, PeerOptions, SendError, Statistics};
pub use transport::{
    AcceptError, Bandwidth, Message, RECEIVED_MAX, StartError, Transport, TransportEvent, TransportHandle,
    TransportOptions, local_addresses,
};

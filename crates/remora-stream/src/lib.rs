//! Video encoding and the WebRTC transport of one connection.
//!
//! ```text
//!  frame thread                                    transport thread
//!  I420 ──► Encoder ──► EncodedFrame ──send_video──► Peer (str0m) ──► UDP and TCP sockets
//!                ▲                                     │    │
//!     set_bitrate│          TransportEvent             │    └─ Congestion (from transport-wide feedback)
//!                └────────── Bandwidth ◄───────────────┘
//! ```
//!
//! [`Peer`] (the WebRTC state of one client) and [`Congestion`] (the estimate of the path's rate) are pure: time is an
//! argument. One thread, [`Transport`], drives them; its file is the only one that reads the clock.
//!
//! This crate moves opaque bytes on two named channels. It knows neither the scene nor the messages, and it does not
//! decide which clients may connect: the caller has verified the client before it passes the offer on.

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

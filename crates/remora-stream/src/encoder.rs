//! What every video encoder offers, hardware or software. An encoder holds one stream: it is made for a client
//! and dropped with it.

use thiserror::Error;

use crate::i420::I420;

/// Turns pictures into H.264 access units without delay: one picture in, its access unit out.
pub trait Encoder: Send {
    /// Encodes one picture. A picture of another size than the one before starts a new sequence, with a key
    /// frame, whatever was requested.
    ///
    /// After an error the next picture has to be requested as a key frame.
    fn encode(&mut self, picture: I420<'_>, request: FrameRequest) -> Result<EncodedFrame, EncodeError>;

    /// What the stream may need from now on, as [`crate::Bandwidth`] says. It is a budget per frame while
    /// something moves; nothing is spent while nothing does.
    fn set_bitrate(&mut self, bits_per_second: u32);
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameRequest {
    /// 90 kHz. Becomes the RTP timestamp and is the frame's key everywhere; it increases from frame to frame,
    /// modulo 2³².
    pub rtp_timestamp: u32,
    /// Decodable without any frame before it: for a new client, and after [`crate::PeerEvent::KeyFrameWanted`].
    pub key: bool,
    pub fidelity: Fidelity,
}

/// What a frame's bits are spent for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fidelity {
    /// Small and soon: the picture changes with the next frame anyway.
    Motion,
    /// The picture stays. Each such frame of an unchanged picture improves on the one before, until
    /// [`EncodedFrame::refinable`] says that there is nothing left to gain.
    Rest,
}

/// One access unit, Annex B, ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncodedFrame {
    pub data: Vec<u8>,
    pub rtp_timestamp: u32,
    pub key: bool,
    /// Whether one more frame of the same picture with [`Fidelity::Rest`] would look better than this one.
    pub refinable: bool,
}

#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum EncodeError {
    #[error("the {encoder} encoder did not accept {width}×{height} pictures (code {code})")]
    Setup { encoder: &'static str, width: u32, height: u32, code: i32 },
    #[error("the {encoder} encoder failed on a picture of {width}×{height} (code {code})")]
    Failed { encoder: &'static str, width: u32, height: u32, code: i32 },
}

//! The interface of video encoders, in hardware or software. An encoder holds one stream: it is opened for a connection
//! and dropped with it. [`crate::EncoderBackend`] chooses one.

use thiserror::Error;

use crate::i420::I420;

/// Encodes frames as H.264 without delay: each call takes a frame and returns its access unit.
pub trait Encoder: Send {
    /// Encodes one frame. A frame of another size than the one before starts a new sequence, with a key frame, whatever
    /// was requested.
    ///
    /// # Errors
    ///
    /// The encoder refuses the frame. After an error the next frame must be requested as a key frame.
    fn encode(&mut self, frame: I420<'_>, request: FrameRequest) -> Result<EncodedFrame, EncodeError>;

    /// Sets the bitrate from [`crate::Bandwidth`]. It is a budget per frame while something moves; nothing is spent at
    /// rest.
    fn set_bitrate(&mut self, bits_per_second: u32);
}

/// How a frame is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameRequest {
    /// In ticks of 90 kHz. Becomes the RTP timestamp and is the frame's key everywhere. It increases from frame to
    /// frame, modulo 2³².
    pub rtp_timestamp: u32,
    /// The frame must be decodable without any frame before it, for a new client and after
    /// [`crate::PeerEvent::KeyFrameWanted`].
    pub key: bool,
    /// The trade-off between size and quality.
    pub fidelity: Fidelity,
}

/// The trade-off between the size and the quality of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fidelity {
    /// Small and fast, because the next frame differs anyway.
    Motion,
    /// The content stays. Each such frame with unchanged content improves on the one before, until
    /// [`EncodedFrame::refinable`] is false.
    Rest,
}

/// One access unit in Annex B format, ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncodedFrame {
    /// The NAL units of the frame.
    pub data: Vec<u8>,
    /// The timestamp of the request.
    pub rtp_timestamp: u32,
    /// True for a key frame, requested or not.
    pub key: bool,
    /// Encoding the same content again with [`Fidelity::Rest`] would look better.
    pub refinable: bool,
}

/// The reason why a frame was not encoded.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum EncodeError {
    /// The encoder cannot be opened for frames of this size.
    #[error("the {encoder} encoder did not accept frames of {width}×{height} (code {code})")]
    Setup {
        /// The encoder's name.
        encoder: &'static str,
        /// In pixels.
        width: u32,
        /// In pixels.
        height: u32,
        /// The encoder's own error code.
        code: i32,
    },
    /// The encoder failed on a frame.
    #[error("the {encoder} encoder failed on a frame of {width}×{height} (code {code})")]
    Failed {
        /// The encoder's name.
        encoder: &'static str,
        /// In pixels.
        width: u32,
        /// In pixels.
        height: u32,
        /// The encoder's own error code.
        code: i32,
    },
}

//! The choice of a video encoder.

use crate::encoder::Encoder;
use crate::openh264::{OpenH264Encoder, OpenH264Options};

/// A kind of video encoder. The host knows only this type and [`Encoder`], so this is the one place where an encoder is
/// added.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EncoderBackend {
    /// Cisco's openh264, which works on every machine.
    #[default]
    OpenH264,
}

impl EncoderBackend {
    /// Opens an encoder for one stream.
    pub fn open(self) -> Box<dyn Encoder> {
        match self {
            Self::OpenH264 => Box::new(OpenH264Encoder::new(OpenH264Options::default())),
        }
    }
}

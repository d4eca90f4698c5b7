//! The passes that record a frame, and their buffers.

pub(crate) mod draw;
pub(crate) mod environment;
pub(crate) mod motion;
pub(crate) mod occlusion;
pub(crate) mod outline;
pub(crate) mod pick;
pub(crate) mod profile;
pub(crate) mod seen;
pub(crate) mod sliced_encoder;
pub(crate) mod targets;
pub(crate) mod uniform;

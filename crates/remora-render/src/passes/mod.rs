//! The passes that draw a frame, and what they draw into.

pub(crate) mod draw;
pub(crate) mod environment;
pub(crate) mod occlusion;
pub(crate) mod outline;
pub(crate) mod pick;
pub(crate) mod profile;
pub(crate) mod sliced_encoder;
pub(crate) mod targets;
pub(crate) mod uniform;

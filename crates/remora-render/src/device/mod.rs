//! The graphics device, and buffers on it.

pub(crate) mod graphics;
mod heaps;
pub(crate) mod memory;
pub(crate) mod ranges;
pub(crate) mod upload;

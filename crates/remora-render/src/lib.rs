//! The renderer: a visibility buffer filled and shaded by compute, on wgpu.
//!
//! ```text
//!   Model ──prepare──▶ Prepared ──add_model──▶ geometry pages, texture buckets          once per model
//!   Scene ──synchronise──▶ instance states                                              by deltas
//!   FrameRequest ──select──▶ visible clusters ──raster──▶ depth and id per sample
//!                       ──resolve──▶ colour ──read back──▶ convert ──▶ Picture          per frame
//! ```
//!
//! It knows no network, no session and no clock besides the timing of its own stages. It draws what it is asked
//! for and nothing on its own. Errors of the driver are returned, never panicked on.

mod frame;
mod graphics;
mod renderer;

pub use frame::{
    BLEND_LAYERS_MAX, Camera, FrameDone, FrameRequest, FrameTimings, PICTURE_DIMENSION_MAX, Picture, PictureFormat,
    RenderError, Samples, Size,
};
pub use graphics::{AdapterSummary, Graphics, GraphicsError, GraphicsOptions};
pub use renderer::{PrepareOptions, Prepared, Renderer};

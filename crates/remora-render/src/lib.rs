//! The renderer: a visibility buffer filled and shaded by compute, on wgpu.
//!
//! ```text
//!   Asset ──prepare──▶ Prepared ──add_model──▶ materials, texture layers, root pages    once per model
//!   pages ◀──want── selection ──▶ pager ──▶ geometry banks                              as views need them
//!   Scene ──synchronise──▶ instance states                                              by deltas
//!   FrameRequest ──select──▶ visible clusters ──raster──▶ depth and id per sample
//!                       ──resolve──▶ colour ──read back──▶ convert ──▶ Picture          per frame
//! ```
//!
//! It knows no network, no session and no clock besides the timing of its own stages. It draws what it is asked
//! for and nothing on its own. Errors of the driver are returned, never panicked on.

mod convert;
mod delivery;
mod draw;
mod environment;
mod frame;
mod geometry;
mod graphics;
mod horizon;
mod kept;
mod kernel;
mod layers;
mod layout;
mod library;
mod memory;
mod occlusion;
mod outline;
mod pager;
mod pick;
mod pieces;
mod placement;
mod prepare;
mod profile;
mod ranges;
mod reach;
mod readback;
mod renderer;
mod report;
mod residency;
mod selection;
mod targets;
mod timing;
mod uniform;
mod upload;
mod warm_up;

pub use frame::{
    BLEND_LAYERS_MAX, Camera, FrameDone, FrameOptions, FrameRequest, FrameTimings, PICTURE_DIMENSION_MAX, Picked,
    Picture, PictureFormat, RenderError, Samples, Size,
};
pub use graphics::{AdapterSummary, Graphics, GraphicsError, GraphicsOptions, adapter_names};
pub use placement::Written;
pub use prepare::{PrepareOptions, Prepared};
pub use renderer::{Renderer, RendererOptions};

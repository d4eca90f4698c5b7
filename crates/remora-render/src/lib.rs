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

mod blocks;
mod device;
mod frame;
mod kernels;
mod options;
mod output;
mod passes;
mod renderer;
mod residency;
mod select;
mod surface;
mod timing;
mod view;

pub use device::graphics::{AdapterSummary, Graphics, GraphicsError, GraphicsOptions, adapter_names};
pub use frame::{
    BLEND_LAYERS_MAX, Camera, FRAME_DIMENSION_MAX, FrameDone, FrameOptions, FrameRequest, FrameTimings, Picked,
    PixelFormat, RenderError, RenderedFrame, Samples, Size,
};
pub use options::RendererOptions;
pub use renderer::Renderer;
pub use residency::instances::SyncStatistics;
pub use residency::prepare::{PrepareOptions, PreparedAsset};

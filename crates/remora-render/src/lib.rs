//! The renderer: compute kernels fill a visibility buffer and shade it, on wgpu.
//!
//! ```text
//!   Asset ──prepare──▶ PreparedAsset ──add_model──▶ materials, textures, root pages        once per model
//!   pages ◀──requests── selection ──▶ pager ──▶ geometry banks                             as views need them
//!   Scene ──synchronise──▶ instance records                                                by changes
//!   FrameRequest ──select──▶ visible clusters ──raster──▶ depth and id per sample
//!                ──resolve──▶ colour ──read back──▶ convert ──▶ RenderedFrame              per frame
//! ```
//!
//! | module | content |
//! |---|---|
//! | `device` | the graphics device, and buffers on it |
//! | `kernels` | the catalogue of compute kernels, and definitions that they share with Rust |
//! | `residency` | models, pages and instances in graphics memory |
//! | `select` | the cut through the levels of detail, and the occlusion test against an earlier frame |
//! | `passes` | the passes that record a frame, and their buffers |
//! | `output` | conversion of a finished frame, and the readback |
//! | `renderer` | the public interface, which ties the others together |
//!
//! The crate knows no network and no session, and reads a clock only to time its own stages. It renders only the frames
//! that it is asked for. It returns the driver's errors and never panics because of them.

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
mod wgsl;

pub use device::graphics::{AdapterSummary, Graphics, GraphicsError, GraphicsOptions, adapter_names};
pub use frame::{
    BLEND_LAYERS_MAX, Camera, FRAME_DIMENSION_MAX, FrameDone, FrameOptions, FrameRequest, FrameSerial, FrameTimings,
    History, Picked, PixelFormat, RenderError, RenderedFrame, Samples, Size,
};
pub use options::RendererOptions;
pub use renderer::Renderer;
pub use residency::instances::SyncStatistics;
pub use residency::prepare::{PrepareOptions, PreparedAsset};

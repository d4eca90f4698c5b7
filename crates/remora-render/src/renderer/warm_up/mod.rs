//! The warm-up draws every kind of surface, so that drivers compile the common kernels before a user waits for a frame.
//!
//! A software adapter compiles a kernel when it first runs, which takes a tenth of a second or more, and caches the
//! result on disk. A host that warms up at its start shows its first frame without that delay. The warm-up also
//! measures which way of drawing large triangles is faster on the adapter.

#[cfg(test)]
pub(crate) mod models;

use std::time::Duration;

use glam::{DAffine3, DVec3, Quat};
use remora_asset::Asset;
use remora_scene::{EntityId, Scene};

use crate::frame::{
    Camera, FrameDone, FrameOptions, FrameRequest, FrameSerial, History, PixelFormat, RenderError, RenderedFrame,
    Samples, Size,
};
use crate::renderer::Renderer;
use crate::residency::prepare::{PrepareOptions, PreparedAsset};

/// Triangles of each kind, large and small, and points; made by `models::kinds`.
const KINDS: &[u8] = include_bytes!("kinds.arrAsset");
/// Large triangles at all angles and depths; made by `models::panes`.
const PANES: &[u8] = include_bytes!("panes.arrAsset");

/// A movement within the view, in metres.
const MOVE: DVec3 = DVec3::new(0.01, 0.0, 0.0);
const SIZE: Size = Size::new(64, 36);
/// The usual size of a stream.
const TRIAL_SIZE: Size = Size::new(1280, 720);
/// Number of frames whose median counts.
const TRIAL_FRAMES: usize = 7;

impl Renderer {
    /// Compiles the kernels that most models need with this number of samples, and chooses the faster way of drawing
    /// large triangles for all later frames. Takes seconds on a software adapter without cached kernels. Removes all
    /// models.
    pub fn warm_up(&mut self, samples: Samples) -> Result<(), RenderError> {
        self.show_alone(KINDS, true)?;
        // The second frame leaves out what the first one found hidden.
        for _ in 0..2 {
            self.try_frame(SIZE, samples, History::Apart)?;
        }
        // With and without transparent surfaces.
        for asset in [KINDS, PANES] {
            self.show_alone(asset, false)?;
            self.try_frame(SIZE, samples, usual_history(samples))?;
        }
        self.output.warm_up(&self.graphics, &mut self.kernels, samples)?;
        if self.graphics().rasteriser.is_none() {
            self.choose_way_for_large(samples)?;
        }
        self.clear();
        Ok(())
    }

    /// Compiles the kernels that frames need while something is selected or moves, beyond those of [`Self::warm_up`],
    /// so that the driver's cache contains them. Removes all models.
    pub fn compile_ahead(&mut self, samples: Samples) -> Result<(), RenderError> {
        for asset in [KINDS, PANES] {
            for selected in [false, true] {
                let mut scene = self.show_alone(asset, selected)?;
                self.try_frame(SIZE, samples, usual_history(samples))?;
                let parts: Vec<EntityId> = scene.instances().map(|instance| instance.entity).collect();
                for part in parts {
                    let local = scene.entity(part).expect("the part has just been added").local;
                    let moved = DAffine3::from_translation(MOVE) * local;
                    scene.set_local(part, moved).expect("the part has just been added");
                }
                self.synchronise(&mut scene, DVec3::ZERO)?;
                self.try_frame(SIZE, samples, usual_history(samples))?;
            }
        }
        self.clear();
        Ok(())
    }

    /// Draws large triangles by kernels and by the rasteriser, and keeps the faster way. The kind of adapter does not
    /// decide it: GPUs for data centres may have many units for kernels and few for rasterising.
    fn choose_way_for_large(&mut self, samples: Samples) -> Result<(), RenderError> {
        self.show_alone(PANES, true)?;
        let mut times = [Duration::MAX; 2];
        // Each way runs twice, because a GPU that has been idle is slower at first.
        for rasteriser in [false, true, false, true] {
            self.kernels.rasteriser = rasteriser;
            let mut rasters = [Duration::ZERO; TRIAL_FRAMES];
            for raster in &mut rasters {
                *raster = self.try_frame(TRIAL_SIZE, samples, History::Apart)?.timings.raster;
            }
            rasters.sort_unstable();
            let time = &mut times[usize::from(rasteriser)];
            *time = rasters[TRIAL_FRAMES / 2].min(*time);
        }
        let [by_kernels, by_rasteriser] = times;
        // Without timestamps both times are 0, and kernels are used.
        self.kernels.rasteriser = by_rasteriser < by_kernels;
        tracing::info!(
            ?by_kernels,
            ?by_rasteriser,
            samples = samples.count(),
            "measured both ways of drawing large triangles"
        );
        Ok(())
    }

    /// Shows this model and nothing else; returns its scene. Selecting a part draws its outline.
    fn show_alone(&mut self, asset: &[u8], selected: bool) -> Result<Scene, RenderError> {
        let asset = Asset::from_bytes(asset).expect("a test opens the file");
        let options = PrepareOptions::for_adapter(self.graphics().adapter());
        let prepared = PreparedAsset::new(&asset, &options).expect("a test opens the file");
        let mut scene = Scene::new();
        self.clear();
        let added = scene.add_model(asset).expect("a test opens the file");
        self.add_model(added.model, &prepared)?;
        let last = scene.instances().last().map(|instance| instance.entity).filter(|_| selected);
        scene.select(last.as_slice()).expect("the entity has just been added");
        self.synchronise(&mut scene, DVec3::ZERO)?;
        Ok(scene)
    }

    fn try_frame(&mut self, size: Size, samples: Samples, history: History) -> Result<FrameDone, RenderError> {
        self.submit(&FrameRequest {
            serial: FrameSerial(0),
            camera: Camera {
                position: DVec3::ZERO,
                orientation: Quat::IDENTITY,
                vertical_field_of_view: 1.0,
                near: 0.1,
            },
            render_size: size,
            samples,
            error_pixels: 1.0,
            blend_layers: 2,
            stream_size: size,
            format: PixelFormat::I420,
            options: FrameOptions { history, ..FrameOptions::default() },
        })?;
        Ok(self.receive(&mut RenderedFrame::default())?.expect("a frame has just been handed over"))
    }
}

/// Returns the relation to the history of most frames with this number of samples: those in motion have one.
fn usual_history(samples: Samples) -> History {
    match samples {
        Samples::One => History::Continue,
        Samples::Four => History::Begin,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::graphics::{Graphics, GraphicsOptions};
    use crate::kernels::{Fragments, Kernel, VisibilityWrite};

    #[test]
    fn the_warm_up_leaves_no_model() {
        let graphics = Graphics::open(&GraphicsOptions::default()).expect("tests need a Vulkan driver");
        let mut renderer = Renderer::new(graphics, &Default::default()).expect("the renderer starts");
        for samples in [Samples::One, Samples::Four] {
            renderer.warm_up(samples).expect("everything compiles");
            let mut wanted = vec![
                Kernel::ResolvePoints { samples },
                Kernel::Pyramid { samples },
                Kernel::Shrink,
                Kernel::ShrinkRest,
                Kernel::Cull,
                Kernel::Mask { samples },
                Kernel::Outline,
            ];
            // The processor describes simple frames with one sample.
            if samples == Samples::Four {
                let motion = |layered| Kernel::Motion { samples, rendered: 2, layered, moving: false };
                wanted.extend([false, true].map(motion));
            }
            for kernel in wanted {
                assert!(renderer.kernels.is_compiled(kernel), "{kernel:?} with {samples:?}");
            }
        }
        let mut scene = Scene::new();
        renderer.synchronise(&mut scene, DVec3::ZERO).expect("an empty scene needs no model");
    }

    #[test]
    fn kernels_for_what_is_selected_or_moves_are_compiled_ahead() {
        let graphics = Graphics::open(&GraphicsOptions::default()).expect("tests need a Vulkan driver");
        let mut renderer = Renderer::new(graphics, &Default::default()).expect("the renderer starts");
        for samples in [Samples::One, Samples::Four] {
            renderer.compile_ahead(samples).expect("everything compiles");
            for variant in 0..4 {
                let [layered, moving] = [1, 2].map(|bit| variant & bit != 0);
                let rendered = if samples == Samples::Four { 2 } else { 1 };
                let kernel = Kernel::Motion { samples, rendered, layered, moving };
                let by_processor = samples == Samples::One;
                assert!(by_processor || renderer.kernels.is_compiled(kernel), "{kernel:?}");
            }
        }
    }

    #[test]
    fn large_triangles_are_measured_both_ways() {
        let mut graphics = Graphics::open(&GraphicsOptions::default()).expect("tests need a Vulkan driver");
        graphics.rasteriser = None;
        let mut renderer = Renderer::new(graphics, &Default::default()).expect("the renderer starts");
        assert!(!renderer.kernels.rasteriser);
        renderer.warm_up(Samples::One).expect("both ways draw");
        let by_kernels = Kernel::RasterLarge {
            fragments: Fragments::Opaque,
            write: VisibilityWrite::Whole,
            samples: Samples::One,
            wide: false,
        };
        assert!(renderer.kernels.is_compiled(by_kernels) && renderer.kernels.is_compiled(Kernel::Draws));
    }

    #[test]
    fn a_requested_way_is_not_measured() {
        for asked in [false, true] {
            let options = GraphicsOptions { rasteriser: Some(asked), ..Default::default() };
            let graphics = Graphics::open(&options).expect("tests need a Vulkan driver");
            let mut renderer = Renderer::new(graphics, &Default::default()).expect("the renderer starts");
            renderer.warm_up(Samples::One).expect("everything compiles");
            assert_eq!(renderer.kernels.rasteriser, asked);
            assert_eq!(renderer.kernels.is_compiled(Kernel::Draws), asked);
        }
    }
}

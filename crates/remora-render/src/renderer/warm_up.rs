//! The warm-up draws every kind of surface, so that drivers compile the common kernels before a user waits for a frame.
//!
//! A software adapter compiles a kernel when it first runs, which takes a tenth of a second or more, and caches the
//! result on disk. A host that warms up at its start shows its first frame without that delay. The warm-up also
//! measures which way of drawing large triangles is faster on the adapter.

use std::time::Duration;

use glam::{DAffine3, DQuat, DVec3, Quat};
use remora_build::{BuildOptions, build_asset};
use remora_model::{AlphaMode, Material, Mesh, Model, Node, Points, Primitive, Texture, TextureReference};
use remora_scene::Scene;

use crate::frame::{
    Camera, FrameDone, FrameOptions, FrameRequest, FrameSerial, PixelFormat, RenderError, RenderedFrame, Samples, Size,
};
use crate::passes::occlusion::CLUSTERS_MIN;
use crate::renderer::Renderer;
use crate::residency::prepare::{PrepareOptions, PreparedAsset};

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
        self.show_alone(&model())?;
        // The second frame leaves out what the first one found hidden.
        for _ in 0..2 {
            self.try_frame(SIZE, samples)?;
        }
        if self.graphics().rasteriser.is_none() {
            self.choose_way_for_large(samples)?;
        }
        self.clear();
        Ok(())
    }

    /// Draws large triangles by kernels and by the rasteriser, and keeps the faster way. The kind of adapter does not
    /// decide it: GPUs for data centres may have many units for kernels and few for rasterising.
    fn choose_way_for_large(&mut self, samples: Samples) -> Result<(), RenderError> {
        self.show_alone(&panes())?;
        let mut times = [Duration::MAX; 2];
        // Each way runs twice, because a GPU that has been idle is slower at first.
        for rasteriser in [false, true, false, true] {
            self.kernels.rasteriser = rasteriser;
            let mut rasters = [Duration::ZERO; TRIAL_FRAMES];
            for raster in &mut rasters {
                *raster = self.try_frame(TRIAL_SIZE, samples)?.timings.raster;
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

    fn show_alone(&mut self, model: &Model) -> Result<(), RenderError> {
        let asset = build_asset(model, &BuildOptions::default(), &|_| {}, &|| false)
            .expect("a small model of our own is built");
        let options = PrepareOptions::for_adapter(self.graphics().adapter());
        let prepared = PreparedAsset::new(&asset, &options).expect("what has just been built is sound");
        let mut scene = Scene::new();
        self.clear();
        let added = scene.add_model(asset);
        self.add_model(added.model, &prepared)?;
        // The outline needs a selected instance.
        let last = scene.instances().last().map(|instance| instance.entity);
        scene.select(last.as_slice()).expect("the entity has just been added");
        self.synchronise(&mut scene, DVec3::ZERO)?;
        Ok(())
    }

    fn try_frame(&mut self, size: Size, samples: Samples) -> Result<FrameDone, RenderError> {
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
            options: FrameOptions::default(),
        })?;
        Ok(self.receive(&mut RenderedFrame::default())?.expect("a frame has just been handed over"))
    }
}

/// Enough hidden instances to make culling worthwhile.
const HIDDEN: usize = CLUSTERS_MIN as usize;

/// Returns triangles of each kind, large and small, and points. On the left, one triangle hides many others.
pub(crate) fn model() -> Model {
    let texture = Texture {
        name: String::new(),
        width: 1,
        height: 1,
        rgba: vec![255; 4],
        srgb: true,
        sampler: Default::default(),
    };
    let textured = Material { base_color_texture: Some(TextureReference::new(0)), ..Default::default() };
    let blend = AlphaMode::Blend;
    let materials = vec![
        Material::default(),
        textured.clone(),
        Material { emissive_texture: Some(TextureReference::new(0)), ..textured.clone() },
        Material { alpha_mode: blend, ..Default::default() },
        Material { alpha_mode: blend, ..textured },
    ];
    let mesh = |material| Mesh {
        primitives: vec![Primitive {
            material,
            positions: vec![[-1.0, -1.0, 0.0], [1.0, -1.0, 0.0], [0.0, 1.0, 0.0]],
            normals: vec![[0.0, 0.0, 1.0]; 3],
            texture_coordinates: vec![[0.0; 2]; 3],
            indices: vec![0, 1, 2],
            ..Default::default()
        }],
        ..Default::default()
    };
    let mut meshes: Vec<Mesh> = (0..materials.len() as u32).map(mesh).collect();
    let node = |mesh: u32, place: DVec3, scale: f64| Node {
        transform: DAffine3::from_scale_rotation_translation(DVec3::splat(scale), DQuat::IDENTITY, place),
        mesh: Some(mesh),
        ..Default::default()
    };
    let mut nodes: Vec<Node> = (0..meshes.len() as u32)
        .flat_map(|mesh| {
            // Transparent surfaces lie in front.
            let before = f64::from(mesh) * 0.1;
            [DVec3::new(0.5, 0.0, before - 2.0), DVec3::new(20.0, 0.0, before - 80.0)]
                .map(|place| node(mesh, place, 1.0))
        })
        .collect();
    let positions: Vec<[f32; 3]> = (0..8).map(|point| [point as f32 * 0.1, 0.8, 0.0]).collect();
    let points = Points { colors: vec![[255; 4]; positions.len()], positions };
    meshes.push(Mesh { points, ..Default::default() });
    nodes.push(node(meshes.len() as u32 - 1, DVec3::new(0.0, 0.0, -2.0), 1.0));
    nodes.push(node(0, DVec3::new(-1.0, 0.0, -1.5), 1.0));
    nodes.extend((0..HIDDEN).map(|_| node(0, DVec3::new(-2.0, -0.5, -3.0), 0.1)));
    Model { nodes, meshes, materials, textures: vec![texture], ..Model::default() }
}

/// Returns large triangles at all angles and depths, many behind one another, like a building seen from inside.
fn panes() -> Model {
    const PANES: u32 = 200;
    let pane = Primitive {
        positions: vec![[-1.0, -1.0, 0.0], [1.0, -1.0, 0.0], [0.0, 1.0, 0.0]],
        normals: vec![[0.0, 0.0, 1.0]; 3],
        indices: vec![0, 1, 2],
        ..Default::default()
    };
    let node = |number: u32| {
        // Steps that fill the unit interval evenly.
        let step = |stride: f64| (f64::from(number) * stride).fract();
        let place = DVec3::new(step(0.618) * 4.0 - 2.0, step(0.755) * 2.0 - 1.0, -2.0 - 4.0 * step(0.569));
        let turned = DQuat::from_euler(glam::EulerRot::XYZ, step(0.382) - 0.5, step(0.245) - 0.5, step(0.431) * 6.0);
        let transform = DAffine3::from_scale_rotation_translation(DVec3::splat(1.0), turned, place);
        Node { transform, mesh: Some(0), ..Default::default() }
    };
    Model {
        meshes: vec![Mesh { primitives: vec![pane], ..Default::default() }],
        materials: vec![Material { double_sided: true, ..Default::default() }],
        nodes: (0..PANES).map(node).collect(),
        ..Default::default()
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
            let wanted = [
                Kernel::ResolvePoints { samples },
                Kernel::Pyramid { samples },
                Kernel::Shrink,
                Kernel::Cull,
                Kernel::Mask { samples },
                Kernel::Outline,
            ];
            for kernel in wanted {
                assert!(renderer.kernels.is_compiled(kernel), "{kernel:?} with {samples:?}");
            }
        }
        let mut scene = Scene::new();
        renderer.synchronise(&mut scene, DVec3::ZERO).expect("an empty scene needs no model");
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

    #[test]
    fn the_models_are_consistent() {
        assert_eq!(model().check(), Ok(()));
        assert_eq!(panes().check(), Ok(()));
    }
}

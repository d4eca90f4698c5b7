//! Draws a little of everything, so that drivers compile the common kernels before somebody waits for a picture.
//!
//! Software adapters compile a kernel when it first runs, for a tenth of a second and more each, and keep the result
//! on disk; a host that warms up at its start shows its first picture without that delay.

use std::sync::Arc;

use glam::{DAffine3, DVec3, Quat, Vec3};
use remora_assets::{AlphaMode, Material, Mesh, Model, Node, Primitive, Texture, TextureReference};
use remora_scene::Scene;

use crate::frame::{Camera, FrameOptions, FrameRequest, Picture, PictureFormat, RenderError, Samples, Size};
use crate::prepare::{PrepareOptions, Prepared};
use crate::renderer::Renderer;

const SIZE: Size = Size::new(64, 36);

impl Renderer {
    /// Compiles the kernels that most models need, for pictures with so many samples. Takes seconds on a software
    /// adapter that has never done it, and a fraction of one from then on. Forgets all models.
    pub fn warm_up(&mut self, samples: Samples) -> Result<(), RenderError> {
        let model = Arc::new(model());
        let options = PrepareOptions::for_adapter(self.graphics().adapter(), 1);
        let prepared = Prepared::from_model(&model, &options, &mut |_| {});
        let mut scene = Scene::new();
        self.clear();
        self.add_model(scene.add_model(model).model, &prepared)?;
        self.synchronise(&mut scene)?;
        self.submit(&FrameRequest {
            serial: 0,
            camera: Camera {
                position: Vec3::ZERO,
                orientation: Quat::IDENTITY,
                vertical_field_of_view: 1.0,
                near: 0.1,
            },
            render_size: SIZE,
            samples,
            blend_layers: 2,
            stream_size: SIZE,
            format: PictureFormat::I420,
            options: FrameOptions::default(),
        })?;
        self.receive(&mut Picture::default())?;
        self.clear();
        Ok(())
    }
}

/// A triangle of each kind, near enough to be large and far enough to be small.
fn model() -> Model {
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
    let meshes: Vec<Mesh> = (0..materials.len() as u32).map(mesh).collect();
    let nodes = (0..meshes.len() as u32).flat_map(|mesh| {
        [-2.0, -80.0].map(|distance| Node {
            // What is transparent lies in front.
            transform: DAffine3::from_translation(DVec3::new(0.0, 0.0, distance + f64::from(mesh) * 0.1)),
            mesh: Some(mesh),
            ..Default::default()
        })
    });
    Model { name: String::new(), nodes: nodes.collect(), meshes, materials, textures: vec![texture] }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graphics::{Graphics, GraphicsOptions};

    #[test]
    fn warming_up_leaves_nothing_behind() {
        let graphics = Graphics::open(&GraphicsOptions::default()).expect("tests need a Vulkan driver");
        let mut renderer = Renderer::new(graphics).expect("the renderer starts");
        for samples in [Samples::One, Samples::Four] {
            renderer.warm_up(samples).expect("everything compiles");
        }
        let mut scene = Scene::new();
        renderer.synchronise(&mut scene).expect("an empty scene needs no model");
    }

    #[test]
    fn the_model_is_consistent() {
        assert_eq!(model().check(), Ok(()));
    }
}

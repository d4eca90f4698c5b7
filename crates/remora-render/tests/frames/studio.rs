//! A small renderer and scene that the frame tests share.

use std::time::Duration;

use glam::{Affine3A, DAffine3, Mat3, Quat, Vec3};
use remora_asset::Asset;
use remora_build::{BuildOptions, build_asset};
use remora_model::{Material, Mesh, Model, Node, Primitive, Texture, TextureReference};
use remora_render::{
    Camera, FrameDone, FrameOptions, FrameRequest, FrameSerial, Graphics, GraphicsOptions, PixelFormat, PrepareOptions,
    PreparedAsset, RenderedFrame, Renderer, RendererOptions, Samples, Size,
};
use remora_scene::Scene;

pub(crate) const SIZE: Size = Size::new(320, 180);

/// Longest wait for a page, even on a busy machine.
const PAGE_TIME_MAX: Duration = Duration::from_mins(1);

/// A scene and its renderer.
pub(crate) struct Studio {
    pub(crate) renderer: Renderer,
    pub(crate) scene: Scene,
}

impl Studio {
    pub(crate) fn new() -> Self {
        Self::with(&GraphicsOptions::default())
    }

    pub(crate) fn with(options: &GraphicsOptions) -> Self {
        Self::within(options, &RendererOptions::default())
    }

    pub(crate) fn within(graphics: &GraphicsOptions, options: &RendererOptions) -> Self {
        let graphics = Graphics::open(graphics).expect("tests need a Vulkan driver");
        Self { renderer: Renderer::new(graphics, options).expect("the renderer starts"), scene: Scene::new() }
    }

    pub(crate) fn show(&mut self, model: Model) -> remora_scene::AddedModel {
        model.check().expect("the model of the test is consistent");
        self.show_asset(&asset(&model))
    }

    pub(crate) fn show_asset(&mut self, asset: &Asset) -> remora_scene::AddedModel {
        let options = PrepareOptions::for_adapter(self.renderer.graphics().adapter());
        self.show_prepared(&PreparedAsset::new(asset, &options).expect("the asset is sound"))
    }

    pub(crate) fn show_prepared(&mut self, prepared: &PreparedAsset) -> remora_scene::AddedModel {
        let added = self.scene.add_model(prepared.asset().clone()).expect("room for the model");
        self.renderer.add_model(added.model, prepared).expect("the model fits");
        added
    }

    pub(crate) fn frame(&mut self, camera: Camera, samples: Samples) -> RenderedFrame {
        self.draw(&request(camera, samples)).0
    }

    /// Renders until no page is missing.
    pub(crate) fn draw(&mut self, request: &FrameRequest) -> (RenderedFrame, FrameDone) {
        loop {
            let (frame, done) = self.draw_once(request);
            if done.pages_missing == 0 || !self.renderer.await_pages(PAGE_TIME_MAX).expect("pages are taken") {
                return (frame, done);
            }
        }
    }

    /// Renders with the pages that are loaded.
    pub(crate) fn draw_once(&mut self, request: &FrameRequest) -> (RenderedFrame, FrameDone) {
        self.renderer.synchronise(&mut self.scene, request.camera.position).expect("the scene is taken over");
        self.renderer.submit(request).expect("the frame is taken");
        let mut frame = RenderedFrame::default();
        let done = self.renderer.receive(&mut frame).expect("the frame is drawn").expect("a frame was in flight");
        (frame, done)
    }
}

pub(crate) fn asset(model: &Model) -> Asset {
    build_asset(model, &BuildOptions::default(), &|_| {}, &|| false).expect("the asset is built")
}

/// Returns a request in full detail.
pub(crate) fn request(camera: Camera, samples: Samples) -> FrameRequest {
    FrameRequest {
        serial: FrameSerial(1),
        camera,
        render_size: SIZE,
        samples,
        error_pixels: 1e-3,
        blend_layers: 4,
        stream_size: SIZE,
        format: PixelFormat::Rgba,
        options: FrameOptions::default(),
    }
}

/// Returns a camera at `from` that looks at `at`.
pub(crate) fn camera(from: Vec3, at: Vec3) -> Camera {
    let back = (from - at).normalize();
    let right = Vec3::Y.cross(back).normalize();
    let matrix = Mat3::from_cols(right, back.cross(right), back);
    Camera { position: from.as_dvec3(), orientation: Quat::from_mat3(&matrix), vertical_field_of_view: 0.7, near: 0.01 }
}

/// Builds models part by part.
#[derive(Clone, Default)]
pub(crate) struct Parts {
    model: Model,
}

impl Parts {
    pub(crate) fn texture(&mut self, texture: Texture) -> TextureReference {
        self.model.textures.push(texture);
        TextureReference::new(self.model.textures.len() as u32 - 1)
    }

    pub(crate) fn add(&mut self, shape: &Primitive, material: Material, transform: Affine3A) -> &mut Self {
        let number = self.model.materials.len() as u32;
        self.model.materials.push(material);
        self.model
            .meshes
            .push(Mesh { primitives: vec![Primitive { material: number, ..shape.clone() }], ..Default::default() });
        let name = format!("part {number}");
        self.model.nodes.push(Node { name, transform: double(transform), mesh: Some(number), ..Default::default() });
        self
    }

    pub(crate) fn model(self) -> Model {
        self.model
    }
}

pub(crate) fn double(transform: Affine3A) -> DAffine3 {
    DAffine3 { matrix3: transform.matrix3.as_dmat3(), translation: transform.translation.as_dvec3() }
}

pub(crate) fn at(x: f32, y: f32, z: f32) -> Affine3A {
    Affine3A::from_translation(Vec3::new(x, y, z))
}

/// Returns a dull material of one colour.
pub(crate) fn matte(red: f32, green: f32, blue: f32) -> Material {
    Material { base_color: [red, green, blue, 1.0], metallic: 0.0, roughness: 0.8, ..Default::default() }
}

/// Returns an unlit material.
pub(crate) fn unlit(red: f32, green: f32, blue: f32) -> Material {
    Material { base_color: [red, green, blue, 1.0], unlit: true, ..Default::default() }
}

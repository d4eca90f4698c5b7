//! A model made ready to draw, on any thread and without a device: geometry in clusters and chunks, material
//! records, textures packed into layers with all their mip levels.

mod geometry;
mod material;
mod mip;
mod points;
mod texture;
mod work;

use remora_assets::Model;

pub(crate) use geometry::{Chunk, PreparedMesh};
pub(crate) use material::{MATERIAL_WORDS, MaterialRecord, Shading, half};
pub(crate) use texture::{BUCKETS, Layer};

use crate::graphics::AdapterSummary;

/// How a model is made ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PrepareOptions {
    /// Textures are scaled down until no side is longer.
    pub texture_dimension_max: u32,
    /// Threads used besides the caller's waiting one.
    pub threads: usize,
}

impl PrepareOptions {
    /// What suits an adapter. A software adapter draws from the caches of the processor, where large textures
    /// have no room.
    pub fn for_adapter(adapter: &AdapterSummary, threads: usize) -> Self {
        let dimension_max = if adapter.software { 1024 } else { 4096 };
        Self { texture_dimension_max: dimension_max.min(adapter.texture_dimension_max), threads }
    }
}

/// Everything of a model that the device needs, in the form in which it is uploaded.
#[derive(Debug)]
pub struct Prepared {
    pub(crate) chunks: Vec<Chunk>,
    pub(crate) meshes: Vec<PreparedMesh>,
    pub(crate) materials: Vec<MaterialRecord>,
    pub(crate) layers: Vec<Layer>,
}

impl Prepared {
    /// `progress` is told fractions from 0 to 1, never falling. The model must be consistent ([`Model::check`]).
    pub fn from_model(model: &Model, options: &PrepareOptions, progress: &mut dyn FnMut(f32)) -> Prepared {
        progress(0.0);
        let plan = material::plan(model, options.texture_dimension_max);
        let geometry = geometry::build(model, &plan.materials, options.threads, &mut |done| progress(done * 0.5));
        let layers = texture::build(model, &plan.recipes, options.threads, &mut |done| progress(0.5 + done * 0.5));
        Prepared { chunks: geometry.chunks, meshes: geometry.meshes, materials: plan.materials, layers }
    }

    /// Bytes that the device will hold.
    pub fn graphics_bytes(&self) -> u64 {
        let chunks: usize = self.chunks.iter().map(Chunk::bytes).sum();
        let layers: usize = self.layers.iter().map(|layer| layer.texels.len()).sum();
        (chunks + layers + self.materials.len() * size_of::<[u32; MATERIAL_WORDS]>()) as u64
    }
}

//! What the selection knows of models and instances.

use glam::Affine3A;
use remora_assets::asset::Asset;

use crate::residency::pages::Pages;
use crate::surface::Surface;

/// A model of which instances are drawn.
#[derive(Debug)]
pub(crate) struct SelectableModel {
    pub asset: Asset,
    pub pages: Pages,
    /// Of each page that is on the device.
    pub places: Vec<Option<PageLocation>>,
    /// Of each material; the last is that of points.
    pub surfaces: Vec<Surface>,
    /// Indices into the keys: those of all surfaces in one bank, bank by bank.
    pub keys: Vec<u32>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct PageLocation {
    pub bank: u8,
    /// The number on the device of its first cluster.
    pub first: u32,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct SelectableInstance {
    /// Index into the models.
    pub model: u32,
    pub mesh: u32,
    pub visible: bool,
    pub world: Affine3A,
    /// Longest column of the transform: no distance within the mesh grows by more.
    pub scale_max: f32,
    /// All columns are equally long and at right angles, so that angles keep.
    pub uniform: bool,
    /// Turns what runs anticlockwise around.
    pub mirrored: bool,
}

impl SelectableInstance {
    pub(crate) fn new(model: u32, mesh: u32, visible: bool, world: Affine3A) -> Self {
        let [x, y, z] = [world.matrix3.x_axis, world.matrix3.y_axis, world.matrix3.z_axis];
        let lengths = [x.length_squared(), y.length_squared(), z.length_squared()];
        let longest = lengths.into_iter().fold(0.0, f32::max);
        // The Frobenius norm bounds the growth of any distance; the longest column does where columns are at
        // right angles.
        let skew = x.dot(y).abs().max(y.dot(z).abs()).max(z.dot(x).abs());
        let orthogonal = skew <= longest * 1e-4;
        let scale_max = if orthogonal { longest.sqrt() } else { lengths.iter().sum::<f32>().sqrt() };
        let shortest = lengths.into_iter().fold(f32::INFINITY, f32::min);
        let uniform = orthogonal && longest - shortest <= longest * 1e-3;
        Self { model, mesh, visible, world, scale_max, uniform, mirrored: world.matrix3.determinant() < 0.0 }
    }
}

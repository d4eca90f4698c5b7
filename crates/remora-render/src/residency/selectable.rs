//! What the selection knows of models and instances.

use glam::Affine3A;
use remora_asset::Asset;

use crate::residency::pages::Pages;
use crate::surface::{DrawKey, DrawMode, Surface};

/// A model of which instances are drawn.
#[derive(Debug)]
pub(crate) struct SelectableModel {
    pub asset: Asset,
    pub pages: Pages,
    /// Of each page that is on the device.
    pub places: Vec<Option<PageLocation>>,
    /// Of each material; the last is that of points.
    pub surfaces: Vec<Surface>,
    /// Indices into the keys, in the order of [`Self::key_list`].
    pub keys: Vec<u32>,
}

impl SelectableModel {
    /// Lists the keys of all surfaces in one mode and one bank, then those in the next mode, and so on bank by bank.
    pub(crate) fn key_list(surfaces: &[Surface], banks: u8) -> impl Iterator<Item = DrawKey> {
        let modes = (0..banks).flat_map(|bank| DrawMode::ALL.map(|mode| (bank, mode)));
        modes.flat_map(move |(bank, mode)| surfaces.iter().map(move |surface| surface.key(mode, bank)))
    }

    /// Returns the indices of the keys of all surfaces in one mode and one bank.
    pub(crate) fn keys_of(&self, mode: DrawMode, bank: u8) -> &[u32] {
        let list = usize::from(bank) * DrawMode::ALL.len() + mode as usize;
        &self.keys[list * self.surfaces.len()..][..self.surfaces.len()]
    }
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
    /// `None` if the instance is hidden.
    pub mode: Option<DrawMode>,
    pub world: Affine3A,
    /// Longest column of the transform: no distance within the mesh grows by more.
    pub scale_max: f32,
    /// All columns are equally long and at right angles, so that angles keep.
    pub uniform: bool,
    /// Turns what runs anticlockwise around.
    pub mirrored: bool,
}

impl SelectableInstance {
    pub(crate) fn new(model: u32, mesh: u32, mode: Option<DrawMode>, world: Affine3A) -> Self {
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
        Self { model, mesh, mode, world, scale_max, uniform, mirrored: world.matrix3.determinant() < 0.0 }
    }
}

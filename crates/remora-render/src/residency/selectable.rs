//! The description of models and instances that the selection reads.

use glam::Affine3A;
use remora_asset::Asset;

use crate::residency::pages::Pages;
use crate::surface::{DrawKey, DrawMode, Surface};

/// A model that instances refer to.
#[derive(Debug)]
pub(crate) struct SelectableModel {
    pub asset: Asset,
    pub pages: Pages,
    /// Location of each page that is on the device.
    pub locations: Vec<Option<PageLocation>>,
    /// Surface of each material; the last one is that of points.
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
    /// Number of its first cluster on the device.
    pub first: u32,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct SelectableInstance {
    /// Index of the model.
    pub model: u32,
    pub mesh: u32,
    /// `None` if the instance is hidden or the slot is empty.
    pub mode: Option<DrawMode>,
    pub world: Affine3A,
    /// Largest factor by which the transform lengthens a distance within the mesh.
    pub scale_max: f32,
    /// True if the transform preserves angles: its columns are orthogonal and of equal length.
    pub uniform: bool,
    /// True if the transform reverses the orientation of triangles.
    pub mirrored: bool,
}

impl SelectableInstance {
    /// An empty slot.
    pub(crate) const NONE: Self = Self {
        model: u32::MAX,
        mesh: 0,
        mode: None,
        world: Affine3A::IDENTITY,
        scale_max: 1.0,
        uniform: true,
        mirrored: false,
    };

    pub(crate) fn new(model: u32, mesh: u32, mode: Option<DrawMode>, world: Affine3A) -> Self {
        let [x, y, z] = [world.matrix3.x_axis, world.matrix3.y_axis, world.matrix3.z_axis];
        let lengths = [x.length_squared(), y.length_squared(), z.length_squared()];
        let longest = lengths.into_iter().fold(0.0, f32::max);
        // The length of the longest column bounds the growth of distances only if the columns are orthogonal; the
        // Frobenius norm always does.
        let skew = x.dot(y).abs().max(y.dot(z).abs()).max(z.dot(x).abs());
        let orthogonal = skew <= longest * 1e-4;
        let scale_max = if orthogonal { longest.sqrt() } else { lengths.iter().sum::<f32>().sqrt() };
        let shortest = lengths.into_iter().fold(f32::INFINITY, f32::min);
        let uniform = orthogonal && longest - shortest <= longest * 1e-3;
        Self { model, mesh, mode, world, scale_max, uniform, mirrored: world.matrix3.determinant() < 0.0 }
    }
}

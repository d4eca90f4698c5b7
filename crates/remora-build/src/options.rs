//! Options of building an asset, and the reasons why it fails.

use std::io;

use crate::detail::work::Cancelled;
use remora_asset::layout::MATERIALS_MAX;

/// Options of building an asset.
#[derive(Clone, Debug)]
pub struct BuildOptions {
    /// Levels of detail.
    pub detail: Detail,
    /// True for texture layers in BC7 instead of RGBA: a quarter of the size, and slower to make.
    pub compress_textures: bool,
    /// Longest side of a texture in texels. Larger textures are scaled down.
    pub texture_dimension_max: u32,
    /// Format that the model was read from: `glTF`, `LAS`, …
    pub source: String,
}

/// The levels of detail of an asset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// All levels of detail.
    Full,
    /// One coarse level, which is quick to make and is shown until all levels are built.
    Coarse {
        /// Approximate limit of triangles and points.
        primitives_max: u64,
    },
}

/// An asset cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The caller cancelled the work.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
    /// The output cannot be written to.
    #[error("the asset could not be written")]
    Write(#[from] io::Error),
    /// The model has more materials than the format permits.
    #[error("the model has {count} materials; an asset can have {MATERIALS_MAX}")]
    TooManyMaterials {
        /// Materials of the model.
        count: usize,
    },
    /// The model has more parts of some kind than the format can count.
    #[error("the model has more {what} than an asset can have, which is {max}")]
    TooMany {
        /// The kind of parts.
        what: &'static str,
        /// Limit of the format.
        max: u64,
    },
}

impl Default for BuildOptions {
    fn default() -> Self {
        Self { detail: Detail::Full, compress_textures: false, texture_dimension_max: 4096, source: String::new() }
    }
}

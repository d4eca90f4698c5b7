//! Preparation of an asset for upload, on any thread and without a device: texture layers get the format and the size
//! that suit the adapter. Geometry is uploaded as it is stored in the asset.

use rayon::prelude::*;
use remora_asset::layout::{BUCKETS, LayerRecord, MATERIAL_DOUBLE_SIDED, MATERIAL_WORDS, MaterialRow};
use remora_asset::{Asset, AssetError, layers};

use crate::device::graphics::AdapterSummary;
use crate::surface::{AlphaMode, Shading, Surface};

/// Number of texture arrays on a device: for every size one of RGBA and one of BC7 blocks.
pub(crate) const ARRAYS: usize = BUCKETS.len() * 2;

/// Settings of the preparation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PrepareOptions {
    /// Longest side of a texture in texels. Larger mip levels are left out.
    pub texture_dimension_max: u32,
    /// True to keep compressed layers compressed.
    pub blocks: bool,
}

impl PrepareOptions {
    /// Returns the settings for an adapter. A software adapter samples from processor caches, which large textures
    /// exceed, and would decode blocks for every texel.
    pub fn for_adapter(adapter: &AdapterSummary) -> Self {
        let dimension_max = if adapter.software { 1024 } else { 4096 };
        Self {
            texture_dimension_max: dimension_max.min(adapter.texture_dimension_max),
            blocks: adapter.texture_blocks && !adapter.software,
        }
    }
}

/// An asset with its textures, ready for upload.
#[derive(Clone, Debug)]
pub struct PreparedAsset {
    pub(crate) asset: Asset,
    pub(crate) layers: Vec<TextureLayer>,
    pub(crate) surfaces: Vec<Surface>,
}

/// A texture layer as it is uploaded: all mip levels one after another, the largest first.
#[derive(Clone, Debug)]
pub(crate) struct TextureLayer {
    /// Index of the texture array.
    pub bucket: u8,
    pub texels: Vec<u8>,
}

/// Returns the side of an array's layers in texels, and whether they are compressed.
pub(crate) fn array_of(bucket: u8) -> (u32, bool) {
    (BUCKETS[bucket as usize % BUCKETS.len()], bucket as usize >= BUCKETS.len())
}

impl PreparedAsset {
    /// Prepares the layers on the current rayon pool.
    ///
    /// # Errors
    ///
    /// If a layer is damaged.
    pub fn new(asset: &Asset, options: &PrepareOptions) -> Result<PreparedAsset, AssetError> {
        let layers: Vec<TextureLayer> = (0..asset.layers().len() as u32)
            .into_par_iter()
            .map(|number| {
                let record = &asset.layers()[number as usize];
                let made = layer(record, asset.layer(number)?, *options);
                asset.layer_memory(number).release();
                Ok(made)
            })
            .collect::<Result<_, AssetError>>()?;
        let surface = |row: &MaterialRow| Surface {
            alpha_mode: match row.alpha_mode {
                0 => AlphaMode::Opaque,
                1 => AlphaMode::Mask,
                _ => AlphaMode::Blend,
            },
            shading: match (row.shading, layers.get(row.layers[0] as usize)) {
                (1, Some(first)) => Shading::Layered { bucket: first.bucket },
                (2, Some(first)) => Shading::Full { bucket: first.bucket },
                _ => Shading::Plain,
            },
            double_sided: row.flags & MATERIAL_DOUBLE_SIDED != 0,
        };
        let surfaces = asset.materials().iter().map(surface).collect();
        Ok(PreparedAsset { asset: asset.clone(), layers, surfaces })
    }

    /// Returns the asset.
    pub fn asset(&self) -> &Asset {
        &self.asset
    }

    /// Returns the bytes of graphics memory that the model needs besides geometry.
    pub fn graphics_bytes(&self) -> u64 {
        let layers: usize = self.layers.iter().map(|layer| layer.texels.len()).sum();
        (layers + self.surfaces.len() * MATERIAL_WORDS * size_of::<u32>()) as u64
    }
}

fn layer(record: &LayerRecord, bytes: &[u8], options: PrepareOptions) -> TextureLayer {
    let fits = |&bucket: &usize| BUCKETS[bucket] <= options.texture_dimension_max.max(BUCKETS[0]);
    let bucket = (0..=record.bucket as usize).rev().find(fits).unwrap_or(0);
    let is_compressed = record.format == 1;
    let keeps = is_compressed && options.blocks;
    let side = BUCKETS[bucket];
    let kept_bytes = if is_compressed { layers::compressed_bytes(side) } else { layers::plain_bytes(side) };
    // The smaller levels come last.
    let kept = &bytes[bytes.len() - kept_bytes as usize..];
    let texels = if is_compressed && !keeps { layers::expanded(kept, side) } else { kept.to_vec() };
    TextureLayer { bucket: (bucket + if keeps { BUCKETS.len() } else { 0 }) as u8, texels }
}

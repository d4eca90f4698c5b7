//! What of an asset is made ready before it is uploaded, on any thread and without a device: texture layers in a format
//! and of a size that suits the adapter. Geometry needs nothing: it is uploaded as it lies in the asset.

use rayon::prelude::*;
use remora_asset::layout::{BUCKETS, LayerRecord, MATERIAL_DOUBLE_SIDED, MATERIAL_WORDS, MaterialRow};
use remora_asset::{Asset, AssetError, layers};

use crate::device::graphics::AdapterSummary;
use crate::surface::{AlphaMode, Shading, Surface};

/// Arrays of texture layers on a device: every size as plain RGBA, and every size in blocks.
pub(crate) const ARRAYS: usize = BUCKETS.len() * 2;

/// How an asset is made ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PrepareOptions {
    /// Mip levels with a longer side are left out.
    pub texture_dimension_max: u32,
    /// Compressed layers stay compressed.
    pub blocks: bool,
}

impl PrepareOptions {
    /// What suits an adapter. A software adapter draws from the caches of the processor, where large textures
    /// have no room, and takes blocks apart anew for every texel.
    pub fn for_adapter(adapter: &AdapterSummary) -> Self {
        let dimension_max = if adapter.software { 1024 } else { 4096 };
        Self {
            texture_dimension_max: dimension_max.min(adapter.texture_dimension_max),
            blocks: adapter.texture_blocks && !adapter.software,
        }
    }
}

/// An asset, and what the device needs besides.
#[derive(Clone, Debug)]
pub struct PreparedAsset {
    pub(crate) asset: Asset,
    pub(crate) layers: Vec<TextureLayer>,
    pub(crate) surfaces: Vec<Surface>,
}

/// A layer as it is uploaded: all its mip levels behind one another, the largest first.
#[derive(Clone, Debug)]
pub(crate) struct TextureLayer {
    /// Number of the array that it belongs to.
    pub bucket: u8,
    pub texels: Vec<u8>,
}

/// Side of the layers of an array, and whether they are in blocks.
pub(crate) fn array_of(bucket: u8) -> (u32, bool) {
    (BUCKETS[bucket as usize % BUCKETS.len()], bucket as usize >= BUCKETS.len())
}

impl PreparedAsset {
    /// Makes layers ready by the threads of the current rayon pool. Fails where a layer is damaged.
    pub fn new(asset: &Asset, options: &PrepareOptions) -> Result<PreparedAsset, AssetError> {
        let layers: Vec<TextureLayer> = (0..asset.layers().len() as u32)
            .into_par_iter()
            .map(|number| {
                let record = &asset.layers()[number as usize];
                let made = layer(record, asset.layer(number)?, options);
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

    pub fn asset(&self) -> &Asset {
        &self.asset
    }

    /// Bytes that the device will hold besides geometry, which comes and goes.
    pub fn graphics_bytes(&self) -> u64 {
        let layers: usize = self.layers.iter().map(|layer| layer.texels.len()).sum();
        (layers + self.surfaces.len() * MATERIAL_WORDS * size_of::<u32>()) as u64
    }
}

fn layer(record: &LayerRecord, bytes: &[u8], options: &PrepareOptions) -> TextureLayer {
    let fits = |&bucket: &usize| BUCKETS[bucket] <= options.texture_dimension_max.max(BUCKETS[0]);
    let bucket = (0..=record.bucket as usize).rev().find(fits).unwrap_or(0);
    let is_compressed = record.format == 1;
    let keeps = is_compressed && options.blocks;
    let side = BUCKETS[bucket];
    let kept_bytes = if is_compressed { layers::compressed_bytes(side) } else { layers::plain_bytes(side) };
    // The smaller levels are the last.
    let kept = &bytes[bytes.len() - kept_bytes as usize..];
    let texels = if is_compressed && !keeps { layers::expanded(kept, side) } else { kept.to_vec() };
    TextureLayer { bucket: (bucket + if keeps { BUCKETS.len() } else { 0 }) as u8, texels }
}

//! Textures packed into square layers of a few sizes, so that each size is one array on the device.

use super::mip;
use crate::asset::layout::BUCKETS;
use crate::model::{Model, Texture};

/// What a layer is made of; textures by their index in the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum RecipeKind {
    /// Alpha is the base texture's only where it is kept for blending or testing.
    Color {
        base: Option<u32>,
        occlusion: Option<u32>,
        keeps_alpha: bool,
    },
    Surface {
        normal: Option<u32>,
        metal_rough: Option<u32>,
    },
    Glow {
        emissive: Option<u32>,
        occlusion: Option<u32>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Recipe {
    pub bucket: u8,
    pub kind: RecipeKind,
}

/// The bucket that does the textures of one material justice: as many texels as the largest of them, within bounds.
pub(crate) fn bucket_for<'a>(textures: impl Iterator<Item = &'a Texture>, dimension_max: u32) -> u8 {
    let texels = textures.map(|texture| u64::from(texture.width) * u64::from(texture.height)).max().unwrap_or(1);
    let side = (texels as f64).sqrt().ceil() as u32;
    let fits = |&bucket: &usize| BUCKETS[bucket] <= dimension_max.max(BUCKETS[0]);
    let enough = |&bucket: &usize| BUCKETS[bucket] >= side;
    let largest = (0..BUCKETS.len()).rev().find(fits).unwrap_or(0);
    (0..=largest).find(enough).unwrap_or(largest) as u8
}

/// A finished layer: RGBA, all mip levels behind one another, the largest first.
pub(crate) fn texels(model: &Model, recipe: Recipe) -> Vec<u8> {
    let Recipe { bucket, kind } = recipe;
    let side = BUCKETS[bucket as usize];
    let source = |index: Option<u32>| {
        index.map(|index| {
            let texture = &model.textures[index as usize];
            (scaled(texture, side), texture.srgb)
        })
    };
    let count = (side * side) as usize;
    match kind {
        RecipeKind::Color { base, occlusion, .. } | RecipeKind::Glow { emissive: base, occlusion } => {
            let (base, occlusion) = (source(base), source(occlusion));
            let keeps_alpha = matches!(kind, RecipeKind::Color { keeps_alpha: true, .. });
            let roots = mip::roots(base.as_ref().is_none_or(|(_, srgb)| *srgb));
            let base = base.map(|(texels, _)| texels);
            let occlusion = occlusion.map(|(texels, _)| texels);
            let level: Vec<[u8; 4]> = (0..count)
                .map(|texel| {
                    let [red, green, blue, alpha] = base.as_ref().map_or([255; 4], |base| base[texel]);
                    let otherwise = if keeps_alpha { alpha } else { 255 };
                    let alpha = occlusion.as_ref().map_or(otherwise, |values| values[texel][0]);
                    let [red, green, blue] = [red, green, blue].map(|value| roots[value as usize]);
                    [red, green, blue, alpha]
                })
                .collect();
            mip::color_levels(level, side)
        }
        RecipeKind::Surface { normal, metal_rough } => {
            let (normal, metal_rough) = (source(normal), source(metal_rough));
            let level: Vec<mip::Surface> = (0..count)
                .map(|texel| {
                    let [x, y, z, _] = normal.as_ref().map_or([128, 128, 255, 0], |(values, _)| values[texel]);
                    let [_, rough, metal, _] = metal_rough.as_ref().map_or([255; 4], |(values, _)| values[texel]);
                    mip::Surface::new([x, y, z], rough, metal)
                })
                .collect();
            mip::surface_levels(level, side)
        }
    }
}

/// The texture at the layer's size: averaged over the source's area where it shrinks, bilinear where it grows.
fn scaled(texture: &Texture, side: u32) -> Vec<[u8; 4]> {
    let source: Vec<[u8; 4]> = texture.rgba.as_chunks::<4>().0.to_vec();
    let (width, height) = (texture.width as usize, texture.height as usize);
    let side = side as usize;
    if width == 0 || height == 0 {
        return vec![[255; 4]; side * side];
    }
    let across = if width == side { source } else { stretched(&source, width, height, side) };
    if height == side {
        return across;
    }
    let turned = transposed(&across, side, height);
    transposed(&stretched(&turned, height, side, side), side, side)
}

/// Rows stretched to another width.
fn stretched(source: &[[u8; 4]], width: usize, height: usize, to: usize) -> Vec<[u8; 4]> {
    let ratio = width as f32 / to as f32;
    // At least one source texel wide, so that magnification interpolates.
    let reach = (ratio * 0.5).max(0.5);
    let mut result = Vec::with_capacity(to * height);
    for row in source.chunks_exact(width) {
        for column in 0..to {
            let middle = (column as f32 + 0.5) * ratio;
            let (from, until) = (middle - reach, middle + reach);
            let mut sum = [0.0; 4];
            let mut weights = 0.0;
            for index in from.floor() as isize..until.ceil() as isize {
                let weight = (until.min(index as f32 + 1.0) - from.max(index as f32)).max(0.0);
                // Textures repeat more often than not.
                let texel = row[index.rem_euclid(width as isize) as usize];
                for (sum, value) in sum.iter_mut().zip(texel) {
                    *sum += f32::from(value) * weight;
                }
                weights += weight;
            }
            result.push(sum.map(|sum| (sum / weights + 0.5) as u8));
        }
    }
    result
}

fn transposed(source: &[[u8; 4]], width: usize, height: usize) -> Vec<[u8; 4]> {
    (0..width * height).map(|index| source[(index % height) * width + index / height]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texture(width: u32, height: u32, texel: impl Fn(u32, u32) -> [u8; 4]) -> Texture {
        let rgba = (0..width * height).flat_map(|index| texel(index % width, index / width)).collect();
        Texture { name: String::new(), width, height, rgba, srgb: false, sampler: Default::default() }
    }

    #[test]
    fn buckets_hold_as_many_texels_as_the_largest_texture() {
        let textures = [texture(40, 100, |_, _| [0; 4]), texture(512, 512, |_, _| [0; 4])];
        assert_eq!(BUCKETS[bucket_for(textures.iter(), 4096) as usize], 512);
        assert_eq!(BUCKETS[bucket_for(textures[..1].iter(), 4096) as usize], 64);
        assert_eq!(BUCKETS[bucket_for(textures.iter(), 300) as usize], 256);
        assert_eq!(BUCKETS[bucket_for([].iter(), 4096) as usize], 16);
    }

    #[test]
    fn scaling_keeps_directions_and_averages() {
        // Red grows to the right, green downwards; not square, both grown and shrunk.
        let source = texture(4, 32, |x, y| [(x * 60) as u8, (y * 8) as u8, 100, 255]);
        let scaled = scaled(&source, 16);
        assert_eq!(scaled.len(), 256);
        assert!(scaled[7][0] < scaled[10][0], "red grows to the right");
        assert!(scaled[4 * 16 + 8][1] < scaled[10 * 16 + 8][1], "green grows downwards");
        assert!(scaled.iter().all(|texel| texel[2] == 100 && texel[3] == 255));
        let mean = |channel: usize, texels: &[[u8; 4]]| {
            texels.iter().map(|texel| f32::from(texel[channel])).sum::<f32>() / texels.len() as f32
        };
        let original = source.rgba.as_chunks::<4>().0;
        assert!((mean(0, &scaled) - mean(0, original)).abs() < 1.0);
        assert!((mean(1, &scaled) - mean(1, original)).abs() < 1.0);
    }
}

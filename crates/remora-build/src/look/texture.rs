//! Packs textures into square layers of a few sizes, so that each size is one array on the device.

use super::mip;
use remora_asset::layout::BUCKETS;
use remora_model::{Model, Texture};

/// The sources of a layer, as indices of textures in the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum RecipeKind {
    /// Base colour. Alpha is the base texture's if it is kept for blending or testing, and occlusion otherwise.
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

/// The description of a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Recipe {
    /// Index into [`BUCKETS`].
    pub bucket: u8,
    /// True if the layer must not be compressed, because neighbouring texels of a palette are unrelated.
    pub exact: bool,
    /// Sources of the layer.
    pub kind: RecipeKind,
}

/// A texture whose shorter side is at most this may be a palette: materials sample the centers of its texels, whose
/// colours must not mix.
const PALETTE_SHORTER_MAX: u32 = 16;
/// A texture whose longer side is at most this may also be a palette.
const PALETTE_LONGER_MAX: u32 = 64;

/// Returns the bucket for the textures of one material: with as many texels as the largest of them, within the limit.
pub(crate) fn bucket_for<'a>(textures: impl Iterator<Item = &'a Texture>, dimension_max: u32) -> u8 {
    let texels = textures.map(|texture| u64::from(texture.width) * u64::from(texture.height)).max().unwrap_or(1);
    let side = (texels as f64).sqrt().ceil() as u32;
    let fits = |&bucket: &usize| BUCKETS[bucket] <= dimension_max.max(BUCKETS[0]);
    let enough = |&bucket: &usize| BUCKETS[bucket] >= side;
    let largest = (0..BUCKETS.len()).rev().find(fits).unwrap_or(0);
    (0..=largest).find(enough).unwrap_or(largest) as u8
}

/// Returns the bucket as [`bucket_for`] does, or a larger one in which possible palettes keep every texel: a layer with
/// the same side, or with at least twice the side, where bilinear filtering at the center of a texel yields its colour.
pub(crate) fn palette_bucket_for<'a>(textures: impl Iterator<Item = &'a Texture> + Clone, dimension_max: u32) -> u8 {
    let sides =
        textures.clone().filter(|texture| may_be_palette(texture)).map(|texture| texture.width.max(texture.height));
    let longest = sides.max().unwrap_or(1);
    let keeps = |bucket: usize| BUCKETS[bucket] == longest || BUCKETS[bucket] >= longest * 2;
    let least = bucket_for(textures, dimension_max) as usize;
    let fits = |bucket: usize| BUCKETS[bucket] <= dimension_max;
    (least..BUCKETS.len()).find(|&bucket| keeps(bucket) && fits(bucket)).unwrap_or(least) as u8
}

/// Returns whether a texture is small enough for a palette.
pub(crate) fn may_be_palette(texture: &Texture) -> bool {
    let (width, height) = (texture.width, texture.height);
    width.min(height) <= PALETTE_SHORTER_MAX || width.max(height) <= PALETTE_LONGER_MAX
}

/// Makes a layer: RGBA, all mip levels, the largest first.
pub(crate) fn texels(model: &Model, recipe: Recipe) -> Vec<u8> {
    let Recipe { bucket, kind, .. } = recipe;
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

/// Scales a texture to the side of its layer. Where it shrinks, areas are averaged; where it grows, the center of each
/// texel keeps its colour ([`grown`]).
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

/// Scales rows to another width.
fn stretched(source: &[[u8; 4]], width: usize, height: usize, to: usize) -> Vec<[u8; 4]> {
    if width < to {
        return grown(source, width, height, to);
    }
    let ratio = width as f32 / to as f32;
    let reach = ratio * 0.5;
    let mut result = Vec::with_capacity(to * height);
    for row in source.chunks_exact(width) {
        for column in 0..to {
            let middle = (column as f32 + 0.5) * ratio;
            let (from, until) = (middle - reach, middle + reach);
            let mut sum = [0.0; 4];
            let mut weights = 0.0;
            for index in from.floor() as isize..until.ceil() as isize {
                let weight = (until.min(index as f32 + 1.0) - from.max(index as f32)).max(0.0);
                // Most textures repeat.
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

/// Lengthens rows. Within a texel, colours follow a straight line through its centre. The line is as steep as the
/// flatter of the slopes to both neighbours, and level where the slopes have opposite signs. This keeps smooth textures
/// smooth, and with two new texels for each old one, interpolation yields the old colour at the centre of each old
/// texel.
fn grown(source: &[[u8; 4]], width: usize, height: usize, to: usize) -> Vec<[u8; 4]> {
    let mut result = Vec::with_capacity(to * height);
    for row in source.chunks_exact(width) {
        for column in 0..to {
            let place = (column as f32 + 0.5) * width as f32 / to as f32;
            let index = (place as usize).min(width - 1);
            let from_middle = place - (index as f32 + 0.5);
            // Most textures repeat.
            let (before, here, after) = (row[(index + width - 1) % width], row[index], row[(index + 1) % width]);
            result.push(std::array::from_fn(|channel| {
                let [before, here, after] = [before, here, after].map(|texel| f32::from(texel[channel]));
                let (rise, fall) = (here - before, after - here);
                let slope = if rise * fall <= 0.0 { 0.0 } else { rise.abs().min(fall.abs()).copysign(rise) };
                (here + slope * from_middle + 0.5) as u8
            }));
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

    /// Returns the colour that bilinear filtering of the layer yields at the centre of a texel of the texture.
    fn seen(layer: &[[u8; 4]], side: u32, texture: &Texture, texel: u32) -> [u8; 3] {
        let (x, y) = (texel % texture.width, texel / texture.width);
        let place = |at: u32, length: u32| (at as f32 + 0.5) / length as f32 * side as f32 - 0.5;
        let (x, y) = (place(x, texture.width), place(y, texture.height));
        let at = |x: f32, y: f32| {
            let [x, y] = [x, y].map(|place| (place as i64).rem_euclid(i64::from(side)) as usize);
            layer[y * side as usize + x]
        };
        std::array::from_fn(|channel| {
            let value = |dx, dy| f32::from(at(x.floor() + dx, y.floor() + dy)[channel]);
            let mix = |a: f32, b: f32, t: f32| a + (b - a) * t;
            let upper = mix(value(0.0, 0.0), value(1.0, 0.0), x - x.floor());
            let lower = mix(value(0.0, 1.0), value(1.0, 1.0), x - x.floor());
            mix(upper, lower, y - y.floor()).round() as u8
        })
    }

    #[test]
    fn a_palette_keeps_each_of_its_colours() {
        // No neighbours are equal.
        let color = |x: u32, y: u32| {
            let mixed = (x + 1).wrapping_mul(0x9e37_79b9) ^ (y + 1).wrapping_mul(0x85eb_ca6b);
            [(mixed >> 8) as u8, (mixed >> 16) as u8, (mixed >> 24) as u8, 255]
        };
        for (width, height) in [(256, 1), (1, 256), (10, 1), (1, 1), (27, 3), (100, 16), (1024, 4), (32, 32), (64, 64)]
        {
            let palette = texture(width, height, color);
            let side = BUCKETS[palette_bucket_for([&palette].into_iter(), 4096) as usize];
            let layer = scaled(&palette, side);
            for texel in 0..width * height {
                let [red, green, blue, _] = color(texel % width, texel / width);
                let seen = seen(&layer, side, &palette, texel);
                let close = seen.iter().zip([red, green, blue]).all(|(seen, wanted)| seen.abs_diff(wanted) <= 1);
                assert!(close, "{width} x {height}, texel {texel}: {seen:?} instead of {:?}", [red, green, blue]);
            }
        }
    }

    #[test]
    fn only_palettes_get_a_larger_layer() {
        let side = |textures: &[Texture], most| BUCKETS[palette_bucket_for(textures.iter(), most) as usize];
        let palette = texture(256, 1, |_, _| [0; 4]);
        let sheet = texture(600, 300, |_, _| [0; 4]);
        assert_eq!(side(std::slice::from_ref(&palette), 4096), 256);
        assert_eq!(side(std::slice::from_ref(&sheet), 4096), 512);
        assert_eq!(side(&[palette.clone(), sheet], 4096), 512);
        assert_eq!(side(&[palette], 64), 16, "there is no room for it");
    }

    #[test]
    fn a_smooth_texture_stays_smooth_as_it_grows() {
        let source = texture(8, 8, |x, _| [(20 + x * 25) as u8, 0, 0, 255]);
        let layer = scaled(&source, 64);
        // The neighbours of the first and the last texel are on the other side of the seam.
        let steps = layer[12..52].windows(2).map(|pair| i32::from(pair[1][0]) - i32::from(pair[0][0]));
        assert!(steps.clone().all(|step| (2..=4).contains(&step)), "{:?}", steps.collect::<Vec<_>>());
    }

    #[test]
    fn scaling_keeps_directions_and_averages() {
        // Red increases to the right and green downwards. One direction grows and the other shrinks.
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

//! Procedural textures: the fine structure of the finishes.
//!
//! Noise comes from a hash of integers, so that all runs on all machines make the same pixels. All patterns that
//! repeat are periodic, so that no seam is visible.

use std::sync::OnceLock;

use super::lettering;
use remora_model::{Sampler, Texture, Wrap};

/// A family of maps that belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pattern {
    /// The skin of sand casting.
    Casting,
    /// Fine scratches along one direction.
    Brushed,
    /// Crossed grooves for a grip.
    Knurl,
    /// Wrinkle paint and grained plastic.
    Crackle,
    /// Twill of carbon fibre.
    Weave,
    /// Parallel strands.
    Winding,
    /// The colours that heat leaves on steel.
    HeatTint,
    /// The maker's plate.
    Label,
    /// An instrument's scale.
    Dial,
}

/// The property of a surface that a texture gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Map {
    Color,
    Normal,
    Roughness,
}

/// Every map that exists; the position is the texture's index in the model.
const TEXTURES: [(Pattern, Map); 13] = [
    (Pattern::Casting, Map::Normal),
    (Pattern::Casting, Map::Roughness),
    (Pattern::Brushed, Map::Normal),
    (Pattern::Brushed, Map::Roughness),
    (Pattern::Knurl, Map::Normal),
    (Pattern::Crackle, Map::Normal),
    (Pattern::Weave, Map::Color),
    (Pattern::Weave, Map::Normal),
    (Pattern::Winding, Map::Normal),
    (Pattern::HeatTint, Map::Color),
    (Pattern::HeatTint, Map::Roughness),
    (Pattern::Label, Map::Color),
    (Pattern::Dial, Map::Color),
];

impl Pattern {
    pub(super) fn has(self, map: Map) -> bool {
        self.texture(map).is_some()
    }

    pub(super) fn texture(self, map: Map) -> Option<u32> {
        TEXTURES.iter().position(|&known| known == (self, map)).map(|index| index as u32)
    }

    /// Returns the size of one repetition on the surface.
    pub(super) fn tile_metres(self) -> glam::Vec2 {
        match self {
            Pattern::Casting => glam::Vec2::splat(0.09),
            Pattern::Brushed => glam::Vec2::splat(0.06),
            Pattern::Knurl => glam::Vec2::splat(0.02),
            Pattern::Crackle => glam::Vec2::splat(0.05),
            Pattern::Weave => glam::Vec2::splat(0.024),
            Pattern::Winding => glam::Vec2::splat(0.012),
            Pattern::HeatTint => glam::Vec2::new(0.3, 0.36),
            // These patterns cover the unit square once.
            Pattern::Label | Pattern::Dial => glam::Vec2::ONE,
        }
    }

    fn size(self) -> (u32, u32) {
        match self {
            Pattern::Casting => (512, 512),
            Pattern::Label => (512, 128),
            _ => (256, 256),
        }
    }

    /// Returns the height of the surface at a pixel, in pixels, for normal maps.
    fn height(self, x: i32, y: i32) -> f32 {
        let (x, y) = (x as f32, y as f32);
        match self {
            Pattern::Casting => {
                let fine = noise(x / 4.0, y / 4.0, 128, 11) * 1.1;
                fine + noise(x / 16.0, y / 16.0, 32, 12) * 2.6 + noise(x / 64.0, y / 64.0, 8, 13) * 4.0
            }
            // Scratches are much longer than wide.
            Pattern::Brushed => noise(x / 64.0, y, 256, 21) * 0.55 + noise(x / 128.0, y / 3.0, 86, 22) * 0.8,
            Pattern::Knurl => {
                let groove = |along: f32| 1.0 - (along.rem_euclid(32.0) / 16.0 - 1.0).abs();
                groove(x + y).min(groove(x - y)) * 14.0
            }
            Pattern::Crackle => {
                let ridge = |scale: f32, cells: i32, seed: u32| {
                    1.0 - (noise(x / scale, y / scale, cells, seed) * 2.0 - 1.0).abs()
                };
                ridge(16.0, 16, 31) * 3.0 + ridge(8.0, 32, 32) * 1.2
            }
            Pattern::Weave => weave(x, y).1 * 5.0,
            Pattern::Winding => (y / 256.0 * 8.0 * std::f32::consts::TAU).sin().abs() * 7.0,
            Pattern::HeatTint | Pattern::Label | Pattern::Dial => 0.0,
        }
    }

    fn color(self, x: u32, y: u32) -> [u8; 3] {
        let (u, v) = (x as f32 / 256.0, y as f32 / 256.0);
        match self {
            Pattern::Weave => {
                let (strand, height) = weave(x as f32, y as f32);
                let shade = 18.0 + 34.0 * height + 10.0 * strand;
                [shade as u8, shade as u8, (shade * 1.06) as u8]
            }
            Pattern::HeatTint => heat_tint(v + 0.06 * (noise(u * 8.0, v * 8.0, 8, 41) - 0.5)),
            Pattern::Label => lettering::label(x, y),
            Pattern::Dial => lettering::dial(u - 0.5, 0.5 - v),
            _ => [255; 3],
        }
    }

    /// Returns the factor on the finish's roughness.
    fn roughness(self, x: u32, y: u32) -> f32 {
        let (x, y) = (x as f32, y as f32);
        match self {
            Pattern::Casting => 0.8 + 0.2 * noise(x / 16.0, y / 16.0, 32, 51),
            Pattern::Brushed => 0.7 + 0.3 * noise(x / 64.0, y, 256, 52),
            Pattern::HeatTint => 0.75 + 0.25 * noise(x / 16.0, y / 16.0, 16, 53),
            _ => 1.0,
        }
    }

    fn draw(self, map: Map) -> Vec<u8> {
        let (width, height) = self.size();
        let mut rgba = Vec::with_capacity((width * height * 4) as usize);
        match map {
            Map::Color => {
                for (x, y) in pixels(width, height) {
                    let [red, green, blue] = self.color(x, y);
                    rgba.extend([red, green, blue, 255]);
                }
            }
            Map::Roughness => {
                for (x, y) in pixels(width, height) {
                    rgba.extend([255, (self.roughness(x, y) * 255.0 + 0.5) as u8, 255, 255]);
                }
            }
            Map::Normal => {
                let heights: Vec<f32> = pixels(width, height).map(|(x, y)| self.height(x as i32, y as i32)).collect();
                let at = |x: u32, y: u32| heights[((y % height) * width + x % width) as usize];
                for (x, y) in pixels(width, height) {
                    let slope_x = (at(x + 1, y) - at(x + width - 1, y)) * 0.5;
                    let slope_y = (at(x, y + 1) - at(x, y + height - 1)) * 0.5;
                    // Rows run downwards, but green points upwards in a normal map of glTF.
                    let normal = glam::Vec3::new(-slope_x, slope_y, 1.0 / NORMAL_STRENGTH).normalize();
                    rgba.extend(normal.to_array().map(|part| (part * 127.5 + 128.0) as u8));
                    rgba.push(255);
                }
            }
        }
        rgba
    }
}

/// Slope, in the normal map, of a height of one pixel over one pixel.
const NORMAL_STRENGTH: f32 = 0.26;

fn pixels(width: u32, height: u32) -> impl Iterator<Item = (u32, u32)> {
    (0..height).flat_map(move |y| (0..width).map(move |x| (x, y)))
}

/// Returns all textures; they are drawn once per process.
pub(super) fn textures() -> Vec<Texture> {
    static DRAWN: OnceLock<Vec<Texture>> = OnceLock::new();
    let draw = || {
        let texture = |&(pattern, map): &(Pattern, Map)| {
            let (width, height) = pattern.size();
            let wrap = if matches!(pattern, Pattern::Label | Pattern::Dial) { Wrap::ClampToEdge } else { Wrap::Repeat };
            Texture {
                name: format!("{pattern:?} {map:?}"),
                width,
                height,
                rgba: pattern.draw(map),
                srgb: map == Map::Color,
                sampler: Sampler { wrap_u: wrap, wrap_v: wrap },
            }
        };
        TEXTURES.iter().map(texture).collect()
    };
    DRAWN.get_or_init(draw).clone()
}

/// Returns which strand of a two-by-two twill lies on top, and its height.
fn weave(x: f32, y: f32) -> (f32, f32) {
    const STRAND: f32 = 32.0;
    let (column, row) = ((x / STRAND) as i32, (y / STRAND) as i32);
    let is_warp = (column + row).rem_euclid(4) < 2;
    let across = if is_warp { x } else { y };
    let part = (across / STRAND).fract() - 0.5;
    (f32::from(u8::from(is_warp)), 1.0 - 4.0 * part * part)
}

/// Returns the temper colours of steel: straw, bronze, purple, blue and then grey again, with rising temperature.
fn heat_tint(part: f32) -> [u8; 3] {
    const COLORS: [[f32; 3]; 6] = [
        [215.0, 208.0, 196.0],
        [214.0, 188.0, 138.0],
        [178.0, 128.0, 92.0],
        [128.0, 96.0, 140.0],
        [92.0, 116.0, 172.0],
        [170.0, 178.0, 188.0],
    ];
    let at = part.rem_euclid(1.0) * COLORS.len() as f32;
    let (from, to) = (COLORS[at as usize % COLORS.len()], COLORS[(at as usize + 1) % COLORS.len()]);
    std::array::from_fn(|channel| (from[channel] + (to[channel] - from[channel]) * at.fract()) as u8)
}

/// Returns smooth noise between 0 and 1 that repeats after `period` cells in both directions.
fn noise(x: f32, y: f32, period: i32, seed: u32) -> f32 {
    let (left, top) = (x.floor(), y.floor());
    let cell = |x: i32, y: i32| hash(x.rem_euclid(period) as u32, y.rem_euclid(period) as u32, seed);
    let (column, row) = (left as i32, top as i32);
    let smooth = |part: f32| part * part * (3.0 - 2.0 * part);
    let (across, down) = (smooth(x - left), smooth(y - top));
    let upper = cell(column, row) + (cell(column + 1, row) - cell(column, row)) * across;
    let lower = cell(column, row + 1) + (cell(column + 1, row + 1) - cell(column, row + 1)) * across;
    upper + (lower - upper) * down
}

/// Returns a hash between 0 and 1, by a bijective mix of 32-bit integers ("lowbias32" by Chris Wellons).
fn hash(x: u32, y: u32, seed: u32) -> f32 {
    let mut bits = x.wrapping_add(y.wrapping_mul(0x9e37_79b9)).wrapping_add(seed.wrapping_mul(0x85eb_ca6b));
    bits ^= bits >> 16;
    bits = bits.wrapping_mul(0x7feb_352d);
    bits ^= bits >> 15;
    bits = bits.wrapping_mul(0x846c_a68b);
    bits ^= bits >> 16;
    (bits >> 8) as f32 / (1 << 24) as f32
}

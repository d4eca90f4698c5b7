//! The light around the scene: a photographer's studio, computed when the renderer starts.
//!
//! It consists of three soft boxes in front of a gradient from floor to ceiling. For diffuse light it is reduced to
//! spherical harmonics (Ramamoorthi & Hanrahan, An Efficient Representation for Irradiance Environment Maps, 2001), for
//! reflections to an octahedral map whose levels grow rougher.

use glam::{Vec2, Vec3, vec2, vec3};

use crate::device::graphics::Graphics;
use crate::frame::RenderError;

/// Side of the sharpest level in texels. Each of the [`LEVELS`] halves it.
pub(crate) const SIDE: u32 = 256;
/// Number of levels. The last one has a side of 16 texels and a roughness of 1.
pub(crate) const LEVELS: u32 = 5;
/// Directions averaged for a texel of the first rough level. Each further level, with a quarter of the texels and a
/// wider lobe, takes twice as many.
const DIRECTIONS: u32 = 24;

pub(crate) struct Environment {
    pub view: wgpu::TextureView,
    pub irradiance: [[f32; 4]; 9],
}

/// Factor of linear light before tone mapping. A white wall that faces the key light becomes just white.
pub(crate) const EXPOSURE: f32 = 0.55;

/// Direction towards the key light.
pub(crate) const KEY_DIRECTION: Vec3 = Vec3::new(0.48, 0.76, 0.44);
pub(crate) const KEY_LIGHT: Vec3 = Vec3::new(1.35, 1.3, 1.22);

struct SoftBox {
    toward: Vec3,
    up: Vec3,
    /// Tangents of half of the angles that it spans.
    half: Vec2,
    edge: f32,
    radiance: Vec3,
}

const SOFT_BOXES: [SoftBox; 3] = [
    // The main light: above and in front, to the right.
    SoftBox {
        toward: Vec3::new(0.5, 0.7, 0.5),
        up: Vec3::Y,
        half: Vec2::new(0.55, 0.4),
        edge: 0.12,
        radiance: Vec3::new(6.0, 5.85, 5.6),
    },
    // A tall strip to the left.
    SoftBox {
        toward: Vec3::new(-0.93, 0.22, 0.3),
        up: Vec3::Y,
        half: Vec2::new(0.22, 0.75),
        edge: 0.1,
        radiance: Vec3::new(2.9, 3.05, 3.3),
    },
    // Behind, for the rims.
    SoftBox {
        toward: Vec3::new(0.2, 0.45, -0.9),
        up: Vec3::Y,
        half: Vec2::new(0.8, 0.28),
        edge: 0.15,
        radiance: Vec3::new(3.0, 3.05, 3.1),
    },
];

impl Environment {
    pub(crate) fn new(graphics: &Graphics) -> Result<Self, RenderError> {
        let descriptor = wgpu::TextureDescriptor {
            label: Some("environment"),
            size: wgpu::Extent3d { width: SIDE, height: SIDE, depth_or_array_layers: 1 },
            mip_level_count: LEVELS,
            sample_count: 1,
            dimension: wgpu::TextureDimension::D2,
            format: wgpu::TextureFormat::Rgba16Float,
            usage: wgpu::TextureUsages::TEXTURE_BINDING | wgpu::TextureUsages::COPY_DST,
            view_formats: &[],
        };
        let texture = graphics.guarded("the environment", |device| device.create_texture(&descriptor))?;
        for level in 0..LEVELS {
            let side = SIDE >> level;
            let texels: Vec<u16> = level_texels(level).iter().flat_map(|color| half_color(*color)).collect();
            let rows = wgpu::TexelCopyBufferLayout { offset: 0, bytes_per_row: Some(side * 8), rows_per_image: None };
            let to = wgpu::TexelCopyTextureInfo { mip_level: level, ..texture.as_image_copy() };
            let size = wgpu::Extent3d { width: side, height: side, depth_or_array_layers: 1 };
            graphics.queue.write_texture(to, bytemuck::cast_slice(&texels), rows, size);
        }
        Ok(Self { view: texture.create_view(&Default::default()), irradiance: irradiance() })
    }
}

/// Rounds to a 16-bit float towards zero. Large values saturate, and subnormal results become 0.
fn half(value: f32) -> u16 {
    let bits = value.clamp(-65504.0, 65504.0).to_bits();
    let sign = (bits >> 16) as u16 & 0x8000;
    let exponent = (bits >> 23 & 0xff) as i32 - 127 + 15;
    if exponent <= 0 { sign } else { sign | (exponent as u16) << 10 | (bits >> 13) as u16 & 0x3ff }
}

fn half_color(color: Vec3) -> [u16; 4] {
    [half(color.x), half(color.y), half(color.z), half(1.0)]
}

fn radiance(direction: Vec3) -> Vec3 {
    // Floor, horizon, ceiling.
    let height = direction.y;
    let horizon = vec3(0.62, 0.64, 0.67);
    let mut light = if height >= 0.0 {
        horizon.lerp(vec3(0.34, 0.36, 0.40), smooth(0.0, 0.9, height))
    } else {
        horizon.lerp(vec3(0.16, 0.155, 0.15), smooth(0.0, 0.5, -height))
    };
    for soft_box in &SOFT_BOXES {
        let toward = soft_box.toward.normalize();
        let right = soft_box.up.cross(toward).normalize();
        let up = toward.cross(right);
        let depth = direction.dot(toward);
        if depth > 0.05 {
            let point = vec2(direction.dot(right), direction.dot(up)) / depth;
            let cover = |distance: f32, half: f32| 1.0 - smooth(half - soft_box.edge, half + soft_box.edge, distance);
            let share = cover(point.x.abs(), soft_box.half.x) * cover(point.y.abs(), soft_box.half.y);
            light += soft_box.radiance * share;
        }
    }
    light
}

fn smooth(from: f32, to: f32, value: f32) -> f32 {
    let t = ((value - from) / (to - from)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// Returns the radiance around each texel's direction, blurred as a surface of the level's roughness reflects it.
fn level_texels(level: u32) -> Vec<Vec3> {
    let side = SIDE >> level;
    let roughness = level as f32 / (LEVELS - 1) as f32;
    let alpha = roughness * roughness;
    (0..side * side)
        .map(|index| {
            // Outermost texels lie on the edge of the map; see `reflected_radiance` in shade.wgsl.
            let point = vec2((index % side) as f32, (index / side) as f32) / (side - 1) as f32;
            let normal = unfolded(point * 2.0 - Vec2::ONE);
            match level {
                0 => radiance(normal),
                _ => reflected(normal, alpha, DIRECTIONS << (level - 1)),
            }
        })
        .collect()
}

/// Averages over the GGX lobe with the eye along the normal; Karis, Real Shading in Unreal Engine 4, 2013.
fn reflected(normal: Vec3, alpha: f32, directions: u32) -> Vec3 {
    let (tangent, bitangent) = normal.any_orthonormal_pair();
    let mut sum = Vec3::ZERO;
    let mut weights = 0.0;
    for index in 0..directions {
        let [u, v] = hammersley(index, directions);
        let cosine_2 = (1.0 - u) / (1.0 + (alpha * alpha - 1.0) * u);
        let (sine, cosine) = ((1.0 - cosine_2).max(0.0).sqrt(), cosine_2.sqrt());
        let (around_sine, around_cosine) = (v * std::f32::consts::TAU).sin_cos();
        let half_way = tangent * (sine * around_cosine) + bitangent * (sine * around_sine) + normal * cosine;
        let light = half_way * (2.0 * cosine) - normal;
        let weight = light.dot(normal);
        if weight > 0.0 {
            sum += radiance(light.normalize()) * weight;
            weights += weight;
        }
    }
    sum / weights.max(1e-6)
}

fn hammersley(index: u32, count: u32) -> [f32; 2] {
    [(index as f32 + 0.5) / count as f32, index.reverse_bits() as f32 / 4_294_967_296.0]
}

/// Returns the direction at a point of the square from -1 to 1. Up is in the middle, and the horizon forms the diamond
/// around it.
fn unfolded(point: Vec2) -> Vec3 {
    let y = 1.0 - point.x.abs() - point.y.abs();
    let fold = (-y).max(0.0);
    let inward = |value: f32| if value >= 0.0 { value - fold } else { value + fold };
    vec3(inward(point.x), y, inward(point.y)).normalize()
}

/// Returns the coefficients in the order and with the factors that `irradiance` in shade.wgsl expects.
fn irradiance() -> [[f32; 4]; 9] {
    const COUNT: u32 = 4096;
    let mut coefficients = [Vec3::ZERO; 9];
    for index in 0..COUNT {
        let [u, v] = hammersley(index, COUNT);
        let y = 1.0 - 2.0 * u;
        let ring = (1.0 - y * y).max(0.0).sqrt();
        let (sine, cosine) = (v * std::f32::consts::TAU).sin_cos();
        let direction = vec3(ring * cosine, y, ring * sine);
        let light = radiance(direction) / COUNT as f32;
        for (coefficient, basis) in coefficients.iter_mut().zip(basis(direction)) {
            *coefficient += light * basis;
        }
    }
    // Each band contains 4 pi of the sphere's area, the squared norm of its basis, and the cosine lobe over pi.
    let (band_0, band_1, band_2) = (1.0, 3.0 * 2.0 / 3.0, 0.25);
    let norms = [1.0, 1.0, 1.0, 1.0, 15.0, 15.0, 1.25, 15.0, 3.75];
    std::array::from_fn(|index| {
        let band = [band_0, band_1, band_1, band_1, band_2, band_2, band_2, band_2, band_2][index];
        (coefficients[index] * band * norms[index]).extend(0.0).to_array()
    })
}

fn basis(n: Vec3) -> [f32; 9] {
    [1.0, n.y, n.z, n.x, n.x * n.y, n.y * n.z, 3.0 * n.z * n.z - 1.0, n.x * n.z, n.x * n.x - n.y * n.y]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn evaluated(n: Vec3) -> Vec3 {
        irradiance().iter().zip(basis(n)).map(|(c, b)| Vec3::from_slice(c) * b).sum()
    }

    /// Returns irradiance over pi by brute force.
    fn gathered(n: Vec3) -> Vec3 {
        let mut sum = Vec3::ZERO;
        for index in 0..20_000 {
            let [u, v] = hammersley(index, 20_000);
            let y = 1.0 - 2.0 * u;
            let ring = (1.0 - y * y).max(0.0).sqrt();
            let (sine, cosine) = (v * std::f32::consts::TAU).sin_cos();
            let direction = vec3(ring * cosine, y, ring * sine);
            sum += radiance(direction) * direction.dot(n).max(0.0) * (4.0 / 20_000.0);
        }
        sum
    }

    #[test]
    fn irradiance_agrees_with_brute_force() {
        for n in [Vec3::X, Vec3::Y, Vec3::Z, -Vec3::X, -Vec3::Y, -Vec3::Z, vec3(0.6, 0.48, 0.64)] {
            let (short, long) = (evaluated(n), gathered(n));
            // Nine coefficients omit high frequencies; the brightest side has about 1.5.
            assert!((short - long).abs().max_element() < 0.06, "{n}: {short} instead of {long}");
        }
    }

    #[test]
    fn rough_levels_have_the_light_of_sharp_ones() {
        let mean = |level| {
            let texels = level_texels(level);
            texels.iter().sum::<Vec3>() / texels.len() as f32
        };
        let sharp = mean(0);
        for level in 1..LEVELS {
            let rough = mean(level);
            assert!((rough - sharp).abs().max_element() < 0.15, "level {level}: {rough} instead of {sharp}");
        }
    }

    #[test]
    fn the_middle_of_the_map_is_up_and_its_corners_are_down() {
        assert!(unfolded(Vec2::ZERO).distance(Vec3::Y) < 1e-6);
        assert!(unfolded(vec2(1.0, 1.0)).distance(-Vec3::Y) < 1e-6);
        assert!(unfolded(vec2(1.0, 0.0)).distance(Vec3::X) < 1e-6);
        assert!(unfolded(vec2(0.0, -1.0)).distance(-Vec3::Z) < 1e-6);
    }
}

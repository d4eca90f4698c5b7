//! Mip levels, each a 2x2 average of the one before it, taken in the domain in which averaging is right.

/// A texel of a surface layer while its levels are made.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Surface {
    /// Sum of unit normals over their number: as much shorter than 1 as they disagree.
    normal: [f32; 3],
    /// Fourth power, which is the square of the microfacets' slope and what averages.
    roughness_4: f32,
    metallic: f32,
}

/// For a byte of a colour texture, the byte that holds the square root of its linear value. Shaders undo it by a
/// multiplication, and bytes lose no more than in sRGB, whose curve is much the same.
pub(crate) fn roots(srgb: bool) -> [u8; 256] {
    std::array::from_fn(|value| {
        let value = value as f32 / 255.0;
        let linear = match srgb {
            true if value <= 0.04045 => value / 12.92,
            true => ((value + 0.055) / 1.055).powf(2.4),
            false => value,
        };
        (linear.sqrt() * 255.0).round() as u8
    })
}

pub(crate) fn color_levels(level: Vec<[u8; 4]>, side: u32) -> Vec<u8> {
    let mut texels = Vec::with_capacity(level.len() * 16 / 3 + 4);
    let mut level = level;
    let mut side = side as usize;
    loop {
        texels.extend_from_slice(level.as_flattened());
        if side == 1 {
            return texels;
        }
        side /= 2;
        level = halved(&level, side, |quad| {
            let squares = |channel: usize| quad.iter().map(|texel| f32::from(texel[channel]).powi(2)).sum::<f32>();
            // Casts cut off what is behind the point; a function that rounds would be called.
            let root = |channel| ((squares(channel) * 0.25).sqrt() + 0.5) as u8;
            let alpha = quad.iter().map(|texel| u32::from(texel[3])).sum::<u32>();
            [root(0), root(1), root(2), ((alpha + 2) / 4) as u8]
        });
    }
}

pub(crate) fn surface_levels(level: Vec<Surface>, side: u32) -> Vec<u8> {
    let mut texels = Vec::with_capacity(level.len() * 16 / 3 + 4);
    let mut level = level;
    let mut side = side as usize;
    loop {
        level.iter().for_each(|surface| texels.extend_from_slice(&surface.texel()));
        if side == 1 {
            return texels;
        }
        side /= 2;
        level = halved(&level, side, Surface::average);
    }
}

/// `side` is that of the result.
fn halved<T: Copy>(level: &[T], side: usize, average: impl Fn([T; 4]) -> T) -> Vec<T> {
    let mut result = Vec::with_capacity(side * side);
    for rows in level.chunks_exact(side * 4) {
        let (upper, lower) = rows.split_at(side * 2);
        let pairs = upper.as_chunks::<2>().0.iter().zip(lower.as_chunks::<2>().0);
        result.extend(pairs.map(|(&[a, b], &[c, d])| average([a, b, c, d])));
    }
    result
}

impl Surface {
    pub(crate) fn new(normal: [u8; 3], roughness: u8, metallic: u8) -> Self {
        let [x, y, z] = normal.map(|value| (f32::from(value) - 128.0) / 127.0);
        let length = (x * x + y * y + z * z).sqrt();
        // One division, which takes as long as all that is here besides.
        let scale = length.recip();
        let normal = if length > 0.1 { [x * scale, y * scale, z * scale] } else { [0.0, 0.0, 1.0] };
        Self { normal, roughness_4: (f32::from(roughness) / 255.0).powi(4), metallic: f32::from(metallic) / 255.0 }
    }

    fn average(quad: [Self; 4]) -> Self {
        let mean = |value: fn(&Self) -> f32| quad.iter().map(value).sum::<f32>() * 0.25;
        Self {
            normal: [mean(|s| s.normal[0]), mean(|s| s.normal[1]), mean(|s| s.normal[2])],
            roughness_4: mean(|s| s.roughness_4),
            metallic: mean(|s| s.metallic),
        }
    }

    /// Normals that disagree within a texel make it rougher, or it would sparkle; Toksvig, Mipmapping Normal Maps,
    /// 2005, in terms of the GGX slope variance.
    fn texel(&self) -> [u8; 4] {
        let [x, y, z] = self.normal;
        let length = (x * x + y * y + z * z).sqrt().clamp(0.1, 1.0);
        let scale = length.recip();
        let variance = scale - 1.0;
        let roughness = (self.roughness_4 + variance).min(1.0).sqrt().sqrt();
        let signed = |value: f32| (value * scale * 127.0 + 128.5).clamp(1.0, 255.0) as u8;
        let unsigned = |value: f32| (value * 255.0 + 0.5) as u8;
        [signed(x), signed(y), unsigned(roughness), unsigned(self.metallic)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_level_is_there() {
        let texels = color_levels(vec![[1, 2, 3, 4]; 64], 8);
        assert_eq!(texels.len(), (64 + 16 + 4 + 1) * 4);
        assert!(texels.as_chunks::<4>().0.iter().all(|texel| *texel == [1, 2, 3, 4]));
    }

    #[test]
    fn colors_average_as_light_does() {
        let roots = roots(true);
        let [black, white] = [roots[0], roots[255]];
        let checkered: Vec<[u8; 4]> = (0..4).map(|i| if i == 0 || i == 3 { [black; 4] } else { [white; 4] }).collect();
        let texels = color_levels(checkered, 2);
        let average = f32::from(texels[16]) / 255.0;
        assert!((average * average - 0.5).abs() < 0.01, "linear {}", average * average);
        assert_eq!(texels[19], 128, "alpha is linear");
    }

    #[test]
    fn roots_keep_srgb_apart() {
        let roots = roots(true);
        for (value, root) in roots.iter().enumerate() {
            let linear = (f32::from(*root) / 255.0).powi(2);
            let back = if linear <= 0.0031308 { linear * 12.92 } else { 1.055 * linear.powf(1.0 / 2.4) - 0.055 };
            assert!((back * 255.0 - value as f32).abs() < 1.3, "{value} comes back as {}", back * 255.0);
        }
    }

    #[test]
    fn normals_that_disagree_make_it_rougher() {
        let flat = vec![Surface::new([128, 128, 255], 51, 0); 4];
        let bumpy: Vec<Surface> = [40, 216, 40, 216].map(|x| Surface::new([x, 128, 220], 51, 0)).to_vec();
        let (flat, bumpy) = (surface_levels(flat, 2), surface_levels(bumpy, 2));
        assert_eq!(flat[16..20], [128, 128, 51, 0]);
        assert_eq!(bumpy[16], 128, "the average faces straight up");
        assert!(bumpy[18] > 100, "roughness {}", bumpy[18]);
    }
}

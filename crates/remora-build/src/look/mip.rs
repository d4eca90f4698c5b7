//! Makes mip levels. Each texel is the average of four texels of the level before, in the domain where averaging is
//! correct.

/// A texel of a surface layer in the form that is averaged.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Surface {
    /// Average of unit normals. The more they differ, the shorter it is.
    normal: [f32; 3],
    /// Fourth power of the roughness, which is proportional to the variance of slopes and can be averaged.
    roughness_4: f32,
    metallic: f32,
}

/// Returns, for each byte of a colour texture, the byte with the square root of its linear value. Shaders only have to
/// multiply, and the loss is that of sRGB, whose curve is similar.
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

/// Returns the texels of all levels, largest first. `level` is the largest, `side * side` texels with square roots of
/// linear values; see [`roots`].
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
            // The cast truncates, hence the half. Rounding would be a function call.
            let root = |channel| ((squares(channel) * 0.25).sqrt() + 0.5) as u8;
            let alpha = quad.iter().map(|texel| u32::from(texel[3])).sum::<u32>();
            [root(0), root(1), root(2), ((alpha + 2) / 4) as u8]
        });
    }
}

/// Returns the texels of all levels, largest first. `level` is the largest, `side * side` texels.
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

/// Halves a level; `side` is that of the result.
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
        // A single division, which takes as long as everything else here.
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

    /// Returns the texel. Differing normals increase the roughness, which prevents sparkling. Source: Toksvig,
    /// Mipmapping Normal Maps, 2005, in terms of the slope variance of GGX.
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
    fn all_levels_are_made() {
        let texels = color_levels(vec![[1, 2, 3, 4]; 64], 8);
        assert_eq!(texels.len(), (64 + 16 + 4 + 1) * 4);
        assert!(texels.as_chunks::<4>().0.iter().all(|texel| *texel == [1, 2, 3, 4]));
    }

    #[test]
    fn colours_are_averaged_as_light() {
        let roots = roots(true);
        let [black, white] = [roots[0], roots[255]];
        let checkered: Vec<[u8; 4]> = (0..4).map(|i| if i == 0 || i == 3 { [black; 4] } else { [white; 4] }).collect();
        let texels = color_levels(checkered, 2);
        let average = f32::from(texels[16]) / 255.0;
        assert!((average * average - 0.5).abs() < 0.01, "linear {}", average * average);
        assert_eq!(texels[19], 128, "alpha is linear");
    }

    #[test]
    fn roots_distinguish_all_values_of_srgb() {
        let roots = roots(true);
        for (value, root) in roots.iter().enumerate() {
            let linear = (f32::from(*root) / 255.0).powi(2);
            let back = if linear <= 0.0031308 { linear * 12.92 } else { 1.055 * linear.powf(1.0 / 2.4) - 0.055 };
            assert!((back * 255.0 - value as f32).abs() < 1.3, "{value} comes back as {}", back * 255.0);
        }
    }

    #[test]
    fn differing_normals_increase_the_roughness() {
        let flat = vec![Surface::new([128, 128, 255], 51, 0); 4];
        let bumpy: Vec<Surface> = [40, 216, 40, 216].map(|x| Surface::new([x, 128, 220], 51, 0)).to_vec();
        let (flat, bumpy) = (surface_levels(flat, 2), surface_levels(bumpy, 2));
        assert_eq!(flat[16..20], [128, 128, 51, 0]);
        assert_eq!(bumpy[16], 128, "the average faces straight up");
        assert!(bumpy[18] > 100, "roughness {}", bumpy[18]);
    }
}

//! Scales images down. Each new pixel is the exact average of the area that it covers, for colours in linear light.

use std::sync::LazyLock;

/// Steps of the table from linear light to sRGB. One step is a fifth of the smallest step of an sRGB byte, so that no
/// dark tone is lost.
const ENCODE_STEPS: usize = 1 << 14;

static DECODE: LazyLock<[f32; 256]> = LazyLock::new(|| std::array::from_fn(|byte| srgb_to_linear(byte as f32 / 255.0)));
static ENCODE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let step = |at: usize| linear_to_srgb(at as f32 / (ENCODE_STEPS - 1) as f32);
    (0..ENCODE_STEPS).map(|at| (step(at) * 255.0 + 0.5) as u8).collect()
});

/// The source rows or columns of a new one: the first, and the weights of it and the following ones.
struct Span {
    first: usize,
    weights: Vec<f32>,
}

/// Returns the largest size with the same proportions and no side above `dimension_max`, at least one pixel.
pub(crate) fn fit((width, height): (u32, u32), dimension_max: u32) -> (u32, u32) {
    let longest = width.max(height);
    if longest <= dimension_max {
        return (width, height);
    }
    let scaled = |length: u32| {
        let (length, longest, most) = (u64::from(length), u64::from(longest), u64::from(dimension_max));
        ((length * most + longest / 2) / longest).clamp(1, most) as u32
    };
    (scaled(width), scaled(height))
}

/// Scales an image of `size` pixels to `target`, which is not larger in either direction.
pub(crate) fn shrink(rgba: &[u8], size: (u32, u32), target: (u32, u32), srgb: bool) -> Vec<u8> {
    let columns = spans(size.0 as usize, target.0 as usize);
    let rows = spans(size.1 as usize, target.1 as usize);
    let row_bytes = size.0 as usize * 4;
    let mut result = Vec::with_capacity(target.0 as usize * target.1 as usize * 4);
    let mut sums = vec![[0.0_f32; 4]; target.0 as usize];
    for row in &rows {
        sums.fill([0.0; 4]);
        for (line, &weight) in rgba[row.first * row_bytes..].chunks_exact(row_bytes).zip(&row.weights) {
            add_line(line, &columns, weight, srgb, &mut sums);
        }
        result.extend(sums.iter().flat_map(|&sum| encode(sum, srgb)));
    }
    result
}

/// Returns a linear tone, clamped to 0 to 1, as a byte in sRGB; 0 for NaN.
pub(crate) fn srgb_byte(linear: f32) -> u8 {
    // The cast saturates.
    ENCODE[((linear * (ENCODE_STEPS - 1) as f32 + 0.5) as usize).min(ENCODE_STEPS - 1)]
}

fn add_line(line: &[u8], columns: &[Span], weight: f32, srgb: bool, sums: &mut [[f32; 4]]) {
    let decode = &*DECODE;
    for (column, sum) in columns.iter().zip(sums) {
        for (pixel, &column_weight) in line[column.first * 4..].chunks_exact(4).zip(&column.weights) {
            let weight = weight * column_weight;
            for channel in 0..3 {
                let byte = pixel[channel];
                sum[channel] += weight * if srgb { decode[byte as usize] } else { f32::from(byte) };
            }
            sum[3] += weight * f32::from(pixel[3]);
        }
    }
}

fn encode([red, green, blue, alpha]: [f32; 4], srgb: bool) -> [u8; 4] {
    let byte = |value: f32| (value + 0.5) as u8;
    let color = |value: f32| match srgb {
        true => srgb_byte(value),
        false => byte(value),
    };
    [color(red), color(green), color(blue), byte(alpha)]
}

fn spans(length: usize, target: usize) -> Vec<Span> {
    let ratio = length as f64 / target as f64;
    let span = |at: usize| {
        let (from, to) = (at as f64 * ratio, (at + 1) as f64 * ratio);
        let first = from as usize;
        let last = (to.ceil() as usize).min(length);
        let covered = |pixel: usize| (to.min(pixel as f64 + 1.0) - from.max(pixel as f64)).max(0.0) / ratio;
        Span { first, weights: (first..last).map(|pixel| covered(pixel) as f32).collect() }
    };
    (0..target).map(span).collect()
}

/// Decodes sRGB as IEC 61966-2-1 defines it.
fn srgb_to_linear(value: f32) -> f32 {
    if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
}

fn linear_to_srgb(value: f32) -> f32 {
    if value <= 0.003_130_8 { value * 12.92 } else { 1.055 * value.powf(1.0 / 2.4) - 0.055 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_proportions_and_at_least_one_pixel() {
        assert_eq!(fit((2048, 1024), 4096), (2048, 1024));
        assert_eq!(fit((2048, 1024), 512), (512, 256));
        assert_eq!(fit((1000, 3), 100), (100, 1));
        assert_eq!(fit((3000, 2000), 1024), (1024, 683));
    }

    #[test]
    fn colours_are_averaged_as_light_and_data_as_numbers() {
        let black_and_white = [0, 0, 0, 255, 255, 255, 255, 255];
        assert_eq!(shrink(&black_and_white, (2, 1), (1, 1), true), [188, 188, 188, 255]);
        assert_eq!(shrink(&black_and_white, (2, 1), (1, 1), false), [128, 128, 128, 255]);
    }

    #[test]
    fn a_partly_covered_pixel_counts_by_its_covered_part() {
        let row: Vec<u8> = [30, 60, 90].iter().flat_map(|&value| [value, value, value, 255]).collect();
        // Each new pixel covers one and a half source pixels.
        assert_eq!(shrink(&row, (3, 1), (2, 1), false), [40, 40, 40, 255, 80, 80, 80, 255]);
        let column: Vec<u8> = [30, 60, 90].iter().flat_map(|&value| [value, 0, value, 9]).collect();
        assert_eq!(shrink(&column, (1, 3), (1, 2), false), [40, 0, 40, 9, 80, 0, 80, 9]);
    }

    #[test]
    fn every_tone_survives() {
        for tone in 0..=255 {
            let pixels = [tone; 16];
            assert_eq!(shrink(&pixels, (2, 2), (1, 1), true), [tone; 4]);
            assert_eq!(shrink(&pixels, (2, 2), (1, 1), false), [tone; 4]);
        }
    }
}

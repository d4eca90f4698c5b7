//! From the pixels that were drawn to the picture that was asked for: stretched to the size of the stream, and in the
//! encoder's planes. Runs on the processor, which is where the pixels are by then.
//!
//! ```text
//!   same size:    RGBA ──planes──▶ I420, chroma averaged over 2x2
//!   another size: RGBA ──planes──▶ Y, U, V of every pixel ──stretch──▶ I420
//! ```
//!
//! Every row operation exists twice: in portable code, which is also what tests compare with, and for AVX2, which is
//! chosen when the processor has it.

mod planes;
mod rows;
#[cfg(target_arch = "x86_64")]
mod rows_avx2;
mod stretch;

use crate::frame::{PixelFormat, RenderedFrame, Size};
use rows::RowOperations;
use stretch::Stretch;

/// Keeps its intermediate planes and tables, so that nothing is allocated per frame.
#[derive(Debug)]
pub(crate) struct Converter {
    rows: RowOperations,
    /// Y, U, V or R, G, B, A of every pixel that was drawn.
    full: [Vec<u8>; 4],
    /// For the planes of the last pair of sizes.
    stretches: Vec<Stretch>,
}

impl Default for Converter {
    fn default() -> Self {
        Self { rows: RowOperations::detect(), full: Default::default(), stretches: Vec::new() }
    }
}

impl Converter {
    pub(crate) fn convert(&mut self, rgba: &[u8], from: Size, to: Size, format: PixelFormat, into: &mut RenderedFrame) {
        into.width = to.width;
        into.height = to.height;
        let bytes = match format {
            PixelFormat::I420 => to.pixels() as usize * 3 / 2,
            PixelFormat::Rgba => to.pixels() as usize * 4,
        };
        // Every byte is written below.
        into.data.resize(bytes, 0);
        match format {
            PixelFormat::I420 if from == to => {
                let (luma, chroma) = into.data.split_at_mut(to.pixels() as usize);
                let (u, v) = chroma.split_at_mut(to.pixels() as usize / 4);
                planes::halved(&self.rows, rgba, from, [luma, u, v]);
            }
            PixelFormat::I420 => {
                let [y, u, v, _] = &mut self.full;
                planes::full(&self.rows, rgba, from, [&mut *y, &mut *u, &mut *v]);
                let half = Size::new(to.width / 2, to.height / 2);
                let (luma, chroma) = into.data.split_at_mut(to.pixels() as usize);
                let (chroma_u, chroma_v) = chroma.split_at_mut(half.pixels() as usize);
                self.stretched(0, from, to, luma);
                self.stretched(1, from, half, chroma_u);
                self.stretched(2, from, half, chroma_v);
            }
            PixelFormat::Rgba if from == to => into.data.copy_from_slice(rgba),
            PixelFormat::Rgba => {
                let mut plane = vec![0; to.pixels() as usize];
                for channel in 0..4 {
                    let values = rgba.iter().skip(channel).step_by(4);
                    self.full[channel].clear();
                    self.full[channel].extend(values);
                    self.stretched(channel, from, to, &mut plane);
                    for (pixel, value) in into.data.chunks_exact_mut(4).zip(&plane) {
                        pixel[channel] = *value;
                    }
                }
            }
        }
    }

    fn stretched(&mut self, plane: usize, from: Size, to: Size, into: &mut [u8]) {
        let known = self.stretches.iter().position(|stretch| stretch.is_for(from, to));
        let index = known.unwrap_or_else(|| {
            // Sizes of the whole picture and of chroma, for motion and for rest.
            if self.stretches.len() >= 4 {
                self.stretches.clear();
            }
            self.stretches.push(Stretch::new(from, to));
            self.stretches.len() - 1
        });
        self.stretches[index].apply(&self.rows, &self.full[plane], into);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A picture with edges, gradients and noise.
    fn picture(size: Size) -> Vec<u8> {
        let pixel = |x: u32, y: u32| {
            let noise = (x.wrapping_mul(2_654_435_761) ^ y.wrapping_mul(2_246_822_519)) >> 26;
            let edge = if (x / 7 + y / 5).is_multiple_of(3) { 200 } else { 20 };
            [(x * 255 / size.width) as u8, (edge + noise) as u8, (y * 255 / size.height) as u8, 255]
        };
        (0..size.pixels()).flat_map(|index| pixel(index % size.width, index / size.width)).collect()
    }

    /// BT.709, limited range.
    fn yuv(rgb: [f32; 3]) -> [f32; 3] {
        let [r, g, b] = rgb.map(|value| value / 255.0);
        let y = 0.2126 * r + 0.7152 * g + 0.0722 * b;
        [16.0 + 219.0 * y, 128.0 + 224.0 * (b - y) / 1.8556, 128.0 + 224.0 * (r - y) / 1.5748]
    }

    /// The value of a channel between pixels, whose centres lie at halves; beyond the border it goes on unchanged.
    fn bilinear(rgba: &[u8], size: Size, channel: usize, x: f32, y: f32) -> f32 {
        let x = (x - 0.5).clamp(0.0, size.width as f32 - 1.0);
        let y = (y - 0.5).clamp(0.0, size.height as f32 - 1.0);
        let (left, top) = (x.floor() as u32, y.floor() as u32);
        let (right, bottom) = ((left + 1).min(size.width - 1), (top + 1).min(size.height - 1));
        let at = |x: u32, y: u32| f32::from(rgba[((y * size.width + x) * 4) as usize + channel]);
        let (share_x, share_y) = (x - left as f32, y - top as f32);
        let upper = at(left, top) * (1.0 - share_x) + at(right, top) * share_x;
        let lower = at(left, bottom) * (1.0 - share_x) + at(right, bottom) * share_x;
        upper * (1.0 - share_y) + lower * share_y
    }

    fn reference(rgba: &[u8], from: Size, to: Size) -> Vec<f32> {
        let mut planes = Vec::new();
        for (plane, step) in [(0, 1), (1, 2), (2, 2)] {
            let size = Size::new(to.width / step, to.height / step);
            for index in 0..size.pixels() {
                let (column, row) = (index % size.width, index / size.width);
                let color: [f32; 3] = std::array::from_fn(|channel| {
                    if from == to && step == 2 {
                        let corner =
                            |i: u32| (column as f32 * 2.0 + 0.5 + (i % 2) as f32, (row * 2 + i / 2) as f32 + 0.5);
                        (0..4).map(|i| bilinear(rgba, from, channel, corner(i).0, corner(i).1)).sum::<f32>() / 4.0
                    } else {
                        let x = (column as f32 + 0.5) * from.width as f32 / size.width as f32;
                        let y = (row as f32 + 0.5) * from.height as f32 / size.height as f32;
                        bilinear(rgba, from, channel, x, y)
                    }
                });
                planes.push(yuv(color)[plane]);
            }
        }
        planes
    }

    fn assert_close(rows: RowOperations, from: Size, to: Size) {
        let rgba = picture(from);
        let mut converter = Converter { rows, ..Default::default() };
        let mut picture = RenderedFrame::default();
        converter.convert(&rgba, from, to, PixelFormat::I420, &mut picture);
        let expected = reference(&rgba, from, to);
        assert_eq!(picture.data.len(), expected.len());
        for (index, (found, expected)) in picture.data.iter().zip(&expected).enumerate() {
            assert!(
                (f32::from(*found) - expected.round()).abs() <= 1.0,
                "{from:?} to {to:?} with {rows:?}, byte {index}: {found} instead of {expected}"
            );
        }
    }

    const SIZES: [(Size, Size); 7] = [
        (Size::new(64, 36), Size::new(64, 36)),
        (Size::new(50, 22), Size::new(50, 22)),
        (Size::new(64, 36), Size::new(128, 72)),
        (Size::new(96, 54), Size::new(128, 72)),
        (Size::new(33, 17), Size::new(128, 72)),
        (Size::new(120, 70), Size::new(128, 72)),
        (Size::new(128, 72), Size::new(64, 36)),
    ];

    #[test]
    fn planes_are_those_of_the_formula_whatever_the_sizes() {
        for (from, to) in SIZES {
            assert_close(RowOperations::PORTABLE, from, to);
        }
    }

    #[test]
    fn the_processor_s_own_way_gives_the_same_planes() {
        for (from, to) in SIZES {
            assert_close(RowOperations::detect(), from, to);
        }
    }

    #[test]
    fn pixels_stay_pixels() {
        let size = Size::new(32, 18);
        let rgba = picture(size);
        let mut converter = Converter::default();
        let mut result = RenderedFrame::default();
        converter.convert(&rgba, size, size, PixelFormat::Rgba, &mut result);
        assert_eq!(result.data, rgba);
        let double = Size::new(64, 36);
        converter.convert(&rgba, size, double, PixelFormat::Rgba, &mut result);
        let expected = bilinear(&rgba, size, 1, 10.25, 7.75);
        let found = f32::from(result.data[((15 * 64 + 20) * 4 + 1) as usize]);
        assert!((expected - found).abs() <= 1.0, "{found} instead of {expected}");
    }
}

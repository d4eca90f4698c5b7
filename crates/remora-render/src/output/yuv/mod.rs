//! Conversion of rendered pixels to the requested format and size, on the processor.
//!
//! ```text
//!   same size:    RGBA ──planes──▶ I420, chroma averaged over 2x2
//!   another size: RGBA ──planes──▶ Y, U, V of every pixel ──stretch──▶ I420
//! ```
//!
//! Every row operation exists in portable code, which tests also use as reference, and for AVX2, which is chosen if the
//! processor has it.

mod planes;
mod rows;
#[cfg(target_arch = "x86_64")]
mod rows_avx2;
mod stretch;

use crate::frame::{PixelFormat, RenderedFrame, Size};
use rows::RowOperations;
use stretch::Stretch;

/// Converts frames. It keeps its intermediate planes and tables, so that no frame allocates memory.
#[derive(Debug)]
pub(crate) struct Converter {
    rows: RowOperations,
    /// Y, U, V or R, G, B, A of every rendered pixel.
    full: [Vec<u8>; 4],
    /// Tables for the planes of the most recent sizes.
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

    /// Converts a frame of the history: luma of every rendered pixel, and chroma of half of the stream's size. Returns
    /// the three planes.
    pub(crate) fn planes(&mut self, rgba: &[u8], from: Size, to: Size) -> [&[u8]; 3] {
        let [y, u, v, _] = &mut self.full;
        if from == to {
            y.resize(from.pixels() as usize, 0);
            u.resize(from.pixels() as usize / 4, 0);
            v.resize(from.pixels() as usize / 4, 0);
            planes::halved(&self.rows, rgba, from, [&mut *y, &mut *u, &mut *v]);
        } else {
            planes::full(&self.rows, rgba, from, [&mut *y, &mut *u, &mut *v]);
        }
        [y, u, v]
    }

    fn stretched(&mut self, plane: usize, from: Size, to: Size, into: &mut [u8]) {
        let known = self.stretches.iter().position(|stretch| stretch.is_for(from, to));
        let index = known.unwrap_or_else(|| {
            // Luma and chroma sizes, each in motion and at rest.
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

    /// A frame with edges, gradients and noise.
    fn frame(size: Size) -> Vec<u8> {
        let pixel = |x: u32, y: u32| {
            let noise = (x.wrapping_mul(2_654_435_761) ^ y.wrapping_mul(2_246_822_519)) >> 26;
            let edge = if (x / 7 + y / 5).is_multiple_of(3) { 200 } else { 20 };
            [(x * 255 / size.width) as u8, (edge + noise) as u8, (y * 255 / size.height) as u8, 255]
        };
        (0..size.pixels()).flat_map(|index| pixel(index % size.width, index / size.width)).collect()
    }

    /// Converts to BT.709, limited range.
    fn yuv(rgb: [f32; 3]) -> [f32; 3] {
        let [r, g, b] = rgb.map(|value| value / 255.0);
        let y = 0.2126 * r + 0.7152 * g + 0.0722 * b;
        [16.0 + 219.0 * y, 128.0 + 224.0 * (b - y) / 1.8556, 128.0 + 224.0 * (r - y) / 1.5748]
    }

    /// Interpolates a channel between pixels, whose centres lie at halves. Beyond the border the value stays the same.
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
        let rgba = frame(from);
        let mut converter = Converter { rows, ..Default::default() };
        let mut frame = RenderedFrame::default();
        converter.convert(&rgba, from, to, PixelFormat::I420, &mut frame);
        let expected = reference(&rgba, from, to);
        assert_eq!(frame.data.len(), expected.len());
        for (index, (found, expected)) in frame.data.iter().zip(&expected).enumerate() {
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
    fn planes_match_the_formula_at_all_sizes() {
        for (from, to) in SIZES {
            assert_close(RowOperations::PORTABLE, from, to);
        }
    }

    #[test]
    fn vector_instructions_give_the_same_planes() {
        for (from, to) in SIZES {
            assert_close(RowOperations::detect(), from, to);
        }
    }

    #[test]
    fn rgba_is_copied_or_scaled() {
        let size = Size::new(32, 18);
        let rgba = frame(size);
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

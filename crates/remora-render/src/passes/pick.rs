//! Picking: a copy of one pixel of the visibility buffer tells which surface it shows.

use glam::{DVec3, Vec3};

use crate::blocks::{BLOCK, word_of};
use crate::frame::{Picked, Samples, Size};
use crate::kernels::shared::{ENTRY_MIRRORED, SAMPLE_OFFSETS, TRIANGLE_BITS};
use crate::passes::targets::{PIXEL_BYTES, VisibilityView};
use crate::view::View;

/// A pick that belongs to a frame.
#[derive(Debug)]
pub(crate) struct Pick {
    pixel: [u32; 2],
    view: View,
    /// Origin of the view's coordinates in the world.
    origin: DVec3,
    samples: Samples,
    /// Entries of the frame. Their numbers are valid in no other frame.
    entries: Vec<[u32; 2]>,
    /// True if the frame has a transparent layer.
    pub layered: bool,
}

impl Pick {
    pub(crate) fn new(
        pixel: [u32; 2],
        view: View,
        origin: DVec3,
        samples: Samples,
        entries: &[[u32; 2]],
        layered: bool,
    ) -> Self {
        Self { pixel, view, origin, samples, entries: entries.to_vec(), layered }
    }

    /// Copies the pixel of a visibility buffer.
    pub(crate) fn copy(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        seen: VisibilityView<'_>,
        blocks: Size,
        to: &wgpu::Buffer,
        layer: bool,
    ) {
        let samples = u64::from(self.samples.count());
        let offset = if layer { 0 } else { PIXEL_BYTES };
        if seen.area.holds([self.pixel[0] / BLOCK.width, self.pixel[1] / BLOCK.height]) {
            let word = word_of(self.pixel, blocks, self.samples);
            encoder.copy_buffer_to_buffer(seen.buffer, word * 8, to, offset, samples * 8);
        } else {
            encoder.clear_buffer(to, offset, Some(samples * 8));
        }
    }

    /// Evaluates the copied pixels. A transparent surface precedes a solid one, and the nearest sample counts.
    pub(crate) fn read(&self, bytes: &[u8]) -> Option<Picked> {
        let (layer, solid) = bytes.split_at(PIXEL_BYTES as usize);
        let layer = if self.layered { self.nearest(layer) } else { None };
        let (sample, id, depth) = layer.or_else(|| self.nearest(solid))?;
        let [instance, _] = *self.entries.get((id >> TRIANGLE_BITS) as usize)?;
        let along = self.view.near / depth;
        let offset = self.direction(sample) * along;
        Some(Picked {
            instance: instance & !ENTRY_MIRRORED,
            position: self.origin + DVec3::from(Vec3::from(self.view.eye)) + offset.as_dvec3(),
            distance: offset.length(),
        })
    }

    /// Returns sample, id and depth of the nearest sample.
    fn nearest(&self, pixel: &[u8]) -> Option<(usize, u32, f32)> {
        let samples = pixel.as_chunks::<8>().0[..self.samples.count() as usize].iter().enumerate();
        let seen = samples.map(|(sample, bytes)| (sample, u64::from_le_bytes(*bytes))).filter(|(_, word)| *word != 0);
        let (sample, word) = seen.max_by_key(|(_, word)| *word)?;
        Some((sample, word as u32, f32::from_bits((word >> 32) as u32)))
    }

    /// Returns the vector from the eye through a sample of the pixel, with a length of 1 m along the view.
    fn direction(&self, sample: usize) -> Vec3 {
        let view = &self.view;
        let offset = match self.samples {
            Samples::One => [0.0; 2],
            Samples::Four => SAMPLE_OFFSETS[sample].map(|offset| offset as f32 / 256.0),
        };
        let from_middle = |axis: usize, size: u32| {
            self.pixel[axis] as f32 + 0.5 + view.jitter[axis] + offset[axis] - size as f32 * 0.5
        };
        let across = view.right * (from_middle(0, view.size.width) / view.pixels_per_tangent);
        let down = view.up * (from_middle(1, view.size.height) / view.pixels_per_tangent);
        (view.forward + across - down).into()
    }
}

//! The commands of a frame in slices that are submitted one after another. Between two slices the frame can be
//! abandoned, so that a long frame does not delay a more urgent one.

use std::collections::VecDeque;
use std::time::Duration;

use crate::device::graphics::Graphics;

/// The time that a slice should take. An input that arrives meanwhile waits for its end. Some slices take longer,
/// because rows of blocks show more or less of a model.
const SLICE_TIME: Duration = Duration::from_millis(3);
/// Clusters and parts before the first measurement: about 4 ms on two cores with four samples.
const AT_START: SliceLengths = SliceLengths { clusters: 256, parts: 6 };
/// Fewer clusters than this do not keep the threads of a software adapter busy.
const CLUSTERS_MIN: u32 = 64;
/// Each part costs a dispatch per run.
const PARTS_MAX: u32 = 16;

/// The lengths of slices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SliceLengths {
    /// Clusters that a slice rasterises.
    pub clusters: u32,
    /// Number of slices that shade the visible pixels.
    pub parts: u32,
}

impl Default for SliceLengths {
    fn default() -> Self {
        AT_START
    }
}

impl SliceLengths {
    /// Returns the lengths with which the slices of a frame like the measured one take about 3 ms each. The times are
    /// those of its stages on the device, and zero if the device does not measure them.
    pub(crate) fn fitting(clusters: u32, raster: Duration, shade: Duration) -> Self {
        if raster.is_zero() || shade.is_zero() {
            return AT_START;
        }
        let slices = |time: Duration| time.div_duration_f32(SLICE_TIME).ceil().max(1.0);
        Self {
            clusters: ((clusters as f32 / slices(raster)).ceil() as u32).max(CLUSTERS_MIN),
            parts: (slices(shade) as u32).min(PARTS_MAX),
        }
    }
}

pub(crate) struct SlicedEncoder<'a> {
    graphics: &'a Graphics,
    encoder: wgpu::CommandEncoder,
    finished: VecDeque<wgpu::CommandBuffer>,
    /// `None` if the whole frame is one slice.
    lengths: Option<SliceLengths>,
}

impl<'a> SlicedEncoder<'a> {
    pub(crate) fn new(graphics: &'a Graphics, lengths: Option<SliceLengths>) -> Self {
        let encoder = graphics.device.create_command_encoder(&Default::default());
        Self { graphics, encoder, finished: VecDeque::new(), lengths }
    }

    pub(crate) fn encoder(&mut self) -> &mut wgpu::CommandEncoder {
        &mut self.encoder
    }

    /// Returns the number of clusters that a slice rasterises.
    pub(crate) fn clusters(&self) -> u32 {
        self.lengths.map_or(u32::MAX, |lengths| lengths.clusters)
    }

    /// Returns the number of slices in which visible pixels are shaded.
    pub(crate) fn parts(&self) -> u32 {
        self.lengths.map_or(1, |lengths| lengths.parts)
    }

    /// Ends the current slice.
    pub(crate) fn end_slice(&mut self) {
        if self.lengths.is_some() {
            let next = self.graphics.device.create_command_encoder(&Default::default());
            self.finished.push_back(std::mem::replace(&mut self.encoder, next).finish());
        }
    }

    /// Returns the slices, at least one.
    pub(crate) fn finish(mut self) -> VecDeque<wgpu::CommandBuffer> {
        self.finished.push_back(self.encoder.finish());
        self.finished
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_fit_the_time_that_the_frame_before_took() {
        let fitting = |clusters, raster, shade| {
            SliceLengths::fitting(clusters, Duration::from_millis(raster), Duration::from_millis(shade))
        };
        assert_eq!(fitting(1000, 40, 24), SliceLengths { clusters: 72, parts: 8 });
        assert_eq!(fitting(1000, 3, 3), SliceLengths { clusters: 1000, parts: 1 }, "a card needs no slices");
        assert_eq!(fitting(1000, 4000, 4000), SliceLengths { clusters: CLUSTERS_MIN, parts: PARTS_MAX });
        assert_eq!(fitting(0, 1, 1), SliceLengths { clusters: CLUSTERS_MIN, parts: 1 });
        assert_eq!(fitting(1000, 0, 0), AT_START, "the device does not measure");
    }
}

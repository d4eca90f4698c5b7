//! Timestamps that the device writes between the stages of a frame.

use std::time::Duration;

use crate::device::graphics::Graphics;
use crate::frame::RenderError;

/// Timestamps in the order in which they are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    Begin,
    Rastered,
    Shaded,
    Blended,
}

const MARKS: u32 = 4;
const BYTES: u64 = MARKS as u64 * 8;

/// Time of the stages on the device.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct PassTimes {
    pub raster: Duration,
    pub shade: Duration,
    pub blend: Duration,
}

/// The timestamps of one frame. Does nothing on an adapter without timestamps.
#[derive(Debug)]
pub(crate) struct Profile {
    queries: Option<(wgpu::QuerySet, wgpu::Buffer)>,
    period_nanoseconds: f32,
}

impl Profile {
    pub(crate) fn new(graphics: &Graphics) -> Result<Self, RenderError> {
        let wanted = wgpu::Features::TIMESTAMP_QUERY | wgpu::Features::TIMESTAMP_QUERY_INSIDE_ENCODERS;
        let queries = match graphics.device.features().contains(wanted) {
            false => None,
            true => {
                let descriptor =
                    wgpu::QuerySetDescriptor { label: Some("stages"), ty: wgpu::QueryType::Timestamp, count: MARKS };
                let set = graphics.guarded("timestamps", |device| device.create_query_set(&descriptor))?;
                let usage = wgpu::BufferUsages::QUERY_RESOLVE | wgpu::BufferUsages::COPY_SRC;
                Some((set, graphics.buffer("timestamps", BYTES, usage)?))
            }
        };
        Ok(Self { queries, period_nanoseconds: graphics.queue.get_timestamp_period() })
    }

    pub(crate) fn mark(&self, encoder: &mut wgpu::CommandEncoder, mark: Mark) {
        if let Some((set, _)) = &self.queries {
            encoder.write_timestamp(set, mark as u32);
        }
    }

    /// Returns the bytes that [`Self::append`] adds to a readback.
    pub(crate) const fn bytes() -> u64 {
        BYTES
    }

    /// Copies the timestamps into a readback.
    pub(crate) fn append(&self, encoder: &mut wgpu::CommandEncoder, readback: &wgpu::Buffer, offset: u64) {
        if let Some((set, buffer)) = &self.queries {
            encoder.resolve_query_set(set, 0..MARKS, buffer, 0);
            encoder.copy_buffer_to_buffer(buffer, 0, readback, offset, BYTES);
        }
    }

    /// Evaluates the bytes that [`Self::append`] copied.
    pub(crate) fn read(&self, bytes: &[u8]) -> PassTimes {
        if self.queries.is_none() {
            return PassTimes::default();
        }
        let ticks: Vec<u64> = bytes.as_chunks::<8>().0.iter().map(|chunk| u64::from_le_bytes(*chunk)).collect();
        let between = |from: Mark, to: Mark| {
            let ticks = ticks[to as usize].saturating_sub(ticks[from as usize]);
            Duration::from_nanos((ticks as f64 * f64::from(self.period_nanoseconds)) as u64)
        };
        PassTimes {
            raster: between(Mark::Begin, Mark::Rastered),
            shade: between(Mark::Rastered, Mark::Shaded),
            blend: between(Mark::Shaded, Mark::Blended),
        }
    }
}

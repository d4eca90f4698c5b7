//! Combines frames in motion with the ones before them by kernels. The result is that of the processor.
//!
//! ```text
//!   frame, guides, history ──judge──▶ motion, range and residual of each cell ──combine──▶ I420, history after
//! ```
//!
//! The surfaces of a frame stay in its guide, which the next frame reads. Everything happens in the order of the
//! submissions, so that the buffers suffice for any number of frames in flight.

#[cfg(test)]
mod tests;

use bytemuck::bytes_of;

use crate::device::graphics::Graphics;
use crate::device::upload::UploadBuffer;
use crate::frame::{FrameRequest, History, RenderError, Size};
use crate::kernels::groups::Group;
use crate::kernels::shared::{HistoryUniform, PlaneSizes, UNCHANGED};
use crate::kernels::{Kernel, Kernels};
use crate::output::yuv::Converter;
use crate::passes::motion::HistoryFrame;
use crate::passes::targets::gradient;

/// A frame of the history, and its guide.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GuidedFrame<'a> {
    pub frame: &'a HistoryFrame,
    pub guide: &'a wgpu::Buffer,
}

/// The history of a stream on the device. Memory is allocated by the first frame that needs it.
#[derive(Debug, Default)]
pub(crate) struct DeviceHistory {
    uniform: Option<wgpu::Buffer>,
    /// Motion, range and residual of the cells of the frame that is being made.
    cells: Option<wgpu::Buffer>,
    /// Number of pixels of the most recent frame that are neither new nor taken from the history.
    missing: Option<wgpu::Buffer>,
    /// One bit per instance that has changed.
    changed: Option<UploadBuffer<u32>>,
    /// The plain background as I420.
    backdrop: Option<(Size, wgpu::Buffer)>,
    /// The frame that the history ends with.
    last: Option<LastCells>,
    /// Its pixels and chroma, and its guide.
    before: Option<wgpu::Buffer>,
    guide_before: Option<wgpu::Buffer>,
    /// Memory for pixels and chroma of the frame that is being made.
    after: Option<wgpu::Buffer>,
}

#[derive(Clone, Copy, Debug)]
struct LastCells {
    stream_size: Size,
    cells: Size,
    cell_pixels: u32,
}

impl DeviceHistory {
    /// Forgets the history and frees its memory.
    pub(crate) fn forget(&mut self) {
        *self = Self::default();
    }

    /// Returns the bytes of graphics memory in use.
    pub(crate) fn bytes(&self) -> u64 {
        let backdrop = self.backdrop.as_ref().map(|(_, buffer)| buffer);
        let buffers = [&self.cells, &self.before, &self.guide_before, &self.after];
        buffers.into_iter().filter_map(Option::as_ref).chain(backdrop).map(wgpu::Buffer::size).sum()
    }

    /// Compiles all kernels, so that no frame in motion waits for them.
    pub(crate) fn warm_up(graphics: &Graphics, kernels: &mut Kernels) -> Result<(), RenderError> {
        let sides = [1, 2].map(|side| Kernel::HistoryPixels { side });
        let mut all = [Kernel::HistoryBegin, Kernel::HistoryKeep, Kernel::HistoryCells].into_iter().chain(sides);
        all.try_for_each(|kernel| kernels.ensure(graphics, kernel))
    }

    /// Compiles the kernels of a frame, makes room for its results and uploads what the kernels read.
    pub(crate) fn prepare(
        &mut self,
        graphics: &Graphics,
        kernels: &mut Kernels,
        request: &FrameRequest,
        frame: &HistoryFrame,
    ) -> Result<(), RenderError> {
        let stream = request.stream_size;
        let pixels = u64::from(stream.pixels());
        let storage = wgpu::BufferUsages::STORAGE;
        // A word per pixel, and one per 2x2 pixels.
        ensure(graphics, &mut self.after, "history", pixels * 5, storage)?;
        if request.options.history == History::Begin {
            return kernels.ensure(graphics, Kernel::HistoryBegin);
        }
        kernels.ensure(graphics, Kernel::HistoryCells)?;
        kernels.ensure(graphics, Kernel::HistoryPixels { side: frame.cell_pixels as u8 })?;
        ensure(graphics, &mut self.cells, "cells", u64::from(frame.cells.pixels()) * 8, storage)?;
        let counted = storage | wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::COPY_SRC;
        ensure(graphics, &mut self.missing, "missing pixels", 4, counted)?;
        let uniform = wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST;
        ensure(graphics, &mut self.uniform, "history uniform", size_of::<HistoryUniform>() as u64, uniform)?;
        if self.backdrop.as_ref().is_none_or(|(size, _)| *size != stream) {
            let buffer = graphics.buffer("backdrop planes", pixels * 3 / 2, storage | wgpu::BufferUsages::COPY_DST)?;
            let planes = Converter::default().planes(&gradient(stream), stream, stream).concat();
            graphics.queue.write_buffer(&buffer, 0, &planes);
            self.backdrop = Some((stream, buffer));
        }
        if self.keeps(stream, frame) {
            kernels.ensure(graphics, Kernel::HistoryKeep)?;
            let changed = match self.changed.take() {
                Some(changed) => changed,
                None => UploadBuffer::new(graphics, "changed instances")?,
            };
            self.changed.insert(changed).write(graphics, &frame.changed)?;
        }
        let last = self.last_of(stream, frame);
        let before = last.unwrap_or(LastCells::new(stream, frame));
        let values = HistoryUniform {
            cells: [frame.cells.width, frame.cells.height],
            cells_before: [before.cells.width, before.cells.height],
            sides: [frame.cell_pixels, before.cell_pixels],
            continues: u32::from(last.is_some()),
            still: if frame.unchanged { UNCHANGED } else { u32::from(frame.still) },
            jitter: frame.jitter.to_array(),
            plain_background: u32::from(frame.plain_background),
            padding: 0,
        };
        if let Some(uniform) = &self.uniform {
            graphics.queue.write_buffer(uniform, 0, bytes_of(&values));
        }
        Ok(())
    }

    /// Records the kernel that begins a history with a finished frame.
    pub(crate) fn record_begin(
        &self,
        graphics: &Graphics,
        kernels: &Kernels,
        stream: Size,
        planes: &wgpu::Buffer,
        encoder: &mut wgpu::CommandEncoder,
    ) {
        let Some(after) = &self.after else { return };
        let bind_group = kernels.layouts.bind(&graphics.device, Group::Planes, &[planes, after]);
        let mut pass = encoder.begin_compute_pass(&Default::default());
        pass.set_pipeline(kernels.get(Kernel::HistoryBegin));
        pass.set_bind_group(0, &bind_group, &[]);
        let size = [stream.width, stream.height];
        pass.set_immediates(0, bytes_of(&PlaneSizes { rendered: size, stream: size }));
        pass.dispatch_workgroups(stream.width.div_ceil(64), stream.height.div_ceil(16), 1);
    }

    /// Records the kernels that combine a frame with the history.
    pub(crate) fn record(
        &self,
        graphics: &Graphics,
        kernels: &Kernels,
        GuidedFrame { frame, guide }: GuidedFrame<'_>,
        rendered: &wgpu::Buffer,
        planes: &wgpu::Buffer,
        encoder: &mut wgpu::CommandEncoder,
    ) {
        let (Some(uniform), Some(cells), Some(after), Some(missing), Some((stream, backdrop))) =
            (&self.uniform, &self.cells, &self.after, &self.missing, &self.backdrop)
        else {
            return;
        };
        let last = self.last_of(*stream, frame);
        // Without a history, the bindings get any buffer that nothing writes.
        let before = self.before.as_ref().filter(|_| last.is_some()).unwrap_or(rendered);
        let guide_before = self.guide_before.as_ref().filter(|_| last.is_some()).unwrap_or(guide);
        encoder.clear_buffer(missing, 0, None);
        let device = &graphics.device;
        let keep = self.changed.as_ref().filter(|_| self.keeps(*stream, frame)).map(|changed| {
            let bindings = [uniform, guide_before, changed.buffer(), guide];
            kernels.layouts.bind(device, Group::HistoryKeep, &bindings)
        });
        let bindings = [uniform, rendered, guide, guide_before, before, cells];
        let judge = kernels.layouts.bind(device, Group::HistoryCells, &bindings);
        let bindings = [uniform, rendered, cells, before, backdrop, after, planes, missing];
        let combine = kernels.layouts.bind(device, Group::HistoryPixels, &bindings);
        let mut pass = encoder.begin_compute_pass(&Default::default());
        if let Some(keep) = &keep {
            pass.set_pipeline(kernels.get(Kernel::HistoryKeep));
            pass.set_bind_group(0, keep, &[]);
            pass.dispatch_workgroups(frame.cells.width.div_ceil(64), frame.cells.height, 1);
        }
        pass.set_pipeline(kernels.get(Kernel::HistoryCells));
        pass.set_bind_group(0, &judge, &[]);
        pass.dispatch_workgroups(frame.cells.width.div_ceil(32), frame.cells.height.div_ceil(2), 1);
        pass.set_pipeline(kernels.get(Kernel::HistoryPixels { side: frame.cell_pixels as u8 }));
        pass.set_bind_group(0, &combine, &[]);
        pass.dispatch_workgroups(stream.width.div_ceil(64), stream.height.div_ceil(16), 1);
    }

    /// Returns the counter that [`Self::record`] fills.
    pub(crate) fn missing(&self) -> Option<&wgpu::Buffer> {
        self.missing.as_ref()
    }

    /// Notes that a frame has been submitted completely, which the history then ends with. Takes over its guide and
    /// returns the memory of an older one.
    pub(crate) fn submitted(
        &mut self,
        frame: &HistoryFrame,
        stream_size: Size,
        guide: Option<wgpu::Buffer>,
    ) -> Option<wgpu::Buffer> {
        std::mem::swap(&mut self.before, &mut self.after);
        self.last = Some(LastCells::new(stream_size, frame));
        std::mem::replace(&mut self.guide_before, guide)
    }

    /// Returns whether the view is that of the frame before, whose surfaces are then kept.
    fn keeps(&self, stream_size: Size, frame: &HistoryFrame) -> bool {
        frame.still && self.last_of(stream_size, frame).is_some_and(|last| last.cells == frame.cells)
    }

    /// Returns the frame that another one continues.
    fn last_of(&self, stream_size: Size, frame: &HistoryFrame) -> Option<LastCells> {
        self.last.filter(|last| frame.continues && last.stream_size == stream_size)
    }
}

impl LastCells {
    fn new(stream_size: Size, frame: &HistoryFrame) -> Self {
        Self { stream_size, cells: frame.cells, cell_pixels: frame.cell_pixels }
    }
}

/// Makes a buffer unless there is one that is large enough.
fn ensure(
    graphics: &Graphics,
    buffer: &mut Option<wgpu::Buffer>,
    what: &str,
    bytes: u64,
    usage: wgpu::BufferUsages,
) -> Result<(), RenderError> {
    if buffer.as_ref().is_none_or(|buffer| buffer.size() < bytes) {
        *buffer = None;
        *buffer = Some(graphics.buffer(what, bytes, usage)?);
    }
    Ok(())
}

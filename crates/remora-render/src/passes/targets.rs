//! The buffers that a frame is drawn into.

use crate::blocks::{BLOCK, BlockRect};
use crate::device::graphics::Graphics;
use crate::frame::{RenderError, Samples, Size};
use crate::kernels::ATTACHMENT;
use crate::kernels::groups::{Group, Layouts};
use crate::kernels::shared::{QUEUE_RECORD_QUADS, RUNS_AT_ONCE};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TargetsKind {
    pub size: Size,
    pub samples: Samples,
    /// True if transparent layers can be drawn.
    pub layered: bool,
    /// True if the rasteriser of the adapter can be used.
    pub rasteriser: bool,
}

/// A visibility buffer, and the part of it that is valid.
#[derive(Clone, Copy)]
pub(crate) struct VisibilityView<'a> {
    pub buffer: &'a wgpu::Buffer,
    pub area: BlockRect,
}

#[derive(Debug)]
pub(crate) struct Targets {
    pub kind: TargetsKind,
    pub blocks: Size,
    pub visibility: wgpu::Buffer,
    /// The current transparent layer and the one in front of it; placeholders if there are none.
    pub layers: [wgpu::Buffer; 2],
    /// The frame as RGBA, row by row.
    pub pixels: wgpu::Buffer,
    /// The background, as RGBA.
    pub backdrop: wgpu::Buffer,
    /// Sums of colour; a placeholder if nothing is summed.
    pub sums: wgpu::Buffer,
    pub lists: wgpu::Buffer,
    /// Blocks that show anything.
    pub touched: wgpu::Buffer,
    /// Number of lists.
    pub lists_max: usize,
    pub composite: wgpu::BindGroup,
    /// Attachment for the rasteriser of the adapter. Nothing is written to it.
    pub attachment: Option<wgpu::TextureView>,
}

/// Buffers that do not depend on the size of the frame.
#[derive(Debug)]
pub(crate) struct Scratch {
    pub queue_counts: wgpu::Buffer,
    pub queue: wgpu::Buffer,
    pub queue_length: u32,
    pub queue_dispatches: wgpu::Buffer,
    pub queue_draws: wgpu::Buffer,
    pub list_counts: wgpu::Buffer,
    pub list_dispatches: wgpu::Buffer,
    pub touched_count: wgpu::Buffer,
    pub touched_dispatch: wgpu::Buffer,
    /// Copies of the picked pixel.
    pub picked: wgpu::Buffer,
    pub queue_arguments: wgpu::BindGroup,
    pub queue_draw_arguments: wgpu::BindGroup,
    pub list_arguments: wgpu::BindGroup,
    pub touched_arguments: wgpu::BindGroup,
}

/// Largest size of a pixel in a visibility buffer.
pub(crate) const PIXEL_BYTES: u64 = 4 * 8;
/// Size of a picked pixel: that of the nearest transparent layer, and the solid one.
pub(crate) const PICK_BYTES: u64 = 2 * PIXEL_BYTES;

/// Number of records in the queue of large triangles.
const QUEUE_LENGTH: u32 = 1 << 16;

const STORAGE: wgpu::BufferUsages = wgpu::BufferUsages::STORAGE.union(wgpu::BufferUsages::COPY_DST);

impl Targets {
    pub(crate) fn new(
        graphics: &Graphics,
        layouts: &Layouts,
        scratch: &Scratch,
        kind: TargetsKind,
        lists_max: usize,
    ) -> Result<Self, RenderError> {
        let blocks = Size::new(kind.size.width.div_ceil(BLOCK.width), kind.size.height.div_ceil(BLOCK.height));
        let pixel_count = u64::from(kind.size.pixels());
        let words = u64::from(blocks.pixels()) * u64::from(BLOCK.pixels() * kind.samples.count());
        let visibility_bytes = words * 8;
        if visibility_bytes > graphics.limits.max_storage_buffer_binding_size {
            return Err(RenderError::OutOfMemory(format!(
                "a frame of {}x{} with {} samples",
                kind.size.width,
                kind.size.height,
                kind.samples.count()
            )));
        }
        let layer_bytes = if kind.layered { visibility_bytes } else { 0 };
        let sums_bytes = if kind.layered || kind.samples == Samples::Four { pixel_count * 8 } else { 0 };
        // Picking copies single pixels.
        let seen = STORAGE | wgpu::BufferUsages::COPY_SRC;
        let visibility = graphics.buffer("visibility", visibility_bytes, seen)?;
        let layers = [graphics.buffer("layer", layer_bytes, seen)?, graphics.buffer("layer", layer_bytes, seen)?];
        let pixels = graphics.buffer("frame pixels", pixel_count * 4, STORAGE | wgpu::BufferUsages::COPY_SRC)?;
        let backdrop_usage = wgpu::BufferUsages::COPY_SRC | wgpu::BufferUsages::COPY_DST;
        let backdrop = graphics.buffer("backdrop", pixel_count * 4, backdrop_usage)?;
        graphics.queue.write_buffer(&backdrop, 0, &gradient(kind.size));
        let sums = graphics.buffer("sums", sums_bytes, STORAGE)?;
        let lists_bytes = lists_max as u64 * u64::from(blocks.pixels()) * 4;
        let lists = graphics.buffer("block lists", lists_bytes, STORAGE)?;
        let touched = graphics.buffer("touched blocks", u64::from(blocks.pixels()) * 4, STORAGE)?;
        let buffers = [&scratch.touched_count, &touched, &sums, &pixels];
        let composite = layouts.bind(&graphics.device, Group::Composite, &buffers);
        let attachment = match kind.rasteriser {
            true => Some(attachment(graphics, kind)?),
            false => None,
        };
        Ok(Self {
            kind,
            blocks,
            visibility,
            layers,
            pixels,
            backdrop,
            sums,
            lists,
            touched,
            lists_max,
            composite,
            attachment,
        })
    }

    pub(crate) fn bytes(&self) -> u64 {
        let buffers =
            [&self.visibility, &self.layers[0], &self.layers[1], &self.pixels, &self.backdrop, &self.sums, &self.lists];
        let attachment = self.attachment.as_ref().map_or(0, |_| self.kind.size.pixels() * self.kind.samples.count());
        buffers.iter().map(|buffer| buffer.size()).sum::<u64>() + u64::from(attachment)
    }
}

/// Makes an attachment with one byte per sample.
fn attachment(graphics: &Graphics, kind: TargetsKind) -> Result<wgpu::TextureView, RenderError> {
    let descriptor = wgpu::TextureDescriptor {
        label: Some("attachment"),
        size: wgpu::Extent3d { width: kind.size.width, height: kind.size.height, depth_or_array_layers: 1 },
        mip_level_count: 1,
        sample_count: kind.samples.count(),
        dimension: wgpu::TextureDimension::D2,
        format: ATTACHMENT,
        usage: wgpu::TextureUsages::RENDER_ATTACHMENT | wgpu::TextureUsages::TRANSIENT_ATTACHMENT,
        view_formats: &[],
    };
    let texture = graphics.guarded("an attachment", |device| device.create_texture(&descriptor))?;
    Ok(texture.create_view(&Default::default()))
}

impl Scratch {
    pub(crate) fn new(graphics: &Graphics, layouts: &Layouts) -> Result<Self, RenderError> {
        let indirect = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::INDIRECT;
        let queue_counts = graphics.buffer("queue counts", 8, STORAGE)?;
        let queue_dispatches = graphics.buffer("queue dispatches", 2 * 12, indirect)?;
        let queue_draws = graphics.buffer("queue draws", 2 * 16, indirect)?;
        let list_counts = graphics.buffer("list counts", RUNS_AT_ONCE as u64 * 4, STORAGE)?;
        let list_dispatches = graphics.buffer("list dispatches", RUNS_AT_ONCE as u64 * 12, indirect)?;
        let touched_count = graphics.buffer("touched count", 4, STORAGE)?;
        let touched_dispatch = graphics.buffer("touched dispatch", 12, indirect)?;
        let picked_usage = wgpu::BufferUsages::COPY_SRC | wgpu::BufferUsages::COPY_DST;
        let arguments = |counts, dispatches| layouts.bind(&graphics.device, Group::Arguments, &[counts, dispatches]);
        Ok(Self {
            queue: graphics.buffer("large triangles", u64::from(QUEUE_LENGTH * QUEUE_RECORD_QUADS) * 16, STORAGE)?,
            queue_length: QUEUE_LENGTH,
            queue_arguments: arguments(&queue_counts, &queue_dispatches),
            queue_draw_arguments: arguments(&queue_counts, &queue_draws),
            list_arguments: arguments(&list_counts, &list_dispatches),
            touched_arguments: arguments(&touched_count, &touched_dispatch),
            touched_count,
            touched_dispatch,
            picked: graphics.buffer("picked", PICK_BYTES, picked_usage)?,
            queue_counts,
            queue_dispatches,
            queue_draws,
            list_counts,
            list_dispatches,
        })
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.queue.size()
    }
}

/// Returns a neutral grey that is slightly lighter at the top, with noise of one step against banding.
pub(crate) fn gradient(size: Size) -> Vec<u8> {
    const ABOVE: [f32; 3] = [0.215, 0.225, 0.245];
    const BELOW: [f32; 3] = [0.105, 0.11, 0.12];
    let mut pixels = Vec::with_capacity(size.pixels() as usize * 4);
    for row in 0..size.height {
        let set = row as f32 / (size.height - 1).max(1) as f32;
        let color: [f32; 3] = std::array::from_fn(|c| (ABOVE[c] + (BELOW[c] - ABOVE[c]) * set) * 255.0);
        for column in 0..size.width {
            let noise = dither(column, row);
            pixels.extend(color.map(|value| (value + noise) as u8));
            pixels.push(255);
        }
    }
    pixels
}

/// Returns a value of an ordered pattern, 0 to 1. It is the same in every frame and cheap to encode.
fn dither(x: u32, y: u32) -> f32 {
    const PATTERN: [[u8; 4]; 4] = [[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]];
    (f32::from(PATTERN[y as usize % 4][x as usize % 4]) + 0.5) / 16.0
}

//! Motion of what a frame shows: for each cell, the surface and its place in the frame that the history ends with. A
//! cell is the square of pixels of the stream that one rendered pixel stands for. A kernel finds it, or the processor
//! does from the visibility buffer, which is read back instead (`output/history/seen.rs`).

use glam::{DVec3, Vec2, Vec3A};

use crate::blocks::BlockRect;
use crate::device::graphics::Graphics;
use crate::device::upload::UploadBuffer;
use crate::frame::{FrameRequest, History, RenderError, Samples, Size};
use crate::kernels::groups::Group;
use crate::kernels::shared::{GROUPS_WIDE, MotionFrame, SAMPLE_OFFSETS};
use crate::kernels::{Kernel, Kernels};
use crate::passes::seen::SeenFrame;
use crate::passes::targets::{Scratch, Targets};
use crate::residency::instances::InstanceStore;
use crate::view::View;

/// Words per cell in the guide: motion, depths, surface.
const GUIDE_WORDS: u64 = 3;
/// Positions of the pixels of a cell in the order in which frames render them, relative to the middle of the cell, in
/// pixels of the stream. Neighbours in time lie on a diagonal, so that two frames show every row and every column.
const CELL_ORDER: [[f32; 2]; 4] = [[-0.5, -0.5], [0.5, 0.5], [0.5, -0.5], [-0.5, 0.5]];
/// Order of the four samples of a pixel.
const SAMPLE_ORDER: [usize; 4] = [0, 3, 1, 2];
/// Smallest side of a stream with a history: interpolation needs two values of chroma.
const STREAM_MIN: u32 = 4;
/// A view whose direction differs by more, in radians, has nothing to continue.
const TURN_MAX: f32 = 0.7;

/// A frame's part in the history.
#[derive(Clone, Debug)]
pub(crate) struct HistoryFrame {
    /// True if pixels of earlier frames may be shown.
    pub continues: bool,
    /// Columns and rows of cells.
    pub cells: Size,
    /// Pixels of the stream per cell in each direction, 1 or 2.
    pub cell_pixels: u32,
    /// Position of the sample relative to the middle of its cell, in pixels of the stream.
    pub jitter: Vec2,
    /// True if the view is that of the frame before.
    pub still: bool,
    /// True if no instance has changed either.
    pub unchanged: bool,
    /// One bit per instance that has changed since the frame before, if the view has not; empty otherwise.
    pub changed: Vec<u32>,
    /// True if nothing but the plain background lies behind everything.
    pub plain_background: bool,
}

/// The frame that the history ends with.
#[derive(Clone, Copy, Debug)]
struct LastFrame {
    view: View,
    origin: DVec3,
    stream_size: Size,
    /// Number of the arrangement of instances.
    arrangement: u64,
    /// Opacity of the checkerboard in the background.
    checkerboard: f32,
}

/// Finds motion, and keeps the view that it is relative to.
#[derive(Debug)]
pub(crate) struct Motion {
    uniform: wgpu::Buffer,
    moves: UploadBuffer<[[f32; 4]; 3]>,
    guide: Option<wgpu::Buffer>,
    /// Number of cells that the guide describes.
    cells: u32,
    /// The variant that describes the frame in preparation.
    kernel: Option<Kernel>,
    /// True if the kernel describes every frame, for comparisons.
    pub(crate) by_kernel: bool,
    /// Set if the processor describes the frame in preparation instead.
    seen: Option<SeenFrame>,
    last: Option<LastFrame>,
    /// Number of frames that continued the history, from which the jitter follows.
    frames: usize,
}

/// The surfaces that the guide describes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MotionSurfaces<'a> {
    pub samples: Samples,
    /// True if there is a transparent layer.
    pub layered: bool,
    /// Blocks that solid and blended surfaces can cover.
    pub areas: [BlockRect; 2],
    /// Instance and cluster of each entry, and the instances, if the processor may describe the frame.
    pub entries: Option<(&'a [[u32; 2]], &'a InstanceStore)>,
}

impl HistoryFrame {
    /// Bytes of the guide.
    pub(crate) fn guide_bytes(&self) -> u64 {
        u64::from(self.cells.pixels()) * GUIDE_WORDS * 4
    }
}

impl Motion {
    pub(crate) fn new(graphics: &Graphics) -> Result<Self, RenderError> {
        let usage = wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST;
        Ok(Self {
            uniform: graphics.buffer("motion", size_of::<MotionFrame>() as u64, usage)?,
            moves: UploadBuffer::new(graphics, "moves")?,
            guide: None,
            cells: 0,
            kernel: None,
            by_kernel: false,
            seen: None,
            last: None,
            frames: 0,
        })
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.guide.as_ref().map_or(0, wgpu::Buffer::size) + self.moves.buffer().size()
    }

    /// Forgets the last frame, so that the next one continues nothing, and frees memory.
    pub(crate) fn forget(&mut self) {
        self.last = None;
        self.guide = None;
    }

    /// Returns the part that a frame has in the history; `None` if it has none, or the stream is too small. `view` has
    /// no jitter yet.
    pub(crate) fn plan(&self, request: &FrameRequest, view: &View, instances: &InstanceStore) -> Option<HistoryFrame> {
        let (render, stream) = (request.render_size, request.stream_size);
        if stream.width.min(stream.height) < STREAM_MIN {
            return None;
        }
        let cell_pixels = match request.options.history {
            History::Apart => return None,
            // Cells need not be finer than those of frames in motion.
            History::Begin => 2,
            History::Continue => stream.width / render.width,
        };
        let cells = Size::new(stream.width / cell_pixels, stream.height / cell_pixels);
        let jitter = match request.options.history {
            History::Apart | History::Begin => Vec2::ZERO,
            History::Continue => jitter(self.frames, cell_pixels),
        };
        let continues = request.options.history == History::Continue
            && self.last.is_some_and(|last| {
                last.stream_size == stream
                    && last.origin == instances.origin
                    && last.arrangement == instances.arrangement
                    && last.checkerboard == request.options.checkerboard
                    && last.view.forward.dot(view.forward) > TURN_MAX.cos()
            });
        let still = self.last.is_some_and(|last| last.view.shows_the_same_as(view));
        let plain_background = request.options.checkerboard == 0.0;
        let has_moves = instances.has_moves();
        Some(HistoryFrame {
            continues,
            cells,
            cell_pixels,
            jitter,
            still,
            unchanged: still && !has_moves,
            changed: if continues && still && has_moves { instances.changed() } else { Vec::new() },
            plain_background,
        })
    }

    /// Notes that a frame has been submitted, which the next one continues.
    pub(crate) fn submitted(&mut self, view: View, origin: DVec3, request: &FrameRequest, arrangement: u64) {
        let (stream_size, checkerboard) = (request.stream_size, request.options.checkerboard);
        let view = View { jitter: Vec2::ZERO, ..view };
        self.last = Some(LastFrame { view, origin, stream_size, arrangement, checkerboard });
        self.frames += 1;
    }

    /// Decides who describes the frame. For the kernel, compiles it, uploads everything that it reads, and makes room
    /// for its results.
    pub(crate) fn prepare(
        &mut self,
        graphics: &Graphics,
        kernels: &mut Kernels,
        frame: &HistoryFrame,
        view: &View,
        surfaces: MotionSurfaces<'_>,
        (epoch, moves): (u32, &[[[f32; 4]; 3]]),
    ) -> Result<(), RenderError> {
        let MotionSurfaces { samples, layered, areas, entries } = surfaces;
        let last = self.last.map_or(*view, |last| last.view);
        let uniform = uniform(frame, view, &last, areas, epoch);
        let rendered = rendered_pixels(frame, view);
        let simple = samples == Samples::One && rendered == 1 && !self.by_kernel;
        self.seen = entries.filter(|_| simple).map(|(entries, instances)| {
            let nothing = BlockRect { first: [0, 0], size: Size::new(0, 0) };
            let areas = [areas[0], if layered { areas[1] } else { nothing }];
            SeenFrame::new(uniform, view, areas, entries, (instances, moves))
        });
        if self.seen.is_some() {
            self.kernel = None;
            return Ok(());
        }
        let kernel = Kernel::Motion { samples, rendered, layered, moving: !moves.is_empty() };
        kernels.ensure(graphics, kernel)?;
        self.kernel = Some(kernel);
        let bytes = frame.guide_bytes();
        if self.guide.as_ref().is_none_or(|guide| guide.size() < bytes) {
            let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC | wgpu::BufferUsages::COPY_DST;
            self.guide = Some(graphics.buffer("guide", bytes, usage)?);
        }
        self.cells = frame.cells.pixels();
        self.moves.write(graphics, moves)?;
        graphics.queue.write_buffer(&self.uniform, 0, bytemuck::bytes_of(&uniform));
        Ok(())
    }

    /// Returns the guide that [`Self::record`] fills.
    pub(crate) fn guide(&self) -> Option<&wgpu::Buffer> {
        self.guide.as_ref()
    }

    /// Returns the number of bytes that the processor reads to learn the guide.
    pub(crate) fn readback_bytes(&self, frame: &HistoryFrame) -> u64 {
        self.seen.as_ref().map_or_else(|| frame.guide_bytes(), SeenFrame::bytes)
    }

    /// Copies them into a readback.
    pub(crate) fn append(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        frame: &HistoryFrame,
        targets: &Targets,
        readback: &wgpu::Buffer,
        mut at: u64,
    ) {
        let Some(seen) = &self.seen else {
            if let Some(guide) = &self.guide {
                encoder.copy_buffer_to_buffer(guide, 0, readback, at, frame.guide_bytes());
            }
            return;
        };
        for (buffer, (first, bytes)) in [&targets.visibility, &targets.layers[0]].into_iter().zip(seen.rows()) {
            if bytes > 0 {
                encoder.copy_buffer_to_buffer(buffer, first, readback, at, bytes);
            }
            at += bytes;
        }
    }

    /// Hands over what the processor needs to describe the frame; `None` if the kernel does.
    pub(crate) fn take_seen(&mut self) -> Option<SeenFrame> {
        self.seen.take()
    }

    /// Hands over the guide, which the next frame reads as that of the frame before.
    pub(crate) fn take_guide(&mut self) -> Option<wgpu::Buffer> {
        self.guide.take()
    }

    /// Takes memory for the next guide.
    pub(crate) fn reuse_guide(&mut self, guide: Option<wgpu::Buffer>) {
        self.guide = guide;
    }

    /// Records the kernel.
    pub(crate) fn record(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        graphics: &Graphics,
        kernels: &Kernels,
        scene: &wgpu::BindGroup,
        (targets, scratch): (&Targets, &Scratch),
    ) {
        let (Some(guide), Some(kernel)) = (&self.guide, self.kernel) else { return };
        let Kernel::Motion { layered, .. } = kernel else { return };
        // An unused binding gets a small placeholder.
        let layer = if layered { &targets.layers[0] } else { &scratch.list_counts };
        let buffers = [&self.uniform, &targets.visibility, layer, self.moves.buffer(), guide];
        let bind_group = kernels.layouts.bind(&graphics.device, Group::Motion, &buffers);
        let mut pass = encoder.begin_compute_pass(&Default::default());
        pass.set_pipeline(kernels.get(kernel));
        pass.set_bind_group(0, scene, &[]);
        pass.set_bind_group(2, &bind_group, &[]);
        let groups = self.cells.div_ceil(64);
        pass.dispatch_workgroups(groups.min(GROUPS_WIDE), groups.div_ceil(GROUPS_WIDE), 1);
    }
}

/// Returns the position of the sample of a cell in one frame: another pixel of the cell in each of four frames, and
/// another sample of the pixel in each of the four rounds that follow.
fn jitter(frame: usize, cell_pixels: u32) -> Vec2 {
    let sample = |index: usize| Vec2::from(SAMPLE_OFFSETS[SAMPLE_ORDER[index % 4]].map(|offset| offset as f32 / 256.0));
    match cell_pixels {
        1 => sample(frame),
        _ => Vec2::from(CELL_ORDER[frame % 4]) + sample(frame / 4),
    }
}

/// Returns the number of rendered pixels per cell in each direction, 1 or 2.
fn rendered_pixels(frame: &HistoryFrame, view: &View) -> u8 {
    if view.size.width / frame.cells.width < 2 { 1 } else { 2 }
}

fn uniform(frame: &HistoryFrame, view: &View, last: &View, areas: [BlockRect; 2], epoch: u32) -> MotionFrame {
    let size = view.size;
    // Pixels of the stream per rendered pixel.
    let scale = frame.cell_pixels as f32 * frame.cells.width as f32 / size.width as f32;
    let stream = Vec2::new(size.width as f32, size.height as f32) * scale;
    let per_tangent = view.pixels_per_tangent * scale;
    let per_tangent_before = last.pixels_per_tangent * (stream.y / last.size.height as f32);
    let middle = stream * 0.5;
    // A pixel at (x, y) lies along forward + right * (x - middle) / scale - up * (y - middle) / scale.
    let (across, down) = (view.right / per_tangent, -view.up / per_tangent);
    let corner = view.forward - across * middle.x - down * middle.y;
    let row_x = last.right * per_tangent_before + last.forward * middle.x;
    let row_y = last.forward * middle.y - last.up * per_tangent_before;
    let row_w = last.forward;
    let eye = view.eye - last.eye;
    let before = |row: Vec3A| [row.dot(across), row.dot(down), row.dot(corner), row.dot(eye)];
    let along = |axis: usize| [across[axis], down[axis], corner[axis], 0.0];
    let [solid_area, blended_area] =
        areas.map(|area| [area.first[0], area.first[1], area.size.width, area.size.height]);
    let whole = |row: Vec3A| row.extend(0.0).to_array();
    MotionFrame {
        cells: [frame.cells.width, frame.cells.height, epoch, 0],
        jitter: [view.jitter.x, view.jitter.y, scale, 0.0],
        solid_area,
        blended_area,
        before_x: before(row_x),
        before_y: before(row_y),
        before_w: before(row_w),
        along_x: along(0),
        along_y: along(1),
        along_z: along(2),
        row_x_before: whole(row_x),
        row_y_before: whole(row_y),
        row_w_before: whole(row_w),
        eye_before: whole(last.eye),
    }
}

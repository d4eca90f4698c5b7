//! Recording a frame, from the selection to the finished pixels.
//!
//! ```text
//!   batches ──raster──▶ visibility, queue ──large triangles──▶ visibility  per batch, until the queue is flushed
//!   deferred entries ──cull──▶ batches                                     if an earlier frame found any hidden
//!   runs ──classify──▶ lists of blocks ──resolve──▶ frame                  per 32 runs
//!   the same for each transparent layer, which is blended into the frame
//! ```

mod large;
mod shade;

use std::ops::Range;

use bytemuck::bytes_of;

use self::shade::resolve_kernel;
use crate::blocks::BlockRect;
use crate::device::graphics::Graphics;
use crate::frame::{FrameRequest, RenderError, Samples};
use crate::kernels::Fragments;
use crate::kernels::groups::Group;
use crate::kernels::shared::{CheckerboardStyle, GROUPS_WIDE, RasterDraw};
use crate::kernels::{Kernel, Kernels, LargePipeline, VisibilityWrite};
use crate::passes::occlusion::Occlusion;
use crate::passes::outline::Outline;
use crate::passes::pick::Pick;
use crate::passes::profile::{Mark, Profile};
use crate::passes::sliced_encoder::SlicedEncoder;
use crate::passes::targets::{Scratch, Targets, VisibilityView};
use crate::residency::model_store::ModelStore;
use crate::select::{Batch, Selection};
use crate::surface::{Phase, Shading};

/// Squares of the checkerboard from top to bottom.
const CHECKERBOARD_SQUARES: u32 = 36;

/// Everything that the passes of a frame refer to.
pub(crate) struct FrameRecorder<'a> {
    pub graphics: &'a Graphics,
    pub kernels: &'a Kernels,
    pub models: &'a ModelStore,
    pub scene: &'a wgpu::BindGroup,
    /// Bind groups of textures and light, one per texture array.
    pub lights: &'a [wgpu::BindGroup],
    pub scratch: &'a Scratch,
    pub targets: &'a Targets,
    /// Blocks that solid surfaces can cover. Nothing else of their buffers is cleared or processed.
    pub solid_area: BlockRect,
    pub blended_area: BlockRect,
    pub profile: &'a Profile,
    /// Numbers of the entries that are drawn at once.
    pub numbers: &'a wgpu::Buffer,
    /// Set if the frame uses occlusion culling.
    pub occlusion: Option<&'a Occlusion>,
    /// Set if an instance is selected.
    pub outline: Option<&'a Outline>,
    /// True if the outline is drawn into the rendered frame, and false if it only marks pixels.
    pub draws_line: bool,
    pub pick: Option<&'a Pick>,
}

/// How batches are rasterised.
#[derive(Clone, Copy)]
struct RasterMode {
    samples: Samples,
    write: VisibilityWrite,
    set: ClusterSet,
    first_layer: bool,
}

/// Targets of the kernels and of the rasteriser of the adapter.
struct RasterTargets {
    kernels: wgpu::BindGroup,
    large: wgpu::BindGroup,
}

/// The entries of the batches that are drawn.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ClusterSet {
    /// Entries that the selection found visible.
    Chosen,
    /// Deferred entries that survive culling on the device.
    Surviving,
}

/// The visibility buffer that is being drawn.
#[derive(Clone, Copy, PartialEq, Eq)]
enum DrawTarget {
    Solid,
    Layer { index: u32 },
}

impl Batch {
    fn numbers(&self, set: ClusterSet) -> Range<u32> {
        match set {
            ClusterSet::Chosen => self.chosen.clone(),
            ClusterSet::Surviving => self.deferred.clone(),
        }
    }
}

/// Returns how triangles are written; each one takes a dispatch.
fn writes(atomics_64: bool) -> &'static [VisibilityWrite] {
    if atomics_64 { &[VisibilityWrite::Whole] } else { &[VisibilityWrite::Depth, VisibilityWrite::Id] }
}

/// Compiles the kernels that the frame needs.
pub(crate) fn ensure_kernels(
    kernels: &mut Kernels,
    graphics: &Graphics,
    selection: &Selection,
    request: &FrameRequest,
) -> Result<(), RenderError> {
    let samples = request.samples;
    let mut wanted = vec![Kernel::Arguments, Kernel::Classify { samples }];
    if samples == Samples::Four {
        wanted.push(Kernel::Composite);
    }
    let wide = !graphics.adapter().software;
    if request.options.checkerboard > 0.0 {
        wanted.push(Kernel::Checkerboard);
    }
    if kernels.rasteriser {
        wanted.push(Kernel::Draws);
    }
    for batch in &selection.batches {
        let fragments = Fragments::of(batch.key.phase, batch.key.shading.detail());
        for &write in writes(graphics.adapter().atomics_64) {
            wanted.push(raster_kernel(batch, write, samples, wide));
            match (batch.small, kernels.rasteriser) {
                (true, _) => {}
                (false, true) => kernels.ensure_large(graphics, LargePipeline { fragments, write, samples })?,
                (false, false) => wanted.push(Kernel::RasterLarge { fragments, write, samples, wide }),
            }
        }
    }
    for run in &selection.runs {
        let layer = run.key.phase == Phase::Blend;
        wanted.push(resolve_kernel(run, samples, layer));
        if layer {
            wanted.push(Kernel::Composite);
        }
    }
    wanted.into_iter().try_for_each(|kernel| kernels.ensure(graphics, kernel))
}

fn raster_kernel(batch: &Batch, write: VisibilityWrite, samples: Samples, wide: bool) -> Kernel {
    let fragments = Fragments::of(batch.key.phase, batch.key.shading.detail());
    match batch.key.shading {
        Shading::Points => Kernel::RasterPoints { write, samples, wide },
        Shading::Plain | Shading::Layered { .. } | Shading::Full { .. } => {
            Kernel::Raster { fragments, write, samples, wide, small: batch.small }
        }
    }
}

impl FrameRecorder<'_> {
    pub(crate) fn record(&self, slices: &mut SlicedEncoder<'_>, selection: &Selection, request: &FrameRequest) {
        let targets = self.targets;
        let encoder = slices.encoder();
        self.profile.mark(encoder, Mark::Begin);
        encoder.clear_buffer(&targets.visibility, 0, None);
        encoder.copy_buffer_to_buffer(&targets.backdrop, 0, &targets.pixels, 0, targets.pixels.size());
        if request.options.checkerboard > 0.0 {
            self.checkerboard(encoder, request.options.checkerboard);
        }
        let solid = [Phase::Opaque, Phase::Mask];
        self.raster(slices, selection.batches_of(&solid), request.samples, DrawTarget::Solid, ClusterSet::Chosen);
        if let Some(occlusion) = self.occlusion {
            slices.end_slice();
            let encoder = slices.encoder();
            occlusion.record_pyramid(encoder, self.graphics, self.kernels, targets, self.solid_area);
            if !selection.candidates.is_empty() {
                occlusion.record_cull(encoder, self.graphics, self.kernels, self.scene, selection);
                self.raster(
                    slices,
                    selection.batches_of(&solid),
                    request.samples,
                    DrawTarget::Solid,
                    ClusterSet::Surviving,
                );
            }
        }
        let encoder = slices.encoder();
        self.profile.mark(encoder, Mark::Rastered);
        if let Some(outline) = self.outline {
            outline.clear(encoder);
        }
        self.inspect(encoder, DrawTarget::Solid);
        let solid = selection.runs_of(&[Phase::Opaque, Phase::Mask]);
        // Without a run, nothing updates the list of touched blocks, which is still that of an earlier frame.
        let summed = request.samples == Samples::Four && solid.clone().next().is_some();
        if summed {
            self.clear_sums(encoder, self.solid_area);
        }
        self.shade(slices, solid, request.samples, DrawTarget::Solid);
        let encoder = slices.encoder();
        if summed {
            self.composite(encoder);
        }

        self.profile.mark(encoder, Mark::Shaded);

        let blended = selection.runs_of(&[Phase::Blend]);
        if blended.clone().next().is_some() {
            self.clear_sums(encoder, self.blended_area);
            for index in 0..request.blend_layers {
                let target = DrawTarget::Layer { index };
                self.clear_layer(slices.encoder(), target);
                self.raster(slices, selection.batches_of(&[Phase::Blend]), request.samples, target, ClusterSet::Chosen);
                self.inspect(slices.encoder(), target);
                self.shade(slices, blended.clone(), request.samples, target);
            }
            self.composite(slices.encoder());
        }
        let encoder = slices.encoder();
        if let Some(outline) = self.outline.filter(|_| self.draws_line) {
            outline.draw(encoder, self.graphics, self.kernels, targets, request);
        }
        self.profile.mark(encoder, Mark::Blended);
    }

    /// Marks selected pixels of a finished visibility buffer, and copies the picked pixel.
    fn inspect(&self, encoder: &mut wgpu::CommandEncoder, target: DrawTarget) {
        let seen = VisibilityView { buffer: self.visibility(target), area: self.area(target) };
        if let Some(outline) = self.outline {
            outline.mark(encoder, self.graphics, self.kernels, self.scene, self.targets, seen);
        }
        if let (Some(pick), DrawTarget::Solid | DrawTarget::Layer { index: 0 }) = (self.pick, target) {
            pick.copy(encoder, seen, self.targets.blocks, &self.scratch.picked, target != DrawTarget::Solid);
        }
    }

    fn checkerboard(&self, encoder: &mut wgpu::CommandEncoder, opacity: f32) {
        let size = self.targets.kind.size;
        let layouts = &self.kernels.layouts;
        let bind_group = layouts.bind(&self.graphics.device, Group::Checkerboard, &[&self.targets.pixels]);
        // The squares appear equally large at any size of the frame.
        let side = (size.height / CHECKERBOARD_SQUARES).max(1);
        let mut pass = encoder.begin_compute_pass(&Default::default());
        pass.set_pipeline(self.kernels.get(Kernel::Checkerboard));
        pass.set_bind_group(0, &bind_group, &[]);
        pass.set_immediates(0, bytes_of(&CheckerboardStyle { size: [size.width, size.height], side, opacity }));
        pass.dispatch_workgroups(size.width.div_ceil(8), size.height.div_ceil(8), 1);
    }

    fn area(&self, target: DrawTarget) -> BlockRect {
        match target {
            DrawTarget::Solid => self.solid_area,
            DrawTarget::Layer { .. } => self.blended_area,
        }
    }

    /// Clears the rows of blocks that the layer can cover.
    fn clear_layer(&self, encoder: &mut wgpu::CommandEncoder, target: DrawTarget) {
        let buffer = self.visibility(target);
        let row_bytes = buffer.size() / u64::from(self.targets.blocks.height);
        let BlockRect { first: [_, row], size } = self.area(target);
        if size.height > 0 {
            encoder.clear_buffer(buffer, u64::from(row) * row_bytes, Some(u64::from(size.height) * row_bytes));
        }
    }

    fn visibility(&self, target: DrawTarget) -> &wgpu::Buffer {
        match target {
            DrawTarget::Solid => &self.targets.visibility,
            DrawTarget::Layer { index } => &self.targets.layers[index as usize % 2],
        }
    }

    fn raster<'b>(
        &self,
        slices: &mut SlicedEncoder<'_>,
        batches: impl Iterator<Item = &'b Batch>,
        samples: Samples,
        target: DrawTarget,
        set: ClusterSet,
    ) {
        let scratch = self.scratch;
        let numbers = match (set, self.occlusion) {
            (ClusterSet::Surviving, Some(occlusion)) => occlusion.survivors(),
            (ClusterSet::Chosen | ClusterSet::Surviving, _) => self.numbers,
        };
        // A kernel cannot read a buffer that it also writes: unused bindings get a small placeholder.
        let (solid, before) = match target {
            DrawTarget::Solid => (&scratch.list_counts, &scratch.list_counts),
            DrawTarget::Layer { index } => (&self.targets.visibility, &self.targets.layers[(index as usize + 1) % 2]),
        };
        let buffers = [self.visibility(target), &scratch.queue_counts, &scratch.queue, solid, before, numbers];
        let device = &self.graphics.device;
        let layouts = &self.kernels.layouts;
        let targets = RasterTargets {
            kernels: layouts.bind(device, Group::RasterTargets, &buffers),
            large: layouts.bind(device, Group::RasteriserTargets, &buffers[..5]),
        };
        let first_layer = target == DrawTarget::Layer { index: 0 };

        let writes = writes(self.graphics.adapter().atomics_64);
        let mut waiting: Vec<&Batch> = Vec::new();
        for batch in batches {
            if !batch.numbers(set).is_empty() {
                waiting.push(batch);
            }
            if batch.flush {
                for &write in writes {
                    let mode = RasterMode { samples, write, set, first_layer };
                    self.raster_batches(slices, &waiting, mode, &targets);
                }
                waiting.clear();
            }
        }
    }

    /// Draws the batches up to a flush, and then the triangles that they queued.
    fn raster_batches(
        &self,
        slices: &mut SlicedEncoder<'_>,
        batches: &[&Batch],
        mode: RasterMode,
        targets: &RasterTargets,
    ) {
        let RasterMode { samples, write, set, first_layer } = mode;
        let Some(last) = batches.last() else { return };
        let scratch = self.scratch;
        slices.encoder().clear_buffer(&scratch.queue_counts, 0, None);
        let wide = !self.graphics.adapter().software;
        let at_once = slices.clusters();
        let mut left = at_once;
        let mut pass = self.raster_pass(slices.encoder(), targets);
        for batch in batches {
            let kernel = raster_kernel(batch, write, samples, wide);
            let numbers = batch.numbers(set);
            let mut first = numbers.start;
            while first < numbers.end {
                if left == 0 {
                    drop(pass);
                    slices.end_slice();
                    pass = self.raster_pass(slices.encoder(), targets);
                    left = at_once;
                }
                // Only the device knows how many entries survive, so they are not divided.
                let count = match set {
                    ClusterSet::Chosen => (numbers.end - first).min(left),
                    ClusterSet::Surviving => numbers.end - first,
                };
                pass.set_pipeline(self.kernels.get(kernel));
                pass.set_bind_group(1, self.models.geometry.bind_group(batch.key.bank), &[]);
                pass.set_bind_group(3, &self.lights[batch.key.shading.bucket() as usize], &[]);
                pass.set_immediates(
                    0,
                    bytes_of(&RasterDraw {
                        first,
                        count,
                        queue_length: scratch.queue_length,
                        first_layer: u32::from(first_layer),
                    }),
                );
                match (set, self.occlusion) {
                    (ClusterSet::Surviving, Some(occlusion)) => {
                        let offset = Occlusion::dispatch_offset(batch.deferring);
                        pass.dispatch_workgroups_indirect(occlusion.dispatches(), offset);
                    }
                    (ClusterSet::Chosen | ClusterSet::Surviving, _) => {
                        pass.dispatch_workgroups(count.min(GROUPS_WIDE), 1, count.div_ceil(GROUPS_WIDE));
                    }
                }
                first += count;
                left = left.saturating_sub(count);
            }
        }
        drop(pass);
        if batches.iter().all(|batch| batch.small) {
            return;
        }
        slices.end_slice();
        let mut pass = self.raster_pass(slices.encoder(), targets);
        match &self.targets.attachment {
            Some(attachment) => {
                self.count_vertices(&mut pass);
                drop(pass);
                self.rasterise_large(slices.encoder(), attachment, last, mode, &targets.large);
            }
            None => self.raster_large(&mut pass, last, mode),
        }
    }

    fn raster_pass<'b>(&self, encoder: &'b mut wgpu::CommandEncoder, targets: &RasterTargets) -> wgpu::ComputePass<'b> {
        let mut pass = encoder.begin_compute_pass(&Default::default());
        pass.set_bind_group(0, self.scene, &[]);
        pass.set_bind_group(2, &targets.kernels, &[]);
        pass
    }
}

//! Records a frame: from a selection to a finished picture.
//!
//! ```text
//!   batches ──raster──▶ visibility, queue ──large triangles──▶ visibility  per batch, until the queue is flushed
//!   what was put off ──cull──▶ batches                                     if anything was hidden a frame ago
//!   runs ──classify──▶ lists of blocks ──resolve──▶ picture                per 32 runs
//!   the same for each layer of what is transparent, which goes in front of the picture
//! ```

mod large;
mod shade;

use std::ops::Range;

use bytemuck::bytes_of;

use self::shade::resolve_kernel;
use crate::blocks::BlockRect;
use crate::device::graphics::Graphics;
use crate::frame::{FrameRequest, RenderError, Samples};
use crate::kernels::dispatch::GROUPS_WIDE;
use crate::kernels::layouts::bind_buffers;
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

/// Clusters that one piece of a frame rasterises: some 10 ms on two cores, with four samples.
const PIECE_CLUSTERS: u32 = 512;

/// Squares of the checkerboard from top to bottom.
const CHECKERBOARD_SQUARES: u32 = 36;

/// Bind groups and buffers that live as long as the scene.
pub(crate) struct FrameRecorder<'a> {
    pub graphics: &'a Graphics,
    pub kernels: &'a Kernels,
    pub library: &'a ModelStore,
    pub scene: &'a wgpu::BindGroup,
    /// Textures and light, by bucket.
    pub lights: &'a [wgpu::BindGroup],
    pub scratch: &'a Scratch,
    pub targets: &'a Targets,
    /// Where anything solid, and anything blended, may be seen: nothing else of their buffers is cleared, or looked at.
    pub solid_area: BlockRect,
    pub blended_area: BlockRect,
    pub profile: &'a Profile,
    /// Entries that are drawn at once.
    pub numbers: &'a wgpu::Buffer,
    /// If it is of use for this frame.
    pub occlusion: Option<&'a Occlusion>,
    /// If anything is selected.
    pub outline: Option<&'a Outline>,
    pub pick: Option<&'a Pick>,
}

/// How batches are rasterised.
#[derive(Clone, Copy)]
struct RasterMode {
    samples: Samples,
    cover: VisibilityWrite,
    share: ClusterSet,
    first_layer: bool,
}

/// What is drawn into, for the kernels and for the adapter's rasteriser.
struct RasterTargets {
    kernels: wgpu::BindGroup,
    large: wgpu::BindGroup,
}

/// Which entries of the batches are drawn.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ClusterSet {
    /// Known before.
    Chosen,
    /// Found by culling.
    Surviving,
}

/// Which part of a picture is being drawn.
#[derive(Clone, Copy, PartialEq, Eq)]
enum DrawTarget {
    Solid,
    Layer { index: u32 },
}

impl Batch {
    fn numbers(&self, share: ClusterSet) -> Range<u32> {
        match share {
            ClusterSet::Chosen => self.chosen.clone(),
            ClusterSet::Surviving => self.deferred.clone(),
        }
    }
}

/// The ways in which triangles are written; one dispatch each.
fn covers(atomics_64: bool) -> &'static [VisibilityWrite] {
    if atomics_64 { &[VisibilityWrite::Whole] } else { &[VisibilityWrite::Depth, VisibilityWrite::Id] }
}

/// Compiles what the frame needs and does not have yet.
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
        let fragments = batch.key.phase.fragments(batch.key.shading.detail());
        for &cover in covers(graphics.adapter().atomics_64) {
            wanted.push(raster_kernel(batch, cover, samples, wide));
            match (batch.small, kernels.rasteriser) {
                (true, _) => {}
                (false, true) => kernels.ensure_large(graphics, LargePipeline { fragments, cover, samples })?,
                (false, false) => wanted.push(Kernel::RasterLarge { fragments, cover, samples, wide }),
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

fn raster_kernel(batch: &Batch, cover: VisibilityWrite, samples: Samples, wide: bool) -> Kernel {
    let fragments = batch.key.phase.fragments(batch.key.shading.detail());
    match batch.key.shading {
        Shading::Points => Kernel::RasterPoints { cover, samples, wide },
        Shading::Plain | Shading::Layered { .. } | Shading::Full { .. } => {
            Kernel::Raster { fragments, cover, samples, wide, small: batch.small }
        }
    }
}

impl FrameRecorder<'_> {
    pub(crate) fn record(&self, pieces: &mut SlicedEncoder<'_>, selection: &Selection, request: &FrameRequest) {
        let targets = self.targets;
        let encoder = pieces.encoder();
        self.profile.mark(encoder, Mark::Begin);
        encoder.clear_buffer(&targets.visibility, 0, None);
        encoder.copy_buffer_to_buffer(&targets.backdrop, 0, &targets.picture, 0, targets.picture.size());
        if request.options.checkerboard > 0.0 {
            self.checkerboard(encoder, request.options.checkerboard);
        }
        let solid = [Phase::Opaque, Phase::Mask];
        self.raster(pieces, selection.batches_of(&solid), request.samples, DrawTarget::Solid, ClusterSet::Chosen);
        if let Some(occlusion) = self.occlusion {
            let encoder = pieces.encoder();
            occlusion.record_pyramid(encoder, self.graphics, self.kernels, targets, self.solid_area);
            if !selection.candidates.is_empty() {
                occlusion.record_cull(encoder, self.graphics, self.kernels, self.scene, selection);
                self.raster(
                    pieces,
                    selection.batches_of(&solid),
                    request.samples,
                    DrawTarget::Solid,
                    ClusterSet::Surviving,
                );
            }
        }
        let encoder = pieces.encoder();
        self.profile.mark(encoder, Mark::Rastered);
        if let Some(outline) = self.outline {
            outline.clear(encoder);
        }
        self.inspect(encoder, DrawTarget::Solid);
        let solid = selection.runs_of(&[Phase::Opaque, Phase::Mask]);
        // Without a run nothing lists the blocks that are touched: the list is still that of an earlier frame.
        let summed = request.samples == Samples::Four && solid.clone().next().is_some();
        if summed {
            self.clear_sums(encoder, self.solid_area);
        }
        self.shade(pieces, solid, request.samples, DrawTarget::Solid);
        let encoder = pieces.encoder();
        if summed {
            self.composite(encoder);
        }

        self.profile.mark(encoder, Mark::Shaded);

        let blended = selection.runs_of(&[Phase::Blend]);
        if blended.clone().next().is_some() {
            self.clear_sums(encoder, self.blended_area);
            for index in 0..request.blend_layers {
                let part = DrawTarget::Layer { index };
                self.clear_layer(pieces.encoder(), part);
                self.raster(pieces, selection.batches_of(&[Phase::Blend]), request.samples, part, ClusterSet::Chosen);
                self.inspect(pieces.encoder(), part);
                self.shade(pieces, blended.clone(), request.samples, part);
            }
            self.composite(pieces.encoder());
        }
        let encoder = pieces.encoder();
        if let Some(outline) = self.outline {
            outline.draw(encoder, self.graphics, self.kernels, targets, request);
        }
        self.profile.mark(encoder, Mark::Blended);
    }

    /// Notes what a finished visibility buffer shows of what is selected, and at the pixel that is asked about.
    fn inspect(&self, encoder: &mut wgpu::CommandEncoder, part: DrawTarget) {
        let seen = VisibilityView { buffer: self.visibility(part), area: self.area(part) };
        if let Some(outline) = self.outline {
            outline.mark(encoder, self.graphics, self.kernels, self.scene, self.targets, seen);
        }
        if let (Some(pick), DrawTarget::Solid | DrawTarget::Layer { index: 0 }) = (self.pick, part) {
            pick.copy(encoder, seen, self.targets.blocks, &self.scratch.picked, part != DrawTarget::Solid);
        }
    }

    fn checkerboard(&self, encoder: &mut wgpu::CommandEncoder, opacity: f32) {
        let size = self.targets.kind.size;
        let layout = &self.kernels.layouts.checkerboard;
        let bind_group = bind_buffers(&self.graphics.device, "checkerboard", layout, &[&self.targets.picture]);
        // As large to the eye at any size of the picture.
        let side = (size.height / CHECKERBOARD_SQUARES).max(1);
        let mut pass = encoder.begin_compute_pass(&Default::default());
        pass.set_pipeline(self.kernels.get(Kernel::Checkerboard));
        pass.set_bind_group(0, &bind_group, &[]);
        pass.set_immediates(0, bytes_of(&[size.width, size.height, side, opacity.to_bits()]));
        pass.dispatch_workgroups(size.width.div_ceil(8), size.height.div_ceil(8), 1);
    }

    fn area(&self, part: DrawTarget) -> BlockRect {
        match part {
            DrawTarget::Solid => self.solid_area,
            DrawTarget::Layer { .. } => self.blended_area,
        }
    }

    /// The rows of blocks of its area.
    fn clear_layer(&self, encoder: &mut wgpu::CommandEncoder, part: DrawTarget) {
        let buffer = self.visibility(part);
        let row_bytes = buffer.size() / u64::from(self.targets.blocks.height);
        let BlockRect { first: [_, row], size } = self.area(part);
        if size.height > 0 {
            encoder.clear_buffer(buffer, u64::from(row) * row_bytes, Some(u64::from(size.height) * row_bytes));
        }
    }

    fn visibility(&self, part: DrawTarget) -> &wgpu::Buffer {
        match part {
            DrawTarget::Solid => &self.targets.visibility,
            DrawTarget::Layer { index } => &self.targets.layers[index as usize % 2],
        }
    }

    fn raster<'b>(
        &self,
        pieces: &mut SlicedEncoder<'_>,
        batches: impl Iterator<Item = &'b Batch>,
        samples: Samples,
        part: DrawTarget,
        share: ClusterSet,
    ) {
        let scratch = self.scratch;
        let numbers = match (share, self.occlusion) {
            (ClusterSet::Surviving, Some(occlusion)) => occlusion.survivors(),
            (ClusterSet::Chosen | ClusterSet::Surviving, _) => self.numbers,
        };
        // A buffer cannot be read and written by one kernel: what is not looked at is bound to something small.
        let (solid, before) = match part {
            DrawTarget::Solid => (&scratch.list_counts, &scratch.list_counts),
            DrawTarget::Layer { index } => (&self.targets.visibility, &self.targets.layers[(index as usize + 1) % 2]),
        };
        let buffers = [self.visibility(part), &scratch.queue_counts, &scratch.queue, solid, before, numbers];
        let device = &self.graphics.device;
        let layouts = &self.kernels.layouts;
        let targets = RasterTargets {
            kernels: bind_buffers(device, "raster targets", &layouts.raster, &buffers),
            large: bind_buffers(device, "rasteriser targets", &layouts.rasteriser, &buffers[..5]),
        };
        let first_layer = part == DrawTarget::Layer { index: 0 };

        let covers = covers(self.graphics.adapter().atomics_64);
        let mut waiting: Vec<&Batch> = Vec::new();
        for batch in batches {
            if !batch.numbers(share).is_empty() {
                waiting.push(batch);
            }
            if batch.flush {
                for &cover in covers {
                    let way = RasterMode { samples, cover, share, first_layer };
                    self.raster_batches(pieces, &waiting, way, &targets);
                }
                waiting.clear();
            }
        }
    }

    /// Batches up to a flush, and then what they queued.
    fn raster_batches(
        &self,
        pieces: &mut SlicedEncoder<'_>,
        batches: &[&Batch],
        way: RasterMode,
        targets: &RasterTargets,
    ) {
        let RasterMode { samples, cover, share, first_layer } = way;
        let Some(last) = batches.last() else { return };
        let scratch = self.scratch;
        pieces.encoder().clear_buffer(&scratch.queue_counts, 0, None);
        let wide = !self.graphics.adapter().software;
        let at_once = if pieces.cutting() { PIECE_CLUSTERS } else { u32::MAX };
        let mut left = at_once;
        let mut pass = self.raster_pass(pieces.encoder(), targets);
        for batch in batches {
            let kernel = raster_kernel(batch, cover, samples, wide);
            let numbers = batch.numbers(share);
            let mut first = numbers.start;
            while first < numbers.end {
                if left == 0 {
                    drop(pass);
                    pieces.cut();
                    pass = self.raster_pass(pieces.encoder(), targets);
                    left = at_once;
                }
                // How many survive, only the device knows: they are not divided.
                let count = match share {
                    ClusterSet::Chosen => (numbers.end - first).min(left),
                    ClusterSet::Surviving => numbers.end - first,
                };
                pass.set_pipeline(self.kernels.get(kernel));
                pass.set_bind_group(1, self.library.geometry.bind_group(batch.key.bank), &[]);
                pass.set_bind_group(3, &self.lights[batch.key.shading.bucket() as usize], &[]);
                pass.set_immediates(0, bytes_of(&[first, count, scratch.queue_length, u32::from(first_layer)]));
                match (share, self.occlusion) {
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
        if batches.iter().all(|batch| batch.small) {
            return;
        }
        match &self.targets.attachment {
            Some(attachment) => {
                self.count_vertices(&mut pass);
                drop(pass);
                self.rasterise_large(pieces.encoder(), attachment, last, way, &targets.large);
            }
            None => self.raster_large(&mut pass, last, way),
        }
    }

    fn raster_pass<'b>(&self, encoder: &'b mut wgpu::CommandEncoder, targets: &RasterTargets) -> wgpu::ComputePass<'b> {
        let mut pass = encoder.begin_compute_pass(&Default::default());
        pass.set_bind_group(0, self.scene, &[]);
        pass.set_bind_group(2, &targets.kernels, &[]);
        pass
    }
}

//! Occlusion culling in two phases. Clusters that an earlier frame showed are drawn at once. The others are drawn
//! afterwards, unless they are hidden by those.
//!
//! ```text
//!   depth pyramid of an earlier frame ─▶ selection ─┬─ chosen ──raster──▶ visibility ──pyramid──▶ depths
//!                                                   └─ candidates ──cull by depths──▶ survivors ──raster──▶ visibility
//!   depths ──read back──▶ depth pyramid of a later frame
//! ```
//!
//! The frame equals one without culling. A wrong prediction only costs time, because the device tests each candidate
//! again and leaves out only those that lie behind every sample that they could cover.

use bytemuck::bytes_of;

use crate::blocks::BlockRect;
use crate::device::graphics::Graphics;
use crate::device::upload::UploadBuffer;
use crate::frame::{RenderError, Samples, Size};
use crate::kernels::dispatch::set_arguments;
use crate::kernels::groups::{Group, Layouts};
use crate::kernels::shared::{
    Candidate, CullCandidates, DispatchPlan, GROUPS_WIDE, PyramidExtent, SURVIVOR_TOTALS, ShrinkLevels,
};
use crate::kernels::{Kernel, Kernels};
use crate::passes::targets::Targets;
use crate::select::Selection;
use crate::select::depth_pyramid::{self, DepthPyramid, LevelShape};
use crate::view::View;

/// With fewer clusters, testing costs more than drawing.
pub(crate) const CLUSTERS_MIN: u32 = 256;
/// Culling pays if it hides at least one in this many clusters.
const HIDDEN_SHARE: u32 = 8;
/// Number of consecutive frames in which culling does not pay before it is suspended. A jump of the camera causes one.
const UNPROFITABLE_FRAMES_MAX: u32 = 6;
const SUSPENDED_FRAMES: u32 = 60;
/// Largest level that one workgroup makes along with all coarser ones.
const REST_TEXELS_MAX: u32 = 1024;
/// Largest size of the level that is read back.
const READBACK_BYTES_MAX: u64 = 64 << 10;
const TOTALS: u64 = SURVIVOR_TOTALS as u64;
const STORAGE: wgpu::BufferUsages =
    wgpu::BufferUsages::STORAGE.union(wgpu::BufferUsages::COPY_DST).union(wgpu::BufferUsages::COPY_SRC);

#[derive(Debug)]
pub(crate) struct Occlusion {
    candidates: UploadBuffer<Candidate>,
    lists: SurvivorLists,
    device_pyramid: Option<PyramidBuffers>,
    pyramid: Option<DepthPyramid>,
    /// Consecutive frames in which culling did not pay.
    unprofitable_frames: u32,
    /// Frames until culling is tried again.
    suspended_frames: u32,
}

/// Lists of the entries that survive culling, by batch.
#[derive(Debug)]
struct SurvivorLists {
    survivors: wgpu::Buffer,
    counts: wgpu::Buffer,
    dispatches: wgpu::Buffer,
    arguments: wgpu::BindGroup,
}

#[derive(Debug)]
struct PyramidBuffers {
    frame_size: Size,
    levels: Vec<LevelShape>,
    depths: wgpu::Buffer,
    shrink: wgpu::BindGroup,
}

/// The occlusion query of one frame, evaluated when the frame is read back.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OcclusionQuery {
    pub view: View,
    /// Deferred clusters.
    pub candidates: u32,
    /// Clusters that could have been deferred.
    solid: u32,
    /// True if there was a depth pyramid to predict from.
    predicted: bool,
    /// Level of the pyramid that is read back.
    level: usize,
    pub bytes: u64,
}

/// Deferred clusters and triangles that were drawn after all.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Survivors {
    pub clusters: u32,
    pub triangles: u32,
}

impl Occlusion {
    pub(crate) fn new(graphics: &Graphics, layouts: &Layouts) -> Result<Self, RenderError> {
        Ok(Self {
            candidates: UploadBuffer::new(graphics, "candidates")?,
            lists: SurvivorLists::new(graphics, layouts, 1024, 64)?,
            device_pyramid: None,
            pyramid: None,
            unprofitable_frames: 0,
            suspended_frames: 0,
        })
    }

    pub(crate) fn bytes(&self) -> u64 {
        let device_pyramid = self.device_pyramid.as_ref().map_or(0, |device_pyramid| device_pyramid.depths.size());
        self.candidates.buffer().size() + self.lists.survivors.size() + device_pyramid
    }

    /// Returns the depth pyramid for the prediction, if there is one.
    pub(crate) fn pyramid(&self) -> Option<&DepthPyramid> {
        self.pyramid.as_ref()
    }

    /// Makes room for the selection. Returns `None` if this frame renders faster without a query.
    pub(crate) fn prepare(
        &mut self,
        graphics: &Graphics,
        kernels: &mut Kernels,
        selection: &Selection,
        view: &View,
        samples: Samples,
    ) -> Result<Option<OcclusionQuery>, RenderError> {
        if selection.candidates.is_empty() {
            if self.suspended_frames > 0 {
                self.suspended_frames -= 1;
                return Ok(None);
            }
            if selection.solid < CLUSTERS_MIN {
                self.pyramid = None;
                return Ok(None);
            }
        }
        kernels.ensure(graphics, Kernel::Pyramid { samples })?;
        kernels.ensure(graphics, Kernel::Shrink)?;
        kernels.ensure(graphics, Kernel::ShrinkRest)?;
        let device_pyramid =
            match self.device_pyramid.take().filter(|device_pyramid| device_pyramid.frame_size == view.size) {
                Some(device_pyramid) => device_pyramid,
                None => PyramidBuffers::new(graphics, &kernels.layouts, view.size)?,
            };
        let device_pyramid = self.device_pyramid.insert(device_pyramid);
        let (level, bytes) = device_pyramid.readable();
        if !selection.candidates.is_empty() {
            kernels.ensure(graphics, Kernel::Cull)?;
            self.candidates.write(graphics, &selection.candidates)?;
            self.lists.hold(graphics, &kernels.layouts, selection)?;
        }
        Ok(Some(OcclusionQuery {
            view: *view,
            candidates: selection.candidates.len() as u32,
            solid: selection.solid,
            predicted: self.pyramid.is_some(),
            level,
            bytes,
        }))
    }

    /// Returns the surviving entries, each batch's in the range of its candidates.
    pub(crate) fn survivors(&self) -> &wgpu::Buffer {
        &self.lists.survivors
    }

    /// Returns the arguments of dispatches with one workgroup per survivor.
    pub(crate) fn dispatches(&self) -> &wgpu::Buffer {
        &self.lists.dispatches
    }

    /// Returns the offset in [`Self::dispatches`] of a batch, by its index among those with candidates.
    pub(crate) fn dispatch_offset(batch: u32) -> u64 {
        (TOTALS + u64::from(batch)) * 12
    }

    /// Records the depth pyramid of everything drawn so far, all of which lies in `area`.
    pub(crate) fn record_pyramid(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        graphics: &Graphics,
        kernels: &Kernels,
        targets: &Targets,
        area: BlockRect,
    ) {
        let Some(device_pyramid) = &self.device_pyramid else { return };
        let buffers = [&targets.visibility, &device_pyramid.depths];
        let bind_group = kernels.layouts.bind(&graphics.device, Group::Pyramid, &buffers);
        let mut pass = encoder.begin_compute_pass(&Default::default());
        let (blocks, finest) = (targets.blocks, device_pyramid.levels[0].size);
        // Texels are two blocks wide and four high.
        let [column, row] = area.first;
        let low = (column / 2) | (row / 4) << 16;
        let end = (column + area.size.width).div_ceil(2) | (row + area.size.height).div_ceil(4) << 16;
        pass.set_pipeline(kernels.get(Kernel::Pyramid { samples: targets.kind.samples }));
        pass.set_bind_group(0, &bind_group, &[]);
        pass.set_immediates(0, bytes_of(&PyramidExtent { blocks: [blocks.width, blocks.height], low, end }));
        pass.dispatch_workgroups(finest.pixels().div_ceil(64), 1, 1);
        pass.set_bind_group(0, &device_pyramid.shrink, &[]);
        for pair in device_pyramid.levels.windows(2) {
            let [fine, coarse] = [pair[0], pair[1]];
            let size = [fine.size.width, fine.size.height];
            let is_small = coarse.size.pixels() <= REST_TEXELS_MAX;
            pass.set_pipeline(kernels.get(if is_small { Kernel::ShrinkRest } else { Kernel::Shrink }));
            pass.set_immediates(0, bytes_of(&ShrinkLevels { fine: fine.first, coarse: coarse.first, size }));
            if is_small {
                pass.dispatch_workgroups(1, 1, 1);
                break;
            }
            pass.dispatch_workgroups(coarse.size.pixels().div_ceil(64), 1, 1);
        }
    }

    /// Records the listing of survivors. [`Self::record_pyramid`] comes before.
    pub(crate) fn record_cull(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        graphics: &Graphics,
        kernels: &Kernels,
        scene: &wgpu::BindGroup,
        selection: &Selection,
    ) {
        let Some(device_pyramid) = &self.device_pyramid else { return };
        let lists = &self.lists;
        let count = selection.candidates.len() as u32;
        let counts = SURVIVOR_TOTALS + selection.deferring_batches();
        encoder.clear_buffer(&lists.counts, 0, None);
        // Entry 0 is empty, so list elements that are not written draw nothing.
        encoder.clear_buffer(&lists.survivors, 0, Some(u64::from(count) * 4));
        let buffers = [self.candidates.buffer(), &device_pyramid.depths, &lists.survivors, &lists.counts];
        let bind_group = kernels.layouts.bind(&graphics.device, Group::Cull, &buffers);
        let mut pass = encoder.begin_compute_pass(&Default::default());
        pass.set_pipeline(kernels.get(Kernel::Cull));
        pass.set_bind_group(0, scene, &[]);
        pass.set_bind_group(2, &bind_group, &[]);
        pass.set_immediates(0, bytes_of(&CullCandidates { length: count }));
        let groups = count.div_ceil(64);
        pass.dispatch_workgroups(groups.min(GROUPS_WIDE), groups.div_ceil(GROUPS_WIDE), 1);
        set_arguments(kernels, &mut pass, &lists.arguments, DispatchPlan { length: counts, per_group: 1, slices: 1 });
    }

    /// Copies the results of the query, totals and depths, into a readback.
    pub(crate) fn append(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        query: &OcclusionQuery,
        readback: &wgpu::Buffer,
        [totals, depths]: [u64; 2],
    ) {
        let Some(device_pyramid) = &self.device_pyramid else { return };
        if query.candidates > 0 {
            encoder.copy_buffer_to_buffer(&self.lists.counts, 0, readback, totals, TOTALS * 4);
        }
        let first = u64::from(device_pyramid.levels[query.level].first) * 4;
        encoder.copy_buffer_to_buffer(&device_pyramid.depths, first, readback, depths, query.bytes);
    }

    /// Evaluates the results of a query: predicts from its depths, and suspends culling if it does not pay.
    pub(crate) fn evaluate(&mut self, query: &OcclusionQuery, totals: &[u8], depths: &[u8]) -> Survivors {
        let survivors = match query.candidates {
            0 => Survivors::default(),
            _ => {
                let [clusters, triangles] = [0, 4].map(|at| word(&totals[at..]));
                Survivors { clusters, triangles }
            }
        };
        let hidden = query.candidates.saturating_sub(survivors.clusters);
        let unprofitable = query.predicted && hidden < query.solid / HIDDEN_SHARE;
        self.unprofitable_frames = if unprofitable { self.unprofitable_frames + 1 } else { 0 };
        if self.unprofitable_frames >= UNPROFITABLE_FRAMES_MAX {
            self.pyramid = None;
            self.unprofitable_frames = 0;
            self.suspended_frames = SUSPENDED_FRAMES;
        } else {
            let depths = depths.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
            self.pyramid = Some(DepthPyramid::new(query.view, query.level, depths));
        }
        survivors
    }
}

fn word(bytes: &[u8]) -> u32 {
    bytes.first_chunk().map_or(0, |word| u32::from_le_bytes(*word))
}

impl SurvivorLists {
    fn new(graphics: &Graphics, layouts: &Layouts, candidates: u64, batches: u64) -> Result<Self, RenderError> {
        let indirect = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::INDIRECT;
        let counts = graphics.buffer("survivor counts", (TOTALS + batches) * 4, STORAGE)?;
        let dispatches = graphics.buffer("survivor dispatches", (TOTALS + batches) * 12, indirect)?;
        let buffers = [&counts, &dispatches];
        let arguments = layouts.bind(&graphics.device, Group::Arguments, &buffers);
        Ok(Self { survivors: graphics.buffer("survivors", candidates * 4, STORAGE)?, counts, dispatches, arguments })
    }

    fn hold(&mut self, graphics: &Graphics, layouts: &Layouts, selection: &Selection) -> Result<(), RenderError> {
        let candidates = selection.candidates.len() as u64;
        let batches = u64::from(selection.deferring_batches());
        if candidates * 4 > self.survivors.size() || (TOTALS + batches) * 12 > self.dispatches.size() {
            *self = Self::new(graphics, layouts, candidates.next_power_of_two(), batches.next_power_of_two())?;
        }
        Ok(())
    }
}

impl PyramidBuffers {
    fn new(graphics: &Graphics, layouts: &Layouts, frame_size: Size) -> Result<Self, RenderError> {
        let levels = depth_pyramid::levels(frame_size);
        let texels: u64 = levels.iter().map(|level| u64::from(level.size.pixels())).sum();
        let depths = graphics.buffer("depths", texels * 4, STORAGE)?;
        let shrink = layouts.bind(&graphics.device, Group::Shrink, &[&depths]);
        Ok(Self { frame_size, levels, depths, shrink })
    }

    /// Returns the finest level that is small enough to be read back, and its size in bytes.
    fn readable(&self) -> (usize, u64) {
        let bytes = |level: &LevelShape| u64::from(level.size.pixels()) * 4;
        let level = self.levels.iter().position(|level| bytes(level) <= READBACK_BYTES_MAX);
        let level = level.unwrap_or(self.levels.len() - 1);
        (level, bytes(&self.levels[level]))
    }
}

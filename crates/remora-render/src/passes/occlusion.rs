//! Occlusion culling in two phases: what was not hidden a frame ago is drawn at once, and what was is drawn if it is
//! not hidden behind that.
//!
//! ```text
//!   horizon of an earlier frame ─▶ selection ─┬─ chosen ──raster──▶ visibility ──pyramid──▶ depths
//!                                             └─ candidates ──cull, by these depths──▶ survivors ──raster──▶ visibility
//!   depths ──read back──▶ horizon of a later frame
//! ```
//!
//! The picture is the same as if everything were drawn: a guess that is wrong costs time only, because the device
//! tests again, and leaves out only what lies behind every sample that it could cover.

use bytemuck::bytes_of;

use crate::blocks::BlockRect;
use crate::device::graphics::Graphics;
use crate::device::upload::UploadBuffer;
use crate::frame::{RenderError, Samples, Size};
use crate::kernels::dispatch::{GROUPS_WIDE, set_arguments};
use crate::kernels::layouts::{Layouts, bind_buffers};
use crate::kernels::{Kernel, Kernels};
use crate::passes::targets::Targets;
use crate::select::depth_pyramid::{self, DepthPyramid, LevelShape};
use crate::select::{Candidate, Selection};
use crate::view::View;

/// With fewer clusters, asking costs more than drawing.
pub(crate) const CLUSTERS_MIN: u32 = 256;
/// It pays if at least one cluster in so many is hidden.
const HIDDEN_SHARE: u32 = 8;
/// After so many frames in a row in which it did not pay, it is left for a while. A jump of the camera makes one.
const POOR_FRAMES_MAX: u32 = 6;
const RESTING_FRAMES: u32 = 60;
/// Bytes of depths that are read back.
const READBACK_BYTES_MAX: u64 = 64 << 10;
/// Words before the counts of the batches: surviving clusters, surviving triangles.
const TOTALS: u64 = 2;
const STORAGE: wgpu::BufferUsages =
    wgpu::BufferUsages::STORAGE.union(wgpu::BufferUsages::COPY_DST).union(wgpu::BufferUsages::COPY_SRC);

#[derive(Debug)]
pub(crate) struct Occlusion {
    candidates: UploadBuffer<Candidate>,
    lists: SurvivorLists,
    pyramid: Option<PyramidBuffers>,
    horizon: Option<DepthPyramid>,
    /// Frames in a row in which it did not pay.
    poor_frames: u32,
    /// Frames until it is tried again.
    resting_frames: u32,
}

/// What survives, by batch.
#[derive(Debug)]
struct SurvivorLists {
    survivors: wgpu::Buffer,
    counts: wgpu::Buffer,
    dispatches: wgpu::Buffer,
    arguments: wgpu::BindGroup,
}

#[derive(Debug)]
struct PyramidBuffers {
    picture: Size,
    levels: Vec<LevelShape>,
    depths: wgpu::Buffer,
    shrink: wgpu::BindGroup,
}

/// What a frame will have to say about what it hid.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OcclusionQuery {
    pub view: View,
    /// Clusters that were put off.
    pub candidates: u32,
    /// Clusters that could have been.
    solid: u32,
    /// There was something to guess by.
    guessed: bool,
    /// Level of the pyramid that is read back, and its bytes.
    level: usize,
    pub bytes: u64,
}

/// Clusters and triangles that were put off and drawn nevertheless.
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
            pyramid: None,
            horizon: None,
            poor_frames: 0,
            resting_frames: 0,
        })
    }

    pub(crate) fn bytes(&self) -> u64 {
        let pyramid = self.pyramid.as_ref().map_or(0, |pyramid| pyramid.depths.size());
        self.candidates.buffer().size() + self.lists.survivors.size() + pyramid
    }

    /// What to guess by, if anything.
    pub(crate) fn horizon(&self) -> Option<&DepthPyramid> {
        self.horizon.as_ref()
    }

    /// Makes room for what was selected. `None` if this frame is better drawn without.
    pub(crate) fn prepare(
        &mut self,
        graphics: &Graphics,
        kernels: &mut Kernels,
        selection: &Selection,
        view: &View,
        samples: Samples,
    ) -> Result<Option<OcclusionQuery>, RenderError> {
        if selection.candidates.is_empty() {
            if self.resting_frames > 0 {
                self.resting_frames -= 1;
                return Ok(None);
            }
            if selection.solid < CLUSTERS_MIN {
                self.horizon = None;
                return Ok(None);
            }
        }
        kernels.ensure(graphics, Kernel::Pyramid { samples })?;
        kernels.ensure(graphics, Kernel::Shrink)?;
        let pyramid = match self.pyramid.take().filter(|pyramid| pyramid.picture == view.size) {
            Some(pyramid) => pyramid,
            None => PyramidBuffers::new(graphics, &kernels.layouts, view.size)?,
        };
        let pyramid = self.pyramid.insert(pyramid);
        let (level, bytes) = pyramid.readable();
        if !selection.candidates.is_empty() {
            kernels.ensure(graphics, Kernel::Cull)?;
            self.candidates.write(graphics, &selection.candidates)?;
            self.lists.hold(graphics, &kernels.layouts, selection)?;
        }
        Ok(Some(OcclusionQuery {
            view: *view,
            candidates: selection.candidates.len() as u32,
            solid: selection.solid,
            guessed: self.horizon.is_some(),
            level,
            bytes,
        }))
    }

    /// Entries that survived, each batch's where its candidates are.
    pub(crate) fn survivors(&self) -> &wgpu::Buffer {
        &self.lists.survivors
    }

    /// Dispatches of a workgroup per survivor.
    pub(crate) fn dispatches(&self) -> &wgpu::Buffer {
        &self.lists.dispatches
    }

    /// Of the batch of that number among those with candidates.
    pub(crate) fn dispatch_offset(batch: u32) -> u64 {
        (TOTALS + u64::from(batch)) * 12
    }

    /// Depths of what has been drawn, all of it in an area.
    pub(crate) fn record_pyramid(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        graphics: &Graphics,
        kernels: &Kernels,
        targets: &Targets,
        area: BlockRect,
    ) {
        let Some(pyramid) = &self.pyramid else { return };
        let buffers = [&targets.visibility, &pyramid.depths];
        let bind_group = bind_buffers(&graphics.device, "pyramid", &kernels.layouts.pyramid, &buffers);
        let mut pass = encoder.begin_compute_pass(&Default::default());
        let (blocks, finest) = (targets.blocks, pyramid.levels[0].size);
        // Texels are two blocks wide and four high.
        let [column, row] = area.first;
        let low = (column / 2) | (row / 4) << 16;
        let end = (column + area.size.width).div_ceil(2) | (row + area.size.height).div_ceil(4) << 16;
        pass.set_pipeline(kernels.get(Kernel::Pyramid { samples: targets.kind.samples }));
        pass.set_bind_group(0, &bind_group, &[]);
        pass.set_immediates(0, bytes_of(&[blocks.width, blocks.height, low, end]));
        pass.dispatch_workgroups(finest.pixels().div_ceil(64), 1, 1);
        pass.set_pipeline(kernels.get(Kernel::Shrink));
        pass.set_bind_group(0, &pyramid.shrink, &[]);
        for pair in pyramid.levels.windows(2) {
            let [fine, coarse] = [pair[0], pair[1]];
            pass.set_immediates(0, bytes_of(&[fine.first, coarse.first, fine.size.width, fine.size.height]));
            pass.dispatch_workgroups(coarse.size.pixels().div_ceil(64), 1, 1);
        }
    }

    /// Lists what survives. After [`Self::record_pyramid`].
    pub(crate) fn record_cull(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        graphics: &Graphics,
        kernels: &Kernels,
        scene: &wgpu::BindGroup,
        selection: &Selection,
    ) {
        let Some(pyramid) = &self.pyramid else { return };
        let lists = &self.lists;
        let count = selection.candidates.len() as u32;
        let counts = (TOTALS as u32) + selection.deferring_batches();
        encoder.clear_buffer(&lists.counts, 0, None);
        // Entry 0 is nothing: what is not written is not drawn.
        encoder.clear_buffer(&lists.survivors, 0, Some(u64::from(count) * 4));
        let buffers = [self.candidates.buffer(), &pyramid.depths, &lists.survivors, &lists.counts];
        let bind_group = bind_buffers(&graphics.device, "cull", &kernels.layouts.cull, &buffers);
        let mut pass = encoder.begin_compute_pass(&Default::default());
        pass.set_pipeline(kernels.get(Kernel::Cull));
        pass.set_bind_group(0, scene, &[]);
        pass.set_bind_group(2, &bind_group, &[]);
        pass.set_immediates(0, bytes_of(&count));
        let groups = count.div_ceil(64);
        pass.dispatch_workgroups(groups.min(GROUPS_WIDE), groups.div_ceil(GROUPS_WIDE), 1);
        set_arguments(kernels, &mut pass, &lists.arguments, [counts, 1, 1]);
    }

    /// Puts what [`Self::learn`] wants to know into a read-back: totals, and depths.
    pub(crate) fn append(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        sighting: &OcclusionQuery,
        readback: &wgpu::Buffer,
        [totals, depths]: [u64; 2],
    ) {
        let Some(pyramid) = &self.pyramid else { return };
        if sighting.candidates > 0 {
            encoder.copy_buffer_to_buffer(&self.lists.counts, 0, readback, totals, TOTALS * 4);
        }
        let first = u64::from(pyramid.levels[sighting.level].first) * 4;
        encoder.copy_buffer_to_buffer(&pyramid.depths, first, readback, depths, sighting.bytes);
    }

    /// Takes in what a frame saw.
    pub(crate) fn learn(&mut self, sighting: &OcclusionQuery, totals: &[u8], depths: &[u8]) -> Survivors {
        let survivors = match sighting.candidates {
            0 => Survivors::default(),
            _ => {
                let [clusters, triangles] = [0, 4].map(|at| word(&totals[at..]));
                Survivors { clusters, triangles }
            }
        };
        let hidden = sighting.candidates.saturating_sub(survivors.clusters);
        let poor = sighting.guessed && hidden < sighting.solid / HIDDEN_SHARE;
        self.poor_frames = if poor { self.poor_frames + 1 } else { 0 };
        if self.poor_frames >= POOR_FRAMES_MAX {
            self.horizon = None;
            self.poor_frames = 0;
            self.resting_frames = RESTING_FRAMES;
        } else {
            let depths = depths.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
            self.horizon = Some(DepthPyramid::new(sighting.view, sighting.level, depths));
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
        let arguments = bind_buffers(&graphics.device, "arguments", &layouts.arguments, &buffers);
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
    fn new(graphics: &Graphics, layouts: &Layouts, picture: Size) -> Result<Self, RenderError> {
        let levels = depth_pyramid::levels(picture);
        let texels: u64 = levels.iter().map(|level| u64::from(level.size.pixels())).sum();
        let depths = graphics.buffer("depths", texels * 4, STORAGE)?;
        let shrink = bind_buffers(&graphics.device, "shrink", &layouts.shrink, &[&depths]);
        Ok(Self { picture, levels, depths, shrink })
    }

    /// The finest level that is small enough to be read back, and its bytes.
    fn readable(&self) -> (usize, u64) {
        let bytes = |level: &LevelShape| u64::from(level.size.pixels()) * 4;
        let level = self.levels.iter().position(|level| bytes(level) <= READBACK_BYTES_MAX);
        let level = level.unwrap_or(self.levels.len() - 1);
        (level, bytes(&self.levels[level]))
    }
}

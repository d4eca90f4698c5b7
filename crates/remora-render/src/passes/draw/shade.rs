//! From a visibility buffer to colours: which blocks show what, then each kernel over its own.

use bytemuck::bytes_of;

use super::{DrawTarget, FrameRecorder};
use crate::blocks::{BLOCK, BlockRect};
use crate::frame::Samples;
use crate::kernels::Kernel;
use crate::kernels::dispatch::{GROUPS_WIDE, set_arguments};
use crate::kernels::layouts::bind_buffers;
use crate::passes::sliced_encoder::SlicedEncoder;
use crate::passes::targets::RUNS_AT_ONCE;
use crate::select::Run;
use crate::surface::Shading;

/// Bounds of the runs, as classify.wgsl has them.
#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct RunBounds {
    blocks_wide: u32,
    blocks: u32,
    length: u32,
    collect: u32,
    area: [u32; 4],
    bounds: [[u32; 2]; RUNS_AT_ONCE],
}

pub(super) fn resolve_kernel(run: &Run, samples: Samples, layer: bool) -> Kernel {
    match run.key.shading {
        Shading::Points => Kernel::ResolvePoints { samples },
        Shading::Plain | Shading::Layered { .. } | Shading::Full { .. } => {
            Kernel::Resolve { detail: run.key.shading.detail(), samples, layer }
        }
    }
}

impl FrameRecorder<'_> {
    /// The rows of pixels of an area.
    pub(super) fn clear_sums(&self, encoder: &mut wgpu::CommandEncoder, area: BlockRect) {
        let sums = &self.targets.sums;
        let row_bytes = u64::from(self.targets.kind.size.width) * 8 * u64::from(BLOCK.height);
        let first = u64::from(area.first[1]) * row_bytes;
        // The last row of blocks may reach beyond the picture.
        let bytes = (u64::from(area.size.height) * row_bytes).min(sums.size().saturating_sub(first));
        if bytes > 0 {
            encoder.clear_buffer(sums, first, Some(bytes));
        }
    }

    pub(super) fn shade<'b>(
        &self,
        pieces: &mut SlicedEncoder<'_>,
        runs: impl Iterator<Item = &'b Run>,
        samples: Samples,
        part: DrawTarget,
    ) {
        let runs: Vec<&Run> = runs.collect();
        for (index, runs) in runs.chunks(RUNS_AT_ONCE).enumerate() {
            // Layers behind the first touch no other blocks than that does.
            let collect = index == 0 && !matches!(part, DrawTarget::Layer { index: 1.. });
            self.shade_runs(pieces, runs, samples, part, collect);
        }
    }

    fn shade_runs(
        &self,
        pieces: &mut SlicedEncoder<'_>,
        runs: &[&Run],
        samples: Samples,
        part: DrawTarget,
        collect: bool,
    ) {
        let (scratch, targets, device) = (self.scratch, self.targets, &self.graphics.device);
        let blocks = targets.blocks.pixels();
        let area = self.area(part);
        let mut bounds = RunBounds {
            blocks_wide: targets.blocks.width,
            blocks,
            length: runs.len() as u32,
            collect: u32::from(collect),
            area: [area.first[0], area.first[1], area.size.width, area.size.height],
            bounds: [[0; 2]; RUNS_AT_ONCE],
        };
        for (bounds, run) in bounds.bounds.iter_mut().zip(runs) {
            *bounds = [run.entries.start, run.entries.end];
        }
        let uniform = wgpu::util::DeviceExt::create_buffer_init(
            device,
            &wgpu::util::BufferInitDescriptor {
                label: Some("runs"),
                contents: bytes_of(&bounds),
                usage: wgpu::BufferUsages::UNIFORM,
            },
        );
        let seen = self.visibility(part);
        let layouts = &self.kernels.layouts;
        let classify = bind_buffers(
            device,
            "classify",
            &layouts.classify,
            &[&uniform, seen, &scratch.list_counts, &targets.lists, &scratch.touched_count, &targets.touched],
        );
        let resolve = bind_buffers(
            device,
            "resolve targets",
            &layouts.resolve,
            &[seen, &scratch.list_counts, &targets.lists, &targets.picture, &targets.sums],
        );

        pieces.cut();
        let encoder = pieces.encoder();
        encoder.clear_buffer(&scratch.list_counts, 0, None);
        if collect {
            encoder.clear_buffer(&scratch.touched_count, 0, None);
        }
        let mut pass = encoder.begin_compute_pass(&Default::default());
        pass.set_pipeline(self.kernels.get(Kernel::Classify { samples }));
        pass.set_bind_group(0, &classify, &[]);
        let groups = area.size.pixels().div_ceil(64);
        pass.dispatch_workgroups(groups.min(GROUPS_WIDE), groups.div_ceil(GROUPS_WIDE), 1);
        set_arguments(self.kernels, &mut pass, &scratch.list_arguments, [runs.len() as u32, 8, 1]);
        drop(pass);
        let layer = part != DrawTarget::Solid;
        for (index, run) in runs.iter().enumerate() {
            let mut pass = pieces.encoder().begin_compute_pass(&Default::default());
            let shading = run.key.shading;
            pass.set_pipeline(self.kernels.get(resolve_kernel(run, samples, layer)));
            pass.set_bind_group(0, self.scene, &[]);
            pass.set_bind_group(1, self.library.geometry.bind_group(run.key.bank), &[]);
            pass.set_bind_group(2, &resolve, &[]);
            pass.set_bind_group(3, &self.lights[shading.bucket() as usize], &[]);
            pass.set_immediates(0, bytes_of(&[run.entries.start, run.entries.end, index as u32, blocks]));
            pass.dispatch_workgroups_indirect(&scratch.list_dispatches, index as u64 * 12);
            drop(pass);
            pieces.cut();
        }
    }

    pub(super) fn composite(&self, encoder: &mut wgpu::CommandEncoder) {
        let size = self.targets.kind.size;
        let mut pass = encoder.begin_compute_pass(&Default::default());
        set_arguments(self.kernels, &mut pass, &self.scratch.touched_arguments, [1, 8, 1]);
        pass.set_pipeline(self.kernels.get(Kernel::Composite));
        pass.set_bind_group(0, &self.targets.composite, &[]);
        pass.set_immediates(0, bytes_of(&[size.width, size.height]));
        pass.dispatch_workgroups_indirect(&self.scratch.touched_dispatch, 0);
    }
}

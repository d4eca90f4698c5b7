//! Shading a visibility buffer: classify the blocks by the runs that they show, then run each kernel over its own
//! blocks.

use bytemuck::bytes_of;

use super::{DrawTarget, FrameRecorder};
use crate::blocks::{BLOCK, BlockRect};
use crate::frame::Samples;
use crate::kernels::Kernel;
use crate::kernels::dispatch::set_arguments;
use crate::kernels::groups::Group;
use crate::kernels::shared::{CompositeExtent, DispatchPlan, GROUPS_WIDE, RUNS_AT_ONCE, ResolveRun, RunBounds};
use crate::passes::sliced_encoder::SlicedEncoder;
use crate::select::Run;
use crate::surface::Shading;

pub(super) fn resolve_kernel(run: &Run, samples: Samples, layer: bool) -> Kernel {
    match run.key.shading {
        Shading::Points => Kernel::ResolvePoints { samples },
        Shading::Plain | Shading::Layered { .. } | Shading::Full { .. } => {
            Kernel::Resolve { detail: run.key.shading.detail(), samples, layer }
        }
    }
}

impl FrameRecorder<'_> {
    /// Clears the rows of pixels of an area.
    pub(super) fn clear_sums(&self, encoder: &mut wgpu::CommandEncoder, area: BlockRect) {
        let sums = &self.targets.sums;
        let row_bytes = u64::from(self.targets.kind.size.width) * 8 * u64::from(BLOCK.height);
        let first = u64::from(area.first[1]) * row_bytes;
        // The last row of blocks may exceed the frame.
        let bytes = (u64::from(area.size.height) * row_bytes).min(sums.size().saturating_sub(first));
        if bytes > 0 {
            encoder.clear_buffer(sums, first, Some(bytes));
        }
    }

    pub(super) fn shade<'b>(
        &self,
        slices: &mut SlicedEncoder<'_>,
        runs: impl Iterator<Item = &'b Run>,
        samples: Samples,
        target: DrawTarget,
    ) {
        let runs: Vec<&Run> = runs.collect();
        for (index, runs) in runs.chunks(RUNS_AT_ONCE).enumerate() {
            // Later layers touch only blocks that the first layer touches.
            let collect = index == 0 && !matches!(target, DrawTarget::Layer { index: 1.. });
            self.shade_runs(slices, runs, samples, target, collect);
        }
    }

    fn shade_runs(
        &self,
        slices: &mut SlicedEncoder<'_>,
        runs: &[&Run],
        samples: Samples,
        target: DrawTarget,
        collect: bool,
    ) {
        let (scratch, targets, device) = (self.scratch, self.targets, &self.graphics.device);
        let blocks = targets.blocks.pixels();
        let area = self.area(target);
        let mut bounds = RunBounds {
            blocks_wide: targets.blocks.width,
            blocks,
            length: runs.len() as u32,
            collect: u32::from(collect),
            area: [area.first[0], area.first[1], area.size.width, area.size.height],
            bounds: [[0; 4]; RUNS_AT_ONCE / 2],
        };
        for (bounds, run) in bounds.bounds.as_flattened_mut().as_chunks_mut::<2>().0.iter_mut().zip(runs) {
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
        let seen = self.visibility(target);
        let layouts = &self.kernels.layouts;
        let classify = layouts.bind(
            device,
            Group::Classify,
            &[&uniform, seen, &scratch.list_counts, &targets.lists, &scratch.touched_count, &targets.touched],
        );
        let resolve = layouts.bind(
            device,
            Group::ResolveTargets,
            &[seen, &scratch.list_counts, &targets.lists, &targets.pixels, &targets.sums],
        );

        slices.end_slice();
        let encoder = slices.encoder();
        encoder.clear_buffer(&scratch.list_counts, 0, None);
        if collect {
            encoder.clear_buffer(&scratch.touched_count, 0, None);
        }
        let mut pass = encoder.begin_compute_pass(&Default::default());
        pass.set_pipeline(self.kernels.get(Kernel::Classify { samples }));
        pass.set_bind_group(0, &classify, &[]);
        let groups = area.size.pixels().div_ceil(64);
        pass.dispatch_workgroups(groups.min(GROUPS_WIDE), groups.div_ceil(GROUPS_WIDE), 1);
        set_arguments(
            self.kernels,
            &mut pass,
            &scratch.list_arguments,
            DispatchPlan { length: runs.len() as u32, per_group: 8, slices: 1 },
        );
        drop(pass);
        let layer = target != DrawTarget::Solid;
        for (index, run) in runs.iter().enumerate() {
            let mut pass = slices.encoder().begin_compute_pass(&Default::default());
            let shading = run.key.shading;
            pass.set_pipeline(self.kernels.get(resolve_kernel(run, samples, layer)));
            pass.set_bind_group(0, self.scene, &[]);
            pass.set_bind_group(1, self.models.geometry.bind_group(run.key.bank), &[]);
            pass.set_bind_group(2, &resolve, &[]);
            pass.set_bind_group(3, &self.lights[shading.bucket() as usize], &[]);
            pass.set_immediates(
                0,
                bytes_of(&ResolveRun { first: run.entries.start, end: run.entries.end, list: index as u32, blocks }),
            );
            pass.dispatch_workgroups_indirect(&scratch.list_dispatches, index as u64 * 12);
            drop(pass);
            slices.end_slice();
        }
    }

    pub(super) fn composite(&self, encoder: &mut wgpu::CommandEncoder) {
        let size = self.targets.kind.size;
        let mut pass = encoder.begin_compute_pass(&Default::default());
        set_arguments(
            self.kernels,
            &mut pass,
            &self.scratch.touched_arguments,
            DispatchPlan { length: 1, per_group: 8, slices: 1 },
        );
        pass.set_pipeline(self.kernels.get(Kernel::Composite));
        pass.set_bind_group(0, &self.targets.composite, &[]);
        pass.set_immediates(0, bytes_of(&CompositeExtent { size: [size.width, size.height] }));
        pass.dispatch_workgroups_indirect(&self.scratch.touched_dispatch, 0);
    }
}

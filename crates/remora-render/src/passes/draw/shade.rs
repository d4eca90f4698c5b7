//! Shading a visibility buffer: classify the blocks by the runs that they show, then run each kernel over its own
//! blocks.

use bytemuck::bytes_of;

use super::{DrawTarget, FrameRecorder};
use crate::blocks::{BLOCK, BlockRect};
use crate::frame::{Samples, Size};
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

/// Divides an area into parts of about equal height, at least one.
fn rows(area: BlockRect, parts: u32) -> impl Iterator<Item = BlockRect> {
    let parts = parts.min(area.size.height).max(1);
    let row =
        move |part: u32| area.first[1] + (u64::from(area.size.height) * u64::from(part) / u64::from(parts)) as u32;
    (0..parts).map(move |part| BlockRect {
        first: [area.first[0], row(part)],
        size: Size::new(area.size.width, row(part + 1) - row(part)),
    })
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
            // The layers cover so little that each of them is one slice.
            let parts = if target == DrawTarget::Solid { slices.parts() } else { 1 };
            // Parts are rows of blocks, so that the runs of a pixel are summed in their order in any number of parts.
            for (part, area) in rows(self.area(target), parts).enumerate() {
                slices.end_slice();
                if collect && part == 0 {
                    slices.encoder().clear_buffer(&self.scratch.touched_count, 0, None);
                }
                self.shade_runs(slices.encoder(), runs, samples, target, area, collect);
            }
        }
    }

    /// Shades the blocks of an area.
    fn shade_runs(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        runs: &[&Run],
        samples: Samples,
        target: DrawTarget,
        area: BlockRect,
        collect: bool,
    ) {
        let (scratch, targets, device) = (self.scratch, self.targets, &self.graphics.device);
        let blocks = targets.blocks.pixels();
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

        encoder.clear_buffer(&scratch.list_counts, 0, None);
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
        let mut pass = encoder.begin_compute_pass(&Default::default());
        for (index, run) in runs.iter().enumerate() {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_cover_every_row_once() {
        for (height, parts) in [(90, 1), (90, 7), (7, 7), (3, 8), (0, 4)] {
            let area = BlockRect { first: [5, 11], size: Size::new(20, height) };
            let mut next = 11;
            for part in rows(area, parts) {
                assert_eq!((part.first, part.size.width), ([5, next], 20));
                assert!(part.size.height > 0 || height == 0);
                next += part.size.height;
            }
            assert_eq!(next, 11 + height);
        }
    }
}

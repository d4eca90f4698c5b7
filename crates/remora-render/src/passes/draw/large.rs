//! Drawing queued triangles, by kernels or by the rasteriser of the adapter.

use bytemuck::bytes_of;

use super::{FrameRecorder, RasterMode};
use crate::kernels::dispatch::set_arguments;
use crate::kernels::shared::{DispatchPlan, HUGE, MEDIUM, QueueDraw, RasteriserDraw};
use crate::kernels::{Fragments, HUGE_SLICES, Kernel, LargePipeline};
use crate::select::Batch;

/// Both parts of the queue.
const KINDS: [u32; 2] = [MEDIUM, HUGE];

impl FrameRecorder<'_> {
    /// Draws the queue by kernels. Several workgroups share a huge triangle. `last` is any of the batches that filled
    /// the queue.
    pub(super) fn raster_large(&self, pass: &mut wgpu::ComputePass<'_>, last: &Batch, mode: RasterMode) {
        let RasterMode { samples, write, first_layer, .. } = mode;
        let scratch = self.scratch;
        set_arguments(
            self.kernels,
            pass,
            &scratch.queue_arguments,
            DispatchPlan { length: 2, per_group: 1, slices: HUGE_SLICES },
        );
        pass.set_bind_group(0, self.scene, &[]);
        pass.set_bind_group(1, self.models.geometry.bind_group(last.key.bank), &[]);
        pass.set_bind_group(3, &self.lights[last.key.shading.bucket() as usize], &[]);
        let fragments = Fragments::of(last.key.phase, last.key.shading.detail());
        let wide = !self.graphics.adapter().software;
        pass.set_pipeline(self.kernels.get(Kernel::RasterLarge { fragments, write, samples, wide }));
        for (kind, slices) in KINDS.into_iter().zip([1, HUGE_SLICES]) {
            pass.set_immediates(
                0,
                bytes_of(&QueueDraw {
                    kind,
                    slices,
                    queue_length: scratch.queue_length,
                    first_layer: u32::from(first_layer),
                }),
            );
            pass.dispatch_workgroups_indirect(&scratch.queue_dispatches, u64::from(kind) * 12);
        }
    }

    /// Computes the arguments of [`Self::rasterise_large`].
    pub(super) fn count_vertices(&self, pass: &mut wgpu::ComputePass<'_>) {
        pass.set_pipeline(self.kernels.get(Kernel::Draws));
        pass.set_bind_group(0, &self.scratch.queue_draw_arguments, &[]);
        pass.dispatch_workgroups(1, 1, 1);
    }

    pub(super) fn rasterise_large(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        attachment: &wgpu::TextureView,
        last: &Batch,
        mode: RasterMode,
        targets: &wgpu::BindGroup,
    ) {
        let RasterMode { samples, write, first_layer, .. } = mode;
        let scratch = self.scratch;
        let nothing = wgpu::RenderPassColorAttachment {
            view: attachment,
            depth_slice: None,
            resolve_target: None,
            ops: wgpu::Operations { load: wgpu::LoadOp::Clear(wgpu::Color::BLACK), store: wgpu::StoreOp::Discard },
        };
        let mut pass = encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
            label: Some("large triangles"),
            color_attachments: &[Some(nothing)],
            ..Default::default()
        });
        let fragments = Fragments::of(last.key.phase, last.key.shading.detail());
        pass.set_pipeline(self.kernels.get_large(LargePipeline { fragments, write, samples }));
        pass.set_bind_group(0, self.scene, &[]);
        pass.set_bind_group(1, self.models.geometry.bind_group(last.key.bank), &[]);
        pass.set_bind_group(2, targets, &[]);
        pass.set_bind_group(3, &self.lights[last.key.shading.bucket() as usize], &[]);
        for kind in KINDS {
            pass.set_immediates(
                0,
                bytes_of(&RasteriserDraw {
                    kind,
                    queue_length: scratch.queue_length,
                    first_layer: u32::from(first_layer),
                }),
            );
            pass.draw_indirect(&scratch.queue_draws, u64::from(kind) * 16);
        }
    }
}

//! The line around what is selected: what is seen of it is marked while it is drawn, and outlined when the picture is
//! finished. Costs nothing while nothing is selected.

use bytemuck::bytes_of;

use crate::blocks::BLOCK;
use crate::device::graphics::Graphics;
use crate::frame::{FrameRequest, RenderError, Size};
use crate::kernels::layouts::bind_buffers;
use crate::kernels::{Kernel, Kernels};
use crate::passes::targets::{Targets, VisibilityView};

/// Pixels of a line in a picture of the stream's size.
const WIDTH_PIXELS: f32 = 2.0;
/// In a picture that is stretched a lot, a thinner line would have gaps.
const WIDTH_PIXELS_MIN: f32 = 1.0;

/// Which samples show something selected, a word per pixel.
#[derive(Debug, Default)]
pub(crate) struct Outline {
    mask: Option<(Size, wgpu::Buffer)>,
}

impl Outline {
    pub(crate) fn bytes(&self) -> u64 {
        self.mask.as_ref().map_or(0, |(_, mask)| mask.size())
    }

    /// Makes room for a request's picture.
    pub(crate) fn prepare(
        &mut self,
        graphics: &Graphics,
        kernels: &mut Kernels,
        request: &FrameRequest,
    ) -> Result<(), RenderError> {
        kernels.ensure(graphics, Kernel::Mask { samples: request.samples })?;
        kernels.ensure(graphics, Kernel::Outline)?;
        let size = request.render_size;
        let mask = match self.mask.take().filter(|(held, _)| *held == size) {
            Some((_, mask)) => mask,
            None => {
                let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_DST;
                graphics.buffer("selection mask", u64::from(size.pixels()) * 4, usage)?
            }
        };
        self.mask = Some((size, mask));
        Ok(())
    }

    /// Nothing is marked.
    pub(crate) fn clear(&self, encoder: &mut wgpu::CommandEncoder) {
        if let Some((_, mask)) = &self.mask {
            encoder.clear_buffer(mask, 0, None);
        }
    }

    /// Marks what is seen of what is selected.
    pub(crate) fn mark(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        graphics: &Graphics,
        kernels: &Kernels,
        scene: &wgpu::BindGroup,
        targets: &Targets,
        seen: VisibilityView<'_>,
    ) {
        let Some((_, mask)) = &self.mask else { return };
        let bind_group = bind_buffers(&graphics.device, "mask", &kernels.layouts.mask, &[seen.buffer, mask]);
        let mut pass = encoder.begin_compute_pass(&Default::default());
        pass.set_pipeline(kernels.get(Kernel::Mask { samples: targets.kind.samples }));
        pass.set_bind_group(0, scene, &[]);
        pass.set_bind_group(2, &bind_group, &[]);
        let area = seen.area;
        let first = [area.first[0] * BLOCK.width, area.first[1] * BLOCK.height];
        let extent = [area.size.width * BLOCK.width, area.size.height * BLOCK.height];
        pass.set_immediates(0, bytes_of(&[first, extent]));
        pass.dispatch_workgroups(extent[0].div_ceil(8), extent[1].div_ceil(8), 1);
    }

    /// Draws the line into the finished picture.
    pub(crate) fn draw(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        graphics: &Graphics,
        kernels: &Kernels,
        targets: &Targets,
        request: &FrameRequest,
    ) {
        let Some((size, mask)) = &self.mask else { return };
        let bind_group = bind_buffers(&graphics.device, "outline", &kernels.layouts.outline, &[mask, &targets.picture]);
        let scale = size.height as f32 / request.stream_size.height as f32;
        // No wider than in a picture of the stream's own size.
        let width = (WIDTH_PIXELS * scale).clamp(WIDTH_PIXELS_MIN, WIDTH_PIXELS);
        let width = ((width * 256.0) as u32) << 8 | request.samples.count();
        let color = u32::from_le_bytes(request.options.outline_color);
        let mut pass = encoder.begin_compute_pass(&Default::default());
        pass.set_pipeline(kernels.get(Kernel::Outline));
        pass.set_bind_group(0, &bind_group, &[]);
        pass.set_immediates(0, bytes_of(&[size.width, size.height, color, width]));
        pass.dispatch_workgroups(size.width.div_ceil(8), size.height.div_ceil(8), 1);
    }
}

//! The outline of selected instances: their pixels are marked during shading. The line is drawn into the finished
//! frame, unless that takes part in a history: `output/outline/` then draws it after the history. Both cost nothing
//! while nothing is selected.

use bytemuck::bytes_of;

use crate::blocks::BLOCK;
use crate::device::graphics::Graphics;
use crate::frame::{FrameRequest, RenderError, Size};
use crate::kernels::groups::Group;
use crate::kernels::shared::{MaskArea, OutlineStyle};
use crate::kernels::{Kernel, Kernels};
use crate::passes::targets::{Targets, VisibilityView};

/// Width of the line in pixels of a frame of the stream's size.
const WIDTH_PIXELS: f32 = 2.0;
/// Smallest width. A thinner line would show gaps in a frame that is enlarged a lot.
const WIDTH_PIXELS_MIN: f32 = 1.0;

/// Marks the samples that show something selected, one word per pixel.
#[derive(Debug, Default)]
pub(crate) struct Outline {
    mask: Option<(Size, wgpu::Buffer)>,
}

impl Outline {
    pub(crate) fn bytes(&self) -> u64 {
        self.mask.as_ref().map_or(0, |(_, mask)| mask.size())
    }

    /// Allocates the mask for a frame and compiles the kernels.
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
                let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::COPY_SRC;
                graphics.buffer("selection mask", u64::from(size.pixels()) * 4, usage)?
            }
        };
        self.mask = Some((size, mask));
        Ok(())
    }

    /// Returns the mask of the last prepared frame.
    pub(crate) fn mask(&self) -> Option<&wgpu::Buffer> {
        self.mask.as_ref().map(|(_, mask)| mask)
    }

    /// Clears the mask.
    pub(crate) fn clear(&self, encoder: &mut wgpu::CommandEncoder) {
        if let Some((_, mask)) = &self.mask {
            encoder.clear_buffer(mask, 0, None);
        }
    }

    /// Marks the selected pixels of a visibility buffer.
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
        let bind_group = kernels.layouts.bind(&graphics.device, Group::Mask, &[seen.buffer, mask]);
        let mut pass = encoder.begin_compute_pass(&Default::default());
        pass.set_pipeline(kernels.get(Kernel::Mask { samples: targets.kind.samples }));
        pass.set_bind_group(0, scene, &[]);
        pass.set_bind_group(2, &bind_group, &[]);
        let area = seen.area;
        let first = [area.first[0] * BLOCK.width, area.first[1] * BLOCK.height];
        let extent = [area.size.width * BLOCK.width, area.size.height * BLOCK.height];
        pass.set_immediates(0, bytes_of(&MaskArea { first, size: extent }));
        pass.dispatch_workgroups(extent[0].div_ceil(8), extent[1].div_ceil(8), 1);
    }

    /// Draws the line into the finished frame.
    pub(crate) fn draw(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        graphics: &Graphics,
        kernels: &Kernels,
        targets: &Targets,
        request: &FrameRequest,
    ) {
        let Some((size, mask)) = &self.mask else { return };
        let bind_group = kernels.layouts.bind(&graphics.device, Group::Outline, &[mask, &targets.pixels]);
        let scale = size.height as f32 / request.stream_size.height as f32;
        // The line is at most as wide as in a frame of the stream's own size.
        let width = (WIDTH_PIXELS * scale).clamp(WIDTH_PIXELS_MIN, WIDTH_PIXELS);
        let width = ((width * 256.0) as u32) << 8 | request.samples.count();
        let color = u32::from_le_bytes(request.options.outline_color);
        let mut pass = encoder.begin_compute_pass(&Default::default());
        pass.set_pipeline(kernels.get(Kernel::Outline));
        pass.set_bind_group(0, &bind_group, &[]);
        pass.set_immediates(0, bytes_of(&OutlineStyle { size: [size.width, size.height], color, width }));
        pass.dispatch_workgroups(size.width.div_ceil(8), size.height.div_ceil(8), 1);
    }
}

//! What every kernel knows of a frame, as scene.wgsl reads it.

use glam::Vec3A;

use crate::frame::Size;
use crate::passes::environment;
use crate::view::View;

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
pub(crate) struct FrameUniform {
    eye: [f32; 4],
    rows: [[f32; 4]; 3],
    size: [u32; 4],
    light_direction: [f32; 4],
    light: [f32; 4],
    look: [f32; 4],
    irradiance: [[f32; 4]; 9],
}

impl FrameUniform {
    pub(crate) fn new(view: &View, blocks: Size, irradiance: [[f32; 4]; 9]) -> Self {
        let size = view.size;
        let (half_width, half_height) = (size.width as f32 * 0.5, size.height as f32 * 0.5);
        // Pixels are square: one scale for both directions.
        let scale = view.pixels_per_tangent;
        let row = |row: Vec3A| row.extend(0.0).to_array();
        Self {
            eye: view.eye.extend(view.near).to_array(),
            rows: [
                row(view.right * scale + view.forward * half_width),
                row(view.forward * half_height - view.up * scale),
                row(view.forward),
            ],
            size: [size.width, size.height, blocks.width, blocks.height],
            light_direction: environment::KEY_DIRECTION.normalize().extend(0.0).to_array(),
            light: environment::KEY_LIGHT.extend(0.0).to_array(),
            look: [environment::EXPOSURE, (environment::LEVELS - 1) as f32, environment::SIDE as f32, scale],
            irradiance,
        }
    }
}

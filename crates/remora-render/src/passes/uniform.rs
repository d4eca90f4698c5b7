//! The uniform of a frame.

use glam::Vec3A;

use crate::frame::Size;
use crate::kernels::shared::FrameUniform;
use crate::passes::environment;
use crate::view::View;

impl FrameUniform {
    pub(crate) fn new(view: &View, blocks: Size, irradiance: [[f32; 4]; 9]) -> Self {
        let size = view.size;
        // Moving everything by the jitter moves the samples the other way.
        let (half_width, half_height) =
            (size.width as f32 * 0.5 - view.jitter.x, size.height as f32 * 0.5 - view.jitter.y);
        // Pixels are square: one scale for both directions.
        let scale = view.pixels_per_tangent;
        let row = |row: Vec3A| row.extend(0.0).to_array();
        Self {
            eye: view.eye.extend(view.near).to_array(),
            row_x: row(view.right * scale + view.forward * half_width),
            row_y: row(view.forward * half_height - view.up * scale),
            row_w: row(view.forward),
            size: [size.width, size.height, blocks.width, blocks.height],
            light_direction: environment::KEY_DIRECTION.normalize().extend(0.0).to_array(),
            light: environment::KEY_LIGHT.extend(0.0).to_array(),
            look: [environment::EXPOSURE, (environment::LEVELS - 1) as f32, environment::SIDE as f32, scale],
            irradiance,
        }
    }
}

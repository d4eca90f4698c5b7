//! Bounds on the screen of what a frame draws. Passes clear and process nothing outside of them. Pure.

use glam::{Vec2, Vec3A};

use crate::blocks::{BLOCK, BlockRect};
use crate::frame::Size;
use crate::view::{Sphere, View};

/// Pixels by which anything may exceed its bounding rectangle: points are at least one pixel wide, and samples lie
/// beside the centre of their pixel.
const MARGIN_PIXELS: f32 = 1.0;

/// A rectangle of pixels, which may exceed the frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct ScreenBounds {
    low: Vec2,
    high: Vec2,
}

impl Default for ScreenBounds {
    /// Returns an empty rectangle.
    fn default() -> Self {
        Self { low: Vec2::INFINITY, high: Vec2::NEG_INFINITY }
    }
}

impl ScreenBounds {
    /// Extends the rectangle by the pixels that a sphere, relative to the view's eye, can cover.
    pub(crate) fn include(&mut self, view: &View, sphere: Sphere) {
        let size = Vec2::new(view.size.width as f32, view.size.height as f32);
        if self.low.cmple(Vec2::ZERO).all() && self.high.cmpge(size).all() {
            return;
        }
        let (center, radius) = (Vec3A::from(sphere.center()), sphere.radius());
        let depth = center.dot(view.forward);
        let (nearest, farthest) = (depth - radius, depth + radius);
        if nearest <= view.near {
            (self.low, self.high) = (Vec2::ZERO, size);
            return;
        }
        // The axes of the box around the sphere are those of the view. Rows run downwards.
        let across = Vec2::new(center.dot(view.right), -center.dot(view.up));
        let (near, far) = (view.pixels_per_tangent / nearest, view.pixels_per_tangent / farthest);
        // A point beside the view axis appears farthest from the middle where it is nearest.
        let (low, high) = (across - radius, across + radius);
        self.low = self.low.min(size * 0.5 + (low * near).min(low * far));
        self.high = self.high.max(size * 0.5 + (high * near).max(high * far));
    }

    /// Returns the union of two rectangles.
    pub(crate) fn with(self, other: ScreenBounds) -> ScreenBounds {
        ScreenBounds { low: self.low.min(other.low), high: self.high.max(other.high) }
    }

    /// Returns the blocks that the rectangle touches, in a frame of `blocks` columns and rows.
    pub(crate) fn area(&self, blocks: Size) -> BlockRect {
        let block = Vec2::new(BLOCK.width as f32, BLOCK.height as f32);
        let end = Vec2::new(blocks.width as f32, blocks.height as f32);
        let low = ((self.low - MARGIN_PIXELS) / block).floor().clamp(Vec2::ZERO, end);
        let high = ((self.high + MARGIN_PIXELS) / block).ceil().clamp(low, end);
        let extent = high - low;
        BlockRect { first: [low.x as u32, low.y as u32], size: Size::new(extent.x as u32, extent.y as u32) }
    }
}

#[cfg(test)]
mod tests {
    use glam::{DVec3, Quat, Vec3};
    use proptest::prelude::*;

    use super::*;
    use crate::frame::Camera;

    const SIZE: Size = Size::new(640, 360);
    const BLOCKS: Size = Size::new(160, 180);

    fn view() -> View {
        let camera = Camera {
            position: DVec3::ZERO,
            orientation: Quat::from_rotation_y(0.4) * Quat::from_rotation_x(-0.3),
            vertical_field_of_view: 0.9,
            near: 0.1,
        };
        View::new(&camera, DVec3::ZERO, SIZE)
    }

    /// Projects a point; `None` behind the near plane.
    fn pixel(view: &View, point: Vec3A) -> Option<Vec2> {
        let depth = point.dot(view.forward);
        let middle = Vec2::new(SIZE.width as f32, SIZE.height as f32) * 0.5;
        let across = Vec2::new(point.dot(view.right), -point.dot(view.up));
        (depth > view.near).then(|| middle + across / depth * view.pixels_per_tangent)
    }

    #[test]
    fn empty_bounds_touch_no_block_and_a_sphere_at_the_eye_all() {
        let mut bounds = ScreenBounds::default();
        assert_eq!(bounds.area(BLOCKS).size.pixels(), 0);
        bounds.include(&view(), Sphere::new(Vec3A::ZERO, 1.0));
        assert_eq!(bounds.area(BLOCKS), BlockRect { first: [0, 0], size: BLOCKS });
    }

    #[test]
    fn a_small_sphere_touches_few_blocks() {
        let view = view();
        let mut bounds = ScreenBounds::default();
        bounds.include(&view, Sphere::new(view.forward * 10.0 + view.right + view.up * 2.0, 0.01));
        let area = bounds.area(BLOCKS);
        assert!(area.size.pixels() <= 9, "{area:?}");
        assert!(area.first[0] > BLOCKS.width / 2 && area.first[1] < BLOCKS.height / 2, "{area:?}");
    }

    proptest! {
        #[test]
        fn every_point_of_an_included_sphere_is_within(
            spheres in prop::collection::vec(([-9f32..9.0, -6f32..6.0, 0.2f32..30.0], 0.01f32..4.0), 1..4),
            directions in prop::collection::vec([-1f32..1.0, -1f32..1.0, -1f32..1.0], 24),
        ) {
            let view = view();
            let point_at = |[x, y, z]: [f32; 3]| view.right * x + view.up * y + view.forward * z;
            let mut bounds = ScreenBounds::default();
            for (center, radius) in &spheres {
                bounds.include(&view, Sphere::new(point_at(*center), *radius));
            }
            let area = bounds.area(BLOCKS);
            for (center, radius) in &spheres {
                for direction in &directions {
                    let offset = Vec3::from(*direction).normalize_or_zero() * *radius;
                    let Some(pixel) = pixel(&view, point_at(*center) + Vec3A::from(offset)) else { continue };
                    if pixel.cmpge(Vec2::ZERO).all() && pixel.x < SIZE.width as f32 && pixel.y < SIZE.height as f32 {
                        let block = [pixel.x as u32 / BLOCK.width, pixel.y as u32 / BLOCK.height];
                        prop_assert!(area.holds(block), "{pixel} is not in {area:?}");
                    }
                }
            }
        }
    }
}

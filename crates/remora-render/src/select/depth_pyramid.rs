//! The depth pyramid of an earlier frame: the farthest depth of each region, used to predict which spheres are hidden.
//! Pure.
//!
//! The next frame has another view, so the prediction decides only which clusters are drawn first.

use glam::{Vec2, Vec3A};

use crate::frame::Size;
use crate::kernels::shared::{SPREAD_PIXELS, TEXEL_PIXELS, TEXELS_MAX};
use crate::view::{Sphere, View};

/// Size and position of one level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LevelShape {
    pub size: Size,
    /// Number of texels of all finer levels.
    pub first: u32,
}

/// Returns the levels for a frame, finest first. Each one has half the size of the previous one, rounded up.
pub(crate) fn levels(frame: Size) -> Vec<LevelShape> {
    let mut size = Size::new(frame.width.div_ceil(TEXEL_PIXELS), frame.height.div_ceil(TEXEL_PIXELS));
    let mut levels = vec![LevelShape { size, first: 0 }];
    let mut first = 0;
    while size.width.max(size.height) > TEXELS_MAX {
        first += size.pixels();
        size = Size::new(size.width.div_ceil(2), size.height.div_ceil(2));
        levels.push(LevelShape { size, first });
    }
    levels
}

/// Depths of an earlier frame. Depth is 1 at the near plane and falls towards 0.
#[derive(Debug)]
pub(crate) struct DepthPyramid {
    view: View,
    /// Pixels of a texel of the first level, in each direction.
    texel_pixels: u32,
    levels: Vec<Level>,
}

#[derive(Debug)]
struct Level {
    size: Size,
    depths: Vec<f32>,
}

/// A depth pyramid seen from another eye.
#[derive(Clone, Copy)]
pub(crate) struct ReprojectedPyramid<'a> {
    pyramid: &'a DepthPyramid,
    offset: Vec3A,
}

/// Pixels that a sphere can cover, and its nearest depth.
#[derive(Clone, Copy, Debug)]
struct Footprint {
    low: Vec2,
    high: Vec2,
    depth: f32,
}

impl DepthPyramid {
    /// Makes a pyramid from the depths of `level`, row by row.
    pub(crate) fn new(view: View, level: usize, depths: Vec<f32>) -> Self {
        let shapes = levels(view.size);
        let shape = shapes[level];
        debug_assert_eq!(depths.len(), shape.size.pixels() as usize);
        let mut levels = vec![Level { size: shape.size, depths }];
        for shape in &shapes[level + 1..] {
            let last = levels.last().expect("there is always a level");
            levels.push(last.halved(shape.size));
        }
        Self { view, texel_pixels: TEXEL_PIXELS << level, levels }
    }

    pub(crate) fn from(&self, eye: Vec3A) -> ReprojectedPyramid<'_> {
        ReprojectedPyramid { pyramid: self, offset: eye - self.view.eye }
    }
}

impl ReprojectedPyramid<'_> {
    /// Returns whether the whole sphere lies behind what the earlier frame showed in its place.
    pub(crate) fn hides(&self, sphere: Sphere) -> bool {
        let pyramid = self.pyramid;
        let Some(footprint) = footprint(&pyramid.view, Vec3A::from(sphere.center()) + self.offset, sphere.radius())
        else {
            return false;
        };
        let size = pyramid.view.size;
        let last = Vec2::new(size.width as f32, size.height as f32) - 1.0;
        let (low, high) = (footprint.low.max(Vec2::ZERO), footprint.high.min(last));
        if low.x > high.x || low.y > high.y {
            return false;
        }
        let mut texels = [low.x, low.y, high.x, high.y].map(|pixel| pixel as u32 / pyramid.texel_pixels);
        for level in &pyramid.levels {
            let [x0, y0, x1, y1] = texels;
            if x1 - x0 < TEXELS_MAX && y1 - y0 < TEXELS_MAX {
                return (y0..=y1).all(|y| level.row(y, x0, x1).iter().all(|depth| footprint.depth < *depth));
            }
            texels = texels.map(|texel| texel / 2);
        }
        false
    }
}

impl Level {
    fn row(&self, y: u32, from: u32, to: u32) -> &[f32] {
        let start = y * self.size.width;
        &self.depths[(start + from) as usize..=(start + to) as usize]
    }

    fn halved(&self, size: Size) -> Level {
        let depths = (0..size.height).flat_map(|y| {
            (0..size.width).map(move |x| {
                let columns = [x * 2, (x * 2 + 1).min(self.size.width - 1)];
                let rows = [y * 2, (y * 2 + 1).min(self.size.height - 1)];
                let depth = |x: u32, y: u32| self.depths[(y * self.size.width + x) as usize];
                rows.into_iter().flat_map(|y| columns.map(|x| depth(x, y))).fold(f32::INFINITY, f32::min)
            })
        });
        Level { size, depths: depths.collect() }
    }
}

/// Returns the pixels that a sphere can cover, as cull.wgsl computes them. `None` if it reaches the near plane, where
/// it could cover anything.
fn footprint(view: &View, center: Vec3A, radius: f32) -> Option<Footprint> {
    let along = center.dot(view.forward);
    let nearest = along - radius;
    if nearest <= view.near {
        return None;
    }
    // Tangents to the circle that the sphere forms in the plane of the view axis and this one.
    let bounds = |across: f32| {
        let squared = nearest * (along + radius);
        let extent = radius * (across * across + squared).sqrt();
        [(across * along - extent) / squared, (across * along + extent) / squared]
    };
    let middle = Vec2::new(view.size.width as f32, view.size.height as f32) * 0.5;
    let scale = view.pixels_per_tangent;
    let [left, right] = bounds(center.dot(view.right));
    let [below, above] = bounds(center.dot(view.up));
    Some(Footprint {
        low: middle + Vec2::new(left, -above) * scale - SPREAD_PIXELS,
        high: middle + Vec2::new(right, -below) * scale + SPREAD_PIXELS,
        depth: view.near / nearest,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Camera;
    use glam::{Quat, Vec3};
    use proptest::prelude::*;

    const SIZE: Size = Size::new(320, 180);

    fn view() -> View {
        let camera =
            Camera { position: glam::DVec3::ZERO, orientation: Quat::IDENTITY, vertical_field_of_view: 0.9, near: 0.1 };
        View::new(&camera, glam::DVec3::ZERO, SIZE)
    }

    /// A wall at one depth, with one open texel.
    fn wall(distance: f32, open: Option<usize>) -> DepthPyramid {
        let mut depths = vec![0.1 / distance; levels(SIZE)[0].size.pixels() as usize];
        if let Some(open) = open {
            depths[open] = 0.0;
        }
        DepthPyramid::new(view(), 0, depths)
    }

    fn hides(pyramid: &DepthPyramid, center: [f32; 3], radius: f32) -> bool {
        pyramid.from(Vec3A::ZERO).hides(Sphere::new(center.into(), radius))
    }

    #[test]
    fn exactly_the_spheres_behind_the_wall_are_hidden() {
        let wall = wall(10.0, None);
        assert!(hides(&wall, [0.0, 0.0, -12.0], 1.0));
        assert!(!hides(&wall, [0.0, 0.0, -10.5], 1.0), "reaches through");
        assert!(!hides(&wall, [0.0, 0.0, -5.0], 1.0), "in front");
        assert!(!hides(&wall, [0.0, 0.0, 12.0], 1.0), "behind the eye");
        assert!(!hides(&wall, [100.0, 0.0, -12.0], 1.0), "never in the frame");
        assert!(hides(&wall, [0.0, 0.0, -500.0], 400.0), "as wide as the frame");
    }

    #[test]
    fn a_gap_shows_what_is_behind_it() {
        let width = levels(SIZE)[0].size.width as usize;
        // The texel in the middle of the frame, and one in the corner.
        assert!(!hides(&wall(10.0, Some(11 * width + 20)), [0.0, 0.0, -12.0], 0.5));
        assert!(hides(&wall(10.0, Some(0)), [0.0, 0.0, -12.0], 0.5));
        assert!(!hides(&wall(10.0, Some(0)), [0.0, 0.0, -500.0], 400.0), "coarse levels keep the gap");
    }

    #[test]
    fn a_moved_eye_tests_the_same_place() {
        let wall = wall(10.0, None);
        let eye = Vec3A::new(0.0, 0.0, -3.0);
        assert!(wall.from(eye).hides(Sphere::new(Vec3A::new(0.0, 0.0, -9.0), 1.0)));
        assert!(!wall.from(eye).hides(Sphere::new(Vec3A::new(0.0, 0.0, -7.0), 1.0)));
    }

    #[test]
    fn levels_end_with_a_few_texels() {
        let levels = levels(Size::new(1280, 720));
        assert_eq!(levels[0], LevelShape { size: Size::new(160, 90), first: 0 });
        assert_eq!(levels[1], LevelShape { size: Size::new(80, 45), first: 14400 });
        assert_eq!(levels[2].size, Size::new(40, 23));
        assert_eq!(levels.last().expect("one at least").size, Size::new(3, 2));
    }

    proptest! {
        /// No point of a sphere lies outside of its footprint or nearer than its depth.
        #[test]
        fn footprints_hold_their_spheres(
            x in -20f32..20.0, y in -20f32..20.0, z in -30f32..-0.2, radius in 0.01f32..5.0,
        ) {
            let view = view();
            let Some(footprint) = footprint(&view, Vec3A::new(x, y, z), radius) else { return Ok(()) };
            for i in 0..200 {
                let angle = i as f32 * 0.7;
                let height = i as f32 / 100.0 - 0.995;
                let around = (1.0 - height * height).sqrt();
                let point = Vec3::new(x, y, z) + Vec3::new(angle.cos() * around, angle.sin() * around, height) * radius;
                let pixel = Vec2::new(160.0, 90.0) + Vec2::new(point.x, -point.y) / -point.z * view.pixels_per_tangent;
                prop_assert!(pixel.cmpge(footprint.low).all() && pixel.cmple(footprint.high).all(), "{pixel} {footprint:?}");
                prop_assert!(0.1 / -point.z <= footprint.depth * 1.00001);
            }
        }
    }
}

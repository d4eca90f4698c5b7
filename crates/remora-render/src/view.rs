//! The view of a camera: visibility and screen size of bounding spheres.

use glam::{DVec3, Vec2, Vec3, Vec3A, Vec4};

use crate::frame::{Camera, Size};
use crate::wgsl::shared_structs;

/// The view of a camera.
#[derive(Clone, Copy, Debug)]
pub(crate) struct View {
    pub eye: Vec3A,
    /// Normals point inwards; a point is inside if `normal · point + distance >= 0`. The near plane, then the four
    /// sides.
    pub(crate) planes: [Vec4; 5],
    pub right: Vec3A,
    pub up: Vec3A,
    pub forward: Vec3A,
    pub near: f32,
    /// Size in pixels of one metre at a distance of one metre.
    pub pixels_per_tangent: f32,
    pub size: Size,
    /// Position of the samples relative to the centres of the pixels, in pixels.
    pub jitter: Vec2,
}

/// Longest distance of a sample from the centre of its pixel, in pixels, in each direction.
pub(crate) const JITTER_PIXELS_MAX: f32 = 0.5;

impl View {
    /// Makes the view of a camera; `origin` is the origin of the device's coordinates in the world.
    pub(crate) fn new(camera: &Camera, origin: DVec3, size: Size) -> Self {
        let eye = (camera.position - origin).as_vec3();
        let rotation = camera.orientation.normalize();
        let tangent_y = (camera.vertical_field_of_view * 0.5).tan();
        let tangent_x = tangent_y * size.aspect();
        // Samples may lie beside the centres of the outermost pixels.
        let widened = |tangent: f32, pixels: u32| tangent * (1.0 + 2.0 * JITTER_PIXELS_MAX / pixels as f32);
        let (wide_x, wide_y) = (widened(tangent_x, size.width), widened(tangent_y, size.height));
        let forward = rotation * Vec3::NEG_Z;
        let (right, up) = (rotation * Vec3::X, rotation * Vec3::Y);
        let through_eye = |normal: Vec3| {
            let normal = normal.normalize();
            normal.extend(-normal.dot(eye))
        };
        let near = forward.extend(-forward.dot(eye) - camera.near);
        let planes = [
            near,
            through_eye(forward * wide_x + right),
            through_eye(forward * wide_x - right),
            through_eye(forward * wide_y + up),
            through_eye(forward * wide_y - up),
        ];
        Self {
            eye: eye.into(),
            planes,
            right: right.into(),
            up: up.into(),
            forward: forward.into(),
            near: camera.near,
            pixels_per_tangent: size.height as f32 * 0.5 / tangent_y,
            size,
            jitter: Vec2::ZERO,
        }
    }

    /// Returns whether two views differ in nothing but size and jitter.
    pub(crate) fn shows_the_same_as(&self, other: &View) -> bool {
        let tangent = |view: &View| view.size.height as f32 / view.pixels_per_tangent;
        (self.eye, self.right, self.up) == (other.eye, other.right, other.up)
            && (tangent(self) - tangent(other)).abs() < 1e-6
            && self.near == other.near
    }

    /// Returns the view with samples that lie beside the centres of the pixels, by at most [`JITTER_PIXELS_MAX`].
    pub(crate) fn jittered(self, jitter: Vec2) -> Self {
        debug_assert!(jitter.abs().max_element() <= JITTER_PIXELS_MAX);
        Self { jitter, ..self }
    }

    pub(crate) fn sees(&self, center: Vec3A, radius: f32) -> bool {
        self.planes.iter().all(|plane| Vec3A::from_vec4(*plane).dot(center) + plane.w >= -radius)
    }

    /// Returns an upper bound of the diameter in pixels; infinite if the sphere reaches the near plane.
    pub(crate) fn diameter_pixels(&self, center: Vec3A, radius: f32) -> f32 {
        let from_eye = center - self.eye;
        let depth = from_eye.dot(self.forward) - radius;
        if depth <= self.near {
            return f32::INFINITY;
        }
        // Near the sides of a wide view, a sphere appears stretched by up to its distance divided by its depth.
        2.0 * radius * self.pixels_per_tangent / depth * (from_eye.length() + radius) / depth
    }
}

shared_structs! {
    SPHERE:
    /// A bounding sphere relative to an eye.
    struct Sphere {
        center: [f32; 3],
        radius: f32,
    }
}

impl Sphere {
    pub(crate) fn new(center: Vec3A, radius: f32) -> Self {
        Self { center: center.to_array(), radius }
    }

    pub(crate) fn center(self) -> [f32; 3] {
        self.center
    }

    pub(crate) fn radius(self) -> f32 {
        self.radius
    }
}

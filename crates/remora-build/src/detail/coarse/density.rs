//! Estimates how many triangles have their corners in three different cells of a grid, as a function of its resolution.
//! The estimate is an average over all offsets of the grid, from a sample of the triangles.
//!
//! Along one axis, a plane between cells separates the lowest corner of a triangle from the others if it falls between
//! that corner and the next; the same holds for the highest. Planes of two axes that separate different corners
//! separate all three.

use glam::Vec3;

use remora_model::{Bounds, Primitive};

/// One triangle in this number is sampled, within bounds.
pub(super) const ONE_IN: usize = 32;
const SAMPLES_MIN: usize = 128;
const SAMPLES_MAX: usize = 2048;
/// Limit of the cells along the longest side.
const CELLS_MAX: f32 = 4096.0;
/// Steps of the bisection, after which the number of cells is known within 2 %.
const STEPS: usize = 9;

/// Samples of a primitive's triangles, from which follows how many of them a grid of cells keeps.
pub(super) struct Density {
    samples: Vec<Sample>,
    /// Number of all triangles.
    triangles: usize,
}

/// For each corner and axis, the length of the interval in which a plane separates this corner from the other two. The
/// longest side of the box is 1.
struct Sample([Vec3; 3]);

impl Density {
    pub(super) fn of(primitive: &Primitive, bounds: &Bounds) -> Self {
        let (triangles, _) = primitive.indices.as_chunks::<3>();
        let count = (triangles.len() / ONE_IN).clamp(SAMPLES_MIN, SAMPLES_MAX).min(triangles.len());
        let unit = (bounds.max - bounds.min).max_element().recip();
        let sample = |number: usize| {
            let corners = triangles[number * triangles.len() / count];
            Sample::of(corners.map(|corner| Vec3::from(primitive.positions[corner as usize]) * unit))
        };
        Self { samples: (0..count).map(sample).collect(), triangles: triangles.len() }
    }

    /// Returns the number of cells along the longest side that keeps this number of triangles.
    pub(super) fn cells_along(&self, triangles: usize) -> f32 {
        let wanted = triangles as f32 / self.triangles as f32 * self.samples.len() as f32;
        let (mut low, mut high) = (1.0_f32, CELLS_MAX);
        for _ in 0..STEPS {
            let middle = (low * high).sqrt();
            let left: f32 = self.samples.iter().map(|sample| sample.stays(middle)).sum();
            if left < wanted { low = middle } else { high = middle }
        }
        high
    }
}

impl Sample {
    fn of([a, b, c]: [Vec3; 3]) -> Self {
        let alone = |corner: Vec3, other: Vec3, another: Vec3| {
            let below = other.min(another) - corner;
            let above = corner - other.max(another);
            below.max(above).max(Vec3::ZERO)
        };
        Self([alone(a, b, c), alone(b, c, a), alone(c, a, b)])
    }

    /// Returns the probability that the corners are in three different cells if the longest side has this number of
    /// cells.
    fn stays(&self, cells: f32) -> f32 {
        let [a, b, c] = self.0.map(|lengths| (lengths * cells).min(Vec3::ONE));
        let any = a + b + c;
        // Planes of two axes, except those that separate the same corner.
        let two = any * Vec3::new(any.y, any.z, any.x)
            - a * Vec3::new(a.y, a.z, a.x)
            - b * Vec3::new(b.y, b.z, b.x)
            - c * Vec3::new(c.y, c.z, c.x);
        // Two planes of the same axis.
        let twice = (any - 1.0).max(Vec3::ZERO);
        (two + twice).element_sum().min(1.0)
    }
}

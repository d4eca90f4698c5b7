//! How many triangles come to lie between three cells of a grid, depending on how fine it is: from some of the triangles,
//! on average over all places that the grid may have.
//!
//! Along an axis, a plane between cells parts a triangle's lowest corner from the others as often as it falls between that
//! corner and the next, and so with the highest. Planes of two axes that part different corners leave three apart.

use glam::Vec3;

use remora_model::{Bounds, Primitive};

/// One triangle in so many is looked at, but neither few nor many.
pub(super) const ONE_IN: usize = 32;
const SAMPLES_MIN: usize = 128;
const SAMPLES_MAX: usize = 2048;
/// Of cells along the longest side.
const CELLS_MAX: f32 = 4096.0;
/// Halvings of the range of that number, which is known within 2 % then.
const STEPS: usize = 9;

pub(super) struct Density {
    samples: Vec<Sample>,
    triangles: usize,
}

/// By corner: how long a plane across each axis can be moved while it parts this corner from the other two, where the
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

    /// How many cells along the longest side leave so many triangles.
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

    /// How likely it is that the corners are in three cells of which so many are as long as the box.
    fn stays(&self, cells: f32) -> f32 {
        let [a, b, c] = self.0.map(|lengths| (lengths * cells).min(Vec3::ONE));
        let any = a + b + c;
        // Planes across two axes, but for those that part the same corner.
        let two = any * Vec3::new(any.y, any.z, any.x)
            - a * Vec3::new(a.y, a.z, a.x)
            - b * Vec3::new(b.y, b.z, b.x)
            - c * Vec3::new(c.y, c.z, c.x);
        // Two planes across the same axis.
        let twice = (any - 1.0).max(Vec3::ZERO);
        (two + twice).element_sum().min(1.0)
    }
}

//! Axis-aligned boxes around geometry.

use glam::{DAffine3, DVec3, Vec3};

/// An axis-aligned box in single precision. It is empty if `min > max` in any axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    /// Lower corner.
    pub min: Vec3,
    /// Upper corner.
    pub max: Vec3,
}

/// An axis-aligned box in double precision, in the coordinates of the world. It is empty if `min > max` in any axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WorldBounds {
    /// Lower corner.
    pub min: DVec3,
    /// Upper corner.
    pub max: DVec3,
}

impl Bounds {
    /// A box with nothing in it.
    pub const EMPTY: Bounds = Bounds { min: Vec3::INFINITY, max: Vec3::NEG_INFINITY };

    /// Returns a box around points. Coordinates that are not numbers are ignored.
    pub(crate) fn around(points: &[[f32; 3]]) -> Self {
        // Four points at a time fill the registers, and this form of comparison compiles to the minimum instruction.
        let (fours, rest) = points.as_chunks::<4>();
        let (mut low, mut high) = ([f32::INFINITY; 12], [f32::NEG_INFINITY; 12]);
        for four in fours {
            let numbers: &[f32; 12] = bytemuck::cast_ref(four);
            for at in 0..12 {
                low[at] = if numbers[at] < low[at] { numbers[at] } else { low[at] };
                high[at] = if numbers[at] > high[at] { numbers[at] } else { high[at] };
            }
        }
        let (low, high) = (low.as_chunks::<3>().0, high.as_chunks::<3>().0);
        let bounds = low
            .iter()
            .zip(high)
            .fold(Bounds::EMPTY, |bounds, (&low, &high)| bounds.union(Bounds { min: low.into(), max: high.into() }));
        rest.iter().fold(bounds, |bounds, &point| bounds.including(point.into()))
    }

    /// Returns whether nothing is in the box.
    pub fn is_empty(&self) -> bool {
        self.min.cmpgt(self.max).any()
    }

    /// Returns the box around this box and a point. Coordinates of the point that are not numbers are ignored.
    #[must_use]
    pub fn including(self, point: Vec3) -> Bounds {
        // In this order, the minimum of NaN and a number is the number.
        Bounds { min: point.min(self.min), max: point.max(self.max) }
    }

    /// Returns whether a point is in the box or on its surface.
    pub fn holds(&self, point: Vec3) -> bool {
        point.cmpge(self.min).all() && point.cmple(self.max).all()
    }

    /// Returns the box around both boxes.
    #[must_use]
    pub fn union(self, other: Bounds) -> Bounds {
        Bounds { min: self.min.min(other.min), max: self.max.max(other.max) }
    }

    /// Returns the center.
    pub fn center(&self) -> Vec3 {
        (self.min + self.max) * 0.5
    }

    /// Returns half of the diagonal; 0 for an empty box.
    pub fn radius(&self) -> f32 {
        if self.is_empty() { 0.0 } else { (self.max - self.min).length() * 0.5 }
    }

    /// Returns the box around this box after a transform.
    pub fn transformed(&self, transform: &DAffine3) -> WorldBounds {
        if self.is_empty() {
            return WorldBounds::EMPTY;
        }
        let (min, max) = (self.min.as_dvec3(), self.max.as_dvec3());
        let center = transform.transform_point3((min + max) * 0.5);
        let half = (max - min) * 0.5;
        let matrix = transform.matrix3;
        let extent = matrix.x_axis.abs() * half.x + matrix.y_axis.abs() * half.y + matrix.z_axis.abs() * half.z;
        WorldBounds { min: center - extent, max: center + extent }
    }
}

impl WorldBounds {
    /// A box with nothing in it.
    pub const EMPTY: WorldBounds = WorldBounds { min: DVec3::INFINITY, max: DVec3::NEG_INFINITY };

    /// Returns whether nothing is in the box.
    pub fn is_empty(&self) -> bool {
        self.min.cmpgt(self.max).any()
    }

    /// Returns the box around both boxes.
    #[must_use]
    pub fn union(self, other: WorldBounds) -> WorldBounds {
        WorldBounds { min: self.min.min(other.min), max: self.max.max(other.max) }
    }

    /// Returns the center.
    pub fn center(&self) -> DVec3 {
        (self.min + self.max) * 0.5
    }

    /// Returns half of the diagonal; 0 for an empty box.
    pub fn radius(&self) -> f64 {
        if self.is_empty() { 0.0 } else { (self.max - self.min).length() * 0.5 }
    }
}

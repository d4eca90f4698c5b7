//! Quantised positions.

use glam::Vec3;

use remora_model::Bounds;

use super::layout::GRID_BITS;

/// The grid on which all vertices of a mesh lie. Vertices that two clusters share stay the same point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Grid {
    /// Position of the first point.
    pub origin: Vec3,
    /// Distance of neighbouring points.
    pub step: f32,
}

impl Grid {
    /// Returns the finest grid that covers a box.
    pub fn around(bounds: &Bounds) -> Self {
        if bounds.is_empty() {
            return Self { origin: Vec3::ZERO, step: 1.0 };
        }
        let extent = (bounds.max - bounds.min).max_element();
        let cells = ((1_u32 << GRID_BITS) - 1) as f32;
        // Products of a power of two and whole numbers are exact. The bound keeps the step above 0.
        let exponent = (extent / cells).log2().ceil().clamp(-100.0, 100.0);
        Self { origin: bounds.min, step: if extent > 0.0 { exponent.exp2() } else { 1.0 } }
    }

    /// Rounds a position to the grid. Its coordinates are in three times [`GRID_BITS`] bits, x in the lowest.
    pub fn pack(&self, position: [f32; 3]) -> u64 {
        let most = ((1_u64 << GRID_BITS) - 1) as f32;
        // The cast truncates, hence the half.
        let cell = ((Vec3::from(position) - self.origin) / self.step + 0.5).clamp(Vec3::ZERO, Vec3::splat(most));
        cell.x as u64 | (cell.y as u64) << GRID_BITS | (cell.z as u64) << (2 * GRID_BITS)
    }

    /// Returns the position of a point of the grid.
    pub fn unpack(&self, packed: u64) -> Vec3 {
        let most = (1_u64 << GRID_BITS) - 1;
        let cell = [packed, packed >> GRID_BITS, packed >> (2 * GRID_BITS)].map(|bits| (bits & most) as f32);
        self.origin + Vec3::from(cell) * self.step
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_kept_within_half_a_step_at_any_scale() {
        for scale in [1e-20, 1e-3, 1.0, 12345.0, 1e9] {
            let bounds = Bounds { min: Vec3::new(-1.0, 2.0, 3.0) * scale, max: Vec3::new(1.5, 2.1, 7.0) * scale };
            let grid = Grid::around(&bounds);
            for share in [0.0, 0.123, 0.5, 0.987, 1.0] {
                let position = bounds.min + (bounds.max - bounds.min) * share;
                let back = grid.unpack(grid.pack(position.into()));
                let error = (back - position).abs().max_element();
                // Half a step, and the rounding error of a sum of 32-bit numbers.
                assert!(error <= grid.step * 0.5 + 4.0 * f32::EPSILON * 7.0 * scale, "{error} at {scale}");
            }
            assert!(grid.step * (1 << GRID_BITS) as f32 <= 2.1 * 4.0 * scale, "no bit is wasted");
        }
    }

    #[test]
    fn a_mesh_without_extent_has_a_grid() {
        let point = Vec3::new(5.0, 6.0, 7.0);
        let grid = Grid::around(&Bounds { min: point, max: point });
        assert_eq!(grid.unpack(grid.pack(point.into())), point);
    }
}

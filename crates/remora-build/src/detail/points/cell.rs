//! Computes how far a point must extend so that no gap is left between it and its neighbours.

use glam::{Mat3, Vec2, Vec3};

/// Number of directions in which the cell is sampled.
const DIRECTIONS: usize = 16;
/// Cosines of half of the directions, an eighth of a half circle apart; the others are opposite.
const COSINES: [f32; DIRECTIONS / 2] = [1.0, LONG, DIAGONAL, SHORT, 0.0, -SHORT, -DIAGONAL, -LONG];
const SINES: [f32; DIRECTIONS / 2] = [0.0, SHORT, DIAGONAL, LONG, 1.0, LONG, DIAGONAL, SHORT];
const LONG: f32 = 0.923_879_5;
const DIAGONAL: f32 = std::f32::consts::FRAC_1_SQRT_2;
const SHORT: f32 = 0.382_683_43;
const NO_POINT: u32 = u32::MAX;

/// The Voronoi cell of the origin among points of a plane; it is convex.
#[derive(Default)]
pub(super) struct Cell {
    points: Vec<Vec2>,
    /// For each direction, one over the distance at which it leaves the cell, and the point beyond that side of the
    /// cell; none if the side is beyond the limit.
    closeness: [f32; DIRECTIONS],
    sides: [u32; DIRECTIONS],
}

impl Cell {
    /// Begins a cell without other points that ends at the distance `limit`.
    pub(super) fn begin(&mut self, limit: f32) {
        self.points.clear();
        self.closeness = [1.0 / limit; DIRECTIONS];
        self.sides = [NO_POINT; DIRECTIONS];
    }

    /// Adds a point other than the origin.
    pub(super) fn add(&mut self, point: Vec2) {
        let number = self.points.len() as u32;
        self.points.push(point);
        let scaled = point * (2.0 / point.length_squared());
        let (ahead, behind) = self.closeness.split_at_mut(DIRECTIONS / 2);
        let (sides_ahead, sides_behind) = self.sides.split_at_mut(DIRECTIONS / 2);
        for at in 0..DIRECTIONS / 2 {
            let closeness = scaled.x * COSINES[at] + scaled.y * SINES[at];
            let is_nearer = closeness > ahead[at];
            ahead[at] = if is_nearer { closeness } else { ahead[at] };
            sides_ahead[at] = if is_nearer { number } else { sides_ahead[at] };
            let is_nearer = -closeness > behind[at];
            behind[at] = if is_nearer { -closeness } else { behind[at] };
            sides_behind[at] = if is_nearer { number } else { sides_behind[at] };
        }
    }

    /// Returns two distances. The first is the extent of the cell: to its corners within `limit`, except those with no
    /// point beyond, and halfway to neighbours, if that is within `middle_max`; 0 if there are none. The second is the
    /// distance from which further points would not change the result.
    pub(super) fn reach(&self, middle_max: f32, limit: f32) -> (f32, f32) {
        let (mut reach, mut farthest) = (0.0_f32, 0.0_f32);
        for (at, &side) in self.sides.iter().enumerate() {
            let next = self.sides[(at + 1) % DIRECTIONS];
            let (Some(&a), Some(&b)) = (self.points.get(side as usize), self.points.get(next as usize)) else {
                farthest = f32::INFINITY;
                continue;
            };
            let middle = a * 0.5;
            let far = middle.length();
            if far > reach && far <= middle_max && self.holds(middle) {
                reach = far;
            }
            if side == next {
                continue;
            }
            // The corner is equally far from the origin and both points.
            let corner = (a.length_squared() * b.perp() - b.length_squared() * a.perp()) * (0.5 / b.perp_dot(a));
            let far = corner.length();
            farthest = farthest.max(far);
            let is_beyond = |point: &Vec2| (*point - corner).dot(corner) > 0.0;
            if far > reach && far <= limit && self.points.iter().any(is_beyond) {
                reach = far;
            }
        }
        (reach, 2.0 * farthest)
    }

    fn holds(&self, place: Vec2) -> bool {
        self.points.iter().all(|point| point.dot(place) <= 0.5 * point.length_squared())
    }
}

/// The plane that fits some points best.
#[derive(Default)]
pub(super) struct Plane {
    pub(super) right: Vec3,
    pub(super) up: Vec3,
    /// Share of the points' spread that is across the plane.
    pub(super) thickness: f32,
}

impl Plane {
    pub(super) fn through(points: &[Vec3]) -> Self {
        let middle = points.iter().sum::<Vec3>() / points.len() as f32;
        let outer = |offset: Vec3| Mat3::from_cols(offset * offset.x, offset * offset.y, offset * offset.z);
        let spread = points.iter().fold(Mat3::ZERO, |spread, &point| spread + outer(point - middle));
        let spread = spread * (1.0 / (spread.x_axis.x + spread.y_axis.y + spread.z_axis.z));
        // The direction of least spread belongs to the greatest eigenvalue of the matrix of cofactors. Squaring
        // amplifies it.
        let (x, y, z) = (spread.x_axis, spread.y_axis, spread.z_axis);
        let mut cofactors = Mat3::from_cols(y.cross(z), z.cross(x), x.cross(y));
        for _ in 0..3 {
            cofactors *= 1.0 / longest(cofactors).length();
            cofactors *= cofactors;
        }
        // For points on a line any perpendicular direction will do, and for points in one position any direction.
        let across = longest(cofactors)
            .try_normalize()
            .or_else(|| longest(spread).try_normalize().map(|along| along.any_orthonormal_vector()))
            .unwrap_or(Vec3::Z);
        let (right, up) = across.any_orthonormal_pair();
        Self { right, up, thickness: across.dot(spread * across) }
    }
}

fn longest(matrix: Mat3) -> Vec3 {
    [matrix.x_axis, matrix.y_axis, matrix.z_axis].into_iter().fold(Vec3::ZERO, |longest, column| {
        if column.length_squared() > longest.length_squared() { column } else { longest }
    })
}

//! How far a point among others has to reach so that no gap is left between them.

use glam::{Mat3, Vec2, Vec3};

/// In which the cell is looked at.
const DIRECTIONS: usize = 16;
/// Of half of them, an eighth of the half circle apart; the others are opposite.
const COSINES: [f32; DIRECTIONS / 2] = [1.0, LONG, DIAGONAL, SHORT, 0.0, -SHORT, -DIAGONAL, -LONG];
const SINES: [f32; DIRECTIONS / 2] = [0.0, SHORT, DIAGONAL, LONG, 1.0, LONG, DIAGONAL, SHORT];
const LONG: f32 = 0.923_879_5;
const DIAGONAL: f32 = std::f32::consts::FRAC_1_SQRT_2;
const SHORT: f32 = 0.382_683_43;
const NOBODY: u32 = u32::MAX;

/// Places on a plane that are nearer to the origin than to any other point: a convex cell around it.
#[derive(Default)]
pub(super) struct Cell {
    points: Vec<Vec2>,
    /// Of each direction, one over the distance at which it leaves the cell, and the point that the cell's side there
    /// is shared with: nobody where it is farther away than is asked for.
    closeness: [f32; DIRECTIONS],
    sides: [u32; DIRECTIONS],
}

impl Cell {
    /// Without other points, to be looked at no farther than `limit`.
    pub(super) fn begin(&mut self, limit: f32) {
        self.points.clear();
        self.closeness = [1.0 / limit; DIRECTIONS];
        self.sides = [NOBODY; DIRECTIONS];
    }

    /// Not the origin.
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

    /// How far the cell reaches: to its corners within `limit`, except those with nothing beyond, and to the middles
    /// between its point and neighbours, if those are within `middle_max`; 0 if there are none. And how far other points
    /// would have to be away so as not to matter.
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
            // Equally far from the origin and both points.
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

/// The plane that fits best to some points.
#[derive(Default)]
pub(super) struct Plane {
    pub(super) right: Vec3,
    pub(super) up: Vec3,
    /// Share of the points' spread that is across it.
    pub(super) thickness: f32,
}

impl Plane {
    pub(super) fn through(points: &[Vec3]) -> Self {
        let middle = points.iter().sum::<Vec3>() / points.len() as f32;
        let outer = |offset: Vec3| Mat3::from_cols(offset * offset.x, offset * offset.y, offset * offset.z);
        let spread = points.iter().fold(Mat3::ZERO, |spread, &point| spread + outer(point - middle));
        let spread = spread * (1.0 / (spread.x_axis.x + spread.y_axis.y + spread.z_axis.z));
        // In the matrix of cofactors, the direction of least spread is that of the greatest value; squares bring it out.
        let (x, y, z) = (spread.x_axis, spread.y_axis, spread.z_axis);
        let mut cofactors = Mat3::from_cols(y.cross(z), z.cross(x), x.cross(y));
        for _ in 0..3 {
            cofactors *= 1.0 / longest(cofactors).length();
            cofactors *= cofactors;
        }
        // Of points on a line, any direction across it, and of those in one place any at all.
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

//! Measures the distance between two small surfaces. meshoptimizer's errors are averages over planes, which are not
//! meaningful for a few triangles.

use glam::Vec3;

pub(super) type Triangle = [Vec3; 3];

/// Returns the largest distance from a point of one surface to the part of the other that faces the same way, in both
/// directions. It is measured at corners and at the centers of edges and triangles, and infinite if no part faces the
/// same way. The back of a thin plate is near its front but cannot replace it, because it is not visible from the
/// front.
pub(super) fn deviation(one: &[Triangle], other: &[Triangle]) -> f32 {
    farthest_squared(one, other).max(farthest_squared(other, one)).sqrt()
}

/// Returns a number between 0 for a closed surface and 1 for a flat one that is visible from one side only.
pub(super) fn openness(triangles: &[Triangle]) -> f32 {
    let normals = || triangles.iter().map(normal);
    let area: f32 = normals().map(Vec3::length).sum();
    if area > 0.0 { normals().sum::<Vec3>().length() / area } else { 0.0 }
}

fn farthest_squared(from: &[Triangle], to: &[Triangle]) -> f32 {
    let facing = |to: &[Triangle]| -> Vec<(Triangle, Vec3)> {
        let with_normal = to.iter().map(|triangle| (*triangle, normal(triangle)));
        with_normal.filter(|(_, normal)| *normal != Vec3::ZERO).collect()
    };
    let (from, to) = (facing(from), facing(to));
    let mut farthest = 0.0f32;
    for (place, own) in from.iter().flat_map(|(triangle, normal)| places(triangle).map(|place| (place, *normal))) {
        let mut nearest = f32::INFINITY;
        for (triangle, _) in to.iter().filter(|(_, normal)| normal.dot(own) > 0.0) {
            nearest = nearest.min(distance_squared(place, triangle));
            // This point cannot be the farthest any more.
            if nearest <= farthest {
                break;
            }
        }
        farthest = farthest.max(nearest);
    }
    farthest
}

fn normal([a, b, c]: &Triangle) -> Vec3 {
    (b - a).cross(c - a)
}

fn places(&[a, b, c]: &Triangle) -> [Vec3; 7] {
    [a, b, c, (a + b) * 0.5, (b + c) * 0.5, (c + a) * 0.5, (a + b + c) / 3.0]
}

fn distance_squared(place: Vec3, &[a, b, c]: &Triangle) -> f32 {
    let edges = [(a, b), (b, c), (c, a)];
    let normal = normal(&[a, b, c]);
    let length_squared = normal.length_squared();
    let above = |(from, to): (Vec3, Vec3)| normal.dot((to - from).cross(place - from)) >= 0.0;
    if length_squared > 0.0 && edges.into_iter().all(above) {
        return normal.dot(place - a).powi(2) / length_squared;
    }
    let to_edge = |(from, to): (Vec3, Vec3)| {
        let along = (place - from).dot(to - from) / (to - from).length_squared().max(f32::MIN_POSITIVE);
        place.distance_squared(from + (to - from) * along.clamp(0.0, 1.0))
    };
    edges.into_iter().map(to_edge).fold(f32::INFINITY, f32::min)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLAT: Triangle = [Vec3::ZERO, Vec3::X, Vec3::Z];

    #[test]
    fn a_distance_is_that_to_the_nearest_face_edge_or_corner() {
        let cases = [
            (Vec3::new(0.2, 3.0, 0.2), 3.0),
            (Vec3::new(0.5, 0.0, -2.0), 2.0),
            (Vec3::new(4.0, 4.0, 0.0), 5.0),
            (Vec3::new(1.0, 0.0, 1.0), 0.5f32.sqrt()),
        ];
        for (place, wanted) in cases {
            assert!((distance_squared(place, &FLAT).sqrt() - wanted).abs() < 1e-5, "from {place}");
        }
        let nothing = [Vec3::X; 3];
        assert_eq!(distance_squared(Vec3::new(1.0, 2.0, 0.0), &nothing), 4.0);
    }

    #[test]
    fn what_is_missing_on_either_side_counts() {
        let away = FLAT.map(|corner| corner + Vec3::Y * 7.0);
        assert_eq!(deviation(&[FLAT], &[FLAT]), 0.0);
        assert_eq!(deviation(&[FLAT, away], &[FLAT]), 7.0);
        assert_eq!(deviation(&[FLAT], &[FLAT, away]), 7.0);
    }

    #[test]
    fn what_faces_the_other_way_does_not_count() {
        let [a, b, c] = FLAT;
        let (back, below) = ([a, c, b], FLAT.map(|corner| corner - Vec3::Y * 3.0));
        assert_eq!(deviation(&[FLAT], &[back]), f32::INFINITY);
        assert_eq!(deviation(&[FLAT, back], &[below, back]), 3.0);
    }

    #[test]
    fn two_sides_of_one_triangle_are_closed() {
        let [a, b, c] = FLAT;
        assert_eq!(openness(&[FLAT]), 1.0);
        assert_eq!(openness(&[FLAT, [a, c, b]]), 0.0);
    }
}

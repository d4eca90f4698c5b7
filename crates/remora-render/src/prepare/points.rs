//! Points in clusters: runs of neighbours in the order of the file, each with the distance between its points.

use std::ops::Range;

use glam::Vec3;
use remora_assets::cluster::ClusterBounds;
use remora_assets::{Bounds, Points};

/// A point's index within its cluster takes seven bits, as a triangle's does.
const RUN_POINTS: usize = 128;

/// Neighbouring points that are taken or left as a whole.
#[derive(Debug)]
pub(crate) struct PointRun {
    pub points: Range<usize>,
    pub bounds: ClusterBounds,
    /// Usual distance from a point to its nearest neighbour, 0 where there is none.
    pub spacing: f32,
}

pub(crate) fn runs(points: &Points) -> impl Iterator<Item = PointRun> + '_ {
    points.positions.chunks(RUN_POINTS).enumerate().map(|(index, positions)| {
        let start = index * RUN_POINTS;
        let positions: Vec<Vec3> = positions.iter().copied().map(Vec3::from).collect();
        let spacing = spacing(&positions);
        PointRun { points: start..start + positions.len(), bounds: bounds(&positions, spacing), spacing }
    })
}

/// Position and colour, in the layout of a chunk's vertices.
pub(crate) fn vertices(points: &Points, range: Range<usize>) -> impl Iterator<Item = [u32; 4]> + '_ {
    let colors = &points.colors[range.clone()];
    points.positions[range].iter().zip(colors).map(|(position, color)| {
        let [x, y, z] = position.map(f32::to_bits);
        [x, y, z, u32::from_le_bytes(*color)]
    })
}

/// The median over all points: strays do not make their neighbours large.
fn spacing(positions: &[Vec3]) -> f32 {
    let mut nearest = vec![f32::INFINITY; positions.len()];
    for (one, position) in positions.iter().enumerate() {
        for (other, neighbour) in positions.iter().enumerate().skip(one + 1) {
            let distance = position.distance_squared(*neighbour);
            nearest[one] = nearest[one].min(distance);
            nearest[other] = nearest[other].min(distance);
        }
    }
    let middle = nearest.len() / 2;
    let (_, median, _) = nearest.select_nth_unstable_by(middle, f32::total_cmp);
    if median.is_finite() { median.sqrt() } else { 0.0 }
}

/// Squares as wide as the points are apart have room in it. Points face everywhere.
fn bounds(positions: &[Vec3], spacing: f32) -> ClusterBounds {
    let around = positions.iter().fold(Bounds::EMPTY, |bounds, position| bounds.including(*position));
    let center = around.center();
    let radius = positions.iter().fold(0.0, |radius: f32, position| radius.max(position.distance(center)));
    ClusterBounds { center, radius: radius + spacing, cone_apex: center, cone_axis: Vec3::Z, cone_cutoff: 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid(side: usize, pitch: f32) -> Points {
        let positions: Vec<[f32; 3]> =
            (0..side * side).map(|index| [(index % side) as f32 * pitch, (index / side) as f32 * pitch, 0.0]).collect();
        Points { colors: vec![[1, 2, 3, 4]; positions.len()], positions }
    }

    #[test]
    fn every_point_is_in_one_run_and_within_its_bounds() {
        let points = grid(20, 0.5);
        let runs: Vec<PointRun> = runs(&points).collect();
        assert_eq!(runs.iter().map(|run| run.points.len()).collect::<Vec<_>>(), [128, 128, 128, 16]);
        for run in &runs {
            assert_eq!(run.spacing, 0.5);
            for position in &points.positions[run.points.clone()] {
                assert!(Vec3::from(*position).distance(run.bounds.center) + 0.5 <= run.bounds.radius * 1.0001);
            }
        }
        let vertex = vertices(&points, 21..22).next().expect("there are 400");
        assert_eq!(vertex, [0.5f32.to_bits(), 0.5f32.to_bits(), 0, 0x04030201]);
    }

    #[test]
    fn strays_and_single_points_do_not_matter() {
        let mut points = grid(10, 0.25);
        points.positions[99] = [1e6, 0.0, 0.0];
        assert_eq!(runs(&points).next().expect("one run").spacing, 0.25);
        assert_eq!(runs(&grid(1, 1.0)).next().expect("one run").spacing, 0.0);
        assert_eq!(runs(&Points::default()).count(), 0);
    }
}

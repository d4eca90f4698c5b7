//! Chooses the points that replace a group, and measures distances between points.

use glam::Vec3;

use super::kd::Entry;

/// Points of a cluster that are sampled for the distance to their nearest neighbour.
const SPACING_SAMPLE: usize = 24;
/// Distances that are computed together, so that the compiler vectorises.
const LANES: usize = 8;

/// Returns the median distance to the nearest point in a different position; 0 if all points are in one position.
pub(super) fn spacing(points: &[Vec3]) -> f32 {
    let step = points.len().div_ceil(SPACING_SAMPLE).max(1);
    let mut nearest: Vec<f32> = points.iter().step_by(step).map(|&point| nearest_elsewhere(point, points)).collect();
    nearest.retain(|distance| distance.is_finite());
    if nearest.is_empty() {
        return 0.0;
    }
    let middle = nearest.len() / 2;
    let (_, median, _) = nearest.select_nth_unstable_by(middle, f32::total_cmp);
    median.sqrt()
}

/// Returns the squared distance to the nearest point in a different position; infinite if there is none.
fn nearest_elsewhere(point: Vec3, points: &[Vec3]) -> f32 {
    points.iter().fold(f32::INFINITY, |nearest, &other| {
        let squared = point.distance_squared(other);
        if squared > 0.0 && squared < nearest { squared } else { nearest }
    })
}

/// Chooses `count` points: the first, and then repeatedly the one that is farthest from all chosen points. Among
/// equals, the first is chosen.
pub(super) fn spread(all: &[Entry], count: usize) -> Vec<Entry> {
    let mut far = Distances::new(all);
    let mut chosen = Vec::with_capacity(count);
    let mut next = 0;
    for _ in 0..count.min(all.len()) {
        chosen.push(all[next]);
        next = far.choose(next);
    }
    chosen
}

/// The distance of each point from the chosen ones. There is a list of whole lanes for each coordinate; the padding
/// counts as chosen from the beginning.
struct Distances {
    x: Vec<[f32; LANES]>,
    y: Vec<[f32; LANES]>,
    z: Vec<[f32; LANES]>,
    /// Squared distances; -1 for chosen points.
    squared: Vec<[f32; LANES]>,
}

impl Distances {
    fn new(all: &[Entry]) -> Self {
        let lanes = |of: &dyn Fn(&Entry) -> f32, filling: f32| -> Vec<[f32; LANES]> {
            let lane = |entries: &[Entry]| std::array::from_fn(|at| entries.get(at).map_or(filling, of));
            all.chunks(LANES).map(lane).collect()
        };
        Self {
            x: lanes(&|entry| entry.position[0], 0.0),
            y: lanes(&|entry| entry.position[1], 0.0),
            z: lanes(&|entry| entry.position[2], 0.0),
            squared: lanes(&|_| f32::INFINITY, -1.0),
        }
    }

    /// Marks a point as chosen and returns the one that is now farthest.
    fn choose(&mut self, chosen: usize) -> usize {
        let (row, lane) = (chosen / LANES, chosen % LANES);
        let (x, y, z) = (self.x[row][lane], self.y[row][lane], self.z[row][lane]);
        self.squared[row][lane] = -1.0;
        let mut farthest = [-1.0_f32; LANES];
        let rows = self.squared.iter_mut().zip(&self.x).zip(&self.y).zip(&self.z);
        for (((squared, xs), ys), zs) in rows {
            for at in 0..LANES {
                let (dx, dy, dz) = (xs[at] - x, ys[at] - y, zs[at] - z);
                let now = dx * dx + dy * dy + dz * dz;
                squared[at] = if now < squared[at] { now } else { squared[at] };
                farthest[at] = if squared[at] > farthest[at] { squared[at] } else { farthest[at] };
            }
        }
        let farthest = farthest.into_iter().fold(-1.0, f32::max);
        self.squared.as_flattened().iter().position(|&squared| squared == farthest).unwrap_or(0)
    }
}

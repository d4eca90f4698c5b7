//! Computes the widths with which points are drawn, so that the points of a level close the gaps between them, even if
//! they are distributed unevenly.
//!
//! A point has to cover its cell in the Voronoi diagram of its neighbours, on the plane through them. The farthest
//! places are the corners of the cell. Two kinds of corners do not count, so that edges stay sharp and outliers small:
//! corners with no points beyond them, where the surface ends, and corners that are much farther away than neighbours
//! usually are.

use std::ops::Range;

use glam::{Vec2, Vec3};

use super::Part;
use super::cell::{Cell, Plane};
use super::kd::{self, Entry};
use remora_model::Bounds;

/// The neighbour whose distance counts as the distance of points. The nearest ones may be much nearer than the others.
const NEIGHBOUR: usize = 6;
/// Points of a cluster that are sampled for its typical distance.
const SAMPLE: usize = 16;
/// Limit of a point's own distance to its neighbours, in typical distances of its cluster.
const UNEVEN_MAX: f32 = 1.5;
/// Distance up to which the corners of a cell count, in distances of neighbours.
const CORNER_MAX: f32 = 1.5;
/// Half of the width of points that are on no surface, in typical distances of neighbours.
const LOOSE: f32 = 0.18;
/// Largest share of the points' spread that is across a surface. For points spread evenly in space it is a third.
const THICKNESS_MAX: f32 = 0.18;
/// Search distances in typical distances. The larger ones are for points that nearer points do not enclose.
const REACHES: [f32; 3] = [1.3, 2.2, REACH_MAX];
const REACH_MAX: f32 = 2.0 * CORNER_MAX * UNEVEN_MAX;
/// Number of points that share a plane and a list of surrounding points.
const BUCKET: usize = 16;
/// Limit of the clusters that are searched around one, the nearest first. On a surface there are about thirty.
const CLUSTERS_MAX: usize = 64;
const FOUND_MAX: usize = 512;
/// Children of a box in the tree of boxes.
const BRANCHES: usize = 8;

/// A search tree of all points of a level.
pub(super) struct Level<'a> {
    parts: &'a [Part],
    positions: &'a [[f32; 3]],
    /// For each cluster, its part and its range of the part's points.
    clusters: Vec<(u32, Range<u32>)>,
    /// Boxes of the clusters, then level by level the boxes around [`BRANCHES`] of them.
    boxes: Vec<Vec<Bounds>>,
}

impl<'a> Level<'a> {
    pub(super) fn new(parts: &'a [Part], positions: &'a [[f32; 3]]) -> Self {
        let mut clusters = Vec::new();
        for (number, part) in (0..).zip(parts) {
            let mut first = 0;
            for &end in &part.ends {
                clusters.push((number, first..end as u32));
                first = end as u32;
            }
        }
        let mut level = Self { parts, positions, clusters, boxes: Vec::new() };
        let mut boxes: Vec<Bounds> = level.clusters.iter().map(|cluster| around(level.points(cluster))).collect();
        while boxes.len() > 1 {
            let together = |some: &[Bounds]| some.iter().copied().fold(Bounds::EMPTY, Bounds::union);
            let above = boxes.chunks(BRANCHES).map(together).collect();
            level.boxes.push(std::mem::replace(&mut boxes, above));
        }
        level.boxes.push(boxes);
        level
    }

    fn points(&self, (part, range): &(u32, Range<u32>)) -> impl Iterator<Item = Vec3> {
        let vertices = &self.parts[*part as usize].vertices[range.start as usize..range.end as usize];
        vertices.iter().map(|&vertex| Vec3::from(self.positions[vertex as usize]))
    }

    /// Returns the points in a box, from a bounded number of clusters. Points are left out only if very many are in few
    /// positions.
    fn within(&self, wanted: &Bounds) -> Vec<Vec3> {
        let mut found = Vec::new();
        let mut open = vec![(self.boxes.len() - 1, 0)];
        while let Some((height, number)) = open.pop() {
            let bounds = &self.boxes[height][number];
            if bounds.min.cmpgt(wanted.max).any() || bounds.max.cmplt(wanted.min).any() {
                continue;
            }
            if height > 0 {
                let first = number * BRANCHES;
                let end = (first + BRANCHES).min(self.boxes[height - 1].len());
                open.extend((first..end).map(|below| (height - 1, below)));
                continue;
            }
            found.push((bounds.center().distance_squared(wanted.center()), number));
            if found.len() == FOUND_MAX {
                break;
            }
        }
        found.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        found.truncate(CLUSTERS_MAX);
        let points = found.iter().flat_map(|(_, number)| self.points(&self.clusters[*number]));
        points.filter(|&point| wanted.holds(point)).collect()
    }

    /// Returns the width of each point of a cluster of this level, given the typical distance of neighbours.
    pub(super) fn widths(&self, points: &[Vec3], typical: f32) -> Vec<f32> {
        let everything = self.within(&widened(around(points.iter().copied()), REACH_MAX * typical));
        let mut entries: Vec<Entry> =
            points.iter().zip(0..).map(|(&position, index)| Entry { position: position.into(), index }).collect();
        let ends: Vec<usize> =
            (1..=points.len().div_ceil(BUCKET)).map(|end| (end * BUCKET).min(points.len())).collect();
        kd::split(&mut entries, &ends);
        let mut widths = vec![0.0; points.len()];
        let mut surroundings = REACHES.map(|reach| Surroundings::new(reach * typical, typical, points.len()));
        let mut cell = Cell::default();
        for bucket in entries.chunks(BUCKET) {
            let bounds = around(bucket.iter().map(|entry| entry.position.into()));
            let mut gathered = 0;
            for entry in bucket {
                let mut half_width = None;
                for (number, some) in surroundings.iter_mut().enumerate() {
                    if number == gathered {
                        some.gather(&everything, &bounds);
                        gathered += 1;
                    }
                    half_width = some.half_width(entry.position.into(), &mut cell);
                    if half_width.is_some() {
                        break;
                    }
                }
                widths[entry.index as usize] = 2.0 * half_width.unwrap_or(LOOSE * typical);
            }
        }
        widths
    }
}

fn around(points: impl Iterator<Item = Vec3>) -> Bounds {
    points.fold(Bounds::EMPTY, Bounds::including)
}

fn widened(bounds: Bounds, by: f32) -> Bounds {
    Bounds { min: bounds.min - by, max: bounds.max + by }
}

/// Returns the median distance to a neighbour in a different position; 0 if all points are in one position.
pub(super) fn typical(points: &[Vec3]) -> f32 {
    let step = points.len().div_ceil(SAMPLE).max(1);
    let sample = points.iter().step_by(step).filter_map(|&point| {
        let mut nearest = Nearest::default();
        points.iter().for_each(|&other| nearest.add(point.distance_squared(other)));
        nearest.0.into_iter().rev().find(|squared| squared.is_finite())
    });
    let mut sample: Vec<f32> = sample.collect();
    if sample.is_empty() {
        return 0.0;
    }
    let middle = sample.len() / 2;
    let (_, median, _) = sample.select_nth_unstable_by(middle, f32::total_cmp);
    median.sqrt()
}

/// The smallest squared distances, in ascending order.
struct Nearest([f32; NEIGHBOUR]);

impl Default for Nearest {
    fn default() -> Self {
        Self([f32::INFINITY; NEIGHBOUR])
    }
}

impl Nearest {
    fn add(&mut self, squared: f32) {
        if squared > 0.0 && squared < self.0[NEIGHBOUR - 1] {
            self.0[NEIGHBOUR - 1] = squared;
            for at in (1..NEIGHBOUR).rev() {
                if self.0[at] < self.0[at - 1] {
                    self.0.swap(at, at - 1);
                }
            }
        }
    }
}

/// The points around a bucket.
struct Surroundings {
    /// Distance up to which points are included.
    reach: f32,
    typical: f32,
    /// Index of the neighbour whose distance counts, or of the last one if there are few.
    neighbour: usize,
    points: Vec<Vec3>,
    plane: Plane,
    /// Squared distances of the current point, and the indices of those that are near.
    squared: Vec<f32>,
    near: Vec<u32>,
}

impl Surroundings {
    fn new(reach: f32, typical: f32, count: usize) -> Self {
        let neighbour = count.saturating_sub(2).min(NEIGHBOUR - 1);
        let (points, squared, near) = (Vec::new(), Vec::new(), Vec::new());
        Self { reach, typical, neighbour, points, plane: Plane::default(), squared, near }
    }

    fn gather(&mut self, everything: &[Vec3], bucket: &Bounds) {
        let wanted = widened(*bucket, self.reach);
        self.points.clear();
        self.points.extend(everything.iter().filter(|point| wanted.holds(**point)));
        self.plane = Plane::through(&self.points);
    }

    /// Returns the distance that a point has to cover; `None` if the surrounding points do not determine it.
    fn half_width(&mut self, point: Vec3, cell: &mut Cell) -> Option<f32> {
        self.squared.clear();
        self.squared.extend(self.points.iter().map(|other| point.distance_squared(*other)));
        let mut nearest = Nearest::default();
        self.near.clear();
        for (&squared, at) in self.squared.iter().zip(0..) {
            if squared > 0.0 && squared < self.reach * self.reach {
                nearest.add(squared);
                self.near.push(at);
            }
        }
        let own = nearest.0[self.neighbour].sqrt();
        if own > CORNER_MAX * UNEVEN_MAX * self.typical || self.plane.thickness > THICKNESS_MAX {
            return None;
        }
        let own = own.min(UNEVEN_MAX * self.typical);
        let limit = CORNER_MAX * own;
        cell.begin(limit);
        for &at in &self.near {
            let offset = self.points[at as usize] - point;
            let squared = self.squared[at as usize];
            let flat = Vec2::new(offset.dot(self.plane.right), offset.dot(self.plane.up));
            let flat_squared = flat.length_squared();
            // A point above the plane is not a neighbour, for example one on the other side of a thin wall.
            if flat_squared > 0.5 * squared {
                // Projected to the plane with its distance kept.
                cell.add(flat * (squared / flat_squared).sqrt());
            }
        }
        let (half, known) = cell.reach(own, limit);
        (half > 0.0 && (known <= self.reach || self.reach >= REACH_MAX * self.typical)).then_some(half)
    }
}

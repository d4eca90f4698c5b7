//! Grows clusters triangle by triangle. Each step adds the triangle that fits best.
//!
//! The rules are those of meshoptimizer's `buildMeshletsFlex`. The best triangle is the one that adds the fewest
//! vertices and isolates the fewest triangles; among those, the one that keeps the cluster compact and its cone of
//! normals narrow. `buildMeshletsFlex` examines all neighbours in every step. Here they are in a [`Frontier`], sorted
//! by the first criterion.

use glam::Vec3;

use self::nearest::Nearest;
use remora_asset::layout::{CLUSTER_TRIANGLES_MAX, CLUSTER_VERTICES_MAX};

mod nearest;

/// Clusters with fewer triangles continue with the nearest triangle, at any distance, if no adjacent one is left.
const TRIANGLES_MIN: usize = 40;
/// Weight of a narrow cone of normals against a compact shape, 0 to 1. meshoptimizer recommends this value for models
/// that are seen from outside.
const CONE_WEIGHT: f32 = 0.25;
/// Distance to which a cluster may jump, in expected radii of a cluster; the value of `clusterlod.h`.
const SPLIT_FACTOR: f32 = 2.0;
/// Triangles at the border of a cluster that are kept as starts of later clusters.
const SEEDS_EACH: usize = 4;
const SEEDS_MAX: usize = 256;
/// Number of priorities of neighbours; 0 is the best.
const PRIORITIES: usize = 5;

const UNUSED: u16 = u16::MAX;

/// A finished cluster: up to [`CLUSTER_TRIANGLES_MAX`] triangles with up to [`CLUSTER_VERTICES_MAX`] vertices.
#[derive(Default)]
pub(crate) struct Grown {
    /// Indices of positions, in the order in which triangles use them.
    pub vertices: Vec<u32>,
    /// Indices into `vertices`, three for each triangle.
    pub corners: Vec<u8>,
}

/// Puts all triangles into clusters. Each is given by three different indices into `positions`.
pub(crate) fn grow(indices: &[u32], positions: &[[f32; 3]]) -> Vec<Grown> {
    let (triangles, _) = indices.as_chunks::<3>();
    if triangles.is_empty() {
        return Vec::new();
    }
    let mut growth = Growth::new(triangles, positions);
    let mut done = Vec::new();
    let mut next = growth.first();
    while let Some(triangle) = next {
        growth.take(triangle);
        let neighbour = growth.neighbour();
        let (fits, found) = match neighbour {
            Some(triangle) => (growth.fits(triangle), Some(triangle)),
            None => {
                let nearest = growth.nearest();
                let is_near = |&(triangle, distance): &(u32, f32)| {
                    let few = growth.current.corners.len() < TRIANGLES_MIN * 3;
                    (few || distance <= growth.radius * SPLIT_FACTOR) && growth.fits(triangle)
                };
                (nearest.as_ref().is_some_and(is_near), nearest.map(|(triangle, _)| triangle))
            }
        };
        next = if fits { found } else { growth.seed().or(found) };
        if !fits {
            done.push(growth.close());
        }
    }
    done
}

/// Position and normal of a triangle.
#[derive(Clone, Copy)]
struct Facing {
    middle: Vec3,
    normal: Vec3,
}

struct Growth<'a> {
    triangles: &'a [[u32; 3]],
    facings: Vec<Facing>,
    /// Triangles of each vertex `v`, `live[v]` of them from `firsts[v]` on.
    around: Vec<u32>,
    firsts: Vec<u32>,
    /// For each vertex, the number of its triangles that are not taken.
    live: Vec<u32>,
    /// For each vertex, its index in the current cluster.
    numbers: Vec<u16>,
    taken: Vec<bool>,
    frontier: Frontier,
    seeds: Vec<u32>,
    /// The search tree, built when it is first needed.
    kd: Option<Nearest>,
    /// The corner of the bounds at which clusters start, so that they cover the surface from one end to the other.
    corner: Vec3,
    /// Expected radius of a cluster.
    radius: f32,
    current: Grown,
    /// Sums over the current cluster.
    sum: Facing,
}

/// Triangles that share a vertex with the current cluster.
struct Frontier {
    waiting: [Vec<u32>; PRIORITIES],
    /// For each triangle, its list, or [`PRIORITIES`] if it is in none, and its position in the list.
    places: Vec<(u8, u32)>,
}

impl<'a> Growth<'a> {
    fn new(triangles: &'a [[u32; 3]], positions: &[[f32; 3]]) -> Self {
        let mut area = 0.0;
        let facings: Vec<Facing> = triangles
            .iter()
            .map(|corners| {
                let [a, b, c] = corners.map(|corner| Vec3::from(positions[corner as usize]));
                let normal = (b - a).cross(c - a);
                let length = normal.length();
                area += length * 0.5;
                Facing { middle: (a + b + c) / 3.0, normal: if length > 0.0 { normal / length } else { Vec3::ZERO } }
            })
            .collect();
        let mut live = vec![0; positions.len()];
        for &corner in triangles.as_flattened() {
            live[corner as usize] += 1;
        }
        let mut end = 0;
        let mut firsts: Vec<u32> = live
            .iter()
            .map(|count| {
                end += count;
                end
            })
            .collect();
        let mut around = vec![0; triangles.len() * 3];
        for (number, corners) in triangles.iter().enumerate().rev() {
            for &corner in corners {
                firsts[corner as usize] -= 1;
                around[firsts[corner as usize] as usize] = number as u32;
            }
        }
        let expected_area = area / triangles.len() as f32 * CLUSTER_TRIANGLES_MAX as f32;
        Self {
            triangles,
            around,
            firsts,
            live,
            numbers: vec![UNUSED; positions.len()],
            taken: vec![false; triangles.len()],
            frontier: Frontier { waiting: Default::default(), places: vec![(PRIORITIES as u8, 0); triangles.len()] },
            seeds: Vec::new(),
            kd: None,
            corner: facings.iter().map(|facing| facing.middle).fold(Vec3::INFINITY, Vec3::min),
            radius: expected_area.sqrt() * 0.5,
            facings,
            current: Grown::default(),
            sum: Facing { middle: Vec3::ZERO, normal: Vec3::ZERO },
        }
    }

    /// Returns the triangle to start with.
    fn first(&self) -> Option<u32> {
        let distance = |&triangle: &u32| self.facings[triangle as usize].middle.distance_squared(self.corner);
        (0..self.triangles.len() as u32).min_by(|a, b| distance(a).total_cmp(&distance(b)))
    }

    fn take(&mut self, triangle: u32) {
        self.taken[triangle as usize] = true;
        self.frontier.remove(triangle);
        let corners = self.triangles[triangle as usize];
        for vertex in corners.map(|corner| corner as usize) {
            if self.numbers[vertex] == UNUSED {
                self.numbers[vertex] = self.current.vertices.len() as u16;
                self.current.vertices.push(vertex as u32);
            }
            self.current.corners.push(self.numbers[vertex] as u8);
            let first = self.firsts[vertex] as usize;
            let list = &mut self.around[first..first + self.live[vertex] as usize];
            if let Some(place) = list.iter().position(|&other| other == triangle) {
                list.swap(place, list.len() - 1);
            }
            self.live[vertex] -= 1;
        }
        let facing = self.facings[triangle as usize];
        self.sum.middle += facing.middle;
        self.sum.normal += facing.normal;
        for vertex in corners.map(|corner| corner as usize) {
            let first = self.firsts[vertex] as usize;
            for at in first..first + self.live[vertex] as usize {
                let other = self.around[at];
                self.frontier.put(other, self.priority(other));
            }
        }
    }

    /// Returns the priority of a triangle that shares a vertex with the current cluster.
    fn priority(&self, triangle: u32) -> usize {
        let corners = self.triangles[triangle as usize].map(|corner| corner as usize);
        let new = corners.iter().filter(|&&vertex| self.numbers[vertex] == UNUSED).count();
        let live = corners.map(|vertex| self.live[vertex]);
        if new == 0 {
            return 0;
        }
        // It is the last triangle of one of its vertices, so leaving it behind is expensive.
        if live.contains(&1) {
            return 1;
        }
        // Taking it would leave a single triangle at two of its vertices.
        let makes_last = live.iter().filter(|&&live| live == 2).count() >= 2;
        if makes_last { 1 + new } else { 2 + new }
    }

    /// Returns the best triangle adjacent to the current cluster.
    fn neighbour(&self) -> Option<u32> {
        let waiting = self.frontier.waiting.iter().find(|waiting| !waiting.is_empty())?;
        if let [only] = waiting[..] {
            return Some(only);
        }
        let middle = self.middle();
        let axis = self.sum.normal.normalize_or_zero();
        let scale = (1.0 - CONE_WEIGHT) / self.radius;
        let score = |triangle: u32| {
            let facing = self.facings[triangle as usize];
            let spread = 1.0 - facing.normal.dot(axis) * CONE_WEIGHT;
            (1.0 + facing.middle.distance(middle) * scale) * spread.max(1e-3)
        };
        let mut best = (waiting[0], score(waiting[0]));
        for &triangle in &waiting[1..] {
            let score = score(triangle);
            if score < best.1 {
                best = (triangle, score);
            }
        }
        Some(best.0)
    }

    fn fits(&self, triangle: u32) -> bool {
        let corners = self.triangles[triangle as usize];
        let new = corners.iter().filter(|&&corner| self.numbers[corner as usize] == UNUSED).count();
        self.current.vertices.len() + new <= CLUSTER_VERTICES_MAX
            && self.current.corners.len() < CLUSTER_TRIANGLES_MAX * 3
    }

    fn middle(&self) -> Vec3 {
        self.sum.middle / (self.current.corners.len() / 3) as f32
    }

    /// Returns the triangle nearest to the current cluster that is not taken, and its distance.
    fn nearest(&mut self) -> Option<(u32, f32)> {
        let middle = self.middle();
        let kd = self.kd.get_or_insert_with(|| Nearest::new(&self.facings, &self.taken));
        kd.find(middle, &self.facings, &self.taken)
    }

    /// Returns the start of the next cluster: a triangle at the border of earlier clusters with the fewest triangles
    /// left around it, and among those the nearest to the corner.
    fn seed(&mut self) -> Option<u32> {
        let rank = |&triangle: &u32| {
            let live: u32 = self.triangles[triangle as usize].iter().map(|&corner| self.live[corner as usize]).sum();
            (live, self.facings[triangle as usize].middle.distance_squared(self.corner))
        };
        let before = |a: &u32, b: &u32| {
            let ((live, far), (other_live, other_far)) = (rank(a), rank(b));
            live.cmp(&other_live).then(far.total_cmp(&other_far)).then(a.cmp(b))
        };
        let mut border: Vec<u32> = self.frontier.waiting.iter().flatten().copied().collect();
        if border.len() > SEEDS_EACH {
            border.select_nth_unstable_by(SEEDS_EACH, before);
            border.truncate(SEEDS_EACH);
        }
        self.seeds.retain(|&seed| !self.taken[seed as usize] && !border.contains(&seed));
        self.seeds.truncate(SEEDS_MAX - SEEDS_EACH);
        self.seeds.append(&mut border);
        self.seeds.iter().copied().min_by(before)
    }

    fn close(&mut self) -> Grown {
        for &vertex in &self.current.vertices {
            self.numbers[vertex as usize] = UNUSED;
        }
        self.frontier.clear();
        self.sum = Facing { middle: Vec3::ZERO, normal: Vec3::ZERO };
        std::mem::take(&mut self.current)
    }
}

impl Frontier {
    fn put(&mut self, triangle: u32, priority: usize) {
        if usize::from(self.places[triangle as usize].0) == priority {
            return;
        }
        self.remove(triangle);
        let list = &mut self.waiting[priority];
        self.places[triangle as usize] = (priority as u8, list.len() as u32);
        list.push(triangle);
    }

    fn remove(&mut self, triangle: u32) {
        let (priority, place) = self.places[triangle as usize];
        let Some(list) = self.waiting.get_mut(usize::from(priority)) else { return };
        list.swap_remove(place as usize);
        if let Some(&moved) = list.get(place as usize) {
            self.places[moved as usize].1 = place;
        }
        self.places[triangle as usize].0 = PRIORITIES as u8;
    }

    fn clear(&mut self) {
        for list in &mut self.waiting {
            for triangle in list.drain(..) {
                self.places[triangle as usize].0 = PRIORITIES as u8;
            }
        }
    }
}

#[cfg(test)]
mod tests;

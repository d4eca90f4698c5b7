//! Builds levels of detail of points. Each level is a subset of the original points.
//!
//! ```text
//!   all points ─split─▶ groups of 1024 ─┬─ thin to a quarter ─▶ groups of 4 neighbours ─ thin ─ … ─▶ one group
//!                       (8 clusters)    └─ thin to a quarter ─▶
//! ```
//!
//! The groups form a tree. Points are split recursively at the middle of the longest side of their box, so that the
//! parts are compact at any density and the parts of a group are neighbours. The points that replace a group are chosen
//! one by one, each the farthest from all chosen before. No two of them are close together, and every other point has
//! one nearby.

mod cell;
mod kd;
mod thin;
mod width;

use std::ops::Range;

use glam::{DVec3, Vec3};

use super::{DetailCluster, Group, Hierarchy};
use crate::cluster::ClusterBounds;
use kd::Entry;
use remora_asset::layout::CLUSTER_TRIANGLES_MAX;
use remora_model::Points;
use width::Level;

/// Clusters in a group.
const GROUP_CLUSTERS: usize = 8;
const GROUP_POINTS_MAX: usize = GROUP_CLUSTERS * CLUSTER_TRIANGLES_MAX;
/// One point in this number is kept from level to level.
const THINNING: usize = 4;
/// Groups whose replacements form a group together.
const CHILDREN_MAX: usize = 4;
/// Share of splitting in the progress.
const SPLITTING_PROGRESS: f32 = 0.4;

/// Builds all levels on `threads` threads, including the calling one. The result does not depend on their number.
/// Points must be finite, and all levels together must not exceed the range of 32 bits.
///
/// `progress` is called on the calling thread with rising fractions that end at 1. `cancelled` is called on any thread;
/// if it returns true, the result is `None`.
pub fn build(
    points: &Points,
    threads: usize,
    progress: &mut dyn FnMut(f32),
    cancelled: &(dyn Fn() -> bool + Sync),
) -> Option<Hierarchy> {
    if points.positions.is_empty() {
        progress(1.0);
        return Some(Hierarchy::default());
    }
    progress(0.0);
    let tree = Tree::new(points.positions.len());
    let mut entries: Vec<Entry> =
        points.positions.iter().zip(0..).map(|(&position, index)| Entry { position, index }).collect();
    kd::split_tree(&mut entries, &tree, threads.max(1), cancelled)?;
    progress(SPLITTING_PROGRESS);

    let mut hierarchy = Hierarchy::default();
    let mut parts = leaf_parts(entries, &tree);
    for depth in 0..tree.levels.len() {
        let is_root = depth + 1 == tree.levels.len();
        let children = &tree.levels[depth];
        let made = build_level(children, &parts, &points.positions, is_root, threads, cancelled, &mut |done| {
            // Each level has a quarter of the points of the one before.
            let (before, share) = (1.0 - 0.25_f32.powi(depth as i32), 0.75 * 0.25_f32.powi(depth as i32));
            progress(SPLITTING_PROGRESS + (1.0 - SPLITTING_PROGRESS) * (before + done * share));
        })?;
        append(&mut hierarchy, depth as u32, made, &mut parts);
    }
    progress(1.0);
    Some(hierarchy)
}

/// The number of parts of each group, level by level; at level 0, its number of points.
struct Tree {
    levels: Vec<Vec<usize>>,
}

impl Tree {
    fn new(points: usize) -> Self {
        let leaves = points.div_ceil(GROUP_POINTS_MAX);
        let mut depth = 0;
        while CHILDREN_MAX.pow(depth) < leaves {
            depth += 1;
        }
        let mut levels = vec![Vec::new(); depth as usize + 1];
        plan(points, leaves, depth, &mut levels);
        Self { levels }
    }
}

/// Plans the groups below one, depth first. On each level this is the order from left to right.
fn plan(points: usize, leaves: usize, depth: u32, levels: &mut [Vec<usize>]) {
    if depth == 0 {
        levels[0].push(points);
        return;
    }
    let shares = shares(points, leaves, depth);
    levels[depth as usize].push(shares.len());
    for (points, leaves) in shares {
        plan(points, leaves, depth - 1, levels);
    }
}

/// Returns the points and leaves of each child of a group, as even as possible.
fn shares(points: usize, leaves: usize, depth: u32) -> Vec<(usize, usize)> {
    let children = leaves.div_ceil(CHILDREN_MAX.pow(depth - 1));
    let leaf_at = |child: usize| leaves * child / children;
    // The product may exceed 64 bits.
    let point_at = |child: usize| (points as u128 * leaf_at(child) as u128 / leaves as u128) as usize;
    (0..children).map(|at| (point_at(at + 1) - point_at(at), leaf_at(at + 1) - leaf_at(at))).collect()
}

/// Returns the ends of the clusters of a number of points, as even as possible.
fn cluster_ends(points: usize) -> impl Iterator<Item = usize> {
    let clusters = points.div_ceil(CLUSTER_TRIANGLES_MAX);
    (1..=clusters).map(move |cluster| points * cluster / clusters)
}

/// A part of a group: the points that replace one finer group, or the points of a leaf.
struct Part {
    /// Indices of points, cluster by cluster.
    vertices: Vec<u32>,
    /// Ends of the clusters in `vertices`.
    ends: Vec<usize>,
    /// The finer group, whose sphere and error bound those of coarser groups.
    refined: Option<Refined>,
}

#[derive(Clone, Copy)]
struct Refined {
    group: u32,
    center: Vec3,
    radius: f32,
    error: f32,
}

/// Returns the leaves as parts of their groups, in the order of [`kd::split_tree`].
fn leaf_parts(entries: Vec<Entry>, tree: &Tree) -> Vec<Part> {
    let mut rest = entries.as_slice();
    let mut parts = Vec::with_capacity(tree.levels[0].len());
    for &points in &tree.levels[0] {
        let (leaf, behind) = rest.split_at(points);
        rest = behind;
        let vertices = leaf.iter().map(|entry| entry.index).collect();
        parts.push(Part { vertices, ends: cluster_ends(points).collect(), refined: None });
    }
    parts
}

/// A group of a level with its clusters, and the points that replace it.
struct Made {
    center: Vec3,
    radius: f32,
    error: f32,
    /// Clusters of all parts.
    clusters: Vec<Shown>,
    /// The points that replace the group, as a part of the next level; `None` at the root.
    replacement: Option<Part>,
}

/// Bounds and widths of a cluster.
struct Shown {
    bounds: ClusterBounds,
    /// Width of the widest point, and the share of each point in 255ths.
    width: f32,
    shares: Vec<u8>,
}

/// Builds the groups of a level. `children` are the numbers of parts of each group; at level 0, each group has one
/// part.
fn build_level(
    children: &[usize],
    parts: &[Part],
    positions: &[[f32; 3]],
    is_root: bool,
    threads: usize,
    cancelled: &(dyn Fn() -> bool + Sync),
    progress: &mut dyn FnMut(f32),
) -> Option<Vec<Made>> {
    let is_leaf = parts.len() == children.len();
    let mut first = 0;
    let jobs: Vec<Range<usize>> = children
        .iter()
        .map(|&count| {
            let end = first + if is_leaf { 1 } else { count };
            let range = first..end;
            first = end;
            range
        })
        .collect();
    let level = Level::new(parts, positions);
    let work = |jobs: &[Range<usize>], report: &mut dyn FnMut(f32)| -> Option<Vec<Made>> {
        let mut made = Vec::with_capacity(jobs.len());
        for (number, job) in jobs.iter().enumerate() {
            if cancelled() {
                return None;
            }
            made.push(build_group(&parts[job.clone()], &level, positions, is_root));
            if number % 256 == 0 {
                report(number as f32 / jobs.len() as f32);
            }
        }
        Some(made)
    };
    let share = jobs.len().div_ceil(threads.max(1)).max(1);
    let mut shares = jobs.chunks(share);
    let own = shares.next().unwrap_or_default();
    std::thread::scope(|scope| {
        let others: Vec<_> = shares.map(|jobs| scope.spawn(move || work(jobs, &mut |_| {}))).collect();
        let mut made = work(own, progress);
        for other in others {
            let other = other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            made = made.zip(other).map(|(mut made, other)| {
                made.extend(other);
                made
            });
        }
        made
    })
}

fn build_group(parts: &[Part], level: &Level<'_>, positions: &[[f32; 3]], is_root: bool) -> Made {
    let position = |&vertex: &u32| Vec3::from(positions[vertex as usize]);
    let mut clusters: Vec<Vec<Vec3>> = Vec::with_capacity(GROUP_CLUSTERS);
    let mut all: Vec<Entry> = Vec::with_capacity(GROUP_POINTS_MAX);
    for part in parts {
        let mut first = 0;
        for &end in &part.ends {
            clusters.push(part.vertices[first..end].iter().map(position).collect());
            first = end;
        }
        all.extend(part.vertices.iter().map(|&index| Entry { position: positions[index as usize], index }));
    }
    let (center, radius) = sphere(&all, parts);
    let replacement = (!is_root).then(|| replace(&all));
    let finer = parts.iter().filter_map(|part| part.refined).fold(0.0, |error, refined| refined.error.max(error));
    let error = match &replacement {
        None => f32::INFINITY,
        Some(part) => spacing_of(part, positions).max(finer),
    };
    Made { center, radius, error, clusters: shown(&clusters, level), replacement }
}

fn shown(clusters: &[Vec<Vec3>], level: &Level<'_>) -> Vec<Shown> {
    let typical: Vec<f32> = clusters.iter().map(|points| width::typical(points)).collect();
    // A cluster whose points are all in one position takes the distance of its neighbours.
    let widest = typical.iter().copied().fold(0.0, f32::max);
    let shown = |(points, typical): (&Vec<Vec3>, f32)| {
        let widths = level.widths(points, if typical > 0.0 { typical } else { widest });
        let width = widths.iter().copied().fold(0.0, f32::max);
        let share = |own: f32| if width > 0.0 { (own / width * 255.0).ceil() as u8 } else { 255 };
        Shown { bounds: bounds(points), width, shares: widths.into_iter().map(share).collect() }
    };
    clusters.iter().zip(typical).map(shown).collect()
}

/// Chooses a quarter of the points, in clusters.
fn replace(all: &[Entry]) -> Part {
    let mut chosen = thin::spread(all, all.len().div_ceil(THINNING));
    let ends: Vec<usize> = cluster_ends(chosen.len()).collect();
    kd::split(&mut chosen, &ends);
    Part { vertices: chosen.iter().map(|entry| entry.index).collect(), ends, refined: None }
}

/// Returns the widest spacing of the part's clusters.
fn spacing_of(part: &Part, positions: &[[f32; 3]]) -> f32 {
    let mut first = 0;
    part.ends.iter().fold(0.0, |widest: f32, &end| {
        let points: Vec<Vec3> = part.vertices[first..end].iter().map(|&at| positions[at as usize].into()).collect();
        first = end;
        widest.max(thin::spacing(&points))
    })
}

/// Returns a sphere around all points of the group and the spheres of finer groups.
fn sphere(all: &[Entry], parts: &[Part]) -> (Vec3, f32) {
    let center = middle(all.iter().map(|entry| entry.position.into()));
    let of_points = all.iter().map(|entry| distance(entry.position.into(), center));
    let of_finer = parts
        .iter()
        .filter_map(|part| part.refined)
        .map(|finer| distance(finer.center, center) + f64::from(finer.radius));
    (center, at_least(of_points.chain(of_finer).fold(0.0, f64::max)))
}

fn bounds(points: &[Vec3]) -> ClusterBounds {
    let center = middle(points.iter().copied());
    let radius = at_least(points.iter().map(|&point| distance(point, center)).fold(0.0, f64::max));
    // Points have no back side, so the cone excludes nothing.
    ClusterBounds { center, radius, cone_apex: center, cone_axis: Vec3::ZERO, cone_cutoff: 1.0 }
}

fn middle(points: impl Iterator<Item = Vec3>) -> Vec3 {
    let (min, max) =
        points.fold((Vec3::INFINITY, Vec3::NEG_INFINITY), |(min, max), point| (min.min(point), max.max(point)));
    min * 0.5 + max * 0.5
}

fn distance(a: Vec3, b: Vec3) -> f64 {
    DVec3::from(a).distance(DVec3::from(b))
}

/// Rounds up to single precision.
fn at_least(value: f64) -> f32 {
    let rounded = value as f32;
    if f64::from(rounded) < value { rounded.next_up() } else { rounded }
}

/// Appends a level, and makes its replacements the parts of the next level.
fn append(hierarchy: &mut Hierarchy, depth: u32, made: Vec<Made>, parts: &mut Vec<Part>) {
    let mut finer = std::mem::take(parts).into_iter().peekable();
    for made in made {
        let group = hierarchy.groups.len() as u32;
        let first_cluster = hierarchy.clusters.len() as u32;
        let mut clusters = made.clusters.into_iter();
        while clusters.len() > 0 {
            let Some(part) = finer.next() else { break };
            let mut first = 0;
            for (&end, shown) in part.ends.iter().zip(&mut clusters) {
                let first_vertex = hierarchy.vertices.len() as u32;
                hierarchy.vertices.extend_from_slice(&part.vertices[first..end]);
                hierarchy.shares.extend(shown.shares);
                hierarchy.clusters.push(DetailCluster {
                    primitive: 0,
                    refined: part.refined.map(|refined| refined.group),
                    bounds: shown.bounds,
                    vertices: first_vertex..hierarchy.vertices.len() as u32,
                    triangles: 0..0,
                    width: shown.width,
                });
                first = end;
            }
        }
        let Made { center, radius, error, replacement, .. } = made;
        hierarchy.groups.push(Group {
            depth,
            center,
            radius,
            error,
            is_root: error == f32::INFINITY,
            clusters: first_cluster..hierarchy.clusters.len() as u32,
        });
        let refined = Some(Refined { group, center, radius, error });
        parts.extend(replacement.map(|part| Part { refined, ..part }));
    }
}

//! Builds levels of detail of triangles with meshoptimizer: clusters, groups of neighbours, attribute-aware
//! simplification.
//!
//! The algorithm is that of meshoptimizer's `clusterlod.h` with two changes. All threads simplify groups at the same
//! time, each as a patch with its own numbering. A mesh may have several materials: every vertex belongs to one
//! primitive, and the border between two materials is a seam that is simplified equally on both sides. Levels no larger
//! than a cluster are built differently ([`small_mesh_levels`]).

mod deviation;
mod patch;
mod small_mesh_levels;
mod surface;

use glam::Vec3;
use rayon::prelude::*;

use self::small_mesh_levels::add_small_mesh_levels;
use self::surface::Surface;
use super::work::{Cancelled, Work};
use super::{DetailCluster, Group, Hierarchy};
use crate::cluster::ClusterBounds;
use remora_asset::layout::CLUSTER_TRIANGLES_MAX;
use remora_model::Mesh;

/// Target number of clusters in a group; up to a third more are possible.
const GROUP_CLUSTERS: usize = 16;
/// A group that would keep more than this share of its triangles is not simplified. The target is a half.
const STUCK_RATIO: f32 = 0.85;
/// Factor for the error of sloppy simplification, which does not keep the topology.
const SLOPPY_ERROR_FACTOR: f32 = 2.0;
/// Weight of a unit of normal or colour against one of position; the value in the demonstration of `clusterlod.h`.
const ATTRIBUTE_WEIGHT: f32 = 0.5;
/// Triangles that a thread splits into clusters at a time.
const CHUNK_TRIANGLES: usize = 1 << 15;
/// Clusters that a thread puts into groups at a time.
const SLICE_CLUSTERS: usize = 4096;

/// Returns the units of [`Work`] by which [`build`] advances for a mesh.
pub fn work_units(mesh: &Mesh) -> u64 {
    mesh.triangles() * 2
}

/// Builds all levels of a mesh's triangles on the threads of the current rayon pool. The result does not depend on
/// their number. Triangles with two corners in one vertex have no surface and are left out.
///
/// # Errors
///
/// The work is cancelled.
pub fn build(mesh: &Mesh, work: &Work<'_>) -> Result<Hierarchy, Cancelled> {
    let mut surface = Surface::new(mesh);
    let mut level = surface.original(work)?;
    let mut hierarchy = Hierarchy::default();
    let mut depth = 0;
    while level.iter().map(Piece::triangles).sum::<usize>() > CLUSTER_TRIANGLES_MAX {
        let groups = surface.groups(level, depth);
        let shared = surface.claim(&groups);
        let alone = groups.len() == 1;
        let simplified: Vec<Simplified> = groups
            .into_par_iter()
            .map(|pieces| {
                work.check()?;
                let done = surface.simplify(pieces, shared, alone);
                work.advance(done.triangles);
                Ok(done)
            })
            .collect::<Result<_, Cancelled>>()?;
        level = Vec::new();
        for Simplified { center, radius, error, pieces, coarser, .. } in simplified {
            let is_root = error == f32::INFINITY;
            let group = Group { depth, center, radius, error, is_root, clusters: 0..0 };
            let group = hierarchy.push(group, pieces, &surface);
            level.extend(coarser.into_iter().map(|piece| Piece { refined: Some(group), ..piece }));
        }
        depth += 1;
    }
    add_small_mesh_levels(&mut hierarchy, &surface, level, depth);
    Ok(hierarchy)
}

/// A cluster of the current level.
struct Piece {
    primitive: u32,
    refined: Option<u32>,
    vertices: Vec<u32>,
    /// Local indices, three per triangle.
    corners: Vec<u8>,
    bounds: ClusterBounds,
    /// Center of the sphere of the group that the cluster replaces, or of the cluster itself if it is original.
    center: Vec3,
    radius: f32,
    error: f32,
}

struct Simplified {
    center: Vec3,
    radius: f32,
    error: f32,
    pieces: Vec<Piece>,
    coarser: Vec<Piece>,
    triangles: u64,
}

impl Piece {
    fn triangles(&self) -> usize {
        self.corners.len() / 3
    }
}

fn merged_sphere(pieces: &[Piece]) -> (Vec3, f32) {
    let (low, high) = pieces.iter().fold((Vec3::INFINITY, Vec3::NEG_INFINITY), |(low, high), piece| {
        (low.min(piece.center - piece.radius), high.max(piece.center + piece.radius))
    });
    let center = (low + high) * 0.5;
    let reach = |piece: &Piece| piece.center.distance(center) + piece.radius;
    (center, pieces.iter().map(reach).fold(0.0, f32::max) * (1.0 + 1e-6))
}

impl Hierarchy {
    fn push(&mut self, group: Group, pieces: Vec<Piece>, surface: &Surface<'_>) -> u32 {
        let first = self.clusters.len() as u32;
        for piece in pieces {
            let (vertex, triangle) = (self.vertices.len() as u32, self.triangles.len() as u32);
            let own = surface.firsts[piece.primitive as usize];
            self.vertices.extend(piece.vertices.iter().map(|vertex| vertex - own));
            let packed = piece.corners.chunks_exact(3).map(|t| u32::from_le_bytes([t[0], t[1], t[2], 0]));
            self.triangles.extend(packed);
            self.clusters.push(DetailCluster {
                primitive: piece.primitive,
                refined: piece.refined,
                bounds: piece.bounds,
                vertices: vertex..self.vertices.len() as u32,
                triangles: triangle..triangle + piece.triangles() as u32,
                width: 0.0,
            });
        }
        self.groups.push(Group { clusters: first..self.clusters.len() as u32, ..group });
        self.groups.len() as u32 - 1
    }
}

#[cfg(test)]
mod tests;

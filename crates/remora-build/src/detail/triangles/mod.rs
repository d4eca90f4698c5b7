//! Levels of detail of triangles, by meshoptimizer: clusters, groups of neighbours, attribute-aware simplification.
//!
//! It is the algorithm of meshoptimizer's `clusterlod.h`, whose groups are simplified here by all threads at once, each as
//! a patch with numbers of its own, and which here knows several materials in one mesh: vertices belong to one primitive
//! each, so that a border between two materials is a seam that is simplified on both sides alike. It ends where a level is
//! no larger than a cluster, and goes on by other means ([`small_mesh_levels`]).

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

/// Clusters of a group, as a target; up to a third more happen.
const GROUP_CLUSTERS: usize = 16;
/// Each level has half of the triangles of the one before; a group that keeps more than this is not simplified at all.
const STUCK_RATIO: f32 = 0.85;
/// Sloppy simplification keeps no topology: what it does to the look counts twice.
const SLOPPY_ERROR_FACTOR: f32 = 2.0;
/// Weight of a unit of normal or colour against one of position; the value of `clusterlod.h`'s own demonstration.
const ATTRIBUTE_WEIGHT: f32 = 0.5;
/// Triangles that are cut into clusters by one thread in one go.
const CHUNK_TRIANGLES: usize = 1 << 15;
/// Clusters that are put into groups by one thread in one go.
const SLICE_CLUSTERS: usize = 4096;

/// Units of [`Work`] that [`build`] advances by for a mesh.
pub fn work_units(mesh: &Mesh) -> u64 {
    mesh.triangles() * 2
}

/// All levels of the triangles of a mesh; the same whatever the number of threads, which is that of the current rayon
/// pool. Triangles with two corners in one vertex have no surface and are left out.
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

/// A cluster on its way up.
struct Piece {
    primitive: u32,
    refined: Option<u32>,
    vertices: Vec<u32>,
    /// Three local indices per triangle.
    corners: Vec<u8>,
    bounds: ClusterBounds,
    /// Of the group that it was made from; its own if it is original.
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

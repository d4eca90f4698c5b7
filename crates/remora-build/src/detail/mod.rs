//! Levels of detail: a hierarchy of ever coarser clusters, of which the renderer draws a cut.
//!
//! ```text
//!   original clusters ─ group ─ simplify ─ cluster ─▶ coarser clusters ─ group ─ … ─▶ a few clusters of the whole mesh
//! ```
//!
//! Neighbouring clusters form a *group*. A group is simplified as a whole and keeps its border, so that neighbouring
//! groups fit together at any levels of detail. The resulting clusters replace the group (`refined`) and belong to
//! groups of the next level; the groups form a directed acyclic graph. Errors grow from level to level, and the sphere
//! of a group contains those of all finer groups, so that the following rule yields a cut without cracks or overlaps.
//!
//! A group is *refined* in a view if its error, seen from the nearest point of its sphere, exceeds the permitted error.
//! A cluster is drawn if its own group is refined and the group that it replaces, if any, is not.

pub mod coarse;
pub mod points;
pub mod triangles;
pub(crate) mod work;

use std::ops::Range;

use glam::Vec3;

use crate::cluster::ClusterBounds;

/// All levels of detail of a mesh's triangles, or of its points.
#[derive(Clone, Debug, Default)]
pub struct Hierarchy {
    /// Groups of one or more clusters, finer ones before coarser ones.
    pub groups: Vec<Group>,
    /// Clusters, group by group.
    pub clusters: Vec<DetailCluster>,
    /// Vertices, cluster by cluster: indices into the cluster's primitive or, for points, into the mesh's points.
    pub vertices: Vec<u32>,
    /// Local indices `a | b << 8 | c << 16`, relative to the cluster's first vertex, cluster by cluster.
    pub triangles: Vec<u32>,
    /// The width of each point in `vertices`, in 255ths of its cluster's width; empty without points.
    pub shares: Vec<u8>,
}

impl Hierarchy {
    /// Returns the clusters of a group.
    pub(crate) fn clusters_of(&self, group: &Group) -> &[DetailCluster] {
        &self.clusters[group.clusters.start as usize..group.clusters.end as usize]
    }

    /// Appends other levels of the same mesh, for example those of its points.
    pub(crate) fn append(&mut self, other: Hierarchy) {
        let moved = |range: Range<u32>, by: usize| range.start + by as u32..range.end + by as u32;
        let (groups, clusters) = (self.groups.len(), self.clusters.len());
        let (vertices, triangles) = (self.vertices.len(), self.triangles.len());
        let group = |group: Group| Group { clusters: moved(group.clusters, clusters), ..group };
        self.groups.extend(other.groups.into_iter().map(group));
        self.clusters.extend(other.clusters.into_iter().map(|cluster| DetailCluster {
            refined: cluster.refined.map(|refined| refined + groups as u32),
            vertices: moved(cluster.vertices, vertices),
            triangles: moved(cluster.triangles, triangles),
            ..cluster
        }));
        if !other.shares.is_empty() {
            self.shares.resize(vertices, 0);
            self.shares.extend(other.shares);
        }
        self.vertices.extend(other.vertices);
        self.triangles.extend(other.triangles);
    }
}

/// Clusters that are replaced together by coarser ones.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// Level, 0 for original geometry.
    pub depth: u32,
    /// Center of a sphere around this group and all finer groups that it replaces.
    pub center: Vec3,
    /// Radius of the sphere.
    pub radius: f32,
    /// Upper bound of the distance between the clusters that replace the group and the original, in the mesh's units.
    /// It is never less than the error of a finer group, and infinite if nothing replaces the group.
    pub error: f32,
    /// True if the group is always resident: nothing replaces it, or its level of a surface is no larger than a
    /// cluster.
    pub is_root: bool,
    /// Range of [`Hierarchy::clusters`].
    pub clusters: Range<u32>,
}

/// A cluster of a hierarchy.
#[derive(Clone, Debug, PartialEq)]
pub struct DetailCluster {
    /// Index of the primitive, so that all triangles have one material; 0 for points.
    pub primitive: u32,
    /// The earlier group that this cluster replaces; `None` for original geometry.
    pub refined: Option<u32>,
    /// Bounds for culling.
    pub bounds: ClusterBounds,
    /// Range of [`Hierarchy::vertices`], at most [`CLUSTER_VERTICES_MAX`](remora_asset::layout::CLUSTER_VERTICES_MAX)
    /// long; for points at most [`CLUSTER_TRIANGLES_MAX`](remora_asset::layout::CLUSTER_TRIANGLES_MAX).
    pub vertices: Range<u32>,
    /// Range of [`Hierarchy::triangles`], at most
    /// [`CLUSTER_TRIANGLES_MAX`](remora_asset::layout::CLUSTER_TRIANGLES_MAX) long; empty for points.
    pub triangles: Range<u32>,
    /// Width of the widest point as it is drawn; 0 for triangles.
    pub width: f32,
}

//! Levels of detail: a mesh in clusters, coarser and coarser, of which a renderer draws a cut.
//!
//! ```text
//!   original clusters ─ group ─ simplify ─ cluster ─▶ coarser clusters ─ group ─ … ─▶ a handful that show the whole
//! ```
//!
//! Neighbouring clusters form a *group*, which is simplified as one with its border kept, so that any two groups fit
//! together whatever detail each is shown in. The clusters that come out (their `refined` names the group they stand
//! for) belong to other groups of the next level, and so on: a directed acyclic graph. Errors grow from level to level,
//! and spheres hold those of all that is finer, so that one rule finds a cut without cracks or overlaps.
//!
//! A group is *refined* in a view if its error, seen from its sphere's nearest point, is larger than what is allowed. A
//! cluster is drawn if its own group is refined and the group it stands for (if any) is not.

pub mod coarse;
pub mod points;
pub mod triangles;
pub mod work;

use std::ops::Range;

use glam::Vec3;

use crate::cluster::ClusterBounds;

/// All levels of one mesh: its triangles, or its points.
#[derive(Clone, Debug, Default)]
pub struct Hierarchy {
    /// Finer ones before coarser ones: of what was built as one, depths never fall. Each has at least one cluster.
    pub groups: Vec<Group>,
    /// Group by group.
    pub clusters: Vec<DetailCluster>,
    /// Vertices of the mesh, cluster by cluster: of triangles, indices into the primitive that the cluster names; of
    /// points, indices into the mesh's points.
    pub vertices: Vec<u32>,
    /// Local indices `a | b << 8 | c << 16`, relative to the cluster's first vertex, cluster by cluster.
    pub triangles: Vec<u32>,
    /// Of points, beside each of `vertices`, how wide it is drawn: 255ths of its cluster's width. No longer than
    /// it takes: empty without points.
    pub shares: Vec<u8>,
}

impl Hierarchy {
    pub(crate) fn clusters_of(&self, group: &Group) -> &[DetailCluster] {
        &self.clusters[group.clusters.start as usize..group.clusters.end as usize]
    }

    /// Puts the levels of something else of the same mesh behind these.
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
    /// 0 for original geometry.
    pub depth: u32,
    /// Holds this group and all that is finer.
    pub center: Vec3,
    pub radius: f32,
    /// How far, at most, what replaces the group lies from the original, in the mesh's units; never less than that of
    /// anything finer. Infinite where nothing replaces it.
    pub error: f32,
    /// Part of what is there from the start, so that there always is a picture: what nothing replaces, and of a surface
    /// all levels that are no larger than a cluster.
    pub is_root: bool,
    /// Range of [`Hierarchy::clusters`].
    pub clusters: Range<u32>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct DetailCluster {
    /// Of the mesh; all triangles of a cluster have one material. 0 for points.
    pub primitive: u32,
    /// The group that this cluster stands for, which comes earlier; `None` for original geometry.
    pub refined: Option<u32>,
    pub bounds: ClusterBounds,
    /// Range of [`Hierarchy::vertices`]; at most [`crate::cluster::CLUSTER_VERTICES_MAX`] long, of points at most
    /// [`crate::cluster::CLUSTER_TRIANGLES_MAX`].
    pub vertices: Range<u32>,
    /// Range of [`Hierarchy::triangles`], at most [`crate::cluster::CLUSTER_TRIANGLES_MAX`] long; empty for points.
    pub triangles: Range<u32>,
    /// Of points, how wide the widest is drawn. 0 for triangles.
    pub width: f32,
}

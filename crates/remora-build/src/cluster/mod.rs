//! Splits geometry into clusters: sets of neighbouring triangles that are drawn or culled together.
//!
//! ```text
//!   Primitive ──cluster──▶ Clusters { clusters, vertices, triangles }
//!                             │           │         └ three local indices of eight bits per word
//!                             │           └ vertex of the primitive for each local index
//!                             └ ranges of both lists, a bounding sphere and a cone around the normals
//! ```
//!
//! The vertices of a cluster are contiguous and not shared with its neighbours, so that a cluster is read in one piece.
//! Positions do not change, so that the surface stays watertight between clusters.

pub(crate) mod grow;

use std::ops::Range;

use glam::Vec3;
use meshopt::{Meshlet, VertexDataAdapter};
use remora_asset::layout::{CLUSTER_TRIANGLES_MAX, CLUSTER_VERTICES_MAX};

use self::grow::{Grown, grow};
use remora_model::Primitive;

/// All clusters of a primitive.
#[derive(Clone, Debug, Default)]
pub(crate) struct Clusters {
    /// The clusters.
    pub clusters: Vec<Cluster>,
    /// Indices of vertices of the primitive, cluster by cluster.
    pub vertices: Vec<u32>,
    /// Local indices `a | b << 8 | c << 16`, relative to the cluster's first vertex, cluster by cluster.
    pub triangles: Vec<u32>,
}

/// One cluster of a primitive.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Cluster {
    /// Range of [`Clusters::vertices`], at most [`CLUSTER_VERTICES_MAX`] long.
    pub vertices: Range<u32>,
    /// Range of [`Clusters::triangles`], at most [`CLUSTER_TRIANGLES_MAX`] long.
    pub triangles: Range<u32>,
    /// Bounds for culling.
    pub bounds: ClusterBounds,
}

/// The bounding sphere and the cone of normals of a cluster, in the coordinates of the primitive.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClusterBounds {
    /// Center of the sphere.
    pub center: Vec3,
    /// Radius of the sphere.
    pub radius: f32,
    /// Apex of the cone.
    pub cone_apex: Vec3,
    /// Axis of the cone.
    pub cone_axis: Vec3,
    /// Every triangle faces away from `eye` if `normalize(cone_apex - eye) · cone_axis >= cone_cutoff`. The value is 1
    /// or more if there is no such position.
    pub cone_cutoff: f32,
}

/// Splits a primitive into clusters. Triangles with two corners in one vertex have no surface and are left out.
pub(crate) fn cluster(primitive: &Primitive) -> Clusters {
    let solid = |triangle: &&[u32]| {
        let [a, b, c] = [triangle[0], triangle[1], triangle[2]];
        a != b && b != c && c != a
    };
    let indices: Vec<u32> = primitive.indices.chunks_exact(3).filter(solid).flatten().copied().collect();
    if indices.is_empty() {
        return Clusters::default();
    }
    gathered(grow(&indices, &primitive.positions), &primitive.positions)
}

/// Splits triangles into clusters in their order, which is faster than [`cluster`]. Neighbours must be near each other
/// in the order, and no triangle may have two corners in one vertex.
pub(crate) fn cluster_in_order(indices: &[u32], positions: &[[f32; 3]]) -> Clusters {
    gathered(cut(indices, positions.len()), positions)
}

/// Cuts the list of triangles into clusters of the largest size.
fn cut(indices: &[u32], vertex_count: usize) -> Vec<Grown> {
    // For each vertex, the cluster that used it last and its index in that cluster.
    let mut places = vec![(u32::MAX, 0); vertex_count];
    let mut done = Vec::new();
    let mut current = Grown::default();
    for triangle in indices.chunks_exact(3) {
        let number = done.len() as u32;
        let new = triangle.iter().filter(|&&vertex| places[vertex as usize].0 != number).count();
        if current.corners.len() == CLUSTER_TRIANGLES_MAX * 3 || current.vertices.len() + new > CLUSTER_VERTICES_MAX {
            done.push(std::mem::take(&mut current));
        }
        let number = done.len() as u32;
        for &vertex in triangle {
            let place = &mut places[vertex as usize];
            if place.0 != number {
                *place = (number, current.vertices.len() as u8);
                current.vertices.push(vertex);
            }
            current.corners.push(place.1);
        }
    }
    if !current.corners.is_empty() {
        done.push(current);
    }
    done
}

fn gathered(grown: Vec<Grown>, positions: &[[f32; 3]]) -> Clusters {
    let mut clusters = Clusters {
        clusters: Vec::with_capacity(grown.len()),
        vertices: Vec::with_capacity(grown.iter().map(|cluster| cluster.vertices.len()).sum()),
        triangles: Vec::with_capacity(grown.iter().map(|cluster| cluster.corners.len() / 3).sum()),
    };
    for cluster in grown {
        let first_vertex = clusters.vertices.len() as u32;
        let first_triangle = clusters.triangles.len() as u32;
        clusters.vertices.extend_from_slice(&cluster.vertices);
        clusters.triangles.extend(cluster.corners.chunks_exact(3).map(|t| u32::from_le_bytes([t[0], t[1], t[2], 0])));
        clusters.clusters.push(Cluster {
            vertices: first_vertex..clusters.vertices.len() as u32,
            triangles: first_triangle..clusters.triangles.len() as u32,
            bounds: ClusterBounds::of(&cluster, positions),
        });
    }
    clusters
}

impl ClusterBounds {
    pub(crate) fn of(cluster: &Grown, positions: &[[f32; 3]]) -> Self {
        let positions = VertexDataAdapter::new(bytemuck::cast_slice(positions), size_of::<[f32; 3]>(), 0)
            .expect("a slice of positions is a whole number of them");
        let meshlet = Meshlet { vertices: &cluster.vertices, triangles: &cluster.corners };
        let bounds = meshopt::compute_meshlet_bounds(meshlet, &positions);
        Self {
            center: bounds.center.into(),
            radius: bounds.radius,
            cone_apex: bounds.cone_apex.into(),
            cone_axis: bounds.cone_axis.into(),
            cone_cutoff: bounds.cone_cutoff,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    /// Returns a sphere of `rings * sectors * 2` triangles.
    fn sphere(rings: u32, sectors: u32) -> Primitive {
        let mut primitive = Primitive::default();
        for ring in 0..=rings {
            for sector in 0..=sectors {
                let polar = std::f32::consts::PI * ring as f32 / rings as f32;
                let around = std::f32::consts::TAU * sector as f32 / sectors as f32;
                let point = [polar.sin() * around.cos(), polar.cos(), -polar.sin() * around.sin()];
                primitive.positions.push(point);
                primitive.normals.push(point);
            }
        }
        for ring in 0..rings {
            for sector in 0..sectors {
                let a = ring * (sectors + 1) + sector;
                let b = a + sectors + 1;
                primitive.indices.extend([a, b, a + 1, a + 1, b, b + 1]);
            }
        }
        primitive
    }

    fn corners(clusters: &Clusters, cluster: &Cluster, triangle: u32) -> [u32; 3] {
        let [a, b, c, _] = clusters.triangles[triangle as usize].to_le_bytes();
        [a, b, c].map(|local| clusters.vertices[cluster.vertices.start as usize + local as usize])
    }

    #[test]
    fn every_triangle_is_in_exactly_one_cluster_with_its_winding() {
        let primitive = sphere(40, 50);
        let clusters = cluster(&primitive);
        // Rotating the corners of a triangle does not change it.
        let turned = |mut corners: [u32; 3]| {
            let least = (0..3).min_by_key(|&i| corners[i]).unwrap();
            corners.rotate_left(least);
            corners
        };
        let mut wanted: HashMap<[u32; 3], u32> = HashMap::new();
        for t in primitive.indices.chunks_exact(3) {
            *wanted.entry(turned([t[0], t[1], t[2]])).or_default() += 1;
        }
        let mut found: HashMap<[u32; 3], u32> = HashMap::new();
        for cluster in &clusters.clusters {
            for triangle in cluster.triangles.clone() {
                *found.entry(turned(corners(&clusters, cluster, triangle))).or_default() += 1;
            }
        }
        assert_eq!(found, wanted);
    }

    #[test]
    fn clusters_keep_their_limits_and_are_mostly_full() {
        let clusters = cluster(&sphere(60, 60));
        for cluster in &clusters.clusters {
            assert!((1..=CLUSTER_TRIANGLES_MAX).contains(&cluster.triangles.len()));
            assert!((3..=CLUSTER_VERTICES_MAX).contains(&cluster.vertices.len()));
        }
        let average = clusters.triangles.len() / clusters.clusters.len();
        assert!(average > CLUSTER_TRIANGLES_MAX * 3 / 4, "{average} triangles per cluster");
    }

    #[test]
    fn bounds_hold_every_corner() {
        let primitive = sphere(30, 30);
        let clusters = cluster(&primitive);
        for cluster in &clusters.clusters {
            for vertex in &clusters.vertices[cluster.vertices.start as usize..cluster.vertices.end as usize] {
                let corner = Vec3::from(primitive.positions[*vertex as usize]);
                assert!(corner.distance(cluster.bounds.center) <= cluster.bounds.radius * 1.0001);
            }
        }
    }

    #[test]
    fn the_cone_turns_away_clusters_on_the_far_side_only() {
        let primitive = sphere(60, 60);
        let clusters = cluster(&primitive);
        let eye = Vec3::new(0.0, 0.0, 5.0);
        let mut turned_away = 0;
        for cluster in &clusters.clusters {
            let bounds = &cluster.bounds;
            if (bounds.cone_apex - eye).normalize().dot(bounds.cone_axis) < bounds.cone_cutoff {
                continue;
            }
            turned_away += 1;
            for triangle in cluster.triangles.clone() {
                let [a, b, c] =
                    corners(&clusters, cluster, triangle).map(|v| Vec3::from(primitive.positions[v as usize]));
                assert!((b - a).cross(c - a).dot(eye - a) <= 1e-6, "a visible triangle would be lost");
            }
        }
        assert!(turned_away * 3 > clusters.clusters.len(), "{turned_away} of {}", clusters.clusters.len());
    }

    #[test]
    fn triangles_without_surface_are_left_out() {
        let mut primitive = sphere(4, 4);
        primitive.indices = vec![0, 0, 1, 5, 6, 7];
        assert_eq!(cluster(&primitive).triangles.len(), 1);
        primitive.indices = vec![3, 3, 3];
        assert!(cluster(&primitive).clusters.is_empty());
    }
}

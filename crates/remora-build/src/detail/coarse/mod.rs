//! Builds a coarse mesh quickly: one level of detail, drawn as a whole until all levels are built.

use glam::Vec3;
use meshopt::VertexDataAdapter;

use self::thin::{Thinned, thin};
use super::{DetailCluster, Group, Hierarchy};
use crate::cluster::{self, ClusterBounds, Clusters};
use remora_asset::layout::CLUSTER_TRIANGLES_MAX;
use remora_model::{Bounds, Mesh, Points, Primitive};

mod density;
mod thin;

/// Clusters in a group.
const GROUP_CLUSTERS: usize = 16;
/// Least number of triangles to which a primitive is thinned.
const TRIANGLES_MIN: usize = 64;
/// Width of points, in units of their distance if they were spread evenly over the largest face of their box. This
/// value closes the gaps of a square grid.
const SPREAD: f32 = 1.42;

/// A coarse mesh, and its clusters.
pub struct Coarse {
    /// The vertices and points that are shown, in primitives with the original indices of the mesh. Indices of
    /// triangles are left out.
    pub mesh: Mesh,
    /// Clusters of triangles.
    pub surface: Hierarchy,
    /// Clusters of points.
    pub cloud: Hierarchy,
}

/// Keeps about `share` of the triangles and points without regard to topology, and all of them from 1 on. Primitives no
/// larger than a cluster keep all triangles.
pub fn coarse(mesh: &Mesh, share: f64) -> Coarse {
    let mut surface = Hierarchy::default();
    let mut primitives = Vec::with_capacity(mesh.primitives.len());
    for (number, primitive) in (0..).zip(&mesh.primitives) {
        let (primitive, clusters) = triangles(primitive, share);
        let (vertex, triangle) = (surface.vertices.len() as u32, surface.triangles.len() as u32);
        surface.vertices.extend(clusters.vertices);
        surface.triangles.extend(clusters.triangles);
        surface.clusters.extend(clusters.clusters.into_iter().map(|cluster| DetailCluster {
            primitive: number,
            refined: None,
            bounds: cluster.bounds,
            vertices: cluster.vertices.start + vertex..cluster.vertices.end + vertex,
            triangles: cluster.triangles.start + triangle..cluster.triangles.end + triangle,
            width: 0.0,
        }));
        primitives.push(primitive);
    }
    let (points, cloud) = points(&mesh.points, share);
    Coarse { mesh: Mesh { name: String::new(), primitives, points }, surface: grouped(surface), cloud: grouped(cloud) }
}

/// Returns the vertices that are shown, and their clusters.
fn triangles(primitive: &Primitive, share: f64) -> (Primitive, Clusters) {
    let wanted = ((primitive.triangles() as f64 * share) as usize).max(TRIANGLES_MIN);
    // A primitive no larger than a cluster has few large triangles, and thinning would leave holes between them.
    let is_large = primitive.triangles() > CLUSTER_TRIANGLES_MAX;
    let thinned = if is_large && wanted < primitive.triangles() { thin(primitive, wanted) } else { None };
    match thinned {
        None => (Primitive { indices: Vec::new(), ..primitive.clone() }, cluster::cluster(primitive)),
        Some(Thinned { indices, kept }) => {
            let thinned = Primitive {
                material: primitive.material,
                positions: gathered(&primitive.positions, &kept),
                normals: gathered(&primitive.normals, &kept),
                tangents: gathered(&primitive.tangents, &kept),
                texture_coordinates: gathered(&primitive.texture_coordinates, &kept),
                colors: gathered(&primitive.colors, &kept),
                indices: Vec::new(),
            };
            let clusters = cluster::cluster_in_order(&indices, &thinned.positions);
            (thinned, clusters)
        }
    }
}

/// Keeps every n-th point, about `share` of them.
fn points(points: &Points, share: f64) -> (Points, Hierarchy) {
    let count = points.positions.len();
    if count == 0 {
        return Default::default();
    }
    let step = (1.0 / share.clamp(1e-6, 1.0)).round() as usize;
    let adapter = VertexDataAdapter::new(bytemuck::cast_slice(&points.positions), size_of::<[f32; 3]>(), 0)
        .expect("a slice of positions is a whole number of them");
    let order = meshopt::spatial_sort_remap(&adapter);
    let mut sorted = vec![0; count];
    for (point, &place) in (0..).zip(&order) {
        sorted[place as usize] = point;
    }
    let kept: Vec<u32> = sorted.into_iter().step_by(step).collect();
    let extent = points.bounds();
    let sides = extent.max - extent.min;
    let area = (sides.x * sides.y).max(sides.y * sides.z).max(sides.z * sides.x);
    let width = (area / kept.len() as f32).sqrt() * SPREAD;
    let points = Points { positions: gathered(&points.positions, &kept), colors: gathered(&points.colors, &kept) };
    let mut hierarchy = Hierarchy {
        vertices: (0..kept.len() as u32).collect(),
        shares: vec![u8::MAX; kept.len()],
        ..Default::default()
    };
    for (number, some) in points.positions.chunks(CLUSTER_TRIANGLES_MAX).enumerate() {
        let places = || some.iter().map(|&position| Vec3::from(position));
        let bounds = places().fold(Bounds::EMPTY, Bounds::including);
        let center = bounds.center();
        let radius = places().map(|point| point.distance(center)).fold(0.0, f32::max);
        let first = (number * CLUSTER_TRIANGLES_MAX) as u32;
        hierarchy.clusters.push(DetailCluster {
            primitive: 0,
            refined: None,
            bounds: ClusterBounds { center, radius, cone_apex: center, cone_axis: Vec3::Y, cone_cutoff: 1.0 },
            vertices: first..first + some.len() as u32,
            triangles: 0..0,
            width,
        });
    }
    (points, hierarchy)
}

/// Returns the values at the indices `kept`; empty if `all` is.
fn gathered<T: Copy>(all: &[T], kept: &[u32]) -> Vec<T> {
    if all.is_empty() { Vec::new() } else { kept.iter().map(|&place| all[place as usize]).collect() }
}

/// Puts neighbours in the list into groups that nothing replaces.
fn grouped(mut hierarchy: Hierarchy) -> Hierarchy {
    let clusters = &hierarchy.clusters;
    hierarchy.groups = (0..clusters.len())
        .step_by(GROUP_CLUSTERS)
        .map(|first| {
            let end = (first + GROUP_CLUSTERS).min(clusters.len());
            let spheres = || clusters[first..end].iter().map(|cluster| (cluster.bounds.center, cluster.bounds.radius));
            let (low, high) = spheres().fold((Vec3::INFINITY, Vec3::NEG_INFINITY), |(low, high), (center, radius)| {
                (low.min(center - radius), high.max(center + radius))
            });
            let center = (low + high) * 0.5;
            let radius = spheres().map(|(other, radius)| other.distance(center) + radius).fold(0.0, f32::max);
            Group { depth: 0, center, radius, error: f32::INFINITY, is_root: true, clusters: first as u32..end as u32 }
        })
        .collect();
    hierarchy
}

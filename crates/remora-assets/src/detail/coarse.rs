//! A quick stand-in: one level of detail, drawn as a whole until a better one is there.

use glam::Vec3;
use meshopt::VertexDataAdapter;

use super::{DetailCluster, Group, Hierarchy};
use crate::cluster::{self, CLUSTER_TRIANGLES_MAX, ClusterBounds};
use crate::model::{Bounds, Mesh, Points, Primitive};

/// Clusters of a group.
const GROUP_CLUSTERS: usize = 16;
/// What no primitive is thinned below.
const TRIANGLES_MIN: usize = 64;
/// Width of points, for their distance if they were spread evenly over their box's largest face: what closes a square
/// grid.
const SPREAD: f32 = 1.42;
/// No number yet.
const NONE: u32 = u32::MAX;

/// About `share` of the triangles, all of them from 1 on, without regard to topology.
pub fn triangles(mesh: &Mesh, share: f64) -> Hierarchy {
    let mut hierarchy = Hierarchy::default();
    for (number, primitive) in (0..).zip(&mesh.primitives) {
        let thinned = if share < 1.0 { thinned(primitive, share) } else { None };
        let mut clusters = cluster::cluster(thinned.as_ref().map_or(primitive, |thinned| &thinned.primitive));
        if let Some(Thinned { kept, .. }) = thinned {
            clusters.vertices.iter_mut().for_each(|vertex| *vertex = kept[*vertex as usize]);
        }
        let (vertex, triangle) = (hierarchy.vertices.len() as u32, hierarchy.triangles.len() as u32);
        hierarchy.vertices.extend(clusters.vertices);
        hierarchy.triangles.extend(clusters.triangles);
        hierarchy.clusters.extend(clusters.clusters.into_iter().map(|cluster| DetailCluster {
            primitive: number,
            refined: None,
            bounds: cluster.bounds,
            vertices: cluster.vertices.start + vertex..cluster.vertices.end + vertex,
            triangles: cluster.triangles.start + triangle..cluster.triangles.end + triangle,
            width: 0.0,
        }));
    }
    grouped(hierarchy)
}

/// Every so-manieth point, so that about `share` of them stay.
pub fn points(points: &Points, share: f64) -> Hierarchy {
    let count = points.positions.len();
    if count == 0 {
        return Hierarchy::default();
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
    let mut hierarchy = Hierarchy { shares: vec![u8::MAX; kept.len()], ..Default::default() };
    for some in kept.chunks(CLUSTER_TRIANGLES_MAX) {
        let place = |&point: &u32| Vec3::from(points.positions[point as usize]);
        let bounds = some.iter().map(place).fold(Bounds::EMPTY, Bounds::including);
        let center = bounds.center();
        let radius = some.iter().map(place).map(|point| point.distance(center)).fold(0.0, f32::max);
        let first = hierarchy.vertices.len() as u32;
        hierarchy.vertices.extend_from_slice(some);
        hierarchy.clusters.push(DetailCluster {
            primitive: 0,
            refined: None,
            bounds: ClusterBounds { center, radius, cone_apex: center, cone_axis: Vec3::Y, cone_cutoff: 1.0 },
            vertices: first..hierarchy.vertices.len() as u32,
            triangles: 0..0,
            width,
        });
    }
    grouped(hierarchy)
}

/// What is left of a primitive: of its vertices those that are kept, and only what clusters are made from.
struct Thinned {
    primitive: Primitive,
    kept: Vec<u32>,
}

fn thinned(primitive: &Primitive, share: f64) -> Option<Thinned> {
    let wanted = ((primitive.triangles() as f64 * share) as usize).max(TRIANGLES_MIN);
    if wanted >= primitive.triangles() {
        return None;
    }
    let adapter = VertexDataAdapter::new(bytemuck::cast_slice(&primitive.positions), size_of::<[f32; 3]>(), 0)
        .expect("a slice of positions is a whole number of them");
    let mut indices = meshopt::simplify_sloppy(&primitive.indices, &adapter, wanted * 3, f32::MAX, None);
    let mut numbers = vec![NONE; primitive.positions.len()];
    let mut kept = Vec::new();
    for index in &mut indices {
        let number = &mut numbers[*index as usize];
        if *number == NONE {
            *number = kept.len() as u32;
            kept.push(*index);
        }
        *index = *number;
    }
    let positions = kept.iter().map(|vertex| primitive.positions[*vertex as usize]).collect();
    (!indices.is_empty()).then(|| Thinned { primitive: Primitive { indices, positions, ..Default::default() }, kept })
}

/// Groups of neighbours in the list, for which nothing coarser stands.
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

//! Levels of detail of triangles, by meshoptimizer: clusters, groups of neighbours, attribute-aware simplification.
//!
//! It is the algorithm of meshoptimizer's `clusterlod.h`, whose groups are simplified here by all threads at once, and
//! which here knows several materials in one mesh: vertices belong to one primitive each, so that a border between two
//! materials is a seam that is simplified on both sides alike.

use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use glam::Vec3;
use meshopt::{SimplifyOptions, SimplifyVertex, VertexDataAdapter};
use rayon::prelude::*;

use super::work::{Cancelled, Work};
use super::{DetailCluster, Group, Hierarchy};
use crate::cluster::{CLUSTER_TRIANGLES_MAX, CLUSTER_VERTICES_MAX, ClusterBounds};
use crate::model::Mesh;

/// Clusters of fewer triangles are not split to make them compact.
const CLUSTER_TRIANGLES_MIN: usize = 40;
/// How much a narrow cone of normals is preferred to a compact shape, 0 to 1; meshoptimizer's recommendation.
const CONE_WEIGHT: f32 = 0.25;
/// How much larger than expected a cluster may be before it is split; the value of `clusterlod.h`.
const SPLIT_FACTOR: f32 = 2.0;
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

const NOBODY: u32 = u32::MAX;

/// Units of [`Work`] that [`build`] advances by for a mesh.
pub fn work_units(mesh: &Mesh) -> u64 {
    mesh.triangles() * 2
}

/// All levels of the triangles of a mesh; the same whatever the number of threads, which is that of the current rayon
/// pool. Triangles with two corners in one vertex have no surface and are left out.
pub fn build(mesh: &Mesh, work: &Work<'_>) -> Result<Hierarchy, Cancelled> {
    let surface = Surface::new(mesh);
    let mut level = surface.original(mesh, work)?;
    let mut hierarchy = Hierarchy::default();
    let mut depth = 0;
    while level.len() > 1 {
        let groups = surface.groups(level, depth);
        let locks = surface.locks(&groups);
        let simplified: Vec<Simplified> = groups
            .into_par_iter()
            .map(|pieces| {
                work.check()?;
                let done = surface.simplify(pieces, &locks);
                work.advance(done.triangles);
                Ok(done)
            })
            .collect::<Result<_, Cancelled>>()?;
        level = Vec::new();
        for Simplified { center, radius, error, pieces, coarser, .. } in simplified {
            let group = hierarchy.push(Group { depth, center, radius, error, clusters: 0..0 }, pieces, &surface);
            level.extend(coarser.into_iter().map(|piece| Piece { refined: Some(group), ..piece }));
        }
        depth += 1;
    }
    if let Some(last) = level.pop() {
        let (center, radius) = (last.center, last.radius);
        let group = Group { depth, center, radius, error: f32::INFINITY, clusters: 0..0 };
        hierarchy.push(group, vec![last], &surface);
    }
    Ok(hierarchy)
}

/// The vertices of a mesh, those of all primitives behind one another.
struct Surface<'a> {
    positions: Cow<'a, [[f32; 3]]>,
    /// Normals, and colours where there are any.
    attributes: Cow<'a, [f32]>,
    attribute_count: usize,
    /// First vertex of each primitive, and the number of all.
    firsts: Vec<u32>,
    /// The same number for all vertices of one position.
    remap: Vec<u32>,
    protected: Vec<bool>,
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

    fn indices(&self) -> impl Iterator<Item = u32> + '_ {
        self.corners.iter().map(|&corner| self.vertices[corner as usize])
    }
}

impl<'a> Surface<'a> {
    fn new(mesh: &'a Mesh) -> Self {
        let mut firsts = vec![0];
        for primitive in &mesh.primitives {
            firsts.push(firsts[firsts.len() - 1] + primitive.positions.len() as u32);
        }
        let colored = mesh.primitives.iter().any(|primitive| !primitive.colors.is_empty());
        let (positions, attributes) = match &mesh.primitives[..] {
            [only] if !colored => (Cow::Borrowed(&only.positions[..]), Cow::Borrowed(only.normals.as_flattened())),
            all => {
                let positions = all.iter().flat_map(|primitive| &primitive.positions).copied().collect();
                let attributes = all.iter().flat_map(|primitive| {
                    primitive.normals.iter().enumerate().flat_map(move |(index, normal)| {
                        let color = primitive.colors.get(index).copied().unwrap_or([255; 4]);
                        let color = color.map(|channel| f32::from(channel) / 255.0);
                        let values = [normal[0], normal[1], normal[2], color[0], color[1], color[2]];
                        values.into_iter().take(if colored { 6 } else { 3 })
                    })
                });
                (Cow::Owned(positions), Cow::Owned(attributes.collect()))
            }
        };
        let mut surface = Self {
            positions,
            attributes,
            attribute_count: if colored { 6 } else { 3 },
            firsts,
            remap: Vec::new(),
            protected: Vec::new(),
        };
        if !surface.positions.is_empty() {
            surface.remap = meshopt::generate_position_remap(&surface.adapter());
        }
        surface.protected = surface.seams(mesh);
        surface
    }

    fn adapter(&self) -> VertexDataAdapter<'_> {
        VertexDataAdapter::new(bytemuck::cast_slice(&self.positions), size_of::<[f32; 3]>(), 0)
            .expect("a slice of positions is a whole number of them")
    }

    fn primitive_of(&self, vertex: u32) -> u32 {
        self.firsts.partition_point(|&first| first <= vertex) as u32 - 1
    }

    /// Vertices where textures or materials meet: both sides must stay what they are. Creases between normals need not.
    fn seams(&self, mesh: &Mesh) -> Vec<bool> {
        let mut protected = vec![false; self.positions.len()];
        let coordinates = |vertex: u32| {
            let primitive = self.primitive_of(vertex);
            let local = (vertex - self.firsts[primitive as usize]) as usize;
            (
                primitive,
                mesh.primitives[primitive as usize].texture_coordinates.get(local).map(|uv| uv.map(f32::to_bits)),
            )
        };
        for (vertex, &first) in self.remap.iter().enumerate() {
            if first as usize != vertex && coordinates(first) != coordinates(vertex as u32) {
                protected[vertex] = true;
                protected[first as usize] = true;
            }
        }
        protected
    }

    fn original(&self, mesh: &Mesh, work: &Work<'_>) -> Result<Vec<Piece>, Cancelled> {
        let mut pieces = Vec::new();
        for (number, primitive) in (0..).zip(&mesh.primitives) {
            let first = self.firsts[number as usize];
            let solid = |triangle: &&[u32]| {
                let [a, b, c] = [triangle[0], triangle[1], triangle[2]];
                a != b && b != c && c != a
            };
            let triangles = primitive.indices.chunks_exact(3).filter(solid).flatten();
            let mut indices: Vec<u32> = triangles.map(|&index| index + first).collect();
            if indices.len() / 3 > CHUNK_TRIANGLES {
                work.check()?;
                indices = meshopt::spatial_sort_triangles(&indices, &self.adapter());
            }
            let chunks: Vec<Vec<Piece>> = indices
                .par_chunks(CHUNK_TRIANGLES * 3)
                .map(|chunk| {
                    work.check()?;
                    Ok(self.clusters(number, chunk))
                })
                .collect::<Result<_, Cancelled>>()?;
            pieces.extend(chunks.into_iter().flatten());
        }
        Ok(pieces)
    }

    fn clusters(&self, primitive: u32, indices: &[u32]) -> Vec<Piece> {
        let meshlets = meshopt::build_meshlets_flex(
            indices,
            &self.adapter(),
            CLUSTER_VERTICES_MAX,
            CLUSTER_TRIANGLES_MIN,
            CLUSTER_TRIANGLES_MAX,
            CONE_WEIGHT,
            SPLIT_FACTOR,
        );
        meshlets
            .iter()
            .map(|meshlet| {
                let vertices = meshlet.vertices.to_vec();
                let corners = meshlet.triangles.to_vec();
                let indices: Vec<u32> = corners.iter().map(|&corner| vertices[corner as usize]).collect();
                let bounds = self.bounds(&indices);
                let ClusterBounds { center, radius, .. } = bounds;
                Piece { primitive, refined: None, vertices, corners, bounds, center, radius, error: 0.0 }
            })
            .collect()
    }

    /// Neighbours together. A level of many clusters is grouped slice by slice; slices lie differently at every other
    /// level, so that no border stays for ever.
    fn groups(&self, level: Vec<Piece>, depth: u32) -> Vec<Vec<Piece>> {
        let shift = if depth % 2 == 1 { SLICE_CLUSTERS / 2 } else { 0 };
        let mut bounds = vec![0];
        while bounds[bounds.len() - 1] < level.len() {
            let last = bounds[bounds.len() - 1];
            let length = if last == 0 && shift > 0 { shift } else { SLICE_CLUSTERS };
            // What is left is taken along rather than left to a small slice.
            let end = if level.len() - last < length + SLICE_CLUSTERS / 2 { level.len() } else { last + length };
            bounds.push(end);
        }
        let numbers: Vec<Vec<u32>> =
            bounds.par_windows(2).map(|bounds| self.partition(&level[bounds[0]..bounds[1]])).collect();
        let mut groups: Vec<Vec<Piece>> = Vec::new();
        let mut pieces = level.into_iter();
        for numbers in numbers {
            let first = groups.len();
            let count = numbers.iter().max().map_or(0, |&last| last as usize + 1);
            groups.resize_with(first + count, Vec::new);
            for (number, piece) in numbers.into_iter().zip(&mut pieces) {
                groups[first + number as usize].push(piece);
            }
        }
        groups.retain(|group| !group.is_empty());
        groups
    }

    fn partition(&self, slice: &[Piece]) -> Vec<u32> {
        if slice.len() <= GROUP_CLUSTERS {
            return vec![0; slice.len()];
        }
        let indices: Vec<u32> =
            slice.iter().flat_map(|piece| piece.indices().map(|vertex| self.remap[vertex as usize])).collect();
        let counts: Vec<u32> = slice.iter().map(|piece| piece.corners.len() as u32).collect();
        let mut numbers = vec![0; slice.len()];
        meshopt::partition_clusters_with_positions(&mut numbers, &indices, &counts, &self.adapter(), GROUP_CLUSTERS);
        numbers
    }

    /// Vertices that groups share must stay, and protected ones keep their seams.
    fn locks(&self, groups: &[Vec<Piece>]) -> Vec<SimplifyVertex> {
        let owners: Vec<AtomicU32> = self.remap.par_iter().map(|_| AtomicU32::new(NOBODY)).collect();
        let shared: Vec<AtomicBool> = self.remap.par_iter().map(|_| AtomicBool::new(false)).collect();
        groups.par_iter().enumerate().for_each(|(number, pieces)| {
            let number = number as u32;
            for &vertex in pieces.iter().flat_map(|piece| &piece.vertices) {
                let place = self.remap[vertex as usize] as usize;
                let before = owners[place].compare_exchange(NOBODY, number, Ordering::Relaxed, Ordering::Relaxed);
                if before.is_err_and(|owner| owner != number) {
                    shared[place].store(true, Ordering::Relaxed);
                }
            }
        });
        self.remap
            .par_iter()
            .zip(&self.protected)
            .map(|(&place, &protected)| {
                let lock = if shared[place as usize].load(Ordering::Relaxed) {
                    SimplifyVertex::Lock
                } else {
                    SimplifyVertex::None
                };
                lock | if protected { SimplifyVertex::Protect } else { SimplifyVertex::None }
            })
            .collect()
    }

    fn simplify(&self, pieces: Vec<Piece>, locks: &[SimplifyVertex]) -> Simplified {
        let (center, radius) = merged_sphere(&pieces);
        let indices: Vec<u32> = pieces.iter().flat_map(Piece::indices).collect();
        let triangles = indices.len() as u64 / 3;
        let target = indices.len() / 6 * 3;
        let before = pieces.iter().map(|piece| piece.error).fold(0.0, f32::max);
        match self.simplified(&indices, locks, target, &pieces) {
            Some((coarser, error)) => {
                let error = error.max(before);
                let coarser = self
                    .by_primitive(&coarser)
                    .into_iter()
                    .flat_map(|(primitive, indices)| self.clusters(primitive, &indices))
                    // Spheres of groups hold those of all that is finer, whatever the simplified surface needs.
                    .map(|piece| Piece { center, radius, error, ..piece })
                    .collect();
                Simplified { center, radius, error, pieces, coarser, triangles }
            }
            None => Simplified { center, radius, error: f32::INFINITY, pieces, coarser: Vec::new(), triangles },
        }
    }

    /// Half of the triangles, and how far they are from the surface before; `None` if there are hardly fewer.
    fn simplified(
        &self,
        indices: &[u32],
        locks: &[SimplifyVertex],
        target: usize,
        pieces: &[Piece],
    ) -> Option<(Vec<u32>, f32)> {
        let options = SimplifyOptions::Sparse
            | SimplifyOptions::ErrorAbsolute
            | SimplifyOptions::ErrorClamped
            | SimplifyOptions::Permissive;
        let mut error = 0.0;
        let mut coarser = meshopt::simplify_with_attributes_and_locks(
            indices,
            &self.adapter(),
            &self.attributes,
            &[ATTRIBUTE_WEIGHT; 6][..self.attribute_count],
            self.attribute_count * size_of::<f32>(),
            locks,
            target,
            f32::MAX,
            options,
            Some(&mut error),
        );
        let one_material = pieces.iter().all(|piece| piece.primitive == pieces[0].primitive);
        if coarser.len() > target && one_material {
            (coarser, error) = self.sloppy(indices, locks, target);
        }
        if coarser.is_empty() {
            coarser = indices[..3].to_vec();
        }
        let keeps_materials = one_material
            || coarser.chunks_exact(3).all(|corners| {
                let primitive = self.primitive_of(corners[0]);
                corners[1..].iter().all(|&corner| self.primitive_of(corner) == primitive)
            });
        let few = (coarser.len() as f32) <= indices.len() as f32 * STUCK_RATIO;
        (few && keeps_materials && error.is_finite()).then_some((coarser, error))
    }

    fn sloppy(&self, indices: &[u32], locks: &[SimplifyVertex], target: usize) -> (Vec<u32>, f32) {
        // Of the corners alone: the whole vertex list would be gone through for every group.
        let points: Vec<[f32; 3]> = indices.iter().map(|&vertex| self.positions[vertex as usize]).collect();
        let locked: Vec<SimplifyVertex> = indices.iter().map(|&vertex| locks[vertex as usize]).collect();
        let numbers: Vec<u32> = (0..indices.len() as u32).collect();
        let adapter = VertexDataAdapter::new(bytemuck::cast_slice(&points), size_of::<[f32; 3]>(), 0)
            .expect("a slice of positions is a whole number of them");
        let mut error = 0.0;
        let coarser =
            meshopt::simplify_sloppy_with_locks(&numbers, &adapter, &locked, target, f32::MAX, Some(&mut error));
        let scale = meshopt::simplify_scale(&adapter);
        (coarser.into_iter().map(|number| indices[number as usize]).collect(), error * scale * SLOPPY_ERROR_FACTOR)
    }

    fn by_primitive(&self, indices: &[u32]) -> Vec<(u32, Vec<u32>)> {
        let mut sorted: Vec<(u32, Vec<u32>)> = Vec::new();
        for corners in indices.chunks_exact(3) {
            let primitive = self.primitive_of(corners[0]);
            match sorted.iter_mut().find(|(known, _)| *known == primitive) {
                Some((_, indices)) => indices.extend_from_slice(corners),
                None => sorted.push((primitive, corners.to_vec())),
            }
        }
        sorted.sort_unstable_by_key(|(primitive, _)| *primitive);
        sorted
    }

    fn bounds(&self, indices: &[u32]) -> ClusterBounds {
        let bounds = meshopt::compute_cluster_bounds(indices, &self.adapter());
        ClusterBounds {
            center: bounds.center.into(),
            radius: bounds.radius,
            cone_apex: bounds.cone_apex.into(),
            cone_axis: bounds.cone_axis.into(),
            cone_cutoff: bounds.cone_cutoff,
        }
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

//! A patch: some vertices of a surface with consecutive numbers, for one call of meshoptimizer. The call's time and
//! memory then depend on the patch and not on the mesh, and the data stays in the processor's caches.

use glam::Vec3;
use meshopt::{SimplifyOptions, SimplifyVertex, VertexDataAdapter};

use super::deviation::Triangle;
use super::surface::{Surface, adapter};
use super::{ATTRIBUTE_WEIGHT, Piece, SLOPPY_ERROR_FACTOR, STUCK_RATIO};
use crate::cluster::ClusterBounds;
use crate::cluster::grow::grow;

/// Corners that every primitive may keep.
const SHARE_MIN: usize = 12;
/// Marks a free slot; no mesh has this many vertices.
const EMPTY: u32 = u32::MAX;

/// Numbers vertices consecutively in the order of their first occurrence.
pub(super) struct Numbering {
    vertices: Vec<u32>,
    /// A hash table of vertices with their numbers, at most half full; its length is a power of two.
    slots: Vec<(u32, u32)>,
}

/// Vertices of the surface, each once.
pub(super) struct Patch {
    /// Indices of vertices of the surface.
    vertices: Vec<u32>,
    positions: Vec<[f32; 3]>,
}

impl Numbering {
    /// Reserves space for `expected` different vertices; more are possible.
    pub(super) fn new(expected: usize) -> Self {
        let slots = (expected * 2).next_power_of_two().max(64);
        Self { vertices: Vec::with_capacity(expected), slots: vec![(EMPTY, EMPTY); slots] }
    }

    /// Returns the number of a vertex. New vertices get ascending numbers from 0.
    pub(super) fn number(&mut self, vertex: u32) -> u32 {
        let slot = self.slot(vertex);
        if self.slots[slot].0 == vertex {
            return self.slots[slot].1;
        }
        let number = self.vertices.len() as u32;
        self.slots[slot] = (vertex, number);
        self.vertices.push(vertex);
        if self.vertices.len() * 2 > self.slots.len() {
            self.slots = vec![(EMPTY, EMPTY); self.slots.len() * 2];
            for index in 0..self.vertices.len() {
                let slot = self.slot(self.vertices[index]);
                self.slots[slot] = (self.vertices[index], index as u32);
            }
        }
        number
    }

    /// Returns the slot of a vertex, or the free slot where it belongs.
    fn slot(&self, vertex: u32) -> usize {
        let mask = self.slots.len() - 1;
        // In multiplicative hashing, the upper bits are mixed best.
        let mut slot = (u64::from(vertex).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize & mask;
        while self.slots[slot].0 != vertex && self.slots[slot].0 != EMPTY {
            slot = (slot + 1) & mask;
        }
        slot
    }

    pub(super) fn patch(self, position: impl Fn(u32) -> [f32; 3]) -> Patch {
        let positions = self.vertices.iter().map(|&vertex| position(vertex)).collect();
        Patch { vertices: self.vertices, positions }
    }
}

impl Patch {
    /// Returns a patch of all vertices of some clusters, and the corners of their triangles.
    pub(super) fn around(surface: &Surface<'_>, pieces: &[Piece]) -> (Self, Vec<u32>) {
        let mut numbering = Numbering::new(pieces.iter().map(|piece| piece.vertices.len()).sum());
        let mut indices = Vec::with_capacity(pieces.iter().map(|piece| piece.corners.len()).sum());
        for piece in pieces {
            let numbers: Vec<u32> = piece.vertices.iter().map(|&vertex| numbering.number(vertex)).collect();
            indices.extend(piece.corners.iter().map(|&corner| numbers[corner as usize]));
        }
        (numbering.patch(|vertex| surface.position(vertex)), indices)
    }

    pub(super) fn adapter(&self) -> VertexDataAdapter<'_> {
        adapter(&self.positions)
    }

    /// Splits triangles of one primitive into clusters of original geometry.
    pub(super) fn clusters(&self, primitive: u32, indices: &[u32]) -> Vec<Piece> {
        grow(indices, &self.positions)
            .into_iter()
            .map(|cluster| {
                let bounds = ClusterBounds::of(&cluster, &self.positions);
                let ClusterBounds { center, radius, .. } = bounds;
                let vertices = cluster.vertices.iter().map(|&number| self.vertices[number as usize]).collect();
                Piece {
                    primitive,
                    refined: None,
                    vertices,
                    corners: cluster.corners,
                    bounds,
                    center,
                    radius,
                    error: 0.0,
                }
            })
            .collect()
    }

    /// Simplifies to half of the triangles and returns them with their error; `None` if hardly any can be removed.
    /// Vertices that are claimed as `shared` stay. If the patch is all that is left of the mesh (`alone`), borders
    /// between materials may move as a last resort.
    pub(super) fn simplified(
        &self,
        surface: &Surface<'_>,
        indices: &[u32],
        shared: u32,
        alone: bool,
    ) -> Option<(Vec<u32>, f32)> {
        let target = indices.len() / 6 * 3;
        let is_few = |coarser: &[u32]| (coarser.len() as f32) <= indices.len() as f32 * STUCK_RATIO;
        let locks = self.locks(|vertex| surface.lock(vertex, shared));
        let (mut coarser, mut error) = self.careful(surface, indices, &locks, target);
        let first = surface.primitive_of(self.vertices[0]);
        let one_material = self.vertices.iter().all(|&vertex| surface.primitive_of(vertex) == first);
        let gives_way = if one_material { coarser.len() > target } else { alone && !is_few(&coarser) };
        if gives_way {
            (coarser, error) = self.sloppy(surface, indices, &locks, target);
            if self.is_patchwork(surface) {
                error = error.max(self.longest_edge(&coarser));
            }
        }
        if coarser.is_empty() {
            coarser = indices[..3].to_vec();
        }
        (is_few(&coarser) && self.keeps_materials(surface, &coarser) && error.is_finite()).then_some((coarser, error))
    }

    /// Returns whether most triangles use a different part of the texture, as if each face took its colour from a
    /// palette. The error of sloppy simplification concerns positions only and would be 0 for a flat patchwork,
    /// although whole triangles would get the wrong colour.
    fn is_patchwork(&self, surface: &Surface<'_>) -> bool {
        self.vertices.iter().filter(|&&vertex| surface.is_seam(vertex)).count() * 2 > self.vertices.len()
    }

    fn longest_edge(&self, indices: &[u32]) -> f32 {
        let position = |corner: u32| Vec3::from(self.positions[corner as usize]);
        let edges = |&[a, b, c]: &[u32; 3]| [(a, b), (b, c), (c, a)];
        let lengths = indices.as_chunks::<3>().0.iter().flat_map(edges).map(|(a, b)| position(a).distance(position(b)));
        lengths.fold(0.0, f32::max)
    }

    pub(super) fn locks(&self, lock: impl Fn(u32) -> SimplifyVertex) -> Vec<SimplifyVertex> {
        self.vertices.iter().map(|&vertex| lock(vertex)).collect()
    }

    /// Simplifies to about `target` corners and keeps the topology. Returns the corners, which may be more, and the
    /// error.
    pub(super) fn careful(
        &self,
        surface: &Surface<'_>,
        indices: &[u32],
        locks: &[SimplifyVertex],
        target: usize,
    ) -> (Vec<u32>, f32) {
        let options = SimplifyOptions::ErrorAbsolute | SimplifyOptions::ErrorClamped | SimplifyOptions::Permissive;
        let count = surface.attribute_count();
        let mut attributes: Vec<f32> = Vec::with_capacity(self.vertices.len() * count);
        for &vertex in &self.vertices {
            surface.put_attributes(vertex, &mut attributes);
        }
        let mut error = 0.0;
        let coarser = meshopt::simplify_with_attributes_and_locks(
            indices,
            &self.adapter(),
            &attributes,
            &[ATTRIBUTE_WEIGHT; 6][..count],
            count * size_of::<f32>(),
            locks,
            target,
            f32::MAX,
            options,
            Some(&mut error),
        );
        (coarser, error)
    }

    /// Simplifies to about `target` corners without regard to topology, each primitive by its share.
    pub(super) fn sloppy(
        &self,
        surface: &Surface<'_>,
        indices: &[u32],
        locks: &[SimplifyVertex],
        target: usize,
    ) -> (Vec<u32>, f32) {
        let adapter = self.adapter();
        let (mut coarser, mut error) = (Vec::new(), 0.0f32);
        for (_, own) in self.by_primitive(surface, indices) {
            let share = (target * own.len() / indices.len() / 3 * 3).max(SHARE_MIN);
            if own.len() <= share {
                coarser.extend(own);
                continue;
            }
            let mut own_error = 0.0;
            coarser.extend(meshopt::simplify_sloppy_with_locks(
                &own,
                &adapter,
                locks,
                share,
                f32::MAX,
                Some(&mut own_error),
            ));
            error = error.max(own_error);
        }
        (coarser, error * meshopt::simplify_scale(&adapter) * SLOPPY_ERROR_FACTOR)
    }

    /// Returns whether no triangle has corners in several primitives.
    pub(super) fn keeps_materials(&self, surface: &Surface<'_>, indices: &[u32]) -> bool {
        let primitive = |number: u32| surface.primitive_of(self.vertices[number as usize]);
        indices
            .chunks_exact(3)
            .all(|corners| corners[1..].iter().all(|&corner| primitive(corner) == primitive(corners[0])))
    }

    pub(super) fn triangles(&self, indices: &[u32]) -> Vec<Triangle> {
        indices.chunks_exact(3).map(|corners| [0, 1, 2].map(|at| self.positions[corners[at] as usize].into())).collect()
    }

    /// Splits the triangles that replace a group into clusters. They have the sphere of the group, which contains those
    /// of all finer groups.
    pub(super) fn pieces(
        &self,
        surface: &Surface<'_>,
        indices: &[u32],
        center: Vec3,
        radius: f32,
        error: f32,
    ) -> Vec<Piece> {
        self.by_primitive(surface, indices)
            .into_iter()
            .flat_map(|(primitive, indices)| self.clusters(primitive, &indices))
            .map(|piece| Piece { center, radius, error, ..piece })
            .collect()
    }

    /// Returns the triangles of each primitive, by its index.
    pub(super) fn by_primitive(&self, surface: &Surface<'_>, indices: &[u32]) -> Vec<(u32, Vec<u32>)> {
        let mut sorted: Vec<(u32, Vec<u32>)> = Vec::new();
        for corners in indices.chunks_exact(3) {
            let primitive = surface.primitive_of(self.vertices[corners[0] as usize]);
            match sorted.iter_mut().find(|(known, _)| *known == primitive) {
                Some((_, indices)) => indices.extend_from_slice(corners),
                None => sorted.push((primitive, corners.to_vec())),
            }
        }
        sorted.sort_unstable_by_key(|(primitive, _)| *primitive);
        sorted
    }
}

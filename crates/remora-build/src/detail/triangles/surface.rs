//! The surface of a mesh: the vertices of all primitives in one sequence, and its division into clusters and groups.

use std::borrow::Cow;
use std::sync::atomic::{AtomicU32, Ordering};

use glam::Vec3;
use meshopt::{SimplifyVertex, VertexDataAdapter};
use rayon::prelude::*;

use super::patch::{Numbering, Patch};
use super::{CHUNK_TRIANGLES, GROUP_CLUSTERS, Piece, SLICE_CLUSTERS, Simplified, merged_sphere};
use crate::detail::work::{Cancelled, Work};
use remora_model::{Bounds, Mesh, Primitive};

/// Bits per axis of the positions by which triangles are sorted.
const PLACE_BITS: u32 = 10;

/// The triangles of all primitives of a mesh as one surface. Its vertices are numbered across the primitives.
pub(super) struct Surface<'a> {
    mesh: &'a Mesh,
    /// First vertex of each primitive, followed by the number of all vertices.
    pub(super) firsts: Vec<u32>,
    /// For each vertex, a number that all vertices at its position share.
    remap: Vec<u32>,
    /// For each vertex, whether it is at a seam; see [`Self::seams`].
    protected: Vec<bool>,
    /// The last claim of each position, by its number in `remap`; see [`Self::claim`].
    claims: Vec<AtomicU32>,
    claims_next: u32,
    has_colors: bool,
}

impl<'a> Surface<'a> {
    pub(super) fn new(mesh: &'a Mesh) -> Self {
        let mut firsts = vec![0];
        for primitive in &mesh.primitives {
            firsts.push(firsts[firsts.len() - 1] + primitive.positions.len() as u32);
        }
        let remap = remap(&mesh.primitives);
        let claims = remap.iter().map(|_| AtomicU32::new(0)).collect();
        let has_colors = mesh.primitives.iter().any(|primitive| !primitive.colors.is_empty());
        let mut surface = Self { mesh, firsts, remap, protected: Vec::new(), claims, claims_next: 1, has_colors };
        surface.protected = surface.seams();
        surface
    }

    /// Returns the primitive of a vertex and its index there.
    pub(super) fn local(&self, vertex: u32) -> (u32, u32) {
        let primitive = self.primitive_of(vertex);
        (primitive, vertex - self.firsts[primitive as usize])
    }

    pub(super) fn primitive_of(&self, vertex: u32) -> u32 {
        self.firsts.partition_point(|&first| first <= vertex) as u32 - 1
    }

    pub(super) fn position(&self, vertex: u32) -> [f32; 3] {
        let (primitive, local) = self.local(vertex);
        self.mesh.primitives[primitive as usize].positions[local as usize]
    }

    /// Returns how many numbers [`Self::put_attributes`] appends.
    pub(super) fn attribute_count(&self) -> usize {
        if self.has_colors { 6 } else { 3 }
    }

    /// Appends the normal and, if the mesh has colours, the colour.
    pub(super) fn put_attributes(&self, vertex: u32, attributes: &mut Vec<f32>) {
        let (primitive, local) = self.local(vertex);
        let primitive = &self.mesh.primitives[primitive as usize];
        attributes.extend(primitive.normals[local as usize]);
        if self.has_colors {
            let [red, green, blue, _] = primitive.colors.get(local as usize).copied().unwrap_or([255; 4]);
            attributes.extend([red, green, blue].map(|channel| f32::from(channel) / 255.0));
        }
    }

    /// Returns whether each vertex is at a seam between textures or materials, where both sides must stay. Creases
    /// between normals are no seams.
    fn seams(&self) -> Vec<bool> {
        let mut protected = vec![false; self.remap.len()];
        let coordinates = |vertex: u32| {
            let (primitive, local) = self.local(vertex);
            let coordinates = &self.mesh.primitives[primitive as usize].texture_coordinates;
            (primitive, coordinates.get(local as usize).map(|uv| uv.map(f32::to_bits)))
        };
        for (vertex, &first) in self.remap.iter().enumerate() {
            if first as usize != vertex && coordinates(first) != coordinates(vertex as u32) {
                protected[vertex] = true;
                protected[first as usize] = true;
            }
        }
        protected
    }

    /// Splits all triangles into clusters of original geometry.
    pub(super) fn original(&self, work: &Work<'_>) -> Result<Vec<Piece>, Cancelled> {
        let mut pieces = Vec::new();
        for (number, primitive) in (0..).zip(&self.mesh.primitives) {
            work.check()?;
            let first = self.firsts[number as usize];
            let chunks: Vec<Vec<Piece>> = neighbours_together(primitive)
                .par_chunks(CHUNK_TRIANGLES)
                .map(|triangles| {
                    work.check()?;
                    // A closed surface has half as many vertices as triangles.
                    let mut numbering = Numbering::new(triangles.len() / 2);
                    let indices: Vec<u32> = triangles
                        .iter()
                        .flat_map(|&triangle| corners(primitive, triangle as u32))
                        .map(|corner| numbering.number(first + corner))
                        .collect();
                    Ok(numbering.patch(|vertex| self.position(vertex)).clusters(number, &indices))
                })
                .collect::<Result<_, Cancelled>>()?;
            pieces.extend(chunks.into_iter().flatten());
        }
        Ok(pieces)
    }

    /// Puts neighbouring clusters into groups. Large levels are grouped slice by slice. The slices differ between
    /// levels, so that no border persists through all levels.
    pub(super) fn groups(&self, level: Vec<Piece>, depth: u32) -> Vec<Vec<Piece>> {
        let shift = if depth % 2 == 1 { SLICE_CLUSTERS / 2 } else { 0 };
        let mut bounds = vec![0];
        while bounds[bounds.len() - 1] < level.len() {
            let last = bounds[bounds.len() - 1];
            let length = if last == 0 && shift > 0 { shift } else { SLICE_CLUSTERS };
            // A small remainder joins the last slice.
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
        let mut numbering = Numbering::new(slice.iter().map(|piece| piece.vertices.len()).sum());
        let places = slice.iter().flat_map(|piece| &piece.vertices).map(|&vertex| self.remap[vertex as usize]);
        let indices: Vec<u32> = places.map(|place| numbering.number(place)).collect();
        let counts: Vec<u32> = slice.iter().map(|piece| piece.vertices.len() as u32).collect();
        let mut numbers = vec![0; slice.len()];
        let patch = numbering.patch(|vertex| self.position(vertex));
        meshopt::partition_clusters_with_positions(&mut numbers, &indices, &counts, &patch.adapter(), GROUP_CLUSTERS);
        numbers
    }

    /// Finds the positions that more than one group touches and returns the number that marks them for [`Self::lock`].
    /// A position is marked with the number of its group, or with the returned one if there are several. Every level
    /// uses greater numbers than the level before, so that marks need not be cleared.
    pub(super) fn claim(&mut self, groups: &[Vec<Piece>]) -> u32 {
        let first = self.claims_next;
        let shared = first + groups.len() as u32;
        self.claims_next = shared + 1;
        groups.par_iter().zip(first..shared).for_each(|(pieces, own)| {
            for &vertex in pieces.iter().flat_map(|piece| &piece.vertices) {
                let place = self.remap[vertex as usize] as usize;
                let claimed = |last: u32| match last {
                    last if last < first => Some(own),
                    last if last == own || last == shared => None,
                    _ => Some(shared),
                };
                // An error means that the mark is right already.
                let _ = self.claims[place].fetch_update(Ordering::Relaxed, Ordering::Relaxed, claimed);
            }
        });
        shared
    }

    /// Returns the constraint of a vertex: shared vertices must stay, and protected ones keep their seams.
    pub(super) fn lock(&self, vertex: u32, shared: u32) -> SimplifyVertex {
        let place = self.remap[vertex as usize] as usize;
        let is_shared = self.claims[place].load(Ordering::Relaxed) == shared;
        let lock = if is_shared { SimplifyVertex::Lock } else { SimplifyVertex::None };
        lock | self.seam(vertex)
    }

    pub(super) fn seam(&self, vertex: u32) -> SimplifyVertex {
        if self.is_seam(vertex) { SimplifyVertex::Protect } else { SimplifyVertex::None }
    }

    pub(super) fn is_seam(&self, vertex: u32) -> bool {
        self.protected[vertex as usize]
    }

    /// Merges the clusters of a group and simplifies them; see [`Patch::simplified`] for `shared` and `alone`.
    pub(super) fn simplify(&self, pieces: Vec<Piece>, shared: u32, alone: bool) -> Simplified {
        let (center, radius) = merged_sphere(&pieces);
        let (patch, indices) = Patch::around(self, &pieces);
        let triangles = indices.len() as u64 / 3;
        let before = pieces.iter().map(|piece| piece.error).fold(0.0, f32::max);
        let Some((coarser, error)) = patch.simplified(self, &indices, shared, alone) else {
            return Simplified { center, radius, error: f32::INFINITY, pieces, coarser: Vec::new(), triangles };
        };
        let error = error.max(before);
        let coarser = patch.pieces(self, &coarser, center, radius, error);
        Simplified { center, radius, error, pieces, coarser, triangles }
    }
}

fn remap(primitives: &[Primitive]) -> Vec<u32> {
    let positions: Cow<'_, [[f32; 3]]> = match primitives {
        [only] => Cow::Borrowed(&only.positions),
        all => Cow::Owned(all.iter().flat_map(|primitive| &primitive.positions).copied().collect()),
    };
    if positions.is_empty() {
        return Vec::new();
    }
    meshopt::generate_position_remap(&adapter(&positions))
}

pub(super) fn adapter(positions: &[[f32; 3]]) -> VertexDataAdapter<'_> {
    VertexDataAdapter::new(bytemuck::cast_slice(positions), size_of::<[f32; 3]>(), 0)
        .expect("a slice of positions is a whole number of them")
}

fn corners(primitive: &Primitive, triangle: u32) -> [u32; 3] {
    let first = triangle as usize * 3;
    [0, 1, 2].map(|corner| primitive.indices[first + corner])
}

/// Returns the triangles with a surface, in the lower halves of the numbers. If there are several chunks, triangles are
/// sorted so that each chunk is compact.
fn neighbours_together(primitive: &Primitive) -> Vec<u64> {
    let solid = |&triangle: &u64| {
        let [a, b, c] = corners(primitive, triangle as u32);
        a != b && b != c && c != a
    };
    let mut triangles: Vec<u64> = (0..primitive.triangles() as u64).filter(solid).collect();
    if triangles.len() > CHUNK_TRIANGLES {
        let bounds = primitive.bounds();
        triangles.par_iter_mut().for_each(|triangle| *triangle |= place(primitive, &bounds, *triangle as u32) << 32);
        triangles.par_sort_unstable();
    }
    triangles
}

/// Returns the position of a triangle's center along a Morton curve.
fn place(primitive: &Primitive, bounds: &Bounds, triangle: u32) -> u64 {
    let most = ((1 << PLACE_BITS) - 1) as f32;
    let scale = most / (bounds.max - bounds.min).max_element().max(f32::MIN_POSITIVE);
    let corner = |corner: u32| Vec3::from(primitive.positions[corner as usize]) - bounds.min;
    let middle = corners(primitive, triangle).map(corner).into_iter().sum::<Vec3>() / 3.0;
    let spread = |place: f32| {
        let place = place.clamp(0.0, most) as u64;
        (0..PLACE_BITS).map(|bit| (place >> bit & 1) << (3 * bit)).sum::<u64>()
    };
    let [x, y, z] = (middle * scale).to_array().map(spread);
    x | y << 1 | z << 2
}

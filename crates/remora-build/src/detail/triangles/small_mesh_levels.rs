//! Builds the levels of a mesh that is no larger than a cluster. A model may have tens of thousands of small meshes
//! that cover only a few pixels each. With a hundred triangles each, they would dominate the cost of a frame. A mesh is
//! therefore simplified as a whole and repeatedly, until a few triangles are left.
//!
//! For so few triangles meshoptimizer's error is not meaningful, and a closed surface may collapse to a leaf that is
//! invisible from behind. Therefore the distance to the finest of these levels is measured as well, and results that
//! are no longer closed are rejected.

use meshopt::SimplifyVertex;

use super::deviation::{Triangle, deviation, openness};
use super::patch::Patch;
use super::surface::Surface;
use super::{Piece, STUCK_RATIO, merged_sphere};
use crate::detail::{Group, Hierarchy};

/// Number of triangles below which a level is not simplified further.
const TRIANGLES_MIN: usize = 8;
/// Limit of the increase of [`openness`].
const OPENED_MAX: f32 = 0.25;

/// Adds the remaining levels, beginning with `rest`, which holds all clusters of a level.
pub(super) fn add_small_mesh_levels(
    hierarchy: &mut Hierarchy,
    surface: &Surface<'_>,
    rest: Vec<Piece>,
    mut depth: u32,
) {
    let whole = Whole::of(surface, &rest);
    let mut error = whole.error;
    let mut level = rest;
    while !level.is_empty() {
        let (center, radius) = merged_sphere(&level);
        let (patch, indices) = Patch::around(surface, &level);
        let coarser = whole.coarser(surface, &patch, &indices, radius);
        error = coarser.as_ref().map_or(f32::INFINITY, |(_, of_coarser)| error.max(*of_coarser));
        let group = Group { depth, center, radius, error, is_root: true, clusters: 0..0 };
        let number = hierarchy.push(group, level, surface);
        level = coarser.map_or_else(Vec::new, |(indices, _)| patch.pieces(surface, &indices, center, radius, error));
        level.iter_mut().for_each(|piece| piece.refined = Some(number));
        depth += 1;
    }
}

/// The finest of these levels, with which the others are compared.
struct Whole {
    triangles: Vec<Triangle>,
    openness: f32,
    /// Error of the level itself.
    error: f32,
    materials: usize,
}

impl Whole {
    fn of(surface: &Surface<'_>, pieces: &[Piece]) -> Self {
        let (patch, indices) = Patch::around(surface, pieces);
        let triangles = patch.triangles(&indices);
        let openness = openness(&triangles);
        let error = pieces.iter().map(|piece| piece.error).fold(0.0, f32::max);
        Self { triangles, openness, error, materials: patch.by_primitive(surface, &indices).len() }
    }

    /// Returns half of the triangles and their error; `None` if there are few enough already or no result is
    /// acceptable.
    fn coarser(&self, surface: &Surface<'_>, patch: &Patch, indices: &[u32], radius: f32) -> Option<(Vec<u32>, f32)> {
        if indices.len() <= TRIANGLES_MIN * 3 {
            return None;
        }
        let target = indices.len() / 6 * 3;
        let measured = |coarser: Vec<u32>, least: f32| {
            let triangles = patch.triangles(&coarser);
            let fit = coarser.len() as f32 <= indices.len() as f32 * STUCK_RATIO
                && openness(&triangles) <= self.openness + OPENED_MAX
                && patch.keeps_materials(surface, &coarser)
                && patch.by_primitive(surface, &coarser).len() == self.materials;
            // Both errors may point in the same direction, so they add up.
            let error = (self.error + deviation(&self.triangles, &triangles)).max(least);
            (fit && error.is_finite()).then_some((coarser, error))
        };
        let (careful, of_planes) = patch.careful(surface, indices, &patch.locks(|vertex| surface.seam(vertex)), target);
        measured(careful, of_planes).or_else(|| {
            let locks = patch.locks(|_| SimplifyVertex::None);
            // Wrong normals are visible unless the mesh is only a dot.
            measured(patch.sloppy(surface, indices, &locks, target).0, radius)
        })
    }
}

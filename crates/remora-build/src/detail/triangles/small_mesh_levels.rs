//! The levels of a mesh that is no larger than a cluster. A model has tens of thousands of small parts, of which most cover
//! a few pixels: with a hundred triangles each they would cost more than all that is seen of it. So what is left of a mesh
//! is simplified as a whole, again and again, until it is a handful of triangles.
//!
//! So few triangles are not like others: meshoptimizer's error says little of them, and what is closed may become a leaf
//! that is not seen from behind. Here, therefore, the distance from the finest of these levels is measured as well, and
//! what is not closed any more is not taken.

use meshopt::SimplifyVertex;

use super::deviation::{Triangle, deviation, openness};
use super::patch::Patch;
use super::surface::Surface;
use super::{Piece, STUCK_RATIO, merged_sphere};
use crate::detail::{Group, Hierarchy};

/// What is not simplified any further.
const TRIANGLES_MIN: usize = 8;
/// By how much [`openness`] may grow.
const OPENED_MAX: f32 = 0.25;

/// Adds levels from `rest`, which is all of a level, up to the last.
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

/// The finest of the levels, which all others are compared with.
struct Whole {
    triangles: Vec<Triangle>,
    openness: f32,
    /// Of it itself.
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

    /// Half of the triangles, and how far they are from the original; `None` if there are few enough, or none are fit to be
    /// seen.
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
            // Both may lie on the same side.
            let error = (self.error + deviation(&self.triangles, &triangles)).max(least);
            (fit && error.is_finite()).then_some((coarser, error))
        };
        let (careful, of_planes) = patch.careful(surface, indices, &patch.locks(|vertex| surface.seam(vertex)), target);
        measured(careful, of_planes).or_else(|| {
            let locks = patch.locks(|_| SimplifyVertex::None);
            // What it does to normals shows wherever the part is more than a dot.
            measured(patch.sloppy(surface, indices, &locks, target).0, radius)
        })
    }
}

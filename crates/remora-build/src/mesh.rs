//! Builds one mesh: levels of detail, their trees and the tree for ray casts.

use super::options::Detail;
use super::rays;
use super::tree::tree;
use crate::cluster::ClusterBounds;
use crate::detail::coarse::{self, Coarse};
use crate::detail::work::{Cancelled, Work};
use crate::detail::{Hierarchy, points, triangles};
use remora_asset::Grid;
use remora_asset::layout::{RayNode, TreeNode};
use remora_model::{Bounds, Mesh, Points};

/// A mesh that is built and has no indices in the file yet.
pub(super) struct Built {
    /// The coarse mesh whose clusters the hierarchy holds; `None` if they are those of the mesh itself.
    pub(super) shown: Option<Mesh>,
    /// A box around all of the mesh.
    pub(super) bounds: Bounds,
    /// The levels of detail of triangles, then those of points.
    pub(super) hierarchy: Hierarchy,
    /// Nodes of the trees above the groups, roots first.
    pub(super) tree: Vec<TreeNode>,
    /// Number of roots in `tree`.
    pub(super) tree_roots: u32,
    /// The tree for ray casts. Leaves refer to clusters by group and position in the group.
    pub(super) rays: (Vec<RayNode>, Vec<(u32, u32)>),
    /// The grid of the positions.
    pub(super) grid: Grid,
}

/// Returns the units of work that building a mesh takes.
pub(super) fn units(mesh: &Mesh, detail: Detail) -> u64 {
    let points = mesh.points.positions.len() as u64;
    match detail {
        Detail::Full => triangles::work_units(mesh) + points,
        Detail::Coarse { .. } => mesh.triangles() + points,
    }
}

/// Builds a mesh. `total` is the number of triangles and points of all meshes, of which a coarse mesh gets its share.
pub(super) fn build_mesh(mesh: &Mesh, detail: Detail, total: u64, work: &Work<'_>) -> Result<Built, Cancelled> {
    work.check()?;
    let (shown, surface, cloud) = match detail {
        Detail::Full => (None, triangles::build(mesh, work)?, cloud(&mesh.points, work)?),
        Detail::Coarse { primitives_max } => {
            let share = (primitives_max as f64 / total.max(1) as f64).min(1.0);
            let Coarse { mesh: shown, surface, cloud } = coarse::coarse(mesh, share);
            work.advance(units(mesh, detail));
            (Some(shown), surface, cloud)
        }
    };
    let bounds = mesh.bounds();
    let rays = ray_tree(&bounds, &surface);
    let mut hierarchy = surface;
    let mut trees = Vec::new();
    if !hierarchy.groups.is_empty() {
        trees.push((0, tree(&hierarchy)));
    }
    if !cloud.groups.is_empty() {
        trees.push((hierarchy.groups.len() as u32, tree(&cloud)));
        hierarchy.append(cloud);
    }
    let grid = Grid::around(&bounds);
    let mut built = Built { shown, bounds, hierarchy, tree: Vec::new(), tree_roots: 0, rays, grid };
    built.join(trees);
    Ok(built)
}

fn cloud(cloud: &Points, work: &Work<'_>) -> Result<Hierarchy, Cancelled> {
    let mut advanced = 0;
    let mut advance = |fraction: f32| {
        let now = (f64::from(fraction) * cloud.positions.len() as f64) as u64;
        work.advance(now.saturating_sub(advanced));
        advanced = now.max(advanced);
    };
    let cancelled = || work.check().is_err();
    points::build(cloud, rayon::current_num_threads(), &mut advance, &cancelled).ok_or(Cancelled)
}

impl Built {
    /// Joins trees into one list with all roots first.
    fn join(&mut self, trees: Vec<(u32, (Vec<TreeNode>, u32))>) {
        self.tree_roots = trees.iter().map(|(_, (_, roots))| roots).sum();
        let mut below = self.tree_roots;
        let mut rest = Vec::new();
        for (first_group, (nodes, roots)) in trees {
            for (index, node) in nodes.iter().enumerate() {
                // Children are never roots, so they come after the roots of their own tree.
                let first = if node.count == 0 { node.first + first_group } else { node.first - roots + below };
                let moved = TreeNode { first, ..*node };
                if (index as u32) < roots { self.tree.push(moved) } else { rest.push(moved) }
            }
            below += nodes.len() as u32 - roots;
        }
        self.tree.append(&mut rest);
    }
}

/// Builds the tree for ray casts above the clusters of original triangles. Leaves are given by group and position.
fn ray_tree(whole: &Bounds, surface: &Hierarchy) -> (Vec<RayNode>, Vec<(u32, u32)>) {
    let mut places = Vec::new();
    let mut boxes = Vec::new();
    for (number, group) in (0..).zip(&surface.groups) {
        for (place, cluster) in (0..).zip(surface.clusters_of(group)) {
            if cluster.refined.is_none() {
                places.push((number, place));
                // The box around the sphere is clipped to that of the mesh.
                let ClusterBounds { center, radius, .. } = cluster.bounds;
                boxes.push(Bounds { min: center - radius, max: center + radius });
            }
        }
    }
    for of_cluster in &mut boxes {
        *of_cluster = Bounds { min: of_cluster.min.max(whole.min), max: of_cluster.max.min(whole.max) };
    }
    let (nodes, order) = rays::build(&boxes);
    (nodes, order.into_iter().map(|number| places[number as usize]).collect())
}

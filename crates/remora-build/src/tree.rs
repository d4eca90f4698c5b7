//! Builds the tree in which the renderer finds the groups of a cut without visiting all of them. Each level of detail
//! has a tree of its own, and the levels form a chain, so that a mesh far away needs only the coarsest.

use std::collections::VecDeque;

use glam::Vec3;
use meshopt::{ClodBounds, ClodGroup, ClodNode};

use crate::detail::Hierarchy;
use remora_asset::layout::TreeNode;

/// Children of a tree node.
const TREE_WIDTH: usize = 8;
/// Levels that are siblings; finer levels are below a node of their own.
const LEVELS_WIDE: usize = 3;
/// Factor that makes up for rounding of a radius.
const SLACK: f32 = 1.0 + 1e-5;

/// The source of a node.
enum Item<'a> {
    /// A node of a level's own tree.
    Of(usize),
    /// A node above all of these levels, finer ones first.
    Levels(&'a [usize]),
}

/// Returns the nodes, roots first, and the number of roots.
pub(super) fn tree(hierarchy: &Hierarchy) -> (Vec<TreeNode>, u32) {
    let finite = |error: f32| if error.is_finite() { error } else { f32::MAX };
    let groups: Vec<ClodGroup> = hierarchy
        .groups
        .iter()
        .map(|group| ClodGroup {
            depth: group.depth as i32,
            simplified: ClodBounds { center: group.center.into(), radius: group.radius, error: finite(group.error) },
        })
        .collect();
    let depths = hierarchy.groups.last().map_or(0, |group| group.depth as usize + 1);
    let nodes = meshopt::clod_build_hierarchy(&groups, TREE_WIDTH, depths);
    let levels: Vec<usize> =
        (0..depths).filter(|&level| nodes[level].group >= 0 || nodes[level].child_count > 0).collect();
    // The order is breadth first, so that children come after their parents and are adjacent.
    let mut open: VecDeque<Item<'_>> = beside(&levels).collect();
    let roots = open.len();
    let mut known = roots;
    let mut sorted: Vec<TreeNode> = Vec::with_capacity(nodes.len());
    while let Some(item) = open.pop_front() {
        let children: Vec<Item<'_>> = match item {
            Item::Of(index) if nodes[index].group >= 0 => Vec::new(),
            Item::Of(index) => {
                let ClodNode { child_offset, child_count, .. } = nodes[index];
                (child_offset..child_offset + child_count).map(|child| Item::Of(child as usize)).collect()
            }
            Item::Levels(levels) => beside(levels).collect(),
        };
        let (center, radius, error) = match item {
            Item::Of(index) => {
                let ClodBounds { center, radius, error } = nodes[index].bounds;
                (center.into(), radius, error)
            }
            Item::Levels(levels) => around(levels.iter().map(|&level| &nodes[level].bounds)),
        };
        let first = match item {
            Item::Of(index) if children.is_empty() => nodes[index].group as u32,
            Item::Of(_) | Item::Levels(_) => known as u32,
        };
        sorted.push(TreeNode {
            center: center.into(),
            radius: radius * SLACK,
            error: if error >= f32::MAX { f32::INFINITY } else { error },
            first,
            count: children.len() as u32,
            reserved: 0,
        });
        known += children.len();
        open.extend(children);
    }
    (sorted, roots as u32)
}

/// Returns the coarsest levels and one node for all others. The item that is visited last comes first.
fn beside(levels: &[usize]) -> impl Iterator<Item = Item<'_>> {
    // A node above a single level would only be one more to visit.
    let below = if levels.len() > LEVELS_WIDE + 1 { levels.len() - LEVELS_WIDE } else { 0 };
    let (finer, coarser) = levels.split_at(below);
    let finer = (!finer.is_empty()).then_some(Item::Levels(finer));
    finer.into_iter().chain(coarser.iter().map(|&level| Item::Of(level)))
}

/// Returns a sphere around all spheres, and the largest error.
fn around<'a>(bounds: impl Iterator<Item = &'a ClodBounds>) -> (Vec3, f32, f32) {
    let mut spheres = bounds.map(|bounds| (Vec3::from(bounds.center), bounds.radius, bounds.error));
    let first = spheres.next().expect("there are some levels");
    // Coarser spheres usually contain finer ones, so this is usually the coarsest.
    spheres.fold(first, |(center, radius, error), (other, other_radius, other_error)| {
        let error = error.max(other_error);
        let apart = center.distance(other);
        if apart + radius <= other_radius {
            (other, other_radius, error)
        } else {
            (center, radius.max(apart + other_radius), error)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detail::Group;

    /// Returns levels with these numbers of groups, finest first, in spheres that grow.
    fn hierarchy(levels: &[u32]) -> Hierarchy {
        let mut hierarchy = Hierarchy::default();
        for (depth, &count) in (0..).zip(levels) {
            for place in 0..count {
                let is_last = depth as usize + 1 == levels.len();
                hierarchy.groups.push(Group {
                    depth,
                    center: Vec3::new(place as f32, depth as f32 * 0.1, 0.0),
                    radius: 1.0 + depth as f32,
                    error: if is_last { f32::INFINITY } else { 0.1 * 2.0_f32.powi(depth as i32) },
                    is_root: is_last,
                    clusters: 0..0,
                });
            }
        }
        hierarchy
    }

    #[test]
    fn every_group_is_found_below_nodes_that_hold_it() {
        for levels in [vec![1], vec![3, 1], vec![40, 9, 2, 1], vec![100, 50, 20, 9, 4, 1, 1, 1, 1, 1, 1, 1]] {
            let hierarchy = hierarchy(&levels);
            let (nodes, roots) = tree(&hierarchy);
            let mut found = vec![0; hierarchy.groups.len()];
            let mut open: Vec<(u32, Vec<u32>)> = (0..roots).map(|root| (root, Vec::new())).collect();
            while let Some((number, above)) = open.pop() {
                let node = &nodes[number as usize];
                let mut path = above.clone();
                path.push(number);
                if node.count > 0 {
                    assert!(node.first > number && node.count as usize <= TREE_WIDTH);
                    open.extend((node.first..node.first + node.count).map(|child| (child, path.clone())));
                    continue;
                }
                found[node.first as usize] += 1;
                let group = &hierarchy.groups[node.first as usize];
                for holder in path {
                    let holder = &nodes[holder as usize];
                    assert!(holder.error >= group.error);
                    let apart = Vec3::from(holder.center).distance(group.center);
                    assert!(apart + group.radius <= holder.radius * 1.0001);
                }
            }
            assert!(found.iter().all(|times| *times == 1), "{found:?} of {levels:?}");
        }
    }

    #[test]
    fn a_mesh_far_away_needs_only_the_coarsest_levels() {
        let hierarchy = hierarchy(&[64, 32, 16, 8, 4, 2, 1, 1, 1, 1, 1, 1]);
        let (nodes, roots) = tree(&hierarchy);
        assert_eq!(roots as usize, LEVELS_WIDE + 1);
        let coarser = nodes[1..roots as usize].iter().map(|node| node.error).fold(f32::INFINITY, f32::min);
        assert!(nodes[0].count > 0 && nodes[0].error < coarser, "nothing fine is looked at");
    }
}

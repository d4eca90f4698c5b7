//! Builds the tree for exact ray casts: boxes above the original clusters of a mesh, split at the middle of their
//! longest side.

use std::ops::Range;

use glam::Vec3;

use remora_asset::layout::RayNode;
use remora_model::Bounds;

/// Clusters in a leaf.
const LEAF_CLUSTERS: usize = 2;

/// Returns the tree above boxes, root first, and the indices of the boxes in its leaves. Both are empty if there are no
/// boxes.
pub(crate) fn build(boxes: &[Bounds]) -> (Vec<RayNode>, Vec<u32>) {
    let mut order: Vec<u32> = (0..boxes.len() as u32).collect();
    let mut nodes = Vec::new();
    if boxes.is_empty() {
        return (nodes, order);
    }
    nodes.push(leaf(boxes, &order, 0..boxes.len()));
    let mut open = vec![0];
    while let Some(index) = open.pop() {
        let node: RayNode = nodes[index];
        let range = node.first as usize..(node.first + node.count) as usize;
        if range.len() <= LEAF_CLUSTERS {
            continue;
        }
        let middle = |&number: &u32| boxes[number as usize].center();
        let (low, high) = order[range.clone()]
            .iter()
            .map(middle)
            .fold((Vec3::INFINITY, Vec3::NEG_INFINITY), |(low, high), point| (low.min(point), high.max(point)));
        let axis = (high - low).max_position();
        let half = range.len() / 2;
        order[range.clone()]
            .select_nth_unstable_by(half, |a, b| middle(a)[axis].total_cmp(&middle(b)[axis]).then(a.cmp(b)));
        let first = nodes.len();
        nodes.push(leaf(boxes, &order, range.start..range.start + half));
        nodes.push(leaf(boxes, &order, range.start + half..range.end));
        nodes[index] = RayNode { first: first as u32, count: 0, ..node };
        open.extend([first, first + 1]);
    }
    (nodes, order)
}

fn leaf(boxes: &[Bounds], order: &[u32], range: Range<usize>) -> RayNode {
    let all = order[range.clone()].iter().fold(Bounds::EMPTY, |all, &number| all.union(boxes[number as usize]));
    RayNode { min: all.min.into(), first: range.start as u32, max: all.max.into(), count: range.len() as u32 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_box_is_in_one_leaf_and_within_all_nodes_above() {
        for count in [0, 1, 2, 3, 50, 257] {
            let place = |i: u32| Vec3::new((i * 37 % 101) as f32, (i * 53 % 103) as f32, (i * 71 % 7) as f32);
            let boxes: Vec<Bounds> =
                (0..count).map(|i| Bounds { min: place(i), max: place(i) + (i % 5) as f32 }).collect();
            let (nodes, leaves) = build(&boxes);
            let mut seen = vec![0; boxes.len()];
            let mut open: Vec<(usize, Bounds)> = match nodes.is_empty() {
                true => Vec::new(),
                false => vec![(0, Bounds { min: Vec3::NEG_INFINITY, max: Vec3::INFINITY })],
            };
            while let Some((index, above)) = open.pop() {
                let node = nodes[index];
                let here = Bounds { min: node.min.into(), max: node.max.into() };
                assert!(above.union(here) == above);
                if node.count == 0 {
                    assert!(node.first as usize > index, "children come later");
                    open.extend([(node.first as usize, here), (node.first as usize + 1, here)]);
                    continue;
                }
                for &number in &leaves[node.first as usize..][..node.count as usize] {
                    seen[number as usize] += 1;
                    assert!(here.union(boxes[number as usize]) == here);
                }
            }
            assert!(seen.iter().all(|&times| times == 1), "{count}");
        }
    }
}

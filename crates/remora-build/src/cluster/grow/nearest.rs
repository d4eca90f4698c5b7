//! Finds the nearest of the remaining triangles, in a tree of boxes that are split along their longest side.

use glam::Vec3;

use super::Facing;

/// Triangles in a leaf.
const LEAF_TRIANGLES: usize = 16;
/// Limit of the depth. Many triangles in one place cannot be separated by splitting boxes.
const DEPTH_MAX: u32 = 40;

/// The tree of boxes above all triangles.
pub(super) struct Nearest {
    /// The numbers of the triangles, those of each leaf together.
    order: Vec<u32>,
    nodes: Vec<Node>,
}

enum Node {
    /// A range of `order`.
    Leaf { first: u32, end: u32 },
    /// Triangles below `at` are in the next node and its children, the others in the node `above`.
    Split { axis: u8, at: f32, above: u32 },
    /// No triangle is left.
    Empty,
}

impl Nearest {
    pub(super) fn new(facings: &[Facing], taken: &[bool]) -> Self {
        let order = (0..facings.len() as u32).filter(|&triangle| !taken[triangle as usize]).collect();
        let mut tree = Self { order, nodes: Vec::new() };
        tree.split(facings, 0, tree.order.len(), 0);
        tree
    }

    fn split(&mut self, facings: &[Facing], first: usize, end: usize, depth: u32) {
        let node = self.nodes.len();
        self.nodes.push(Node::Leaf { first: first as u32, end: end as u32 });
        if end - first <= LEAF_TRIANGLES || depth == DEPTH_MAX {
            return;
        }
        let middle = |triangle: u32| facings[triangle as usize].middle;
        let (low, high) =
            self.order[first..end].iter().fold((Vec3::INFINITY, Vec3::NEG_INFINITY), |(low, high), &triangle| {
                (low.min(middle(triangle)), high.max(middle(triangle)))
            });
        let axis = (high - low).max_position();
        let at = (low[axis] + high[axis]) * 0.5;
        let mut below = first;
        for place in first..end {
            if middle(self.order[place])[axis] < at {
                self.order.swap(place, below);
                below += 1;
            }
        }
        if below == first || below == end {
            return;
        }
        self.split(facings, first, below, depth + 1);
        self.nodes[node] = Node::Split { axis: axis as u8, at, above: self.nodes.len() as u32 };
        self.split(facings, below, end, depth + 1);
    }

    pub(super) fn find(&mut self, from: Vec3, facings: &[Facing], taken: &[bool]) -> Option<(u32, f32)> {
        let mut best = None;
        self.search(0, from, facings, taken, &mut best);
        best
    }

    /// Searches a node. Returns whether a triangle is left in it.
    fn search(
        &mut self,
        node: usize,
        from: Vec3,
        facings: &[Facing],
        taken: &[bool],
        best: &mut Option<(u32, f32)>,
    ) -> bool {
        let is_left = match self.nodes[node] {
            Node::Empty => return false,
            Node::Leaf { first, end } => {
                let mut is_left = false;
                for &triangle in &self.order[first as usize..end as usize] {
                    if taken[triangle as usize] {
                        continue;
                    }
                    is_left = true;
                    let distance = facings[triangle as usize].middle.distance(from);
                    if best.is_none_or(|(_, least)| distance < least) {
                        *best = Some((triangle, distance));
                    }
                }
                is_left
            }
            Node::Split { axis, at, above } => {
                let offset = from[usize::from(axis)] - at;
                let (near, far) = if offset < 0.0 { (node + 1, above as usize) } else { (above as usize, node + 1) };
                let near_left = self.search(near, from, facings, taken, best);
                // A node that is not searched may have triangles left.
                let skipped = best.is_some_and(|(_, least)| offset.abs() >= least);
                skipped || self.search(far, from, facings, taken, best) || near_left
            }
        };
        if !is_left {
            self.nodes[node] = Node::Empty;
        }
        is_left
    }
}

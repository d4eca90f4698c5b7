//! A tree of boxes above the instances, by which a ray finds those that it may meet.
//!
//! Edits note the slots that they touch, which costs next to nothing. The next query brings the tree up to date: it
//! takes out and puts in again the leaves of those slots, or builds the whole tree if they are a large part of it. A
//! leaf goes where it enlarges the boxes above it least, by surface area; one that comes to lie too deep causes the
//! tree to be built, which bounds the cost of every query.

use glam::DVec3;
use remora_asset::WorldBounds;

/// Stands for no node.
const NONE: u32 = u32::MAX;

/// The tree is built if more than one slot is touched per this number of leaves.
const LEAVES_PER_TOUCHED: usize = 4;

/// Number of intervals in which a build looks for the best place to split.
const INTERVALS: usize = 12;

/// A build halves the leaves, and no longer looks for the best place, below this depth.
const SEARCHED_DEPTH: u32 = 40;

/// A leaf may lie this deep; above `SEARCHED_DEPTH` plus the logarithm of the largest number of leaves.
const DEPTH_MAX: u32 = 96;

#[derive(Clone, Copy, Debug)]
struct Node {
    bounds: WorldBounds,
    parent: u32,
    /// For a leaf `NONE` and the slot of its instance.
    children: [u32; 2],
    /// Number of leaves at and below.
    leaves: u32,
}

/// The tree, and the slots whose leaves are out of date.
#[derive(Debug)]
pub(crate) struct Bvh {
    nodes: Vec<Node>,
    free: Vec<u32>,
    root: u32,
    /// Leaf of each slot.
    leaf_of: Vec<u32>,
    touched: Vec<u32>,
    is_touched: Vec<bool>,
}

impl Default for Bvh {
    fn default() -> Self {
        Self {
            nodes: Vec::new(),
            free: Vec::new(),
            root: NONE,
            leaf_of: Vec::new(),
            touched: Vec::new(),
            is_touched: Vec::new(),
        }
    }
}

impl Bvh {
    /// Notes that the box of a slot may differ.
    pub(crate) fn touch(&mut self, slot: u32) {
        let index = slot as usize;
        if index >= self.is_touched.len() {
            self.is_touched.resize(index + 1, false);
        }
        if !std::mem::replace(&mut self.is_touched[index], true) {
            self.touched.push(slot);
        }
    }

    /// Brings the tree up to date. `bounds_of` returns the box of a slot, `None` for one that no ray can meet.
    pub(crate) fn update(&mut self, bounds_of: impl Fn(u32) -> Option<WorldBounds>) {
        if self.touched.is_empty() {
            return;
        }
        let touched = std::mem::take(&mut self.touched);
        self.leaf_of.resize(self.is_touched.len(), NONE);
        for &slot in &touched {
            self.is_touched[slot as usize] = false;
        }
        let leaves = self.nodes.get(self.root as usize).map_or(0, |root| root.leaves as usize);
        if touched.len() * LEAVES_PER_TOUCHED > leaves {
            return self.build(bounds_of);
        }
        let mut is_deep = false;
        for slot in touched {
            let leaf = self.leaf_of[slot as usize];
            let bounds = bounds_of(slot);
            if leaf != NONE {
                // An edit that moves nothing, as one of a tint, leaves the tree as it is.
                if bounds == Some(self.nodes[leaf as usize].bounds) {
                    continue;
                }
                self.take_out(leaf);
                self.leaf_of[slot as usize] = NONE;
            }
            if let Some(bounds) = bounds {
                let leaf = self.add(Node { bounds, parent: NONE, children: [NONE, slot], leaves: 1 });
                self.leaf_of[slot as usize] = leaf;
                is_deep |= self.put_in(leaf) > DEPTH_MAX;
            }
        }
        if is_deep {
            self.build(bounds_of);
        }
    }

    /// Visits the leaves that a ray may meet, roughly from near to far. `entry` returns the distance at which the ray
    /// enters a box; `visit` takes a slot and returns the distance beyond which nothing matters any more.
    pub(crate) fn visit(&self, entry: impl Fn(&WorldBounds) -> Option<f64>, mut visit: impl FnMut(u32) -> f64) {
        let enter = |node: u32| Some((entry(&self.nodes[node as usize].bounds)?, node));
        let mut open: Vec<(f64, u32)> = Vec::with_capacity(64);
        if self.root != NONE {
            open.extend(enter(self.root));
        }
        let mut limit = f64::INFINITY;
        while let Some((at, number)) = open.pop() {
            if at > limit {
                continue;
            }
            let node = &self.nodes[number as usize];
            if node.children[0] == NONE {
                limit = visit(node.children[1]);
                continue;
            }
            // The list is a stack: the nearer child is opened first.
            match node.children.map(enter) {
                [Some(one), Some(other)] if one.0 < other.0 => open.extend([other, one]),
                [one, other] => open.extend(one.into_iter().chain(other)),
            }
        }
    }

    fn build(&mut self, bounds_of: impl Fn(u32) -> Option<WorldBounds>) {
        self.nodes.clear();
        self.free.clear();
        self.root = NONE;
        self.leaf_of.fill(NONE);
        let mut leaves: Vec<Leaf> = (0..self.leaf_of.len() as u32)
            .filter_map(|slot| {
                let bounds = bounds_of(slot)?;
                Some(Leaf { bounds, middle: middle(&bounds), slot })
            })
            .collect();
        if leaves.is_empty() {
            return;
        }
        self.nodes.reserve(2 * leaves.len() - 1);
        // Ranges of leaves to put below a parent, on a side, at a depth.
        let mut open = vec![(0, leaves.len(), NONE, 0, 0)];
        while let Some((first, end, parent, side, depth)) = open.pop() {
            let part = &mut leaves[first..end];
            let bounds = part.iter().fold(WorldBounds::EMPTY, |bounds, leaf| bounds.union(leaf.bounds));
            let number = self.nodes.len() as u32;
            let children = if part.len() == 1 { [NONE, part[0].slot] } else { [NONE; 2] };
            self.nodes.push(Node { bounds, parent, children, leaves: part.len() as u32 });
            match self.nodes.get_mut(parent as usize) {
                Some(above) => above.children[side] = number,
                None => self.root = number,
            }
            if part.len() == 1 {
                self.leaf_of[part[0].slot as usize] = number;
                continue;
            }
            let middle = first + split(part, depth);
            open.extend([(middle, end, number, 1, depth + 1), (first, middle, number, 0, depth + 1)]);
        }
    }

    /// Puts a leaf into the tree and returns its depth.
    fn put_in(&mut self, leaf: u32) -> u32 {
        let bounds = self.nodes[leaf as usize].bounds;
        if self.root == NONE {
            self.root = leaf;
            return 0;
        }
        let (mut at, mut depth) = (self.root, 1);
        loop {
            let node = &mut self.nodes[at as usize];
            let union = node.bounds.union(bounds);
            if node.children[0] == NONE {
                break;
            }
            // Either a new parent of both, or a place below the child that grows less. What the boxes above grow by
            // is the same in both cases.
            let here = area(&union);
            let grows = here - area(&node.bounds);
            let children = node.children;
            let [one, other] = children.map(|child| {
                let child = &self.nodes[child as usize];
                let after = area(&child.bounds.union(bounds));
                let cost = if child.leaves == 1 { after } else { after - area(&child.bounds) };
                (cost, child.leaves)
            });
            let best = if one.0 == other.0 { usize::from(other.1 < one.1) } else { usize::from(other.0 < one.0) };
            let below = [one, other][best].0 + grows;
            if here < below {
                break;
            }
            let node = &mut self.nodes[at as usize];
            (node.bounds, node.leaves) = (union, node.leaves + 1);
            (at, depth) = (children[best], depth + 1);
        }
        let Node { bounds: sibling, parent, leaves, .. } = self.nodes[at as usize];
        let joint = self.add(Node { bounds: sibling.union(bounds), parent, children: [at, leaf], leaves: leaves + 1 });
        self.replace_child(parent, at, joint);
        self.nodes[at as usize].parent = joint;
        self.nodes[leaf as usize].parent = joint;
        depth
    }

    /// Takes a leaf out of the tree and frees it.
    fn take_out(&mut self, leaf: u32) {
        let parent = self.nodes[leaf as usize].parent;
        self.free.push(leaf);
        if parent == NONE {
            self.root = NONE;
            return;
        }
        let Node { children: [one, other], parent: above, .. } = self.nodes[parent as usize];
        let sibling = if one == leaf { other } else { one };
        self.nodes[sibling as usize].parent = above;
        self.replace_child(above, parent, sibling);
        self.free.push(parent);
        let mut next = above;
        while next != NONE {
            let [one, other] = self.nodes[next as usize].children.map(|child| self.nodes[child as usize].bounds);
            let node = &mut self.nodes[next as usize];
            node.bounds = one.union(other);
            node.leaves -= 1;
            next = node.parent;
        }
    }

    fn replace_child(&mut self, parent: u32, before: u32, after: u32) {
        let Some(parent) = self.nodes.get_mut(parent as usize) else {
            self.root = after;
            return;
        };
        let side = usize::from(parent.children[0] != before);
        parent.children[side] = after;
    }

    fn add(&mut self, node: Node) -> u32 {
        if let Some(number) = self.free.pop() {
            self.nodes[number as usize] = node;
            return number;
        }
        self.nodes.push(node);
        (self.nodes.len() - 1) as u32
    }
}

/// A leaf during a build.
#[derive(Clone, Copy)]
struct Leaf {
    bounds: WorldBounds,
    middle: DVec3,
    slot: u32,
}

/// Sorts leaves into two parts and returns the length of the first; neither is empty.
fn split(leaves: &mut [Leaf], depth: u32) -> usize {
    let (min, max) = leaves
        .iter()
        .fold((DVec3::INFINITY, DVec3::NEG_INFINITY), |(min, max), leaf| (min.min(leaf.middle), max.max(leaf.middle)));
    let axis = (max - min).max_position();
    let (first, extent) = (min[axis], max[axis] - min[axis]);
    let half = leaves.len() / 2;
    if extent == 0.0 {
        return half;
    }
    if leaves.len() > 4 && depth < SEARCHED_DEPTH && extent.is_finite() {
        let interval = |leaf: &Leaf| {
            let at = (leaf.middle[axis] - first) / extent * INTERVALS as f64;
            (at as usize).min(INTERVALS - 1)
        };
        let mut parts = [(WorldBounds::EMPTY, 0_usize); INTERVALS];
        for leaf in leaves.iter() {
            let (bounds, count) = &mut parts[interval(leaf)];
            (*bounds, *count) = (bounds.union(leaf.bounds), *count + 1);
        }
        // The cost of what lies behind each place.
        let mut behind = [f64::INFINITY; INTERVALS];
        let mut sum = (WorldBounds::EMPTY, 0);
        for at in (1..INTERVALS).rev() {
            sum = (sum.0.union(parts[at].0), sum.1 + parts[at].1);
            behind[at] = if sum.1 == 0 { f64::INFINITY } else { area(&sum.0) * sum.1 as f64 };
        }
        let mut best = (f64::INFINITY, 0);
        let mut sum = (WorldBounds::EMPTY, 0);
        for at in 1..INTERVALS {
            sum = (sum.0.union(parts[at - 1].0), sum.1 + parts[at - 1].1);
            let cost = area(&sum.0) * sum.1 as f64 + behind[at];
            if sum.1 > 0 && cost < best.0 {
                best = (cost, at);
            }
        }
        if best.1 > 0 {
            let mut count = 0;
            for at in 0..leaves.len() {
                if interval(&leaves[at]) < best.1 {
                    leaves.swap(at, count);
                    count += 1;
                }
            }
            return count;
        }
    }
    leaves.select_nth_unstable_by(half, |one, other| one.middle[axis].total_cmp(&other.middle[axis]));
    half
}

/// The middle of a box, in finite numbers.
fn middle(bounds: &WorldBounds) -> DVec3 {
    let middle = bounds.min * 0.5 + bounds.max * 0.5;
    if middle.is_finite() { middle } else { DVec3::ZERO }
}

/// Half the surface of a box.
fn area(bounds: &WorldBounds) -> f64 {
    let DVec3 { x, y, z } = bounds.max - bounds.min;
    x * y + y * z + z * x
}

#[cfg(test)]
impl Bvh {
    /// Asserts that boxes, links and counts are right.
    pub(crate) fn check(&self) {
        let mut open = Vec::new();
        if self.root != NONE {
            assert_eq!(self.nodes[self.root as usize].parent, NONE);
            open.push(self.root);
        }
        let mut leaves = 0;
        while let Some(number) = open.pop() {
            let node = &self.nodes[number as usize];
            let [one, other] = node.children;
            if one == NONE {
                assert_eq!((self.leaf_of[other as usize], node.leaves), (number, 1));
                leaves += 1;
                continue;
            }
            let [one, other] = [one, other].map(|child| self.nodes[child as usize]);
            assert_eq!([one.parent, other.parent], [number; 2]);
            assert_eq!(node.leaves, one.leaves + other.leaves);
            assert_eq!(node.bounds, one.bounds.union(other.bounds));
            open.extend(node.children);
        }
        assert_eq!(leaves, self.leaf_of.iter().filter(|&&leaf| leaf != NONE).count());
        assert_eq!(self.nodes.len() - self.free.len(), (2 * leaves).saturating_sub(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(at: DVec3) -> WorldBounds {
        WorldBounds { min: at, max: at + DVec3::ONE }
    }

    /// Adds leaves one after the other and returns the depth of the tree.
    fn depth(count: u32, bounds_of: impl Fn(u32) -> WorldBounds) -> u32 {
        let mut bvh = Bvh::default();
        for slot in 0..count {
            bvh.touch(slot);
            bvh.update(|other| (other <= slot).then(|| bounds_of(other)));
        }
        bvh.check();
        let above = |mut node: u32| {
            let mut depth = 0;
            while bvh.nodes[node as usize].parent != NONE {
                (node, depth) = (bvh.nodes[node as usize].parent, depth + 1);
            }
            depth
        };
        bvh.leaf_of.iter().map(|&leaf| above(leaf)).max().unwrap_or(0)
    }

    #[test]
    fn no_order_of_additions_makes_the_tree_deep() {
        assert!(depth(3000, |slot| unit(DVec3::X * f64::from(slot))) <= DEPTH_MAX);
        assert!(depth(3000, |_| unit(DVec3::ZERO)) <= DEPTH_MAX);
        assert!(depth(900, |slot| WorldBounds { min: DVec3::ZERO, max: DVec3::splat(2_f64.powi(slot as i32)) }) <= 96);
    }

    #[test]
    fn few_edits_cause_no_build() {
        let mut bvh = Bvh::default();
        (0..1000).for_each(|slot| bvh.touch(slot));
        bvh.update(|slot| Some(unit(DVec3::X * f64::from(slot))));
        let asked = std::cell::Cell::new(0);
        for round in 1..50 {
            (0..10).for_each(|slot| bvh.touch(slot * 7));
            bvh.update(|slot| {
                asked.set(asked.get() + 1);
                Some(unit(DVec3::new(f64::from(slot), f64::from(round), 0.0)))
            });
        }
        assert_eq!(asked.get(), 490);
        bvh.check();
    }
}

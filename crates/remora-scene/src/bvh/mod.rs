//! A tree of boxes above the instances, by which a ray finds those that it may meet.
//!
//! Edits note the slots that they touch, which costs next to nothing. The next query brings the tree up to date: it
//! takes out and puts in again the leaves of those slots. If they are a large part of the tree, it fits all boxes to
//! them and keeps the shape, as long as that stays about as good as it was; otherwise it builds the whole tree. A leaf
//! goes where it enlarges the boxes above it least, by surface area; one that comes to lie too deep causes the
//! tree to be built, which bounds the cost of every query.

use glam::DVec3;
use remora_asset::WorldBounds;

#[cfg(test)]
mod tests;

/// Stands for no node.
const NONE: u32 = u32::MAX;

/// The tree is fitted or built if more than one slot is touched per this number of leaves.
const LEAVES_PER_TOUCHED: usize = 4;

/// A tree whose cost has grown by more than this factor since it was built is built again.
const COST_GROWTH_MAX: f64 = 2.0;

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
    /// Cost of a ray by the tree as it was built; see [`Self::fit`].
    cost: f64,
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
            cost: 0.0,
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
            if !self.fit(&touched, &bounds_of) {
                self.build(bounds_of);
            }
            return;
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

    /// Fits all boxes to those of the touched slots. Returns false if the tree has to be built: a leaf comes or
    /// goes, or the tree costs much more than when it was built.
    fn fit(&mut self, touched: &[u32], bounds_of: impl Fn(u32) -> Option<WorldBounds>) -> bool {
        for &slot in touched {
            let leaf = self.leaf_of[slot as usize];
            match bounds_of(slot) {
                Some(bounds) if leaf != NONE => self.nodes[leaf as usize].bounds = bounds,
                None if leaf == NONE => {}
                _ => return false,
            }
        }
        if self.root == NONE {
            return true;
        }
        // Parents come before their children.
        let mut inner = Vec::with_capacity(self.nodes.len() / 2);
        let mut open = vec![self.root];
        while let Some(number) = open.pop() {
            let children = self.nodes[number as usize].children;
            if children[0] != NONE {
                inner.push(number);
                // The first child is next, as in memory after a build.
                open.extend([children[1], children[0]]);
            }
        }
        let mut areas = 0.0;
        for number in inner.into_iter().rev() {
            let [one, other] = self.nodes[number as usize].children.map(|child| self.nodes[child as usize].bounds);
            let bounds = one.union(other);
            self.nodes[number as usize].bounds = bounds;
            areas += area(&bounds);
        }
        areas <= self.cost * COST_GROWTH_MAX * area(&self.nodes[self.root as usize].bounds)
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
        let mut areas = 0.0;
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
            areas += area(&bounds);
            let middle = first + split(part, depth);
            open.extend([(middle, end, number, 1, depth + 1), (first, middle, number, 0, depth + 1)]);
        }
        // By the surface area heuristic: the expected number of inner boxes that a ray through the scene meets.
        self.cost = areas / area(&self.nodes[self.root as usize].bounds);
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

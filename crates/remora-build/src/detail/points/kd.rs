//! Points in an order in which neighbours stand together.

use glam::Vec3;

use super::{GROUP_POINTS_MAX, Tree, cluster_ends, shares};

#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) position: [f32; 3],
    /// In the mesh.
    pub(super) index: u32,
}

/// Fewer are not worth a thread.
const THREAD_POINTS_MIN: usize = 1 << 16;

/// Orders points so that those of every group, and of every cluster of a leaf, stand together. `None` if cancelled.
pub(super) fn split_tree(
    entries: &mut [Entry],
    tree: &Tree,
    threads: usize,
    cancelled: &(dyn Fn() -> bool + Sync),
) -> Option<()> {
    let leaves = tree.levels[0].len();
    let depth = tree.levels.len() as u32 - 1;
    split_group(entries, leaves, depth, threads, cancelled)
}

fn split_group(
    entries: &mut [Entry],
    leaves: usize,
    depth: u32,
    threads: usize,
    cancelled: &(dyn Fn() -> bool + Sync),
) -> Option<()> {
    if cancelled() {
        return None;
    }
    if depth == 0 {
        debug_assert!(entries.len() <= GROUP_POINTS_MAX);
        let ends: Vec<usize> = cluster_ends(entries.len()).collect();
        split(entries, &ends);
        return Some(());
    }
    split_children(entries, &shares(entries.len(), leaves, depth), depth - 1, threads, cancelled)
}

/// Halves the children until there is one. Half of the threads go with each half of them.
fn split_children(
    entries: &mut [Entry],
    children: &[(usize, usize)],
    depth: u32,
    threads: usize,
    cancelled: &(dyn Fn() -> bool + Sync),
) -> Option<()> {
    if let [(_, leaves)] = children {
        return split_group(entries, *leaves, depth, threads, cancelled);
    }
    let (left_children, right_children) = children.split_at(children.len() / 2);
    let middle = left_children.iter().map(|(points, _)| points).sum();
    divide(entries, middle);
    let (left, right) = entries.split_at_mut(middle);
    if threads < 2 || left.len().min(right.len()) < THREAD_POINTS_MIN {
        split_children(left, left_children, depth, threads, cancelled)?;
        return split_children(right, right_children, depth, threads, cancelled);
    }
    std::thread::scope(|scope| {
        let other = scope.spawn(|| split_children(left, left_children, depth, threads / 2, cancelled));
        let own = split_children(right, right_children, depth, threads - threads / 2, cancelled);
        other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)).and(own)
    })
}

/// Orders points so that those between two of the ascending `ends` stand together, each part by its indices.
pub(super) fn split(entries: &mut [Entry], ends: &[usize]) {
    if ends.len() < 2 {
        // What an algorithm leaves behind may change with its version.
        entries.sort_unstable_by_key(|entry| entry.index);
        return;
    }
    let (left_ends, right_ends) = ends.split_at(ends.len() / 2);
    let middle = left_ends[left_ends.len() - 1];
    divide(entries, middle);
    let (left, right) = entries.split_at_mut(middle);
    split(left, left_ends);
    let right_ends: Vec<usize> = right_ends.iter().map(|end| end - middle).collect();
    split(right, &right_ends);
}

/// Puts the `middle` least along the longest side before the others. Which those are is certain, because no two points
/// are equal: their indices differ.
fn divide(entries: &mut [Entry], middle: usize) {
    let (min, max) = entries.iter().fold((Vec3::INFINITY, Vec3::NEG_INFINITY), |(min, max), entry| {
        (min.min(entry.position.into()), max.max(entry.position.into()))
    });
    let size = max - min;
    let axis = match () {
        () if size.x >= size.y && size.x >= size.z => 0,
        () if size.y >= size.z => 1,
        () => 2,
    };
    if middle == 0 || middle >= entries.len() {
        return;
    }
    // Monotonic in the number, as an integer, which is compared faster together with the index.
    let key = |entry: &Entry| {
        let bits = entry.position[axis].to_bits();
        let ordered = if bits >> 31 == 0 { bits ^ 0x8000_0000 } else { !bits };
        u64::from(ordered) << 32 | u64::from(entry.index)
    };
    entries.select_nth_unstable_by_key(middle, key);
}

//! Sorts points so that neighbours are adjacent.

use glam::Vec3;

use super::{GROUP_POINTS_MAX, Tree, cluster_ends, shares};

/// A point that is being sorted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) position: [f32; 3],
    /// Index of the point in the mesh.
    pub(super) index: u32,
}

/// Number of points from which another thread pays off.
const THREAD_POINTS_MIN: usize = 1 << 16;

/// Sorts points so that those of each group, and of each cluster of a leaf, are adjacent. `None` if cancelled.
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

/// Splits the children in halves until one is left. Each half gets half of the threads.
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

/// Sorts points into compact parts that end at the ascending `ends`. Within a part, points are sorted by their indices.
pub(super) fn split(entries: &mut [Entry], ends: &[usize]) {
    if ends.len() < 2 {
        // The order within a part must not depend on the version of the sorting algorithm.
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

/// Moves the `middle` smallest points along the longest side before the others. The result is unique, because points
/// with different indices are never equal.
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
    // An integer that is monotonic in the coordinate. It is compared together with the index, which is faster.
    let key = |entry: &Entry| {
        let bits = entry.position[axis].to_bits();
        let ordered = if bits >> 31 == 0 { bits ^ 0x8000_0000 } else { !bits };
        u64::from(ordered) << 32 | u64::from(entry.index)
    };
    entries.select_nth_unstable_by_key(middle, key);
}

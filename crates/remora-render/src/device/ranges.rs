//! A first-fit allocator for the elements of a buffer.

use std::ops::Range;

#[derive(Debug, Default)]
pub(crate) struct RangeAllocator {
    length: u32,
    /// Sorted; no gap is empty, and no two gaps touch.
    gaps: Vec<Range<u32>>,
    taken: u32,
}

impl RangeAllocator {
    /// Returns the number of allocated elements.
    pub(crate) fn taken(&self) -> u32 {
        self.taken
    }

    pub(crate) fn length(&self) -> u32 {
        self.length
    }

    /// Allocates `count` contiguous elements, or returns `None` if no gap is large enough.
    pub(crate) fn take(&mut self, count: u32) -> Option<Range<u32>> {
        if count == 0 {
            return Some(0..0);
        }
        let index = self.gaps.iter().position(|gap| gap.len() >= count as usize)?;
        let gap = &mut self.gaps[index];
        let taken = gap.start..gap.start + count;
        gap.start += count;
        if gap.start == gap.end {
            self.gaps.remove(index);
        }
        self.taken += count;
        Some(taken)
    }

    /// Frees a range that [`Self::take`] returned.
    pub(crate) fn free(&mut self, range: Range<u32>) {
        if range.is_empty() {
            return;
        }
        self.taken -= range.len() as u32;
        self.open(range);
    }

    /// Extends the buffer to `length` elements.
    pub(crate) fn extend_to(&mut self, length: u32) {
        let old = self.length;
        self.length = length;
        if length > old {
            self.open(old..length);
        }
    }

    fn open(&mut self, range: Range<u32>) {
        let index = self.gaps.partition_point(|gap| gap.start < range.start);
        self.gaps.insert(index, range);
        if index + 1 < self.gaps.len() && self.gaps[index].end == self.gaps[index + 1].start {
            self.gaps[index].end = self.gaps[index + 1].end;
            self.gaps.remove(index + 1);
        }
        if index > 0 && self.gaps[index - 1].end == self.gaps[index].start {
            self.gaps[index - 1].end = self.gaps[index].end;
            self.gaps.remove(index);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Allocated ranges never overlap, and freeing all of them leaves one gap.
        #[test]
        fn no_element_is_lost_or_allocated_twice(steps in prop::collection::vec((any::<bool>(), 1u32..50), 1..200)) {
            let mut ranges = RangeAllocator::default();
            ranges.extend_to(300);
            let mut used: Vec<Range<u32>> = Vec::new();
            for (takes, number) in steps {
                if takes {
                    match ranges.take(number) {
                        Some(range) => {
                            prop_assert_eq!(range.len(), number as usize);
                            prop_assert!(range.end <= 300);
                            prop_assert!(used.iter().all(|other| range.end <= other.start || other.end <= range.start));
                            used.push(range);
                        }
                        None => prop_assert!(ranges.taken() + number > 300 || used.len() > 1),
                    }
                } else if !used.is_empty() {
                    ranges.free(used.swap_remove(number as usize % used.len()));
                }
                prop_assert_eq!(ranges.taken() as usize, used.iter().map(ExactSizeIterator::len).sum::<usize>());
            }
            for range in used {
                ranges.free(range);
            }
            prop_assert_eq!(ranges.take(300), Some(0..300));
        }
    }

    #[test]
    fn more_room_joins_the_last_gap() {
        let mut ranges = RangeAllocator::default();
        assert_eq!(ranges.take(1), None);
        ranges.extend_to(10);
        assert_eq!(ranges.take(6), Some(0..6));
        ranges.extend_to(20);
        assert_eq!(ranges.take(14), Some(6..20));
    }
}

//! Blocks of pixels, the unit in which visibility buffers are stored.

use crate::frame::{Samples, Size};

/// Width and height of a block in pixels. `word_of` in scene.wgsl relies on them.
pub(crate) const BLOCK: Size = Size::new(4, 2);
/// A rectangle of blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BlockRect {
    /// Column and row of the first block.
    pub first: [u32; 2],
    pub size: Size,
}

impl BlockRect {
    /// Returns whether a block lies within the rectangle.
    pub(crate) fn holds(&self, block: [u32; 2]) -> bool {
        let within = |axis: usize, size: u32| (self.first[axis]..self.first[axis] + size).contains(&block[axis]);
        within(0, self.size.width) && within(1, self.size.height)
    }
}

/// Returns the index of the first sample of a pixel in a visibility buffer, as `word_of` in scene.wgsl does.
pub(crate) fn word_of([x, y]: [u32; 2], blocks: Size, samples: Samples) -> u64 {
    let block = u64::from(y / BLOCK.height) * u64::from(blocks.width) + u64::from(x / BLOCK.width);
    let within = u64::from(y % BLOCK.height * BLOCK.width + x % BLOCK.width);
    (block * u64::from(BLOCK.pixels()) + within) * u64::from(samples.count())
}

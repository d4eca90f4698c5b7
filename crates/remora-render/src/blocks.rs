//! Blocks of pixels, in which visibility buffers are laid out.

use crate::frame::{Samples, Size};

/// Pixels of a block, across and down. `word_of` in scene.wgsl lays pictures out in them.
pub(crate) const BLOCK: Size = Size::new(4, 2);
/// A rectangle of a picture's blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BlockRect {
    /// Column and row of the first block.
    pub first: [u32; 2],
    pub size: Size,
}

impl BlockRect {
    /// Whether a block is within.
    pub(crate) fn holds(&self, block: [u32; 2]) -> bool {
        let within = |axis: usize, size: u32| (self.first[axis]..self.first[axis] + size).contains(&block[axis]);
        within(0, self.size.width) && within(1, self.size.height)
    }
}

/// Where a pixel's samples begin; `word_of` in scene.wgsl.
pub(crate) fn word_of([x, y]: [u32; 2], blocks: Size, samples: Samples) -> u64 {
    let block = u64::from(y / BLOCK.height) * u64::from(blocks.width) + u64::from(x / BLOCK.width);
    let within = u64::from(y % BLOCK.height * BLOCK.width + x % BLOCK.width);
    (block * u64::from(BLOCK.pixels()) + within) * u64::from(samples.count())
}

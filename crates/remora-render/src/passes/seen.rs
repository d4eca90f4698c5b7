//! Frames whose guide the processor makes from the visibility buffer.

use crate::blocks::{BLOCK, BlockRect};
use crate::frame::Size;
use crate::kernels::shared::{ENTRY_MIRRORED, MotionFrame};
use crate::residency::instances::InstanceStore;
use crate::view::View;

/// Everything but the visibility buffers that the guide of a frame follows from. The frame has one sample per cell.
#[derive(Debug)]
pub(crate) struct SeenFrame {
    pub motion: MotionFrame,
    /// Distance of the near plane.
    pub near: f32,
    /// Size of the visibility buffers in blocks.
    pub blocks: Size,
    /// Blocks that solid and blended surfaces can cover.
    pub areas: [BlockRect; 2],
    /// Instance of each entry.
    pub instances: Vec<u32>,
    /// Index among the moves for each entry, [`SeenFrame::STAYS`] if its instance has not changed; empty if none has.
    pub moves_of: Vec<u32>,
    /// Moves, as the kernel gets them.
    pub moves: Vec<[[f32; 4]; 3]>,
    /// Position of the eye.
    pub eye: [f32; 3],
}

impl SeenFrame {
    /// The move of an instance that has not changed.
    pub(crate) const STAYS: u32 = u32::MAX;
    /// Bytes of a block with one sample per pixel.
    pub(crate) const BLOCK_BYTES: u64 = 8 * (BLOCK.width * BLOCK.height) as u64;

    /// Keeps what a frame's guide needs. `moves` are those of the changed instances.
    pub(crate) fn new(
        motion: MotionFrame,
        view: &View,
        areas: [BlockRect; 2],
        entries: &[[u32; 2]],
        (instances, moves): (&InstanceStore, &[[[f32; 4]; 3]]),
    ) -> Self {
        let instance = |[words, _]: &[u32; 2]| words & !ENTRY_MIRRORED;
        let move_of = |entry| instances.move_of(instance(entry)).unwrap_or(Self::STAYS);
        Self {
            motion,
            near: view.near,
            blocks: Size::new(view.size.width.div_ceil(BLOCK.width), view.size.height.div_ceil(BLOCK.height)),
            areas,
            instances: entries.iter().map(instance).collect(),
            moves_of: if moves.is_empty() { Vec::new() } else { entries.iter().map(move_of).collect() },
            moves: moves.to_vec(),
            eye: view.eye.to_array(),
        }
    }

    /// Returns the rows of blocks that are read, of solid surfaces and of the foremost transparent layer: the first
    /// byte and the number of bytes in the visibility buffer.
    pub(crate) fn rows(&self) -> [(u64, u64); 2] {
        self.areas.map(|area| {
            let row_bytes = u64::from(self.blocks.width) * Self::BLOCK_BYTES;
            (u64::from(area.first[1]) * row_bytes, u64::from(area.size.height) * row_bytes)
        })
    }

    /// Returns the number of bytes of all rows that are read.
    pub(crate) fn bytes(&self) -> u64 {
        self.rows().iter().map(|(_, bytes)| bytes).sum()
    }
}

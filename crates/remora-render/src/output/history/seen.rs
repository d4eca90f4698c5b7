//! The guide of a frame from its visibility buffer, on the processor. A software adapter would run the kernel of
//! `motion.wgsl` on the same processor and more slowly.

use super::State;
use super::lanes::{Floats, LANES, Words, for_processor, store};
use crate::blocks::BLOCK;
use crate::frame::Size;
use crate::kernels::shared::{MOTION_STEPS, MotionFrame, SURFACE_DIFFERENT, TRIANGLE_BITS};
use crate::passes::seen::SeenFrame;

/// Largest motion in steps; it fits into 16 bits.
const STEPS_MAX: f32 = 32000.0;
/// A sum with this number has the nearest integer in its lowest bits: 1.5 * 2^23.
const ROUNDING: f32 = 12_582_912.0;
/// Pixels that a row of a block holds.
const BLOCK_WIDTH: usize = BLOCK.width as usize;
/// Bytes of a block with one sample per pixel.
const BLOCK_BYTES: usize = SeenFrame::BLOCK_BYTES as usize;

/// Source of the guide of a frame.
#[derive(Clone, Copy)]
pub(crate) enum Guide<'a> {
    /// Motion, depths and surfaces of all cells, one after another.
    Described(&'a [u8]),
    /// The rows of blocks of the solid surfaces and of the foremost transparent layer that the areas of the frame name.
    Seen(&'a SeenFrame, &'a [u8]),
}

/// Some rows of blocks of a visibility buffer.
#[derive(Clone, Copy)]
struct Surfaces<'a> {
    bytes: &'a [u8],
    first_row: usize,
}

/// One row of pixels of the visibility buffers.
struct SeenRow<'a> {
    solid: &'a [u8],
    front: &'a [u8],
    row: usize,
}

for_processor! {
    fn describe_row = row_described as (
        frame: &SeenFrame,
        seen: &SeenRow<'_>,
        depths: &mut [u32],
        ids: &mut [u32],
        motion: &mut [u32],
    );
}

impl SeenFrame {
    /// Describes the cells of a frame.
    pub(super) fn describe(&self, bytes: &[u8], state: &mut State) {
        let [width, height] = [state.cells.width as usize, state.cells.height as usize];
        let State { own, motion, .. } = state;
        for plane in [&mut own.depths, &mut own.ids, &mut *motion] {
            plane.resize(width * height, 0);
        }
        let (solid, front) = bytes.split_at(self.rows()[0].1 as usize);
        let [solid, front] = [(solid, self.areas[0]), (front, self.areas[1])]
            .map(|(bytes, area)| Surfaces { bytes, first_row: area.first[1] as usize });
        for row in 0..height {
            let seen = SeenRow { solid: solid.row(row, self.blocks), front: front.row(row, self.blocks), row };
            let span = row * width..(row + 1) * width;
            let [depths, ids, motion] =
                [&mut own.depths, &mut own.ids, &mut *motion].map(|plane| &mut plane[span.clone()]);
            if seen.solid.is_empty() && seen.front.is_empty() {
                for plane in [depths, ids, motion] {
                    plane.fill(0);
                }
                continue;
            }
            describe_row(self, &seen, depths, ids, motion);
        }
    }
}

impl<'a> Surfaces<'a> {
    /// Returns the blocks of a row of pixels, from the first byte of that row on; nothing outside of the rows.
    fn row(&self, row: usize, blocks: Size) -> &'a [u8] {
        let row_bytes = blocks.width as usize * BLOCK_BYTES;
        let block_row = (row / BLOCK.height as usize).checked_sub(self.first_row);
        let blocks = block_row.and_then(|block_row| self.bytes.get(block_row * row_bytes..(block_row + 1) * row_bytes));
        blocks.map_or(&[], |blocks| &blocks[row % BLOCK.height as usize * BLOCK_WIDTH * 8..])
    }
}

/// Returns ids and bits of depth of eight pixels; zeros where the row does not reach.
#[inline(always)]
fn eight_seen(row: &[u8], first: usize) -> [Words; 2] {
    let mut seen = [[0; LANES]; 2];
    for half in 0..LANES / BLOCK_WIDTH {
        let start = (first / BLOCK_WIDTH + half) * BLOCK_BYTES;
        let Some(bytes) = row.get(start..start + BLOCK_WIDTH * 8) else { continue };
        for (pixel, words) in bytes.as_chunks::<8>().0.iter().enumerate() {
            let words = u64::from_le_bytes(*words);
            seen[0][half * BLOCK_WIDTH + pixel] = words as u32;
            seen[1][half * BLOCK_WIDTH + pixel] = (words >> 32) as u32;
        }
    }
    seen
}

/// Motion, depths and difference of a cell.
struct Described {
    motion: u32,
    depths: u32,
    different: bool,
}

impl Described {
    /// Describes a cell from its middle, its depth, and the homogeneous pixel that showed its surface before.
    #[inline(always)]
    fn new([x, y]: [f32; 2], depth: f32, before: [f32; 3]) -> Self {
        let w = before[2].max(1e-6);
        let steps = [before[0] / w - x, before[1] / w - y].map(|moved| moved * MOTION_STEPS);
        let [right, down] = steps.map(|steps| (steps.clamp(-STEPS_MAX, STEPS_MAX) + ROUNDING).to_bits());
        Self {
            motion: right & 0xffff | down << 16,
            depths: depth.to_bits() & 0xffff_0000 | (depth / w).to_bits() >> 16,
            different: (before[2] <= 0.0) | (steps[0].abs() > STEPS_MAX) | (steps[1].abs() > STEPS_MAX),
        }
    }

    /// Describes a cell whose instance has changed.
    fn moved(frame: &SeenFrame, rows: &[[f32; 4]; 3], [x, y]: [f32; 2], depth: f32) -> Self {
        let MotionFrame { along_x, along_y, along_z, row_x_before, row_y_before, row_w_before, eye_before, .. } =
            frame.motion;
        let inverse = depth / frame.near;
        let along = [along_x, along_y, along_z].map(|row| row[0] * x + row[1] * y + row[2]);
        let [world_x, world_y, world_z] = [0, 1, 2].map(|axis| frame.eye[axis] + along[axis] / inverse.max(1e-30));
        let from_eye = [0, 1, 2].map(|axis| {
            let row = rows[axis];
            row[0] * world_x + row[1] * world_y + row[2] * world_z + row[3] - eye_before[axis]
        });
        let before = [row_x_before, row_y_before, row_w_before]
            .map(|row| inverse * (row[0] * from_eye[0] + row[1] * from_eye[1] + row[2] * from_eye[2]));
        let described = Self::new([x, y], depth, before);
        Self { different: described.different | (rows[0][..3] == [0.0; 3]), ..described }
    }
}

/// Describes a row of cells as the kernel does.
#[inline(always)]
fn row_described<const AVX2: bool>(
    frame: &SeenFrame,
    seen: &SeenRow<'_>,
    depths: &mut [u32],
    ids: &mut [u32],
    motion: &mut [u32],
) {
    let MotionFrame { jitter, before_x, before_y, before_w, .. } = frame.motion;
    let y = (seen.row as f32 + 0.5 + jitter[1]) * jitter[2];
    let columns: Floats = std::array::from_fn(|lane| lane as f32);
    for first in (0..ids.len()).step_by(LANES) {
        let [solid, solid_depths] = eight_seen(seen.solid, first);
        let [front, front_depths] = eight_seen(seen.front, first);
        let (mut found, mut bits) = ([0; LANES], [0; LANES]);
        let mut any = 0;
        for lane in 0..LANES {
            let is_front = front[lane] != 0;
            found[lane] = if is_front { front[lane] } else { solid[lane] };
            bits[lane] = if is_front { front_depths[lane] } else { solid_depths[lane] };
            any |= found[lane];
        }
        if any == 0 {
            for plane in [&mut *depths, &mut *ids, &mut *motion] {
                store(plane, first, [0; LANES]);
            }
            continue;
        }
        let mut surfaces = [0; LANES];
        for lane in 0..LANES {
            surfaces[lane] = frame.instances.get((found[lane] >> TRIANGLE_BITS) as usize).map_or(0, |index| index + 1);
        }
        let (mut near, mut moves) = ([0; LANES], [0; LANES]);
        for lane in 0..LANES {
            let x = (first as f32 + columns[lane] + 0.5 + jitter[0]) * jitter[2];
            let depth = f32::from_bits(bits[lane]);
            let inverse = depth / frame.near;
            let before = [before_x, before_y, before_w].map(|row| x * row[0] + y * row[1] + row[2] + inverse * row[3]);
            let described = Described::new([x, y], depth, before);
            let shown = if found[lane] != 0 { u32::MAX } else { 0 };
            near[lane] = described.depths & shown;
            moves[lane] = described.motion & shown;
            surfaces[lane] = (surfaces[lane] | if described.different { SURFACE_DIFFERENT } else { 0 }) & shown;
        }
        if !frame.moves_of.is_empty() {
            for lane in 0..LANES {
                let moved = frame.moves_of.get((found[lane] >> TRIANGLE_BITS) as usize);
                let rows = moved.filter(|_| found[lane] != 0).and_then(|moved| frame.moves.get(*moved as usize));
                let Some(rows) = rows else { continue };
                let x = (first as f32 + columns[lane] + 0.5 + jitter[0]) * jitter[2];
                let described = Described::moved(frame, rows, [x, y], f32::from_bits(bits[lane]));
                (near[lane], moves[lane]) = (described.depths, described.motion);
                surfaces[lane] &= !SURFACE_DIFFERENT;
                surfaces[lane] |= if described.different { SURFACE_DIFFERENT } else { 0 };
            }
        }
        store(depths, first, near);
        store(ids, first, surfaces);
        store(motion, first, moves);
    }
}

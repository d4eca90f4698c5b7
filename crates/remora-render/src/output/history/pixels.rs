//! The pixels of a frame, from its samples and the history.

use std::ops::Range;

use super::cells::{BACKGROUND, Cells, NEW, STILL};
use super::{Backdrop, Planes, State, unpacked};
use crate::kernels::shared::{CHROMA_SHARE, SAMPLE_SPREAD, SAMPLE_WEIGHT_MIN, WEIGHT_MAX, WEIGHT_STEPS};
use crate::passes::motion::HistoryFrame;

/// Memory for a row, so that no frame allocates any.
#[derive(Debug, Default)]
pub(super) struct Rows {
    /// Samples between two rows of cells.
    between: Vec<f32>,
    /// Interpolated samples of each pixel, times 256.
    fresh: Vec<f32>,
    /// Values of the history, times 256.
    before: Vec<f32>,
    /// Weight of the history; 0 where it is not valid.
    held: Vec<f32>,
}

/// A row of pixels and the row of cells that it lies in.
#[derive(Clone, Copy)]
struct Row {
    y: usize,
    /// First cell of the row.
    first: usize,
}

impl Rows {
    /// Computes luma. Returns the number of pixels that are new or taken from the history.
    #[allow(clippy::too_many_arguments, reason = "they are the parts of one frame")]
    pub(super) fn luma(
        &mut self,
        frame: &HistoryFrame,
        cells: &Cells,
        samples: &[u8],
        last: Option<&State>,
        state: &mut State,
        backdrop: Option<&Backdrop>,
        into: &mut [u8],
    ) -> usize {
        let width = state.size.width as usize;
        let side = cells.cell_pixels as usize;
        let cells_wide = cells.size.width as usize;
        for buffer in [&mut self.fresh, &mut self.before, &mut self.held] {
            buffer.resize(width, 0.0);
        }
        let mut valid = 0;
        for y in 0..state.size.height as usize {
            let row = Row { y, first: y / side * cells_wide };
            let trust = &cells.trust[row.first..row.first + cells_wide];
            let pixels = y * width..(y + 1) * width;
            let (luma, weights) = (&mut state.luma[pixels.clone()], &mut state.weights[pixels.clone()]);
            let into = &mut into[pixels.clone()];
            for run in runs(trust) {
                let span = run.start * side..run.end * side;
                if let Some(backdrop) = backdrop.filter(|_| trust[run.start] == BACKGROUND) {
                    let from = &backdrop.luma[pixels.clone()][span.clone()];
                    into[span.clone()].copy_from_slice(from);
                    for (luma, value) in luma[span.clone()].iter_mut().zip(from) {
                        *luma = u16::from(*value) << 8;
                    }
                    weights[span.clone()].fill((WEIGHT_MAX * WEIGHT_STEPS) as u8);
                    valid += span.len();
                    continue;
                }
                self.interpolate(frame, cells, samples, row, span.clone());
                self.look_back(cells, last, row, span.clone());
                let outputs = (&mut luma[span.clone()], &mut weights[span.clone()], &mut into[span.clone()]);
                valid += self.combine(frame, cells, row, span, outputs);
            }
        }
        valid
    }

    /// Interpolates bilinearly between the samples around each pixel of a span.
    fn interpolate(&mut self, frame: &HistoryFrame, cells: &Cells, samples: &[u8], row: Row, span: Range<usize>) {
        let side = cells.cell_pixels as f32;
        let (wide, high) = (cells.size.width as usize, cells.size.height as usize);
        // Positions in the grid of samples.
        let position = |pixel: usize, axis: usize| (pixel as f32 + 0.5 - frame.jitter[axis]) / side - 0.5;
        let y = position(row.y, 1).clamp(0.0, (high - 1) as f32);
        let (upper, share) = (y as usize, y.fract());
        let lower = (upper + 1).min(high - 1);
        let columns = span.start / cells.cell_pixels as usize..span.end / cells.cell_pixels as usize;
        // One more on each side.
        let needed = columns.start.saturating_sub(1)..(columns.end + 1).min(wide);
        let upper = &samples[upper * wide..][needed.clone()];
        let lower = &samples[lower * wide..][needed.clone()];
        self.between.clear();
        self.between.extend(
            upper
                .iter()
                .zip(lower)
                .map(|(upper, lower)| (f32::from(*upper) + (f32::from(*lower) - f32::from(*upper)) * share) * 256.0),
        );
        // Pixels at the same place in their cells lie at the same place between two samples.
        let count = cells.cell_pixels as usize;
        for phase in 0..count {
            let x = position(phase, 0);
            let (offset, share) = (x.floor() as isize, x - x.floor());
            let first = columns.start as isize + offset - needed.start as isize;
            let last = self.between.len() as isize - 1;
            let at = |index: isize| self.between[index.clamp(0, last) as usize];
            for cell in 0..columns.len() {
                let (left, right) = (at(first + cell as isize), at(first + cell as isize + 1));
                self.fresh[span.start + cell * count + phase] = left + (right - left) * share;
            }
        }
    }

    /// Fetches the luma that the history has in the place of each pixel of a span, and its weight.
    fn look_back(&mut self, cells: &Cells, last: Option<&State>, row: Row, span: Range<usize>) {
        let side = cells.cell_pixels as usize;
        let Some(last) = last else { return self.held[span].fill(0.0) };
        let (width, height) = (last.size.width as usize, last.size.height as usize);
        let (right, bottom) = (width as f32 - 0.5, height as f32 - 0.5);
        for cell in span.start / side..span.end / side {
            let pixels = cell * side..(cell + 1) * side;
            if cells.trust[row.first + cell] == NEW {
                self.held[pixels].fill(0.0);
                continue;
            }
            let [moved_x, moved_y] = unpacked(cells.motion[row.first + cell]);
            let y = row.y as f32 + moved_y;
            let keep = cells.keep[row.first + cell] * (1.0 / WEIGHT_STEPS);
            let upper = (y.max(0.0) as usize).min(height - 2);
            let share_y = (y - upper as f32).clamp(0.0, 1.0);
            let nearest_row = upper + usize::from(share_y >= 0.5);
            let y_inside = y >= -0.5 && y <= bottom;
            for pixel in pixels {
                let x = pixel as f32 + moved_x;
                let column = (x.max(0.0) as usize).min(width - 2);
                let share_x = (x - column as f32).clamp(0.0, 1.0);
                let at = upper * width + column;
                let (one, two) = (&last.luma[at..at + 2], &last.luma[at + width..at + width + 2]);
                let mixed = |pair: &[u16]| f32::from(pair[0]) + (f32::from(pair[1]) - f32::from(pair[0])) * share_x;
                let (one, two) = (mixed(one), mixed(two));
                let weight = last.weights[nearest_row * width + column + usize::from(share_x >= 0.5)];
                let inside = y_inside && x >= -0.5 && x <= right;
                self.before[pixel] = one + (two - one) * share_y;
                self.held[pixel] = if inside { f32::from(weight) * keep } else { 0.0 };
            }
        }
    }

    /// Combines samples and history. Returns the number of pixels that are new or taken from the history.
    fn combine(
        &self,
        frame: &HistoryFrame,
        cells: &Cells,
        row: Row,
        span: Range<usize>,
        (luma, weights, into): (&mut [u16], &mut [u8], &mut [u8]),
    ) -> usize {
        let side = cells.cell_pixels as usize;
        let middle = side as f32 * 0.5 - 0.5;
        let from_sample = |pixel: usize, axis: usize| (pixel % side) as f32 - middle - frame.jitter[axis];
        let down = from_sample(row.y, 1);
        let mut valid = 0;
        for phase in 0..side {
            let across = from_sample(phase, 0);
            let distance = across * across + down * down;
            let fresh_weight = (-distance / (2.0 * SAMPLE_SPREAD * SAMPLE_SPREAD)).exp().max(SAMPLE_WEIGHT_MIN);
            let is_new = usize::from(across.abs() <= 0.5 && down.abs() <= 0.5);
            let cells_of = |plane: &'_ [f32], cell: usize| plane[row.first + cell];
            for cell in span.start / side..span.end / side {
                let pixel = cell * side + phase;
                let (fresh, held) = (self.fresh[pixel], self.held[pixel]);
                let before = (self.before[pixel] + cells_of(&cells.correction, cell))
                    .clamp(cells_of(&cells.low, cell), cells_of(&cells.high, cell));
                let sum = held + fresh_weight;
                let known = held > 0.0;
                let before = if known { before } else { fresh };
                let value = before + (fresh - before) * (fresh_weight / sum);
                let at = pixel - span.start;
                luma[at] = (value + 0.5) as u16;
                into[at] = ((value + 128.0) * (1.0 / 256.0)).min(255.0) as u8;
                weights[at] = (sum.min(WEIGHT_MAX) * WEIGHT_STEPS + 0.5) as u8;
                valid += usize::from(known) | is_new;
            }
        }
        valid
    }

    /// Computes one plane of chroma.
    #[allow(clippy::too_many_arguments, reason = "they are the parts of one frame")]
    pub(super) fn chroma(
        &mut self,
        plane: usize,
        cells: &Cells,
        samples: &[u8],
        last: Option<&State>,
        state: &mut State,
        backdrop: Option<&Backdrop>,
        into: &mut Planes<'_>,
    ) {
        let (width, height) = (state.size.width as usize / 2, state.size.height as usize / 2);
        // Cells per value of chroma.
        let step = 2 / cells.cell_pixels as usize;
        let into = &mut into.chroma[plane];
        let chroma = &mut state.chroma[plane];
        for y in 0..height {
            let first = y * step * cells.size.width as usize;
            let rows = [y.saturating_sub(1), y, (y + 1).min(height - 1)].map(|row| &samples[row * width..][..width]);
            for x in 0..width {
                let at = y * width + x;
                let cell = first + x * step;
                let trust = cells.trust[cell];
                if let Some(backdrop) = backdrop.filter(|_| trust == BACKGROUND) {
                    into[at] = backdrop.chroma[plane][at];
                    chroma[at] = u16::from(into[at]) << 8;
                    continue;
                }
                let fresh = f32::from(samples[at]) * 256.0;
                let mut value = fresh;
                if let Some(last) = last
                    && trust != NEW
                {
                    let [moved_x, moved_y] = unpacked(cells.motion[cell]);
                    let before = fetched(
                        &last.chroma[plane],
                        [width, height],
                        [x as f32 + moved_x * 0.5, y as f32 + moved_y * 0.5],
                    );
                    if trust == STILL {
                        value = before + (fresh - before) * CHROMA_SHARE[1];
                    } else {
                        let columns = x.saturating_sub(1)..(x + 2).min(width);
                        let (mut low, mut high) = (255_u8, 0_u8);
                        for row in rows {
                            for value in &row[columns.clone()] {
                                (low, high) = (low.min(*value), high.max(*value));
                            }
                        }
                        let before = before.clamp(f32::from(low) * 256.0, f32::from(high) * 256.0);
                        value = before + (fresh - before) * CHROMA_SHARE[0];
                    }
                }
                chroma[at] = (value + 0.5) as u16;
                into[at] = ((value + 128.0) * (1.0 / 256.0)).min(255.0) as u8;
            }
        }
    }
}

/// Interpolates bilinearly in a plane. Beyond the border, the nearest place counts.
#[inline]
fn fetched(plane: &[u16], [width, height]: [usize; 2], [x, y]: [f32; 2]) -> f32 {
    let column = (x.max(0.0) as usize).min(width - 2);
    let row = (y.max(0.0) as usize).min(height - 2);
    let (share_x, share_y) = ((x - column as f32).clamp(0.0, 1.0), (y - row as f32).clamp(0.0, 1.0));
    let mixed = |at: usize| {
        let pair = &plane[at..at + 2];
        f32::from(pair[0]) + (f32::from(pair[1]) - f32::from(pair[0])) * share_x
    };
    let (upper, lower) = (mixed(row * width + column), mixed((row + 1) * width + column));
    upper + (lower - upper) * share_y
}

/// Returns runs of cells that all show the background, or none of which does.
fn runs(trust: &[u8]) -> impl Iterator<Item = Range<usize>> + '_ {
    let mut start = 0;
    trust.chunk_by(|one, other| (*one == BACKGROUND) == (*other == BACKGROUND)).map(move |run| {
        let range = start..start + run.len();
        start = range.end;
        range
    })
}

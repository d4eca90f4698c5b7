//! What is known about each cell of a frame before its pixels are computed.

use super::{State, Surfaces, unpacked};
use crate::frame::Size;
use crate::kernels::shared::{
    CORRECTION, DEPTH_TOLERANCE, DISAGREEMENT, MARGIN, SURFACE_DIFFERENT, SURFACE_DRAWN_OVER,
};
use crate::passes::motion::HistoryFrame;

/// The cell has no valid history.
pub(super) const NEW: u8 = 0;
/// The history shows the same surface.
pub(super) const VALID: u8 = 1;
/// The same, and neither view nor surface has changed.
pub(super) const STILL: u8 = 2;
/// Cell and neighbours show the plain background.
pub(super) const BACKGROUND: u8 = 3;

/// Cells, row by row.
#[derive(Debug, Default)]
pub(super) struct Cells {
    pub(super) size: Size,
    pub(super) cell_pixels: u32,
    /// Motion of the nearest surface among cell and neighbours, which carries the edge between them.
    pub(super) motion: Vec<u32>,
    /// One of the constants of this module.
    pub(super) trust: Vec<u8>,
    /// Bounds of the history's luma, times 256.
    pub(super) low: Vec<f32>,
    pub(super) high: Vec<f32>,
    /// Added to the luma of the history, times 256.
    pub(super) correction: Vec<f32>,
    /// Factor of the weight of the history, 0 to 1.
    pub(super) keep: Vec<f32>,
    /// Flags of cell and neighbours.
    flags: Vec<u32>,
    /// Difference between sample and history, times 256, and 1 where there is a history.
    residuals: Vec<f32>,
    compared: Vec<f32>,
    /// Rows of the guide after the reduction over three columns.
    reduced: [Reduced; 3],
}

/// A row of cells, each with its neighbours to the left and right.
#[derive(Debug, Default)]
struct Reduced {
    low: Vec<u8>,
    high: Vec<u8>,
    nearest: Nearest,
    flags: Vec<u32>,
}

#[derive(Debug, Default)]
struct Nearest {
    depths: Vec<u32>,
    ids: Vec<u32>,
    motion: Vec<u32>,
}

impl Cells {
    /// Finds the range of samples and the nearest surface of each cell and its eight neighbours.
    pub(super) fn reduce(&mut self, state: &mut State, luma: Option<&[u8]>, frame: &HistoryFrame) {
        let (width, height) = (frame.cells.width as usize, frame.cells.height as usize);
        (self.size, self.cell_pixels) = (frame.cells, frame.cell_pixels);
        let count = width * height;
        for plane in [&mut self.low, &mut self.high] {
            plane.resize(count, 0.0);
        }
        for plane in [&mut self.motion, &mut self.flags, &mut state.nearest.ids, &mut state.nearest.depths] {
            plane.resize(count, 0);
        }
        for row in 0..height {
            let first = if row == 0 { 0 } else { row + 1 };
            for next in first..(row + 2).min(height) {
                let span = next * width..(next + 1) * width;
                self.reduced[next % 3].fill(state, luma, span);
            }
            let rows = [row.saturating_sub(1), row, (row + 1).min(height - 1)].map(|row| &self.reduced[row % 3]);
            let span = row * width..(row + 1) * width;
            let (low, high) = (&mut self.low[span.clone()], &mut self.high[span.clone()]);
            if luma.is_some() {
                range_of(rows, low, high);
            }
            let flags = &mut self.flags[span.clone()];
            for (index, flags) in flags.iter_mut().enumerate() {
                *flags = rows[0].flags[index] | rows[1].flags[index] | rows[2].flags[index];
            }
            let Surfaces { ids, depths } = &mut state.nearest;
            nearest_of(rows, &mut depths[span.clone()], &mut ids[span.clone()], &mut self.motion[span]);
        }
    }

    /// Decides how far the history of each cell can be used.
    pub(super) fn judge(
        &mut self,
        frame: &HistoryFrame,
        state: &State,
        last: Option<&State>,
        luma: &[u8],
        plain_background: bool,
    ) {
        let count = self.motion.len();
        self.trust.clear();
        self.trust.resize(count, NEW);
        for plane in [&mut self.residuals, &mut self.compared, &mut self.correction, &mut self.keep] {
            plane.resize(count, 0.0);
        }
        let (width, height) = (self.size.width as usize, self.size.height as usize);
        for row in 0..height {
            for column in 0..width {
                let cell = row * width + column;
                (self.residuals[cell], self.compared[cell]) = (0.0, 0.0);
                if self.flags[cell] == 0 && plain_background {
                    self.trust[cell] = BACKGROUND;
                    continue;
                }
                let Some(last) = last else { continue };
                let motion = self.motion[cell];
                let different = (state.own.ids[cell] | state.nearest.ids[cell]) & SURFACE_DIFFERENT != 0;
                if different
                    || self.flags[cell] & SURFACE_DRAWN_OVER != 0
                    || !was_visible(last, frame, [column, row], motion, &state.nearest, cell)
                {
                    continue;
                }
                let Some(predicted) = predicted(last, frame, [column, row], motion) else { continue };
                self.trust[cell] = if motion == 0 && frame.still { STILL } else { VALID };
                self.residuals[cell] = f32::from(luma[cell]) * 256.0 - predicted;
                self.compared[cell] = 1.0;
            }
        }
        for row in 0..height {
            self.compare(row);
        }
    }

    /// Derives correction, weight and range of a row from the differences around each of its cells.
    fn compare(&mut self, row: usize) {
        let (width, height) = (self.size.width as usize, self.size.height as usize);
        let rows = [row.saturating_sub(1), row, (row + 1).min(height - 1)];
        let residuals = rows.map(|row| &self.residuals[row * width..(row + 1) * width]);
        let compared = rows.map(|row| &self.compared[row * width..(row + 1) * width]);
        let span = row * width..(row + 1) * width;
        let trust = &self.trust[span.clone()];
        if trust.iter().all(|trust| matches!(*trust, BACKGROUND | NEW)) {
            return;
        }
        let motion = &self.motion[span.clone()];
        let (correction, keep) = (&mut self.correction[span.clone()], &mut self.keep[span.clone()]);
        let (low, high) = (&mut self.low[span.clone()], &mut self.high[span]);
        for column in 0..width {
            let columns = [column.saturating_sub(1), column, (column + 1).min(width - 1)];
            let (mut sum, mut spread, mut weight) = (0.0_f32, 0.0_f32, 0.0_f32);
            for (residuals, (compared, row_share)) in residuals.iter().zip(compared.iter().zip([1.0, 2.0, 1.0])) {
                for (column, column_share) in columns.into_iter().zip([1.0, 2.0, 1.0]) {
                    let share = row_share * column_share;
                    sum += share * residuals[column];
                    spread += share * residuals[column].abs();
                    weight += share * compared[column];
                }
            }
            let inverse = 1.0 / weight.max(1.0);
            let [x, y] = unpacked(motion[column]);
            let speed = (x * x + y * y).sqrt().max(0.25);
            let disagreement = spread * inverse / (DISAGREEMENT[0] + DISAGREEMENT[1] / speed);
            let still = trust[column] == STILL;
            correction[column] = if still { 0.0 } else { CORRECTION * sum * inverse };
            keep[column] = if still { 1.0 } else { 1.0 / (1.0 + disagreement * disagreement) };
            let more = (high[column] - low[column]) * MARGIN;
            low[column] = if still { 0.0 } else { (low[column] - more).max(0.0) };
            high[column] = if still { 65535.0 } else { (high[column] + more).min(65535.0) };
        }
    }
}

impl Reduced {
    fn fill(&mut self, state: &State, luma: Option<&[u8]>, span: std::ops::Range<usize>) {
        let width = span.len();
        if let Some(luma) = luma {
            let luma = &luma[span.clone()];
            self.low.resize(width, 0);
            self.high.resize(width, 0);
            three(luma, &mut self.low, |one, other| one.min(other));
            three(luma, &mut self.high, |one, other| one.max(other));
        }
        let (depths, ids) = (&state.own.depths[span.clone()], &state.own.ids[span.clone()]);
        let motion = &state.motion[span];
        self.flags.resize(width, 0);
        three(ids, &mut self.flags, |one, other| one | other);
        let Nearest { depths: near, ids: near_ids, motion: near_motion } = &mut self.nearest;
        near.clear();
        near.extend_from_slice(depths);
        near_ids.clear();
        near_ids.extend_from_slice(ids);
        near_motion.clear();
        near_motion.extend_from_slice(motion);
        let mut take = |into: std::ops::Range<usize>, from: usize| {
            let length = into.len();
            let into = into.start;
            for index in 0..length {
                let nearer = depths[from + index] > near[into + index];
                near[into + index] = if nearer { depths[from + index] } else { near[into + index] };
                near_ids[into + index] = if nearer { ids[from + index] } else { near_ids[into + index] };
                near_motion[into + index] = if nearer { motion[from + index] } else { near_motion[into + index] };
            }
        };
        take(1..width, 0);
        take(0..width - 1, 1);
    }
}

/// Combines each value with those beside it.
fn three<T: Copy>(values: &[T], into: &mut [T], combine: impl Fn(T, T) -> T) {
    let width = values.len();
    if width < 2 {
        into.copy_from_slice(values);
        return;
    }
    for index in 1..width - 1 {
        into[index] = combine(combine(values[index - 1], values[index]), values[index + 1]);
    }
    into[0] = combine(values[0], values[1]);
    into[width - 1] = combine(values[width - 2], values[width - 1]);
}

fn range_of(rows: [&Reduced; 3], low: &mut [f32], high: &mut [f32]) {
    for (index, (low, high)) in low.iter_mut().zip(high).enumerate() {
        let lowest = rows[0].low[index].min(rows[1].low[index]).min(rows[2].low[index]);
        let highest = rows[0].high[index].max(rows[1].high[index]).max(rows[2].high[index]);
        *low = f32::from(lowest) * 256.0;
        *high = f32::from(highest) * 256.0;
    }
}

fn nearest_of(rows: [&Reduced; 3], depths: &mut [u32], ids: &mut [u32], motion: &mut [u32]) {
    let [above, own, below] = rows.map(|row| &row.nearest);
    for (index, ((depth, id), moved)) in depths.iter_mut().zip(ids).zip(motion).enumerate() {
        (*depth, *id, *moved) = (own.depths[index], own.ids[index], own.motion[index]);
        for other in [above, below] {
            let nearer = other.depths[index] > *depth;
            *depth = if nearer { other.depths[index] } else { *depth };
            *id = if nearer { other.ids[index] } else { *id };
            *moved = if nearer { other.motion[index] } else { *moved };
        }
    }
}

/// Returns whether the frame before showed the nearest surface of a cell where its motion leads.
#[inline]
fn was_visible(
    last: &State,
    frame: &HistoryFrame,
    place: [usize; 2],
    motion: u32,
    nearest: &Surfaces,
    cell: usize,
) -> bool {
    let moved = unpacked(motion);
    let size = frame.cell_pixels as f32;
    let scale = 1.0 / last.cell_pixels as f32;
    let [x, y] = std::array::from_fn(|axis| ((place[axis] as f32 + 0.5) * size + moved[axis]) * scale);
    if x < 0.0 || y < 0.0 || x >= last.cells.width as f32 || y >= last.cells.height as f32 {
        return false;
    }
    let index = y as usize * last.cells.width as usize + x as usize;
    let expected = f32::from_bits(nearest.depths[cell] << 16);
    [&last.nearest, &last.own].into_iter().any(|surfaces| {
        let found = f32::from_bits(surfaces.depths[index] & 0xffff_0000);
        surfaces.ids[index] & !SURFACE_DIFFERENT == nearest.ids[cell]
            && (found - expected).abs() <= expected * DEPTH_TOLERANCE
    })
}

/// Returns the luma that the history has in the place of a sample; `None` outside of the frame.
#[inline]
fn predicted(last: &State, frame: &HistoryFrame, place: [usize; 2], motion: u32) -> Option<f32> {
    let moved = unpacked(motion);
    let size = frame.cell_pixels as f32;
    let at: [f32; 2] =
        std::array::from_fn(|axis| (place[axis] as f32 + 0.5) * size + frame.jitter[axis] - 0.5 + moved[axis]);
    let (width, height) = (last.size.width as usize, last.size.height as usize);
    let [x, y] = at;
    if x < -0.5 || y < -0.5 || x > width as f32 - 0.5 || y > height as f32 - 0.5 {
        return None;
    }
    let column = (x.max(0.0) as usize).min(width - 2);
    let row = (y.max(0.0) as usize).min(height - 2);
    let (share_x, share_y) = ((x - column as f32).clamp(0.0, 1.0), (y - row as f32).clamp(0.0, 1.0));
    let upper = &last.luma[row * width + column..][..2];
    let lower = &last.luma[(row + 1) * width + column..][..2];
    let mixed = |pair: &[u16]| f32::from(pair[0]) + (f32::from(pair[1]) - f32::from(pair[0])) * share_x;
    let (upper, lower) = (mixed(upper), mixed(lower));
    Some(upper + (lower - upper) * share_y)
}

//! The pixels of a frame, from its samples and the history.

use std::ops::Range;

use super::cells::{BACKGROUND, Cells, STILL, VALID};
use super::lanes::{Floats, LANES, Places, eight, for_processor, store, truncated, unpacked};
use super::{Backdrop, Planes, State};
use crate::kernels::shared::{CHROMA_SHARE, SAMPLE_SPREAD, SAMPLE_WEIGHT_MIN, WEIGHT_MAX, WEIGHT_STEPS};
use crate::passes::motion::HistoryFrame;

/// Memory for a row of cells, so that no frame allocates any.
#[derive(Debug, Default)]
pub(super) struct Rows {
    /// Samples between two rows of cells, times 256, with one more at both ends.
    between: Vec<f32>,
    /// Interpolated samples times 256, for each column of pixels within cells.
    fresh: [Vec<f32>; 2],
}

/// Everything from which a row of pixels is made.
struct RowSource<'a> {
    cells: &'a Cells,
    last: Option<&'a State>,
    fresh: [&'a [f32]; 2],
    /// Weight of the sample of the own cell in each column of pixels within cells.
    sample_weights: [f32; 2],
    y: usize,
    /// First cell of the row.
    first: usize,
}

/// The row of pixels that is made.
struct RowTarget<'a> {
    luma: &'a mut [u16],
    weights: &'a mut [u8],
    into: &'a mut [u8],
}

/// Everything from which a plane of chroma is made.
struct ChromaSource<'a> {
    cells: &'a Cells,
    last: Option<&'a [u16]>,
    samples: &'a [u8],
    size: [usize; 2],
    y: usize,
}

for_processor! {
    /// Makes a span of a row of pixels. Returns the number of pixels that have a history.
    fn combine_span = combine as (source: &RowSource<'_>, target: &mut RowTarget<'_>, span: Range<usize>) -> usize;
}
for_processor! {
    fn chroma_row = combine_chroma as (source: &ChromaSource<'_>, chroma: &mut [u16], into: &mut [u8]);
}
for_processor! {
    fn interpolate_columns = interpolated as (between: &[f32], share: f32, into: &mut [f32]);
}
for_processor! {
    fn interpolate_rows = interpolated_rows as (upper: &[u8], lower: &[u8], share: f32, into: &mut [f32]);
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
        let mut valid = 0;
        for y in 0..state.size.height as usize {
            let first = y / side * cells_wide;
            let trust = &cells.trust[first..first + cells_wide];
            if trust.iter().any(|trust| *trust != BACKGROUND) {
                self.interpolate(frame, cells, samples, y);
            }
            let sample_weights = [0, 1].map(|column| sample_weight(frame, side, [column, y]));
            let fresh = [&self.fresh[0][..], &self.fresh[1][..]];
            let source = RowSource { cells, last, fresh, sample_weights, y, first };
            let pixels = y * width..(y + 1) * width;
            let mut target = RowTarget {
                luma: &mut state.luma[pixels.clone()],
                weights: &mut state.weights[pixels.clone()],
                into: &mut into[pixels.clone()],
            };
            for run in runs(trust) {
                let span = run.start * side..run.end * side;
                if let Some(backdrop) = backdrop.filter(|_| trust[run.start] == BACKGROUND) {
                    target.show_background(&backdrop.luma[pixels.clone()], span.clone());
                    valid += span.len();
                } else {
                    // Every sample lies in one of the pixels of its cell.
                    let new = span.len() / (side * side);
                    let with_history = combine_span(&source, &mut target, run);
                    valid += with_history + new * (span.len() - with_history) / span.len();
                }
            }
        }
        valid
    }

    /// Interpolates bilinearly between the samples around each pixel of a row.
    fn interpolate(&mut self, frame: &HistoryFrame, cells: &Cells, samples: &[u8], y: usize) {
        let side = cells.cell_pixels as usize;
        let (wide, high) = (cells.size.width as usize, cells.size.height as usize);
        // Positions in the grid of samples.
        let position = |pixel: usize, axis: usize| (pixel as f32 + 0.5 - frame.jitter[axis]) / side as f32 - 0.5;
        let y = position(y, 1).clamp(0.0, (high - 1) as f32);
        let (upper, share) = (y as usize, y.fract());
        let lower = (upper + 1).min(high - 1);
        self.between.resize(wide + 2, 0.0);
        let row = |row: usize| &samples[row * wide..(row + 1) * wide];
        interpolate_rows(row(upper), row(lower), share, &mut self.between[1..=wide]);
        (self.between[0], self.between[wide + 1]) = (self.between[1], self.between[wide]);
        // Pixels at the same place in their cells lie at the same place between two samples.
        for column in 0..side {
            let x = position(column, 0);
            let left = x.floor();
            // The first cell has one sample before it; its pixels lie less than one cell beside its sample.
            let start = (1.0 + left).max(0.0) as usize;
            let fresh = &mut self.fresh[column];
            fresh.resize(wide, 0.0);
            interpolate_columns(&self.between[start..start + wide + 1], x - left, fresh);
        }
    }

    /// Computes one plane of chroma.
    #[allow(clippy::too_many_arguments, clippy::unused_self, reason = "they are the parts of one frame")]
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
        let last = last.map(|last| &last.chroma[plane][..]);
        // Cells per value of chroma.
        let step = 2 / cells.cell_pixels as usize;
        let cells_wide = cells.size.width as usize;
        for y in 0..height {
            let row = y * width..(y + 1) * width;
            let (chroma, into) = (&mut state.chroma[plane][row.clone()], &mut into.chroma[plane][row.clone()]);
            let source = ChromaSource { cells, last, samples, size: [width, height], y };
            chroma_row(&source, chroma, into);
            let Some(backdrop) = backdrop else { continue };
            let trust = &cells.trust[y * step * cells_wide..][..cells_wide];
            let from = &backdrop.chroma[plane][row];
            for run in runs(trust).filter(|run| trust[run.start] == BACKGROUND) {
                let run = run.start.div_ceil(step)..run.end.div_ceil(step);
                into[run.clone()].copy_from_slice(&from[run.clone()]);
                for (chroma, value) in chroma[run.clone()].iter_mut().zip(&from[run]) {
                    *chroma = u16::from(*value) << 8;
                }
            }
        }
    }
}

impl RowTarget<'_> {
    fn show_background(&mut self, backdrop: &[u8], span: Range<usize>) {
        self.into[span.clone()].copy_from_slice(&backdrop[span.clone()]);
        for (luma, value) in self.luma[span.clone()].iter_mut().zip(&backdrop[span.clone()]) {
            *luma = u16::from(*value) << 8;
        }
        self.weights[span].fill((WEIGHT_MAX * WEIGHT_STEPS) as u8);
    }
}

/// Returns the weight that the sample of a cell has in one of its pixels; `column` counts within the cell.
fn sample_weight(frame: &HistoryFrame, side: usize, [column, y]: [usize; 2]) -> f32 {
    let middle = side as f32 * 0.5 - 0.5;
    let across = column as f32 - middle - frame.jitter.x;
    let down = (y % side) as f32 - middle - frame.jitter.y;
    let distance = across * across + down * down;
    (-distance / (2.0 * SAMPLE_SPREAD * SAMPLE_SPREAD)).exp().max(SAMPLE_WEIGHT_MIN)
}

#[inline(always)]
fn interpolated_rows(upper: &[u8], lower: &[u8], share: f32, into: &mut [f32]) {
    for ((upper, lower), into) in upper.iter().zip(lower).zip(into) {
        let (upper, lower) = (f32::from(*upper), f32::from(*lower));
        *into = (upper + (lower - upper) * share) * 256.0;
    }
}

#[inline(always)]
fn interpolated(between: &[f32], share: f32, into: &mut [f32]) {
    for (pair, into) in between.windows(2).zip(into) {
        *into = pair[0] + (pair[1] - pair[0]) * share;
    }
}

/// Combines samples and history in a span of cells.
#[inline(always)]
fn combine(source: &RowSource<'_>, target: &mut RowTarget<'_>, span: Range<usize>) -> usize {
    let cells = source.cells;
    let side = cells.cell_pixels as usize;
    let row = source.first..source.first + cells.size.width as usize;
    let [low, high, correction, keep] =
        [&cells.low, &cells.high, &cells.correction, &cells.keep].map(|plane| &plane[row.clone()][..span.end]);
    let motion = &cells.motion[row][..span.end];
    let mut known = [0_u32; LANES];
    for first in span.clone().step_by(LANES) {
        let (low, high): (Floats, Floats) = (eight(low, first), eight(high, first));
        let (correction, keep): (Floats, Floats) = (eight(correction, first), eight(keep, first));
        let moved = unpacked(eight(motion, first));
        let mut y = [0.0; LANES];
        for lane in 0..LANES {
            y[lane] = source.y as f32 + moved[1][lane];
        }
        let mut results = [([0_u16; LANES], [0_u8; LANES], [0_u8; LANES]); 2];
        for column in 0..side {
            let fresh: Floats = eight(&source.fresh[column][..span.end], first);
            let fresh_weight = source.sample_weights[column];
            let (mut before, mut held) = ([0.0; LANES], [0.0; LANES]);
            if let Some(last) = source.last {
                let x: Floats = std::array::from_fn(|lane| ((first + lane) * side + column) as f32 + moved[0][lane]);
                let places = Places::new(x, y, last.size_usize());
                before = places.fetch(&last.luma, last.size.width as usize);
                let weights = places.nearest(&last.weights, last.size.width as usize);
                held =
                    std::array::from_fn(|lane| weights[lane] * places.inside[lane] * keep[lane] * (1.0 / WEIGHT_STEPS));
            }
            let (luma, weights, into) = &mut results[column];
            for lane in 0..LANES {
                let has_history = held[lane] > 0.0;
                let history = (before[lane] + correction[lane]).max(low[lane]).min(high[lane]);
                let history = if has_history { history } else { fresh[lane] };
                let sum = held[lane] + fresh_weight;
                let value = history + (fresh[lane] - history) * (fresh_weight / sum);
                luma[lane] = truncated(value + 0.5) as u16;
                into[lane] = truncated((value + 128.0) * (1.0 / 256.0)).min(255) as u8;
                weights[lane] = truncated(sum.min(WEIGHT_MAX) * WEIGHT_STEPS + 0.5) as u8;
                known[lane] += u32::from(has_history & (first + lane < span.end));
            }
        }
        let [(luma, weights, into), (luma_right, weights_right, into_right)] = results;
        let end = span.end * side;
        if side == 1 {
            store(&mut target.luma[..end], first, luma);
            store(&mut target.weights[..end], first, weights);
            store(&mut target.into[..end], first, into);
        } else {
            store_pairs(&mut target.luma[..end], first * 2, luma, luma_right);
            store_pairs(&mut target.weights[..end], first * 2, weights, weights_right);
            store_pairs(&mut target.into[..end], first * 2, into, into_right);
        }
    }
    known.iter().sum::<u32>() as usize
}

/// Stores the left and right pixels of eight cells.
#[inline(always)]
fn store_pairs<T: Copy>(into: &mut [T], first: usize, left: [T; LANES], right: [T; LANES]) {
    let mut pairs = [[left[0]; LANES]; 2];
    for lane in 0..LANES {
        pairs[lane / 4][lane % 4 * 2] = left[lane];
        pairs[lane / 4][lane % 4 * 2 + 1] = right[lane];
    }
    store(into, first, pairs[0]);
    if first + LANES < into.len() {
        store(into, first + LANES, pairs[1]);
    }
}

/// Combines new chroma and history in a row.
#[inline(always)]
fn combine_chroma(source: &ChromaSource<'_>, chroma: &mut [u16], into: &mut [u8]) {
    let cells = source.cells;
    let [width, height] = source.size;
    let step = 2 / cells.cell_pixels as usize;
    let first_cell = source.y * step * cells.size.width as usize;
    let row = first_cell..first_cell + cells.size.width as usize;
    let (trust, motion) = (&cells.trust[row.clone()], &cells.motion[row]);
    let rows = [source.y.saturating_sub(1), source.y, (source.y + 1).min(height - 1)];
    let rows = rows.map(|row| &source.samples[row * width..(row + 1) * width]);
    for first in (0..width).step_by(LANES) {
        let trust: [u8; LANES] = spaced(trust, first, step);
        if trust.iter().all(|trust| *trust == BACKGROUND) {
            // The caller copies the background; without one, there is no such cell.
            continue;
        }
        let samples: [u8; LANES] = eight(rows[1], first);
        let mut fresh = [0.0; LANES];
        for lane in 0..LANES {
            fresh[lane] = f32::from(samples[lane]) * 256.0;
        }
        let mut values = fresh;
        if let Some(last) = source.last {
            let moved = unpacked(spaced(motion, first, step));
            let (mut x, mut y) = ([0.0; LANES], [0.0; LANES]);
            for lane in 0..LANES {
                x[lane] = (first + lane) as f32 + moved[0][lane] * 0.5;
                y[lane] = source.y as f32 + moved[1][lane] * 0.5;
            }
            let before = Places::new(x, y, source.size).fetch(last, width);
            let (mut low, mut high) = (samples, samples);
            for row in rows {
                for start in [first.saturating_sub(1), first, (first + 1).min(width - 1)] {
                    let around: [u8; LANES] = eight(row, start);
                    for lane in 0..LANES {
                        low[lane] = low[lane].min(around[lane]);
                        high[lane] = high[lane].max(around[lane]);
                    }
                }
            }
            for lane in 0..LANES {
                let still = trust[lane] == STILL;
                let bounded = before[lane].max(f32::from(low[lane]) * 256.0).min(f32::from(high[lane]) * 256.0);
                let history = if still { before[lane] } else { bounded };
                let share = if still { CHROMA_SHARE[1] } else { CHROMA_SHARE[0] };
                let combined = history + (fresh[lane] - history) * share;
                let known = still | (trust[lane] == VALID);
                values[lane] = if known { combined } else { fresh[lane] };
            }
        }
        let (mut wide, mut narrow) = ([0_u16; LANES], [0_u8; LANES]);
        for lane in 0..LANES {
            wide[lane] = truncated(values[lane] + 0.5) as u16;
            narrow[lane] = truncated((values[lane] + 128.0) * (1.0 / 256.0)).min(255) as u8;
        }
        store(chroma, first, wide);
        store(into, first, narrow);
    }
}

/// Returns the values of eight cells, `step` cells apart.
#[inline(always)]
fn spaced<T: Copy>(values: &[T], first: usize, step: usize) -> [T; LANES] {
    if step == 1 {
        return eight(values, first);
    }
    let mut result = [values[first * step]; LANES];
    for (lane, result) in result.iter_mut().enumerate() {
        *result = values[((first + lane) * step).min(values.len() - 1)];
    }
    result
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

//! The pixels of a frame, from its samples and the history.

use std::ops::Range;

#[cfg(target_arch = "x86_64")]
use super::avx2;
use super::cells::{BACKGROUND, Cells, STILL};
use super::lanes::{Floats, LANES, Places, Words, eight, for_processor, store, truncated, unpacked};
use super::{Backdrop, FINISHED, State};
use crate::kernels::shared::{
    FINISHED_WEIGHT, SAMPLE_SPREAD, SAMPLE_WEIGHT_MIN, STILL_CHROMA_SHARE, STILL_HIGH, WEIGHT_MAX, WEIGHT_STEPS,
};
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

for_processor! {
    /// Makes a span of a row of pixels. Returns the number of pixels that have a history.
    fn combine_span = combine as (source: &RowSource<'_>, target: &mut RowTarget<'_>, span: Range<usize>) -> usize;
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
            interpolate_columns(&self.between[start..=start + wide], x - left, fresh);
        }
    }
}

/// Computes one plane of chroma. In motion it is that of the frame alone: its history gains little, because the eye
/// sees chroma less sharply.
pub(super) fn chroma(
    plane: usize,
    cells: &Cells,
    samples: &[u8],
    last: Option<&State>,
    state: &mut State,
    backdrop: Option<&Backdrop>,
    into: &mut [u8],
) {
    let (width, cells_wide) = (state.size.width as usize / 2, cells.size.width as usize);
    // Cells per value of chroma.
    let step = 2 / cells.cell_pixels as usize;
    let chroma = &mut state.chroma[plane];
    into.copy_from_slice(samples);
    for (y, into) in into.chunks_exact_mut(width).enumerate() {
        let row = y * width..(y + 1) * width;
        let trust = &cells.trust[y * step * cells_wide..][..cells_wide];
        let chroma = &mut chroma[row.clone()];
        for run in trust_runs(trust) {
            let kind = trust[run.start];
            let run = run.start.div_ceil(step)..run.end.div_ceil(step);
            let at = row.start + run.start..row.start + run.end;
            match (kind, backdrop, last) {
                (BACKGROUND, Some(backdrop), _) => {
                    let from = &backdrop.chroma[plane][at];
                    into[run.clone()].copy_from_slice(from);
                    widened(from, &mut chroma[run]);
                }
                (STILL, _, Some(last)) => {
                    let before = &last.chroma[plane][at];
                    let weights = &last.weights[y * 2 * state.size.width as usize + run.start * 2..];
                    let outputs = into[run.clone()].iter_mut().zip(&mut chroma[run]);
                    for (((into, chroma), before), weight) in outputs.zip(before).zip(weights.iter().step_by(2)) {
                        let (fresh, before) = (f32::from(*into) * 256.0, f32::from(*before));
                        let share = if *weight == FINISHED { 0.0 } else { STILL_CHROMA_SHARE };
                        let value = before + (fresh - before) * share;
                        *chroma = (value + 0.5) as u16;
                        *into = ((value + 128.0) * (1.0 / 256.0)).min(255.0) as u8;
                    }
                }
                (_, _, _) => widened(&into[run.clone()], &mut chroma[run]),
            }
        }
    }
}

impl RowTarget<'_> {
    fn show_background(&mut self, backdrop: &[u8], span: Range<usize>) {
        self.into[span.clone()].copy_from_slice(&backdrop[span.clone()]);
        widened(&backdrop[span.clone()], &mut self.luma[span.clone()]);
        self.weights[span].fill(FINISHED);
    }
}

/// Stores values times 256.
fn widened(from: &[u8], into: &mut [u16]) {
    for (into, value) in into.iter_mut().zip(from) {
        *into = u16::from(*value) << 8;
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
fn interpolated_rows<const AVX2: bool>(upper: &[u8], lower: &[u8], share: f32, into: &mut [f32]) {
    for ((upper, lower), into) in upper.iter().zip(lower).zip(into) {
        let (upper, lower) = (f32::from(*upper), f32::from(*lower));
        *into = (upper + (lower - upper) * share) * 256.0;
    }
}

#[inline(always)]
fn interpolated<const AVX2: bool>(between: &[f32], share: f32, into: &mut [f32]) {
    for (pair, into) in between.windows(2).zip(into) {
        *into = pair[0] + (pair[1] - pair[0]) * share;
    }
}

/// Combines samples and history in a span of cells.
#[inline(always)]
fn combine<const AVX2: bool>(source: &RowSource<'_>, target: &mut RowTarget<'_>, span: Range<usize>) -> usize {
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
        let eight_motion: Words = eight(motion, first);
        #[cfg(target_arch = "x86_64")]
        if AVX2
            && let Some(last) = source.last
            && first + LANES <= span.end
        {
            let fresh: [Floats; 2] = [eight(source.fresh[0], first), eight(source.fresh[side - 1], first)];
            let [left_weight, right_weight] = source.sample_weights;
            let pixels = first * side..(first + LANES) * side;
            let history = avx2::History {
                luma: &last.luma,
                weights: &last.weights,
                size: last.size_usize(),
                weight_max: WEIGHT_MAX,
                weight_steps: WEIGHT_STEPS,
                finished: [FINISHED_WEIGHT, STILL_HIGH],
            };
            let eight_cells = avx2::EightCells {
                motion: &eight_motion,
                low: &low,
                high: &high,
                correction: &correction,
                keep: &keep,
            };
            let outputs =
                (&mut target.luma[pixels.clone()], &mut target.weights[pixels.clone()], &mut target.into[pixels]);
            let fresh = [(&fresh[0], left_weight), (&fresh[1], right_weight)];
            // SAFETY: the processor has AVX2, as `for_processor` has found.
            known[0] += unsafe { avx2::combine(&history, &eight_cells, [first * side, source.y], fresh, outputs) };
            continue;
        }
        let moved = unpacked(eight_motion);
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
                let finished = (high[lane] >= STILL_HIGH) & (held[lane] >= FINISHED_WEIGHT);
                let fresh_weight = if finished { 0.0 } else { fresh_weight };
                let held = held[lane].min(if finished { FINISHED_WEIGHT } else { WEIGHT_MAX });
                let sum = held + fresh_weight;
                let value = history + (fresh[lane] - history) * (fresh_weight / sum);
                luma[lane] = truncated(value + 0.5) as u16;
                into[lane] = truncated((value + 128.0) * (1.0 / 256.0)).min(255) as u8;
                let weight = if finished { FINISHED_WEIGHT } else { sum.min(WEIGHT_MAX) };
                weights[lane] = truncated(weight * WEIGHT_STEPS + 0.5) as u8;
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

/// Returns runs of cells of equal trust.
fn trust_runs(trust: &[u8]) -> impl Iterator<Item = Range<usize>> + '_ {
    let mut start = 0;
    trust.chunk_by(|one, other| one == other).map(move |run| {
        let range = start..start + run.len();
        start = range.end;
        range
    })
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

#[cfg(all(test, target_arch = "x86_64"))]
mod tests;

//! Properties of the cells of a frame, which are found before its pixels are computed.

mod neighbourhood;

use std::ops::Range;

#[cfg(target_arch = "x86_64")]
use super::avx2;
use super::lanes::{Floats, LANES, Places, Words, eight, for_processor, store, truncated, unpacked};
use super::{State, Surfaces};
use crate::frame::Size;
use crate::kernels::shared::{
    CORRECTION, DEPTH_TOLERANCE, DISAGREEMENT, LUMA_MAX, MARGIN, SPEED_MIN, STILL_HIGH, SURFACE_DIFFERENT,
    SURFACE_TOUCHED,
};
use crate::passes::motion::HistoryFrame;
use neighbourhood::Neighbourhood;

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
    /// Factor of the weight of the history, 0 to 1; 0 without a valid history.
    pub(super) keep: Vec<f32>,
    /// Flags of cell and neighbours; 0 if all show the background.
    flags: Vec<u32>,
    /// Difference between sample and history, times 256, and 1 where there is a history.
    residuals: Vec<f32>,
    compared: Vec<f32>,
    neighbourhood: Neighbourhood,
    /// Columns of each row outside of which cells and their neighbours show the background.
    spans: Vec<Range<usize>>,
}

/// Everything that decides how far the history can be used.
struct Evidence<'a> {
    frame: &'a HistoryFrame,
    state: &'a State,
    last: Option<&'a State>,
    luma: &'a [u8],
    plain_background: bool,
}

for_processor! {
    fn judge_row = Cells::judge_row as (cells: &mut Cells, evidence: &Evidence<'_>, row: usize);
}
for_processor! {
    fn compare_row = Cells::compare_row as (cells: &mut Cells, row: usize);
}

impl Cells {
    /// Finds the range of samples and the nearest surface of each cell and its eight neighbours.
    pub(super) fn reduce(&mut self, state: &mut State, luma: Option<&[u8]>, frame: &HistoryFrame) {
        (self.size, self.cell_pixels) = (frame.cells, frame.cell_pixels);
        let count = frame.cells.pixels() as usize;
        for plane in [&mut self.low, &mut self.high] {
            plane.resize(count, 0.0);
        }
        for plane in [&mut self.motion, &mut self.flags, &mut state.nearest.ids, &mut state.nearest.depths] {
            plane.resize(count, 0);
        }
        let (width, height) = (frame.cells.width as usize, frame.cells.height as usize);
        self.find_spans(&state.own.ids, width, frame.plain_background);
        for row in 0..height {
            let whole = row * width..(row + 1) * width;
            let columns = self.spans[row].clone();
            self.neighbourhood.advance(state, luma, row, &self.spans, [width, height]);
            let rows = self.neighbourhood.rows(row, height);
            let Surfaces { ids, depths } = &mut state.nearest;
            for plane in [&mut *ids, &mut *depths, &mut self.motion, &mut self.flags] {
                let plane = &mut plane[whole.clone()];
                plane[..columns.start].fill(0);
                plane[columns.end..].fill(0);
            }
            let span = whole.start + columns.start..whole.start + columns.end;
            if luma.is_some() {
                rows.range(columns.clone(), &mut self.low[span.clone()], &mut self.high[span.clone()]);
            }
            rows.flags(columns.clone(), &mut self.flags[span.clone()]);
            let into = [&mut depths[span.clone()], &mut ids[span.clone()], &mut self.motion[span]];
            rows.nearest(columns, into);
        }
    }

    /// Finds the columns of each row that need work: those with surfaces in this row or the ones beside it, and one
    /// more at both ends; all if the background is not plain.
    fn find_spans(&mut self, ids: &[u32], width: usize, plain_background: bool) {
        self.spans.clear();
        if !plain_background {
            self.spans.resize(ids.len() / width, 0..width);
            return;
        }
        let own = ids.chunks_exact(width).map(|row| {
            let first = row.iter().position(|id| *id != 0);
            let last = row.iter().rposition(|id| *id != 0);
            first.zip(last).map(|(first, last)| first.saturating_sub(1)..(last + 2).min(width))
        });
        let own: Vec<Option<Range<usize>>> = own.collect();
        for row in 0..own.len() {
            let around = own[row.saturating_sub(1)..(row + 2).min(own.len())].iter().flatten();
            let joined = around.cloned().reduce(|one, other| one.start.min(other.start)..one.end.max(other.end));
            self.spans.push(joined.unwrap_or(0..0));
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
        self.trust.resize(count, NEW);
        for plane in [&mut self.residuals, &mut self.compared, &mut self.correction, &mut self.keep] {
            plane.resize(count, 0.0);
        }
        let evidence = Evidence { frame, state, last, luma, plain_background };
        let height = self.size.height as usize;
        for row in 0..height {
            judge_row(self, &evidence, row);
        }
        for row in 0..height {
            compare_row(self, row);
        }
    }

    /// Finds out where the history shows the surfaces of a row, and how it differs from the samples there.
    #[inline(always)]
    fn judge_row<const AVX2: bool>(&mut self, evidence: &Evidence<'_>, row: usize) {
        let width = self.size.width as usize;
        let span = row * width..(row + 1) * width;
        let columns = self.spans[row].clone();
        self.trust[span.clone()].fill(BACKGROUND);
        for plane in [&mut self.residuals, &mut self.compared] {
            plane[span.clone()].fill(0.0);
        }
        let (trust, flags) = (&mut self.trust[span.clone()], &self.flags[span.clone()]);
        let (residuals, compared) = (&mut self.residuals[span.clone()], &mut self.compared[span.clone()]);
        let motion = &self.motion[span.clone()];
        let own = &evidence.state.own.ids[span.clone()];
        let ids = &evidence.state.nearest.ids[span.clone()];
        let depths = &evidence.state.nearest.depths[span.clone()];
        let luma = &evidence.luma[span];
        for first in columns.step_by(LANES) {
            let flags: Words = eight(flags, first);
            let mut all = 0;
            for flags in flags {
                all |= flags;
            }
            let last = if evidence.plain_background && all & !SURFACE_TOUCHED == 0 { None } else { evidence.last };
            let Some(last) = last else {
                let mut found = [NEW; LANES];
                for lane in 0..LANES {
                    let plain = flags[lane] & !SURFACE_TOUCHED == 0;
                    found[lane] = if evidence.plain_background & plain { BACKGROUND } else { NEW };
                }
                store(trust, first, found);
                store(residuals, first, [0.0; LANES]);
                store(compared, first, [0.0; LANES]);
                continue;
            };
            let (motion, own, ids, depths): (_, Words, Words, Words) =
                (eight(motion, first), eight(own, first), eight(ids, first), eight(depths, first));
            let ids = ids.map(|id| id & !SURFACE_TOUCHED);
            // Where no changed instance was or is, a view that has not changed shows what it did.
            let keeps = evidence.frame.still && last.cells == evidence.state.cells;
            let lookup = look_up::<AVX2>(last, evidence.frame, [first, row], (&motion, &ids, &depths));
            let samples: [u8; LANES] = eight(luma, first);
            let (mut found, mut difference, mut counted) = ([NEW; LANES], [0.0; LANES], [0.0; LANES]);
            for lane in 0..LANES {
                let changed = (own[lane] | ids[lane]) & SURFACE_DIFFERENT;
                let untouched = keeps & (motion[lane] == 0) & (flags[lane] & SURFACE_TOUCHED == 0);
                let kept = (evidence.frame.unchanged | untouched) & (lookup.inside[lane] != 0);
                let visible = (lookup.visible[lane] != 0) | kept;
                let valid = visible & (changed == 0);
                let still = evidence.frame.still & (motion[lane] == 0);
                let seen = if still { STILL } else { VALID };
                found[lane] = if valid { seen } else { NEW };
                let plain = evidence.plain_background & (flags[lane] & !SURFACE_TOUCHED == 0);
                found[lane] = if plain { BACKGROUND } else { found[lane] };
                let counts = valid & !plain;
                let residual = f32::from(samples[lane]) * 256.0 - lookup.predicted[lane];
                difference[lane] = if counts { residual } else { 0.0 };
                counted[lane] = if counts { 1.0 } else { 0.0 };
            }
            store(trust, first, found);
            store(residuals, first, difference);
            store(compared, first, counted);
        }
    }

    /// Derives correction, weight and range of a row from the differences around each of its cells.
    #[inline(always)]
    fn compare_row<const AVX2: bool>(&mut self, row: usize) {
        let (width, height) = (self.size.width as usize, self.size.height as usize);
        let span = row * width..(row + 1) * width;
        let trust = &self.trust[span.clone()];
        let rows = [row.saturating_sub(1), row, (row + 1).min(height - 1)];
        let residuals = rows.map(|row| &self.residuals[row * width..(row + 1) * width]);
        let compared = rows.map(|row| &self.compared[row * width..(row + 1) * width]);
        let motion = &self.motion[span.clone()];
        let (correction, keep) = (&mut self.correction[span.clone()], &mut self.keep[span.clone()]);
        let (low, high) = (&mut self.low[span.clone()], &mut self.high[span]);
        for first in self.spans[row].clone().step_by(LANES) {
            let trust = eight(trust, first);
            if trust.iter().all(|trust| *trust == BACKGROUND || *trust == NEW) {
                store(keep, first, [0.0; LANES]);
                continue;
            }
            let (mut sum, mut spread, mut weight) = ([0.0_f32; LANES], [0.0_f32; LANES], [0.0_f32; LANES]);
            for ((residuals, compared), row_share) in residuals.iter().zip(compared).zip([1.0_f32, 2.0, 1.0]) {
                for (offset, column_share) in [(-1, 1.0), (0, 2.0), (1, 1.0)] {
                    let share = row_share * column_share;
                    let (residual, counted) = (shifted(residuals, first, offset), shifted(compared, first, offset));
                    for lane in 0..LANES {
                        sum[lane] += share * residual[lane];
                        spread[lane] += share * residual[lane].abs();
                        weight[lane] += share * counted[lane];
                    }
                }
            }
            let [x, y] = unpacked(eight(motion, first));
            let (lowest, highest): (Floats, Floats) = (eight(low, first), eight(high, first));
            let mut results = [[0.0; LANES]; 4];
            for lane in 0..LANES {
                let inverse = 1.0 / weight[lane].max(1.0);
                let speed = (x[lane] * x[lane] + y[lane] * y[lane]).sqrt().max(SPEED_MIN);
                let disagreement = spread[lane] * inverse / (DISAGREEMENT[0] + DISAGREEMENT[1] / speed);
                let still = trust[lane] == STILL;
                let known = (trust[lane] == STILL) | (trust[lane] == VALID);
                let kept = if still { 1.0 } else { 1.0 / (1.0 + disagreement * disagreement) };
                let more = (highest[lane] - lowest[lane]) * MARGIN;
                results[0][lane] = if still { 0.0 } else { CORRECTION * sum[lane] * inverse };
                results[1][lane] = if known { kept } else { 0.0 };
                results[2][lane] = if still { 0.0 } else { (lowest[lane] - more).max(0.0) };
                results[3][lane] = if still { STILL_HIGH } else { (highest[lane] + more).min(LUMA_MAX) };
            }
            store(correction, first, results[0]);
            store(keep, first, results[1]);
            store(low, first, results[2]);
            store(high, first, results[3]);
        }
    }
}

/// Returns the values beside eight cells; beyond the ends of the row the outermost ones.
#[inline(always)]
fn shifted(values: &[f32], first: usize, offset: isize) -> Floats {
    let start = first as isize + offset;
    if start >= 0 && start as usize + LANES <= values.len() {
        return eight(values, start as usize);
    }
    let last = values.len() as isize - 1;
    let mut result = [0.0; LANES];
    for (lane, result) in result.iter_mut().enumerate() {
        *result = values[(start + lane as isize).clamp(0, last) as usize];
    }
    result
}

/// The history in the places of eight samples.
struct Lookup {
    /// Luma times 256.
    predicted: Floats,
    /// Not 0 if the sample lies within the frame before, which showed the nearest surface of the cell there.
    visible: Words,
    /// Not 0 if the sample lies within the frame before.
    inside: Words,
}

/// Looks eight cells of a row up in the history, in the places where their motion leads.
#[inline(always)]
fn look_up<const AVX2: bool>(
    last: &State,
    frame: &HistoryFrame,
    [first, row]: [usize; 2],
    (motion, ids, depths): (&Words, &Words, &Words),
) -> Lookup {
    #[cfg(target_arch = "x86_64")]
    if AVX2 {
        let before = avx2::Before {
            luma: &last.luma,
            size: last.size_usize(),
            surfaces: [&last.nearest, &last.own].map(|surfaces| (&surfaces.ids[..], &surfaces.depths[..])),
            cells: [last.cells.width as usize, last.cells.height as usize],
            cell_pixels: last.cell_pixels,
        };
        let jitter = frame.jitter.to_array();
        // SAFETY: the processor has AVX2, as `for_processor` has found.
        let avx2::Lookup { predicted, visible, inside } = unsafe {
            avx2::look_up(
                &before,
                [first, row],
                frame.cell_pixels,
                jitter,
                (motion, ids, depths),
                DEPTH_TOLERANCE,
                SURFACE_DIFFERENT | SURFACE_TOUCHED,
            )
        };
        return Lookup { predicted, visible, inside };
    }
    let moved = unpacked(*motion);
    let size = frame.cell_pixels as f32;
    let (mut x, mut y) = ([0.0; LANES], [0.0; LANES]);
    let (mut sample_x, mut sample_y) = ([0.0; LANES], [0.0; LANES]);
    for lane in 0..LANES {
        x[lane] = ((first + lane) as f32 + 0.5) * size + moved[0][lane];
        y[lane] = (row as f32 + 0.5) * size + moved[1][lane];
        sample_x[lane] = x[lane] + (frame.jitter.x - 0.5);
        sample_y[lane] = y[lane] + (frame.jitter.y - 0.5);
    }
    let places = Places::new(sample_x, sample_y, last.size_usize());
    let visible = was_visible(last, x, y, *ids, *depths);
    let predicted = places.fetch(&last.luma, last.size.width as usize);
    let mut lookup = Lookup { predicted, visible: [0; LANES], inside: [0; LANES] };
    for lane in 0..LANES {
        lookup.visible[lane] = u32::from(visible[lane] & (places.inside[lane] > 0.0));
        lookup.inside[lane] = u32::from(places.inside[lane] > 0.0);
    }
    lookup
}

/// Returns whether the frame before showed the nearest surface of each cell in the place, in pixels, where its motion
/// leads.
#[inline(always)]
fn was_visible(last: &State, x: Floats, y: Floats, ids: Words, depths: Words) -> [bool; LANES] {
    let scale = 1.0 / last.cell_pixels as f32;
    let (width, height) = (last.cells.width as i32, last.cells.height as i32);
    let mut at = [0_usize; LANES];
    let mut inside = [false; LANES];
    for lane in 0..LANES {
        let (x, y) = (x[lane] * scale, y[lane] * scale);
        let (column, row) = (truncated(x), truncated(y));
        inside[lane] = (x >= 0.0) & (y >= 0.0) & (column < width) & (row < height);
        at[lane] = (row.clamp(0, height - 1) * width + column.clamp(0, width - 1)) as usize;
    }
    let mut visible = [false; LANES];
    for surfaces in [&last.nearest, &last.own] {
        let (mut found_ids, mut found_depths) = ([0; LANES], [0; LANES]);
        for lane in 0..LANES {
            (found_ids[lane], found_depths[lane]) = (surfaces.ids[at[lane]], surfaces.depths[at[lane]]);
        }
        for lane in 0..LANES {
            let expected = f32::from_bits(depths[lane] << 16);
            let found = f32::from_bits(found_depths[lane] & 0xffff_0000);
            let same = (found_ids[lane] & !(SURFACE_DIFFERENT | SURFACE_TOUCHED)) == ids[lane];
            let near = (found - expected).abs() <= expected * DEPTH_TOLERANCE;
            visible[lane] |= inside[lane] & same & near;
        }
    }
    visible
}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests;

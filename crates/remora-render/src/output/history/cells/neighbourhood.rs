//! Reduction of cells with their eight neighbours: first over three columns, then over three rows.

use std::ops::Range;

use super::super::State;
use super::super::lanes::for_processor;

/// The most recent three rows, each reduced over three columns.
#[derive(Debug, Default)]
pub(super) struct Neighbourhood {
    reduced: [ReducedRow; 3],
}

/// A row of cells, each combined with its neighbours to the left and right.
#[derive(Debug, Default)]
struct ReducedRow {
    low: Vec<u8>,
    high: Vec<u8>,
    flags: Vec<u32>,
    /// Depth, surface and motion of the nearest cell.
    depths: Vec<u32>,
    ids: Vec<u32>,
    motion: Vec<u32>,
}

/// Three neighbouring rows; at the border of the frame, the outermost row twice.
#[derive(Clone, Copy)]
pub(super) struct ThreeRows<'a>([&'a ReducedRow; 3]);

for_processor! {
    fn smallest = three_smallest as (values: &[u8], into: &mut [u8]);
}
for_processor! {
    fn largest = three_largest as (values: &[u8], into: &mut [u8]);
}
for_processor! {
    fn nearer = take_nearer as (into: [&mut [u32]; 3], from: [&[u32]; 3]);
}
for_processor! {
    fn range_of_rows = three_rows_range as (
        rows: ThreeRows<'_>,
        columns: Range<usize>,
        low: &mut [f32],
        high: &mut [f32],
    );
}

impl Neighbourhood {
    /// Reduces the rows that the neighbourhood of a row needs, in the columns of `spans`. Rows come in ascending order.
    pub(super) fn advance(
        &mut self,
        state: &State,
        luma: Option<&[u8]>,
        row: usize,
        spans: &[Range<usize>],
        [width, height]: [usize; 2],
    ) {
        let first = if row == 0 { 0 } else { row + 1 };
        for next in first..(row + 2).min(height) {
            let span = next * width..(next + 1) * width;
            let luma = luma.map(|luma| &luma[span.clone()]);
            let own = [&state.own.depths, &state.own.ids, &state.motion].map(|plane| &plane[span.clone()]);
            // Beside this row, others may need more columns.
            let beside = spans[next.saturating_sub(1)..(next + 2).min(height)].iter().filter(|span| !span.is_empty());
            let columns = beside.cloned().reduce(|one, other| one.start.min(other.start)..one.end.max(other.end));
            self.reduced[next % 3].fill(luma, own, columns.unwrap_or(0..0));
        }
    }

    pub(super) fn rows(&self, row: usize, height: usize) -> ThreeRows<'_> {
        ThreeRows([row.saturating_sub(1), row, (row + 1).min(height - 1)].map(|row| &self.reduced[row % 3]))
    }
}

impl ReducedRow {
    /// Reduces some columns of a row. The others keep what they had and must not be used.
    fn fill(&mut self, luma: Option<&[u8]>, own: [&[u32]; 3], columns: Range<usize>) {
        let width = own[0].len();
        // The neighbours of the outermost columns are needed too.
        let wide = columns.start.saturating_sub(1)..(columns.end + 1).min(width);
        for plane in [&mut self.flags, &mut self.depths, &mut self.ids, &mut self.motion] {
            plane.resize(width, 0);
        }
        self.low.resize(width, 0);
        self.high.resize(width, 0);
        if columns.is_empty() {
            return;
        }
        if let Some(luma) = luma {
            smallest(&luma[wide.clone()], &mut self.low[wide.clone()]);
            largest(&luma[wide.clone()], &mut self.high[wide.clone()]);
        }
        let [depths, ids, motion] = own.map(|plane| &plane[wide.clone()]);
        three(ids, &mut self.flags[wide.clone()], |one, other| one | other);
        let [near, near_ids, near_motion] =
            [&mut self.depths, &mut self.ids, &mut self.motion].map(|plane| &mut plane[wide.clone()]);
        near.copy_from_slice(depths);
        near_ids.copy_from_slice(ids);
        near_motion.copy_from_slice(motion);
        let (before, after) = (..depths.len() - 1, 1..);
        nearer(
            [&mut near[after.clone()], &mut near_ids[after.clone()], &mut near_motion[after.clone()]],
            [&depths[before], &ids[before], &motion[before]],
        );
        nearer(
            [&mut near[before], &mut near_ids[before], &mut near_motion[before]],
            [&depths[after.clone()], &ids[after.clone()], &motion[after]],
        );
    }
}

impl ThreeRows<'_> {
    /// Writes the smallest and largest luma of each neighbourhood, times 256.
    pub(super) fn range(self, columns: Range<usize>, low: &mut [f32], high: &mut [f32]) {
        range_of_rows(self, columns, low, high);
    }

    /// Writes all surfaces and flags of each neighbourhood, combined.
    pub(super) fn flags(self, columns: Range<usize>, into: &mut [u32]) {
        let [above, own, below] = self.0.map(|row| &row.flags[columns.clone()]);
        for (((into, above), own), below) in into.iter_mut().zip(above).zip(own).zip(below) {
            *into = above | own | below;
        }
    }

    /// Writes depth, surface and motion of the nearest cell of each neighbourhood.
    pub(super) fn nearest(self, columns: Range<usize>, [depths, ids, motion]: [&mut [u32]; 3]) {
        let [above, own, below] = self.0;
        depths.copy_from_slice(&own.depths[columns.clone()]);
        ids.copy_from_slice(&own.ids[columns.clone()]);
        motion.copy_from_slice(&own.motion[columns.clone()]);
        for other in [above, below] {
            let from = [&other.depths, &other.ids, &other.motion].map(|plane| &plane[columns.clone()]);
            nearer([&mut *depths, &mut *ids, &mut *motion], from);
        }
    }
}

/// Combines each value with those beside it.
#[inline(always)]
fn three<T: Copy>(values: &[T], into: &mut [T], combine: impl Fn(T, T) -> T) {
    let width = values.len();
    if width < 2 {
        into.copy_from_slice(values);
        return;
    }
    let inner = &mut into[1..width - 1];
    for (into, around) in inner.iter_mut().zip(values.windows(3)) {
        *into = combine(combine(around[0], around[1]), around[2]);
    }
    into[0] = combine(values[0], values[1]);
    into[width - 1] = combine(values[width - 2], values[width - 1]);
}

#[inline(always)]
fn three_smallest<const AVX2: bool>(values: &[u8], into: &mut [u8]) {
    three(values, into, Ord::min);
}

#[inline(always)]
fn three_largest<const AVX2: bool>(values: &[u8], into: &mut [u8]) {
    three(values, into, Ord::max);
}

/// Replaces depth, surface and motion where the other ones are nearer.
#[inline(always)]
fn take_nearer<const AVX2: bool>(
    [depths, ids, motion]: [&mut [u32]; 3],
    [other_depths, other_ids, other_motion]: [&[u32]; 3],
) {
    let length = depths.len();
    let (ids, motion) = (&mut ids[..length], &mut motion[..length]);
    let (other_depths, other_ids, other_motion) =
        (&other_depths[..length], &other_ids[..length], &other_motion[..length]);
    for index in 0..length {
        let nearer = other_depths[index] > depths[index];
        depths[index] = if nearer { other_depths[index] } else { depths[index] };
        ids[index] = if nearer { other_ids[index] } else { ids[index] };
        motion[index] = if nearer { other_motion[index] } else { motion[index] };
    }
}

#[inline(always)]
fn three_rows_range<const AVX2: bool>(
    ThreeRows(rows): ThreeRows<'_>,
    columns: Range<usize>,
    low: &mut [f32],
    high: &mut [f32],
) {
    let length = low.len();
    let lows = rows.map(|row| &row.low[columns.clone()][..length]);
    let highs = rows.map(|row| &row.high[columns.clone()][..length]);
    let high = &mut high[..length];
    for index in 0..length {
        let lowest = lows[0][index].min(lows[1][index]).min(lows[2][index]);
        let highest = highs[0][index].max(highs[1][index]).max(highs[2][index]);
        low[index] = f32::from(lowest) * 256.0;
        high[index] = f32::from(highest) * 256.0;
    }
}

//! Reduction of cells with their eight neighbours: first over three columns, then over three rows.

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
    fn range_of_rows = three_rows_range as (rows: ThreeRows<'_>, low: &mut [f32], high: &mut [f32]);
}

impl Neighbourhood {
    /// Reduces the rows that the neighbourhood of a row needs. Rows come in ascending order.
    pub(super) fn advance(&mut self, state: &State, luma: Option<&[u8]>, row: usize, [width, height]: [usize; 2]) {
        let first = if row == 0 { 0 } else { row + 1 };
        for next in first..(row + 2).min(height) {
            let span = next * width..(next + 1) * width;
            let luma = luma.map(|luma| &luma[span.clone()]);
            let own = [&state.own.depths, &state.own.ids, &state.motion].map(|plane| &plane[span.clone()]);
            self.reduced[next % 3].fill(luma, own);
        }
    }

    pub(super) fn rows(&self, row: usize, height: usize) -> ThreeRows<'_> {
        ThreeRows([row.saturating_sub(1), row, (row + 1).min(height - 1)].map(|row| &self.reduced[row % 3]))
    }
}

impl ReducedRow {
    fn fill(&mut self, luma: Option<&[u8]>, [depths, ids, motion]: [&[u32]; 3]) {
        let width = ids.len();
        if let Some(luma) = luma {
            self.low.resize(width, 0);
            self.high.resize(width, 0);
            smallest(luma, &mut self.low);
            largest(luma, &mut self.high);
        }
        self.flags.resize(width, 0);
        three(ids, &mut self.flags, |one, other| one | other);
        for (into, from) in [(&mut self.depths, depths), (&mut self.ids, ids), (&mut self.motion, motion)] {
            into.clear();
            into.extend_from_slice(from);
        }
        let [near, near_ids, near_motion] = [&mut self.depths[..], &mut self.ids[..], &mut self.motion[..]];
        let (before, after) = (..width - 1, 1..);
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
    pub(super) fn range(self, low: &mut [f32], high: &mut [f32]) {
        range_of_rows(self, low, high);
    }

    /// Writes all surfaces and flags of each neighbourhood, combined.
    pub(super) fn flags(self, into: &mut [u32]) {
        let [above, own, below] = self.0.map(|row| &row.flags);
        for (((into, above), own), below) in into.iter_mut().zip(above).zip(own).zip(below) {
            *into = above | own | below;
        }
    }

    /// Writes depth, surface and motion of the nearest cell of each neighbourhood.
    pub(super) fn nearest(self, depths: &mut [u32], ids: &mut [u32], motion: &mut [u32]) {
        let [above, own, below] = self.0;
        depths.copy_from_slice(&own.depths);
        ids.copy_from_slice(&own.ids);
        motion.copy_from_slice(&own.motion);
        for other in [above, below] {
            let into = [&mut *depths, &mut *ids, &mut *motion];
            nearer(into, [&other.depths, &other.ids, &other.motion]);
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
fn three_smallest(values: &[u8], into: &mut [u8]) {
    three(values, into, |one, other| one.min(other));
}

#[inline(always)]
fn three_largest(values: &[u8], into: &mut [u8]) {
    three(values, into, |one, other| one.max(other));
}

/// Replaces depth, surface and motion where the other ones are nearer.
#[inline(always)]
fn take_nearer([depths, ids, motion]: [&mut [u32]; 3], [other_depths, other_ids, other_motion]: [&[u32]; 3]) {
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
fn three_rows_range(ThreeRows(rows): ThreeRows<'_>, low: &mut [f32], high: &mut [f32]) {
    let length = low.len();
    let lows = rows.map(|row| &row.low[..length]);
    let highs = rows.map(|row| &row.high[..length]);
    let high = &mut high[..length];
    for index in 0..length {
        let lowest = lows[0][index].min(lows[1][index]).min(lows[2][index]);
        let highest = highs[0][index].max(highs[1][index]).max(highs[2][index]);
        low[index] = f32::from(lowest) * 256.0;
        high[index] = f32::from(highest) * 256.0;
    }
}

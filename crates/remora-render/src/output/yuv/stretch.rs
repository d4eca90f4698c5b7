//! Bilinear scaling of one plane, first along the columns, then along the rows.

use super::rows::{ColumnGroup, RowOperations};
use crate::frame::Size;

/// The tables for one pair of sizes.
#[derive(Debug)]
pub(super) struct Stretch {
    from: Size,
    to: Size,
    columns: Columns,
    /// An interpolated row, with room to read whole groups past its end.
    row: Vec<u8>,
}

#[derive(Debug)]
enum Columns {
    Same,
    /// Sixteen inputs suffice for eight outputs.
    Grouped(Vec<ColumnGroup>),
    /// Left input and weight of the right one, times 2^15, of every output. Used where the row shrinks too much for
    /// groups.
    Single(Vec<(u32, i16)>),
}

/// Bytes that can be read past the end of a row.
const SLACK: usize = 16;

impl Stretch {
    pub(super) fn new(from: Size, to: Size) -> Self {
        let positions: Vec<(u32, i16)> = (0..to.width).map(|column| position(column, from.width, to.width)).collect();
        let columns = match () {
            () if from.width == to.width => Columns::Same,
            () => grouped(&positions).map_or_else(|| Columns::Single(positions.clone()), Columns::Grouped),
        };
        Self { from, to, columns, row: vec![0; from.width as usize + SLACK] }
    }

    pub(super) fn is_for(&self, from: Size, to: Size) -> bool {
        (self.from, self.to) == (from, to)
    }

    pub(super) fn apply(&mut self, rows: &RowOperations, plane: &[u8], into: &mut [u8]) {
        let width = self.from.width as usize;
        let source = |row: u32| &plane[row as usize * width..][..width];
        for (row, target) in (0..).zip(into.chunks_exact_mut(self.to.width as usize)) {
            let (upper, share) = position(row, self.from.height, self.to.height);
            let lower = (upper + 1).min(self.from.height - 1);
            match &self.columns {
                Columns::Same => (rows.between)([source(upper), source(lower)], share, target),
                columns => {
                    (rows.between)([source(upper), source(lower)], share, &mut self.row[..width]);
                    // A group may read the neighbour of the last input, with a weight of 0.
                    self.row[width] = self.row[width - 1];
                    along(rows, columns, &self.row, target);
                }
            }
        }
    }
}

fn along(rows: &RowOperations, columns: &Columns, row: &[u8], target: &mut [u8]) {
    match columns {
        Columns::Same => target.copy_from_slice(&row[..target.len()]),
        Columns::Grouped(groups) => (rows.stretched)(row, groups, target),
        Columns::Single(positions) => {
            for ((left, share), value) in positions.iter().zip(target) {
                let [from, to] = [row[*left as usize], row[*left as usize + 1]].map(i32::from);
                *value = (from + (((to - from) * i32::from(*share) + (1 << 14)) >> 15)) as u8;
            }
        }
    }
}

/// Returns the input before an output's centre, and the weight of the next one times 2^15.
fn position(output: u32, inputs: u32, outputs: u32) -> (u32, i16) {
    let center = (f64::from(output) + 0.5) * f64::from(inputs) / f64::from(outputs) - 0.5;
    let center = center.clamp(0.0, f64::from(inputs - 1));
    let first = (center.floor() as u32).min(inputs - 1);
    let share = (center - f64::from(first)) * 32768.0;
    (first, share.round().min(32767.0) as i16)
}

/// Returns the positions as groups, or `None` if eight outputs span more than sixteen inputs.
fn grouped(positions: &[(u32, i16)]) -> Option<Vec<ColumnGroup>> {
    positions
        .chunks(8)
        .map(|chunk| {
            let start = chunk[0].0;
            let mut group = ColumnGroup { start, left: [0; 8], right: [0; 8], share: [0; 8] };
            for (lane, (left, share)) in chunk.iter().enumerate() {
                let left = u8::try_from(left - start).ok().filter(|left| *left < 15)?;
                group.left[lane] = left;
                group.right[lane] = left + 1;
                group.share[lane] = *share;
            }
            Some(group)
        })
        .collect()
}

//! Operations on rows of pixels.

pub(super) use crate::kernels::shared::{CHROMA_OFFSET, CHROMA_U, CHROMA_V, LUMA, LUMA_OFFSET};

/// Eight outputs of a stretched row, which depend on sixteen neighbouring inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ColumnGroup {
    /// First of the sixteen inputs.
    pub start: u32,
    /// Index among the inputs of the left and of the right neighbour of each output.
    pub left: [u8; 8],
    pub right: [u8; 8],
    /// Weight of the right neighbour, times 2^15.
    pub share: [i16; 8],
}

/// A row and the one below it.
pub(super) type TwoRows<'a> = [&'a [u8]; 2];

/// An implementation of all row operations. The length of the output decides how many pixels are processed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RowOperations {
    /// Computes one value per pixel from coefficients and offset.
    pub(super) weighted: fn(&[u8], [i16; 3], i32, &mut [u8]),
    /// Computes one value per 2x2 pixels of two rows.
    pub(super) weighted_2x2: fn(TwoRows<'_>, [i16; 3], i32, &mut [u8]),
    /// Interpolates between two rows, with the weight of the second one times 2^15.
    pub(super) between: fn(TwoRows<'_>, i16, &mut [u8]),
    /// Stretches a row that has at least 16 bytes after the start of every group.
    pub(super) stretched: fn(&[u8], &[ColumnGroup], &mut [u8]),
}

impl RowOperations {
    pub(crate) const PORTABLE: RowOperations = RowOperations { weighted, weighted_2x2, between, stretched };

    pub(crate) fn detect() -> RowOperations {
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2") {
            return super::rows_avx2::ROWS;
        }
        Self::PORTABLE
    }
}

pub(super) fn weighted(rgba: &[u8], coefficients: [i16; 3], offset: i32, into: &mut [u8]) {
    let start = (offset << 15) + (1 << 14);
    for (pixel, value) in rgba.as_chunks::<4>().0.iter().zip(into) {
        *value = ((start + product(*pixel, coefficients)) >> 15) as u8;
    }
}

pub(super) fn weighted_2x2(rgba: TwoRows<'_>, coefficients: [i16; 3], offset: i32, into: &mut [u8]) {
    let start = (offset << 17) + (1 << 16);
    let pairs = rgba.map(|row| row.as_chunks::<8>().0);
    for ((upper, lower), value) in pairs[0].iter().zip(pairs[1]).zip(into) {
        let pixels = upper.as_chunks::<4>().0.iter().chain(lower.as_chunks::<4>().0);
        let sum: i32 = pixels.map(|pixel| product(*pixel, coefficients)).sum();
        *value = ((start + sum) >> 17) as u8;
    }
}

fn product(pixel: [u8; 4], coefficients: [i16; 3]) -> i32 {
    pixel.iter().zip(coefficients).map(|(value, coefficient)| i32::from(*value) * i32::from(coefficient)).sum()
}

pub(super) fn between([upper, lower]: TwoRows<'_>, share: i16, into: &mut [u8]) {
    for ((upper, lower), value) in upper.iter().zip(lower).zip(into) {
        *value = mixed(*upper, *lower, share);
    }
}

pub(super) fn stretched(row: &[u8], groups: &[ColumnGroup], into: &mut [u8]) {
    for (group, values) in groups.iter().zip(into.chunks_mut(8)) {
        let inputs = &row[group.start as usize..];
        for (lane, value) in values.iter_mut().enumerate() {
            let [left, right] = [group.left[lane], group.right[lane]].map(|index| inputs[index as usize]);
            *value = mixed(left, right, group.share[lane]);
        }
    }
}

/// Interpolates and rounds like the `pmulhrsw` instruction.
fn mixed(from: u8, to: u8, share: i16) -> u8 {
    let difference = i32::from(to) - i32::from(from);
    (i32::from(from) + ((difference * i32::from(share) + (1 << 14)) >> 15)) as u8
}

//! Conversion of pixels to planes of luma and chroma.

use super::rows::{CHROMA_OFFSET, CHROMA_U, CHROMA_V, LUMA, LUMA_OFFSET, RowOperations};
use crate::frame::Size;

/// Makes I420 of the same size, which is even.
pub(super) fn halved(rows: &RowOperations, rgba: &[u8], size: Size, [y, u, v]: [&mut [u8]; 3]) {
    let (width, half) = (size.width as usize, size.width as usize / 2);
    let pairs = rgba.chunks_exact(width * 8).zip(y.chunks_exact_mut(width * 2));
    for ((pixels, luma), (u, v)) in pairs.zip(u.chunks_exact_mut(half).zip(v.chunks_exact_mut(half))) {
        (rows.weighted)(pixels, LUMA, LUMA_OFFSET, luma);
        let (upper, lower) = pixels.split_at(width * 4);
        (rows.weighted_2x2)([upper, lower], CHROMA_U, CHROMA_OFFSET, u);
        (rows.weighted_2x2)([upper, lower], CHROMA_V, CHROMA_OFFSET, v);
    }
}

/// Makes three planes of the same size.
pub(super) fn full(rows: &RowOperations, rgba: &[u8], size: Size, [y, u, v]: [&mut Vec<u8>; 3]) {
    let width = size.width as usize;
    for plane in [&mut *y, &mut *u, &mut *v] {
        plane.resize(size.pixels() as usize, 0);
    }
    // Going row by row, the second and third plane find the pixels in the cache.
    let planes = y.chunks_exact_mut(width).zip(u.chunks_exact_mut(width)).zip(v.chunks_exact_mut(width));
    for (pixels, ((y, u), v)) in rgba.chunks_exact(width * 4).zip(planes) {
        (rows.weighted)(pixels, LUMA, LUMA_OFFSET, y);
        (rows.weighted)(pixels, CHROMA_U, CHROMA_OFFSET, u);
        (rows.weighted)(pixels, CHROMA_V, CHROMA_OFFSET, v);
    }
}

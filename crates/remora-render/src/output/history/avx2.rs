//! Eight cells or pixels at a time by the instructions of AVX2. The results equal those of the portable code.

#![allow(clippy::wildcard_imports, reason = "a list of some thirty intrinsics would tell nothing")]
use std::arch::x86_64::*;

use super::lanes::{Floats, LANES, Words};

/// Places between pixels, as `lanes::Places`.
#[derive(Clone, Copy)]
pub(super) struct Places {
    at: __m256i,
    right: __m256,
    lower: __m256,
    inside: __m256,
}

#[inline]
#[target_feature(enable = "avx2")]
fn load(values: &Floats) -> __m256 {
    // SAFETY: the array has eight floats, and the load needs no alignment.
    unsafe { _mm256_loadu_ps(values.as_ptr()) }
}

#[inline]
#[target_feature(enable = "avx2")]
fn load_words(values: &Words) -> __m256i {
    // SAFETY: the array has eight words, and the load needs no alignment.
    unsafe { _mm256_loadu_si256(values.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx2")]
fn stored(values: __m256) -> Floats {
    let mut result = [0.0; LANES];
    // SAFETY: the array has eight floats, and the store needs no alignment.
    unsafe { _mm256_storeu_ps(result.as_mut_ptr(), values) };
    result
}

#[inline]
#[target_feature(enable = "avx2")]
fn stored_words(values: __m256i) -> Words {
    let mut result = [0; LANES];
    // SAFETY: the array has eight words, and the store needs no alignment.
    unsafe { _mm256_storeu_si256(result.as_mut_ptr().cast(), values) };
    result
}

/// Returns motion in pixels from its packed form.
#[inline]
#[target_feature(enable = "avx2")]
fn unpacked(motion: &Words) -> [__m256; 2] {
    let motion = load_words(motion);
    let pixels = _mm256_set1_ps(1.0 / crate::kernels::shared::MOTION_STEPS);
    let x = _mm256_srai_epi32::<16>(_mm256_slli_epi32::<16>(motion));
    let y = _mm256_srai_epi32::<16>(motion);
    [_mm256_mul_ps(_mm256_cvtepi32_ps(x), pixels), _mm256_mul_ps(_mm256_cvtepi32_ps(y), pixels)]
}

#[inline]
#[target_feature(enable = "avx2")]
fn clamped(value: __m256i, last: i32) -> __m256i {
    _mm256_min_epi32(_mm256_max_epi32(value, _mm256_setzero_si256()), _mm256_set1_epi32(last))
}

#[inline]
#[target_feature(enable = "avx2")]
fn between_0_and_1(value: __m256) -> __m256 {
    _mm256_min_ps(_mm256_max_ps(value, _mm256_setzero_ps()), _mm256_set1_ps(1.0))
}

impl Places {
    #[inline]
    #[target_feature(enable = "avx2")]
    fn new(x: __m256, y: __m256, [width, height]: [usize; 2]) -> Self {
        let column = clamped(_mm256_cvttps_epi32(x), width as i32 - 2);
        let row = clamped(_mm256_cvttps_epi32(y), height as i32 - 2);
        let low = _mm256_set1_ps(-0.5);
        let ends = [width, height].map(|length| length as f32 - 0.5);
        let inside_x =
            _mm256_and_ps(_mm256_cmp_ps::<_CMP_GE_OQ>(x, low), _mm256_cmp_ps::<_CMP_LE_OQ>(x, _mm256_set1_ps(ends[0])));
        let inside_y =
            _mm256_and_ps(_mm256_cmp_ps::<_CMP_GE_OQ>(y, low), _mm256_cmp_ps::<_CMP_LE_OQ>(y, _mm256_set1_ps(ends[1])));
        Self {
            at: _mm256_add_epi32(_mm256_mullo_epi32(row, _mm256_set1_epi32(width as i32)), column),
            right: between_0_and_1(_mm256_sub_ps(x, _mm256_cvtepi32_ps(column))),
            lower: between_0_and_1(_mm256_sub_ps(y, _mm256_cvtepi32_ps(row))),
            inside: _mm256_and_ps(inside_x, inside_y),
        }
    }

    /// Interpolates bilinearly in a plane of the size that the places are for.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn fetch(&self, plane: &[u16], [width, height]: [usize; 2]) -> __m256 {
        assert!(plane.len() >= width * height);
        let pair = |at: __m256i| {
            // SAFETY: column and row are at most those of the last but one pixel, so that two pixels can be read.
            let words = unsafe { _mm256_i32gather_epi32::<2>(plane.as_ptr().cast(), at) };
            let left = _mm256_cvtepi32_ps(_mm256_and_si256(words, _mm256_set1_epi32(0xffff)));
            let right = _mm256_cvtepi32_ps(_mm256_srli_epi32::<16>(words));
            _mm256_add_ps(left, _mm256_mul_ps(_mm256_sub_ps(right, left), self.right))
        };
        let upper = pair(self.at);
        let lower = pair(_mm256_add_epi32(self.at, _mm256_set1_epi32(width as i32)));
        _mm256_add_ps(upper, _mm256_mul_ps(_mm256_sub_ps(lower, upper), self.lower))
    }

    /// Returns the nearest values of a plane that has three more bytes at its end.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn nearest(&self, plane: &[u8], [width, height]: [usize; 2]) -> __m256 {
        assert!(plane.len() >= width * height + 3);
        let half = _mm256_set1_ps(0.5);
        // A true comparison is -1.
        let right = _mm256_castps_si256(_mm256_cmp_ps::<_CMP_GE_OQ>(self.right, half));
        let lower = _mm256_castps_si256(_mm256_cmp_ps::<_CMP_GE_OQ>(self.lower, half));
        let at = _mm256_sub_epi32(self.at, right);
        let at = _mm256_add_epi32(at, _mm256_and_si256(lower, _mm256_set1_epi32(width as i32)));
        // SAFETY: the place is one of the plane's, and up to three bytes behind it are read.
        let words = unsafe { _mm256_i32gather_epi32::<1>(plane.as_ptr().cast(), at) };
        _mm256_cvtepi32_ps(_mm256_and_si256(words, _mm256_set1_epi32(0xff)))
    }
}

/// The history in the places of eight samples.
pub(super) struct Lookup {
    /// Luma times 256.
    pub(super) predicted: Floats,
    /// All bits if the sample lies within the frame and the same surface was visible, or else none.
    pub(super) visible: Words,
    /// All bits if the sample lies within the frame, or else none.
    pub(super) inside: Words,
}

/// Surfaces of the frame before.
pub(super) struct Before<'a> {
    pub(super) luma: &'a [u16],
    pub(super) size: [usize; 2],
    pub(super) surfaces: [(&'a [u32], &'a [u32]); 2],
    pub(super) cells: [usize; 2],
    pub(super) cell_pixels: u32,
}

/// Looks eight cells of a row up, as `cells::look_up` does.
#[target_feature(enable = "avx2")]
pub(super) fn look_up(
    before: &Before<'_>,
    [first, row]: [usize; 2],
    cell_pixels: u32,
    jitter: [f32; 2],
    (motion, ids, depths): (&Words, &Words, &Words),
    tolerance: f32,
    ignored: u32,
) -> Lookup {
    let [moved_x, moved_y] = unpacked(motion);
    let size = cell_pixels as f32;
    let lanes = _mm256_setr_ps(0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0);
    let columns = _mm256_add_ps(lanes, _mm256_set1_ps(first as f32 + 0.5));
    let x = _mm256_add_ps(_mm256_mul_ps(columns, _mm256_set1_ps(size)), moved_x);
    let y = _mm256_add_ps(_mm256_set1_ps((row as f32 + 0.5) * size), moved_y);
    let places = Places::new(
        _mm256_add_ps(x, _mm256_set1_ps(jitter[0] - 0.5)),
        _mm256_add_ps(y, _mm256_set1_ps(jitter[1] - 0.5)),
        before.size,
    );
    let predicted = places.fetch(before.luma, before.size);

    let scale = _mm256_set1_ps(1.0 / before.cell_pixels as f32);
    let (x, y) = (_mm256_mul_ps(x, scale), _mm256_mul_ps(y, scale));
    let [width, height] = before.cells.map(|length| length as i32);
    let (column, row) = (_mm256_cvttps_epi32(x), _mm256_cvttps_epi32(y));
    let zero = _mm256_setzero_ps();
    let positive = _mm256_and_ps(_mm256_cmp_ps::<_CMP_GE_OQ>(x, zero), _mm256_cmp_ps::<_CMP_GE_OQ>(y, zero));
    let within = _mm256_and_si256(
        _mm256_cmpgt_epi32(_mm256_set1_epi32(width), column),
        _mm256_cmpgt_epi32(_mm256_set1_epi32(height), row),
    );
    let inside = _mm256_and_si256(_mm256_castps_si256(_mm256_and_ps(positive, places.inside)), within);
    let row = clamped(row, height - 1);
    let at = _mm256_add_epi32(_mm256_mullo_epi32(row, _mm256_set1_epi32(width)), clamped(column, width - 1));
    let expected = _mm256_castsi256_ps(_mm256_slli_epi32::<16>(load_words(depths)));
    let tolerated = _mm256_mul_ps(expected, _mm256_set1_ps(tolerance));
    let ids = load_words(ids);
    let mut visible = _mm256_setzero_si256();
    for (found_ids, found_depths) in before.surfaces {
        assert!(found_ids.len() >= (width * height) as usize && found_depths.len() >= (width * height) as usize);
        // SAFETY: the place is that of a cell, and both slices have all cells.
        let (found_ids, found_depths) = unsafe {
            (
                _mm256_i32gather_epi32::<4>(found_ids.as_ptr().cast(), at),
                _mm256_i32gather_epi32::<4>(found_depths.as_ptr().cast(), at),
            )
        };
        let same = _mm256_cmpeq_epi32(_mm256_andnot_si256(_mm256_set1_epi32(ignored as i32), found_ids), ids);
        let found = _mm256_castsi256_ps(_mm256_and_si256(found_depths, _mm256_set1_epi32(0xffff_0000_u32 as i32)));
        let distance = _mm256_andnot_ps(_mm256_set1_ps(-0.0), _mm256_sub_ps(found, expected));
        let near = _mm256_castps_si256(_mm256_cmp_ps::<_CMP_LE_OQ>(distance, tolerated));
        visible = _mm256_or_si256(visible, _mm256_and_si256(same, near));
    }
    Lookup {
        predicted: stored(predicted),
        visible: stored_words(_mm256_and_si256(visible, inside)),
        inside: stored_words(inside),
    }
}

/// Properties of eight cells.
pub(super) struct EightCells<'a> {
    pub(super) motion: &'a Words,
    pub(super) low: &'a Floats,
    pub(super) high: &'a Floats,
    pub(super) correction: &'a Floats,
    pub(super) keep: &'a Floats,
}

/// Eight pixels: luma times 256, weight, and luma, as words.
#[derive(Clone, Copy)]
struct EightPixels {
    luma: __m256i,
    weights: __m256i,
    into: __m256i,
}

/// The history of luma that pixels are combined with.
pub(super) struct History<'a> {
    pub(super) luma: &'a [u16],
    pub(super) weights: &'a [u8],
    pub(super) size: [usize; 2],
    /// Largest weight, and steps of a stored weight.
    pub(super) weight_max: f32,
    pub(super) weight_steps: f32,
    /// Weight of finished pixels, and the upper bound of luma of cells that are still.
    pub(super) finished: [f32; 2],
}

/// New luma of the pixels of eight cells, for each column of pixels within cells: value times 256 and weight.
pub(super) type FreshColumns<'a> = [(&'a Floats, f32); 2];

/// Combines samples and history in eight cells, as `pixels::combine` does. The outputs have the pixels of these cells:
/// 8 or 16. Returns the number of pixels with a history.
#[target_feature(enable = "avx2")]
pub(super) fn combine(
    last: &History<'_>,
    cells: &EightCells<'_>,
    [first_x, y]: [usize; 2],
    fresh: FreshColumns<'_>,
    (luma, weights, into): (&mut [u16], &mut [u8], &mut [u8]),
) -> u32 {
    let step = luma.len() / LANES;
    let [moved_x, moved_y] = unpacked(cells.motion);
    let lanes = _mm256_setr_ps(0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0);
    let y = _mm256_add_ps(_mm256_set1_ps(y as f32), moved_y);
    let lane_x = _mm256_mul_ps(lanes, _mm256_set1_ps(step as f32));
    let mut known = 0;
    let zero = _mm256_setzero_si256();
    let mut columns = [EightPixels { luma: zero, weights: zero, into: zero }; 2];
    for column in 0..step {
        let x = _mm256_add_ps(_mm256_add_ps(lane_x, _mm256_set1_ps((first_x + column) as f32)), moved_x);
        let places = Places::new(x, y, last.size);
        let (found, mask) = combined(last, cells, &places, load(fresh[column].0), fresh[column].1);
        columns[column] = found;
        known += (mask as u32).count_ones();
    }
    let [left, right] = columns;
    if step == 1 {
        let packed = |words: __m256i| {
            let pairs = _mm256_packus_epi32(words, words);
            _mm256_castsi256_si128(_mm256_permute4x64_epi64::<0b1000>(pairs))
        };
        let (narrow_weights, narrow) = (packed(left.weights), packed(left.into));
        let luma: &mut [u16; 8] = luma.try_into().expect("the caller passes the pixels of eight cells");
        let weights: &mut [u8; 8] = weights.try_into().expect("the caller passes the pixels of eight cells");
        let into: &mut [u8; 8] = into.try_into().expect("the caller passes the pixels of eight cells");
        // SAFETY: the arrays have as many bytes as are stored, and the stores need no alignment.
        unsafe {
            _mm_storeu_si128(luma.as_mut_ptr().cast(), packed(left.luma));
            _mm_storel_epi64(weights.as_mut_ptr().cast(), _mm_packus_epi16(narrow_weights, narrow_weights));
            _mm_storel_epi64(into.as_mut_ptr().cast(), _mm_packus_epi16(narrow, narrow));
        }
    } else {
        // Left pixels in the lower, right ones in the upper half of each word.
        let pairs = |left: __m256i, right: __m256i| _mm256_or_si256(left, _mm256_slli_epi32::<16>(right));
        let narrowed = |words: __m256i| {
            let bytes = _mm256_packus_epi16(words, words);
            _mm256_castsi256_si128(_mm256_permute4x64_epi64::<0b1000>(bytes))
        };
        let luma: &mut [u16; 16] = luma.try_into().expect("the caller passes the pixels of eight cells");
        let weights: &mut [u8; 16] = weights.try_into().expect("the caller passes the pixels of eight cells");
        let into: &mut [u8; 16] = into.try_into().expect("the caller passes the pixels of eight cells");
        // SAFETY: the arrays have as many bytes as are stored, and the stores need no alignment.
        unsafe {
            _mm256_storeu_si256(luma.as_mut_ptr().cast(), pairs(left.luma, right.luma));
            _mm_storeu_si128(weights.as_mut_ptr().cast(), narrowed(pairs(left.weights, right.weights)));
            _mm_storeu_si128(into.as_mut_ptr().cast(), narrowed(pairs(left.into, right.into)));
        }
    }
    known
}

/// Returns eight pixels, and a mask of those with a history.
#[inline]
#[target_feature(enable = "avx2")]
fn combined(
    last: &History<'_>,
    cells: &EightCells<'_>,
    places: &Places,
    fresh: __m256,
    fresh_weight: f32,
) -> (EightPixels, i32) {
    let before = places.fetch(last.luma, last.size);
    let held = _mm256_and_ps(places.nearest(last.weights, last.size), places.inside);
    let held = _mm256_mul_ps(_mm256_mul_ps(held, load(cells.keep)), _mm256_set1_ps(1.0 / last.weight_steps));
    let known = _mm256_cmp_ps::<_CMP_GT_OQ>(held, _mm256_setzero_ps());
    let history = _mm256_add_ps(before, load(cells.correction));
    let history = _mm256_min_ps(_mm256_max_ps(history, load(cells.low)), load(cells.high));
    let history = _mm256_blendv_ps(fresh, history, known);
    let [finished_weight, still_high] = last.finished.map(|value| _mm256_set1_ps(value));
    let finished = _mm256_and_ps(
        _mm256_cmp_ps::<_CMP_GE_OQ>(load(cells.high), still_high),
        _mm256_cmp_ps::<_CMP_GE_OQ>(held, finished_weight),
    );
    let weight_max = _mm256_set1_ps(last.weight_max);
    let weight = _mm256_andnot_ps(finished, _mm256_set1_ps(fresh_weight));
    let held = _mm256_min_ps(held, _mm256_blendv_ps(weight_max, finished_weight, finished));
    let sum = _mm256_add_ps(held, weight);
    let share = _mm256_div_ps(weight, sum);
    let value = _mm256_add_ps(history, _mm256_mul_ps(_mm256_sub_ps(fresh, history), share));
    let half = _mm256_set1_ps(0.5);
    let narrow = _mm256_mul_ps(_mm256_add_ps(value, _mm256_set1_ps(128.0)), _mm256_set1_ps(1.0 / 256.0));
    let kept = _mm256_blendv_ps(_mm256_min_ps(sum, weight_max), finished_weight, finished);
    let kept = _mm256_mul_ps(kept, _mm256_set1_ps(last.weight_steps));
    let pixels = EightPixels {
        luma: _mm256_cvttps_epi32(_mm256_add_ps(value, half)),
        weights: _mm256_cvttps_epi32(_mm256_add_ps(kept, half)),
        into: _mm256_min_epi32(_mm256_cvttps_epi32(narrow), _mm256_set1_epi32(255)),
    };
    (pixels, _mm256_movemask_ps(known))
}

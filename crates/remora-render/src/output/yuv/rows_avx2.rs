//! Row operations for AVX2. The portable code processes the rest of a row that does not fill a register, with equal
//! results.

#[allow(clippy::wildcard_imports, reason = "a list of some thirty intrinsics would tell nothing")]
use std::arch::x86_64::*;

use super::rows::{self, ColumnGroup, RowOperations, TwoRows};

/// Row operations that may be called only where AVX2 has been detected.
pub(super) const ROWS: RowOperations = RowOperations { weighted, weighted_2x2, between, stretched };

fn weighted(rgba: &[u8], coefficients: [i16; 3], offset: i32, into: &mut [u8]) {
    // SAFETY: `ROWS` is used only where AVX2 has been detected.
    let done = unsafe { weighted_avx2(rgba, coefficients, offset, into) };
    rows::weighted(&rgba[done * 4..], coefficients, offset, &mut into[done..]);
}

fn weighted_2x2(rgba: TwoRows<'_>, coefficients: [i16; 3], offset: i32, into: &mut [u8]) {
    // SAFETY: as in `weighted`.
    let done = unsafe { weighted_2x2_avx2(rgba, coefficients, offset, into) };
    rows::weighted_2x2(rgba.map(|row| &row[done * 8..]), coefficients, offset, &mut into[done..]);
}

fn between(sources: TwoRows<'_>, share: i16, into: &mut [u8]) {
    // SAFETY: as in `weighted`.
    let done = unsafe { between_avx2(sources, share, into) };
    rows::between(sources.map(|row| &row[done..]), share, &mut into[done..]);
}

fn stretched(row: &[u8], groups: &[ColumnGroup], into: &mut [u8]) {
    // SAFETY: as in `weighted`.
    let done = unsafe { stretched_avx2(row, groups, into) };
    rows::stretched(row, &groups[done..], &mut into[done * 8..]);
}

#[target_feature(enable = "avx2")]
fn load_32(bytes: &[u8; 32]) -> __m256i {
    // SAFETY: the array has 32 bytes, and the load needs no alignment.
    unsafe { _mm256_loadu_si256(bytes.as_ptr().cast()) }
}

#[target_feature(enable = "avx2")]
fn load_16(bytes: &[u8; 16]) -> __m128i {
    // SAFETY: the array has 16 bytes, and the load needs no alignment.
    unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) }
}

#[target_feature(enable = "avx2")]
fn store_16(bytes: &mut [u8; 16], value: __m128i) {
    // SAFETY: the array has 16 bytes, and the store needs no alignment.
    unsafe { _mm_storeu_si128(bytes.as_mut_ptr().cast(), value) }
}

#[target_feature(enable = "avx2")]
fn store_8(bytes: &mut [u8; 8], value: __m128i) {
    // SAFETY: the array has 8 bytes, and the store needs no alignment.
    unsafe { _mm_storel_epi64(bytes.as_mut_ptr().cast(), value) }
}

/// Returns the factors of red, green and blue, and 0 for alpha, for every pixel.
#[target_feature(enable = "avx2")]
fn factors([red, green, blue]: [i16; 3]) -> __m256i {
    let words = [red, green, blue, 0].map(|word| u64::from(word as u16));
    _mm256_set1_epi64x((words[0] | words[1] << 16 | words[2] << 32) as i64)
}

/// Returns eight sums of products of eight pixels, in order within each half of the register.
#[target_feature(enable = "avx2")]
fn products(pixels: __m256i, factors: __m256i) -> __m256i {
    let zero = _mm256_setzero_si256();
    let low = _mm256_madd_epi16(_mm256_unpacklo_epi8(pixels, zero), factors);
    let high = _mm256_madd_epi16(_mm256_unpackhi_epi8(pixels, zero), factors);
    _mm256_hadd_epi32(low, high)
}

/// Returns sixteen bytes of two registers of eight words, whose halves are in order.
#[target_feature(enable = "avx2")]
fn bytes_of(first: __m256i, second: __m256i) -> __m128i {
    // Packing works on halves: first low, second low, first high, second high.
    let words = _mm256_permute4x64_epi64::<0b11_01_10_00>(_mm256_packs_epi32(first, second));
    _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256::<1>(words))
}

#[target_feature(enable = "avx2")]
fn weighted_avx2(rgba: &[u8], coefficients: [i16; 3], offset: i32, into: &mut [u8]) -> usize {
    let factors = factors(coefficients);
    let start = _mm256_set1_epi32((offset << 15) + (1 << 14));
    let mut done = 0;
    for (pixels, values) in rgba.as_chunks::<64>().0.iter().zip(into.as_chunks_mut::<16>().0) {
        let [first, second] = [0, 1].map(|half| {
            let sums = products(load_32(&pixels.as_chunks::<32>().0[half]), factors);
            _mm256_srai_epi32::<15>(_mm256_add_epi32(sums, start))
        });
        store_16(values, bytes_of(first, second));
        done += 16;
    }
    done
}

#[target_feature(enable = "avx2")]
fn weighted_2x2_avx2(rgba: TwoRows<'_>, coefficients: [i16; 3], offset: i32, into: &mut [u8]) -> usize {
    let factors = factors(coefficients);
    let start = _mm256_set1_epi32((offset << 17) + (1 << 16));
    let rows = rgba.map(|row| row.as_chunks::<64>().0);
    let mut done = 0;
    for ((upper, lower), values) in rows[0].iter().zip(rows[1]).zip(into.as_chunks_mut::<8>().0) {
        let [first, second] = [0, 1].map(|half| {
            let upper = products(load_32(&upper.as_chunks::<32>().0[half]), factors);
            let lower = products(load_32(&lower.as_chunks::<32>().0[half]), factors);
            _mm256_add_epi32(upper, lower)
        });
        // Pairs of the first and of the second register, in both halves.
        let sums = _mm256_permute4x64_epi64::<0b11_01_10_00>(_mm256_hadd_epi32(first, second));
        let values_32 = _mm256_srai_epi32::<17>(_mm256_add_epi32(sums, start));
        store_8(values, bytes_of(values_32, values_32));
        done += 8;
    }
    done
}

#[target_feature(enable = "avx2")]
fn between_avx2(sources: TwoRows<'_>, share: i16, into: &mut [u8]) -> usize {
    let share = _mm256_set1_epi16(share);
    let rows = sources.map(|row| row.as_chunks::<16>().0);
    let mut done = 0;
    for ((upper, lower), values) in rows[0].iter().zip(rows[1]).zip(into.as_chunks_mut::<16>().0) {
        let upper = _mm256_cvtepu8_epi16(load_16(upper));
        let lower = _mm256_cvtepu8_epi16(load_16(lower));
        let mixed = _mm256_add_epi16(upper, _mm256_mulhrs_epi16(_mm256_sub_epi16(lower, upper), share));
        let (low, high) = (_mm256_castsi256_si128(mixed), _mm256_extracti128_si256::<1>(mixed));
        store_16(values, _mm_packus_epi16(low, high));
        done += 16;
    }
    done
}

#[target_feature(enable = "avx2")]
fn stretched_avx2(row: &[u8], groups: &[ColumnGroup], into: &mut [u8]) -> usize {
    let mut done = 0;
    for (group, values) in groups.iter().zip(into.as_chunks_mut::<8>().0) {
        let Some(inputs) = row.get(group.start as usize..).and_then(|row| row.first_chunk::<16>()) else { break };
        let inputs = load_16(inputs);
        let pick = |indices: [u8; 8]| {
            let indices = _mm_cvtsi64_si128(i64::from_le_bytes(indices));
            _mm_cvtepu8_epi16(_mm_shuffle_epi8(inputs, indices))
        };
        let (left, right) = (pick(group.left), pick(group.right));
        let share = load_16(bytemuck::cast_ref(&group.share));
        let mixed = _mm_add_epi16(left, _mm_mulhrs_epi16(_mm_sub_epi16(right, left), share));
        store_8(values, _mm_packus_epi16(mixed, mixed));
        done += 1;
    }
    done
}

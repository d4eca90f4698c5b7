//! Compresses texture layers to BC7, which keeps 4 by 4 texels in 16 bytes.

use std::collections::HashMap;

use block_compression::{BC7Settings, CompressionVariant};
use rayon::prelude::*;
use remora_asset::layers::{blocks_wide, compressed_bytes, levels};

const BLOCK_BYTES: usize = 16;
/// Bytes of a block as RGBA.
const BLOCK_TEXELS_BYTES: usize = 64;
/// Blocks that a thread compresses at a time.
const PIECE_BLOCKS: usize = 1024;
/// Settings for blocks without alpha. They are within 0.1 dB of [`ALPHA`] and take two fifths of its time, measured on
/// four textures of FlightHelmet. The next faster settings lose 3 to 7 dB.
const OPAQUE: BC7Settings = BC7Settings::opaque_very_fast();
const ALPHA: BC7Settings = BC7Settings::alpha_fast();

/// Compresses a layer in RGBA with all levels, the largest first, on all threads. The levels of the result have the
/// same order.
pub(crate) fn compressed(texels: &[u8], side: u32) -> Vec<u8> {
    let mut blocks = vec![0; compressed_bytes(side) as usize];
    let (mut texels, mut rest) = (texels, &mut blocks[..]);
    for side in levels(side) {
        let (level, smaller) = texels.split_at((side * side * 4) as usize);
        let (of_level, others) = rest.split_at_mut((blocks_wide(side).pow(2) * 16) as usize);
        (texels, rest) = (smaller, others);
        of_level.par_chunks_mut(PIECE_BLOCKS * BLOCK_BYTES).enumerate().for_each(|(piece, blocks)| {
            compress_piece(level, side, piece * PIECE_BLOCKS, blocks);
        });
    }
    blocks
}

/// Compresses blocks, beginning with number `first`. Equal blocks are compressed once, because large parts of many
/// textures have a single colour.
fn compress_piece(level: &[u8], side: u32, first: usize, blocks: &mut [u8]) {
    let wide = blocks_wide(side) as usize;
    // Texels of different opaque blocks, and of blocks with alpha.
    let mut different: [Vec<u8>; 2] = Default::default();
    let mut known: HashMap<[u8; BLOCK_TEXELS_BYTES], (usize, usize)> = HashMap::new();
    let which: Vec<(usize, usize)> = (first..first + blocks.len() / BLOCK_BYTES)
        .map(|number| {
            let texels = texels_of(level, side as usize, number % wide, number / wide);
            *known.entry(texels).or_insert_with(|| {
                let kind = usize::from(texels.iter().skip(3).step_by(4).any(|alpha| *alpha < u8::MAX));
                different[kind].extend(texels);
                (kind, different[kind].len() / BLOCK_TEXELS_BYTES - 1)
            })
        })
        .collect();
    let made = [OPAQUE, ALPHA].into_iter().zip(&different).map(|(settings, texels)| {
        let mut made = vec![0; texels.len() / BLOCK_TEXELS_BYTES * BLOCK_BYTES];
        // The blocks form an image that is one block wide.
        let height = (texels.len() / BLOCK_TEXELS_BYTES) as u32 * 4;
        if height > 0 {
            block_compression::encode::compress_rgba8(
                CompressionVariant::BC7(settings),
                texels,
                &mut made,
                4,
                height,
                16,
            );
        }
        made
    });
    let made: Vec<Vec<u8>> = made.collect();
    for (block, (kind, at)) in blocks.chunks_exact_mut(BLOCK_BYTES).zip(which) {
        block.copy_from_slice(&made[kind][at * BLOCK_BYTES..][..BLOCK_BYTES]);
    }
}

/// Returns the texels of a block. A level that is smaller than a block is repeated in it.
fn texels_of(level: &[u8], side: usize, column: usize, row: usize) -> [u8; BLOCK_TEXELS_BYTES] {
    let mut texels = [0; BLOCK_TEXELS_BYTES];
    for (at, texel) in texels.chunks_exact_mut(4).enumerate() {
        let (x, y) = (column * 4 + at % 4, row * 4 + at / 4);
        texel.copy_from_slice(&level[((y % side) * side + x % side) * 4..][..4]);
    }
    texels
}

#[cfg(test)]
mod tests {
    use remora_asset::layers::expanded;

    use super::*;

    /// Returns a texel of an image with tiles of eight texels, some of them equal, and noise in the lower half.
    fn texel(x: u32, y: u32, side: u32) -> [u8; 4] {
        match y * 2 < side {
            true => [(x / 8 % 3 * 90) as u8, (x % 8 * 30) as u8, (y % 8 * 30) as u8, 255],
            false => (x * 7919 + y * 104_729 + x * y).wrapping_mul(0x9e37_79b9).to_le_bytes(),
        }
    }

    #[test]
    fn blocks_equal_those_of_whole_levels_with_and_without_repetition() {
        let side = 256;
        let level = |side: u32| (0..side).flat_map(move |y| (0..side).flat_map(move |x| texel(x, y, side)));
        let texels: Vec<u8> = levels(side).flat_map(level).collect();
        let blocks = compressed(&texels, side);
        assert_eq!(blocks.len() as u64, compressed_bytes(side));
        let blocks_of = |settings, texels: &[u8], width: u32, height: u32| {
            let mut blocks = vec![0; (width.div_ceil(4) * height.div_ceil(4) * 16) as usize];
            let variant = CompressionVariant::BC7(settings);
            block_compression::encode::compress_rgba8(variant, texels, &mut blocks, width, height, width * 4);
            blocks
        };
        let (opaque, noise) = texels[..(side * side * 4) as usize].split_at((side * side * 2) as usize);
        let first =
            [(OPAQUE, opaque), (ALPHA, noise)].map(|(settings, half)| blocks_of(settings, half, side, side / 2));
        assert!(blocks.starts_with(&first.concat()));
        // The last level is one texel, which is repeated.
        let repeated: Vec<u8> = texel(0, 0, 1).repeat(16);
        assert_eq!(blocks[blocks.len() - BLOCK_BYTES..], blocks_of(OPAQUE, &repeated, 4, 4));
    }

    #[test]
    fn opaque_texels_stay_opaque_and_colours_are_kept() {
        let side = 64;
        let level = |side: u32| {
            (0..side).flat_map(move |y| {
                let share = move |value: u32| (value * 255 / side.max(2)) as u8;
                (0..side).flat_map(move |x| [share(x), share(y), share(x.midpoint(y)), 255])
            })
        };
        let texels: Vec<u8> = levels(side).flat_map(level).collect();
        let back = expanded(&compressed(&texels, side), side);
        assert!(back.iter().skip(3).step_by(4).all(|alpha| *alpha == 255));
        let squares = texels.iter().zip(&back).map(|(was, is)| f64::from(was.abs_diff(*is)).powi(2));
        let decibels = 10.0 * (255.0_f64.powi(2) / (squares.sum::<f64>() / texels.len() as f64)).log10();
        assert!(decibels > 40.0, "{decibels} dB");
    }
}

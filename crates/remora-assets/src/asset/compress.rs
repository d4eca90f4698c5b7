//! Texture layers as blocks of BC7: 16 bytes for 4 by 4 texels.

use std::collections::HashMap;

use block_compression::{BC7Settings, CompressionVariant};
use rayon::prelude::*;

const BLOCK_BYTES: usize = 16;
/// Of the RGBA that a block stands for.
const BLOCK_TEXELS_BYTES: usize = 64;
/// Blocks that are compressed by one thread in one go.
const PIECE_BLOCKS: usize = 1024;

/// Bytes of a layer of `side` texels with all its levels, compressed.
pub fn compressed_bytes(side: u32) -> u64 {
    levels(side).map(|side| blocks_wide(side).pow(2) * 16).sum()
}

/// Bytes of a layer of `side` texels with all its levels as RGBA.
pub fn plain_bytes(side: u32) -> u64 {
    levels(side).map(|side| u64::from(side).pow(2) * 4).sum()
}

fn levels(side: u32) -> impl Iterator<Item = u32> {
    (0..=side.ilog2()).map(move |level| side >> level)
}

fn blocks_wide(side: u32) -> u64 {
    u64::from(side.div_ceil(4))
}

/// `texels` are RGBA with all levels, the largest first, as the result's blocks are; by all threads.
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

/// Blocks from the one with the number `first` on. What looks the same is compressed once: much of many textures is of
/// one colour.
fn compress_piece(level: &[u8], side: u32, first: usize, blocks: &mut [u8]) {
    let wide = blocks_wide(side) as usize;
    let mut different: Vec<u8> = Vec::new();
    let mut known: HashMap<[u8; BLOCK_TEXELS_BYTES], usize> = HashMap::new();
    let which: Vec<usize> = (first..first + blocks.len() / BLOCK_BYTES)
        .map(|number| {
            let texels = texels_of(level, side as usize, number % wide, number / wide);
            let next = known.len();
            *known.entry(texels).or_insert_with(|| {
                different.extend(texels);
                next
            })
        })
        .collect();
    let mut made = vec![0; known.len() * BLOCK_BYTES];
    let variant = CompressionVariant::BC7(BC7Settings::alpha_fast());
    // As a picture one block wide.
    let height = known.len() as u32 * 4;
    block_compression::encode::compress_rgba8(variant, &different, &mut made, 4, height, 16);
    for (block, which) in blocks.chunks_exact_mut(BLOCK_BYTES).zip(which) {
        block.copy_from_slice(&made[which * BLOCK_BYTES..][..BLOCK_BYTES]);
    }
}

/// A level smaller than a block is repeated in it.
fn texels_of(level: &[u8], side: usize, column: usize, row: usize) -> [u8; BLOCK_TEXELS_BYTES] {
    let mut texels = [0; BLOCK_TEXELS_BYTES];
    for (at, texel) in texels.chunks_exact_mut(4).enumerate() {
        let (x, y) = (column * 4 + at % 4, row * 4 + at / 4);
        texel.copy_from_slice(&level[((y % side) * side + x % side) * 4..][..4]);
    }
    texels
}

/// Back to RGBA, for devices that cannot read blocks, or read them slowly; from `level` on.
pub fn expanded(blocks: &[u8], side: u32) -> Vec<u8> {
    let mut texels = Vec::with_capacity(plain_bytes(side) as usize);
    let mut rest = blocks;
    for side in levels(side) {
        let (level, smaller) = rest.split_at((blocks_wide(side).pow(2) * 16) as usize);
        rest = smaller;
        let padded = side.next_multiple_of(4);
        let mut square = vec![0; (padded * padded * 4) as usize];
        let variant = CompressionVariant::BC7(BC7Settings::alpha_fast());
        block_compression::decode::decompress_blocks_as_rgba8(variant, padded, padded, level, &mut square);
        for row in square.chunks_exact((padded * 4) as usize).take(side as usize) {
            texels.extend_from_slice(&row[..(side * 4) as usize]);
        }
    }
    texels
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tiles of eight texels, of which some are alike, and noise in the lower half.
    fn texel(x: u32, y: u32, side: u32) -> [u8; 4] {
        match y * 2 < side {
            true => [(x / 8 % 3 * 90) as u8, (x % 8 * 30) as u8, (y % 8 * 30) as u8, 255],
            false => (x * 7919 + y * 104_729 + x * y).wrapping_mul(0x9e37_79b9).to_le_bytes(),
        }
    }

    #[test]
    fn blocks_are_those_of_whole_levels_whether_they_repeat_or_not() {
        let side = 256;
        let level = |side: u32| (0..side).flat_map(move |y| (0..side).flat_map(move |x| texel(x, y, side)));
        let texels: Vec<u8> = levels(side).flat_map(level).collect();
        let blocks = compressed(&texels, side);
        assert_eq!(blocks.len() as u64, compressed_bytes(side));
        let variant = CompressionVariant::BC7(BC7Settings::alpha_fast());
        let mut first = vec![0; (blocks_wide(side).pow(2) * 16) as usize];
        let largest = &texels[..(side * side * 4) as usize];
        block_compression::encode::compress_rgba8(variant, largest, &mut first, side, side, side * 4);
        assert!(blocks.starts_with(&first));
        // The last level is one texel, repeated.
        let last = blocks.len() - BLOCK_BYTES;
        let mut single = vec![0; BLOCK_BYTES];
        let repeated: Vec<u8> = texel(0, 0, 1).repeat(16);
        block_compression::encode::compress_rgba8(variant, &repeated, &mut single, 4, 4, 16);
        assert_eq!(blocks[last..], single);
    }
}

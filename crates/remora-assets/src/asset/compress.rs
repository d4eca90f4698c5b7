//! Texture layers as blocks of BC7: 16 bytes for 4 by 4 texels.

use block_compression::{BC7Settings, CompressionVariant};

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

/// `texels` are RGBA with all levels, the largest first, as the result's blocks are.
pub(crate) fn compressed(texels: &[u8], side: u32) -> Vec<u8> {
    let settings = BC7Settings::alpha_fast();
    let mut blocks = Vec::with_capacity(compressed_bytes(side) as usize);
    let mut rest = texels;
    for side in levels(side) {
        let (level, smaller) = rest.split_at((side * side * 4) as usize);
        rest = smaller;
        let padded = side.next_multiple_of(4);
        let level = if padded == side { level.to_vec() } else { repeated(level, side, padded) };
        let first = blocks.len();
        blocks.resize(first + (blocks_wide(side).pow(2) * 16) as usize, 0);
        let variant = CompressionVariant::BC7(settings);
        block_compression::encode::compress_rgba8(variant, &level, &mut blocks[first..], padded, padded, padded * 4);
    }
    blocks
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

/// A small level made as large as a block.
fn repeated(level: &[u8], side: u32, padded: u32) -> Vec<u8> {
    let texel = |x: u32, y: u32| {
        let at = ((y % side) * side + x % side) as usize * 4;
        level[at..at + 4].iter().copied()
    };
    (0..padded).flat_map(|y| (0..padded).map(move |x| (x, y))).flat_map(|(x, y)| texel(x, y)).collect()
}

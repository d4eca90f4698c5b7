//! Sizes of texture layers, and their decompression from BC7, which keeps 4 by 4 texels in 16 bytes.

use block_compression::{BC7Settings, CompressionVariant};

/// Returns the bytes of a layer of `side` texels with all its levels as BC7.
pub fn compressed_bytes(side: u32) -> u64 {
    levels(side).map(|side| blocks_wide(side).pow(2) * 16).sum()
}

/// Returns the bytes of a layer of `side` texels with all its levels as RGBA.
pub fn plain_bytes(side: u32) -> u64 {
    levels(side).map(|side| u64::from(side).pow(2) * 4).sum()
}

/// Returns the sides of all mip levels in texels, the largest first.
pub fn levels(side: u32) -> impl Iterator<Item = u32> {
    (0..=side.ilog2()).map(move |level| side >> level)
}

/// Returns how many blocks a level has in each direction.
pub fn blocks_wide(side: u32) -> u64 {
    u64::from(side.div_ceil(4))
}

/// Decompresses a layer to RGBA, for devices that cannot read BC7 or read it slowly.
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

// The visibility buffer: depth above, id below, written in one operation.
@group(2) @binding(0) var<storage, read_write> visibility: array<atomic<u64>>;

fn cover(word: u32, depth: f32, id: u32) {
    atomicMax(&visibility[word], (u64(bitcast<u32>(depth)) << 32u) | u64(id));
}

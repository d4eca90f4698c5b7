// The visibility buffer: depth in the upper half, id in the lower half, written by one operation.
@group(2) @binding(0) var<storage, read_write> visibility: array<atomic<u64>>;

// True to read before writing, which pays where neighbours are covered together and mostly hidden.
override LOOK_FIRST: bool = false;

fn cover(word: u32, depth: f32, id: u32) {
    if (LOOK_FIRST && u32(atomicLoad(&visibility[word]) >> 32u) > bitcast<u32>(depth)) {
        return;
    }
    atomicMax(&visibility[word], (u64(bitcast<u32>(depth)) << 32u) | u64(id));
}

// The visibility buffer for adapters without 64-bit atomics. Two passes fill the same words: the first one finds the
// nearest depth, the second one the greatest id at that depth, which equals the result of one 64-bit operation.
@group(2) @binding(0) var<storage, read_write> visibility: array<atomic<u32>>;

override DEPTH_ONLY: bool = false;

fn cover(word: u32, depth: f32, id: u32) {
    let bits = bitcast<u32>(depth);
    if (DEPTH_ONLY) {
        // A fragment that was found farther away is not visible, even if its id is greater.
        if (atomicMax(&visibility[word * 2u + 1u], bits) < bits) {
            atomicStore(&visibility[word * 2u], 0u);
        }
    } else if (atomicLoad(&visibility[word * 2u + 1u]) == bits) {
        atomicMax(&visibility[word * 2u], id);
    }
}

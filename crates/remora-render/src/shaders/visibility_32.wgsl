// The visibility buffer for adapters without 64-bit atomics: the same words, filled in two passes. The first finds
// the nearest depth, the second the greatest id at that depth, which is what one 64-bit operation would leave.
@group(2) @binding(0) var<storage, read_write> visibility: array<atomic<u32>>;

override DEPTH_ONLY: bool = false;

fn cover(word: u32, depth: f32, id: u32) {
    let bits = bitcast<u32>(depth);
    if (DEPTH_ONLY) {
        // Whatever was found farther away is not seen, even if its id is greater.
        if (atomicMax(&visibility[word * 2u + 1u], bits) < bits) {
            atomicStore(&visibility[word * 2u], 0u);
        }
    } else if (atomicLoad(&visibility[word * 2u + 1u]) == bits) {
        atomicMax(&visibility[word * 2u], id);
    }
}

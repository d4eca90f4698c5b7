// Records of four words, stored as pairs of 64-bit words. A software adapter loads the words of every lane one by one,
// so half as many words halve the cost.
alias Quad = vec2<u64>;
alias Pair = u64;

fn unpack(quad: Quad) -> vec4<u32> {
    return vec4<u32>(u32(quad.x), u32(quad.x >> 32u), u32(quad.y), u32(quad.y >> 32u));
}

fn pack(words: vec4<u32>) -> Quad {
    return Quad(u64(words.x) | (u64(words.y) << 32u), u64(words.z) | (u64(words.w) << 32u));
}

fn unpair(pair: Pair) -> vec2<u32> {
    return vec2<u32>(u32(pair), u32(pair >> 32u));
}

// A software adapter reads a uniform once for all lanes only where all of them are known to be active, which is never
// the case in a branch or a loop. So each entry point copies the uniform of the frame first.
@group(0) @binding(0) var<uniform> frame_uniform: FrameUniform;
var<private> frame: FrameUniform;

fn hold_frame() {
    frame = frame_uniform;
}

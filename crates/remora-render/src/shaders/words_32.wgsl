// Records of four words, stored as vectors of 32-bit words.
alias Quad = vec4<u32>;
alias Pair = vec2<u32>;

fn unpack(quad: Quad) -> vec4<u32> {
    return quad;
}

fn pack(words: vec4<u32>) -> Quad {
    return words;
}

fn unpair(pair: Pair) -> vec2<u32> {
    return pair;
}

@group(0) @binding(0) var<uniform> frame: FrameUniform;

fn hold_frame() {}

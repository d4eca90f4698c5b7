// A transparent fragment: it belongs to this layer if it lies in front of solid surfaces and behind the previous layer.
// The nearest one is kept, so layers are ordered front to back.
@group(2) @binding(3) var<storage, read> solid: array<vec2<u32>>;
@group(2) @binding(4) var<storage, read> before: array<vec2<u32>>;

fn fragment(pixel: vec2<u32>, sample: u32, word: u32, depth: f32, id: u32) {
    let bits = bitcast<u32>(depth);
    let limit = select(before[word].y, 0xffffffffu, draw.first_layer == 1u);
    if (bits > solid[word].y && bits < limit) {
        cover(word, depth, id);
    }
}

// What happens where a transparent triangle covers a sample: it belongs to this layer if it lies in front of what is
// opaque and behind the layer before. The nearest of those is kept, so that layers come front to back.
@group(2) @binding(4) var<storage, read> solid: array<vec2<u32>>;
@group(2) @binding(5) var<storage, read> before: array<vec2<u32>>;

override FIRST_LAYER: bool = false;

fn fragment(x: u32, y: u32, sample: u32, depth: f32, id: u32) {
    let word = word_of(x, y) + sample;
    let bits = bitcast<u32>(depth);
    var limit = 0xffffffffu;
    if (!FIRST_LAYER) {
        limit = before[word].y;
    }
    if (bits > solid[word].y && bits < limit) {
        cover(word, depth, id);
    }
}

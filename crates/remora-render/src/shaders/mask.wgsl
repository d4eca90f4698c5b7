// Marks the samples of a pixel that show something selected, one bit each, in addition to earlier marks. One invocation
// per pixel of an area.

var<immediate> area: MaskArea;

@group(2) @binding(0) var<storage, read> seen: array<vec2<u32>>;
@group(2) @binding(1) var<storage, read_write> mask: array<u32>;

@compute @workgroup_size(8, 8)
fn mask_selected(@builtin(global_invocation_id) id: vec3<u32>) {
    hold_frame();
    let pixel = area.first + id.xy;
    if (any(id.xy >= area.size) || any(pixel >= frame.size.xy)) {
        return;
    }
    let word = word_of(pixel.x, pixel.y);
    var bits = 0u;
    for (var sample = 0u; sample < SAMPLES; sample++) {
        let number = seen[word + sample].x >> TRIANGLE_BITS;
        let state = unpack(instances[entry_of(number).instance * INSTANCE_QUADS + 3u]);
        bits |= select(0u, 1u << sample, number != 0u && (state.z & INSTANCE_SELECTED) != 0u);
    }
    if (bits != 0u) {
        mask[pixel.y * frame.size.x + pixel.x] |= bits;
    }
}

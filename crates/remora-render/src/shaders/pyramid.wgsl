// Makes the finest level of the depth pyramid: the farthest depth of all samples of 8 x 8 pixels. One invocation per
// texel.

override SAMPLES: u32 = 1u;

var<immediate> extent: PyramidExtent;

@group(0) @binding(0) var<storage, read> seen: array<Quad>;
@group(0) @binding(1) var<storage, read_write> depths: array<f32>;

@compute @workgroup_size(64)
fn pyramid(@builtin(global_invocation_id) id: vec3<u32>) {
    let texels = (extent.blocks + vec2(1u, 3u)) / vec2(2u, 4u);
    if (id.x >= texels.x * texels.y) {
        return;
    }
    let texel = vec2(id.x % texels.x, id.x / texels.x);
    let low = vec2(extent.low & 0xffffu, extent.low >> 16u);
    if (any(texel < low) || any(texel >= vec2(extent.end & 0xffffu, extent.end >> 16u))) {
        depths[id.x] = 0.0;
        return;
    }
    let first = texel * vec2(2u, 4u);
    let end = min(first + vec2(2u, 4u), extent.blocks);
    // Depths are not negative, so they compare like their bits.
    var farthest = bitcast<u32>(1.0);
    for (var row = first.y; row < end.y; row++) {
        // Blocks of a row are contiguous, and a quad holds id and depth of two samples.
        let start = (row * extent.blocks.x + first.x) * 4u * SAMPLES;
        let stop = (row * extent.blocks.x + end.x) * 4u * SAMPLES;
        for (var quad = start; quad < stop; quad++) {
            let words = unpack(seen[quad]);
            farthest = min(farthest, min(words.y, words.w));
        }
    }
    depths[id.x] = bitcast<f32>(farthest);
}

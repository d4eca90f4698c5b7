// Begins a history with a finished frame. One invocation takes eight by two pixels.

var<immediate> sizes: PlaneSizes;

@group(0) @binding(0) var<storage, read> planes: array<u32>;
// One word per pixel: luma times 256, and above it the weight. Then one word per 2x2 pixels: both values of chroma
// times 256.
@group(0) @binding(1) var<storage, read_write> after: array<vec4<u32>>;

@compute @workgroup_size(8, 8)
fn begin_history(@builtin(global_invocation_id) id: vec3<u32>) {
    let stream = sizes.stream;
    if (id.x * 8u >= stream.x || id.y * 2u >= stream.y) {
        return;
    }
    // Words of luma in a row, which are also vectors of the history.
    let wide = stream.x / 4u;
    let weight = u32(FINISHED_WEIGHT * WEIGHT_STEPS) << 16u;
    for (var index = 0u; index < 4u; index++) {
        let at = (id.y * 2u + index / 2u) * wide + id.x * 2u + index % 2u;
        after[at] = (unpack4xU8(planes[at]) << vec4(8u)) | vec4(weight);
    }
    let chroma = id.y * (wide / 2u) + id.x;
    let first = wide * stream.y;
    let u = unpack4xU8(planes[first + chroma]);
    let v = unpack4xU8(planes[first + first / 4u + chroma]);
    after[first + chroma] = (u << vec4(8u)) | (v << vec4(24u));
}

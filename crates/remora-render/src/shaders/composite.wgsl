// Blends sums of colour into the frame. Eight invocations take a block from the list of touched blocks, one pixel each.

var<immediate> extent: CompositeExtent;

@group(0) @binding(0) var<storage, read> touched_count: u32;
@group(0) @binding(1) var<storage, read> touched: array<u32>;
@group(0) @binding(2) var<storage, read> sums: array<vec2<u32>>;
@group(0) @binding(3) var<storage, read_write> pixels: array<u32>;

@compute @workgroup_size(64)
fn composite(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let slot = (group.z * GROUPS_WIDE + group.x) * 8u + (lane >> 3u);
    if (slot >= touched_count) {
        return;
    }
    let position = touched[slot];
    let pixel = vec2((position & 0xffffu) * 4u + (lane & 3u), (position >> 16u) * 2u + ((lane >> 2u) & 1u));
    if (pixel.x >= extent.size.x || pixel.y >= extent.size.y) {
        return;
    }
    let at = pixel.y * extent.size.x + pixel.x;
    let words = sums[at];
    if ((words.y >> 16u) == 0u) {
        return;
    }
    let sum = vec4(unpack2x16float(words.x), unpack2x16float(words.y));
    let behind = decoded(unpack4x8unorm(pixels[at]).rgb);
    pixels[at] = pixel_of(sum.rgb + behind * (1.0 - sum.a));
}

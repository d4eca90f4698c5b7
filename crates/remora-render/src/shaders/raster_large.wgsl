// Draws queued triangles: eight invocations beside one another take a block of pixels, a workgroup takes four blocks
// at a time of its slice of the triangle's bounding box.

struct Draw {
    // Which end of the queue, and how many workgroups share a triangle.
    kind: u32,
    slices: u32,
    queue_length: u32,
    first_layer: u32,
}
var<immediate> draw: Draw;

const GROUPS_WIDE: u32 = 32768u;
const BLOCKS: u32 = 4u;
// An edge reaches so many pixels farther than it should: neighbours that were drawn by exact arithmetic on a grid of
// 1/256 pixel leave no gap to it. Where several layers are blended, a gap is better than a double hit.
override REACH: f32 = 0.0078125;

@compute @workgroup_size(32)
fn raster_large(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let slot = group.z * GROUPS_WIDE + group.x;
    let alive = slot < atomicLoad(&queue_counts[draw.kind]);
    let record = select(draw.queue_length - 1u - min(slot, draw.queue_length - 1u), slot, draw.kind == MEDIUM);
    let at = record * 4u;
    let quad_a = unpack(queue[at]);
    let quad_b = unpack(queue[at + 1u]);
    let quad_c = unpack(queue[at + 2u]);
    let depth_plane = bitcast<vec3<f32>>(unpack(queue[at + 3u]).xyz);
    let edge_a = bitcast<vec3<f32>>(quad_a.xyz);
    let edge_b = bitcast<vec3<f32>>(quad_b.xyz);
    let edge_c = bitcast<vec3<f32>>(quad_c.xyz);
    let low = vec2(quad_b.w & 0xffffu, quad_c.w & 0xffffu);
    let high = vec2(quad_b.w >> 16u, quad_c.w >> 16u);

    let first = vec2(low.x >> 2u, low.y >> 1u);
    let wide = (high.x >> 2u) - first.x + 1u;
    let count = select(0u, wide * ((high.y >> 1u) - first.y + 1u), alive);
    let inverse_wide = 1.0 / f32(wide);
    let center = vec2<f32>(frame.size.xy) * 0.5;
    let within = vec2(lane & 3u, (lane >> 2u) & 1u);
    for (var k = group.y * BLOCKS + (lane >> 3u); k < count; k += BLOCKS * draw.slices) {
        let row = u32((f32(k) + 0.5) * inverse_wide);
        let block = first + vec2(k - row * wide, row);
        let pixel = vec2(block.x * 4u, block.y * 2u) + within;
        let inside_box = all(pixel >= low) && all(pixel <= high);
        let word = word_of(pixel.x, pixel.y);
        for (var sample = 0u; sample < SAMPLES; sample++) {
            let point = vec2<f32>(pixel) + 0.5 + vec2<f32>(sample_offset(sample)) * (1.0 / 256.0) - center;
            let value_a = edge_a.x * point.x + edge_a.y * point.y + edge_a.z;
            let value_b = edge_b.x * point.x + edge_b.y * point.y + edge_b.z;
            let value_c = edge_c.x * point.x + edge_c.y * point.y + edge_c.z;
            let depth = depth_plane.x * point.x + depth_plane.y * point.y + depth_plane.z;
            // Depth is 1 at the near plane and falls towards 0.
            if (inside_box && min(value_a, min(value_b, value_c)) >= -REACH && depth > 0.0 && depth <= 1.0) {
                fragment(pixel, sample, word + sample, depth, quad_a.w);
            }
        }
    }
}

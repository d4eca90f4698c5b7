// Draws queued triangles. Eight neighbouring invocations take a block of pixels and move along a row of blocks, from
// where the triangle begins in it to where it ends.

var<immediate> draw: QueueDraw;

// Invocations of a workgroup, a multiple of 8.
override WIDTH: u32 = 32u;
// Pixels by which an edge covers more than it should, so that no gap remains to neighbours that were drawn exactly on a
// grid of 1/256 pixel. Transparent layers use 0, because a gap is better than blending twice.
override EXTENSION: f32 = 0.0078125;

@compute @workgroup_size(WIDTH)
fn raster_large(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    hold_frame();
    let slot = group.z * GROUPS_WIDE + group.x;
    let alive = slot < atomicLoad(&queue_counts[draw.kind]);
    let record = select(draw.queue_length - 1u - min(slot, draw.queue_length - 1u), slot, draw.kind == MEDIUM);
    let at = record * QUEUE_RECORD_QUADS;
    let quad_a = unpack(queue[at]);
    let quad_b = unpack(queue[at + 1u]);
    let quad_c = unpack(queue[at + 2u]);
    let quad_depth = bitcast<vec4<f32>>(unpack(queue[at + 3u]));
    let depth_plane = quad_depth.xyz;
    // Coefficients of x, of y and of 1 for the three edges.
    let edges = transpose(mat3x3<f32>(
        bitcast<vec3<f32>>(quad_a.xyz), bitcast<vec3<f32>>(quad_b.xyz), bitcast<vec3<f32>>(quad_c.xyz),
    ));
    let low = vec2(quad_b.w & 0xffffu, quad_c.w & 0xffffu);
    let high = vec2(quad_b.w >> 16u, quad_c.w >> 16u);
    let center = vec2<f32>(frame.size.xy) * 0.5;
    let within = vec2(lane & 3u, (lane >> 2u) & 1u);
    let rows_at_once = WIDTH / 8u;
    let last_row = select(0u, (high.y >> 1u) + 1u, alive);
    for (
        var row = (low.y >> 1u) + group.y * rows_at_once + (lane >> 3u);
        row < last_row;
        row += rows_at_once * draw.slices
    ) {
        // The inside of each edge in this row of blocks begins or ends at its bound.
        let top = f32(row * 2u) - center.y;
        let most = max(edges[1] * top, edges[1] * (top + 2.0)) + edges[2] + EXTENSION;
        let bounds = -most / edges[0];
        let begins = select(vec3(-1e9), bounds, edges[0] > vec3(0.0));
        let ends = select(vec3(1e9), bounds, edges[0] < vec3(0.0));
        let begin = max(begins.x, max(begins.y, begins.z)) + center.x - 0.01;
        let end = min(ends.x, min(ends.y, ends.z)) + center.x + 0.01;
        let first_x = u32(clamp(begin, f32(low.x), f32(high.x) + 1.0)) >> 2u;
        let last_x = select(0u, (u32(clamp(end, f32(low.x), f32(high.x))) >> 2u) + 1u, begin <= end);
        for (var column = first_x; column < last_x; column++) {
            let pixel = vec2(column * 4u, row * 2u) + within;
            let inside_box = all(pixel >= low) && all(pixel <= high);
            let word = word_of(pixel.x, pixel.y);
            for (var sample = 0u; sample < SAMPLES; sample++) {
                let offset = vec2<f32>(sample_offset(sample)) * (1.0 / 256.0);
                let point = vec3(vec2<f32>(pixel) + 0.5 + offset - center, 1.0);
                let values = edges * point;
                let depth = min(dot(depth_plane, point), quad_depth.w);
                let inside = inside_box && min(values.x, min(values.y, values.z)) >= -EXTENSION;
                // Depth is 1 at the near plane and falls towards 0.
                if (inside && depth > 0.0 && depth <= 1.0) {
                    fragment(pixel, sample, word + sample, depth, quad_a.w);
                }
            }
        }
    }
}

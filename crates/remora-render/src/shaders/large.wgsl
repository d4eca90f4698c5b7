// Draws queued triangles by the rasteriser of the adapter, which handles any size and triangles that reach behind the
// eye. It snaps vertices to 1/256 pixel as the kernels for small triangles do, so neighbours leave no gap.

// Records as in queue.wgsl.
@group(2) @binding(2) var<storage, read> queue: array<Quad>;

var<immediate> draw: RasteriserDraw;

struct Vertex {
    @builtin(position) position: vec4<f32>,
    // Coefficients of x, y and 1; the depth of the nearest corner.
    @location(0) @interpolate(flat) depth: vec4<f32>,
    @location(1) @interpolate(flat) id: u32,
}

@vertex
fn large_vertex(@builtin(vertex_index) index: u32) -> Vertex {
    hold_frame();
    let slot = index / 3u;
    let record = select(draw.queue_length - 1u - slot, slot, draw.kind == MEDIUM);
    let id = unpack(queue[record * QUEUE_RECORD_QUADS]).w;
    let entry = entry_of(id >> TRIANGLE_BITS);
    let cluster = unpack(clusters[entry.cluster]);
    let corner = (words[cluster.z + (id & TRIANGLE_MASK)] >> ((index % 3u) * 8u)) & 0xffu;
    let at = corner_of(transform_of(entry), position_at(cluster.x + corner)).screen;
    let half = vec2<f32>(frame.size.xy) * 0.5;
    let across = at.xy / half - at.z;
    // Depth is 1 at the near plane, where the rasteriser clips, and falls towards 0.
    let interpolated = bitcast<vec4<f32>>(unpack(queue[record * QUEUE_RECORD_QUADS + 3u]));
    return Vertex(vec4(across.x, -across.y, frame.eye.w, at.z), interpolated, id);
}

@fragment
fn large_fragment(vertex: Vertex, @builtin(sample_mask) covered: u32) {
    hold_frame();
    let pixel = vec2<u32>(vertex.position.xy);
    let from_center = vec2<f32>(pixel) + 0.5 - vec2<f32>(frame.size.xy) * 0.5;
    let word = word_of(pixel.x, pixel.y);
    for (var sample = 0u; sample < SAMPLES; sample++) {
        if (SAMPLES > 1u && ((covered >> sample) & 1u) == 0u) {
            continue;
        }
        let offset = vec2<f32>(sample_offset(sample)) * (1.0 / 256.0);
        let depth = min(dot(vertex.depth.xyz, vec3(from_center + offset, 1.0)), vertex.depth.w);
        if (depth > 0.0 && depth <= 1.0) {
            fragment(pixel, sample, word + sample, depth, vertex.id);
        }
    }
}

// Lists the candidates that are not hidden by what has been drawn so far, batch by batch. One invocation per candidate.

var<immediate> given: CullCandidates;

@group(2) @binding(0) var<storage, read> candidates: array<Candidate>;
// The farthest depths, level after level, finest first.
@group(2) @binding(1) var<storage, read> depths: array<f32>;
@group(2) @binding(2) var<storage, read_write> survivors: array<u32>;
// Surviving clusters and triangles, then surviving clusters of each batch.
@group(2) @binding(3) var<storage, read_write> counts: array<atomic<u32>>;

@compute @workgroup_size(64)
fn cull(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    hold_frame();
    let index = (group.y * GROUPS_WIDE + group.x) * 64u + lane;
    if (index >= given.length) {
        return;
    }
    let candidate = candidates[index];
    if (!hidden(candidate.sphere.center, candidate.sphere.radius)) {
        atomicAdd(&counts[0], 1u);
        atomicAdd(&counts[1], candidate.triangles);
        survivors[candidate.first + atomicAdd(&counts[SURVIVOR_TOTALS + candidate.batch], 1u)] = candidate.number;
    }
}

// Computes the same as depth_pyramid.rs.
fn hidden(center: vec3<f32>, radius: f32) -> bool {
    let near = frame.eye.w;
    let along = dot(frame.row_w.xyz, center);
    let nearest = along - radius;
    if (nearest <= near) {
        return false;
    }
    // The rows contain the middle of the frame; without it they are the scaled axes.
    let middle = vec2<f32>(frame.size.xy) * 0.5;
    let scale = frame.look.w;
    let across = vec2(dot(frame.row_x.xyz, center), dot(frame.row_y.xyz, center)) - middle * along;
    let squared = nearest * (along + radius);
    let extent = radius * sqrt(across * across + squared * scale * scale);
    let low = max(middle + (across * along - extent) / squared - SPREAD_PIXELS, vec2(0.0));
    let high = min(middle + (across * along + extent) / squared + SPREAD_PIXELS, vec2<f32>(frame.size.xy) - 1.0);
    if (any(low > high)) {
        return false;
    }
    let depth = near / nearest;
    var from_texel = vec2<u32>(low) / TEXEL_PIXELS;
    var to_texel = vec2<u32>(high) / TEXEL_PIXELS;
    var size = (frame.size.xy + TEXEL_PIXELS - 1u) / TEXEL_PIXELS;
    var first = 0u;
    while (any(to_texel - from_texel >= vec2(TEXELS_MAX))) {
        from_texel /= 2u;
        to_texel /= 2u;
        first += size.x * size.y;
        size = (size + 1u) / 2u;
    }
    var farthest = 1.0;
    for (var y = from_texel.y; y <= to_texel.y; y++) {
        for (var x = from_texel.x; x <= to_texel.x; x++) {
            farthest = min(farthest, depths[first + y * size.x + x]);
        }
    }
    return depth < farthest;
}

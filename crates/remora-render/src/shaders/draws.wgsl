// Turns counts of triangles into the arguments of the draws that follow.

@group(0) @binding(0) var<storage, read> counts: array<u32>;
// Vertices, instances, first vertex, first instance.
@group(0) @binding(1) var<storage, read_write> draws: array<vec4<u32>>;

@compute @workgroup_size(2)
fn draws_of(@builtin(local_invocation_index) index: u32) {
    draws[index] = vec4(counts[index] * 3u, 1u, 0u, 0u);
}

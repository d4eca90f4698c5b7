// Makes the next level of a depth pyramid: the farthest depth of 2 x 2 texels. One invocation per texel.

var<immediate> level: ShrinkLevels;

@group(0) @binding(0) var<storage, read_write> depths: array<f32>;

@compute @workgroup_size(64)
fn shrink(@builtin(global_invocation_id) id: vec3<u32>) {
    let size = (level.size + 1u) / 2u;
    if (id.x >= size.x * size.y) {
        return;
    }
    let low = vec2(id.x % size.x, id.x / size.x) * 2u;
    let high = min(low + 1u, level.size - 1u);
    let upper = min(fine_depth(low.x, low.y), fine_depth(high.x, low.y));
    let lower = min(fine_depth(low.x, high.y), fine_depth(high.x, high.y));
    depths[level.coarse + id.x] = min(upper, lower);
}

fn fine_depth(x: u32, y: u32) -> f32 {
    return depths[level.fine + y * level.size.x + x];
}

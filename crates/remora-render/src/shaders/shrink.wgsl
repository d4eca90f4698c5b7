// Makes the next level of a depth pyramid. One invocation per texel.

var<immediate> level: ShrinkLevels;

@compute @workgroup_size(64)
fn shrink(@builtin(global_invocation_id) id: vec3<u32>) {
    shrink_texel(level.size, level.fine, level.coarse, id.x);
}

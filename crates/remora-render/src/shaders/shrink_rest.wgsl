// Makes all coarser levels of a depth pyramid, once they are small: one workgroup takes less time than a dispatch each.

var<immediate> level: ShrinkLevels;

@compute @workgroup_size(256)
fn shrink_rest(@builtin(local_invocation_index) lane: u32) {
    var size = level.size;
    var fine = level.fine;
    var coarse = level.coarse;
    while (max(size.x, size.y) > TEXELS_MAX) {
        let coarse_size = (size + 1u) / 2u;
        let length = coarse_size.x * coarse_size.y;
        for (var index = lane; index < length; index += 256u) {
            shrink_texel(size, fine, coarse, index);
        }
        fine = coarse;
        coarse += length;
        size = coarse_size;
        storageBarrier();
    }
}

// One texel of a coarser level of a depth pyramid: the farthest depth of 2 x 2 texels.

@group(0) @binding(0) var<storage, read_write> depths: array<f32>;

fn shrink_texel(size: vec2<u32>, fine: u32, coarse: u32, index: u32) {
    let coarse_size = (size + 1u) / 2u;
    if (index >= coarse_size.x * coarse_size.y) {
        return;
    }
    let low = vec2(index % coarse_size.x, index / coarse_size.x) * 2u;
    let high = min(low + 1u, size - 1u);
    let upper = min(depths[fine + low.y * size.x + low.x], depths[fine + low.y * size.x + high.x]);
    let lower = min(depths[fine + high.y * size.x + low.x], depths[fine + high.y * size.x + high.x]);
    depths[coarse + index] = min(upper, lower);
}

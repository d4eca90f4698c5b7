// Scales the finished frame to the size of the stream and converts it to I420 of BT.709 in limited range. One
// invocation makes eight by two pixels: two words of luma in two rows, and one word of each chroma plane.

var<immediate> sizes: PlaneSizes;

@group(0) @binding(0) var<storage, read> pixels: array<u32>;
@group(0) @binding(1) var<storage, read_write> planes: array<u32>;

@compute @workgroup_size(8, 8)
fn make_planes(@builtin(global_invocation_id) id: vec3<u32>) {
    if (id.x * 8u >= sizes.stream.x || id.y * 2u >= sizes.stream.y) {
        return;
    }
    var luma = array<u32, 4>(0u, 0u, 0u, 0u);
    var chroma_u = 0u;
    var chroma_v = 0u;
    for (var pair = 0u; pair < 4u; pair++) {
        for (var index = 0u; index < 4u; index++) {
            let column = pair * 2u + (index & 1u);
            let row = index >> 1u;
            let color = color_at(vec2<f32>(id.xy * vec2(8u, 2u) + vec2(column, row)) + 0.5);
            let value = u32(dot(color, vec3(46.5594, 156.6288, 15.8118)) + 16.5);
            luma[row * 2u + (column >> 2u)] |= value << ((column & 3u) * 8u);
        }
        // The middle of the four pixels that share the chroma.
        let mean = color_at(vec2<f32>(id.xy * vec2(8u, 2u) + vec2(pair * 2u, 0u)) + 1.0);
        chroma_u |= u32(dot(mean, vec3(-25.6642, -86.3358, 112.0)) + 128.5) << (pair * 8u);
        chroma_v |= u32(dot(mean, vec3(112.0, -101.7303, -10.2697)) + 128.5) << (pair * 8u);
    }
    let wide = sizes.stream.x / 4u;
    let at = id.y * 2u * wide + id.x * 2u;
    planes[at] = luma[0];
    planes[at + 1u] = luma[1];
    planes[at + wide] = luma[2];
    planes[at + wide + 1u] = luma[3];
    let chroma = wide * sizes.stream.y + id.y * (wide / 2u) + id.x;
    planes[chroma] = chroma_u;
    planes[chroma + wide * sizes.stream.y / 4u] = chroma_v;
}

// Interpolates bilinearly between the four pixels around a point of the stream's frame.
fn color_at(position: vec2<f32>) -> vec3<f32> {
    let scale = vec2<f32>(sizes.rendered) / vec2<f32>(sizes.stream);
    let last = vec2<f32>(sizes.rendered) - 1.0;
    let point = clamp(position * scale - 0.5, vec2(0.0), last);
    let low = vec2<u32>(point);
    let high = min(low + 1u, sizes.rendered - 1u);
    let share = point - vec2<f32>(low);
    let upper = mix(stored(low.x, low.y), stored(high.x, low.y), share.x);
    let lower = mix(stored(low.x, high.y), stored(high.x, high.y), share.x);
    return mix(upper, lower, share.y);
}

fn stored(x: u32, y: u32) -> vec3<f32> {
    return unpack4x8unorm(pixels[y * sizes.rendered.x + x]).rgb;
}

// Draws a line around the marked pixels into the finished frame. One invocation per pixel.

var<immediate> style: OutlineStyle;

@group(0) @binding(0) var<storage, read> mask: array<u32>;
@group(0) @binding(1) var<storage, read_write> pixels: array<u32>;

@compute @workgroup_size(8, 8)
fn outline(@builtin(global_invocation_id) id: vec3<u32>) {
    if (any(id.xy >= style.size)) {
        return;
    }
    let pixel = vec2<i32>(id.xy);
    let own = marked(pixel);
    let width = f32(style.width >> 8u) * (1.0 / 256.0);
    let radius = i32(ceil(width));
    var strongest = 0.0;
    for (var y = -radius; y <= radius; y++) {
        for (var x = -radius; x <= radius; x++) {
            // Share of the pixel that a line covers which starts at the edge of the other pixel.
            let share = clamp(width + 1.0 - length(vec2(f32(x), f32(y))), 0.0, 1.0);
            strongest = max(strongest, share * marked(pixel + vec2(x, y)));
        }
    }
    let color = unpack4x8unorm(style.color);
    let opacity = strongest * (1.0 - own) * color.a;
    if (opacity > 0.0) {
        let at = id.y * style.size.x + id.x;
        let behind = decoded(unpack4x8unorm(pixels[at]).rgb);
        pixels[at] = pixel_of(mix(behind, decoded(color.rgb), opacity));
    }
}

// Returns the share of a pixel's samples that are marked; 0 outside of the frame.
fn marked(pixel: vec2<i32>) -> f32 {
    let inside = all(pixel >= vec2(0)) && all(pixel < vec2<i32>(style.size));
    let at = select(0, pixel.y * i32(style.size.x) + pixel.x, inside);
    let share = f32(countOneBits(mask[at])) / f32(style.width & 0xffu);
    return select(0.0, share, inside);
}

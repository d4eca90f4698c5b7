// Puts summed colours in front of what the picture shows already.

struct Extent {
    pixels: u32,
}
var<immediate> extent: Extent;

@group(0) @binding(0) var<storage, read> sums: array<vec2<u32>>;
@group(0) @binding(1) var<storage, read_write> picture: array<u32>;

const GROUPS_WIDE: u32 = 32768u;

@compute @workgroup_size(64)
fn composite(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let at = (group.y * GROUPS_WIDE + group.x) * 64u + lane;
    if (at >= extent.pixels) {
        return;
    }
    let words = sums[at];
    if ((words.y >> 16u) == 0u) {
        return;
    }
    let sum = vec4(unpack2x16float(words.x), unpack2x16float(words.y));
    let behind = decoded(unpack4x8unorm(picture[at]).rgb);
    picture[at] = pixel_of(sum.rgb + behind * (1.0 - sum.a));
}

// One workgroup per cluster of points, its invocations take points in turn: each is a square that faces the picture,
// as large as the points are apart, at the depth of its middle.

struct Draw {
    // Share of the numbers.
    first: u32,
    count: u32,
    queue_length: u32,
    first_layer: u32,
}
var<immediate> draw: Draw;

// Entries to draw; 0 is nothing.
@group(2) @binding(5) var<storage, read> numbers: array<u32>;

override WIDTH: u32 = 64u;

const GROUPS_WIDE: u32 = 32768u;
const SIDE_MIN: f32 = 1.0;
const SIDE_MAX: f32 = 32.0;

@compute @workgroup_size(WIDTH)
fn raster_points(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let slot = group.z * GROUPS_WIDE + group.x;
    let number = numbers[draw.first + min(slot, draw.count - 1u)];
    let entry = entry_of(number);
    let cluster = unpack(clusters[entry.cluster]);
    let placement = placement_of(entry);
    let length = select(0u, cluster.w & 0xffu, slot < draw.count && number != 0u);
    // How far the points are apart, in pixels at a distance of one metre.
    let spacing = bitcast<f32>(triangles[cluster.z]) * scale_of(placement) * frame.look.w;
    for (var index = lane; index < length; index += WIDTH) {
        let place = corner_of(placement, bitcast<vec4<f32>>(unpack(vertices[cluster.x + index])).xyz).screen;
        if (place.z >= frame.eye.w) {
            draw_point(place, spacing / place.z, number << 7u | index);
        }
    }
}

// The longest axis of the transform.
fn scale_of(placement: Placement) -> f32 {
    let squares = placement.x.xyz * placement.x.xyz + placement.y.xyz * placement.y.xyz
        + placement.z.xyz * placement.z.xyz;
    return sqrt(max(squares.x, max(squares.y, squares.z)));
}

fn draw_point(place: vec3<f32>, side: f32, id: u32) {
    let middle = place.xy / place.z;
    let half_side = 0.5 * clamp(side, SIDE_MIN, SIDE_MAX);
    let begin = middle - half_side;
    let end = middle + half_side;
    // Samples lie up to 3/8 pixel from the centre of a pixel.
    let spread = select(0.0, 0.375, SAMPLES == 4u);
    let low = max(ceil(begin - 0.5 - spread), vec2(0.0));
    let high = min(ceil(end - 0.5 + spread) - 1.0, vec2<f32>(frame.size.xy) - 1.0);
    if (any(low > high)) {
        return;
    }
    let depth = frame.eye.w / place.z;
    for (var y = u32(low.y); y <= u32(high.y); y++) {
        for (var x = u32(low.x); x <= u32(high.x); x++) {
            let word = word_of(x, y);
            for (var sample = 0u; sample < SAMPLES; sample++) {
                let point = vec2(f32(x), f32(y)) + 0.5 + vec2<f32>(sample_offset(sample)) * (1.0 / 256.0);
                if (all(point >= begin) && all(point < end)) {
                    cover(word + sample, depth, id);
                }
            }
        }
    }
}

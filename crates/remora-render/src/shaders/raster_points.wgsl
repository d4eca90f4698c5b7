// Draws one cluster of points per workgroup. The invocations take the points in turn: each one is a disc parallel to
// the screen, as wide as the gaps around it. Discs bulge towards the eye, so that of several overlapping ones the disc
// with the nearest centre is visible, and not the one that happens to lie slightly above the others.

var<immediate> draw: RasterDraw;

// Entries to draw; 0 is empty.
@group(2) @binding(5) var<storage, read> numbers: array<u32>;

override WIDTH: u32 = 64u;

const WIDTH_MIN: f32 = 1.0;
const WIDTH_MAX: f32 = 64.0;

@compute @workgroup_size(WIDTH)
fn raster_points(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    hold_frame();
    let slot = group.z * GROUPS_WIDE + group.x;
    let number = numbers[draw.first + min(slot, draw.count - 1u)];
    let entry = entry_of(number);
    let cluster = unpack(clusters[entry.cluster]);
    let transform = transform_of(entry);
    let to_screen = to_screen_of(transform);
    let length = select(0u, cluster.w & 0xffu, slot < draw.count && number != 0u);
    // Width in pixels, at a distance of one metre, per unit of a point's share.
    let width = bitcast<f32>(words[cluster.z]) * scale_of(transform) * frame.look.w * (1.0 / 255.0);
    for (var index = lane; index < length; index += WIDTH) {
        let local = vec4(position_at(cluster.x + index), 1.0);
        let center = vec3(dot(to_screen.x, local), dot(to_screen.y, local), dot(to_screen.w, local));
        if (center.z >= frame.eye.w) {
            let share = f32(words[cluster.y + index] >> 24u);
            draw_point(center, share * width / center.z, number << TRIANGLE_BITS | index);
        }
    }
}

struct Rows {
    x: vec4<f32>,
    y: vec4<f32>,
    w: vec4<f32>,
}

// Combines the transforms from the mesh's grid to homogeneous pixels, once for all points of a cluster.
fn to_screen_of(transform: Transform) -> Rows {
    return Rows(row_of(transform, frame.row_x), row_of(transform, frame.row_y), row_of(transform, frame.row_w));
}

fn row_of(transform: Transform, row: vec4<f32>) -> vec4<f32> {
    return row.x * (transform.x - vec4(0.0, 0.0, 0.0, frame.eye.x))
        + row.y * (transform.y - vec4(0.0, 0.0, 0.0, frame.eye.y))
        + row.z * (transform.z - vec4(0.0, 0.0, 0.0, frame.eye.z));
}

// Returns the length of the longest axis of the transform.
fn scale_of(transform: Transform) -> f32 {
    let squares = transform.x.xyz * transform.x.xyz + transform.y.xyz * transform.y.xyz
        + transform.z.xyz * transform.z.xyz;
    return sqrt(max(squares.x, max(squares.y, squares.z)));
}

fn draw_point(center: vec3<f32>, width: f32, id: u32) {
    let middle = center.xy / center.z;
    let radius = 0.5 * clamp(width, WIDTH_MIN, WIDTH_MAX);
    // Samples lie up to 3/8 pixel from the centre of a pixel.
    let spread = select(0.0, 0.375, SAMPLES == 4u);
    let low = max(ceil(middle - radius - 0.5 - spread), vec2(0.0));
    let high = min(ceil(middle + radius - 0.5 + spread) - 1.0, vec2<f32>(frame.size.xy) - 1.0);
    if (any(low > high)) {
        return;
    }
    let depth = frame.eye.w / center.z;
    // A disc of 64 pixels is half as deep as it is wide.
    let bulge = 1.0 / (32.0 * frame.look.w);
    let first = vec2<u32>(low);
    let last = vec2<u32>(high);
    var pixel = first;
    // One loop covers rows and columns, because most points cover few pixels.
    loop {
        let word = word_of(pixel.x, pixel.y);
        for (var sample = 0u; sample < SAMPLES; sample++) {
            let point = vec2<f32>(pixel) + 0.5 + vec2<f32>(sample_offset(sample)) * (1.0 / 256.0);
            let offset = point - middle;
            let away = dot(offset, offset);
            // Every disc covers at least one pixel, even if it contains no sample.
            if (away < radius * radius || max(abs(offset.x), abs(offset.y)) <= 0.5) {
                cover(word + sample, depth * (1.0 - min(away * bulge, 0.5)), id);
            }
        }
        pixel.x++;
        if (pixel.x > last.x) {
            pixel = vec2(first.x, pixel.y + 1u);
            if (pixel.y > last.y) {
                break;
            }
        }
    }
}

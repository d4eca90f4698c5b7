// Draws one cluster per workgroup. The invocations take the triangles in turn: each one is set up, and then drawn if it
// is small or queued otherwise.

var<immediate> draw: RasterDraw;

// Entries to draw; 0 is empty.
@group(2) @binding(5) var<storage, read> numbers: array<u32>;

// Invocations of a workgroup. It equals the number that run together, so that uniform values are loaded once.
override WIDTH: u32 = 64u;
// True if all triangles are known to be small and in front of the near plane.
override SMALL_ONLY: bool = false;

// True to skip pixels without a sample inside before each write. A software adapter takes as long for a write by one
// lane as for a write by all.
override SKIP_EMPTY: bool = false;

// Largest bounding box in pixels of a small triangle.
override SMALL_PIXELS: f32 = 144.0;

@compute @workgroup_size(WIDTH)
fn raster(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    hold_frame();
    let slot = group.z * GROUPS_WIDE + group.x;
    let number = numbers[draw.first + min(slot, draw.count - 1u)];
    let entry = entry_of(number);
    let cluster = unpack(clusters[entry.cluster]);
    let transform = transform_of(entry);
    let length = select(0u, cluster.w & 0xffu, slot < draw.count && number != 0u);
    let double_sided = (cluster.w & CLUSTER_DOUBLE_SIDED) != 0u;
    for (var index = lane; index < length; index += WIDTH) {
        let corners = words[cluster.z + index];
        let local_a = position_at(cluster.x + (corners & 0xffu));
        let local_b = position_at(cluster.x + ((corners >> 8u) & 0xffu));
        let local_c = position_at(cluster.x + ((corners >> 16u) & 0xffu));
        let a = corner_of(transform, local_a).screen;
        let b = corner_of(transform, local_b).screen;
        let c = corner_of(transform, local_c).screen;
        draw_triangle(a, b, c, transform.mirrored, double_sided, number << TRIANGLE_BITS | index);
    }
}

fn draw_triangle(a: vec3<f32>, b: vec3<f32>, c: vec3<f32>, mirrored: bool, double_sided: bool, id: u32) {
    let inverse = 1.0 / vec3(a.z, b.z, c.z);
    let point_a = a.xy * inverse.x;
    let point_b = b.xy * inverse.y;
    let point_c = c.xy * inverse.z;
    var box = Box(min(point_a, min(point_b, point_c)), max(point_a, max(point_b, point_c)));
    var in_front = true;
    var seen = true;
    if (!SMALL_ONLY) {
        let near = frame.eye.w;
        in_front = min(a.z, min(b.z, c.z)) >= near;
        seen = max(a.z, max(b.z, c.z)) >= near;
        if (!in_front) {
            box = cut_box(a, b, c, near);
        }
    }
    // Columns and rows with a sample in the box. Samples lie up to 3/8 pixel from the centre.
    let spread = select(0.0, 0.375, SAMPLES == 4u);
    let low = max(ceil(box.low - 0.5 - spread), vec2(0.0));
    let high = min(floor(box.high - 0.5 + spread), vec2<f32>(frame.size.xy) - 1.0);
    let on_screen = all(low <= high) && seen;
    if (SMALL_ONLY) {
        draw_small(point_a, point_b, point_c, inverse, low, high, on_screen, mirrored, double_sided, id);
        return;
    }
    let extent = high - low + 1.0;
    let side = box.high - box.low;
    let small = in_front && max(side.x, side.y) <= SMALL_SIDE && extent.x * extent.y <= SMALL_PIXELS;
    draw_small(point_a, point_b, point_c, inverse, low, high, on_screen && small, mirrored, double_sided, id);
    if (on_screen && !small) {
        enqueue(a, b, c, vec2<u32>(low), vec2<u32>(high), mirrored, double_sided, id);
    }
}

struct Box {
    low: vec2<f32>,
    high: vec2<f32>,
}

// Returns the bounds of the part of a triangle that lies in front of the near plane.
fn cut_box(a: vec3<f32>, b: vec3<f32>, c: vec3<f32>, near: f32) -> Box {
    var box = Box(vec2(1e9), vec2(-1e9));
    box = including_corner(box, a, near);
    box = including_corner(box, b, near);
    box = including_corner(box, c, near);
    box = including_crossing(box, a, b, near);
    box = including_crossing(box, b, c, near);
    return including_crossing(box, c, a, near);
}

fn including_corner(box: Box, corner: vec3<f32>, near: f32) -> Box {
    let seen = corner.z >= near;
    let point = corner.xy / corner.z;
    return Box(select(box.low, min(box.low, point), seen), select(box.high, max(box.high, point), seen));
}

// Includes the point where the edge from a to b crosses the near plane, if it does.
fn including_crossing(box: Box, a: vec3<f32>, b: vec3<f32>, near: f32) -> Box {
    let crossing = (a.z < near) != (b.z < near);
    let point = mix(a.xy, b.xy, (near - a.z) / (b.z - a.z)) / near;
    return Box(select(box.low, min(box.low, point), crossing), select(box.high, max(box.high, point), crossing));
}

// Draws with exact edge functions on a grid of 1/256 pixel, relative to the centre of the first pixel. Neighbours agree
// on every sample, and the top-left rule gives it to one of them.
fn draw_small(
    point_a: vec2<f32>, point_b: vec2<f32>, point_c: vec2<f32>, inverse: vec3<f32>,
    low: vec2<f32>, high: vec2<f32>,
    wanted: bool, mirrored: bool, double_sided: bool, id: u32,
) {
    let origin = low + 0.5;
    let fixed_a = vec2<i32>(round((point_a - origin) * 256.0));
    var fixed_b = vec2<i32>(round((point_b - origin) * 256.0));
    var fixed_c = vec2<i32>(round((point_c - origin) * 256.0));
    let area = (fixed_b.x - fixed_a.x) * (fixed_c.y - fixed_a.y) - (fixed_b.y - fixed_a.y) * (fixed_c.x - fixed_a.x);
    // With y down, a triangle that is anticlockwise in the world has a negative area.
    let front = (area < 0) != mirrored;
    let drawn = wanted && area != 0 && (front || double_sided);
    let turn = area < 0;
    let depths = frame.eye.w * select(inverse, inverse.xzy, turn);
    let depth_a = depths.x;
    let depth_b = depths.y;
    let depth_c = depths.z;
    let swapped = fixed_b;
    fixed_b = select(fixed_b, fixed_c, turn);
    fixed_c = select(fixed_c, swapped, turn);

    let ab = fixed_b - fixed_a;
    let bc = fixed_c - fixed_b;
    let ca = fixed_a - fixed_c;
    // Values at the centre of the first pixel, which is the origin.
    var row = vec3<i32>(
        ab.y * fixed_a.x - ab.x * fixed_a.y,
        bc.y * fixed_b.x - bc.x * fixed_b.y,
        ca.y * fixed_c.x - ca.x * fixed_c.y,
    );
    let inverse_area = 1.0 / f32(abs(area));
    let step_x = vec3<i32>(ab.y, bc.y, ca.y) * -256;
    let step_y = vec3<i32>(ab.x, bc.x, ca.x) * 256;
    let slope_b = (depth_b - depth_a) * inverse_area;
    let slope_c = (depth_c - depth_a) * inverse_area;
    let depth_x = f32(step_x.z) * slope_b + f32(step_x.x) * slope_c;
    let depth_y = f32(step_y.z) * slope_b + f32(step_y.x) * slope_c;
    var depth_row = depth_a + f32(row.z) * slope_b + f32(row.x) * slope_c;
    let depth_low = min(depth_a, min(depth_b, depth_c));
    let depth_high = max(depth_a, max(depth_b, depth_c));
    row += vec3<i32>(top_left(ab), top_left(bc), top_left(ca));

    // Words of a row of blocks. A row of pixels takes half of each block.
    let pitch = frame.size.z * 8u;
    let path = Path(u32(low.x), u32(high.x), pitch, step_x, step_y, depth_x, depth_y);
    let last_y = select(-1, i32(high.y), drawn);
    var at = Place(u32(low.x), i32(low.y), 0u, row, row, depth_row, depth_row);
    at.row_word = (u32(at.y) >> 1u) * pitch + (u32(at.y) & 1u) * 4u;
    var entered = false;
    while (at.y <= last_y) {
        var inside = samples_inside(at.edges, ab, bc, ca);
        if (SKIP_EMPTY) {
            while (at.y <= last_y && !any(inside)) {
                at = following(at, path, at.x == path.last_x);
                inside = samples_inside(at.edges, ab, bc, ca);
            }
            if (at.y > last_y) {
                break;
            }
        }
        // Four words of this row of the block are followed by four words of the other row.
        let word = (at.row_word + at.x + (at.x & ~3u)) * SAMPLES;
        for (var sample = 0u; sample < SAMPLES; sample++) {
            if (inside[sample]) {
                let offset = vec2<f32>(sample_offset(sample)) * (1.0 / 256.0);
                let depth = at.depth + depth_x * offset.x + depth_y * offset.y;
                fragment(vec2(at.x, u32(at.y)), sample, word + sample, clamp(depth, depth_low, depth_high), id);
            }
        }
        // The rest of a row is skipped once the triangle has been left. With several samples a row may be entered
        // again.
        let end = at.x == path.last_x || (SAMPLES == 1u && entered && !inside.x);
        entered = inside.x && !end;
        at = following(at, path, end);
    }
}

// Steps from pixel to pixel of a triangle's box.
struct Path {
    first_x: u32,
    last_x: u32,
    pitch: u32,
    step_x: vec3<i32>,
    step_y: vec3<i32>,
    depth_x: f32,
    depth_y: f32,
}

// A pixel, the first word of its row, and the edge functions and the depth there and at the first pixel of the row.
struct Place {
    x: u32,
    y: i32,
    row_word: u32,
    edges: vec3<i32>,
    row: vec3<i32>,
    depth: f32,
    depth_row: f32,
}

fn following(at: Place, path: Path, end: bool) -> Place {
    let row = select(at.row, at.row + path.step_y, end);
    let depth_row = select(at.depth_row, at.depth_row + path.depth_y, end);
    return Place(
        select(at.x + 1u, path.first_x, end),
        select(at.y, at.y + 1, end),
        select(at.row_word, at.row_word + select(4u, path.pitch - 4u, (at.y & 1) == 1), end),
        select(at.edges + path.step_x, row, end),
        row,
        select(at.depth + path.depth_x, depth_row, end),
        depth_row,
    );
}

// Returns which samples of a pixel lie inside, from the edge functions at its centre.
fn samples_inside(edges: vec3<i32>, ab: vec2<i32>, bc: vec2<i32>, ca: vec2<i32>) -> vec4<bool> {
    if (SAMPLES == 1u) {
        return vec4((edges.x | edges.y | edges.z) >= 0, false, false, false);
    }
    return vec4(
        sample_inside(0u, edges, ab, bc, ca), sample_inside(1u, edges, ab, bc, ca),
        sample_inside(2u, edges, ab, bc, ca), sample_inside(3u, edges, ab, bc, ca),
    );
}

fn sample_inside(sample: u32, edges: vec3<i32>, ab: vec2<i32>, bc: vec2<i32>, ca: vec2<i32>) -> bool {
    let offset = sample_offset(sample);
    let here = edges + vec3<i32>(
        ab.x * offset.y - ab.y * offset.x,
        bc.x * offset.y - bc.y * offset.x,
        ca.x * offset.y - ca.y * offset.x,
    );
    return (here.x | here.y | here.z) >= 0;
}

// Returns 0 for an edge that owns the samples on it, and -1 for one that leaves them to its neighbour.
fn top_left(edge: vec2<i32>) -> i32 {
    return select(-1, 0, edge.y < 0 || (edge.y == 0 && edge.x > 0));
}

// Queues a triangle with homogeneous edge functions (Olano & Greer, Triangle Scan Conversion using 2D Homogeneous
// Coordinates, 1997). They are exact for triangles of any size, and need no clipping at the eye.
fn enqueue(
    a: vec3<f32>, b: vec3<f32>, c: vec3<f32>,
    low: vec2<u32>, high: vec2<u32>,
    mirrored: bool, double_sided: bool, id: u32,
) {
    let center = vec2<f32>(frame.size.xy) * 0.5;
    let from_a = vec3(a.xy - center * a.z, a.z);
    let from_b = vec3(b.xy - center * b.z, b.z);
    let from_c = vec3(c.xy - center * c.z, c.z);
    let edge_a = cross(from_b, from_c);
    let edge_b = cross(from_c, from_a);
    let edge_c = cross(from_a, from_b);
    let determinant = dot(from_a, edge_a);
    let front = (determinant < 0.0) != mirrored;
    if (determinant == 0.0 || !(front || double_sided)) {
        return;
    }
    let depth = (edge_a + edge_b + edge_c) * (frame.eye.w / determinant);
    let pixels = (high.x - low.x + 1u) * (high.y - low.y + 1u);
    var record = 0u;
    if (pixels <= MEDIUM_PIXELS) {
        record = atomicAdd(&queue_counts[MEDIUM], 1u);
    } else {
        record = draw.queue_length - 1u - atomicAdd(&queue_counts[HUGE], 1u);
    }
    let at = record * QUEUE_RECORD_QUADS;
    queue[at] = pack(vec4<u32>(in_pixels(edge_a, determinant), id));
    queue[at + 1u] = pack(vec4<u32>(in_pixels(edge_b, determinant), low.x | (high.x << 16u)));
    queue[at + 2u] = pack(vec4<u32>(in_pixels(edge_c, determinant), low.y | (high.y << 16u)));
    // The depth of a triangle seen edge-on is a difference of large numbers, so it is limited to the nearest corner. A
    // triangle that crosses the near plane has no such limit.
    let low_w = min(a.z, min(b.z, c.z));
    let nearest = select(frame.eye.w / low_w, 1e9, low_w < frame.eye.w);
    queue[at + 3u] = pack(vec4<u32>(bitcast<vec3<u32>>(depth), bitcast<u32>(nearest)));
}

// Scales an edge function so that it changes by about 1 per pixel and is positive inside.
fn in_pixels(edge: vec3<f32>, determinant: f32) -> vec3<u32> {
    let length = max(abs(edge.x) + abs(edge.y), 1e-30);
    return bitcast<vec3<u32>>(edge * (sign(determinant) / length));
}

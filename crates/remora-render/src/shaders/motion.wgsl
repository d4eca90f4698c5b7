// Describes, for each cell of a frame, the surface that it shows and where the frame before showed the same point. A
// cell is the square of pixels that one rendered pixel stands for. One invocation per cell.

// Rendered pixels per cell in each direction. A constant, because lavapipe compiles a kernel again for every frame if a
// uniform alone decides how often a loop runs.
override RENDERED: u32 = 1u;
// True if a transparent layer can lie in front of solid surfaces.
override LAYERED: bool = false;
// True if any instance has moved or looks different.
override MOVING: bool = false;

@group(2) @binding(0) var<uniform> motion_uniform: MotionFrame;
@group(2) @binding(1) var<storage, read> seen: array<Pair>;
@group(2) @binding(2) var<storage, read> layer: array<Pair>;
// Three rows of the transform that takes a point of a moved instance to its place in the frame before. A first row
// without a direction stands for an instance that looks different now.
@group(2) @binding(3) var<storage, read> moves: array<vec4<f32>>;
// Three planes of one word per cell: motion, depths, surface.
@group(2) @binding(4) var<storage, read_write> guide: array<u32>;

// A copy of the uniform, for the reason why there is one of the frame's.
var<private> motion: MotionFrame;

// Branches cost a software adapter as much as if all of them were taken, so there are few.
@compute @workgroup_size(64)
fn describe_motion(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    hold_frame();
    motion = motion_uniform;
    let cells = motion.cells;
    let area = cells.x * cells.y;
    let index = min((group.y * GROUPS_WIDE + group.x) * 64u + lane, area - 1u);
    let cell = vec2(index % cells.x, index / cells.x);
    // The first sample stands outside of the loop, which most frames then never enter.
    let first_place = min(cell * RENDERED, frame.size.xy - 1u);
    var nearest = found_at(first_place, 0u);
    var at = position_of(first_place, 0u);
    for (var each = 1u; each < RENDERED * RENDERED * SAMPLES; each++) {
        let pixel = each / SAMPLES;
        let sample = each % SAMPLES;
        let place = min(cell * RENDERED + vec2(pixel % RENDERED, pixel / RENDERED), frame.size.xy - 1u);
        let found = found_at(place, sample);
        let nearer = found.y > nearest.y;
        at = select(at, position_of(place, sample), nearer);
        nearest = select(nearest, found, nearer);
    }
    let shows = nearest.x != 0u;
    let point = (at + motion.jitter.xy) * motion.jitter.z;
    let instance = entry_of(nearest.x >> TRIANGLE_BITS).instance;
    let depth = bitcast<f32>(nearest.y);
    let inverse = depth / frame.eye.w;
    var before = vec3(
        dot(motion.before_x, vec4(point, 1.0, inverse)),
        dot(motion.before_y, vec4(point, 1.0, inverse)),
        dot(motion.before_w, vec4(point, 1.0, inverse)),
    );
    var different = false;
    if (MOVING) {
        let move_of = unpack(instances[instance * INSTANCE_QUADS + 3u]).w;
        let has_moved = (move_of >> MOVE_BITS) == cells.z;
        let first = select(0u, (move_of & MOVE_MASK) * 3u, has_moved);
        let row_x = moves[first];
        let row_y = moves[first + 1u];
        let row_z = moves[first + 2u];
        let along = vec3(
            dot(motion.along_x.xyz, vec3(point, 1.0)),
            dot(motion.along_y.xyz, vec3(point, 1.0)),
            dot(motion.along_z.xyz, vec3(point, 1.0)),
        );
        let world = vec4(frame.eye.xyz + along / max(inverse, 1e-30), 1.0);
        let from_eye = vec3(dot(row_x, world), dot(row_y, world), dot(row_z, world)) - motion.eye_before.xyz;
        // In the scale of the other surfaces, which is that of a point at a distance of 1 m.
        let moved = inverse * vec3(
            dot(motion.row_x_before.xyz, from_eye),
            dot(motion.row_y_before.xyz, from_eye),
            dot(motion.row_w_before.xyz, from_eye),
        );
        before = select(before, moved, has_moved);
        different = has_moved && all(row_x.xyz == vec3(0.0));
    }
    let w = max(before.z, 1e-6);
    let moved = (before.xy / w - point) * MOTION_STEPS;
    different = different || before.z <= 0.0 || any(abs(moved) > vec2(32000.0));
    let steps = vec2<i32>(round(clamp(moved, vec2(-32000.0), vec2(32000.0))));
    // Upper halves of floats: they differ by less than 1 % and compare like their bits.
    let depths = (nearest.y & 0xffff0000u) | (bitcast<u32>(depth / w) >> 16u);
    let surface = (instance + 1u) | select(0u, SURFACE_DIFFERENT, different);
    guide[index] = select(0u, (u32(steps.x) & 0xffffu) | (u32(steps.y) << 16u), shows);
    guide[area + index] = select(0u, depths, shows);
    guide[2u * area + index] = select(0u, surface, shows);
}

// Returns the foremost surface of a sample and the bits of its depth.
fn found_at(place: vec2<u32>, sample: u32) -> vec2<u32> {
    let word = word_of(place.x, place.y) + sample;
    let solid = select(vec2(0u), unpair(seen[word]), holds(motion.solid_area, place));
    if (!LAYERED) {
        return solid;
    }
    let front = select(vec2(0u), unpair(layer[word]), holds(motion.blended_area, place));
    return select(solid, front, front.x != 0u);
}

fn position_of(place: vec2<u32>, sample: u32) -> vec2<f32> {
    return vec2<f32>(place) + 0.5 + vec2<f32>(sample_offset(sample)) * (1.0 / 256.0);
}

fn holds(area: vec4<u32>, pixel: vec2<u32>) -> bool {
    let block = vec2(pixel.x / BLOCK_WIDTH, pixel.y / BLOCK_HEIGHT);
    return all(block >= area.xy) && all(block < area.xy + area.zw);
}

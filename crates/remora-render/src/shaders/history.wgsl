// Bindings and functions of the kernels that combine a frame with its history. A cell is the square of pixels of the
// stream that one rendered pixel stands for.

@group(0) @binding(0) var<uniform> history: HistoryUniform;
// The rendered frame.
@group(0) @binding(1) var<storage, read> rendered: array<u32>;

// Marks a cell without a residual, in the upper half of its word.
const NOT_COMPARED = -32768;
// Words of cells without history, and of those that show the plain background with all their neighbours.
const NEW_CELL = 0x80000000u;
const BACKGROUND_CELL = 0x80000001u;

fn color_of(cell: vec2<u32>) -> vec3<i32> {
    return vec3<i32>(unpack4xU8(rendered[cell.y * history.cells.x + cell.x]).xyz);
}

// Returns luma in limited range, as the processor computes it.
fn luma_of(cell: vec2<u32>) -> u32 {
    return u32((dot(color_of(cell), LUMA) + (LUMA_OFFSET << 15u) + (1 << 14u)) >> 15u);
}

// Returns motion in pixels from its packed form.
fn unpacked(packed: u32) -> vec2<f32> {
    let steps = vec2(bitcast<i32>(packed << 16u) >> 16u, bitcast<i32>(packed) >> 16u);
    return vec2<f32>(steps) * (1.0 / MOTION_STEPS);
}

// The four places around a point in a plane, and the shares of the right and the lower ones.
struct Around {
    upper: u32,
    lower: u32,
    share: vec2<f32>,
}

// Beyond the border, the nearest place counts.
fn around(at: vec2<f32>, size: vec2<u32>) -> Around {
    let corner = min(vec2<u32>(max(at, vec2(0.0))), max(size, vec2(2u)) - 2u);
    let upper = corner.y * size.x + corner.x;
    let below = select(0u, size.x, corner.y + 1u < size.y);
    return Around(upper, upper + below, clamp(at - vec2<f32>(corner), vec2(0.0), vec2(1.0)));
}

fn mixed(upper: vec2<f32>, lower: vec2<f32>, share: vec2<f32>) -> f32 {
    let rows = vec2(upper.x, lower.x) + (vec2(upper.y, lower.y) - vec2(upper.x, lower.x)) * share.x;
    return rows.x + (rows.y - rows.x) * share.y;
}

// Returns whether a point of the stream lies on a pixel.
fn inside(at: vec2<f32>, stream: vec2<u32>) -> bool {
    return all(at >= vec2(-0.5)) && all(at <= vec2<f32>(stream) - 0.5);
}

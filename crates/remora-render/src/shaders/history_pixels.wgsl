// Combines a frame with its history, as `output/history/pixels/mod.rs` does, and converts the result to I420. One
// invocation makes eight by two pixels: two words of luma in two rows, and one word of each chroma plane.

// Pixels of the stream per cell in each direction, 1 or 2.
override SIDE: u32 = 1u;

// Motion; smallest and largest sample of the neighbourhood, and residual.
@group(0) @binding(2) var<storage, read> cells: array<vec2<u32>>;
// One word per pixel: luma times 256, and above it the weight. Then one word per 2x2 pixels: both values of chroma
// times 256.
@group(0) @binding(3) var<storage, read> before: array<u32>;
// The plain background as I420.
@group(0) @binding(4) var<storage, read> backdrop: array<u32>;
// The history after this frame, like the one before.
@group(0) @binding(5) var<storage, read_write> after: array<vec4<u32>>;
@group(0) @binding(6) var<storage, read_write> planes: array<u32>;
// Number of pixels that are neither new nor taken from the history.
@group(0) @binding(7) var<storage, read_write> missing: atomic<u32>;

// Influence of the history on the pixels of a cell.
struct Known {
    moved: vec2<f32>,
    // Factor of the weight of the history, 0 where it is not valid.
    keep: f32,
    // Added to the luma of the history, times 256, and the bounds of the sum.
    correction: f32,
    low: f32,
    high: f32,
    // True if neither view nor surface has changed.
    still: bool,
}

@compute @workgroup_size(8, 8)
fn combine(@builtin(global_invocation_id) id: vec3<u32>) {
    let stream = history.cells * SIDE;
    let first = id.xy * vec2(8u, 2u);
    if (any(first >= stream)) {
        return;
    }
    // Words of luma in a row, which are also vectors of the history.
    let wide = stream.x / 4u;
    let at = first.y * wide + first.x / 4u;
    let chroma_at = wide * stream.y + id.y * (wide / 2u) + id.x;
    let plane = wide * stream.y / 4u;
    var background = true;
    for (var index = 0u; index < 16u / (SIDE * SIDE); index++) {
        let cell = first / SIDE + vec2(index % (8u / SIDE), index / (8u / SIDE));
        background = background && cells[cell.y * history.cells.x + cell.x].y == BACKGROUND_CELL;
    }
    if (background) {
        for (var index = 0u; index < 4u; index++) {
            copy_background(at + (index / 2u) * wide + index % 2u);
        }
        let u = backdrop[chroma_at];
        let v = backdrop[chroma_at + plane];
        planes[chroma_at] = u;
        planes[chroma_at + plane] = v;
        after[chroma_at] = (unpack4xU8(u) << vec4(8u)) | (unpack4xU8(v) << vec4(24u));
        return;
    }
    let unknown = combine_luma(first, at, wide) + combine_luma(first + vec2(4u, 0u), at + 1u, wide);
    if (unknown != 0u) {
        atomicAdd(&missing, unknown);
    }
    combine_chroma(id.xy * vec2(4u, 1u), chroma_at, plane);
}

fn copy_background(at: u32) {
    let word = backdrop[at];
    planes[at] = word;
    after[at] = (unpack4xU8(word) << vec4(8u)) | vec4(u32(FINISHED_WEIGHT * WEIGHT_STEPS) << 16u);
}

// Computes the luma of four by two pixels. Returns how many of them are neither new nor taken from the history.
fn combine_luma(corner: vec2<u32>, at: u32, wide: u32) -> u32 {
    var upper = vec4(0u);
    var lower = vec4(0u);
    var luma = vec2(0u);
    var unknown = 0u;
    for (var index = 0u; index < 8u / (SIDE * SIDE); index++) {
        let place = vec2(index % (4u / SIDE), index / (4u / SIDE));
        let cell = corner / SIDE + place;
        let is_background = cells[cell.y * history.cells.x + cell.x].y == BACKGROUND_CELL;
        let known = known_of(cell);
        for (var phase = 0u; phase < SIDE * SIDE; phase++) {
            let pixel = place * SIDE + vec2(phase % SIDE, phase / SIDE);
            let result = combined(corner + pixel, known);
            var state = result.x;
            var value = result.y;
            if (is_background) {
                value = (backdrop[at + pixel.y * wide] >> (pixel.x * 8u)) & 0xffu;
                state = (value << 8u) | (u32(FINISHED_WEIGHT * WEIGHT_STEPS) << 16u);
            }
            unknown += select(result.z, 0u, is_background);
            if (pixel.y == 0u) {
                upper[pixel.x] = state;
                luma.x |= value << (pixel.x * 8u);
            } else {
                lower[pixel.x] = state;
                luma.y |= value << (pixel.x * 8u);
            }
        }
    }
    after[at] = upper;
    after[at + wide] = lower;
    planes[at] = luma.x;
    planes[at + wide] = luma.y;
    return unknown;
}

// Derives correction, weight and range of a cell from the differences around it.
fn known_of(cell: vec2<u32>) -> Known {
    let size = history.cells;
    let own = cells[cell.y * size.x + cell.x];
    let moved = unpacked(own.x);
    if ((bitcast<i32>(own.y) >> 16u) == NOT_COMPARED) {
        return Known(moved, 0.0, 0.0, 0.0, LUMA_MAX, false);
    }
    if (is_still(own)) {
        return Known(moved, 1.0, 0.0, 0.0, STILL_HIGH, true);
    }
    var sum = 0.0;
    var spread = 0.0;
    var weight = 0.0;
    for (var row = 0u; row < 3u; row++) {
        for (var column = 0u; column < 3u; column++) {
            let place = min(max(cell + vec2(column, row), vec2(1u)) - 1u, size - 1u);
            let residual = bitcast<i32>(cells[place.y * size.x + place.x].y) >> 16u;
            let share = select(1.0, 2.0, row == 1u) * select(1.0, 2.0, column == 1u);
            let counted = select(share, 0.0, residual == NOT_COMPARED);
            let difference = 2.0 * f32(residual);
            sum += counted * difference;
            spread += counted * abs(difference);
            weight += counted;
        }
    }
    let inverse = 1.0 / max(weight, 1.0);
    let speed = max(length(moved), SPEED_MIN);
    let disagreement = spread * inverse / (DISAGREEMENT.x + DISAGREEMENT.y / speed);
    let low = f32(own.y & 0xffu) * 256.0;
    let high = f32((own.y >> 8u) & 0xffu) * 256.0;
    let more = (high - low) * MARGIN;
    return Known(
        moved,
        1.0 / (1.0 + disagreement * disagreement),
        CORRECTION * sum * inverse,
        max(low - more, 0.0),
        min(high + more, LUMA_MAX),
        false,
    );
}

// Returns whether neither view nor surface of a compared cell has changed.
fn is_still(cell: vec2<u32>) -> bool {
    return cell.x == 0u && history.still != 0u;
}

// Returns the state of a pixel after this frame, its luma, and 1 if it is neither new nor taken from the history.
fn combined(pixel: vec2<u32>, known: Known) -> vec3<u32> {
    let fresh = interpolated(pixel);
    let stream = history.cells * SIDE;
    let from_sample = vec2<f32>(pixel % SIDE) - (f32(SIDE) * 0.5 - 0.5) - history.jitter;
    let distance = dot(from_sample, from_sample);
    var fresh_weight = max(exp(-distance / (2.0 * SAMPLE_SPREAD * SAMPLE_SPREAD)), SAMPLE_WEIGHT_MIN);
    let is_new = all(abs(from_sample) <= vec2(0.5));
    var held = 0.0;
    var old = fresh;
    let at = vec2<f32>(pixel) + known.moved;
    if (known.keep > 0.0 && inside(at, stream)) {
        let places = around(at, stream);
        let upper = vec2(before[places.upper], before[places.upper + 1u]);
        let lower = vec2(before[places.lower], before[places.lower + 1u]);
        let found = mixed(vec2<f32>(upper & vec2(0xffffu)), vec2<f32>(lower & vec2(0xffffu)), places.share);
        let nearest_row = select(upper, lower, places.share.y >= 0.5);
        let nearest = select(nearest_row.x, nearest_row.y, places.share.x >= 0.5);
        held = f32(nearest >> 16u) * known.keep * (1.0 / WEIGHT_STEPS);
        old = select(fresh, clamp(found + known.correction, known.low, known.high), held > 0.0);
    }
    let finished = known.still && held >= FINISHED_WEIGHT;
    fresh_weight = select(fresh_weight, 0.0, finished);
    held = min(held, select(WEIGHT_MAX, FINISHED_WEIGHT, finished));
    let sum = held + fresh_weight;
    let value = old + (fresh - old) * (fresh_weight / sum);
    let kept = select(min(sum, WEIGHT_MAX), FINISHED_WEIGHT, finished);
    let weight = u32(kept * WEIGHT_STEPS + 0.5);
    let luma = min(u32((value + 128.0) * (1.0 / 256.0)), 255u);
    return vec3(u32(value + 0.5) | (weight << 16u), luma, select(1u, 0u, held > 0.0 || is_new));
}

// Interpolates bilinearly between the samples around a pixel.
fn interpolated(pixel: vec2<u32>) -> f32 {
    let last = vec2<i32>(history.cells) - 1;
    let at = (vec2<f32>(pixel) + 0.5 - history.jitter) / f32(SIDE) - 0.5;
    let corner = floor(at);
    let low = vec2<u32>(clamp(vec2<i32>(corner), vec2(0), last));
    let high = vec2<u32>(clamp(vec2<i32>(corner) + 1, vec2(0), last));
    let upper = vec2(luma_of(low), luma_of(vec2(high.x, low.y)));
    let lower = vec2(luma_of(vec2(low.x, high.y)), luma_of(high));
    return mixed(vec2<f32>(upper), vec2<f32>(lower), at - corner) * 256.0;
}

// Computes four values of both planes of chroma.
fn combine_chroma(first: vec2<u32>, at: u32, plane: u32) {
    var states = vec4(0u);
    var words = vec2(0u);
    for (var index = 0u; index < 4u; index++) {
        let place = first + vec2(index, 0u);
        let cell = place * (2u / SIDE);
        let known = cells[cell.y * history.cells.x + cell.x];
        let value = chroma_of(place, known);
        var state = vec2<u32>(value + 0.5);
        var shown = min(vec2<u32>((value + 128.0) * (1.0 / 256.0)), vec2(255u));
        if (known.y == BACKGROUND_CELL) {
            shown = (vec2(backdrop[at], backdrop[at + plane]) >> vec2(index * 8u)) & vec2(0xffu);
            state = shown << vec2(8u);
        }
        states[index] = state.x | (state.y << 16u);
        words |= shown << vec2(index * 8u);
    }
    after[at] = states;
    planes[at] = words.x;
    planes[at + plane] = words.y;
}

// Returns both values of chroma, times 256; blue comes before red. Only a still cell has a history of chroma.
fn chroma_of(place: vec2<u32>, known: vec2<u32>) -> vec2<f32> {
    let fresh = vec2<f32>(chroma_sample(place)) * 256.0;
    if ((bitcast<i32>(known.y) >> 16u) == NOT_COMPARED || !is_still(known)) {
        return fresh;
    }
    let stream = history.cells * SIDE;
    let found = before[stream.x * stream.y + place.y * (stream.x / 2u) + place.x];
    let old = vec2<f32>(vec2(found & 0xffffu, found >> 16u));
    let weight = before[place.y * 2u * stream.x + place.x * 2u] >> 16u;
    let share = select(STILL_CHROMA_SHARE, 0.0, weight >= u32(FINISHED_WEIGHT * WEIGHT_STEPS));
    return old + (fresh - old) * share;
}

// Returns the chroma of the samples in 2x2 pixels of the stream, as the processor computes it.
fn chroma_sample(place: vec2<u32>) -> vec2<i32> {
    // Both variants round in the same way: sums of four samples are four times as large.
    var sum = vec3(0);
    if (SIDE == 2u) {
        sum = 4 * color_of(place);
    } else {
        let corner = place * 2u;
        sum = color_of(corner) + color_of(corner + vec2(1u, 0u)) + color_of(corner + vec2(0u, 1u))
            + color_of(corner + vec2(1u, 1u));
    }
    return (vec2(dot(sum, CHROMA_U), dot(sum, CHROMA_V)) + ((CHROMA_OFFSET << 17u) + (1 << 16u))) >> vec2(17u);
}

// Decides for each cell how far the history can be used, as `output/history/cells/mod.rs` does. One invocation per
// cell.
//
// The result of a cell is its motion, which is that of the nearest surface among the cell and its neighbours, and a
// word that holds the smallest sample of the neighbourhood, the largest one, and the residual, which is half of the
// difference between sample and history.

// Three planes of one word per cell: motion, depths, surface. The same before.
@group(0) @binding(2) var<storage, read> guide: array<u32>;
@group(0) @binding(3) var<storage, read> guide_before: array<u32>;
// The history: one word per pixel.
@group(0) @binding(4) var<storage, read> before: array<u32>;
@group(0) @binding(5) var<storage, read_write> cells: array<vec2<u32>>;

// Wide workgroups read neighbouring words together.
@compute @workgroup_size(32, 2)
fn judge_cells(@builtin(global_invocation_id) id: vec3<u32>) {
    let size = history.cells;
    if (any(id.xy >= size)) {
        return;
    }
    let area = size.x * size.y;
    let own = id.y * size.x + id.x;
    var nearest = own;
    var depth = guide[area + own];
    var flags = guide[2u * area + own];
    let own_surface = flags;
    for (var index = 1u; index < 9u; index++) {
        let place = neighbour(id.xy, index, size);
        let at = place.y * size.x + place.x;
        let found = guide[area + at];
        nearest = select(nearest, at, found > depth);
        depth = max(depth, found);
        flags |= guide[2u * area + at];
    }
    if ((flags & ~SURFACE_TOUCHED) == 0u && history.plain_background != 0u) {
        cells[own] = vec2(0u, BACKGROUND_CELL);
        return;
    }
    let motion = guide[nearest];
    let surface = guide[2u * area + nearest] & ~SURFACE_TOUCHED;
    let stream = size * history.sides.x;
    let moved = unpacked(motion);
    let at = (vec2<f32>(id.xy) + 0.5) * f32(history.sides.x) + history.jitter - 0.5 + moved;
    // Where no changed instance was or is, a view that has not changed shows what it did.
    let keeps = history.still != 0u && all(history.cells_before == size);
    if (history.continues == 0u
        || ((own_surface | surface) & SURFACE_DIFFERENT) != 0u
        || !inside(at, stream)
        || !(history.still == UNCHANGED || (keeps && motion == 0u && (flags & SURFACE_TOUCHED) == 0u)
            || was_visible((vec2<f32>(id.xy) + 0.5) * f32(history.sides.x) + moved, surface, depth))) {
        cells[own] = vec2(motion, NEW_CELL);
        return;
    }
    let luma = luma_of(id.xy);
    var low = luma;
    var high = luma;
    for (var index = 1u; index < 9u; index++) {
        let other = luma_of(neighbour(id.xy, index, size));
        low = min(low, other);
        high = max(high, other);
    }
    let places = around(at, stream);
    let upper = vec2(before[places.upper], before[places.upper + 1u]) & vec2(0xffffu);
    let lower = vec2(before[places.lower], before[places.lower + 1u]) & vec2(0xffffu);
    let predicted = mixed(vec2<f32>(upper), vec2<f32>(lower), places.share);
    let residual = i32(round((f32(luma) * 256.0 - predicted) * 0.5));
    cells[own] = vec2(motion, low | (high << 8u) | (u32(residual) << 16u));
}

// Returns a cell or one of its neighbours, row by row as the processor compares them: the own row comes first, and in
// each row the column of the cell. Beyond the border, the nearest cell counts.
fn neighbour(cell: vec2<u32>, index: u32, size: vec2<u32>) -> vec2<u32> {
    let step = vec2(index % 3u, index / 3u);
    // 0, -1, 1.
    let offset = vec2<i32>(step & vec2(2u)) - vec2<i32>(step != vec2(0u));
    return vec2<u32>(clamp(vec2<i32>(cell) + offset, vec2(0), vec2<i32>(size) - 1));
}

// Returns whether the frame before showed a surface at a point of the stream, or in a cell beside a nearer one.
fn was_visible(at: vec2<f32>, surface: u32, depths: u32) -> bool {
    let place = at / f32(history.sides.y);
    let size = history.cells_before;
    if (any(place < vec2(0.0)) || any(place >= vec2<f32>(size))) {
        return false;
    }
    let cell = vec2<u32>(place);
    let area = size.x * size.y;
    var nearest = cell.y * size.x + cell.x;
    let expected = bitcast<f32>(depths << 16u);
    var depth = guide_before[area + nearest];
    if (is_same(guide_before[2u * area + nearest], depth, surface, expected)) {
        return true;
    }
    for (var index = 1u; index < 9u; index++) {
        let other = neighbour(cell, index, size);
        let found = guide_before[area + other.y * size.x + other.x];
        nearest = select(nearest, other.y * size.x + other.x, found > depth);
        depth = max(depth, found);
    }
    return is_same(guide_before[2u * area + nearest], depth, surface, expected);
}

fn is_same(found_surface: u32, found_depths: u32, surface: u32, expected: f32) -> bool {
    let found = bitcast<f32>(found_depths & 0xffff0000u);
    let same = (found_surface & ~(SURFACE_DIFFERENT | SURFACE_TOUCHED)) == surface;
    return same && abs(found - expected) <= expected * DEPTH_TOLERANCE;
}

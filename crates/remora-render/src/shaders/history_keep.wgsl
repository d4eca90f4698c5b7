// Takes over surfaces of the frame before, whose view was the same, as `State::keep` does in `output/history/mod.rs`.
// One invocation per cell.

@group(0) @binding(0) var<uniform> history: HistoryUniform;
// Three planes of one word per cell: motion, depths, surface.
@group(0) @binding(1) var<storage, read> guide_before: array<u32>;
// One bit per instance that has changed.
@group(0) @binding(2) var<storage, read> changed: array<u32>;
@group(0) @binding(3) var<storage, read_write> guide: array<u32>;

@compute @workgroup_size(64)
fn keep_surfaces(@builtin(global_invocation_id) id: vec3<u32>) {
    let size = history.cells;
    if (any(id.xy >= size)) {
        return;
    }
    let area = size.x * size.y;
    let own = id.y * size.x + id.x;
    let surface = guide[2u * area + own];
    let before = guide_before[2u * area + own];
    if (has_changed(surface) || has_changed(before)) {
        guide[2u * area + own] = surface | SURFACE_TOUCHED;
        return;
    }
    let depths = guide_before[area + own];
    if (depths >= guide[area + own]) {
        guide[own] = 0u;
        // A surface that rests keeps its depth.
        guide[area + own] = (depths & 0xffff0000u) | (depths >> 16u);
        guide[2u * area + own] = before & SURFACE_NUMBER;
    }
}

fn has_changed(surface: u32) -> bool {
    let index = (surface & SURFACE_NUMBER) - 1u;
    if (history.still == UNCHANGED || index / 32u >= arrayLength(&changed)) {
        return false;
    }
    return ((changed[index / 32u] >> (index % 32u)) & 1u) != 0u;
}

// Lists the blocks that show each run of entries, so that shading costs only visible pixels. One invocation per block
// of the area.

override SAMPLES: u32 = 1u;

@group(0) @binding(0) var<uniform> runs: RunBounds;
@group(0) @binding(1) var<storage, read> seen: array<vec2<u32>>;
@group(0) @binding(2) var<storage, read_write> counts: array<atomic<u32>>;
// Column and row << 16 of each block, one list of `blocks` words per run.
@group(0) @binding(3) var<storage, read_write> lists: array<u32>;
// The same for blocks that show anything.
@group(0) @binding(4) var<storage, read_write> touched_count: atomic<u32>;
@group(0) @binding(5) var<storage, read_write> touched: array<u32>;

@compute @workgroup_size(64)
fn classify(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let index = (group.y * GROUPS_WIDE + group.x) * 64u + lane;
    if (index >= runs.area.z * runs.area.w) {
        return;
    }
    let row = runs.area.y + index / runs.area.z;
    let column = runs.area.x + index % runs.area.z;
    let block = row * runs.blocks_wide + column;
    // The first and the last entry in each of the four pixels of the upper and of the lower row.
    let first = block * 8u * SAMPLES;
    var upper = Range(vec4(0xffffffffu), vec4(0u));
    var lower = upper;
    for (var sample = 0u; sample < SAMPLES; sample++) {
        upper = including(upper, entries_at(first + sample));
        lower = including(lower, entries_at(first + 4u * SAMPLES + sample));
    }
    let shown = any((upper.last | lower.last) != vec4(0u));
    var found = 0u;
    for (var run = 0u; run < runs.length; run++) {
        let pair = runs.bounds[run >> 1u];
        let bounds = select(pair.xy, pair.zw, (run & 1u) == 1u);
        // A run between two others that meet in a pixel may be listed in vain, which is rare and does no harm.
        found |= select(0u, 1u << run, meets(upper, bounds) || meets(lower, bounds));
    }
    let position = column | (row << 16u);
    if (runs.collect == 1u && shown) {
        touched[atomicAdd(&touched_count, 1u)] = position;
    }
    while (found != 0u) {
        let run = firstTrailingBit(found);
        found &= found - 1u;
        lists[run * runs.blocks + atomicAdd(&counts[run], 1u)] = position;
    }
}

struct Range {
    first: vec4<u32>,
    last: vec4<u32>,
}

// Returns the numbers of the entries that one sample of each of four pixels shows; 0 is none.
fn entries_at(first: u32) -> vec4<u32> {
    let ids = vec4(
        seen[first].x, seen[first + SAMPLES].x, seen[first + 2u * SAMPLES].x, seen[first + 3u * SAMPLES].x,
    );
    return ids >> vec4(TRIANGLE_BITS);
}

fn including(range: Range, numbers: vec4<u32>) -> Range {
    return Range(
        min(range.first, select(numbers, vec4(0xffffffffu), numbers == vec4(0u))),
        max(range.last, numbers),
    );
}

fn meets(range: Range, bounds: vec2<u32>) -> bool {
    return any((range.last >= vec4(bounds.x)) & (range.first < vec4(bounds.y)));
}

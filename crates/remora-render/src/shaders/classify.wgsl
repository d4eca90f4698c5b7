// Lists the blocks that show each run of entries, so that shading costs only visible pixels. One invocation per block
// of the area.

override SAMPLES: u32 = 1u;

@group(0) @binding(0) var<uniform> runs: RunBounds;
@group(0) @binding(1) var<storage, read> seen: array<Quad>;
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
    var found = 0u;
    var any = 0u;
    // A quad holds id and depth of two samples.
    for (var quad = 0u; quad < 4u * SAMPLES; quad++) {
        let words = unpack(seen[block * 4u * SAMPLES + quad]);
        let first = words.x >> TRIANGLE_BITS;
        let second = words.z >> TRIANGLE_BITS;
        any |= words.x | words.z;
        for (var run = 0u; run < runs.length; run++) {
            let pair = runs.bounds[run >> 1u];
            let bounds = select(pair.xy, pair.zw, (run & 1u) == 1u);
            let hit = (first >= bounds.x && first < bounds.y) || (second >= bounds.x && second < bounds.y);
            found |= select(0u, 1u << run, hit);
        }
    }
    let position = column | (row << 16u);
    if (runs.collect == 1u && any != 0u) {
        touched[atomicAdd(&touched_count, 1u)] = position;
    }
    while (found != 0u) {
        let run = firstTrailingBit(found);
        found &= found - 1u;
        lists[run * runs.blocks + atomicAdd(&counts[run], 1u)] = position;
    }
}

// Turns counts into the dimensions of the dispatches that follow.

@group(0) @binding(0) var<storage, read> counts: array<u32>;
@group(0) @binding(1) var<storage, read_write> dispatches: array<u32>;

var<immediate> plan: DispatchPlan;

@compute @workgroup_size(32)
fn arguments(@builtin(global_invocation_id) id: vec3<u32>) {
    if (id.x >= plan.length) {
        return;
    }
    let groups = (counts[id.x] + plan.per_group - 1u) / plan.per_group;
    let rows = (groups + GROUPS_WIDE - 1u) / GROUPS_WIDE;
    dispatches[id.x * 3u] = min(groups, GROUPS_WIDE);
    dispatches[id.x * 3u + 1u] = select(1u, plan.slices, id.x + 1u == plan.length);
    dispatches[id.x * 3u + 2u] = rows;
}

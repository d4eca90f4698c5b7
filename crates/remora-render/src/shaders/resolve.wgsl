// Shades visible pixels. Eight invocations take a block from the run's list, one pixel each.

var<immediate> run: ResolveRun;

@group(2) @binding(0) var<storage, read> seen: array<vec2<u32>>;
@group(2) @binding(1) var<storage, read> counts: array<u32>;
@group(2) @binding(2) var<storage, read> lists: array<u32>;
// Finished pixels, row by row; written if one sample decides a pixel.
@group(2) @binding(3) var<storage, read_write> pixels: array<u32>;
// Sums of display-linear colour times coverage, and of coverage, as four 16-bit floats.
@group(2) @binding(4) var<storage, read_write> sums: array<vec2<u32>>;

// True for a transparent layer, whose colours are blended in front of those behind it.
override LAYER: bool = false;

@compute @workgroup_size(64)
fn resolve(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    hold_frame();
    let slot = (group.z * GROUPS_WIDE + group.x) * 8u + (lane >> 3u);
    let listed = slot < counts[run.list];
    let position = lists[run.list * run.blocks + min(slot, run.blocks - 1u)];
    let pixel = vec2((position & 0xffffu) * 4u + (lane & 3u), (position >> 16u) * 2u + ((lane >> 2u) & 1u));
    let alive = listed && all(pixel < frame.size.xy);
    let word = word_of(pixel.x, pixel.y);
    let at = pixel.y * frame.size.x + pixel.x;

    if (SAMPLES == 1u && !LAYER) {
        let id = select(0u, seen[word].x, alive);
        let own = belongs(id);
        // Outside of any branch, because a software adapter takes both sides of one and is slower within. Entry 0 can
        // be shaded like any other.
        let color = color_of(select(0u, id, own), vec2<f32>(pixel) + 0.5).rgb;
        if (own) {
            pixels[at] = pixel_of(color);
        }
        return;
    }

    var ids: array<u32, 4>;
    for (var sample = 0u; sample < SAMPLES; sample++) {
        let id = select(0u, seen[word + sample].x, alive);
        ids[sample] = select(0u, id, belongs(id));
    }
    var sum = vec4(0.0);
    // Each triangle in the pixel is shaded once, in the middle of its samples.
    loop {
        var id = 0u;
        for (var sample = 0u; sample < SAMPLES; sample++) {
            id = max(id, ids[sample]);
        }
        if (id == 0u) {
            break;
        }
        var covered = 0.0;
        var middle = vec2(0.0);
        for (var sample = 0u; sample < SAMPLES; sample++) {
            let same = ids[sample] == id;
            covered += select(0.0, 1.0, same);
            middle += select(vec2(0.0), vec2<f32>(sample_offset(sample)) * (1.0 / 256.0), same);
            ids[sample] = select(ids[sample], 0u, same);
        }
        let color = color_of(id, vec2<f32>(pixel) + 0.5 + middle / covered);
        let share = covered / f32(SAMPLES) * select(1.0, color.a, LAYER);
        sum += vec4(color.rgb, 1.0) * share;
    }
    if (sum.a > 0.0) {
        let words = sums[at];
        let before = vec4(unpack2x16float(words.x), unpack2x16float(words.y));
        let after = before + sum * select(1.0, 1.0 - before.a, LAYER);
        sums[at] = vec2(pack2x16float(after.xy), pack2x16float(after.zw));
    }
}

fn belongs(id: u32) -> bool {
    return (id >> TRIANGLE_BITS) >= run.first && (id >> TRIANGLE_BITS) < run.end;
}

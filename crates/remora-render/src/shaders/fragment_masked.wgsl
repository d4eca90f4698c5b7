// A fragment with a mask: its alpha decides whether it covers the sample.
fn fragment(pixel: vec2<u32>, sample: u32, word: u32, depth: f32, id: u32) {
    let offset = vec2<f32>(sample_offset(sample)) * (1.0 / 256.0);
    let point = vec2<f32>(pixel) + 0.5 + offset;
    let facet = facet_of(id);
    let a = corner_of(facet.transform, facet.a).screen;
    let b = corner_of(facet.transform, facet.b).screen;
    let c = corner_of(facet.transform, facet.c).screen;
    let weights = weights_at(a, b, c, point);
    let at = (facet.cluster.w >> CLUSTER_MATERIAL_SHIFT) * MATERIAL_QUADS;
    let factors = unpack(materials[at]);
    let more = unpack(materials[at + 1u]);
    var alpha = unorm_pair(factors.y).y;
    if (DETAIL > 0u) {
        let detail_a = unpack(details[facet.details.x]);
        let detail_b = unpack(details[facet.details.y]);
        let detail_c = unpack(details[facet.details.z]);
        let alphas = vec3(
            unorm_bytes(detail_a.w).a, unorm_bytes(detail_b.w).a, unorm_bytes(detail_c.w).a,
        );
        let uvs = mat3x2<f32>(
            bitcast<vec2<f32>>(detail_a.xy), bitcast<vec2<f32>>(detail_b.xy), bitcast<vec2<f32>>(detail_c.xy),
        );
        let texel = vec3(uvs * weights.at, 1.0);
        let spot = spot_of(at + 2u, texel, vec3(uvs * weights.x, 0.0), vec3(uvs * weights.y, 0.0));
        alpha *= dot(alphas, weights.at) * fetch(spot, more.w & 0xffffu, factors.w >> 16u).a;
    }
    if (alpha >= unorm_pair(more.z).y) {
        cover(word, depth, id);
    }
}

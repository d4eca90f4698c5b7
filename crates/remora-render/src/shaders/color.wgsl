// Returns the display-linear colour and the alpha of a triangle at a pixel.
fn color_of(id: u32, pixel: vec2<f32>) -> vec4<f32> {
    let facet = facet_of(id);
    let a = corner_of(facet.transform, facet.a);
    let b = corner_of(facet.transform, facet.b);
    let c = corner_of(facet.transform, facet.c);
    let weights = weights_at(a.screen, b.screen, c.screen, pixel);
    let w = weights.at;
    let position = a.position * w.x + b.position * w.y + c.position * w.z;
    let local_normal = octahedral(words[facet.normals.x]) * w.x
        + octahedral(words[facet.normals.y]) * w.y
        + octahedral(words[facet.normals.z]) * w.z;

    // Normals are transformed by the matrix of cofactors, which points inwards for a mirrored instance. Its columns
    // contain the step of the mesh's grid, whose fourth power underflows for parts of a few centimetres. Only
    // directions count, so the largest element is scaled to 1 first.
    let rows = max(abs(facet.transform.x.xyz), max(abs(facet.transform.y.xyz), abs(facet.transform.z.xyz)));
    let scale = 1.0 / max(max(rows.x, max(rows.y, rows.z)), 1e-37);
    let column_x = vec3(facet.transform.x.x, facet.transform.y.x, facet.transform.z.x) * scale;
    let column_y = vec3(facet.transform.x.y, facet.transform.y.y, facet.transform.z.y) * scale;
    let column_z = vec3(facet.transform.x.z, facet.transform.y.z, facet.transform.z.z) * scale;
    let outwards = cross(column_y, column_z) * local_normal.x + cross(column_z, column_x) * local_normal.y
        + cross(column_x, column_y) * local_normal.z;
    let handedness = select(1.0, -1.0, facet.transform.mirrored);
    // With y down, a triangle that is anticlockwise in the world is clockwise on the screen and has a negative sum.
    let facing = select(1.0, -1.0, weights.clockwise != facet.transform.mirrored);
    let normal = outwards * (inverseSqrt(max(dot(outwards, outwards), 1e-30)) * handedness * facing);

    let at = (facet.cluster.w >> CLUSTER_MATERIAL_SHIFT) * MATERIAL_QUADS;
    let factors = unpack(materials[at]);
    let more = unpack(materials[at + 1u]);
    var base = vec4(unorm_pair(factors.x), unorm_pair(factors.y));
    let metal_rough = unorm_pair(factors.z);
    let blue_scale = unpack2x16float(more.y);
    var surface: Surface;
    surface.metallic = metal_rough.x;
    surface.roughness = metal_rough.y;
    surface.emissive = vec3(unpack2x16float(more.x), blue_scale.x);
    surface.occlusion = 1.0;
    surface.normal = normal;
    surface.view = -position * inverseSqrt(max(dot(position, position), 1e-30));

    if (DETAIL > 0u) {
        let detail_a = unpack(details[facet.details.x]);
        let detail_b = unpack(details[facet.details.y]);
        let detail_c = unpack(details[facet.details.z]);
        let uv_a = bitcast<vec2<f32>>(detail_a.xy);
        let uv_b = bitcast<vec2<f32>>(detail_b.xy);
        let uv_c = bitcast<vec2<f32>>(detail_c.xy);
        base *= unorm_bytes(detail_a.w) * w.x + unorm_bytes(detail_b.w) * w.y + unorm_bytes(detail_c.w) * w.z;
        let uv = vec3(uv_a * w.x + uv_b * w.y + uv_c * w.z, 1.0);
        let along_x = vec3(uv_a * weights.x.x + uv_b * weights.x.y + uv_c * weights.x.z, 0.0);
        let along_y = vec3(uv_a * weights.y.x + uv_b * weights.y.y + uv_c * weights.y.z, 0.0);
        let strengths = unorm_pair(more.z);

        let spot = spot_of(at + 2u, uv, along_x, along_y);
        let color = squared(fetch(spot, more.w & 0xffffu, factors.w >> 16u));
        let occlusion_in_color = (factors.w & MATERIAL_OCCLUSION_IN_COLOR) != 0u;
        base *= vec4(color.rgb, select(color.a, 1.0, occlusion_in_color));
        var bump_spot = spot;
        if (DETAIL > 1u) {
            bump_spot = spot_of(at + 4u, uv, along_x, along_y);
        }
        let bumps = fetch(bump_spot, more.w >> 16u, factors.w >> 20u);
        surface.roughness *= bumps.z;
        surface.metallic *= bumps.w;
        var occlusion = select(1.0, color.a, occlusion_in_color);
        if (DETAIL > 1u) {
            let third = unpack(materials[at + 2u]).w;
            let rough = fetch(spot_of(at + 6u, uv, along_x, along_y), third >> 16u, factors.w >> 24u);
            surface.roughness = metal_rough.y * rough.z;
            surface.metallic = metal_rough.x * rough.w;
            let glow_spot = spot_of(at + 8u, uv, along_x, along_y);
            let glow = squared(fetch(glow_spot, third & 0xffffu, factors.w >> 28u));
            surface.emissive *= glow.rgb;
            occlusion = select(glow.a, color.a, occlusion_in_color);
        }
        surface.occlusion = mix(1.0, occlusion, strengths.x);

        let local_tangent = octahedral(detail_a.z & 0xfffefffeu) * w.x + octahedral(detail_b.z & 0xfffefffeu) * w.y
            + octahedral(detail_c.z & 0xfffefffeu) * w.z;
        let along = column_x * local_tangent.x + column_y * local_tangent.y + column_z * local_tangent.z;
        let tangent = along * inverseSqrt(max(dot(along, along), 1e-30));
        let sign = select(1.0, -1.0, (detail_a.z & 1u) != 0u) * handedness * facing;
        let bitangent = cross(normal, tangent) * sign;
        let slope = (bumps.xy * 2.0 - 1.0 - 1.0 / 255.0) * blue_scale.y;
        let height = sqrt(max(1.0 - dot(slope, slope), 0.04));
        let bent = tangent * slope.x + bitangent * slope.y + normal * height;
        surface.normal = bent * inverseSqrt(max(dot(bent, bent), 1e-30));
    }

    base = vec4(tinted(base.rgb, facet.instance), base.a);
    surface.base = base.rgb;
    // Unlit surfaces show their colour unchanged.
    let unlit = (factors.w & MATERIAL_UNLIT) != 0u;
    return vec4(select(tone_mapped(lit(surface) * frame.look.x), base.rgb, unlit), base.a);
}

// Lighting of metallic-roughness surfaces by a studio environment and one key light, and tone mapping.

// Octahedral map of the radiance of the environment; each level is rougher than the previous one.
@group(3) @binding(2) var environment: texture_2d<f32>;
@group(3) @binding(3) var environment_sampler: sampler;

struct Surface {
    base: vec3<f32>,
    metallic: f32,
    roughness: f32,
    occlusion: f32,
    emissive: vec3<f32>,
    normal: vec3<f32>,
    // Direction towards the eye.
    view: vec3<f32>,
}

fn irradiance(n: vec3<f32>) -> vec3<f32> {
    let sh = frame.irradiance;
    return max(
        sh[0].xyz + sh[1].xyz * n.y + sh[2].xyz * n.z + sh[3].xyz * n.x + sh[4].xyz * (n.x * n.y)
            + sh[5].xyz * (n.y * n.z) + sh[6].xyz * (3.0 * n.z * n.z - 1.0) + sh[7].xyz * (n.x * n.z)
            + sh[8].xyz * (n.x * n.x - n.y * n.y),
        vec3(0.0),
    );
}

fn reflected_radiance(direction: vec3<f32>, roughness: f32) -> vec3<f32> {
    let scaled = direction / (abs(direction.x) + abs(direction.y) + abs(direction.z));
    let fold = max(-scaled.y, 0.0);
    let folded = scaled.xz + select(vec2(fold), vec2(-fold), scaled.xz >= vec2(0.0));
    let level = roughness * frame.look.y;
    // The centres of the outermost texels lie on the edges of the map, where opposite halves of an edge are the same
    // direction. No seam shows, however few texels a level has.
    let texel = exp2(level) / frame.look.z;
    let point = (folded * 0.5 + 0.5) * (1.0 - texel) + 0.5 * texel;
    return textureSampleLevel(environment, environment_sampler, point, level).rgb;
}

// Returns scale and bias of the reflectance at normal incidence; Karis, Physically Based Shading on Mobile, 2014.
fn environment_reflectance(roughness: f32, n_dot_v: f32) -> vec2<f32> {
    let r = roughness * vec4(-1.0, -0.0275, -0.572, 0.022) + vec4(1.0, 0.0425, 1.04, -0.04);
    let a = min(r.x * r.x, exp2(-9.28 * n_dot_v)) * r.x + r.y;
    return vec2(-1.04, 1.04) * a + r.zw;
}

fn lit(surface: Surface) -> vec3<f32> {
    let n = surface.normal;
    let v = surface.view;
    let n_dot_v = max(dot(n, v), 1e-3);
    let roughness = max(surface.roughness, 0.045);
    let specular_color = mix(vec3(0.04), surface.base, surface.metallic);
    let diffuse_color = surface.base * (1.0 - surface.metallic);

    let scale_bias = environment_reflectance(roughness, n_dot_v);
    let reflectance = specular_color * scale_bias.x + scale_bias.y;
    // Energy that leaves after several bounces between microfacets; Fdez-Agüera, A Multiple-Scattering Microfacet Model
    // for Real-Time Image-based Lighting, 2019, reduced to its dominant term.
    let missing = 1.0 - (scale_bias.x + scale_bias.y);
    let specular = reflectance * (1.0 + specular_color * missing);
    let mirrored = reflect(-v, n);
    var specular_occlusion = 1.0;
    if (DETAIL > 0u) {
        specular_occlusion = clamp(pow(n_dot_v + surface.occlusion, exp2(-16.0 * roughness - 1.0)) - 1.0
            + surface.occlusion, 0.0, 1.0);
    }
    var light = irradiance(n) * diffuse_color * surface.occlusion
        + reflected_radiance(mirrored, roughness) * specular * specular_occlusion;

    // Key light: GGX, height-correlated Smith visibility in Hammon's approximation, Schlick's Fresnel term.
    let l = frame.light_direction.xyz;
    let n_dot_l = clamp(dot(n, l), 0.0, 1.0);
    let half_sum = v + l;
    let half_way = half_sum * inverseSqrt(max(dot(half_sum, half_sum), 1e-8));
    let n_dot_h = clamp(dot(n, half_way), 0.0, 1.0);
    let alpha = roughness * roughness;
    let spread = n_dot_h * n_dot_h * (alpha * alpha - 1.0) + 1.0;
    let distribution = alpha * alpha / (spread * spread);
    let visibility = 0.5 / max(mix(2.0 * n_dot_l * n_dot_v, n_dot_l + n_dot_v, alpha), 1e-4);
    let grazing = 1.0 - clamp(dot(v, half_way), 0.0, 1.0);
    let grazing_2 = grazing * grazing;
    let fresnel = specular_color + (1.0 - specular_color) * (grazing_2 * grazing_2 * grazing);
    light += (diffuse_color * (1.0 - fresnel) + fresnel * (distribution * visibility * 0.25)) * frame.light.rgb
        * (n_dot_l * mix(1.0, surface.occlusion, 0.5));
    return light + surface.emissive;
}

// The Khronos PBR Neutral tone mapper, 2024. Colours below 0.8 are unchanged, and brighter ones lose saturation.
fn tone_mapped(linear: vec3<f32>) -> vec3<f32> {
    let start = 0.8 - 0.04;
    let least = min(linear.r, min(linear.g, linear.b));
    let offset = select(0.04, least - 6.25 * least * least, least < 0.08);
    let color = linear - offset;
    let peak = max(color.r, max(color.g, color.b));
    let range = 1.0 - start;
    let new_peak = 1.0 - range * range / (peak + range - start);
    let compressed = color * (new_peak / max(peak, 1e-6));
    let desaturation = 1.0 - 1.0 / (0.15 * (peak - new_peak) + 1.0);
    return select(mix(compressed, vec3(new_peak), desaturation), color, peak < start);
}

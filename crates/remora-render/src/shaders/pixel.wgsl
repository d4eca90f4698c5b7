// Encodings of display colours: linear in sums, sRGB bytes in frames.

fn encoded(linear: vec3<f32>) -> vec3<f32> {
    let bounded = clamp(linear, vec3(0.0), vec3(1.0));
    let curve = 1.055 * pow(bounded, vec3(1.0 / 2.4)) - 0.055;
    return select(curve, bounded * 12.92, bounded <= vec3(0.0031308));
}

fn decoded(color: vec3<f32>) -> vec3<f32> {
    return select(pow((color + 0.055) / 1.055, vec3(2.4)), color / 12.92, color <= vec3(0.04045));
}

fn pixel_of(linear: vec3<f32>) -> u32 {
    return pack4x8unorm(vec4(encoded(linear), 1.0));
}

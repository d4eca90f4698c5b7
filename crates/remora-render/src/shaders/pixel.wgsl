// Encodings of display colours: linear in sums, sRGB bytes in frames. The powers of sRGB are polynomials, because a
// power costs a software adapter a logarithm and an exponential.

fn encoded(linear: vec3<f32>) -> vec3<f32> {
    let bounded = clamp(linear, vec3(0.0), vec3(1.0));
    // 1.055 x^(5/12) - 0.055 as a polynomial of x^(1/4), within 0.002 of a byte's step.
    let root = sqrt(sqrt(bounded));
    let curve = ((((root * -0.068147342 + 0.289533098) * root - 0.577482813) * root + 1.255404440) * root
        + 0.162026264) * root - 0.061340217;
    return select(curve, bounded * 12.92, bounded <= vec3(0.0031308));
}

fn decoded(color: vec3<f32>) -> vec3<f32> {
    // ((x + 0.055) / 1.055)^2.4 within 0.02 of a byte's step.
    let curve = (((((color * -0.055619892 + 0.229881938) * color - 0.438605326) * color + 0.719497524) * color
        + 0.510684951) * color + 0.033245567) * color + 0.000909605;
    return select(curve, color * (1.0 / 12.92), color <= vec3(0.04045));
}

fn pixel_of(linear: vec3<f32>) -> u32 {
    return pack4x8unorm(vec4(encoded(linear), 1.0));
}

// Returns the colour of a point, which no light changes.
fn color_of(id: u32, pixel: vec2<f32>) -> vec4<f32> {
    let entry = entry_of(id >> TRIANGLE_BITS);
    let cluster = unpack(clusters[entry.cluster]);
    let color = unorm_bytes(words[cluster.y + (id & TRIANGLE_MASK)]).rgb;
    return vec4(tinted(decoded(color), entry.instance), 1.0);
}

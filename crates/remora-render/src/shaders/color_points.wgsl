// What a point shows: its own colour, whatever the light.
fn color_of(id: u32, pixel: vec2<f32>) -> vec4<f32> {
    let entry = entry_of(id >> 7u);
    let cluster = unpack(clusters[entry.cluster]);
    let color = unpack4x8unorm(unpack(vertices[cluster.x + (id & 0x7fu)]).w).rgb;
    return vec4(tinted(decoded(color), entry.instance), 1.0);
}

// A solid fragment: every covered sample is written.
fn fragment(pixel: vec2<u32>, sample: u32, word: u32, depth: f32, id: u32) {
    cover(word, depth, id);
}

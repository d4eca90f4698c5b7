// What happens where a triangle covers a sample: it is always a candidate.
fn fragment(pixel: vec2<u32>, sample: u32, word: u32, depth: f32, id: u32) {
    cover(word, depth, id);
}

// What happens where a triangle covers a sample: it is always a candidate.
fn fragment(x: u32, y: u32, sample: u32, depth: f32, id: u32) {
    cover(word_of(x, y) + sample, depth, id);
}

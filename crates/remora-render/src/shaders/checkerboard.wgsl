// Blends a checkerboard into the background of a frame. One invocation per pixel.

var<immediate> board: CheckerboardStyle;

@group(0) @binding(0) var<storage, read_write> pixels: array<u32>;

const DARK: f32 = 0.05;
const LIGHT: f32 = 0.4;

@compute @workgroup_size(8, 8)
fn checkerboard(@builtin(global_invocation_id) id: vec3<u32>) {
    if (any(id.xy >= board.size)) {
        return;
    }
    let at = id.y * board.size.x + id.x;
    let square = id.xy / board.side;
    let color = select(DARK, LIGHT, ((square.x + square.y) & 1u) == 1u);
    let behind = decoded(unpack4x8unorm(pixels[at]).rgb);
    pixels[at] = pixel_of(mix(behind, vec3(color), board.opacity));
}

// The scene: with the uniform of the frame, group 0 of every kernel that reads triangles.

// Samples per pixel, 1 or 4.
override SAMPLES: u32 = 1u;

// INSTANCE_QUADS each: three rows of the affine transform from the mesh's grid to the world; then a linear tint (red
// and green; blue, and the share of the surface's colour that it replaces) and flags.
@group(0) @binding(1) var<storage, read> instances: array<Quad>;
// First position in pairs, first normal and first triangle in words; then material << 12 | points << 9 | double-sided
// << 8 | number of triangles or points. Details start at the next whole quad after the triangles.
@group(0) @binding(2) var<storage, read> clusters: array<Quad>;
// Instance, with a bit for mirrored ones, and cluster of every entry of this frame. Entry 0 is empty.
@group(0) @binding(3) var<storage, read> entries: array<Pair>;
// MATERIAL_QUADS each.
@group(0) @binding(4) var<storage, read> materials: array<Quad>;

// A bank of geometry, bound in three ways. Positions on the mesh's grid: three numbers of GRID_BITS.
@group(1) @binding(0) var<storage, read> positions: array<Pair>;
// Octahedral normals, or colours of points with their share of the width in the highest byte; and triangles, three
// local indices of eight bits, or the width of points.
@group(1) @binding(1) var<storage, read> words: array<u32>;
// Texture coordinates, tangent, colour. Only clusters whose material uses them have details.
@group(1) @binding(2) var<storage, read> details: array<Quad>;

const GRID_MASK: u32 = (1u << GRID_BITS) - 1u;

// Visibility buffers consist of blocks of 4 x 2 pixels, each with all of its samples. A small triangle then touches few
// cache lines, and a block is read contiguously.
const_assert BLOCK_WIDTH == 4u && BLOCK_HEIGHT == 2u;

// Returns the index of the first sample of a pixel.
fn word_of(x: u32, y: u32) -> u32 {
    let block = (y >> 1u) * frame.size.z + (x >> 2u);
    return (block * 8u + (y & 1u) * 4u + (x & 3u)) * SAMPLES;
}

// Returns the position of a sample in 1/256 pixel from the centre of the pixel.
fn sample_offset(sample: u32) -> vec2<i32> {
    if (SAMPLES == 1u) {
        return vec2<i32>(0, 0);
    }
    let offsets = SAMPLE_OFFSETS;
    return offsets[sample];
}

// Returns a position on the mesh's grid.
fn position_at(index: u32) -> vec3<f32> {
    let pair = unpair(positions[index]);
    return vec3<f32>(vec3(
        pair.x & GRID_MASK,
        ((pair.x >> GRID_BITS) | (pair.y << (32u - GRID_BITS))) & GRID_MASK,
        (pair.y >> (2u * GRID_BITS - 32u)) & GRID_MASK,
    ));
}

// A corner of a triangle: its position relative to the eye, and its homogeneous pixel coordinates.
struct Corner {
    position: vec3<f32>,
    screen: vec3<f32>,
}

struct Entry {
    instance: u32,
    cluster: u32,
    mirrored: bool,
}

fn entry_of(number: u32) -> Entry {
    let words = unpair(entries[number]);
    return Entry(words.x & ~ENTRY_MIRRORED, words.y, (words.x & ENTRY_MIRRORED) != 0u);
}

struct Transform {
    x: vec4<f32>,
    y: vec4<f32>,
    z: vec4<f32>,
    mirrored: bool,
}

fn transform_of(entry: Entry) -> Transform {
    let at = entry.instance * INSTANCE_QUADS;
    return Transform(
        bitcast<vec4<f32>>(unpack(instances[at])),
        bitcast<vec4<f32>>(unpack(instances[at + 1u])),
        bitcast<vec4<f32>>(unpack(instances[at + 2u])),
        entry.mirrored,
    );
}

fn corner_of(transform: Transform, local: vec3<f32>) -> Corner {
    let offset = vec3(transform.x.w, transform.y.w, transform.z.w) - frame.eye.xyz;
    let turned = vec3(dot(transform.x.xyz, local), dot(transform.y.xyz, local), dot(transform.z.xyz, local));
    let position = turned + offset;
    let screen = vec3(
        dot(frame.row_x.xyz, position),
        dot(frame.row_y.xyz, position),
        dot(frame.row_w.xyz, position),
    );
    return Corner(position, screen);
}

// Replaces a share of the surface's colour by the tint.
fn tinted(color: vec3<f32>, instance: u32) -> vec3<f32> {
    let state = unpack(instances[instance * INSTANCE_QUADS + 3u]);
    let blue_share = unorm_pair(state.y);
    return mix(color, vec3(unorm_pair(state.x), blue_share.x), blue_share.y);
}

// These unpack as the built-in functions do, but multiply where those divide.
fn unorm_pair(packed: u32) -> vec2<f32> {
    return vec2<f32>(vec2(packed & 0xffffu, packed >> 16u)) * (1.0 / 65535.0);
}

fn snorm_pair(packed: u32) -> vec2<f32> {
    return vec2<f32>(vec2(bitcast<i32>(packed << 16u), bitcast<i32>(packed)) >> vec2(16u)) * (1.0 / 32767.0);
}

fn unorm_bytes(packed: u32) -> vec4<f32> {
    return vec4<f32>((vec4(packed) >> vec4(0u, 8u, 16u, 24u)) & vec4(0xffu)) * (1.0 / 255.0);
}

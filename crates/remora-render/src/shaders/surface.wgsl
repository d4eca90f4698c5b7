// The surface that a sample shows: the position of the sample on its triangle, and the triangle's attributes there.

// A texture array: all layers have one size.
@group(3) @binding(0) var layers: texture_2d_array<f32>;
@group(3) @binding(1) var layer_sampler: sampler;

const MATERIAL_UNLIT: u32 = 1u;
const MATERIAL_OCCLUSION_IN_COLOR: u32 = 2u;
const MATERIAL_BLEND: u32 = 4u;

// Features of the material. 0: factors only. 1: two texture layers that repeat and share a transform. 2: all.
override DETAIL: u32 = 2u;

struct Facet {
    instance: u32,
    transform: Transform,
    cluster: vec4<u32>,
    // First word of each corner's normal, and quads of details.
    normals: vec3<u32>,
    details: vec3<u32>,
    // Corners on the mesh's grid.
    a: vec3<f32>,
    b: vec3<f32>,
    c: vec3<f32>,
}

fn facet_of(id: u32) -> Facet {
    let entry = entry_of(id >> TRIANGLE_BITS);
    let cluster = unpack(clusters[entry.cluster]);
    let corners = words[cluster.z + (id & TRIANGLE_MASK)];
    let local = vec3(corners & 0xffu, (corners >> 8u) & 0xffu, (corners >> 16u) & 0xffu);
    let vertex = local + cluster.x;
    let first_detail = (cluster.z + (cluster.w & 0xffu) + 3u) >> 2u;
    return Facet(
        entry.instance, transform_of(entry), cluster, local + cluster.y, local + first_detail,
        position_at(vertex.x), position_at(vertex.y), position_at(vertex.z),
    );
}

// Perspective-correct weights of the corners at a point of the screen, and their change per pixel.
struct Weights {
    at: vec3<f32>,
    x: vec3<f32>,
    y: vec3<f32>,
    // True if the corners run clockwise on the screen.
    clockwise: bool,
}

fn weights_at(a: vec3<f32>, b: vec3<f32>, c: vec3<f32>, pixel: vec2<f32>) -> Weights {
    // Coordinates relative to the point keep the precision of small triangles far away.
    let from_a = vec3(a.xy - pixel * a.z, a.z);
    let from_b = vec3(b.xy - pixel * b.z, b.z);
    let from_c = vec3(c.xy - pixel * c.z, c.z);
    let edge_a = cross(from_b, from_c);
    let edge_b = cross(from_c, from_a);
    let edge_c = cross(from_a, from_b);
    let at = vec3(edge_a.z, edge_b.z, edge_c.z);
    let along_x = vec3(edge_a.x, edge_b.x, edge_c.x);
    let along_y = vec3(edge_a.y, edge_b.y, edge_c.y);
    let sum = at.x + at.y + at.z;
    let inverse = select(1.0 / sum, 0.0, sum == 0.0);
    let normalised = at * inverse;
    return Weights(
        normalised,
        (along_x - normalised * (along_x.x + along_x.y + along_x.z)) * inverse,
        (along_y - normalised * (along_y.x + along_y.y + along_y.z)) * inverse,
        sum > 0.0,
    );
}

fn octahedral(packed: u32) -> vec3<f32> {
    let folded = snorm_pair(packed);
    let z = 1.0 - abs(folded.x) - abs(folded.y);
    let fold = max(-z, 0.0);
    return vec3(folded.x + select(fold, -fold, folded.x >= 0.0), folded.y + select(fold, -fold, folded.y >= 0.0), z);
}

// Position and level at which a texture is sampled.
struct Spot {
    point: vec2<f32>,
    level: f32,
}

// Applies the transform that the material stores at `at` to coordinates and to their change per pixel.
fn spot_of(at: u32, uv: vec3<f32>, along_x: vec3<f32>, along_y: vec3<f32>) -> Spot {
    let row_u = bitcast<vec3<f32>>(unpack(materials[at]).xyz);
    let row_v = bitcast<vec3<f32>>(unpack(materials[at + 1u]).xyz);
    let moved_x = vec2(dot(row_u, along_x), dot(row_v, along_x));
    let moved_y = vec2(dot(row_u, along_y), dot(row_v, along_y));
    return Spot(vec2(dot(row_u, uv), dot(row_v, uv)), level_of(moved_x, moved_y));
}

// Layers of materials with detail 1 repeat, which the sampler does.
fn fetch(spot: Spot, layer: u32, wrap: u32) -> vec4<f32> {
    var point = spot.point;
    if (DETAIL > 1u) {
        let half_texel = 0.5 / f32(textureDimensions(layers).x);
        point = vec2(wrapped(point.x, wrap & 3u, half_texel), wrapped(point.y, (wrap >> 2u) & 3u, half_texel));
    }
    return textureSampleLevel(layers, layer_sampler, point, layer, spot.level);
}

// Applies a wrap mode to a texture coordinate: 0 repeats, 1 mirrors, 2 clamps.
fn wrapped(coordinate: f32, mode: u32, half_texel: f32) -> f32 {
    let mirrored = 1.0 - abs(fract(coordinate * 0.5) * 2.0 - 1.0);
    let clamped = clamp(coordinate, half_texel, 1.0 - half_texel);
    return select(select(coordinate, mirrored, mode == 1u), clamped, mode == 2u);
}

// Returns a level of detail between those of the longer and of the shorter axis of a pixel's footprint: sharp on
// slanted surfaces, and at most one level sharper than isotropic.
fn level_of(along_x: vec2<f32>, along_y: vec2<f32>) -> f32 {
    let size = f32(textureDimensions(layers).x);
    let squared_x = max(dot(along_x, along_x) * size * size, 1e-12);
    let squared_y = max(dot(along_y, along_y) * size * size, 1e-12);
    let longer = 0.5 * log2(max(squared_x, squared_y));
    let shorter = 0.5 * log2(min(squared_x, squared_y));
    return max(longer - 1.0, 0.5 * (longer + shorter));
}

// Colour layers store square roots of linear values.
fn squared(color: vec4<f32>) -> vec4<f32> {
    return vec4(color.rgb * color.rgb, color.a);
}

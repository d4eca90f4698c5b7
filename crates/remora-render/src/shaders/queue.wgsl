// Triangles too large, or too near, for one invocation each: set up once, drawn by workgroups of their own.
//
// Four quads per triangle:
//   edge a, b, c: coefficients of x, y and 1, in pixels from the centre of the picture; inside is above 0. The
//                 fourth words: id; first and last column; first and last row.
//   depth:        coefficients of x, y and 1; the depth of the nearest corner.
@group(2) @binding(1) var<storage, read_write> queue_counts: array<atomic<u32>, 2>;
@group(2) @binding(2) var<storage, read_write> queue: array<Quad>;

// Triangles up to this many pixels (of their bounding box) are drawn by one workgroup, larger ones by several.
const MEDIUM_PIXELS: u32 = 4096u;

// The queue of triangles that are too large or too near for one invocation. They are set up once and drawn by
// workgroups of their own.
//
// Each triangle has four quads:
//   edge a, b, c: coefficients of x, y and 1, in pixels from the centre of the frame; positive inside. The fourth
//                 words are the id, the first and last column, and the first and last row.
//   depth:        coefficients of x, y and 1; the depth of the nearest corner.
@group(2) @binding(1) var<storage, read_write> queue_counts: array<atomic<u32>, 2>;
@group(2) @binding(2) var<storage, read_write> queue: array<Quad>;

// Largest bounding box in pixels of a triangle that one workgroup draws. Several workgroups share a larger one.
const MEDIUM_PIXELS: u32 = 4096u;

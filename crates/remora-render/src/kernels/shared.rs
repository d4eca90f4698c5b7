//! Constants and structs that the kernels share with Rust: the prelude of every shader module.

use remora_asset::layout;

use crate::blocks::BLOCK;
use crate::view::{SPHERE, Sphere};
use crate::wgsl::{SharedStruct, shared_constants, shared_structs};

shared_constants! {
    constants:
    /// Workgroups along the first dimension of a dispatch. Larger dispatches use a second dimension.
    const GROUPS_WIDE: u32 = 32768;
    /// Width of a block in pixels.
    const BLOCK_WIDTH: u32 = BLOCK.width;
    /// Height of a block in pixels.
    const BLOCK_HEIGHT: u32 = BLOCK.height;
    /// Positions of four samples relative to the centre of their pixel, in 1/256 pixel. These are the standard
    /// positions of Vulkan.
    const SAMPLE_OFFSETS: [[i32; 2]; 4] = [[-32, -96], [96, -32], [-96, 32], [32, 96]];

    /// Bits of an id that hold the triangle within its cluster. The bits above hold the number of the entry.
    const TRIANGLE_BITS: u32 = 7;
    /// The triangle within an id.
    const TRIANGLE_MASK: u32 = (1 << TRIANGLE_BITS) - 1;
    /// Bit in the first word of an entry: the transform of the instance mirrors. The other bits hold the instance.
    const ENTRY_MIRRORED: u32 = 1 << 31;

    /// Bits of each coordinate on the grid of a mesh.
    const GRID_BITS: u32 = layout::GRID_BITS;
    /// Bit in the last word of a cluster: both sides are drawn.
    const CLUSTER_DOUBLE_SIDED: u32 = 1 << 8;
    /// Bit in the last word of a cluster: it consists of points.
    const CLUSTER_POINTS: u32 = 1 << 9;
    /// First bit of the material in the last word of a cluster.
    const CLUSTER_MATERIAL_SHIFT: u32 = 12;
    /// Quads of an instance: three rows of the transform, then tint and flags.
    const INSTANCE_QUADS: u32 = 4;
    /// Flag of an instance: it is selected.
    const INSTANCE_SELECTED: u32 = 1;
    /// Quads of a material.
    const MATERIAL_QUADS: u32 = layout::MATERIAL_WORDS as u32 / 4;

    /// Largest side in pixels of the bounding box of a triangle that one invocation draws. The fixed-point arithmetic
    /// allows no more: (64 * 256)^2 * 2 fits into 31 bits.
    const SMALL_SIDE: f32 = 60.0;
    /// Quads of a queued triangle.
    const QUEUE_RECORD_QUADS: u32 = 4;
    /// Index of the counter of queued triangles of medium size, which one workgroup draws.
    const MEDIUM: u32 = 0;
    /// Index of the counter of queued triangles that several workgroups share.
    const HUGE: u32 = 1;

    /// Pixels of a texel of the finest level of the depth pyramid, in both directions.
    const TEXEL_PIXELS: u32 = 8;
    /// Largest number of texels that an occlusion query compares, in each direction.
    const TEXELS_MAX: u32 = 4;
    /// Pixels by which a cluster may exceed its bounding rectangle. Points are at least one pixel wide.
    const SPREAD_PIXELS: f32 = 1.0;
    /// Counters of the culling kernel that precede those of the batches: surviving clusters and triangles.
    const SURVIVOR_TOTALS: u32 = 2;

    /// Low bits of the last word of an instance: the index of its move. The bits above hold the epoch of the move.
    const MOVE_BITS: u32 = 20;
    /// The index of a move.
    const MOVE_MASK: u32 = (1 << MOVE_BITS) - 1;
    /// Steps of a motion vector per pixel of the stream.
    const MOTION_STEPS: f32 = 32.0;
    /// Bit in the surface of a cell: it looks different than before, or was not in the view.
    const SURFACE_DIFFERENT: u32 = 1 << 31;

    /// Bit in the surface of a cell of an unchanged view: an instance that has changed covers the cell, or covered it
    /// before.
    const SURFACE_TOUCHED: u32 = 1 << 29;
    /// The number of the instance in the surface of a cell, plus 1; 0 is the background.
    const SURFACE_NUMBER: u32 = SURFACE_TOUCHED - 1;

    /// Luma and chroma of BT.709 in limited range, times 2^15: factors of red, green and blue.
    const LUMA: [i16; 3] = [5983, 20127, 2032];
    const CHROMA_U: [i16; 3] = [-3298, -11094, 14392];
    const CHROMA_V: [i16; 3] = [14392, -13073, -1319];
    /// Luma of black, and chroma of grey.
    const LUMA_OFFSET: i32 = 16;
    const CHROMA_OFFSET: i32 = 128;

    /// Share of a difference between samples and history that corrects the history.
    const CORRECTION: f32 = 0.7;
    /// Mean difference between samples and history at which the history counts half, in steps of luma times 256: the
    /// value for fast motion, and what is added for a motion of one pixel.
    const DISAGREEMENT: [f32; 2] = [10.0 * 256.0, 30.0 * 256.0];
    /// Slower motion than this, in pixels, is treated like it.
    const SPEED_MIN: f32 = 0.25;
    /// Relative difference of depths up to which a surface counts as the same.
    const DEPTH_TOLERANCE: f32 = 1.0 / 16.0;
    /// By this share of their difference, the history may exceed the smallest and largest sample of the neighbourhood.
    const MARGIN: f32 = 0.5;
    /// Largest luma, times 256.
    const LUMA_MAX: f32 = 65535.0;
    /// Sum of the weights of the samples that a pixel remembers. More gives smoother frames that adapt more slowly.
    const WEIGHT_MAX: f32 = 6.0;
    /// Steps of a stored weight per unit.
    const WEIGHT_STEPS: f32 = 32.0;
    /// Spread of a sample's weight in pixels: the standard deviation of a Gaussian.
    const SAMPLE_SPREAD: f32 = 0.35;
    /// Smallest weight of a sample, however far it lies from the pixel.
    const SAMPLE_WEIGHT_MIN: f32 = 0.02;
    /// Weight of a pixel of a finished frame, which stays as it is until view or surface changes.
    const FINISHED_WEIGHT: f32 = 255.0 / WEIGHT_STEPS;
    /// Upper bound of the luma of a cell that is still, times 256. It bounds nothing and is found in no other cell.
    const STILL_HIGH: f32 = 65536.0;
    /// State of a frame whose view is that of the frame before, and in which no instance has changed either.
    const UNCHANGED: u32 = 2;
    /// Share of new chroma where nothing has changed.
    const STILL_CHROMA_SHARE: f32 = 0.15;
}

/// Runs that are classified together, one bit each.
pub(crate) const RUNS_AT_ONCE: usize = 32;

shared_structs! {
    STRUCTS:
    /// Values that are the same for all kernels of a frame.
    struct FrameUniform {
        /// Position of the eye in the world; the distance of the near plane.
        pub eye: [f32; 4],
        /// Rows that take a position relative to the eye to homogeneous pixels. `row_x` and `row_y` give the pixel
        /// coordinates times w, with y down; `row_w` gives w, the distance along the view direction.
        pub row_x: [f32; 4],
        pub row_y: [f32; 4],
        pub row_w: [f32; 4],
        /// Width and height in pixels, blocks per row, rows of blocks.
        pub size: [u32; 4],
        /// Direction towards the key light.
        pub light_direction: [f32; 4],
        /// Radiance of the key light times pi.
        pub light: [f32; 4],
        /// Exposure; roughest level of the environment; side of its sharpest level in texels; pixels of one metre at a
        /// distance of one metre.
        pub look: [f32; 4],
        /// Irradiance over pi as spherical harmonics, multiplied by the cosine lobe.
        pub irradiance: [[f32; 4]; 9],
    }

    /// An entry that is drawn only if the device does not find it hidden.
    struct Candidate {
        /// Bounds of the cluster, relative to the eye.
        pub sphere: Sphere,
        /// Number of the entry.
        pub number: u32,
        /// Index among the batches that have candidates.
        pub batch: u32,
        /// First candidate of the batch.
        pub first: u32,
        pub triangles: u32,
    }

    /// Uniform of the classifying kernel.
    struct RunBounds {
        /// Blocks in a row of the frame.
        pub blocks_wide: u32,
        /// Blocks of the frame, which is the length of each list.
        pub blocks: u32,
        /// Number of runs.
        pub length: u32,
        /// 1 if blocks that show anything at all are listed too.
        pub collect: u32,
        /// Column and row of the first block that can show anything, columns, rows.
        pub area: [u32; 4],
        /// First and end entry of each run, two runs per vector.
        pub bounds: [[u32; 4]; RUNS_AT_ONCE / 2],
    }

    /// Immediates of the kernels that rasterise clusters.
    struct RasterDraw {
        /// First entry in the list of numbers.
        pub first: u32,
        /// Number of entries.
        pub count: u32,
        /// Records that the queue holds.
        pub queue_length: u32,
        /// 1 if no transparent layer lies in front of this one.
        pub first_layer: u32,
    }

    /// Immediates of the kernel that draws queued triangles.
    struct QueueDraw {
        /// [`MEDIUM`] or [`HUGE`].
        pub kind: u32,
        /// Workgroups that share a triangle.
        pub slices: u32,
        /// Records that the queue holds.
        pub queue_length: u32,
        /// 1 if no transparent layer lies in front of this one.
        pub first_layer: u32,
    }

    /// Immediates of the shaders that draw queued triangles by the rasteriser of the adapter.
    struct RasteriserDraw {
        /// [`MEDIUM`] or [`HUGE`].
        pub kind: u32,
        /// Records that the queue holds.
        pub queue_length: u32,
        /// 1 if no transparent layer lies in front of this one.
        pub first_layer: u32,
    }

    /// Immediates of the kernel that turns counts into dispatches.
    struct DispatchPlan {
        /// Number of counts.
        pub length: u32,
        /// Counted elements that one workgroup takes.
        pub per_group: u32,
        /// Workgroups that share one element of the last count.
        pub slices: u32,
    }

    /// Immediates of the shading kernels.
    struct ResolveRun {
        /// First entry of the run.
        pub first: u32,
        /// End of its entries.
        pub end: u32,
        /// Index of its list of blocks.
        pub list: u32,
        /// Length of each list.
        pub blocks: u32,
    }

    /// Immediates of the kernel that blends sums of colour into the frame.
    struct CompositeExtent {
        /// Width and height of the frame in pixels.
        pub size: [u32; 2],
    }

    /// Immediates of the kernel that makes the finest level of the depth pyramid.
    struct PyramidExtent {
        /// Columns and rows of blocks of the frame.
        pub blocks: [u32; 2],
        /// First texel where anything has been drawn: column below, row in the upper 16 bits.
        pub low: u32,
        /// End of those texels, likewise.
        pub end: u32,
    }

    /// Immediates of the kernels that make coarser levels of the depth pyramid.
    struct ShrinkLevels {
        /// First texel of the finer level.
        pub fine: u32,
        /// First texel of the coarser level.
        pub coarse: u32,
        /// Size of the finer level in texels.
        pub size: [u32; 2],
    }

    /// Immediates of the culling kernel.
    struct CullCandidates {
        /// Number of candidates.
        pub length: u32,
    }

    /// Uniform of the kernel that describes the motion of cells. *Before* is the frame that the history ends with.
    struct MotionFrame {
        /// Columns and rows of cells, epoch of the moves.
        pub cells: [u32; 4],
        /// Jitter in rendered pixels; pixels of the stream per rendered pixel.
        pub jitter: [f32; 4],
        /// First block of solid surfaces and size in blocks; the same for blended ones.
        pub solid_area: [u32; 4],
        pub blended_area: [u32; 4],
        /// Rows that take column, row, 1 and the inverse of the distance along the view to the homogeneous pixel
        /// before.
        pub before_x: [f32; 4],
        pub before_y: [f32; 4],
        pub before_w: [f32; 4],
        /// Rows that take column, row and 1 to a point relative to the eye, at a distance of 1 m along the view.
        pub along_x: [f32; 4],
        pub along_y: [f32; 4],
        pub along_z: [f32; 4],
        /// Rows that take a point relative to the eye before to its homogeneous pixel.
        pub row_x_before: [f32; 4],
        pub row_y_before: [f32; 4],
        pub row_w_before: [f32; 4],
        pub eye_before: [f32; 4],
    }

    /// Uniform of the kernels that combine a frame with its history. *Before* is the frame that the history ends with.
    struct HistoryUniform {
        /// Columns and rows of cells, which are also those of rendered pixels.
        pub cells: [u32; 2],
        /// Columns and rows of cells before.
        pub cells_before: [u32; 2],
        /// Pixels of the stream per cell in each direction: now, and before.
        pub sides: [u32; 2],
        /// 1 if there is a history that the frame may continue.
        pub continues: u32,
        /// 1 if the view has not changed; [`UNCHANGED`] if no instance has changed either.
        pub still: u32,
        /// Position of the sample relative to the middle of its cell, in pixels of the stream.
        pub jitter: [f32; 2],
        /// 1 if the plain background lies behind everything.
        pub plain_background: u32,
        pub padding: u32,
    }

    /// Immediates of the kernel that marks selected pixels.
    struct MaskArea {
        /// Column and row of the first pixel.
        pub first: [u32; 2],
        /// Width and height in pixels.
        pub size: [u32; 2],
    }

    /// Immediates of the kernel that draws the outline.
    struct OutlineStyle {
        /// Width and height of the frame in pixels.
        pub size: [u32; 2],
        /// sRGB and opacity, red in the lowest byte.
        pub color: u32,
        /// Width in 1/256 pixel << 8 | samples per pixel.
        pub width: u32,
    }

    /// Immediates of the kernel that draws the checkerboard.
    struct CheckerboardStyle {
        /// Width and height of the frame in pixels.
        pub size: [u32; 2],
        /// Side of a square in pixels.
        pub side: u32,
        /// 0 to 1.
        pub opacity: f32,
    }

    /// Immediates of the kernel that converts a frame to I420.
    struct PlaneSizes {
        /// Width and height of the rendered frame.
        pub rendered: [u32; 2],
        /// Width and height of the stream; the width is a multiple of 8 and the height is even.
        pub stream: [u32; 2],
    }
}

/// Returns all shared structs, in an order in which each one follows those that it contains.
pub(super) fn structs() -> impl Iterator<Item = &'static SharedStruct> {
    SPHERE.iter().chain(STRUCTS)
}

/// Returns the text that precedes the sources of every module.
pub(super) fn prelude() -> String {
    constants() + &structs().map(SharedStruct::definition).collect::<String>()
}

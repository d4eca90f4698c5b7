//! The kernels and their variants, each described in one place: entry point, sources, constants and bind groups.

use crate::frame::Samples;
use crate::kernels::groups::{Group, Layouts};
use crate::kernels::sources::{
    ARGUMENTS, CHECKERBOARD, CLASSIFY, COLOR, COLOR_POINTS, COMPOSITE, CULL, DRAWS, FRAGMENT, FRAGMENT_LAYER,
    FRAGMENT_MASKED, HISTORY, HISTORY_BEGIN, HISTORY_CELLS, HISTORY_KEEP, HISTORY_PIXELS, LARGE, MASK, MOTION, OUTLINE,
    PIXEL, PLANES, PYRAMID, QUEUE, RASTER, RASTER_LARGE, RASTER_POINTS, RESOLVE, SCENE, SHADE, SHRINK, SHRINK_REST,
    SHRINK_TEXEL, SURFACE, Source, VISIBILITY_32, VISIBILITY_64,
};
use crate::surface::Phase;

/// Bytes of immediate data, the same for all pipelines.
const IMMEDIATES_BYTES: u32 = 16;
/// Workgroups that share a huge triangle.
pub(crate) const HUGE_SLICES: u32 = 16;

/// How a triangle's fragments reach the visibility buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum VisibilityWrite {
    /// Depth and id by one 64-bit operation.
    Whole,
    /// Depth alone, the first of two passes.
    Depth,
    /// The id where the depth is the nearest one, the second of two passes.
    Id,
}

/// Which fragments of a triangle are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Fragments {
    Opaque,
    /// Fragments whose alpha reaches the cutoff of the material; `detail` is the level of detail of the material.
    Masked {
        detail: u8,
    },
    /// Fragments between the solid surfaces and the transparent layer in front.
    Layer,
}

/// A compute pipeline. `wide` workgroups suit adapters that run many invocations together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kernel {
    /// Draws clusters of triangles, and queues the large ones unless `small` says that there are none.
    Raster { fragments: Fragments, write: VisibilityWrite, samples: Samples, wide: bool, small: bool },
    /// Draws queued triangles.
    RasterLarge { fragments: Fragments, write: VisibilityWrite, samples: Samples, wide: bool },
    /// Draws clusters of points.
    RasterPoints { write: VisibilityWrite, samples: Samples, wide: bool },
    /// Lists the blocks that each run shows in.
    Classify { samples: Samples },
    /// Turns counts into dispatches.
    Arguments,
    /// Turns counts of queued triangles into draws.
    Draws,
    /// Shades triangles.
    Resolve { detail: u8, samples: Samples, layer: bool },
    /// Shades points.
    ResolvePoints { samples: Samples },
    /// Blends sums of colour into the frame.
    Composite,
    /// Converts the frame to I420.
    Planes,
    /// Makes the finest level of the depth pyramid.
    Pyramid { samples: Samples },
    /// Makes the next level of the depth pyramid.
    Shrink,
    /// Makes all coarser levels of the depth pyramid.
    ShrinkRest,
    /// Lists the candidates that are not hidden.
    Cull,
    /// Marks selected pixels.
    Mask { samples: Samples },
    /// Draws the line around what is marked.
    Outline,
    /// Draws a checkerboard into the background.
    Checkerboard,
    /// Describes surface and motion of each cell of a frame; `rendered` is the number of rendered pixels per cell in
    /// each direction, 1 or 2.
    Motion { samples: Samples, rendered: u8, layered: bool, moving: bool },
    /// Begins a history with a converted frame.
    HistoryBegin,
    /// Takes over surfaces of the frame before in a view that has not changed.
    HistoryKeep,
    /// Decides how far the history of each cell can be used.
    HistoryCells,
    /// Combines a frame with its history and converts it to I420; `side` is the number of pixels of the stream per cell
    /// in each direction, 1 or 2.
    HistoryPixels { side: u8 },
}

/// Value of an `override` of a shader.
pub(super) type Constant = (&'static str, f64);

/// Everything from which a pipeline is made.
#[derive(Debug)]
pub(super) struct Description {
    /// One entry point of a compute pipeline; vertex and fragment of a render pipeline.
    pub entries: &'static [&'static str],
    /// Sources that follow the shared prelude and the file that depends on the adapter.
    pub sources: Vec<Source>,
    pub constants: Vec<Constant>,
    /// Bind groups by their index.
    pub groups: &'static [Option<Group>],
}

impl Description {
    fn new(entry: &'static [&'static str], sources: &[Source], groups: &'static [Option<Group>]) -> Self {
        Self { entries: entry, sources: sources.to_vec(), constants: Vec::new(), groups }
    }

    fn with(mut self, constants: impl IntoIterator<Item = Constant>) -> Self {
        self.constants.extend(constants);
        self
    }

    pub(super) fn pipeline_layout(&self, device: &wgpu::Device, layouts: &Layouts) -> wgpu::PipelineLayout {
        let groups: Vec<_> = self.groups.iter().map(|group| group.map(|group| layouts.get(group))).collect();
        device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label: Some(self.entries[0]),
            bind_group_layouts: &groups,
            immediate_size: IMMEDIATES_BYTES,
        })
    }
}

const RASTER_GROUPS: &[Option<Group>] =
    &[Some(Group::Scene), Some(Group::Bank), Some(Group::RasterTargets), Some(Group::Light)];
const RASTERISER_GROUPS: &[Option<Group>] =
    &[Some(Group::Scene), Some(Group::Bank), Some(Group::RasteriserTargets), Some(Group::Light)];
const RESOLVE_GROUPS: &[Option<Group>] =
    &[Some(Group::Scene), Some(Group::Bank), Some(Group::ResolveTargets), Some(Group::Light)];

impl Kernel {
    pub(super) fn describe(self) -> Description {
        let samples_constant = |samples: Samples| ("SAMPLES", f64::from(samples.count()));
        let width = |wide: bool, many: f64| ("WIDTH", if wide { many } else { 8.0 });
        match self {
            Kernel::Raster { fragments, write, samples, wide, small } => {
                let sources = [&[SCENE, write.source(), QUEUE], fragments.sources(), &[RASTER]].concat();
                Description::new(&["raster"], &sources, RASTER_GROUPS)
                    .with([samples_constant(samples), width(wide, 64.0), ("SMALL_ONLY", f64::from(u8::from(small)))])
                    .with((!wide && samples == Samples::Four).then_some(("SKIP_EMPTY", 1.0)))
                    .with(fragments.constants())
                    .with(write.constants())
            }
            Kernel::RasterLarge { fragments, write, samples, wide } => {
                let sources = [&[SCENE, write.source(), QUEUE], fragments.sources(), &[RASTER_LARGE]].concat();
                Description::new(&["raster_large"], &sources, RASTER_GROUPS)
                    .with([samples_constant(samples), width(wide, 32.0)])
                    .with(fragments.constants())
                    .with(write.constants_of_large(wide))
                    .with((fragments == Fragments::Layer).then_some(("EXTENSION", 0.0)))
            }
            Kernel::RasterPoints { write, samples, wide } => {
                Description::new(&["raster_points"], &[SCENE, write.source(), RASTER_POINTS], RASTER_GROUPS)
                    .with([samples_constant(samples), width(wide, 64.0)])
                    .with(write.constants())
            }
            Kernel::Classify { samples } => {
                Description::new(&["classify"], &[CLASSIFY], &[Some(Group::Classify)]).with([samples_constant(samples)])
            }
            Kernel::Arguments => Description::new(&["arguments"], &[ARGUMENTS], &[Some(Group::Arguments)]),
            Kernel::Draws => Description::new(&["draws_of"], &[DRAWS], &[Some(Group::Arguments)]),
            Kernel::Resolve { detail, samples, layer } => {
                Description::new(&["resolve"], &[SCENE, SURFACE, SHADE, PIXEL, COLOR, RESOLVE], RESOLVE_GROUPS).with([
                    samples_constant(samples),
                    ("DETAIL", f64::from(detail)),
                    ("LAYER", f64::from(u8::from(layer))),
                ])
            }
            Kernel::ResolvePoints { samples } => {
                Description::new(&["resolve"], &[SCENE, PIXEL, COLOR_POINTS, RESOLVE], RESOLVE_GROUPS)
                    .with([samples_constant(samples)])
            }
            Kernel::Composite => Description::new(&["composite"], &[PIXEL, COMPOSITE], &[Some(Group::Composite)]),
            Kernel::Planes => Description::new(&["make_planes"], &[PLANES], &[Some(Group::Planes)]),
            Kernel::Pyramid { samples } => {
                Description::new(&["pyramid"], &[PYRAMID], &[Some(Group::Pyramid)]).with([samples_constant(samples)])
            }
            Kernel::Shrink => Description::new(&["shrink"], &[SHRINK_TEXEL, SHRINK], &[Some(Group::Shrink)]),
            Kernel::ShrinkRest => {
                Description::new(&["shrink_rest"], &[SHRINK_TEXEL, SHRINK_REST], &[Some(Group::Shrink)])
            }
            Kernel::Cull => Description::new(&["cull"], &[SCENE, CULL], &[Some(Group::Scene), None, Some(Group::Cull)]),
            Kernel::Mask { samples } => {
                Description::new(&["mask_selected"], &[SCENE, MASK], &[Some(Group::Scene), None, Some(Group::Mask)])
                    .with([samples_constant(samples)])
            }
            Kernel::Outline => Description::new(&["outline"], &[PIXEL, OUTLINE], &[Some(Group::Outline)]),
            Kernel::Motion { samples, rendered, layered, moving } => {
                let groups = &[Some(Group::Scene), None, Some(Group::Motion)];
                Description::new(&["describe_motion"], &[SCENE, MOTION], groups).with([
                    samples_constant(samples),
                    ("RENDERED", f64::from(rendered)),
                    ("LAYERED", f64::from(u8::from(layered))),
                    ("MOVING", f64::from(u8::from(moving))),
                ])
            }
            Kernel::HistoryBegin => Description::new(&["begin_history"], &[HISTORY_BEGIN], &[Some(Group::Planes)]),
            Kernel::HistoryKeep => Description::new(&["keep_surfaces"], &[HISTORY_KEEP], &[Some(Group::HistoryKeep)]),
            Kernel::HistoryCells => {
                Description::new(&["judge_cells"], &[HISTORY, HISTORY_CELLS], &[Some(Group::HistoryCells)])
            }
            Kernel::HistoryPixels { side } => {
                Description::new(&["combine"], &[HISTORY, HISTORY_PIXELS], &[Some(Group::HistoryPixels)])
                    .with([("SIDE", f64::from(side))])
            }
            Kernel::Checkerboard => {
                Description::new(&["checkerboard"], &[PIXEL, CHECKERBOARD], &[Some(Group::Checkerboard)])
            }
        }
    }
}

/// A render pipeline that draws queued triangles by the rasteriser of the adapter: it covers pixels, and the fragment
/// stage writes to the visibility buffer as the kernels do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct LargePipeline {
    pub fragments: Fragments,
    pub write: VisibilityWrite,
    pub samples: Samples,
}

impl LargePipeline {
    pub(super) fn describe(self) -> Description {
        let sources = [&[SCENE, self.write.source()], self.fragments.sources(), &[LARGE]].concat();
        Description::new(&["large_vertex", "large_fragment"], &sources, RASTERISER_GROUPS)
            .with([("SAMPLES", f64::from(self.samples.count()))])
            .with(self.fragments.constants())
            .with(self.write.constants_of_large(true))
    }
}

impl VisibilityWrite {
    fn source(self) -> Source {
        match self {
            VisibilityWrite::Whole => VISIBILITY_64,
            VisibilityWrite::Depth | VisibilityWrite::Id => VISIBILITY_32,
        }
    }

    fn constants(self) -> Option<Constant> {
        match self {
            VisibilityWrite::Whole => None,
            VisibilityWrite::Depth => Some(("DEPTH_ONLY", 1.0)),
            VisibilityWrite::Id => Some(("DEPTH_ONLY", 0.0)),
        }
    }

    fn constants_of_large(self, wide: bool) -> Option<Constant> {
        match self {
            // A software adapter looks at each word one by one, which costs as much as writing it.
            VisibilityWrite::Whole => wide.then_some(("LOOK_FIRST", 1.0)),
            VisibilityWrite::Depth | VisibilityWrite::Id => self.constants(),
        }
    }
}

impl Fragments {
    /// Returns the fragments that the kernels keep in a phase.
    pub(crate) fn of(phase: Phase, detail: u8) -> Self {
        match phase {
            Phase::Opaque => Fragments::Opaque,
            Phase::Mask => Fragments::Masked { detail },
            Phase::Blend => Fragments::Layer,
        }
    }

    fn sources(self) -> &'static [Source] {
        match self {
            Fragments::Opaque => &[FRAGMENT],
            Fragments::Masked { .. } => &[SURFACE, FRAGMENT_MASKED],
            Fragments::Layer => &[FRAGMENT_LAYER],
        }
    }

    fn constants(self) -> Option<Constant> {
        match self {
            Fragments::Opaque | Fragments::Layer => None,
            Fragments::Masked { detail } => Some(("DETAIL", f64::from(detail))),
        }
    }
}

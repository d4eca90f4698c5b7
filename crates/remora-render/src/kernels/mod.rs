//! Kernels: which WGSL files make one, which bindings it has, and its variants, compiled when first needed.

pub(crate) mod dispatch;
mod large;
pub(crate) mod layouts;

use std::collections::HashMap;

pub(crate) use self::large::{ATTACHMENT, LargePipeline};
use crate::device::graphics::Graphics;
use crate::frame::{RenderError, Samples};
use crate::kernels::layouts::Layouts;
use crate::surface::Phase;

macro_rules! shader {
    ($name:literal) => {
        (concat!($name, ".wgsl"), include_str!(concat!("../shaders/", $name, ".wgsl")))
    };
}

/// One WGSL file: name, text.
pub(crate) type Source = (&'static str, &'static str);

const WORDS_32: Source = shader!("words_32");
const WORDS_64: Source = shader!("words_64");
const SCENE: Source = shader!("scene");
const VISIBILITY_32: Source = shader!("visibility_32");
const VISIBILITY_64: Source = shader!("visibility_64");
const QUEUE: Source = shader!("queue");
const FRAGMENT: Source = shader!("fragment");
const FRAGMENT_MASKED: Source = shader!("fragment_masked");
const FRAGMENT_LAYER: Source = shader!("fragment_layer");
const RASTER: Source = shader!("raster");
const RASTER_LARGE: Source = shader!("raster_large");
const LARGE: Source = shader!("large");
const RASTER_POINTS: Source = shader!("raster_points");
const SURFACE: Source = shader!("surface");
const SHADE: Source = shader!("shade");
const PIXEL: Source = shader!("pixel");
const COLOR: Source = shader!("color");
const COLOR_POINTS: Source = shader!("color_points");
const RESOLVE: Source = shader!("resolve");
const CLASSIFY: Source = shader!("classify");
const DRAWS: Source = shader!("draws");
const ARGUMENTS: Source = shader!("arguments");
const COMPOSITE: Source = shader!("composite");
const PLANES: Source = shader!("planes");
const PYRAMID: Source = shader!("pyramid");
const SHRINK: Source = shader!("shrink");
const CULL: Source = shader!("cull");
const MASK: Source = shader!("mask");
const OUTLINE: Source = shader!("outline");
const CHECKERBOARD: Source = shader!("checkerboard");

/// Bytes of immediate data, the same for all kernels.
const IMMEDIATES: u32 = 16;

/// How a triangle's fragments reach the visibility buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum VisibilityWrite {
    /// Depth and id at once.
    Whole,
    /// Depth alone, the first of two passes.
    Depth,
    /// The id where the depth is the one that was found, the second of two passes.
    Id,
}

/// Which fragments are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Fragments {
    Opaque,
    Masked { detail: u8 },
    Layer,
}

/// Workgroups that share a huge triangle.
pub(crate) const HUGE_SLICES: u32 = 16;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kernel {
    /// `wide` workgroups suit adapters that run many invocations together; `small`: no triangle is for the queue.
    Raster {
        fragments: Fragments,
        cover: VisibilityWrite,
        samples: Samples,
        wide: bool,
        small: bool,
    },
    RasterLarge {
        fragments: Fragments,
        cover: VisibilityWrite,
        samples: Samples,
        wide: bool,
    },
    RasterPoints {
        cover: VisibilityWrite,
        samples: Samples,
        wide: bool,
    },
    Classify {
        samples: Samples,
    },
    Arguments,
    Draws,
    Resolve {
        detail: u8,
        samples: Samples,
        layer: bool,
    },
    ResolvePoints {
        samples: Samples,
    },
    Composite,
    Planes,
    Pyramid {
        samples: Samples,
    },
    Shrink,
    Cull,
    Mask {
        samples: Samples,
    },
    Outline,
    Checkerboard,
}

#[derive(Debug)]
pub(crate) struct Kernels {
    pub layouts: Layouts,
    pipelines: HashMap<Kernel, wgpu::ComputePipeline>,
    large: HashMap<LargePipeline, wgpu::RenderPipeline>,
    modules: HashMap<Vec<&'static str>, wgpu::ShaderModule>,
    /// Words are loaded in pairs.
    words: Source,
    /// Large triangles go through the adapter's own rasteriser; else through kernels, as small ones do.
    pub rasteriser: bool,
}

impl Phase {
    pub(crate) fn fragments(self, detail: u8) -> Fragments {
        match self {
            Phase::Opaque => Fragments::Opaque,
            Phase::Mask => Fragments::Masked { detail },
            Phase::Blend => Fragments::Layer,
        }
    }
}

impl Kernels {
    pub(crate) fn new(graphics: &Graphics) -> Result<Self, RenderError> {
        let adapter = graphics.adapter();
        let words = if adapter.software && adapter.atomics_64 { WORDS_64 } else { WORDS_32 };
        let layouts = graphics.guarded("kernel layouts", Layouts::new)?;
        let rasteriser = graphics.rasteriser.unwrap_or(false);
        let (pipelines, large, modules) = (HashMap::new(), HashMap::new(), HashMap::new());
        Ok(Self { layouts, pipelines, large, modules, words, rasteriser })
    }

    /// Makes sure that a kernel is compiled, so that [`Self::get`] finds it.
    pub(crate) fn ensure(&mut self, graphics: &Graphics, kernel: Kernel) -> Result<(), RenderError> {
        if !self.pipelines.contains_key(&kernel) {
            let sources = kernel.sources(self.words);
            let what = format!("kernel {kernel:?}");
            let pipeline = graphics.guarded(&what, |device| {
                let names = sources.iter().map(|(name, _)| *name).collect();
                let module = self.modules.entry(names).or_insert_with(|| module(device, &sources));
                kernel.pipeline(device, &self.layouts, module)
            })?;
            self.pipelines.insert(kernel, pipeline);
        }
        Ok(())
    }

    /// Makes sure that [`Self::get_large`] finds this way of drawing large triangles.
    pub(crate) fn ensure_large(&mut self, graphics: &Graphics, large: LargePipeline) -> Result<(), RenderError> {
        if !self.large.contains_key(&large) {
            let sources = large.sources(self.words);
            let pipeline = graphics.guarded(&format!("{large:?}"), |device| {
                let names = sources.iter().map(|(name, _)| *name).collect();
                let module = self.modules.entry(names).or_insert_with(|| module(device, &sources));
                large.pipeline(device, &self.layouts, module)
            })?;
            self.large.insert(large, pipeline);
        }
        Ok(())
    }

    #[cfg(test)]
    pub(crate) fn is_compiled(&self, kernel: Kernel) -> bool {
        self.pipelines.contains_key(&kernel)
    }

    /// A kernel that was ensured.
    pub(crate) fn get(&self, kernel: Kernel) -> &wgpu::ComputePipeline {
        self.pipelines.get(&kernel).expect("kernels are ensured before a frame is recorded")
    }

    /// What was ensured.
    pub(crate) fn get_large(&self, large: LargePipeline) -> &wgpu::RenderPipeline {
        self.large.get(&large).expect("pipelines are ensured before a frame is recorded")
    }
}

fn module(device: &wgpu::Device, sources: &[Source]) -> wgpu::ShaderModule {
    let text: String = sources.iter().map(|(_, text)| *text).collect::<Vec<_>>().join("\n");
    device.create_shader_module(wgpu::ShaderModuleDescriptor {
        label: sources.last().map(|(name, _)| *name),
        source: wgpu::ShaderSource::Wgsl(text.into()),
    })
}

impl Kernel {
    fn entry(self) -> &'static str {
        match self {
            Kernel::Raster { .. } => "raster",
            Kernel::RasterLarge { .. } => "raster_large",
            Kernel::Classify { .. } => "classify",
            Kernel::Arguments => "arguments",
            Kernel::Draws => "draws_of",
            Kernel::RasterPoints { .. } => "raster_points",
            Kernel::Resolve { .. } | Kernel::ResolvePoints { .. } => "resolve",
            Kernel::Composite => "composite",
            Kernel::Planes => "make_planes",
            Kernel::Pyramid { .. } => "pyramid",
            Kernel::Shrink => "shrink",
            Kernel::Cull => "cull",
            Kernel::Mask { .. } => "mask_selected",
            Kernel::Outline => "outline",
            Kernel::Checkerboard => "checkerboard",
        }
    }

    pub(crate) fn sources(self, words: Source) -> Vec<Source> {
        match self {
            Kernel::Raster { fragments, cover, .. } => {
                let mut sources = vec![words, SCENE, cover.source(), QUEUE];
                sources.extend(fragments.sources());
                sources.push(RASTER);
                sources
            }
            Kernel::RasterLarge { fragments, cover, .. } => {
                let mut sources = vec![words, SCENE, cover.source(), QUEUE];
                sources.extend(fragments.sources());
                sources.push(RASTER_LARGE);
                sources
            }
            Kernel::Classify { .. } => vec![words, CLASSIFY],
            Kernel::Arguments => vec![ARGUMENTS],
            Kernel::Draws => vec![DRAWS],
            Kernel::RasterPoints { cover, .. } => vec![words, SCENE, cover.source(), RASTER_POINTS],
            Kernel::Resolve { .. } => vec![words, SCENE, SURFACE, SHADE, PIXEL, COLOR, RESOLVE],
            Kernel::ResolvePoints { .. } => vec![words, SCENE, PIXEL, COLOR_POINTS, RESOLVE],
            Kernel::Composite => vec![PIXEL, COMPOSITE],
            Kernel::Planes => vec![PLANES],
            Kernel::Pyramid { .. } => vec![words, PYRAMID],
            Kernel::Shrink => vec![SHRINK],
            Kernel::Cull => vec![words, SCENE, CULL],
            Kernel::Mask { .. } => vec![words, SCENE, MASK],
            Kernel::Outline => vec![PIXEL, OUTLINE],
            Kernel::Checkerboard => vec![PIXEL, CHECKERBOARD],
        }
    }

    fn constants(self) -> Vec<(&'static str, f64)> {
        let samples = |samples: Samples| ("SAMPLES", f64::from(samples.count()));
        let truth = |name, value| (name, if value { 1.0 } else { 0.0 });
        match self {
            Kernel::Raster { fragments, cover, samples: count, wide, small } => {
                let width = if wide { 64.0 } else { 8.0 };
                let mut constants = vec![samples(count), ("WIDTH", width), truth("SMALL_ONLY", small)];
                constants.extend(fragments.constants());
                constants.extend(cover.constants());
                constants
            }
            Kernel::RasterLarge { fragments, cover, samples: count, wide } => {
                let mut constants = vec![samples(count), ("WIDTH", if wide { 32.0 } else { 8.0 })];
                constants.extend(fragments.constants());
                constants.extend(cover.constants_of_large());
                if fragments == Fragments::Layer {
                    constants.push(("REACH", 0.0));
                }
                constants
            }
            Kernel::RasterPoints { cover, samples: count, wide } => {
                let mut constants = vec![samples(count), ("WIDTH", if wide { 64.0 } else { 8.0 })];
                constants.extend(cover.constants());
                constants
            }
            Kernel::Classify { samples: count }
            | Kernel::ResolvePoints { samples: count }
            | Kernel::Pyramid { samples: count }
            | Kernel::Mask { samples: count } => vec![samples(count)],
            Kernel::Resolve { detail, samples: count, layer } => {
                vec![samples(count), ("DETAIL", f64::from(detail)), truth("LAYER", layer)]
            }
            Kernel::Arguments
            | Kernel::Draws
            | Kernel::Composite
            | Kernel::Planes
            | Kernel::Shrink
            | Kernel::Cull
            | Kernel::Outline
            | Kernel::Checkerboard => Vec::new(),
        }
    }

    fn groups(self, layouts: &Layouts) -> Vec<Option<&wgpu::BindGroupLayout>> {
        match self {
            Kernel::Raster { .. } | Kernel::RasterLarge { .. } | Kernel::RasterPoints { .. } => {
                vec![Some(&layouts.scene), Some(&layouts.bank), Some(&layouts.raster), Some(&layouts.light)]
            }
            Kernel::Resolve { .. } | Kernel::ResolvePoints { .. } => {
                vec![Some(&layouts.scene), Some(&layouts.bank), Some(&layouts.resolve), Some(&layouts.light)]
            }
            Kernel::Classify { .. } => vec![Some(&layouts.classify)],
            Kernel::Arguments | Kernel::Draws => vec![Some(&layouts.arguments)],
            Kernel::Composite => vec![Some(&layouts.composite)],
            Kernel::Planes => vec![Some(&layouts.planes)],
            Kernel::Pyramid { .. } => vec![Some(&layouts.pyramid)],
            Kernel::Shrink => vec![Some(&layouts.shrink)],
            Kernel::Cull => vec![Some(&layouts.scene), None, Some(&layouts.cull)],
            Kernel::Mask { .. } => vec![Some(&layouts.scene), None, Some(&layouts.mask)],
            Kernel::Outline => vec![Some(&layouts.outline)],
            Kernel::Checkerboard => vec![Some(&layouts.checkerboard)],
        }
    }

    fn pipeline(self, device: &wgpu::Device, layouts: &Layouts, module: &wgpu::ShaderModule) -> wgpu::ComputePipeline {
        let layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label: Some(self.entry()),
            bind_group_layouts: &self.groups(layouts),
            immediate_size: IMMEDIATES,
        });
        device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: Some(self.entry()),
            layout: Some(&layout),
            module,
            entry_point: Some(self.entry()),
            compilation_options: wgpu::PipelineCompilationOptions {
                constants: &self.constants(),
                // Workgroup memory is not used.
                zero_initialize_workgroup_memory: false,
            },
            cache: None,
        })
    }
}

impl VisibilityWrite {
    fn source(self) -> Source {
        match self {
            VisibilityWrite::Whole => VISIBILITY_64,
            VisibilityWrite::Depth | VisibilityWrite::Id => VISIBILITY_32,
        }
    }

    fn constants(self) -> Vec<(&'static str, f64)> {
        match self {
            VisibilityWrite::Whole => Vec::new(),
            VisibilityWrite::Depth => vec![("DEPTH_ONLY", 1.0)],
            VisibilityWrite::Id => vec![("DEPTH_ONLY", 0.0)],
        }
    }

    fn constants_of_large(self) -> Vec<(&'static str, f64)> {
        match self {
            VisibilityWrite::Whole => vec![("LOOK_FIRST", 1.0)],
            VisibilityWrite::Depth | VisibilityWrite::Id => self.constants(),
        }
    }
}

impl Fragments {
    fn sources(self) -> Vec<Source> {
        match self {
            Fragments::Opaque => vec![FRAGMENT],
            Fragments::Masked { .. } => vec![SURFACE, FRAGMENT_MASKED],
            Fragments::Layer => vec![FRAGMENT_LAYER],
        }
    }

    fn constants(self) -> Vec<(&'static str, f64)> {
        match self {
            Fragments::Opaque | Fragments::Layer => Vec::new(),
            Fragments::Masked { detail } => vec![("DETAIL", f64::from(detail))],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAGMENTS: [Fragments; 4] =
        [Fragments::Opaque, Fragments::Masked { detail: 0 }, Fragments::Masked { detail: 2 }, Fragments::Layer];

    fn all_kernels() -> Vec<Kernel> {
        let mut kernels = vec![
            Kernel::Arguments,
            Kernel::Draws,
            Kernel::Composite,
            Kernel::Planes,
            Kernel::Shrink,
            Kernel::Cull,
            Kernel::Outline,
            Kernel::Checkerboard,
        ];
        for samples in [Samples::One, Samples::Four] {
            kernels.push(Kernel::Classify { samples });
            kernels.push(Kernel::ResolvePoints { samples });
            kernels.push(Kernel::Pyramid { samples });
            kernels.push(Kernel::Mask { samples });
            for cover in [VisibilityWrite::Whole, VisibilityWrite::Depth, VisibilityWrite::Id] {
                kernels.extend([false, true].map(|wide| Kernel::RasterPoints { cover, samples, wide }));
                for fragments in FRAGMENTS {
                    for (wide, small) in [(false, false), (false, true), (true, false), (true, true)] {
                        kernels.push(Kernel::Raster { fragments, cover, samples, wide, small });
                    }
                    for wide in [false, true] {
                        kernels.push(Kernel::RasterLarge { fragments, cover, samples, wide });
                    }
                }
            }
            for detail in 0..3 {
                for layer in [false, true] {
                    kernels.push(Kernel::Resolve { detail, samples, layer });
                }
            }
        }
        kernels
    }

    fn all_large() -> impl Iterator<Item = LargePipeline> {
        let kinds = FRAGMENTS.into_iter().flat_map(|fragments| {
            [VisibilityWrite::Whole, VisibilityWrite::Depth, VisibilityWrite::Id].map(|cover| (fragments, cover))
        });
        kinds.flat_map(|(fragments, cover)| {
            [Samples::One, Samples::Four].map(|samples| LargePipeline { fragments, cover, samples })
        })
    }

    /// Needs no device: what the driver would be given is checked by naga, for every variant.
    #[test]
    fn every_kernel_is_valid() {
        for kernel in all_kernels() {
            for words in [WORDS_32, WORDS_64] {
                assert_valid(&kernel.sources(words), &[kernel.entry()], &kernel.constants());
            }
        }
        for large in all_large() {
            for words in [WORDS_32, WORDS_64] {
                assert_valid(&large.sources(words), &[large::VERTEX, large::FRAGMENT], &large.constants());
            }
        }
    }

    fn assert_valid(sources: &[Source], entries: &[&str], constants: &[(&str, f64)]) {
        let text: String = sources.iter().map(|(_, text)| *text).collect::<Vec<_>>().join("\n");
        let names: Vec<&str> = sources.iter().map(|(name, _)| *name).collect();
        let module = naga::front::wgsl::parse_str(&text)
            .unwrap_or_else(|error| panic!("{names:?}: {}", error.emit_to_string(&text)));
        let mut validator =
            naga::valid::Validator::new(naga::valid::ValidationFlags::all(), naga::valid::Capabilities::all());
        if let Err(error) = validator.validate(&module) {
            panic!("{names:?}: {}", error.emit_to_string(&text));
        }
        let found = module.entry_points.iter().map(|point| point.name.as_str()).collect::<Vec<_>>();
        assert_eq!(found, entries);
        for (name, _) in constants {
            assert!(
                module.overrides.iter().any(|(_, known)| known.name.as_deref() == Some(name)),
                "{names:?} have no override {name}"
            );
        }
    }
}

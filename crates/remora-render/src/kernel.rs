//! Kernels: which WGSL files make one, which bindings it has, and its variants, compiled when first needed.

use std::collections::HashMap;

use crate::frame::{RenderError, Samples};
use crate::graphics::Graphics;
use crate::selection::Phase;

macro_rules! shader {
    ($name:literal) => {
        (concat!($name, ".wgsl"), include_str!(concat!("shaders/", $name, ".wgsl")))
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
const SURFACE: Source = shader!("surface");
const SHADE: Source = shader!("shade");
const PIXEL: Source = shader!("pixel");
const RESOLVE: Source = shader!("resolve");
const CLASSIFY: Source = shader!("classify");
const ARGUMENTS: Source = shader!("arguments");
const COMPOSITE: Source = shader!("composite");
const PLANES: Source = shader!("planes");

/// Bytes of immediate data, the same for all kernels.
const IMMEDIATES: u32 = 16;

/// How a triangle's fragments reach the visibility buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Cover {
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
        cover: Cover,
        samples: Samples,
        wide: bool,
        small: bool,
    },
    RasterLarge {
        fragments: Fragments,
        cover: Cover,
        samples: Samples,
        wide: bool,
    },
    Classify {
        samples: Samples,
    },
    Arguments,
    Resolve {
        detail: u8,
        samples: Samples,
        layer: bool,
    },
    Composite,
    Planes,
}

/// Layouts of the bind groups.
#[derive(Debug)]
pub(crate) struct Layouts {
    pub scene: wgpu::BindGroupLayout,
    pub page: wgpu::BindGroupLayout,
    pub raster: wgpu::BindGroupLayout,
    pub resolve: wgpu::BindGroupLayout,
    pub light: wgpu::BindGroupLayout,
    pub classify: wgpu::BindGroupLayout,
    pub arguments: wgpu::BindGroupLayout,
    pub composite: wgpu::BindGroupLayout,
    pub planes: wgpu::BindGroupLayout,
}

#[derive(Debug)]
pub(crate) struct Kernels {
    pub layouts: Layouts,
    pipelines: HashMap<Kernel, wgpu::ComputePipeline>,
    modules: HashMap<Vec<&'static str>, wgpu::ShaderModule>,
    /// Words are loaded in pairs.
    words: Source,
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
        Ok(Self { layouts, pipelines: HashMap::new(), modules: HashMap::new(), words })
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

    /// A kernel that was ensured.
    pub(crate) fn get(&self, kernel: Kernel) -> &wgpu::ComputePipeline {
        self.pipelines.get(&kernel).expect("kernels are ensured before a frame is recorded")
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
            Kernel::Resolve { .. } => "resolve",
            Kernel::Composite => "composite",
            Kernel::Planes => "make_planes",
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
            Kernel::Resolve { .. } => vec![words, SCENE, SURFACE, SHADE, PIXEL, RESOLVE],
            Kernel::Composite => vec![PIXEL, COMPOSITE],
            Kernel::Planes => vec![PLANES],
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
                if cover == Cover::Whole {
                    constants.push(truth("LOOK_FIRST", true));
                }
                constants.extend(fragments.constants());
                constants.extend(cover.constants());
                if fragments == Fragments::Layer {
                    constants.push(("REACH", 0.0));
                }
                constants
            }
            Kernel::Classify { samples: count } => vec![samples(count)],
            Kernel::Resolve { detail, samples: count, layer } => {
                vec![samples(count), ("DETAIL", f64::from(detail)), truth("LAYER", layer)]
            }
            Kernel::Arguments | Kernel::Composite | Kernel::Planes => Vec::new(),
        }
    }

    fn groups(self, layouts: &Layouts) -> Vec<Option<&wgpu::BindGroupLayout>> {
        match self {
            Kernel::Raster { .. } | Kernel::RasterLarge { .. } => {
                vec![Some(&layouts.scene), Some(&layouts.page), Some(&layouts.raster), Some(&layouts.light)]
            }
            Kernel::Resolve { .. } => {
                vec![Some(&layouts.scene), Some(&layouts.page), Some(&layouts.resolve), Some(&layouts.light)]
            }
            Kernel::Classify { .. } => vec![Some(&layouts.classify)],
            Kernel::Arguments => vec![Some(&layouts.arguments)],
            Kernel::Composite => vec![Some(&layouts.composite)],
            Kernel::Planes => vec![Some(&layouts.planes)],
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

impl Cover {
    fn source(self) -> Source {
        match self {
            Cover::Whole => VISIBILITY_64,
            Cover::Depth | Cover::Id => VISIBILITY_32,
        }
    }

    fn constants(self) -> Vec<(&'static str, f64)> {
        match self {
            Cover::Whole => Vec::new(),
            Cover::Depth => vec![("DEPTH_ONLY", 1.0)],
            Cover::Id => vec![("DEPTH_ONLY", 0.0)],
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

#[derive(Clone, Copy)]
enum Binding {
    Uniform,
    Read,
    Write,
    Layers,
    Environment,
    Sampler,
}

impl Layouts {
    fn new(device: &wgpu::Device) -> Self {
        use Binding::{Environment, Layers, Read, Sampler, Uniform, Write};
        Self {
            scene: layout(device, "scene", &[Uniform, Read, Read, Read, Read]),
            page: layout(device, "geometry page", &[Read, Read, Read]),
            raster: layout(device, "raster targets", &[Write, Write, Write, Read, Read]),
            resolve: layout(device, "resolve targets", &[Read, Read, Read, Write, Write]),
            light: layout(device, "textures and light", &[Layers, Sampler, Environment, Sampler]),
            classify: layout(device, "classify", &[Uniform, Read, Write, Write, Write, Write]),
            arguments: layout(device, "arguments", &[Read, Write]),
            composite: layout(device, "composite", &[Read, Read, Read, Write]),
            planes: layout(device, "planes", &[Read, Write]),
        }
    }
}

fn layout(device: &wgpu::Device, label: &str, bindings: &[Binding]) -> wgpu::BindGroupLayout {
    let buffer = |ty| wgpu::BindingType::Buffer { ty, has_dynamic_offset: false, min_binding_size: None };
    let texture = |view_dimension| wgpu::BindingType::Texture {
        sample_type: wgpu::TextureSampleType::Float { filterable: true },
        view_dimension,
        multisampled: false,
    };
    let entries: Vec<wgpu::BindGroupLayoutEntry> = bindings
        .iter()
        .zip(0..)
        .map(|(kind, binding)| wgpu::BindGroupLayoutEntry {
            binding,
            visibility: wgpu::ShaderStages::COMPUTE,
            ty: match kind {
                Binding::Uniform => buffer(wgpu::BufferBindingType::Uniform),
                Binding::Read => buffer(wgpu::BufferBindingType::Storage { read_only: true }),
                Binding::Write => buffer(wgpu::BufferBindingType::Storage { read_only: false }),
                Binding::Layers => texture(wgpu::TextureViewDimension::D2Array),
                Binding::Environment => texture(wgpu::TextureViewDimension::D2),
                Binding::Sampler => wgpu::BindingType::Sampler(wgpu::SamplerBindingType::Filtering),
            },
            count: None,
        })
        .collect();
    device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor { label: Some(label), entries: &entries })
}

/// A bind group of whole buffers.
pub(crate) fn bind_buffers(
    device: &wgpu::Device,
    label: &str,
    layout: &wgpu::BindGroupLayout,
    buffers: &[&wgpu::Buffer],
) -> wgpu::BindGroup {
    let entries: Vec<wgpu::BindGroupEntry<'_>> = buffers
        .iter()
        .zip(0..)
        .map(|(buffer, binding)| wgpu::BindGroupEntry { binding, resource: buffer.as_entire_binding() })
        .collect();
    device.create_bind_group(&wgpu::BindGroupDescriptor { label: Some(label), layout, entries: &entries })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all_kernels() -> Vec<Kernel> {
        let mut kernels = vec![Kernel::Arguments, Kernel::Composite, Kernel::Planes];
        let fragments =
            [Fragments::Opaque, Fragments::Masked { detail: 0 }, Fragments::Masked { detail: 2 }, Fragments::Layer];
        for samples in [Samples::One, Samples::Four] {
            kernels.push(Kernel::Classify { samples });
            for cover in [Cover::Whole, Cover::Depth, Cover::Id] {
                for fragments in fragments {
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

    /// Needs no device: what the driver would be given is checked by naga, for every variant.
    #[test]
    fn every_kernel_is_valid() {
        for kernel in all_kernels() {
            for words in [WORDS_32, WORDS_64] {
                let sources = kernel.sources(words);
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
                assert_eq!(found, [kernel.entry()]);
                for (name, _) in kernel.constants() {
                    assert!(
                        module.overrides.iter().any(|(_, known)| known.name.as_deref() == Some(name)),
                        "{names:?} have no override {name}"
                    );
                }
            }
        }
    }
}

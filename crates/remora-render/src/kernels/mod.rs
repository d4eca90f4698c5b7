//! Kernels: compute pipelines, and the render pipelines for large triangles, compiled when a frame first needs them.
//!
//! [`Kernel`] names a variant, and the catalogue describes it. The sources of a module are the prelude of constants and
//! structs that Rust and WGSL share, the file that depends on the adapter (`words_32.wgsl` or `words_64.wgsl`), and the
//! files of the description.

mod catalogue;
pub(crate) mod dispatch;
pub(crate) mod groups;
pub(crate) mod shared;
mod sources;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

use self::catalogue::Description;
pub(crate) use self::catalogue::{Fragments, HUGE_SLICES, Kernel, LargePipeline, VisibilityWrite};
use self::groups::Layouts;
use self::sources::{Source, WORDS_32, WORDS_64};
use crate::device::graphics::Graphics;
use crate::frame::RenderError;

/// Format of the attachment that a render pass requires. The pipelines write nothing to it.
pub(crate) const ATTACHMENT: wgpu::TextureFormat = wgpu::TextureFormat::R8Unorm;

/// The pipelines compiled so far.
#[derive(Debug)]
pub(crate) struct Kernels {
    pub layouts: Layouts,
    pipelines: HashMap<Kernel, wgpu::ComputePipeline>,
    large: HashMap<LargePipeline, wgpu::RenderPipeline>,
    modules: HashMap<Vec<&'static str>, wgpu::ShaderModule>,
    words: Source,
    /// True if the rasteriser of the adapter draws large triangles; otherwise kernels do.
    pub rasteriser: bool,
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

    /// Compiles a kernel unless it is compiled already.
    pub(crate) fn ensure(&mut self, graphics: &Graphics, kernel: Kernel) -> Result<(), RenderError> {
        if !self.pipelines.contains_key(&kernel) {
            let description = kernel.describe();
            let pipeline = graphics.guarded(&format!("kernel {kernel:?}"), |device| {
                let module = module(&mut self.modules, device, self.words, &description);
                compute_pipeline(device, &self.layouts, module, &description)
            })?;
            self.pipelines.insert(kernel, pipeline);
        }
        Ok(())
    }

    /// Compiles a pipeline for large triangles unless it is compiled already.
    pub(crate) fn ensure_large(&mut self, graphics: &Graphics, large: LargePipeline) -> Result<(), RenderError> {
        if !self.large.contains_key(&large) {
            let description = large.describe();
            let pipeline = graphics.guarded(&format!("{large:?}"), |device| {
                let module = module(&mut self.modules, device, self.words, &description);
                render_pipeline(device, &self.layouts, module, &description, large.samples.count())
            })?;
            self.large.insert(large, pipeline);
        }
        Ok(())
    }

    #[cfg(test)]
    pub(crate) fn is_compiled(&self, kernel: Kernel) -> bool {
        self.pipelines.contains_key(&kernel)
    }

    /// Returns a kernel that [`Self::ensure`] has compiled.
    pub(crate) fn get(&self, kernel: Kernel) -> &wgpu::ComputePipeline {
        self.pipelines.get(&kernel).expect("kernels are ensured before a frame is recorded")
    }

    /// Returns a pipeline that [`Self::ensure_large`] has compiled.
    pub(crate) fn get_large(&self, large: LargePipeline) -> &wgpu::RenderPipeline {
        self.large.get(&large).expect("pipelines are ensured before a frame is recorded")
    }
}

/// Returns the text of a module.
fn module_text(words: Source, sources: &[Source]) -> String {
    let mut text = shared::prelude();
    for (_, source) in std::iter::once(&words).chain(sources) {
        text.push('\n');
        text.push_str(source);
    }
    text
}

fn module<'a>(
    modules: &'a mut HashMap<Vec<&'static str>, wgpu::ShaderModule>,
    device: &wgpu::Device,
    words: Source,
    description: &Description,
) -> &'a wgpu::ShaderModule {
    let sources = &description.sources;
    modules.entry(sources.iter().map(|(name, _)| *name).collect()).or_insert_with(|| {
        let descriptor = wgpu::ShaderModuleDescriptor {
            label: sources.last().map(|(name, _)| *name),
            source: wgpu::ShaderSource::Wgsl(module_text(words, sources).into()),
        };
        // Counting the rounds of each loop costs a software adapter a twentieth of a frame.
        let checks = wgpu::ShaderRuntimeChecks { force_loop_bounding: false, ..wgpu::ShaderRuntimeChecks::checked() };
        // SAFETY: each loop of the kernels ends: it counts to a number of triangles, samples, levels, queued records or
        // list elements, or steps through a box of pixels that was cut to the frame. Accesses stay checked.
        unsafe { device.create_shader_module_trusted(descriptor, checks) }
    })
}

fn compute_pipeline(
    device: &wgpu::Device,
    layouts: &Layouts,
    module: &wgpu::ShaderModule,
    description: &Description,
) -> wgpu::ComputePipeline {
    let entry = description.entries[0];
    device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
        label: Some(entry),
        layout: Some(&description.pipeline_layout(device, layouts)),
        module,
        entry_point: Some(entry),
        compilation_options: wgpu::PipelineCompilationOptions {
            constants: &description.constants,
            // No kernel uses workgroup memory.
            zero_initialize_workgroup_memory: false,
        },
        cache: None,
    })
}

fn render_pipeline(
    device: &wgpu::Device,
    layouts: &Layouts,
    module: &wgpu::ShaderModule,
    description: &Description,
    samples: u32,
) -> wgpu::RenderPipeline {
    let options = || wgpu::PipelineCompilationOptions { constants: &description.constants, ..Default::default() };
    device.create_render_pipeline(&wgpu::RenderPipelineDescriptor {
        label: Some("large triangles"),
        layout: Some(&description.pipeline_layout(device, layouts)),
        vertex: wgpu::VertexState {
            module,
            entry_point: Some(description.entries[0]),
            compilation_options: options(),
            buffers: &[],
        },
        // The queue holds no triangle that is seen from behind.
        primitive: wgpu::PrimitiveState::default(),
        depth_stencil: None,
        multisample: wgpu::MultisampleState { count: samples, ..Default::default() },
        fragment: Some(wgpu::FragmentState {
            module,
            entry_point: Some(description.entries[1]),
            compilation_options: options(),
            targets: &[Some(wgpu::ColorTargetState {
                format: ATTACHMENT,
                blend: None,
                write_mask: wgpu::ColorWrites::empty(),
            })],
        }),
        multiview_mask: None,
        cache: None,
    })
}

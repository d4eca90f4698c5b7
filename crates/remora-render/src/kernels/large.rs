//! Large triangles by the adapter's own rasteriser: it covers pixels, and the fragment stage writes what it finds into the
//! visibility buffer as the kernels do.

use super::{Fragments, IMMEDIATES, LARGE, SCENE, Source, VisibilityWrite};
use crate::frame::Samples;
use crate::kernels::layouts::Layouts;

pub(super) const VERTEX: &str = "large_vertex";
pub(super) const FRAGMENT: &str = "large_fragment";

/// Of the attachment without which no pass may be, and which nothing is written to.
pub(crate) const ATTACHMENT: wgpu::TextureFormat = wgpu::TextureFormat::R8Unorm;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct LargePipeline {
    pub fragments: Fragments,
    pub cover: VisibilityWrite,
    pub samples: Samples,
}

impl LargePipeline {
    pub(super) fn sources(self, words: Source) -> Vec<Source> {
        let mut sources = vec![words, SCENE, self.cover.source()];
        sources.extend(self.fragments.sources());
        sources.push(LARGE);
        sources
    }

    pub(super) fn constants(self) -> Vec<(&'static str, f64)> {
        let mut constants = vec![("SAMPLES", f64::from(self.samples.count()))];
        constants.extend(self.fragments.constants());
        constants.extend(self.cover.constants_of_large());
        constants
    }

    pub(super) fn pipeline(
        self,
        device: &wgpu::Device,
        layouts: &Layouts,
        module: &wgpu::ShaderModule,
    ) -> wgpu::RenderPipeline {
        let groups = [Some(&layouts.scene), Some(&layouts.bank), Some(&layouts.rasteriser), Some(&layouts.light)];
        let layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label: Some("large triangles"),
            bind_group_layouts: &groups,
            immediate_size: IMMEDIATES,
        });
        let constants = self.constants();
        let options = || wgpu::PipelineCompilationOptions { constants: &constants, ..Default::default() };
        device.create_render_pipeline(&wgpu::RenderPipelineDescriptor {
            label: Some("large triangles"),
            layout: Some(&layout),
            vertex: wgpu::VertexState {
                module,
                entry_point: Some(VERTEX),
                compilation_options: options(),
                buffers: &[],
            },
            // What is seen from behind was left out when triangles were queued.
            primitive: wgpu::PrimitiveState::default(),
            depth_stencil: None,
            multisample: wgpu::MultisampleState { count: self.samples.count(), ..Default::default() },
            fragment: Some(wgpu::FragmentState {
                module,
                entry_point: Some(FRAGMENT),
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
}

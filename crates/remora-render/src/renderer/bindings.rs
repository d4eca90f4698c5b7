//! What a frame is drawn into and with: targets of its size, and bind groups, which are made anew when what they name is.

use super::Renderer;
use crate::device::graphics::Graphics;
use crate::frame::{FrameRequest, RenderError};
use crate::kernels::layouts::bind_buffers;
use crate::passes::targets::{RUNS_AT_ONCE, Targets, TargetsKind};
use crate::residency::prepare::ARRAYS;
use crate::surface::Phase;

/// Sizes of pictures that are kept ready: those of motion and of rest, and one more while they change.
const TARGETS_MAX: usize = 3;

/// Bind groups, and the generations of what they name.
pub(super) struct Bindings {
    pub scene: wgpu::BindGroup,
    pub lights: Vec<wgpu::BindGroup>,
    generations: [u64; 5],
}

impl Renderer {
    /// Makes the targets of the request's size the first of the list.
    pub(super) fn ensure_targets(&mut self, request: &FrameRequest) -> Result<(), RenderError> {
        let blended = self.selection.runs_of(&[Phase::Blend]).count();
        let solid = self.selection.runs.len() - blended;
        let lists = solid.max(blended).clamp(1, RUNS_AT_ONCE);
        let rasteriser = self.kernels.rasteriser;
        let fits = |targets: &Targets| {
            let kind = targets.kind;
            kind.size == request.render_size
                && kind.samples == request.samples
                && kind.rasteriser == rasteriser
                && (kind.layered || blended == 0)
                && targets.lists_max >= lists
        };
        match self.targets.iter().position(fits) {
            Some(index) => self.targets[..=index].rotate_right(1),
            None => {
                let (size, samples) = (request.render_size, request.samples);
                let kind = TargetsKind { size, samples, layered: blended > 0, rasteriser };
                self.targets.retain(|targets| {
                    (targets.kind.size, targets.kind.samples) != (request.render_size, request.samples)
                });
                self.targets.truncate(TARGETS_MAX - 1);
                let lists_max = lists.next_power_of_two();
                let targets = Targets::new(&self.graphics, &self.kernels.layouts, &self.scratch, kind, lists_max)?;
                self.targets.insert(0, targets);
            }
        }
        Ok(())
    }

    pub(super) fn ensure_bindings(&mut self) {
        let generations = [
            self.library.clusters.generation(),
            self.library.materials.generation(),
            self.library.layers_generation,
            self.placement.generation,
            self.entries.generation(),
        ];
        if self.bindings.as_ref().is_some_and(|bindings| bindings.generations == generations) {
            return;
        }
        let device = &self.graphics.device;
        let layouts = &self.kernels.layouts;
        let buffers = [
            &self.frame,
            &self.placement.buffer,
            self.library.clusters.buffer(),
            self.entries.buffer(),
            self.library.materials.buffer(),
        ];
        let scene = bind_buffers(device, "scene", &layouts.scene, &buffers);
        let [layer_sampler, environment_sampler] = &self.samplers;
        let lights = (0..ARRAYS as u8).map(|bucket| {
            let view = self.library.layers.view(bucket);
            let resources = [
                wgpu::BindingResource::TextureView(&view),
                wgpu::BindingResource::Sampler(layer_sampler),
                wgpu::BindingResource::TextureView(&self.environment.view),
                wgpu::BindingResource::Sampler(environment_sampler),
            ];
            let entries: Vec<wgpu::BindGroupEntry<'_>> = resources
                .into_iter()
                .zip(0..)
                .map(|(resource, binding)| wgpu::BindGroupEntry { binding, resource })
                .collect();
            device.create_bind_group(&wgpu::BindGroupDescriptor {
                label: Some("textures and light"),
                layout: &layouts.light,
                entries: &entries,
            })
        });
        self.bindings = Some(Bindings { scene, lights: lights.collect(), generations });
    }
}

/// For material layers, which repeat, and for the environment, which does not.
pub(super) fn samplers(graphics: &Graphics) -> Result<[wgpu::Sampler; 2], RenderError> {
    let sampler = |label, address_mode| {
        graphics.guarded(label, |device| {
            device.create_sampler(&wgpu::SamplerDescriptor {
                label: Some(label),
                address_mode_u: address_mode,
                address_mode_v: address_mode,
                mag_filter: wgpu::FilterMode::Linear,
                min_filter: wgpu::FilterMode::Linear,
                mipmap_filter: wgpu::MipmapFilterMode::Linear,
                ..Default::default()
            })
        })
    };
    Ok([
        sampler("layer sampler", wgpu::AddressMode::Repeat)?,
        sampler("environment sampler", wgpu::AddressMode::ClampToEdge)?,
    ])
}

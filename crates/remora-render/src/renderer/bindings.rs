//! Targets of the requested size, and bind groups, which are replaced when a resource is.

use super::Renderer;
use crate::device::graphics::Graphics;
use crate::frame::{FrameRequest, RenderError};
use crate::kernels::groups::Group;
use crate::kernels::shared::RUNS_AT_ONCE;
use crate::passes::targets::{Targets, TargetsKind};
use crate::residency::prepare::ARRAYS;
use crate::surface::Phase;

/// Largest number of targets: those of motion and of rest, and one while the size changes.
const TARGETS_MAX: usize = 3;

/// Bind groups, and the generations of the resources that they refer to.
pub(super) struct Bindings {
    pub scene: wgpu::BindGroup,
    pub lights: Vec<wgpu::BindGroup>,
    generations: [u64; 5],
}

impl Renderer {
    /// Moves the targets of the requested size to the front, or makes them.
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
            self.models.clusters.generation(),
            self.models.materials.generation(),
            self.models.layers_generation,
            self.instances.generation,
            self.entries.generation(),
        ];
        if self.bindings.as_ref().is_some_and(|bindings| bindings.generations == generations) {
            return;
        }
        let device = &self.graphics.device;
        let layouts = &self.kernels.layouts;
        let buffers = [
            &self.frame,
            &self.instances.buffer,
            self.models.clusters.buffer(),
            self.entries.buffer(),
            self.models.materials.buffer(),
        ];
        let scene = layouts.bind(device, Group::Scene, &buffers);
        let [layer_sampler, environment_sampler] = &self.samplers;
        let lights = (0..ARRAYS as u8).map(|bucket| {
            let view = self.models.layers.view(bucket);
            let resources = [
                wgpu::BindingResource::TextureView(&view),
                wgpu::BindingResource::Sampler(layer_sampler),
                wgpu::BindingResource::TextureView(&self.environment.view),
                wgpu::BindingResource::Sampler(environment_sampler),
            ];
            layouts.bind_resources(device, Group::Light, resources)
        });
        self.bindings = Some(Bindings { scene, lights: lights.collect(), generations });
    }
}

/// Makes samplers for textures, which repeat, and for the environment, which does not.
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

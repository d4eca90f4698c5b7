//! Layouts of the bind groups, by what is bound.

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
    pub pyramid: wgpu::BindGroupLayout,
    pub shrink: wgpu::BindGroupLayout,
    pub cull: wgpu::BindGroupLayout,
    pub mask: wgpu::BindGroupLayout,
    pub outline: wgpu::BindGroupLayout,
    pub checkerboard: wgpu::BindGroupLayout,
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
    pub(crate) fn new(device: &wgpu::Device) -> Self {
        use Binding::{Environment, Layers, Read, Sampler, Uniform, Write};
        Self {
            scene: layout(device, "scene", &[Uniform, Read, Read, Read, Read]),
            page: layout(device, "geometry page", &[Read, Read, Read]),
            raster: layout(device, "raster targets", &[Write, Write, Write, Read, Read, Read]),
            resolve: layout(device, "resolve targets", &[Read, Read, Read, Write, Write]),
            light: layout(device, "textures and light", &[Layers, Sampler, Environment, Sampler]),
            classify: layout(device, "classify", &[Uniform, Read, Write, Write, Write, Write]),
            arguments: layout(device, "arguments", &[Read, Write]),
            composite: layout(device, "composite", &[Read, Read, Read, Write]),
            planes: layout(device, "planes", &[Read, Write]),
            pyramid: layout(device, "pyramid", &[Read, Write]),
            shrink: layout(device, "shrink", &[Write]),
            cull: layout(device, "cull", &[Read, Read, Write, Write]),
            mask: layout(device, "mask", &[Read, Write]),
            outline: layout(device, "outline", &[Read, Write]),
            checkerboard: layout(device, "checkerboard", &[Write]),
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

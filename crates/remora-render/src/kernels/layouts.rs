//! Layouts of the bind groups, by what is bound.

#[derive(Debug)]
pub(crate) struct Layouts {
    pub scene: wgpu::BindGroupLayout,
    pub bank: wgpu::BindGroupLayout,
    pub raster: wgpu::BindGroupLayout,
    pub rasteriser: wgpu::BindGroupLayout,
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
    TextureArrays,
    Environment,
    Sampler,
}

impl Layouts {
    pub(crate) fn new(device: &wgpu::Device) -> Self {
        use Binding::{Environment, Read, Sampler, TextureArrays, Uniform, Write};
        let kernels = |label, bindings: &[Binding]| layout(device, label, wgpu::ShaderStages::COMPUTE, bindings);
        // What the adapter's rasteriser looks at as well.
        let everything = wgpu::ShaderStages::COMPUTE | wgpu::ShaderStages::VERTEX_FRAGMENT;
        let shared = |label, bindings: &[Binding]| layout(device, label, everything, bindings);
        Self {
            scene: shared("scene", &[Uniform, Read, Read, Read, Read]),
            bank: shared("geometry bank", &[Read, Read, Read]),
            raster: kernels("raster targets", &[Write, Write, Write, Read, Read, Read]),
            // The first of the raster targets, by the same numbers.
            rasteriser: shared("rasteriser targets", &[Write, Read, Read, Read, Read]),
            resolve: kernels("resolve targets", &[Read, Read, Read, Write, Write]),
            light: shared("textures and light", &[TextureArrays, Sampler, Environment, Sampler]),
            classify: kernels("classify", &[Uniform, Read, Write, Write, Write, Write]),
            arguments: kernels("arguments", &[Read, Write]),
            composite: kernels("composite", &[Read, Read, Read, Write]),
            planes: kernels("planes", &[Read, Write]),
            pyramid: kernels("pyramid", &[Read, Write]),
            shrink: kernels("shrink", &[Write]),
            cull: kernels("cull", &[Read, Read, Write, Write]),
            mask: kernels("mask", &[Read, Write]),
            outline: kernels("outline", &[Read, Write]),
            checkerboard: kernels("checkerboard", &[Write]),
        }
    }
}

/// Of what is read, `stages` see it; what is written, a vertex stage may only see on some adapters.
fn layout(
    device: &wgpu::Device,
    label: &str,
    stages: wgpu::ShaderStages,
    bindings: &[Binding],
) -> wgpu::BindGroupLayout {
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
            visibility: match kind {
                Binding::Write => stages - wgpu::ShaderStages::VERTEX,
                _ => stages,
            },
            ty: match kind {
                Binding::Uniform => buffer(wgpu::BufferBindingType::Uniform),
                Binding::Read => buffer(wgpu::BufferBindingType::Storage { read_only: true }),
                Binding::Write => buffer(wgpu::BufferBindingType::Storage { read_only: false }),
                Binding::TextureArrays => texture(wgpu::TextureViewDimension::D2Array),
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

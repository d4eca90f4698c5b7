//! Bind groups of the kernels, and their layouts.

/// A bind group, named by its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Group {
    /// Uniform of the frame, instances, clusters, entries, materials.
    Scene,
    /// One bank of geometry, seen as positions, words and quads.
    Bank,
    /// Visibility buffer, queue and list of entries of the kernels that rasterise.
    RasterTargets,
    /// The first bindings of [`Group::RasterTargets`], as the rasteriser of the adapter may use them.
    RasteriserTargets,
    /// Visibility buffer, lists of blocks, frame and sums of the shading kernels.
    ResolveTargets,
    /// Texture array, environment and samplers.
    Light,
    Classify,
    /// Counts, and the dispatches or draws that are made from them.
    Arguments,
    Composite,
    Planes,
    Pyramid,
    Shrink,
    Cull,
    Mask,
    Outline,
    Checkerboard,
    /// Visibility and moves, from which the motion of cells is described.
    Motion,
    /// Frame, guides and history, from which the cells of a frame are judged.
    HistoryCells,
    /// Surfaces of a frame, of the frame before, and the instances that have changed.
    HistoryKeep,
    /// Frame, cells and history, which make the pixels of the stream.
    HistoryPixels,
}

/// The kind of resource that a binding takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Binding {
    Uniform,
    /// A storage buffer that is only read.
    Read,
    /// A storage buffer that is written.
    Write,
    TextureArray,
    Texture,
    Sampler,
}

impl Group {
    /// All groups, in the order of their discriminants.
    pub(crate) const ALL: [Group; 20] = [
        Group::Scene,
        Group::Bank,
        Group::RasterTargets,
        Group::RasteriserTargets,
        Group::ResolveTargets,
        Group::Light,
        Group::Classify,
        Group::Arguments,
        Group::Composite,
        Group::Planes,
        Group::Pyramid,
        Group::Shrink,
        Group::Cull,
        Group::Mask,
        Group::Outline,
        Group::Checkerboard,
        Group::Motion,
        Group::HistoryCells,
        Group::HistoryKeep,
        Group::HistoryPixels,
    ];

    /// Returns the bindings, in the order of their numbers.
    pub(crate) fn bindings(self) -> &'static [Binding] {
        use Binding::{Read, Sampler, Texture, TextureArray, Uniform, Write};
        match self {
            Group::Scene => &[Uniform, Read, Read, Read, Read],
            Group::Bank => &[Read, Read, Read],
            Group::RasterTargets => &[Write, Write, Write, Read, Read, Read],
            Group::RasteriserTargets => &[Write, Read, Read, Read, Read],
            Group::ResolveTargets => &[Read, Read, Read, Write, Write],
            Group::Light => &[TextureArray, Sampler, Texture, Sampler],
            Group::Classify => &[Uniform, Read, Write, Write, Write, Write],
            Group::Composite => &[Read, Read, Read, Write],
            Group::Cull => &[Read, Read, Write, Write],
            Group::Motion => &[Uniform, Read, Read, Read, Write],
            Group::HistoryCells => &[Uniform, Read, Read, Read, Read, Write],
            Group::HistoryKeep => &[Uniform, Read, Read, Write],
            Group::HistoryPixels => &[Uniform, Read, Read, Read, Read, Write, Write, Write],
            Group::Arguments | Group::Planes | Group::Pyramid | Group::Mask | Group::Outline => &[Read, Write],
            Group::Shrink | Group::Checkerboard => &[Write],
        }
    }

    /// Returns the shader stages that see the group.
    fn stages(self) -> wgpu::ShaderStages {
        match self {
            Group::Scene | Group::Bank | Group::RasteriserTargets | Group::Light => {
                wgpu::ShaderStages::COMPUTE | wgpu::ShaderStages::VERTEX_FRAGMENT
            }
            _ => wgpu::ShaderStages::COMPUTE,
        }
    }

    fn layout(self, device: &wgpu::Device) -> wgpu::BindGroupLayout {
        let entries: Vec<wgpu::BindGroupLayoutEntry> = (0..)
            .zip(self.bindings())
            .map(|(number, binding)| wgpu::BindGroupLayoutEntry {
                binding: number,
                visibility: match binding {
                    // Not all adapters let a vertex stage write.
                    Binding::Write => self.stages() - wgpu::ShaderStages::VERTEX,
                    _ => self.stages(),
                },
                ty: binding.kind(),
                count: None,
            })
            .collect();
        let label = format!("{self:?}");
        device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor { label: Some(&label), entries: &entries })
    }
}

impl Binding {
    fn kind(self) -> wgpu::BindingType {
        let buffer = |ty| wgpu::BindingType::Buffer { ty, has_dynamic_offset: false, min_binding_size: None };
        let texture = |view_dimension| wgpu::BindingType::Texture {
            sample_type: wgpu::TextureSampleType::Float { filterable: true },
            view_dimension,
            multisampled: false,
        };
        match self {
            Binding::Uniform => buffer(wgpu::BufferBindingType::Uniform),
            Binding::Read => buffer(wgpu::BufferBindingType::Storage { read_only: true }),
            Binding::Write => buffer(wgpu::BufferBindingType::Storage { read_only: false }),
            Binding::TextureArray => texture(wgpu::TextureViewDimension::D2Array),
            Binding::Texture => texture(wgpu::TextureViewDimension::D2),
            Binding::Sampler => wgpu::BindingType::Sampler(wgpu::SamplerBindingType::Filtering),
        }
    }
}

/// The layouts of all groups.
#[derive(Debug)]
pub(crate) struct Layouts([wgpu::BindGroupLayout; Group::ALL.len()]);

impl Layouts {
    pub(crate) fn new(device: &wgpu::Device) -> Self {
        Self(Group::ALL.map(|group| group.layout(device)))
    }

    pub(crate) fn get(&self, group: Group) -> &wgpu::BindGroupLayout {
        &self.0[group as usize]
    }

    /// Makes a bind group of whole buffers.
    pub(crate) fn bind(&self, device: &wgpu::Device, group: Group, buffers: &[&wgpu::Buffer]) -> wgpu::BindGroup {
        bind_buffers(device, group, self.get(group), buffers)
    }

    /// Makes a bind group of any resources.
    pub(crate) fn bind_resources<'a>(
        &self,
        device: &wgpu::Device,
        group: Group,
        resources: impl IntoIterator<Item = wgpu::BindingResource<'a>>,
    ) -> wgpu::BindGroup {
        bind_resources(device, group, self.get(group), resources)
    }
}

/// Makes a bind group of whole buffers with a layout that the caller holds.
pub(crate) fn bind_buffers(
    device: &wgpu::Device,
    group: Group,
    layout: &wgpu::BindGroupLayout,
    buffers: &[&wgpu::Buffer],
) -> wgpu::BindGroup {
    bind_resources(device, group, layout, buffers.iter().map(|buffer| buffer.as_entire_binding()))
}

fn bind_resources<'a>(
    device: &wgpu::Device,
    group: Group,
    layout: &wgpu::BindGroupLayout,
    resources: impl IntoIterator<Item = wgpu::BindingResource<'a>>,
) -> wgpu::BindGroup {
    let entries: Vec<wgpu::BindGroupEntry<'a>> =
        resources.into_iter().zip(0..).map(|(resource, binding)| wgpu::BindGroupEntry { binding, resource }).collect();
    let label = format!("{group:?}");
    device.create_bind_group(&wgpu::BindGroupDescriptor { label: Some(&label), layout, entries: &entries })
}

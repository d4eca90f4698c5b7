//! The output of a finished frame: as RGBA, which the processor converts, or already as I420, which a GPU makes with
//! less than half of the bytes. A GPU also combines frames of the history.

#[allow(
    clippy::inline_always,
    clippy::needless_bitwise_bool,
    clippy::needless_range_loop,
    reason = "functions are compiled twice, and loops over eight lanes without branches become vector instructions"
)]
pub(crate) mod history;
pub(crate) mod outline;
pub(crate) mod readback_layout;
pub(crate) mod readback_ring;
pub(crate) mod yuv;

use bytemuck::bytes_of;

use self::history::device::{DeviceHistory, GuidedFrame};
use crate::device::graphics::Graphics;
use crate::frame::{FrameRequest, History, PixelFormat, RenderError, Samples};
use crate::kernels::groups::Group;
use crate::kernels::shared::PlaneSizes;
use crate::kernels::{Kernel, Kernels};
use crate::passes::targets::Targets;

#[derive(Debug)]
pub(crate) struct Output {
    /// False for a software adapter, which would convert on the same processor and more slowly.
    on_device: bool,
    planes: Option<wgpu::Buffer>,
    pub(crate) history: DeviceHistory,
}

/// The buffer that is read back, from its beginning.
pub(crate) struct Readback<'a> {
    pub buffer: &'a wgpu::Buffer,
    pub bytes: u64,
    /// True if the content has the requested format and size.
    pub finished: bool,
    /// Number of pixels that are neither new nor taken from the history; `None` if all are.
    pub missing: Option<&'a wgpu::Buffer>,
}

impl Output {
    pub(crate) fn new(on_device: bool) -> Self {
        Self { on_device, planes: None, history: DeviceHistory::default() }
    }

    /// Returns whether the device converts and combines frames.
    pub(crate) fn on_device(&self) -> bool {
        self.on_device
    }

    /// Compiles what frames of the history need, if the device combines them.
    pub(crate) fn warm_up(
        &self,
        graphics: &Graphics,
        kernels: &mut Kernels,
        samples: Samples,
    ) -> Result<(), RenderError> {
        if !self.on_device {
            return Ok(());
        }
        // Frames that begin a history have four samples and the full size.
        let rendered = if samples == Samples::Four { 2 } else { 1 };
        for variant in 0..4 {
            let [layered, moving] = [1, 2].map(|bit| variant & bit != 0);
            kernels.ensure(graphics, Kernel::Motion { samples, rendered, layered, moving })?;
        }
        DeviceHistory::warm_up(graphics, kernels)
    }

    /// Forgets the history and frees the buffers; the next conversion allocates them again.
    pub(crate) fn shrink(&mut self) {
        self.planes = None;
        self.history.forget();
    }

    /// Records the conversion if the device does it. `guided` is set for a frame of the history.
    pub(crate) fn record<'a>(
        &'a mut self,
        graphics: &Graphics,
        kernels: &mut Kernels,
        targets: &'a Targets,
        request: &FrameRequest,
        guided: Option<GuidedFrame<'_>>,
        encoder: &mut wgpu::CommandEncoder,
    ) -> Result<Readback<'a>, RenderError> {
        let (from, to) = (request.render_size, request.stream_size);
        // An invocation writes whole words of eight columns.
        if !self.on_device || request.format != PixelFormat::I420 || !to.width.is_multiple_of(8) {
            let bytes = u64::from(from.pixels()) * 4;
            return Ok(Readback { buffer: &targets.pixels, bytes, finished: false, missing: None });
        }
        let bytes = u64::from(to.pixels()) * 3 / 2;
        let reusable = self.planes.take().filter(|planes| planes.size() >= bytes);
        let planes = match reusable {
            Some(planes) => planes,
            None => graphics.buffer("planes", bytes, wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC)?,
        };
        let planes = &*self.planes.insert(planes);
        if let Some(guided) = &guided {
            self.history.prepare(graphics, kernels, request, guided.frame)?;
        }
        let continued = guided.filter(|_| request.options.history == History::Continue);
        let missing = match continued {
            Some(guided) => {
                self.history.record(graphics, kernels, guided, &targets.pixels, planes, encoder);
                self.history.missing()
            }
            None => {
                convert(graphics, kernels, targets, request, planes, encoder)?;
                if guided.is_some() {
                    self.history.record_begin(graphics, kernels, to, planes, encoder);
                }
                None
            }
        };
        Ok(Readback { buffer: planes, bytes, finished: true, missing })
    }
}

/// Records the conversion of a rendered frame to the size of the stream.
fn convert(
    graphics: &Graphics,
    kernels: &mut Kernels,
    targets: &Targets,
    request: &FrameRequest,
    planes: &wgpu::Buffer,
    encoder: &mut wgpu::CommandEncoder,
) -> Result<(), RenderError> {
    kernels.ensure(graphics, Kernel::Planes)?;
    let (from, to) = (request.render_size, request.stream_size);
    let bind_group = kernels.layouts.bind(&graphics.device, Group::Planes, &[&targets.pixels, planes]);
    let mut pass = encoder.begin_compute_pass(&Default::default());
    pass.set_pipeline(kernels.get(Kernel::Planes));
    pass.set_bind_group(0, &bind_group, &[]);
    pass.set_immediates(
        0,
        bytes_of(&PlaneSizes { rendered: [from.width, from.height], stream: [to.width, to.height] }),
    );
    pass.dispatch_workgroups(to.width.div_ceil(64), to.height.div_ceil(16), 1);
    Ok(())
}

#[cfg(test)]
mod tests {
    use glam::{DVec3, Quat};
    use remora_build::{BuildOptions, build_asset};
    use remora_model::{Material, Mesh, Model, Node, Primitive};
    use remora_scene::Scene;

    use crate::{
        Camera, FrameOptions, FrameRequest, FrameSerial, Graphics, GraphicsOptions, PixelFormat, PrepareOptions,
        PreparedAsset, RenderedFrame, Renderer, Samples, Size,
    };

    /// A triangle of all colours.
    fn model() -> Model {
        let primitive = Primitive {
            material: 0,
            positions: vec![[-1.0, -1.0, 0.0], [1.0, -1.0, 0.0], [0.0, 1.0, 0.0]],
            normals: vec![[0.0, 0.0, 1.0]; 3],
            colors: vec![[255, 0, 0, 255], [0, 255, 0, 255], [0, 0, 255, 255]],
            indices: vec![0, 1, 2],
            ..Default::default()
        };
        Model {
            meshes: vec![Mesh { primitives: vec![primitive], ..Default::default() }],
            materials: vec![Material { unlit: true, ..Default::default() }],
            nodes: vec![Node { mesh: Some(0), ..Default::default() }],
            ..Default::default()
        }
    }

    #[test]
    fn the_device_converts_as_the_processor_does() {
        let graphics = Graphics::open(&GraphicsOptions::default()).expect("tests need a Vulkan driver");
        let asset = build_asset(&model(), &BuildOptions::default(), &|_| {}, &|| false).expect("it is built");
        let options = PrepareOptions::for_adapter(graphics.adapter());
        let prepared = PreparedAsset::new(&asset, &options).expect("it is sound");
        let mut renderer = Renderer::new(graphics, &Default::default()).expect("the renderer starts");
        let mut scene = Scene::new();
        renderer
            .add_model(scene.add_model(asset).expect("room for the model").model, &prepared)
            .expect("the model fits");
        renderer.synchronise(&mut scene, DVec3::ZERO).expect("the scene is taken over");
        for (render_size, stream_size) in [
            (Size::new(64, 36), Size::new(64, 36)),
            (Size::new(64, 36), Size::new(128, 72)),
            (Size::new(97, 55), Size::new(128, 72)),
        ] {
            let frames = [false, true].map(|on_device| {
                renderer.output.on_device = on_device;
                let camera = Camera {
                    position: DVec3::new(0.0, 0.0, 2.5),
                    orientation: Quat::IDENTITY,
                    vertical_field_of_view: 0.7,
                    near: 0.1,
                };
                let format = PixelFormat::I420;
                let samples = Samples::One;
                renderer
                    .submit(&FrameRequest {
                        serial: FrameSerial(0),
                        camera,
                        render_size,
                        samples,
                        error_pixels: 1.0,
                        blend_layers: 0,
                        stream_size,
                        format,
                        options: FrameOptions::default(),
                    })
                    .expect("the frame is taken");
                let mut pixels = RenderedFrame::default();
                renderer.receive(&mut pixels).expect("the frame is drawn").expect("a frame was in flight");
                pixels.data
            });
            let [processor, device] = &frames;
            assert_eq!(device.len(), processor.len());
            for (index, (device, processor)) in device.iter().zip(processor).enumerate() {
                assert!(device.abs_diff(*processor) <= 1, "{render_size:?}, byte {index}: {device}, {processor}");
            }
        }
    }
}

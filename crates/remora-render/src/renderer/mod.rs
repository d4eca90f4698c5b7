//! The renderer: models and scenes in, frames out.

mod bindings;
mod in_flight;
pub(crate) mod warm_up;

use std::time::Duration;

use glam::DVec3;
use remora_scene::{ModelKey, Scene};

use self::bindings::{Bindings, samplers};
use self::in_flight::{Reader, SlicedFrame, SubmittedFrame};
use crate::device::graphics::Graphics;
use crate::device::upload::UploadBuffer;
use crate::frame::{FrameDone, FrameRequest, FrameTimings, RenderError, RenderedFrame};
use crate::kernels::Kernels;
use crate::kernels::groups::Group;
use crate::kernels::shared::{FrameUniform, SMALL_SIDE};
use crate::options::RendererOptions;
use crate::output::Output;
use crate::output::history::device::GuidedFrame;
use crate::output::readback_layout::ReadbackLayout;
use crate::output::readback_ring::{ReadbackRing, wait_for};
use crate::passes::draw::{FrameRecorder, ensure_kernels};
use crate::passes::environment::Environment;
use crate::passes::motion::{HistoryFrame, Motion, MotionSurfaces};
use crate::passes::occlusion::{Occlusion, OcclusionQuery};
use crate::passes::outline::Outline;
use crate::passes::pick::Pick;
use crate::passes::profile::Profile;
use crate::passes::sliced_encoder::SlicedEncoder;
use crate::passes::targets::{PICK_BYTES, Scratch, Targets};
use crate::residency::instances::{InstanceStore, SyncStatistics};
use crate::residency::model_store::ModelStore;
use crate::residency::pages::PageRequest;
use crate::residency::prepare::PreparedAsset;
use crate::select::{Selection, SelectionLimits};
use crate::surface::Phase;
use crate::timing::Stopwatch;
use crate::view::View;

/// Largest diameter in pixels of clusters that hold no triangle for the queue.
const SMALL_CLUSTER_PIXELS: f32 = 40.0;
const _: () = assert!(SMALL_CLUSTER_PIXELS <= SMALL_SIDE);

/// Renders a scene on one graphics device. It belongs on a thread of its own, because submitting a frame can wait for
/// the previous one.
pub struct Renderer {
    graphics: Graphics,
    pub(crate) kernels: Kernels,
    models: ModelStore,
    instances: InstanceStore,
    selection: Selection,
    frame: wgpu::Buffer,
    entries: UploadBuffer<[u32; 2]>,
    numbers: UploadBuffer<u32>,
    scratch: Scratch,
    /// Most recently used first.
    targets: Vec<Targets>,
    bindings: Option<Bindings>,
    environment: Environment,
    samplers: [wgpu::Sampler; 2],
    ring: ReadbackRing<SubmittedFrame>,
    sliced: Option<SlicedFrame>,
    occlusion: Occlusion,
    outline: Outline,
    pub(crate) motion: Motion,
    profile: Profile,
    reader: Reader,
    pub(crate) output: Output,
    wanted: Vec<PageRequest>,
    /// Pages that the most recent frame lacked.
    pages_missing: usize,
}

/// Requests and plans that accompany a frame.
struct Attachments {
    query: Option<OcclusionQuery>,
    pick: Option<Pick>,
    history: Option<(View, HistoryFrame)>,
}

impl Renderer {
    /// Makes a renderer without models.
    pub fn new(graphics: Graphics, options: &RendererOptions) -> Result<Renderer, RenderError> {
        let kernels = Kernels::new(&graphics)?;
        let models = ModelStore::new(&graphics, kernels.layouts.get(Group::Bank).clone(), options)?;
        let scratch = Scratch::new(&graphics, &kernels.layouts)?;
        let uniform = wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST;
        // On a software adapter a second frame in flight makes submitting wait and gains nothing.
        let in_flight_max = if graphics.adapter().software { 1 } else { 3 };
        Ok(Renderer {
            instances: InstanceStore::new(&graphics)?,
            selection: Selection::default(),
            frame: graphics.buffer("frame", size_of::<FrameUniform>() as u64, uniform)?,
            entries: UploadBuffer::new(&graphics, "entries")?,
            numbers: UploadBuffer::new(&graphics, "numbers")?,
            scratch,
            targets: Vec::new(),
            bindings: None,
            environment: Environment::new(&graphics)?,
            samplers: samplers(&graphics)?,
            ring: ReadbackRing::new(in_flight_max),
            sliced: None,
            occlusion: Occlusion::new(&graphics, &kernels.layouts)?,
            outline: Outline::default(),
            motion: Motion::new(&graphics)?,
            profile: Profile::new(&graphics)?,
            reader: Reader::default(),
            output: Output::new(!graphics.adapter().software),
            wanted: Vec::new(),
            pages_missing: 0,
            kernels,
            models,
            graphics,
        })
    }

    /// Returns the device.
    pub fn graphics(&self) -> &Graphics {
        &self.graphics
    }

    /// Returns true if the rasteriser of the adapter draws large triangles, and false if kernels do.
    pub fn uses_rasteriser(&self) -> bool {
        self.kernels.rasteriser
    }

    /// Adds a model, or replaces the one with this key. The root pages are uploaded at once, the others when a view
    /// needs them. On an error the key has no model.
    pub fn add_model(&mut self, key: ModelKey, prepared: &PreparedAsset) -> Result<(), RenderError> {
        if self.models.model(key).is_some() {
            // Models get new numbers, and meshes other grids, so all instances have to be recorded again.
            self.instances.clear();
        }
        let added = self.models.add(&self.graphics, key, prepared);
        // The next frame would submit the writes, but may be far off.
        self.graphics.flush();
        added?;
        self.graphics.check("a model")
    }

    /// Removes a model. Its instances are not drawn any more and must be gone from the scene before the next
    /// [`Self::synchronise`] that reports them.
    pub fn remove_model(&mut self, key: ModelKey) {
        if let Some((left, moved)) = self.models.remove(key) {
            self.instances.model_left(left, moved);
        }
        if self.models.is_empty() {
            self.clear();
        } else {
            self.graphics.flush();
        }
    }

    /// Removes all models and instances and frees their memory.
    pub fn clear(&mut self) {
        self.bindings = None;
        let cleared = self.models.clear(&self.graphics).and_then(|()| {
            self.instances.shrink(&self.graphics)?;
            self.entries.shrink(&self.graphics)?;
            self.numbers.shrink(&self.graphics)?;
            self.occlusion = Occlusion::new(&self.graphics, &self.kernels.layouts)?;
            wait_for(&self.graphics, self.graphics.flush())
        });
        if let Err(error) = cleared {
            // The models are removed in any case, and the next frame reports what is wrong with the device.
            self.instances.clear();
            tracing::warn!(%error, "the graphics memory of removed models could not be freed");
        }
    }

    /// Frees the targets of frames, for a period without frames. The next frame allocates them again.
    pub fn release_targets(&mut self) {
        self.targets.clear();
        self.motion.forget();
        self.reader.forget_history();
        self.outline = Outline::default();
        self.output.shrink();
        self.ring.shrink();
        self.graphics.flush();
    }

    /// Applies the changes of the scene and returns how much was written. The scene may show only models that have been
    /// added. `eye` is the approximate position from which the scene will be rendered.
    pub fn synchronise(&mut self, scene: &mut Scene, eye: DVec3) -> Result<SyncStatistics, RenderError> {
        if let Some(origin) = self.instances.better_origin(eye) {
            self.instances.origin = origin;
            scene.take_changes();
            let written = self.instances.rebuild(&self.graphics, &self.models, scene.instance_slots())?;
            self.graphics.check("the scene")?;
            return Ok(written);
        }
        let written = self.instances.synchronise(&self.graphics, &self.models, scene)?;
        self.graphics.check("the scene")?;
        Ok(written)
    }

    /// Sets a listener, which is called on another thread whenever geometry has arrived that the next frame would show.
    pub fn listen_for_pages(&self, listener: impl Fn() + Send + 'static) {
        self.models.listen(Box::new(listener));
    }

    /// Waits at most `wait` until a page arrives that the most recent frame lacked. Returns `false` if none arrived or
    /// is in flight, or if slices of a frame remain to be submitted.
    pub fn await_pages(&mut self, wait: Duration) -> Result<bool, RenderError> {
        // The remaining slices of a frame refer to the pages where they are.
        if self.pages_missing == 0 || self.models.in_flight() == 0 || self.sliced.is_some() {
            return Ok(false);
        }
        Ok(self.models.upload_pages(&self.graphics, self.selection.frame, wait)? > 0)
    }

    /// Returns the budget of geometry in bytes of graphics memory.
    pub fn geometry_bytes_max(&self) -> u64 {
        self.models.geometry.bytes_max()
    }

    /// Returns how many frames may be submitted before one is received.
    pub fn frames_in_flight_max(&self) -> usize {
        self.ring.slots_max()
    }

    /// Returns the bytes of graphics memory in use.
    pub fn graphics_memory_bytes(&self) -> u64 {
        let targets: u64 = self.targets.iter().map(Targets::bytes).sum();
        let effects = self.occlusion.bytes() + self.outline.bytes() + self.motion.bytes() + self.output.history.bytes();
        self.models.bytes() + self.instances.buffer.size() + self.scratch.bytes() + effects + targets
    }

    /// Submits a frame.
    pub fn submit(&mut self, request: &FrameRequest) -> Result<(), RenderError> {
        self.start(request, false)
    }

    /// Submits a frame that can be abandoned. It is divided into slices of some milliseconds: this call submits the
    /// first one, and each [`Self::proceed`] the next. That takes slightly longer than a whole frame.
    pub fn submit_in_slices(&mut self, request: &FrameRequest) -> Result<(), RenderError> {
        self.start(request, true)
    }

    /// Waits for the slice in progress and submits the next one. Returns `true` if none is left; the frame is then in
    /// flight like any other.
    pub fn proceed(&mut self) -> Result<bool, RenderError> {
        let Some(sliced) = &mut self.sliced else { return Ok(true) };
        if !sliced.proceed(&self.graphics)? {
            return Ok(false);
        }
        if let Some(SlicedFrame { submission, readback, readback_bytes, submitted, .. }) = self.sliced.take() {
            self.end_history_with(&submitted);
            self.ring.push(readback, readback_bytes, submission, submitted);
        }
        self.graphics.check("a frame")?;
        Ok(true)
    }

    /// Abandons the frame that was submitted in slices. Returns `false` if all slices have been submitted; the frame
    /// must then be received.
    pub fn abandon(&mut self) -> bool {
        let Some(sliced) = self.sliced.take() else { return false };
        self.ring.return_buffer(sliced.readback);
        true
    }

    fn start(&mut self, request: &FrameRequest, in_slices: bool) -> Result<(), RenderError> {
        request.check()?;
        self.graphics.check("an earlier frame")?;
        if self.ring.is_full() || self.sliced.is_some() {
            return Err(RenderError::TooManyInFlight { frames: self.ring.slots_max() });
        }
        let mut stopwatch = Stopwatch::start();
        self.models.upload_pages(&self.graphics, self.selection.frame, Duration::ZERO)?;
        let view = View::new(&request.camera, self.instances.origin, request.render_size);
        let history = self.motion.plan(request, &view, &self.instances);
        let view = match &history {
            Some(frame) => view.jittered(frame.jitter * view.size.width as f32 / request.stream_size.width as f32),
            None => view,
        };
        let limits = SelectionLimits {
            error_pixels: request.error_pixels,
            blended: request.blend_layers > 0,
            small_pixels: SMALL_CLUSTER_PIXELS,
            queue_length: self.scratch.queue_length,
        };
        let culling = request.options.occlusion_culling;
        let pyramid = self.occlusion.pyramid().filter(|_| culling);
        let ModelStore { keys, selectable, .. } = &mut self.models;
        self.selection.select(keys, selectable, &self.instances.selectable, &view, limits, pyramid);
        self.wanted.clear();
        self.wanted.append(&mut self.selection.wanted);
        self.pages_missing = self.models.request_pages(self.selection.frame, &mut self.wanted);
        let select = stopwatch.lap();

        ensure_kernels(&mut self.kernels, &self.graphics, &self.selection, request)?;
        self.ensure_targets(request)?;
        let query = match culling {
            true => {
                let (kernels, samples) = (&mut self.kernels, request.samples);
                self.occlusion.prepare(&self.graphics, kernels, &self.selection, &view, samples)?
            }
            false => None,
        };
        if self.instances.selected() > 0 {
            self.outline.prepare(&self.graphics, &mut self.kernels, request)?;
        }
        let frame = FrameUniform::new(&view, self.targets[0].blocks, self.environment.irradiance);
        self.graphics.queue.write_buffer(&self.frame, 0, bytemuck::bytes_of(&frame));
        self.entries.write(&self.graphics, &self.selection.entries)?;
        self.numbers.write(&self.graphics, &self.selection.numbers)?;
        self.ensure_bindings();
        let layered = request.blend_layers > 0 && self.selection.runs_of(&[Phase::Blend]).next().is_some();
        if let Some(frame) = &history {
            let areas = [self.selection.solid_bounds, self.selection.blended_bounds];
            let surfaces = MotionSurfaces {
                samples: request.samples,
                layered,
                areas: areas.map(|bounds| bounds.area(self.targets[0].blocks)),
                entries: (!self.output.on_device()).then_some((&self.selection.entries[..], &self.instances)),
            };
            let (epoch, moves) = self.instances.moves();
            self.motion.prepare(&self.graphics, &mut self.kernels, frame, &view, surfaces, (epoch, &moves))?;
        }
        let history = history.map(|frame| (view, frame));
        let pick = request.options.pick.map(|pixel| {
            Pick::new(pixel, view, self.instances.origin, request.samples, &self.selection.entries, layered)
        });
        self.hand_over(request, stopwatch, select, Attachments { query, pick, history }, in_slices)
    }

    fn hand_over(
        &mut self,
        request: &FrameRequest,
        mut stopwatch: Stopwatch,
        select: Duration,
        Attachments { query, pick, history }: Attachments,
        in_slices: bool,
    ) -> Result<(), RenderError> {
        let targets = &self.targets[0];
        let bindings = self.bindings.as_ref().expect("bindings are made before a frame is recorded");
        let stage = FrameRecorder {
            graphics: &self.graphics,
            kernels: &self.kernels,
            models: &self.models,
            scene: &bindings.scene,
            lights: &bindings.lights,
            scratch: &self.scratch,
            targets,
            solid_area: self.selection.solid_bounds.area(targets.blocks),
            blended_area: self.selection.blended_bounds.area(targets.blocks),
            profile: &self.profile,
            numbers: self.numbers.buffer(),
            occlusion: query.is_some().then_some(&self.occlusion),
            outline: (self.instances.selected() > 0).then_some(&self.outline),
            // A line in the history would leave a trail.
            draws_line: history.is_none(),
            pick: pick.as_ref(),
        };
        let mut slices = SlicedEncoder::new(&self.graphics, in_slices.then_some(self.reader.slice_lengths));
        stage.record(&mut slices, &self.selection, request);
        let encoder = slices.encoder();
        if history.is_some() {
            let buffers = (targets, &self.scratch);
            self.motion.record(encoder, &self.graphics, &self.kernels, &bindings.scene, buffers);
        }
        let guided = history.as_ref().zip(self.motion.guide());
        let guided = guided.map(|((_, frame), guide)| GuidedFrame { frame, guide });
        let content = self.output.record(&self.graphics, &mut self.kernels, targets, request, guided, encoder)?;
        let depths_bytes = query.as_ref().map_or(0, |query| query.bytes);
        // Only the processor needs the guide.
        let guide = history.as_ref().filter(|_| !content.finished);
        let guide_bytes = guide.map_or(0, |(_, frame)| self.motion.readback_bytes(frame));
        let mask = self.outline.mask().filter(|_| self.instances.selected() > 0 && history.is_some());
        let mask_bytes = mask.map_or(0, wgpu::Buffer::size);
        let layout = ReadbackLayout { frame_bytes: content.bytes, depths_bytes, guide_bytes, mask_bytes };
        let bytes = layout.bytes();
        let readback = self.ring.take_buffer(&self.graphics, bytes)?;
        encoder.copy_buffer_to_buffer(content.buffer, 0, &readback, 0, content.bytes);
        self.profile.append(encoder, &readback, layout.marks());
        if let Some(query) = &query {
            self.occlusion.append(encoder, query, &readback, [layout.totals(), layout.depths()]);
        }
        if pick.is_some() {
            encoder.copy_buffer_to_buffer(&self.scratch.picked, 0, &readback, layout.pick(), PICK_BYTES);
        }
        if let Some(missing) = content.missing {
            encoder.copy_buffer_to_buffer(missing, 0, &readback, layout.missing(), 4);
        }
        if let Some((_, frame)) = guide {
            self.motion.append(encoder, frame, targets, &readback, layout.guide());
        }
        if let Some(mask) = mask {
            encoder.copy_buffer_to_buffer(mask, 0, &readback, layout.mask(), mask_bytes);
        }
        let mut slices = slices.finish();
        let submission = self.graphics.queue.submit(slices.pop_front());
        let submit = stopwatch.lap();
        let submitted = SubmittedFrame {
            request: *request,
            layout,
            finished: content.finished,
            counts_missing: content.missing.is_some(),
            in_slices,
            timings: FrameTimings { select, submit, ..Default::default() },
            stopwatch,
            triangles: self.selection.triangles,
            points: self.selection.points,
            clusters: self.selection.numbers.len() as u32,
            pages_missing: self.pages_missing,
            query,
            pick,
            history,
            seen: self.motion.take_seen(),
        };
        if slices.is_empty() {
            self.end_history_with(&submitted);
            self.ring.push(readback, bytes, submission, submitted);
        } else {
            self.sliced = Some(SlicedFrame { slices, submission, readback, readback_bytes: bytes, submitted });
        }
        self.graphics.check("a frame")
    }

    /// Notes that a frame has been submitted completely, so that the next one can continue it.
    fn end_history_with(&mut self, submitted: &SubmittedFrame) {
        if let Some((view, frame)) = &submitted.history {
            let stream_size = submitted.request.stream_size;
            if submitted.finished {
                let guide = self.output.history.submitted(frame, stream_size, self.motion.take_guide());
                self.motion.reuse_guide(guide);
            }
            let (origin, arrangement) = (self.instances.origin, self.instances.arrangement);
            self.motion.submitted(*view, origin, &submitted.request, arrangement);
            self.instances.forget_moves();
        }
    }

    /// Waits for the oldest frame in flight and stores it in `into`. Returns `None` if none is in flight.
    pub fn receive(&mut self, into: &mut RenderedFrame) -> Result<Option<FrameDone>, RenderError> {
        self.fetch(true, into)
    }

    /// Stores the oldest frame in flight in `into` if it is finished. Returns `None` if it is not, or if none is in
    /// flight.
    pub fn try_receive(&mut self, into: &mut RenderedFrame) -> Result<Option<FrameDone>, RenderError> {
        self.fetch(false, into)
    }

    fn fetch(&mut self, wait: bool, into: &mut RenderedFrame) -> Result<Option<FrameDone>, RenderError> {
        while !self.proceed()? {}
        let Renderer { graphics, ring, reader, profile, occlusion, .. } = self;
        ring.receive(graphics, wait, |submitted, bytes| reader.read(submitted, bytes, profile, occlusion, into))
    }
}

//! The renderer: what is on the device, and the frames that are being drawn.

mod bindings;
pub(crate) mod warm_up;

use std::collections::VecDeque;
use std::time::Duration;

use glam::DVec3;
use remora_scene::{ModelKey, Scene};

use self::bindings::{Bindings, samplers};
use crate::device::graphics::Graphics;
use crate::device::upload::UploadBuffer;
use crate::frame::{FrameDone, FrameRequest, FrameTimings, RenderError, RenderedFrame};
use crate::kernels::Kernels;
use crate::options::RendererOptions;
use crate::output::Output;
use crate::output::readback_layout::ReadbackLayout;
use crate::output::readback_ring::{ReadbackRing, wait_for};
use crate::output::yuv::Converter;
use crate::passes::draw::{FrameRecorder, ensure_kernels};
use crate::passes::environment::Environment;
use crate::passes::occlusion::{Occlusion, OcclusionQuery};
use crate::passes::outline::Outline;
use crate::passes::pick::Pick;
use crate::passes::profile::Profile;
use crate::passes::sliced_encoder::SlicedEncoder;
use crate::passes::targets::{PICK_BYTES, Scratch, Targets};
use crate::passes::uniform::FrameUniform;
use crate::residency::instances::{InstanceStore, SyncStatistics};
use crate::residency::model_store::ModelStore;
use crate::residency::pages::PageRequest;
use crate::residency::prepare::PreparedAsset;
use crate::select::{Selection, SelectionLimits};
use crate::surface::Phase;
use crate::timing::Stopwatch;
use crate::view::View;

/// Clusters up to so many pixels across hold no triangle for the queue; no more than `SMALL_SIDE` in raster.wgsl.
const SMALL_CLUSTER_PIXELS: f32 = 40.0;

/// Draws a scene on one graphics device. Not for several threads at once; wants one of its own, because handing
/// over a frame can wait for the one before.
pub struct Renderer {
    graphics: Graphics,
    pub(crate) kernels: Kernels,
    library: ModelStore,
    placement: InstanceStore,
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
    underway: Option<SlicedFrame>,
    occlusion: Occlusion,
    outline: Outline,
    profile: Profile,
    converter: Converter,
    pub(crate) delivery: Output,
    wanted: Vec<PageRequest>,
    /// Pages that the last frame would have liked to draw and that were not there.
    pages_missing: usize,
}

/// A frame that has been handed over.
#[derive(Debug)]
struct SubmittedFrame {
    request: FrameRequest,
    report: ReadbackLayout,
    /// What is read back is the picture as it was asked for.
    finished: bool,
    timings: FrameTimings,
    stopwatch: Stopwatch,
    /// Without those that were put off.
    triangles: u64,
    points: u64,
    clusters: u32,
    pages_missing: usize,
    sighting: Option<OcclusionQuery>,
    pick: Option<Pick>,
}

/// A frame of which some pieces are still to be handed over.
#[derive(Debug)]
struct SlicedFrame {
    pieces: VecDeque<wgpu::CommandBuffer>,
    /// Of the last piece that was.
    submission: wgpu::SubmissionIndex,
    readback: wgpu::Buffer,
    readback_bytes: u64,
    drawn: SubmittedFrame,
}

impl Renderer {
    pub fn new(graphics: Graphics, options: &RendererOptions) -> Result<Renderer, RenderError> {
        let kernels = Kernels::new(&graphics)?;
        let library = ModelStore::new(&graphics, kernels.layouts.bank.clone(), options)?;
        let scratch = Scratch::new(&graphics, &kernels.layouts)?;
        let uniform = wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST;
        // With more than one frame in flight a software adapter makes submitting wait and gains nothing.
        let in_flight_max = if graphics.adapter().software { 1 } else { 3 };
        Ok(Renderer {
            placement: InstanceStore::new(&graphics)?,
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
            underway: None,
            occlusion: Occlusion::new(&graphics, &kernels.layouts)?,
            outline: Outline::default(),
            profile: Profile::new(&graphics)?,
            converter: Converter::default(),
            delivery: Output::new(!graphics.adapter().software),
            wanted: Vec::new(),
            pages_missing: 0,
            kernels,
            library,
            graphics,
        })
    }

    pub fn graphics(&self) -> &Graphics {
        &self.graphics
    }

    /// Whether large triangles go through the adapter's own rasteriser; else through kernels, as small ones do.
    pub fn uses_rasteriser(&self) -> bool {
        self.kernels.rasteriser
    }

    /// Adds a model, in place of what was under its key: what cannot be done without is uploaded at once, the rest as it
    /// is looked at. On an error nothing of it is kept.
    pub fn add_model(&mut self, key: ModelKey, prepared: &PreparedAsset) -> Result<(), RenderError> {
        // Meshes are numbered anew: whatever is placed has to be placed again.
        self.placement.clear();
        let added = self.library.add(&self.graphics, key, prepared);
        // There may be no frame for a long time, which would do it.
        self.graphics.flush();
        added?;
        self.graphics.check("a model")
    }

    /// Its instances must be gone from the scene before the next frame.
    pub fn remove_model(&mut self, key: ModelKey) {
        self.placement.clear();
        self.library.remove(key);
        if self.library.is_empty() {
            self.clear();
        } else {
            self.graphics.flush();
        }
    }

    /// Forgets all models and instances, and gives back the memory that they took.
    pub fn clear(&mut self) {
        self.bindings = None;
        let cleared = self.library.clear(&self.graphics).and_then(|()| {
            self.placement.shrink(&self.graphics)?;
            self.entries.shrink(&self.graphics)?;
            self.numbers.shrink(&self.graphics)?;
            self.occlusion = Occlusion::new(&self.graphics, &self.kernels.layouts)?;
            wait_for(&self.graphics, self.graphics.flush())
        });
        if let Err(error) = cleared {
            // The models are gone all the same, and the next frame finds out what is wrong with the device.
            self.placement.clear();
            tracing::warn!(%error, "graphics memory of models that are gone could not be given back");
        }
    }

    /// Gives back the memory that frames are drawn into, for a time without frames. The next frame takes it again.
    pub fn rest(&mut self) {
        self.targets.clear();
        self.outline = Outline::default();
        self.delivery.shrink();
        self.ring.shrink();
        self.graphics.flush();
    }

    /// Takes over what has changed in the scene, to be seen from about `eye`, and tells how much was written for it. Models must have been added
    /// before it shows them.
    pub fn synchronise(&mut self, scene: &mut Scene, eye: DVec3) -> Result<SyncStatistics, RenderError> {
        if let Some(origin) = self.placement.better_origin(eye) {
            self.placement.origin = origin;
            scene.take_changes();
            let written = self.placement.rebuild(&self.graphics, &self.library, scene.instances())?;
            self.graphics.check("the scene")?;
            return Ok(written);
        }
        let written = self.placement.synchronise(&self.graphics, &self.library, scene)?;
        self.graphics.check("the scene")?;
        Ok(written)
    }

    /// `listener` is called on another thread whenever geometry has arrived that the next frame would show.
    pub fn listen_for_pages(&self, listener: impl Fn() + Send + 'static) {
        self.library.listen(Box::new(listener));
    }

    /// Waits until something has arrived of what the last frame wanted, at most so long. `false` if nothing is on its
    /// way, or nothing came, or a frame is being handed over in pieces.
    pub fn await_pages(&mut self, wait: Duration) -> Result<bool, RenderError> {
        // What is still to be drawn of a frame in pieces must stay where it is.
        if self.pages_missing == 0 || self.library.in_flight() == 0 || self.underway.is_some() {
            return Ok(false);
        }
        Ok(self.library.take_pages(&self.graphics, self.selection.frame, wait)? > 0)
    }

    /// Bytes that geometry may take of graphics memory.
    pub fn geometry_bytes_max(&self) -> u64 {
        self.library.geometry.bytes_max()
    }

    /// How many frames may be submitted and not yet received.
    pub fn frames_in_flight_max(&self) -> usize {
        self.ring.slots_max()
    }

    /// Bytes of graphics memory held.
    pub fn graphics_memory_bytes(&self) -> u64 {
        let targets: u64 = self.targets.iter().map(Targets::bytes).sum();
        let effects = self.occlusion.bytes() + self.outline.bytes();
        self.library.bytes() + self.placement.buffer.size() + self.scratch.bytes() + effects + targets
    }

    /// Starts a frame.
    pub fn submit(&mut self, request: &FrameRequest) -> Result<(), RenderError> {
        self.start(request, false)
    }

    /// Starts a frame that may be given up: it is handed over in pieces of some milliseconds, the first one here, the
    /// next with every [`Self::proceed`]. Takes a little longer than in one piece.
    pub fn submit_in_slices(&mut self, request: &FrameRequest) -> Result<(), RenderError> {
        self.start(request, true)
    }

    /// Waits for the piece that is being drawn and hands over the next one. `true` when there is none left: the frame
    /// is in flight as any other.
    pub fn proceed(&mut self) -> Result<bool, RenderError> {
        let Some(underway) = &mut self.underway else { return Ok(true) };
        wait_for(&self.graphics, underway.submission.clone())?;
        if let Some(piece) = underway.pieces.pop_front() {
            underway.submission = self.graphics.queue.submit([piece]);
        }
        if !underway.pieces.is_empty() {
            return Ok(false);
        }
        if let Some(SlicedFrame { submission, readback, readback_bytes, drawn, .. }) = self.underway.take() {
            self.ring.push(readback, readback_bytes, submission, drawn);
        }
        self.graphics.check("a frame")?;
        Ok(true)
    }

    /// Gives up the frame that was submitted in pieces. `false` if all of it has been handed over already: then it is
    /// to be received.
    pub fn abandon(&mut self) -> bool {
        let Some(underway) = self.underway.take() else { return false };
        self.ring.give_back(underway.readback);
        true
    }

    fn start(&mut self, request: &FrameRequest, in_pieces: bool) -> Result<(), RenderError> {
        request.check()?;
        self.graphics.check("an earlier frame")?;
        if self.ring.is_full() || self.underway.is_some() {
            return Err(RenderError::TooManyInFlight { frames: self.ring.slots_max() });
        }
        let mut stopwatch = Stopwatch::start();
        self.library.take_pages(&self.graphics, self.selection.frame, Duration::ZERO)?;
        let view = View::new(&request.camera, self.placement.origin, request.render_size);
        let limits = SelectionLimits {
            error_pixels: request.error_pixels,
            blended: request.blend_layers > 0,
            small_pixels: SMALL_CLUSTER_PIXELS,
            queue_length: self.scratch.queue_length,
        };
        let culling = request.options.occlusion_culling;
        let horizon = self.occlusion.horizon().filter(|_| culling);
        let ModelStore { keys, selectable, .. } = &mut self.library;
        self.selection.select(keys, selectable, &self.placement.selectable, &view, limits, horizon);
        self.wanted.clear();
        self.wanted.append(&mut self.selection.wanted);
        self.pages_missing = self.library.want(self.selection.frame, &mut self.wanted);
        let select = stopwatch.lap();

        ensure_kernels(&mut self.kernels, &self.graphics, &self.selection, request)?;
        self.ensure_targets(request)?;
        let sighting = match culling {
            true => {
                let (kernels, samples) = (&mut self.kernels, request.samples);
                self.occlusion.prepare(&self.graphics, kernels, &self.selection, &view, samples)?
            }
            false => None,
        };
        if self.placement.selected() > 0 {
            self.outline.prepare(&self.graphics, &mut self.kernels, request)?;
        }
        let frame = FrameUniform::new(&view, self.targets[0].blocks, self.environment.irradiance);
        self.graphics.queue.write_buffer(&self.frame, 0, bytemuck::bytes_of(&frame));
        self.entries.write(&self.graphics, &self.selection.entries)?;
        self.numbers.write(&self.graphics, &self.selection.numbers)?;
        self.ensure_bindings();
        let layered = request.blend_layers > 0 && self.selection.runs_of(&[Phase::Blend]).next().is_some();
        let pick = request.options.pick.map(|pixel| {
            Pick::new(pixel, view, self.placement.origin, request.samples, &self.selection.entries, layered)
        });
        self.hand_over(request, stopwatch, select, sighting, pick, in_pieces)
    }

    fn hand_over(
        &mut self,
        request: &FrameRequest,
        mut stopwatch: Stopwatch,
        select: Duration,
        sighting: Option<OcclusionQuery>,
        pick: Option<Pick>,
        in_pieces: bool,
    ) -> Result<(), RenderError> {
        let targets = &self.targets[0];
        let bindings = self.bindings.as_ref().expect("bindings are made before a frame is recorded");
        let stage = FrameRecorder {
            graphics: &self.graphics,
            kernels: &self.kernels,
            library: &self.library,
            scene: &bindings.scene,
            lights: &bindings.lights,
            scratch: &self.scratch,
            targets,
            solid_area: self.selection.solid_reach.area(targets.blocks),
            blended_area: self.selection.blended_reach.area(targets.blocks),
            profile: &self.profile,
            numbers: self.numbers.buffer(),
            occlusion: sighting.is_some().then_some(&self.occlusion),
            outline: (self.placement.selected() > 0).then_some(&self.outline),
            pick: pick.as_ref(),
        };
        let mut pieces = SlicedEncoder::new(&self.graphics, in_pieces);
        stage.record(&mut pieces, &self.selection, request);
        let encoder = pieces.encoder();
        let parcel = self.delivery.record(&self.graphics, &mut self.kernels, targets, request, encoder)?;
        let depths_bytes = sighting.as_ref().map_or(0, |sighting| sighting.bytes);
        let report = ReadbackLayout { picture_bytes: parcel.bytes, depths_bytes };
        let bytes = report.bytes();
        let readback = self.ring.take_buffer(&self.graphics, bytes)?;
        encoder.copy_buffer_to_buffer(parcel.buffer, 0, &readback, 0, parcel.bytes);
        self.profile.append(encoder, &readback, report.marks());
        if let Some(sighting) = &sighting {
            self.occlusion.append(encoder, sighting, &readback, [report.totals(), report.depths()]);
        }
        if pick.is_some() {
            encoder.copy_buffer_to_buffer(&self.scratch.picked, 0, &readback, report.pick(), PICK_BYTES);
        }
        let mut pieces = pieces.finish();
        let submission = self.graphics.queue.submit(pieces.pop_front());
        let submit = stopwatch.lap();
        let drawn = SubmittedFrame {
            request: *request,
            report,
            finished: parcel.finished,
            timings: FrameTimings { select, submit, ..Default::default() },
            stopwatch,
            triangles: self.selection.triangles,
            points: self.selection.points,
            clusters: self.selection.numbers.len() as u32,
            pages_missing: self.pages_missing,
            sighting,
            pick,
        };
        if pieces.is_empty() {
            self.ring.push(readback, bytes, submission, drawn);
        } else {
            self.underway = Some(SlicedFrame { pieces, submission, readback, readback_bytes: bytes, drawn });
        }
        self.graphics.check("a frame")
    }

    /// The oldest frame in flight, waited for. `None` if nothing is in flight.
    pub fn receive(&mut self, into: &mut RenderedFrame) -> Result<Option<FrameDone>, RenderError> {
        self.fetch(true, into)
    }

    /// As [`Self::receive`], but `None` too if the oldest frame is not finished yet.
    pub fn try_receive(&mut self, into: &mut RenderedFrame) -> Result<Option<FrameDone>, RenderError> {
        self.fetch(false, into)
    }

    fn fetch(&mut self, wait: bool, into: &mut RenderedFrame) -> Result<Option<FrameDone>, RenderError> {
        while !self.proceed()? {}
        let converter = &mut self.converter;
        let profile = &self.profile;
        let occlusion = &mut self.occlusion;
        self.ring.receive(&self.graphics, wait, |mut drawn: SubmittedFrame, bytes| {
            drawn.timings.draw = drawn.stopwatch.lap();
            let [pixels, marks, totals, picked, depths] = drawn.report.split(bytes);
            let sighting = drawn.sighting.as_ref();
            let survivors = sighting.map(|sighting| occlusion.learn(sighting, totals, depths)).unwrap_or_default();
            let tested = sighting.map_or(0, |sighting| sighting.candidates);
            let stages = profile.read(marks);
            drawn.timings.raster = stages.raster;
            drawn.timings.shade = stages.shade;
            drawn.timings.blend = stages.blend;
            let request = &drawn.request;
            if drawn.finished {
                into.width = request.stream_size.width;
                into.height = request.stream_size.height;
                into.data.clear();
                into.data.extend_from_slice(pixels);
            } else {
                converter.convert(pixels, request.render_size, request.stream_size, request.format, into);
            }
            drawn.timings.convert = drawn.stopwatch.lap();
            FrameDone {
                serial: request.serial,
                timings: drawn.timings,
                triangles_drawn: drawn.triangles + u64::from(survivors.triangles),
                points_drawn: drawn.points,
                clusters_drawn: drawn.clusters + survivors.clusters,
                clusters_tested: tested,
                clusters_occluded: tested.saturating_sub(survivors.clusters),
                pages_missing: drawn.pages_missing,
                picked: drawn.pick.as_ref().and_then(|pick| pick.read(picked)),
            }
        })
    }
}

//! Renders the courses: in motion on one renderer, and at rest on another one.

use std::{
    collections::HashMap,
    path::Path,
    time::{Duration, Instant},
};

use glam::{DAffine3, DVec3, Vec3};
use remora_asset::{Asset, WorldBounds};
use remora_build::{BuildOptions, build_asset};
use remora_convert::Source;
use remora_engine::Builtin;
use remora_host::quality::{Detail, Quality, render_target};
use remora_import::LoadLimits;
use remora_render::{
    Camera, FrameDone, FrameSerial, Graphics, GraphicsOptions, PrepareOptions, PreparedAsset, RenderedFrame, Renderer,
    RendererOptions, Samples, Size,
};
use remora_scene::{EntityId, Scene};
use rustix::time::{ClockId, clock_gettime};

use crate::{ASPECT, Failure, course::Course, measure::Pairs};

/// Frames in motion before the first course, in which the quality settles.
const FRAMES_TO_SETTLE: usize = 60;
/// Longest wait for geometry that a frame lacks.
const PAGE_TIME_MAX: Duration = Duration::from_secs(10);
/// Upper bound on frames of a reference that are rendered because geometry has arrived.
const ROUNDS_MAX: usize = 64;
/// Columns and rows of the rays that find the part to move.
const RAYS: [u32; 2] = [64, 36];

/// A frame in motion and what it cost.
pub(crate) struct Shot {
    pub(crate) frame: RenderedFrame,
    pub(crate) detail: Detail,
    pub(crate) wall: Duration,
    /// Processor time of all threads of this process.
    pub(crate) processor: Duration,
    /// Share of the pixels that are new or stem from earlier frames.
    pub(crate) valid_share: f32,
}

/// All frames of a course, as I420.
pub(crate) struct Shots {
    pub(crate) cameras: Vec<Camera>,
    pub(crate) motion: Vec<Shot>,
    /// Frames at rest of the same poses.
    pub(crate) references: Vec<RenderedFrame>,
    /// The frame at rest that follows the last frame in motion on the same renderer.
    pub(crate) rest: RenderedFrame,
    /// A frame of the empty scene.
    pub(crate) empty: RenderedFrame,
}

impl Shots {
    /// Returns the frames to compare.
    pub(crate) fn pairs(&self) -> Pairs<'_> {
        let motion = self.motion.iter().map(|shot| &shot.frame).collect();
        Pairs { motion, references: self.references.iter().collect(), rest: &self.rest, empty: &self.empty }
    }
}

/// A renderer with a scene of one model.
struct Stage {
    renderer: Renderer,
    scene: Scene,
    /// The part that moves, and its transform at the start.
    part: Option<(EntityId, DAffine3)>,
    viewport: Size,
    serial: FrameSerial,
}

/// A model in motion and at rest.
pub(crate) struct Theatre {
    bounds: WorldBounds,
    quality: Quality,
    /// Quality follows the measured time.
    adapts: bool,
    moving: Stage,
    resting: Stage,
    empty: RenderedFrame,
}

impl Theatre {
    /// Opens a model in a viewport of the aspect ratio [`ASPECT`]. `fixed` returns the quality in motion for a software
    /// adapter (`true`) or a card; without one, quality follows the measured time.
    pub(crate) fn open(
        name: &str,
        viewport: Size,
        fixed: impl FnOnce(bool) -> Option<Quality>,
    ) -> Result<Self, Failure> {
        Self::show(name, &load(name)?, viewport, fixed)
    }

    /// Opens an asset, like [`Self::open`].
    pub(crate) fn show(
        name: &str,
        asset: &Asset,
        viewport: Size,
        fixed: impl FnOnce(bool) -> Option<Quality>,
    ) -> Result<Self, Failure> {
        let graphics = Graphics::open(&GraphicsOptions::default())?;
        let software = graphics.adapter().software;
        let fixed = fixed(software);
        let adapts = fixed.is_none();
        let quality = fixed.unwrap_or_else(|| Quality::new(software, render_target(software)));
        eprintln!("{name}: {} triangles, {} parts, on {}", asset.triangle_count(), asset.parts(), graphics.adapter());
        let prepared = PreparedAsset::new(asset, &PrepareOptions::for_adapter(graphics.adapter()))?;
        let mut resting = Stage::new(Graphics::open(&GraphicsOptions::default())?, viewport)?;
        let mut empty = RenderedFrame::default();
        let camera = Course::Part.camera(&asset.bounds(), 0, 2);
        resting.reference(camera, &mut empty)?;
        resting.add(asset, &prepared)?;
        let mut moving = Stage::new(graphics, viewport)?;
        moving.add(asset, &prepared)?;
        let bounds = moving.scene.bounds();
        for stage in [&mut moving, &mut resting] {
            stage.part = stage.most_visible(&camera);
        }
        let mut theatre = Self { bounds, quality, adapts, moving, resting, empty };
        let mut frame = RenderedFrame::default();
        for index in 0..FRAMES_TO_SETTLE {
            frame = theatre.move_on(Course::Orbit, index, FRAMES_TO_SETTLE, frame)?.frame;
        }
        Ok(theatre)
    }

    /// Renders a course: first everything in motion, then the references.
    pub(crate) fn shoot(&mut self, course: Course, poses: usize) -> Result<Shots, Failure> {
        let cameras: Vec<Camera> = (0..poses).map(|index| course.camera(&self.bounds, index, poses)).collect();
        let mut frame = RenderedFrame::default();
        self.moving.place(course.part_offset(&self.bounds, 0))?;
        self.rest(cameras[0], &mut frame)?;
        let mut motion = Vec::with_capacity(poses);
        for index in 0..poses {
            // Buffers are allocated outside of the measured time.
            let frame = frame.clone();
            motion.push(self.move_on(course, index, poses, frame)?);
        }
        let mut rest = RenderedFrame::default();
        self.rest(cameras[poses - 1], &mut rest)?;
        let mut references = Vec::with_capacity(poses);
        for (index, camera) in cameras.iter().enumerate() {
            self.resting.place(course.part_offset(&self.bounds, index))?;
            let mut frame = RenderedFrame::default();
            self.resting.reference(*camera, &mut frame)?;
            references.push(frame);
        }
        for stage in [&mut self.moving, &mut self.resting] {
            stage.place(Some(DVec3::ZERO))?;
        }
        Ok(Shots { cameras, motion, references, rest, empty: self.empty.clone() })
    }

    /// Renders a frame in motion into the memory of `frame`.
    fn move_on(
        &mut self,
        course: Course,
        index: usize,
        poses: usize,
        mut frame: RenderedFrame,
    ) -> Result<Shot, Failure> {
        let Self { bounds, quality, moving, .. } = self;
        while moving.renderer.await_pages(PAGE_TIME_MAX)? {}
        let detail = quality.moving(moving.viewport);
        let camera = course.camera(bounds, index, poses);
        let processor = processor_time();
        let clock = Instant::now();
        moving.place(course.part_offset(bounds, index))?;
        let done = moving.render(&detail, camera, false, &mut frame)?;
        let (wall, processor) = (clock.elapsed(), processor_time().saturating_sub(processor));
        if self.adapts {
            self.quality.observe_moving(render_time(&done));
        }
        Ok(Shot { frame, detail, wall, processor, valid_share: done.valid_share })
    }

    /// Renders a frame at rest on the renderer in motion.
    fn rest(&mut self, camera: Camera, frame: &mut RenderedFrame) -> Result<(), Failure> {
        if self.quality.sharpens_first() {
            self.moving.render(&Quality::sharp(self.moving.viewport), camera, true, frame)?;
        }
        let detail = self.quality.at_rest(self.moving.viewport);
        for _ in 0..ROUNDS_MAX {
            let done = self.moving.render(&detail, camera, true, frame)?;
            self.quality.observe_resting(&detail, render_time(&done));
            if done.pages_missing == 0 || !self.moving.renderer.await_pages(PAGE_TIME_MAX)? {
                break;
            }
        }
        Ok(())
    }
}

impl Stage {
    fn new(graphics: Graphics, viewport: Size) -> Result<Self, Failure> {
        let mut renderer = Renderer::new(graphics, &RendererOptions::default())?;
        renderer.warm_up(Samples::One)?;
        renderer.warm_up(Samples::Four)?;
        Ok(Self { renderer, scene: Scene::new(), part: None, viewport, serial: FrameSerial(1) })
    }

    fn add(&mut self, asset: &Asset, prepared: &PreparedAsset) -> Result<(), Failure> {
        Ok(self.renderer.add_model(self.scene.add_model(asset.clone())?.model, prepared)?)
    }

    /// Renders a frame as the host's frame pipeline does.
    fn render(
        &mut self,
        detail: &Detail,
        camera: Camera,
        at_rest: bool,
        frame: &mut RenderedFrame,
    ) -> Result<FrameDone, Failure> {
        self.serial = self.serial.next();
        let request = detail.request(self.serial, camera, self.viewport, 0.0);
        self.renderer.synchronise(&mut self.scene, camera.position)?;
        if at_rest {
            self.renderer.submit_in_slices(&request)?;
        } else {
            self.renderer.submit(&request)?;
        }
        Ok(self.renderer.receive(frame)?.ok_or("no frame came back")?)
    }

    /// Renders a frame at rest with all its geometry.
    fn reference(&mut self, camera: Camera, frame: &mut RenderedFrame) -> Result<(), Failure> {
        for _ in 0..ROUNDS_MAX {
            let done = self.render(&Quality::resting(self.viewport), camera, false, frame)?;
            if done.pages_missing == 0 || !self.renderer.await_pages(PAGE_TIME_MAX)? {
                return Ok(());
            }
        }
        Err("the geometry of a frame at rest did not arrive".into())
    }

    /// Moves the part in the world, relative to the start.
    fn place(&mut self, offset: Option<DVec3>) -> Result<(), Failure> {
        let (Some(offset), Some((entity, start))) = (offset, self.part) else { return Ok(()) };
        let view = self.scene.entity(entity).ok_or("the part has left the scene")?;
        let parent = view.world * view.local.inverse();
        let local = parent.inverse() * DAffine3::from_translation(offset) * parent * start;
        Ok(self.scene.set_local(entity, local)?)
    }

    /// Returns the entity that covers most of the view, and its transform.
    fn most_visible(&mut self, camera: &Camera) -> Option<(EntityId, DAffine3)> {
        let tangent = (camera.vertical_field_of_view * 0.5).tan();
        let place = |index: u32, count: u32| (index as f32 + 0.5) / count as f32 * 2.0 - 1.0;
        let mut hits: HashMap<EntityId, u32> = HashMap::new();
        for ray in 0..RAYS[0] * RAYS[1] {
            let (x, y) = (place(ray % RAYS[0], RAYS[0]), place(ray / RAYS[0], RAYS[1]));
            let direction = camera.orientation * Vec3::new(x * tangent * ASPECT, y * tangent, -1.0);
            if let Some(hit) = self.scene.cast_ray(camera.position, direction) {
                *hits.entry(hit.entity).or_default() += 1;
            }
        }
        let entity = hits.into_iter().max_by_key(|&(entity, count)| (count, entity.0))?.0;
        Some((entity, self.scene.entity(entity)?.local))
    }
}

fn load(name: &str) -> Result<Asset, Failure> {
    let model = if name.starts_with("builtin:") {
        let Builtin::Engine(detail) = remora_engine::parse_builtin(name)?;
        remora_engine::build(detail)
    } else {
        let source = Source::open(Path::new(name))?;
        if let Some(asset) = source.asset()? {
            return Ok(asset);
        }
        source.model(&LoadLimits::default(), &mut |_| {})?
    };
    Ok(build_asset(&model, &BuildOptions::default(), &|_| {}, &|| false)?)
}

/// Returns the time that the host's quality follows.
fn render_time(done: &FrameDone) -> Duration {
    done.timings.select + done.timings.submit + done.timings.draw
}

fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

//! Cost of a frame: `frame_cost
//! [FILE.glb|FILE.arrAsset|builtin://Engine?triangles=N|points:N|sheets:N[:TRIANGLES]|textured:N ...] [--frames N]
//! [--distance RADII] [--layers N] [--error PIXELS] [--instances N] [--no-culling] [--history] [--rasteriser yes|no]
//! [--size WIDTHxHEIGHT] [--selected] [--slices]`.
//!
//! Orbits each model and prints, per size and number of samples, the wall time (median and 95th percentile), the
//! processor time (median and minimum), and the time of each stage. Without `--size` it uses the sizes of motion and
//! rest in a stream of 1280x720. A sheet has 1,000,000 triangles by default. Before it measures, it renders until the
//! time per frame is stable, because an idle GPU runs at a lower clock, and prints how long that took.
//!
//! `--history` measures frames as they are in motion: each continues the one before it, with one sample per pixel and
//! with one for 2x2 pixels of the stream.
//!
//! `--selected` selects everything, so that frames have an outline.
//!
//! `--slices` also measures frames in slices, as a session renders them at rest, and how long they delay an input.
//!
//! `frame_cost --moving` measures the processor time of moving 1,000 of 100,000 parts between two frames.

mod ball;
mod scenes;
mod slices;

use std::time::{Duration, Instant};

use glam::{DAffine3, DVec3, Quat, Vec3};
use remora_asset::Asset;
use remora_build::{BuildOptions, build_asset};
use remora_model::Model;
use remora_render::{
    Camera, FrameDone, FrameOptions, FrameRequest, FrameSerial, Graphics, GraphicsOptions, History, PixelFormat,
    PrepareOptions, PreparedAsset, RenderedFrame, Renderer, RendererOptions, Samples, Size, SyncStatistics,
};
use remora_scene::{EntityId, Scene};

type Failure = Box<dyn std::error::Error>;

const STREAM: Size = Size::new(1280, 720);
const CASES: [(Size, Samples); 5] = [
    (Size::new(640, 360), Samples::One),
    (Size::new(800, 450), Samples::One),
    (Size::new(960, 540), Samples::One),
    (Size::new(1280, 720), Samples::One),
    (Size::new(1280, 720), Samples::Four),
];
const FRAMES_TO_WARM_UP: usize = 4;
/// Rounds in a row without a faster one after which the time per frame counts as stable.
const STABLE_ROUNDS: usize = 3;
/// Longest warm-up of a case.
const WARM_UP_MAX: Duration = Duration::from_secs(5);
const PAGE_TIME_MAX: Duration = Duration::from_secs(10);

fn main() -> Result<(), Failure> {
    let mut models = Vec::new();
    let mut frames = 60;
    let mut distance = 2.6;
    let mut layers = 2;
    let mut culling = true;
    let mut error = 1.0;
    let mut instances = 1;
    let mut size = None;
    let mut history = History::Apart;
    let mut selected = false;
    let mut in_slices = false;
    let mut graphics = GraphicsOptions::default();
    let mut given = std::env::args().skip(1);
    while let Some(argument) = given.next() {
        let mut value = || given.next().ok_or(format!("{argument} requires a value"));
        match argument.as_str() {
            "--frames" => frames = value()?.parse()?,
            "--distance" => distance = value()?.parse()?,
            "--layers" => layers = value()?.parse()?,
            "--error" => error = value()?.parse()?,
            "--instances" => instances = value()?.parse()?,
            "--no-culling" => culling = false,
            "--selected" => selected = true,
            "--history" => history = History::Continue,
            "--slices" => in_slices = true,
            "--rasteriser" => graphics.rasteriser = Some(value()? == "yes"),
            "--size" => size = Some(parse_size(&value()?)?),
            "--moving" => return measure_moving(frames),
            _ => models.push(argument),
        }
    }
    if models.is_empty() {
        models.push("builtin://Engine?triangles=200000".to_owned());
    }
    let (stream, cases) = match size {
        _ if history == History::Continue => {
            let stream = size.unwrap_or(STREAM);
            (stream, vec![(Size::new(stream.width / 2, stream.height / 2), Samples::One), (stream, Samples::One)])
        }
        Some(size) => (size, vec![(size, Samples::One), (size, Samples::Four)]),
        None => (STREAM, CASES.to_vec()),
    };
    for name in models {
        measure(
            &name,
            &Course {
                frames,
                distance,
                layers,
                error,
                instances,
                culling,
                history,
                selected,
                in_slices,
                stream,
                cases: cases.clone(),
                graphics: graphics.clone(),
            },
        )?;
    }
    Ok(())
}

fn parse_size(text: &str) -> Result<Size, Failure> {
    let (width, height) = text.split_once('x').ok_or("a size is WIDTHxHEIGHT")?;
    Ok(Size::new(width.parse()?, height.parse()?))
}

/// How the camera views a model.
struct Course {
    frames: usize,
    /// Distance from the middle, in radii of the scene.
    distance: f32,
    layers: u32,
    /// Permitted error in pixels.
    error: f32,
    /// Number of copies side by side.
    instances: u32,
    culling: bool,
    history: History,
    /// Everything is selected.
    selected: bool,
    in_slices: bool,
    stream: Size,
    cases: Vec<(Size, Samples)>,
    graphics: GraphicsOptions,
}

fn measure(name: &str, course: &Course) -> Result<(), Failure> {
    let Course { frames, distance, layers, error, instances, culling, history, stream, ref cases, .. } = *course;
    let graphics = Graphics::open(&course.graphics)?;
    let clock = Instant::now();
    let asset = scenes::load(name, instances)?;
    let loaded = clock.elapsed();
    let prepared = PreparedAsset::new(&asset, &PrepareOptions::for_adapter(graphics.adapter()))?;
    println!(
        "{name}: {} triangles, {} points, {} parts, {} MiB, on {}",
        asset.triangle_count(),
        asset.point_count(),
        asset.parts(),
        asset.bytes() >> 20,
        graphics.adapter()
    );
    let mut renderer = Renderer::new(graphics, &RendererOptions::default())?;
    renderer.warm_up(Samples::One)?;
    println!("large triangles by {}", if renderer.uses_rasteriser() { "the rasteriser" } else { "kernels" });
    let mut scene = Scene::new();
    let added = scene.add_model(asset)?;
    renderer.add_model(added.model, &prepared)?;
    if course.selected {
        scene.select(&[added.root])?;
    }
    renderer.synchronise(&mut scene, DVec3::ZERO)?;
    println!("loaded in {} ms", loaded.as_millis());
    print_head();
    let bounds = scene.bounds();
    let (center, radius) = (bounds.center(), bounds.radius());
    let mut image = RenderedFrame::default();
    for &(size, samples) in cases {
        let request = |index: usize| {
            let orientation = Quat::from_rotation_y(index as f32 * 0.05) * Quat::from_rotation_x(-0.35);
            FrameRequest {
                serial: FrameSerial(index as u64),
                camera: Camera {
                    position: center + (orientation * Vec3::Z).as_dvec3() * radius * f64::from(distance),
                    orientation,
                    vertical_field_of_view: 0.7,
                    near: radius as f32 * 1e-3,
                },
                render_size: size,
                samples,
                error_pixels: error,
                blend_layers: layers,
                stream_size: stream,
                format: PixelFormat::I420,
                options: FrameOptions { history, occlusion_culling: culling, ..Default::default() },
            }
        };
        warm_up(&mut renderer, &mut image, &request)?;
        let (mut walls, mut cpus, mut done) = (Vec::new(), Vec::new(), Vec::new());
        for index in FRAMES_TO_WARM_UP..FRAMES_TO_WARM_UP + frames {
            let (frame, wall, cpu) = render(&mut renderer, &mut image, &request(index))?;
            walls.push(wall);
            cpus.push(cpu);
            done.push(frame);
        }
        let median = |value: fn(&FrameDone) -> Duration| milliseconds(middle(done.iter().map(value).collect(), 0.5));
        println!(
            "{:>11} {:>2} | {} {} {} {} | {} {} {} {} {} {} {} | {:>9} {:>6} {:>6} {:>5}",
            format!("{}x{}", size.width, size.height),
            samples.count(),
            milliseconds(middle(walls.clone(), 0.5)),
            milliseconds(middle(walls, 0.95)),
            milliseconds(middle(cpus.clone(), 0.5)),
            milliseconds(middle(cpus, 0.0)),
            median(|frame| frame.timings.select),
            median(|frame| frame.timings.submit),
            median(|frame| frame.timings.draw),
            median(|frame| frame.timings.raster),
            median(|frame| frame.timings.shade),
            median(|frame| frame.timings.blend),
            median(|frame| frame.timings.convert),
            done.last().map_or(0, |frame| frame.triangles_drawn),
            done.last().map_or(0, |frame| frame.clusters_tested),
            done.last().map_or(0, |frame| frame.clusters_occluded),
            renderer.graphics_memory_bytes() >> 20,
        );
        if course.in_slices {
            slices::measure(&mut renderer, &mut image, &request, frames)?;
        }
    }
    Ok(())
}

/// Prints the names of the columns.
fn print_head() {
    println!(
        "{:>11} {:>2} | {:>6} {:>6} {:>6} {:>6} | {:>6} {:>6} {:>6} {:>6} {:>6} {:>6} {:>7} | {:>9} {:>6} {:>6} {:>5}",
        "size",
        "x",
        "wall",
        "p95",
        "cpu",
        "least",
        "select",
        "submit",
        "draw",
        "raster",
        "shade",
        "blend",
        "convert",
        "triangles",
        "tested",
        "hidden",
        "MiB"
    );
}

/// Renders a frame and returns it with its wall time and its processor time.
fn render(
    renderer: &mut Renderer,
    image: &mut RenderedFrame,
    request: &FrameRequest,
) -> Result<(FrameDone, Duration, Duration), Failure> {
    // Loading is not part of the measurement.
    while renderer.await_pages(PAGE_TIME_MAX)? {}
    let cpu = processor_time()?;
    let clock = Instant::now();
    renderer.submit(request)?;
    let frame = renderer.receive(image)?.ok_or("no frame came back")?;
    Ok((frame, clock.elapsed(), processor_time()? - cpu))
}

/// Renders rounds of the same views until the time per frame does not fall any more, and prints how long that took. An
/// idle GPU runs at a lower clock and takes a while to raise it.
fn warm_up(
    renderer: &mut Renderer,
    image: &mut RenderedFrame,
    request: &dyn Fn(usize) -> FrameRequest,
) -> Result<(), Failure> {
    let clock = Instant::now();
    let mut rounds: Vec<Duration> = Vec::new();
    let mut stable_rounds = 0;
    while rounds.is_empty() || stable_rounds < STABLE_ROUNDS && clock.elapsed() < WARM_UP_MAX {
        let mut walls = Vec::new();
        for index in 0..FRAMES_TO_WARM_UP {
            walls.push(render(renderer, image, &request(index))?.1);
        }
        let wall = middle(walls, 0.5);
        let is_stable = rounds.last().is_some_and(|last| wall.as_secs_f64() > last.as_secs_f64() * 0.98);
        stable_rounds = if is_stable { stable_rounds + 1 } else { 0 };
        rounds.push(wall);
        if renderer.graphics().adapter().software {
            break;
        }
    }
    let [first, last] = [rounds.first(), rounds.last()].map(|wall| milliseconds(*wall.unwrap_or(&Duration::ZERO)));
    println!(
        "warm after {} frames in {} ms: {} ms per frame at first, {} ms in the end",
        rounds.len() * FRAMES_TO_WARM_UP,
        clock.elapsed().as_millis(),
        first.trim(),
        last.trim()
    );
    Ok(())
}

/// Moves every hundredth part, other ones in each frame.
fn measure_moving(frames: usize) -> Result<(), Failure> {
    let asset = built(&scenes::lattice())?;
    let graphics = Graphics::open(&GraphicsOptions::default())?;
    let prepared = PreparedAsset::new(&asset, &PrepareOptions::for_adapter(graphics.adapter()))?;
    let mut renderer = Renderer::new(graphics, &RendererOptions::default())?;
    let mut scene = Scene::new();
    renderer.add_model(scene.add_model(asset)?.model, &prepared)?;
    renderer.synchronise(&mut scene, DVec3::ZERO)?;
    let entities: Vec<EntityId> = scene.instances().map(|instance| instance.entity).collect();
    let bounds = scene.bounds();
    let mut image = RenderedFrame::default();
    let (mut edits, mut writes, mut done) = (Vec::new(), Vec::new(), Vec::new());
    let mut written = SyncStatistics::default();
    for index in 0..frames {
        let clock = Instant::now();
        for entity in entities.iter().skip(index % 100).step_by(100) {
            let local = scene.entity(*entity).ok_or("a part is gone")?.local;
            scene.set_local(*entity, local * DAffine3::from_translation(DVec3::Y * 0.01))?;
        }
        let edited = clock.elapsed();
        written = renderer.synchronise(&mut scene, DVec3::ZERO)?;
        edits.push(edited);
        writes.push(clock.elapsed() - edited);
        let camera = Camera {
            position: bounds.center() + DVec3::Z * bounds.radius() * 2.6,
            orientation: Quat::IDENTITY,
            vertical_field_of_view: 0.7,
            near: 0.1,
        };
        renderer.submit(&FrameRequest {
            serial: FrameSerial(index as u64),
            camera,
            render_size: Size::new(640, 360),
            samples: Samples::One,
            error_pixels: 1.0,
            blend_layers: 0,
            stream_size: STREAM,
            format: PixelFormat::I420,
            options: FrameOptions::default(),
        })?;
        done.push(renderer.receive(&mut image)?.ok_or("no frame came back")?);
    }
    println!(
        "{} of {} parts moved: {} ms to edit the scene, {} ms to write {} bytes in {} writes; then {} ms to select",
        written.instances,
        entities.len(),
        milliseconds(middle(edits, 0.5)),
        milliseconds(middle(writes, 0.5)),
        written.bytes,
        written.writes,
        milliseconds(middle(done.iter().map(|frame| frame.timings.select).collect(), 0.5)),
    );
    Ok(())
}

fn built(model: &Model) -> Result<Asset, Failure> {
    Ok(build_asset(model, &BuildOptions::default(), &|_| {}, &|| false)?)
}

fn middle(mut values: Vec<Duration>, share: f32) -> Duration {
    values.sort_unstable();
    values[((values.len() - 1) as f32 * share) as usize]
}

fn milliseconds(duration: Duration) -> String {
    format!("{:>6.2}", duration.as_secs_f64() * 1000.0)
}

/// Returns the processor time of all threads of this process so far.
fn processor_time() -> Result<Duration, Failure> {
    let mut nanoseconds = 0;
    for thread in std::fs::read_dir("/proc/self/task")? {
        // A thread may end in the meantime.
        let Ok(statistics) = std::fs::read_to_string(thread?.path().join("schedstat")) else { continue };
        nanoseconds += statistics.split(' ').next().ok_or("unreadable schedstat")?.parse::<u64>()?;
    }
    Ok(Duration::from_nanos(nanoseconds))
}

//! What a frame costs: `frame_cost [FILE.glb|builtin://Engine?triangles=N ...] [--frames N] [--distance RADII]
//! [--layers N]`. Orbits each model and prints, per size and number of samples, wall time (median and 95th
//! percentile), processor time (median and least), and where it goes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use glam::{Quat, Vec3};
use remora_assets::engine;
use remora_assets::{LoadLimits, Model, load_glb};
use remora_render::{
    Camera, FrameDone, FrameRequest, Graphics, GraphicsOptions, Picture, PictureFormat, PrepareOptions, Prepared,
    Renderer, Samples, Size,
};
use remora_scene::Scene;

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

fn main() -> Result<(), Failure> {
    let mut models = Vec::new();
    let mut frames = 60;
    let mut distance = 2.6;
    let mut layers = 2;
    let mut given = std::env::args().skip(1);
    while let Some(argument) = given.next() {
        let mut value = || given.next().ok_or(format!("{argument} wants a value"));
        match argument.as_str() {
            "--frames" => frames = value()?.parse()?,
            "--distance" => distance = value()?.parse()?,
            "--layers" => layers = value()?.parse()?,
            _ => models.push(argument),
        }
    }
    if models.is_empty() {
        models.push("builtin://Engine?triangles=200000".to_owned());
    }
    for name in models {
        measure(&name, frames, distance, layers)?;
    }
    Ok(())
}

fn measure(name: &str, frames: usize, distance: f32, layers: u32) -> Result<(), Failure> {
    let graphics = Graphics::open(&GraphicsOptions::default())?;
    let clock = Instant::now();
    let model = Arc::new(load(name)?);
    let loaded = clock.elapsed();
    let options = PrepareOptions::for_adapter(graphics.adapter(), 2);
    let prepared = Prepared::from_model(&model, &options, &mut |_| {});
    let made_ready = clock.elapsed() - loaded;
    println!("{name}: {} triangles, {} parts, on {}", model.triangles(), model.parts(), graphics.adapter());
    let mut renderer = Renderer::new(graphics)?;
    let mut scene = Scene::new();
    let added = scene.add_model(model);
    renderer.add_model(added.model, &prepared)?;
    renderer.synchronise(&mut scene)?;
    println!("loaded in {} ms, made ready in {} ms", loaded.as_millis(), made_ready.as_millis());
    println!(
        "{:>11} {:>2} | {:>6} {:>6} {:>6} {:>6} | {:>6} {:>6} {:>6} {:>6} {:>6} {:>6} {:>7} | {:>9} {:>5}",
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
        "MiB"
    );
    let bounds = scene.bounds();
    let (center, radius) = (bounds.center().as_vec3(), bounds.radius() as f32);
    let mut picture = Picture::default();
    for (size, samples) in CASES {
        let mut walls = Vec::new();
        let mut done: Vec<FrameDone> = Vec::new();
        let mut cpus = Vec::new();
        for index in 0..frames + FRAMES_TO_WARM_UP {
            let orientation = Quat::from_rotation_y(index as f32 * 0.05) * Quat::from_rotation_x(-0.35);
            let cpu = processor_time()?;
            let clock = Instant::now();
            renderer.submit(&FrameRequest {
                serial: index as u64,
                camera: Camera {
                    position: center + orientation * Vec3::Z * radius * distance,
                    orientation,
                    vertical_field_of_view: 0.7,
                    near: radius * 1e-3,
                },
                render_size: size,
                samples,
                blend_layers: layers,
                stream_size: STREAM,
                format: PictureFormat::I420,
            })?;
            let frame = renderer.receive(&mut picture)?.ok_or("no picture came back")?;
            if index >= FRAMES_TO_WARM_UP {
                walls.push(clock.elapsed());
                cpus.push(processor_time()? - cpu);
                done.push(frame);
            }
        }
        let median = |value: fn(&FrameDone) -> Duration| milliseconds(middle(done.iter().map(value).collect(), 0.5));
        println!(
            "{:>11} {:>2} | {} {} {} {} | {} {} {} {} {} {} {} | {:>9} {:>5}",
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
            renderer.graphics_memory_bytes() >> 20,
        );
    }
    Ok(())
}

fn load(name: &str) -> Result<Model, Failure> {
    if name.starts_with("builtin:") {
        let engine::Builtin::Engine(detail) = engine::parse_builtin(name)?;
        return Ok(engine::build(detail));
    }
    let limits = LoadLimits { texture_dimension_max: 1024, ..LoadLimits::default() };
    Ok(load_glb(&std::fs::read(name)?, name, &limits, &mut |_| {})?)
}

fn middle(mut values: Vec<Duration>, share: f32) -> Duration {
    values.sort_unstable();
    values[((values.len() - 1) as f32 * share) as usize]
}

fn milliseconds(duration: Duration) -> String {
    format!("{:>6.2}", duration.as_secs_f64() * 1000.0)
}

/// Time that all threads of this process have run so far.
fn processor_time() -> Result<Duration, Failure> {
    let mut nanoseconds = 0;
    for thread in std::fs::read_dir("/proc/self/task")? {
        // A thread may end while it is looked at.
        let Ok(statistics) = std::fs::read_to_string(thread?.path().join("schedstat")) else { continue };
        nanoseconds += statistics.split(' ').next().ok_or("unreadable schedstat")?.parse::<u64>()?;
    }
    Ok(Duration::from_nanos(nanoseconds))
}

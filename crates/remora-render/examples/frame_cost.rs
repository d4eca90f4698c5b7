//! What a frame costs: `frame_cost [FILE.glb|builtin://Engine?triangles=N|points:N ...] [--frames N]
//! [--distance RADII] [--layers N] [--no-culling]`. Orbits each model and prints, per size and number of samples, wall
//! time (median and 95th percentile), processor time (median and least), and where it goes.
//!
//! `frame_cost --moving` tells what it costs the processor to move 1,000 of 100,000 parts between two frames.

use std::sync::Arc;
use std::time::{Duration, Instant};

use glam::{DAffine3, DVec3, Quat, Vec3};
use remora_assets::engine;
use remora_assets::{LoadLimits, Material, Mesh, Model, Node, Points, Primitive, load_glb};
use remora_render::{
    Camera, FrameDone, FrameOptions, FrameRequest, Graphics, GraphicsOptions, Picture, PictureFormat, PrepareOptions,
    Prepared, Renderer, Samples, Size, Written,
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

fn main() -> Result<(), Failure> {
    let mut models = Vec::new();
    let mut frames = 60;
    let mut distance = 2.6;
    let mut layers = 2;
    let mut culling = true;
    let mut given = std::env::args().skip(1);
    while let Some(argument) = given.next() {
        let mut value = || given.next().ok_or(format!("{argument} wants a value"));
        match argument.as_str() {
            "--frames" => frames = value()?.parse()?,
            "--distance" => distance = value()?.parse()?,
            "--layers" => layers = value()?.parse()?,
            "--no-culling" => culling = false,
            "--moving" => return measure_moving(frames),
            _ => models.push(argument),
        }
    }
    if models.is_empty() {
        models.push("builtin://Engine?triangles=200000".to_owned());
    }
    for name in models {
        measure(&name, frames, distance, layers, culling)?;
    }
    Ok(())
}

fn measure(name: &str, frames: usize, distance: f32, layers: u32, culling: bool) -> Result<(), Failure> {
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
                options: FrameOptions { occlusion_culling: culling, ..Default::default() },
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
    }
    Ok(())
}

/// Moves every hundredth part, another one each time.
fn measure_moving(frames: usize) -> Result<(), Failure> {
    let model = Arc::new(parts());
    let graphics = Graphics::open(&GraphicsOptions::default())?;
    let prepared = Prepared::from_model(&model, &PrepareOptions::for_adapter(graphics.adapter(), 2), &mut |_| {});
    let mut renderer = Renderer::new(graphics)?;
    let mut scene = Scene::new();
    renderer.add_model(scene.add_model(model).model, &prepared)?;
    renderer.synchronise(&mut scene)?;
    let entities: Vec<EntityId> = scene.instances().iter().map(|instance| instance.entity).collect();
    let bounds = scene.bounds();
    let mut picture = Picture::default();
    let (mut edits, mut writes, mut done) = (Vec::new(), Vec::new(), Vec::new());
    let mut written = Written::default();
    for index in 0..frames {
        let clock = Instant::now();
        for entity in entities.iter().skip(index % 100).step_by(100) {
            let local = scene.entity(*entity).ok_or("a part is gone")?.local;
            scene.set_local(*entity, local * DAffine3::from_translation(DVec3::Y * 0.01))?;
        }
        let edited = clock.elapsed();
        written = renderer.synchronise(&mut scene)?;
        edits.push(edited);
        writes.push(clock.elapsed() - edited);
        let camera = Camera {
            position: (bounds.center() + DVec3::Z * bounds.radius() * 2.6).as_vec3(),
            orientation: Quat::IDENTITY,
            vertical_field_of_view: 0.7,
            near: 0.1,
        };
        renderer.submit(&FrameRequest {
            serial: index as u64,
            camera,
            render_size: Size::new(640, 360),
            samples: Samples::One,
            blend_layers: 0,
            stream_size: STREAM,
            format: PictureFormat::I420,
            options: FrameOptions::default(),
        })?;
        done.push(renderer.receive(&mut picture)?.ok_or("no picture came back")?);
    }
    println!(
        "{} of {} parts moved: {} ms to edit the scene, {} ms to write {} bytes in {} pieces; then {} ms to select",
        written.instances,
        entities.len(),
        milliseconds(middle(edits, 0.5)),
        milliseconds(middle(writes, 0.5)),
        written.bytes,
        written.pieces,
        milliseconds(middle(done.iter().map(|frame| frame.timings.select).collect(), 0.5)),
    );
    Ok(())
}

/// 100,000 parts of one triangle in a lattice.
fn parts() -> Model {
    let place = |index: u32| DVec3::new(f64::from(index % 50), f64::from(index / 50 % 50), f64::from(index / 2500));
    let node =
        |index| Node { transform: DAffine3::from_translation(place(index)), mesh: Some(0), ..Default::default() };
    let triangle = Primitive {
        positions: vec![[0.0, 0.0, 0.0], [0.4, 0.0, 0.0], [0.0, 0.4, 0.0]],
        normals: vec![[0.0, 0.0, 1.0]; 3],
        indices: vec![0, 1, 2],
        ..Default::default()
    };
    Model {
        meshes: vec![Mesh { primitives: vec![triangle], ..Default::default() }],
        materials: vec![Material::default()],
        nodes: (0..100_000).map(node).collect(),
        ..Default::default()
    }
}

/// A hilly landscape as a scanner leaves it: strip by strip, neighbours close to each other.
fn landscape(count: usize) -> Model {
    const STRIP: usize = 8;
    let side = (count as f32).sqrt() as usize / STRIP * STRIP;
    let mut points = Points::default();
    for index in 0..side * side {
        let (strip, within) = (index / (STRIP * side), index % (STRIP * side));
        let (x, z) = ((within / STRIP) as f32 / side as f32, (strip * STRIP + within % STRIP) as f32 / side as f32);
        let height = ((x * 11.0).sin() + (z * 17.0).cos() + (x * z * 90.0).sin() * 0.2) * 0.05;
        points.positions.push([x * 100.0 - 50.0, height * 100.0, z * 100.0 - 50.0]);
        points.colors.push([(120.0 + height * 900.0) as u8, (140.0 + height * 500.0) as u8, (x * 200.0) as u8, 255]);
    }
    Model {
        meshes: vec![Mesh { points, ..Default::default() }],
        nodes: vec![Node { mesh: Some(0), ..Default::default() }],
        ..Default::default()
    }
}

fn load(name: &str) -> Result<Model, Failure> {
    if let Some(count) = name.strip_prefix("points:") {
        return Ok(landscape(count.parse()?));
    }
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

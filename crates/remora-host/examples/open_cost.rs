//! Measures how soon a model is shown: `open_cost FILE ...`. Opens each file as a host with a connected client does,
//! and prints the time for reading and decoding alone, to the first frame, and to a frame at full quality. Run it twice
//! for a file that the disk cache holds. A file that is not an asset is shown in a coarse form; its full form takes as
//! long as converting it.

use std::path::Path;
use std::time::{Duration, Instant};

use glam::{DVec3, Quat};
use remora_build::{BuildOptions, CoarseBuilder, Detail};
use remora_convert::Source;
use remora_import::LoadLimits;
use remora_render::{
    Camera, FrameOptions, FrameRequest, FrameSerial, Graphics, GraphicsOptions, PixelFormat, PrepareOptions,
    PreparedAsset, RenderedFrame, Renderer, RendererOptions, Samples, Size,
};
use remora_scene::Scene;

type Failure = Box<dyn std::error::Error>;

const STREAM: Size = Size::new(1280, 720);
/// The size with which the host begins on a software adapter.
const FIRST: Size = Size::new(640, 360);
/// The host's limits for the coarse form of a large model, and for small models.
const COARSE_PRIMITIVES: u64 = 300_000;
const COARSE_TEXTURES: u32 = 512;
const SMALL_PRIMITIVES: u64 = 50_000;
const PAGE_TIME_MAX: Duration = Duration::from_secs(10);

/// The option of a process that only decodes. In the measuring process memory would be allocated already.
const DECODE: &str = "--decode";

fn main() -> Result<(), Failure> {
    let mut paths = std::env::args().skip(1).peekable();
    if paths.next_if_eq(DECODE).is_some() {
        return paths.try_for_each(|path| decode(Path::new(&path)));
    }
    println!("| file | MiB | primitives | decoding alone ms | first frame ms | full quality ms | graphics MiB |");
    println!("|---|---|---|---|---|---|---|");
    paths.try_for_each(|path| open(Path::new(&path)))
}

fn open(path: &Path) -> Result<(), Failure> {
    let graphics = Graphics::open(&GraphicsOptions::default())?;
    let prepare = PrepareOptions::for_adapter(graphics.adapter());
    let mut renderer = Renderer::new(graphics, &RendererOptions::default())?;
    renderer.warm_up(Samples::One)?;
    let mut scene = Scene::new();
    let mut picture = RenderedFrame::default();
    // A frame of the empty scene, which a connected host has rendered.
    renderer.submit(&request(&scene, FIRST))?;
    renderer.receive(&mut picture)?.ok_or("no frame was received")?;
    let decoded = decoding_alone(path)?;

    let clock = Instant::now();
    let source = Source::open(path)?;
    // The model is kept, as the host keeps it to refine it.
    let (asset, model) = match source.asset()? {
        Some(asset) => (asset, None),
        None => {
            let early = CoarseBuilder::new(COARSE_PRIMITIVES, SMALL_PRIMITIVES);
            let model = source.model_into(&early, &LoadLimits::default(), &mut |_| {})?;
            let detail = Detail::Coarse { primitives_max: COARSE_PRIMITIVES };
            let options = BuildOptions { detail, texture_dimension_max: COARSE_TEXTURES, ..BuildOptions::default() };
            (early.finish(&model, &options, &|_| {}, &|| false)?, Some(model))
        }
    };
    let prepared = PreparedAsset::new(&asset, &prepare)?;
    let primitives = asset.triangle_count() + asset.point_count();
    renderer.add_model(scene.add_model(asset)?.model, &prepared)?;
    renderer.synchronise(&mut scene, DVec3::ZERO)?;
    renderer.submit(&request(&scene, FIRST))?;
    renderer.receive(&mut picture)?.ok_or("no frame was received")?;
    let first = clock.elapsed();
    let full = loop {
        renderer.submit(&request(&scene, STREAM))?;
        let done = renderer.receive(&mut picture)?.ok_or("no frame was received")?;
        if done.pages_missing == 0 || !renderer.await_pages(PAGE_TIME_MAX)? {
            break clock.elapsed();
        }
    };
    let milliseconds = |time: Duration| (time.as_secs_f64() * 1000.0).round();
    println!(
        "| {} | {} | {primitives} | {} | {} | {} | {} |",
        path.file_name().unwrap_or_default().display(),
        std::fs::metadata(path)?.len() >> 20,
        milliseconds(decoded),
        milliseconds(first),
        if model.is_none() { milliseconds(full).to_string() } else { "coarse".to_owned() },
        renderer.graphics_memory_bytes() >> 20,
    );
    Ok(())
}

/// Prints the seconds that it takes to read and decode the file, or to open an asset.
fn decode(path: &Path) -> Result<(), Failure> {
    let clock = Instant::now();
    let source = Source::open(path)?;
    let model = match source.asset()? {
        Some(_) => None,
        None => Some(source.model(&LoadLimits::default(), &mut |_| {})?),
    };
    println!("{}", clock.elapsed().as_secs_f64());
    drop(model);
    Ok(())
}

/// Runs [`decode`] in a process of its own.
fn decoding_alone(path: &Path) -> Result<Duration, Failure> {
    let done = std::process::Command::new(std::env::current_exe()?).arg(DECODE).arg(path).output()?;
    let seconds: f64 = String::from_utf8(done.stdout)?.trim().parse()?;
    Ok(Duration::from_secs_f64(seconds))
}

fn request(scene: &Scene, size: Size) -> FrameRequest {
    let (center, radius) = match scene.parts() {
        0 => (DVec3::ZERO, 1.0),
        _ => (scene.bounds().center(), scene.bounds().radius()),
    };
    FrameRequest {
        serial: FrameSerial(0),
        camera: Camera {
            position: center + DVec3::Z * radius * 2.6,
            orientation: Quat::IDENTITY,
            vertical_field_of_view: 0.7,
            near: radius as f32 * 1e-3,
        },
        render_size: size,
        samples: Samples::One,
        error_pixels: 1.0,
        blend_layers: 2,
        stream_size: STREAM,
        format: PixelFormat::I420,
        options: FrameOptions::default(),
    }
}

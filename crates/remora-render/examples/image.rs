//! Renders one image of a model: `image FILE.glb|FILE.arrAsset|CLOUD|builtin://Engine?triangles=N [--size 1280x720]
//! [--samples 4] [--yaw DEGREES] [--pitch DEGREES] [--distance RADII] [--error PIXELS] [--copies N] [--coarse
//! PRIMITIVES] [-o out.png]`. Copies stand in a square. A coarse model is the form that a host shows until it has built
//! the full one.

use std::time::Duration;

use glam::{DAffine3, DVec3, Quat, Vec3};
use remora_asset::Asset;
use remora_build::{BuildOptions, Detail, build_asset};
use remora_import::Input;
use remora_model::Model;
use remora_render::{
    BLEND_LAYERS_MAX, Camera, FrameOptions, FrameRequest, FrameSerial, Graphics, GraphicsOptions, PixelFormat,
    PrepareOptions, PreparedAsset, RenderedFrame, Renderer, RendererOptions, Samples, Size,
};
use remora_scene::Scene;

type Failure = Box<dyn std::error::Error>;

const PAGE_TIME_MAX: Duration = Duration::from_secs(10);

struct Arguments {
    model: String,
    size: Size,
    samples: Samples,
    yaw: f32,
    pitch: f32,
    distance: f32,
    error: f32,
    copies: u32,
    detail: Detail,
    output: String,
}

fn main() -> Result<(), Failure> {
    let arguments = arguments()?;
    let asset = load(&arguments.model, arguments.detail)?;
    let graphics = Graphics::open(&GraphicsOptions::default())?;
    let prepared = PreparedAsset::new(&asset, &PrepareOptions::for_adapter(graphics.adapter()))?;
    let mut renderer = Renderer::new(graphics, &RendererOptions::default())?;
    let clock = std::time::Instant::now();
    renderer.warm_up(arguments.samples)?;
    let warmed_up = clock.elapsed();
    let mut scene = Scene::new();
    let side = f64::from(arguments.copies).sqrt().ceil() as u32;
    let mut apart = 0.0;
    for copy in 0..arguments.copies {
        let added = scene.add_model(asset.clone())?;
        renderer.add_model(added.model, &prepared)?;
        if copy == 0 {
            apart = scene.bounds().radius() * 1.5;
        }
        let place = DVec3::new(f64::from(copy % side), 0.0, f64::from(copy / side)) * apart;
        scene.set_local(added.root, DAffine3::from_translation(place))?;
    }
    let bounds = scene.bounds();
    let orientation =
        Quat::from_rotation_y(arguments.yaw.to_radians()) * Quat::from_rotation_x(-arguments.pitch.to_radians());
    let eye = bounds.center() + (orientation * Vec3::Z).as_dvec3() * bounds.radius() * f64::from(arguments.distance);
    renderer.synchronise(&mut scene, eye)?;

    let request = FrameRequest {
        serial: FrameSerial(0),
        camera: Camera {
            position: eye,
            orientation,
            vertical_field_of_view: 0.7,
            near: (bounds.radius() as f32 * 1e-3).max(1e-4),
        },
        render_size: arguments.size,
        samples: arguments.samples,
        error_pixels: arguments.error,
        blend_layers: BLEND_LAYERS_MAX,
        stream_size: arguments.size,
        format: PixelFormat::Rgba,
        options: FrameOptions::default(),
    };
    let mut frame = RenderedFrame::default();
    let done = loop {
        renderer.submit(&request)?;
        let done = renderer.receive(&mut frame)?.ok_or("no frame came back")?;
        if done.pages_missing == 0 || !renderer.await_pages(PAGE_TIME_MAX)? {
            break done;
        }
    };
    println!(
        "{}: {} copies of {} triangles, {} drawn in {} clusters, {} MiB of graphics memory, warm after {} ms, {:?}",
        renderer.graphics().adapter(),
        arguments.copies,
        asset.triangle_count(),
        done.triangles_drawn,
        done.clusters_drawn,
        renderer.graphics_memory_bytes() >> 20,
        warmed_up.as_millis(),
        done.timings
    );
    image::save_buffer(&arguments.output, &frame.data, frame.width, frame.height, image::ColorType::Rgba8)?;
    Ok(())
}

fn load(name: &str, detail: Detail) -> Result<Asset, Failure> {
    if name.ends_with(".arrAsset") {
        return Ok(Asset::from_bytes(&std::fs::read(name)?)?);
    }
    let options = BuildOptions { detail, ..BuildOptions::default() };
    Ok(build_asset(&import(name)?, &options, &|_| {}, &|| false)?)
}

fn import(name: &str) -> Result<Model, Failure> {
    if name.starts_with("builtin:") {
        let remora_engine::Builtin::Engine(detail) = remora_engine::parse_builtin(name)?;
        return Ok(remora_engine::build(detail));
    }
    Ok(remora_import::import(Input::new(&std::fs::read(name)?, name, &mut |_| {}))?)
}

fn arguments() -> Result<Arguments, Failure> {
    let mut parsed = Arguments {
        model: String::new(),
        size: Size::new(1280, 720),
        samples: Samples::Four,
        yaw: 30.0,
        pitch: 20.0,
        distance: 2.6,
        error: 1.0,
        copies: 1,
        detail: Detail::Full,
        output: "image.png".into(),
    };
    let mut given = std::env::args().skip(1);
    while let Some(argument) = given.next() {
        let mut value = || given.next().ok_or(format!("{argument} requires a value"));
        match argument.as_str() {
            "--size" => {
                let value = value()?;
                let (width, height) = value.split_once('x').ok_or("a size is written as 1280x720")?;
                parsed.size = Size::new(width.parse()?, height.parse()?);
            }
            "--samples" => {
                parsed.samples = match value()?.as_str() {
                    "1" => Samples::One,
                    "4" => Samples::Four,
                    _ => return Err("there can be 1 or 4 samples".into()),
                }
            }
            "--yaw" => parsed.yaw = value()?.parse()?,
            "--pitch" => parsed.pitch = value()?.parse()?,
            "--distance" => parsed.distance = value()?.parse()?,
            "--error" => parsed.error = value()?.parse()?,
            "--copies" => parsed.copies = value()?.parse()?,
            "--coarse" => parsed.detail = Detail::Coarse { primitives_max: value()?.parse()? },
            "-o" => parsed.output = value()?,
            _ => parsed.model = argument,
        }
    }
    if parsed.model.is_empty() {
        return Err("which model? a GLB file, a point cloud, or builtin://Engine?triangles=N".into());
    }
    Ok(parsed)
}

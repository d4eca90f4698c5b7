//! Draws one picture of a model: `picture FILE.glb|builtin://Engine?triangles=N [--size 1280x720] [--samples 4]
//! [--yaw DEGREES] [--pitch DEGREES] [--distance RADII] [-o out.png]`

use std::sync::Arc;

use glam::{Quat, Vec3};
use remora_assets::{LoadLimits, Model, engine, load_glb};
use remora_render::{
    BLEND_LAYERS_MAX, Camera, FrameOptions, FrameRequest, Graphics, GraphicsOptions, Picture, PictureFormat,
    PrepareOptions, Prepared, Renderer, Samples, Size,
};
use remora_scene::Scene;

type Failure = Box<dyn std::error::Error>;

struct Arguments {
    model: String,
    size: Size,
    samples: Samples,
    yaw: f32,
    pitch: f32,
    distance: f32,
    output: String,
}

fn main() -> Result<(), Failure> {
    let arguments = arguments()?;
    let model = Arc::new(load(&arguments.model)?);
    let graphics = Graphics::open(&GraphicsOptions::default())?;
    let options = PrepareOptions::for_adapter(graphics.adapter(), 2);
    let prepared = Prepared::from_model(&model, &options, &mut |_| {});
    let mut renderer = Renderer::new(graphics)?;
    let clock = std::time::Instant::now();
    renderer.warm_up(arguments.samples)?;
    let warmed_up = clock.elapsed();
    let mut scene = Scene::new();
    let added = scene.add_model(model.clone());
    renderer.add_model(added.model, &prepared)?;
    renderer.synchronise(&mut scene)?;

    let bounds = scene.bounds();
    let (center, radius) = (bounds.center().as_vec3(), bounds.radius() as f32);
    let orientation =
        Quat::from_rotation_y(arguments.yaw.to_radians()) * Quat::from_rotation_x(-arguments.pitch.to_radians());
    let distance = radius * arguments.distance;
    renderer.submit(&FrameRequest {
        serial: 0,
        camera: Camera {
            position: center + orientation * Vec3::Z * distance,
            orientation,
            vertical_field_of_view: 0.7,
            near: (radius * 1e-3).max(1e-4),
        },
        render_size: arguments.size,
        samples: arguments.samples,
        blend_layers: BLEND_LAYERS_MAX,
        stream_size: arguments.size,
        format: PictureFormat::Rgba,
        options: FrameOptions::default(),
    })?;
    let mut picture = Picture::default();
    let done = renderer.receive(&mut picture)?.ok_or("no picture came back")?;
    println!(
        "{}: {} triangles, {} drawn in {} clusters, {} MiB of graphics memory, warm after {} ms, {:?}",
        renderer.graphics().adapter(),
        model.triangles(),
        done.triangles_drawn,
        done.clusters_drawn,
        renderer.graphics_memory_bytes() >> 20,
        warmed_up.as_millis(),
        done.timings
    );
    image::save_buffer(&arguments.output, &picture.data, picture.width, picture.height, image::ColorType::Rgba8)?;
    Ok(())
}

fn load(name: &str) -> Result<Model, Failure> {
    if name.starts_with("builtin:") {
        let engine::Builtin::Engine(detail) = engine::parse_builtin(name)?;
        return Ok(engine::build(detail));
    }
    Ok(load_glb(&std::fs::read(name)?, name, &LoadLimits::default(), &mut |_| {})?)
}

fn arguments() -> Result<Arguments, Failure> {
    let mut parsed = Arguments {
        model: String::new(),
        size: Size::new(1280, 720),
        samples: Samples::Four,
        yaw: 30.0,
        pitch: 20.0,
        distance: 2.6,
        output: "picture.png".into(),
    };
    let mut given = std::env::args().skip(1);
    while let Some(argument) = given.next() {
        let mut value = || given.next().ok_or(format!("{argument} wants a value"));
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
            "-o" => parsed.output = value()?,
            _ => parsed.model = argument,
        }
    }
    if parsed.model.is_empty() {
        return Err("which model? a GLB file, or builtin://Engine?triangles=N".into());
    }
    Ok(parsed)
}

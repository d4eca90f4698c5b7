//! Measures the cost of ray casts into the built-in engine.
//!
//!     cargo run -p remora-scene --example ray_cost [-- TRIANGLES]

use std::time::Instant;

use glam::DVec3;
use remora_build::{BuildOptions, build_asset};
use remora_engine::{EngineDetail, build};
use remora_scene::Scene;

const RAYS: usize = 2000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let triangles = std::env::args().nth(1).map_or(Ok(EngineDetail::TRIANGLES_MAX), |argument| argument.parse())?;
    let mut scene = Scene::new();
    let start = Instant::now();
    let asset = build_asset(&build(EngineDetail { triangles }), &BuildOptions::default(), &|_| {}, &|| false)?;
    scene.add_model(asset)?;
    println!("{} triangles in {} parts, built in {:?}", scene.triangles(), scene.parts(), start.elapsed());

    let bounds = scene.bounds();
    let mut costs = Vec::with_capacity(RAYS);
    let mut hits = 0;
    for index in 0..RAYS {
        // The golden angle spreads the origins over a sphere. The targets lie near the middle of the engine.
        let height = 1.0 - 2.0 * (index as f64 + 0.5) / RAYS as f64;
        let (sine, cosine) = (index as f64 * 2.399_963).sin_cos();
        let around = (1.0 - height * height).sqrt();
        let origin = bounds.center() + DVec3::new(around * sine, height, around * cosine) * bounds.radius() * 2.0;
        let target = bounds.center() + DVec3::new(cosine, sine, -sine) * bounds.radius() * 0.4;
        let start = Instant::now();
        hits += usize::from(scene.cast_ray(origin, (target - origin).as_vec3()).is_some());
        costs.push(start.elapsed());
    }
    println!("first {:?}", costs[0]);
    costs.sort();
    println!("median {:?}, p95 {:?}, slowest {:?}", costs[RAYS / 2], costs[RAYS * 95 / 100], costs[RAYS - 1]);
    println!("{hits} of {RAYS} rays hit");
    Ok(())
}

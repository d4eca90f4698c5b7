//! Measures the cost of ray casts: into the built-in engine, and among many parts that stand or move.
//!
//!     cargo run -p remora-scene --example ray_cost [-- TRIANGLES [PARTS]]

use std::time::{Duration, Instant};

use glam::{DAffine3, DVec3, Vec3};
use remora_build::{BuildOptions, build_asset};
use remora_engine::{EngineDetail, build};
use remora_model::{Material, Mesh, Model, Node, Primitive};
use remora_scene::{EntityId, HITS_MAX, HitPolicy, Scene};

const RAYS: usize = 2000;
const MOVED: usize = 1000;
const ROUNDS: usize = 40;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let triangles = arguments.next().map_or(Ok(EngineDetail::TRIANGLES_MAX), |argument| argument.parse())?;
    let parts = arguments.next().map_or(Ok(100_000), |argument| argument.parse())?;
    let mut scene = Scene::new();
    scene.add_model(build_asset(&build(EngineDetail { triangles }), &BuildOptions::default(), &|_| {}, &|| false)?)?;
    println!("engine of {} triangles in {} parts", scene.triangles(), scene.parts());
    cast(&mut scene);

    let mut scene = Scene::new();
    let model = lattice(parts);
    let root = scene.add_model(build_asset(&model, &BuildOptions::default(), &|_| {}, &|| false)?)?.root;
    println!("lattice of {} parts", scene.parts());
    cast(&mut scene);
    let bounds = scene.bounds();
    for count in [MOVED.min(parts), parts] {
        let (mut edits, mut first, mut next) = (Vec::new(), Vec::new(), Vec::new());
        for round in 0..ROUNDS {
            // Other parts each time, each a few places further.
            let moves: Vec<(EntityId, DAffine3)> = (0..count)
                .map(|index| {
                    let at = (index * 97 + round * MOVED) % parts;
                    let by = DAffine3::from_translation(DVec3::new(7.0, -3.0, 5.0 + round as f64));
                    (EntityId(root.0 + 1 + at as u64), by * model.nodes[at].transform)
                })
                .collect();
            let start = Instant::now();
            scene.set_locals(&moves)?;
            edits.push(start.elapsed());
            first.push(timed(&mut scene, bounds.center(), bounds.radius(), round).0);
            next.push(timed(&mut scene, bounds.center(), bounds.radius(), round).0);
        }
        println!("  move {count} and cast, {ROUNDS} times");
        report("the move", edits);
        report("the ray after it", first);
        report("the next ray", next);
    }
    Ok(())
}

/// Octahedra in a cube, two metres apart.
fn lattice(parts: usize) -> Model {
    let corners = [DVec3::X, DVec3::NEG_X, DVec3::Y, DVec3::NEG_Y, DVec3::Z, DVec3::NEG_Z];
    let faces = [0, 2, 4, 2, 1, 4, 1, 3, 4, 3, 0, 4, 2, 0, 5, 1, 2, 5, 3, 1, 5, 0, 3, 5];
    let primitive = Primitive {
        positions: corners.iter().map(|corner| (corner * 0.5).as_vec3().into()).collect(),
        normals: corners.iter().map(|corner| corner.as_vec3().into()).collect(),
        indices: faces.to_vec(),
        ..Primitive::default()
    };
    let side = ((parts as f64).cbrt().ceil() as usize).max(1);
    let at =
        |index: usize| DVec3::new((index % side) as f64, (index / side % side) as f64, (index / side / side) as f64);
    let node =
        |index| Node { mesh: Some(0), transform: DAffine3::from_translation(at(index) * 2.0), ..Node::default() };
    Model {
        nodes: (0..parts).map(node).collect(),
        meshes: vec![Mesh { primitives: vec![primitive], ..Mesh::default() }],
        materials: vec![Material::default()],
        ..Model::default()
    }
}

fn cast(scene: &mut Scene) {
    let bounds = scene.bounds();
    let cast: Vec<(Duration, bool)> =
        (0..RAYS).map(|index| timed(scene, bounds.center(), bounds.radius(), index)).collect();
    println!("  {} of {RAYS} rays hit, the first in {:.2?}", cast.iter().filter(|(_, hit)| *hit).count(), cast[0].0);
    report("a ray", cast.into_iter().map(|(cost, _)| cost).collect());
    for (name, policy) in [("for all its hits", HitPolicy::AllByDistance(HITS_MAX)), ("for any hit", HitPolicy::Any)] {
        let cast = |index| {
            let (origin, direction) = ray(bounds.center(), bounds.radius(), index);
            let start = Instant::now();
            std::hint::black_box(scene.cast_ray_for(origin, direction, policy));
            start.elapsed()
        };
        report(name, (0..RAYS).map(cast).collect());
    }
}

/// Casts a ray for its nearest hit, and returns its time and whether it hit.
fn timed(scene: &mut Scene, center: DVec3, radius: f64, index: usize) -> (Duration, bool) {
    let (origin, direction) = ray(center, radius, index);
    let start = Instant::now();
    let hit = scene.cast_ray(origin, direction).is_some();
    (start.elapsed(), hit)
}

/// Returns a ray from outside to near the middle.
fn ray(center: DVec3, radius: f64, index: usize) -> (DVec3, Vec3) {
    // The golden angle spreads the origins over a sphere.
    let height = 1.0 - 2.0 * (index as f64 + 0.5) / RAYS as f64;
    let (sine, cosine) = (index as f64 * 2.399_963).sin_cos();
    let around = (1.0 - height * height).sqrt();
    let origin = center + DVec3::new(around * sine, height, around * cosine) * radius * 2.0;
    let target = center + DVec3::new(cosine, sine, -sine) * radius * 0.4;
    (origin, (target - origin).as_vec3())
}

fn report(name: &str, mut costs: Vec<Duration>) {
    let mean = costs.iter().sum::<Duration>() / costs.len() as u32;
    costs.sort();
    let at = |part: usize| costs[(costs.len() * part / 100).min(costs.len() - 1)];
    println!("  {name:<17} median {:.2?}, p95 {:.2?}, slowest {:.2?}, mean {mean:.2?}", at(50), at(95), at(100));
}

//! Measures the cost of structural edits in a scene of many parts, with the report to the renderer.
//!
//!     cargo run -p remora-scene --example scene_cost [-- PARTS]

use std::time::{Duration, Instant};

use remora_build::{BuildOptions, build_asset};
use remora_model::{Material, Mesh, Model, Node, Primitive};
use remora_scene::{Changes, EditError, EntityId, NewEntity, Scene};

const ROUNDS: u64 = 1000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let parts = std::env::args().nth(1).map_or(Ok(100_000), |argument| argument.parse())?;
    let primitive = Primitive {
        positions: vec![[0.0; 3], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]],
        normals: vec![[0.0, 0.0, 1.0]; 3],
        indices: vec![0, 1, 2],
        ..Primitive::default()
    };
    let model = |parts: usize| Model {
        nodes: vec![Node { mesh: Some(0), ..Node::default() }; parts],
        meshes: vec![Mesh { primitives: vec![primitive.clone()], ..Mesh::default() }],
        materials: vec![Material::default()],
        ..Model::default()
    };
    let build = |parts| build_asset(&model(parts), &BuildOptions::default(), &|_| {}, &|| false);
    let (large, small) = (build(parts)?, build(1)?);
    let mut scene = Scene::new();
    let root = scene.add_model(large)?.root;
    scene.take_changes();

    println!("{parts} parts           median       slowest");
    let client = |round| EntityId(EntityId::CLIENT_FIRST.0 + round);
    report("create an entity", |round| {
        scene.create(NewEntity { parent: Some(root), ..NewEntity::new(client(round)) }).map(|()| scene.take_changes())
    })?;
    report("move to a parent", |round| {
        let part = EntityId(root.0 + 1 + round);
        scene.set_parent(part, Some(client(round))).map(|()| scene.take_changes())
    })?;
    report("destroy with a part", |round| scene.destroy(client(round)).map(|_| scene.take_changes()))?;
    let mut added = Vec::new();
    report("add a model of one part", |_| {
        added.push(scene.add_model(small.clone())?.root);
        Ok(scene.take_changes())
    })?;
    report("unload that model", |round| scene.unload_model(added[round as usize]).map(|_| scene.take_changes()))?;
    Ok(())
}

/// Prints the median and the largest time of many rounds of an edit.
fn report(name: &str, mut edit: impl FnMut(u64) -> Result<Changes, EditError>) -> Result<(), EditError> {
    let mut costs: Vec<Duration> = Vec::new();
    for round in 0..ROUNDS {
        let start = Instant::now();
        edit(round)?;
        costs.push(start.elapsed());
    }
    costs.sort();
    println!("{name:<24} {:>10.2?} {:>13.2?}", costs[costs.len() / 2], costs[costs.len() - 1]);
    Ok(())
}

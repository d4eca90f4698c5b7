//! Scenes of `frame_cost`: files, the built-in engine, and generated models.

use glam::{DAffine3, DVec3, Vec3};
use remora_asset::Asset;
use remora_import::{Input, LoadLimits};
use remora_model::{Material, Mesh, Model, Node, Points, Primitive, Sampler, Texture, TextureReference};

use crate::ball::sphere;
use crate::{Failure, built};

/// Returns copies of a model, in a square.
pub(crate) fn load(name: &str, instances: u32) -> Result<Asset, Failure> {
    if name.ends_with(".arrAsset") {
        return Ok(Asset::from_bytes(&std::fs::read(name)?)?);
    }
    let mut model = import(name)?;
    let (count, nodes) = (model.nodes.len() as u32, model.nodes.clone());
    let apart = model.bounds().radius() * 2.0;
    let side = f64::from(instances).sqrt().ceil() as u32;
    for copy in 1..instances {
        let place = DVec3::new(f64::from(copy % side), 0.0, f64::from(copy / side)) * apart;
        model.nodes.extend(nodes.iter().cloned().map(|node| match node.parent {
            Some(parent) => Node { parent: Some(parent + copy * count), ..node },
            None => Node { transform: DAffine3::from_translation(place) * node.transform, ..node },
        }));
    }
    built(&model)
}

fn import(name: &str) -> Result<Model, Failure> {
    if let Some(sizes) = name.strip_prefix("sheets:") {
        let (count, triangles) = sizes.split_once(':').unwrap_or((sizes, "1000000"));
        return Ok(sheets(count.parse()?, triangles.parse()?));
    }
    if let Some(count) = name.strip_prefix("points:") {
        return Ok(landscape(count.parse()?));
    }
    if let Some(count) = name.strip_prefix("textured:") {
        return Ok(textured(count.parse()?));
    }
    if name.starts_with("builtin:") {
        let remora_engine::Builtin::Engine(detail) = remora_engine::parse_builtin(name)?;
        return Ok(remora_engine::build(detail));
    }
    let limits = LoadLimits { texture_dimension_max: 1024, ..LoadLimits::default() };
    Ok(remora_import::import(Input { limits, ..Input::new(&std::fs::read(name)?, name, &mut |_| {}) })?)
}

/// Returns 100,000 parts of one triangle in a lattice.
pub(crate) fn lattice() -> Model {
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

/// Returns a hilly landscape in the order of a scanner: strip by strip, neighbours close to each other.
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

/// Returns different landscapes side by side. With 10,000 triangles a landscape deviates from its waves by less than a
/// centimetre, which is far less than a pixel of a frame that shows a hundred of them, so more triangles look the same.
fn sheets(count: u32, triangles: u32) -> Model {
    let side = (f64::from(triangles) / 2.0).sqrt().ceil() as u32;
    let across = f64::from(count).sqrt().ceil() as u32;
    let sheet = |number: u32| {
        let mut primitive = Primitive::default();
        let phase = number as f32 * 0.7;
        for row in 0..=side {
            for column in 0..=side {
                let (x, z) = (column as f32 / side as f32, row as f32 / side as f32);
                let (a, b) = (x * 40.0 + phase, z * 33.0 - phase);
                primitive.positions.push([x * 10.0, a.sin() * b.cos() * 0.15, z * 10.0]);
                let slope = [a.cos() * b.cos() * 0.6, -a.sin() * b.sin() * 0.5];
                primitive.normals.push(Vec3::new(-slope[0], 1.0, -slope[1]).normalize().into());
            }
        }
        for row in 0..side {
            for column in 0..side {
                let a = row * (side + 1) + column;
                primitive.indices.extend([a, a + side + 1, a + 1, a + 1, a + side + 1, a + side + 2]);
            }
        }
        Mesh { primitives: vec![primitive], ..Default::default() }
    };
    let place = |number: u32| DVec3::new(f64::from(number % across), 0.0, f64::from(number / across)) * 10.0;
    Model {
        meshes: (0..count).map(sheet).collect(),
        materials: vec![Material { metallic: 0.0, roughness: 0.7, ..Default::default() }],
        nodes: (0..count)
            .map(|number| Node {
                transform: DAffine3::from_translation(place(number)),
                mesh: Some(number),
                ..Default::default()
            })
            .collect(),
        ..Default::default()
    }
}

/// Returns balls of 2,000 triangles in a square. Each has its own textures for colour, and for bumps with roughness.
fn textured(count: u32) -> Model {
    const SIDE: u32 = 256;
    let across = f64::from(count).sqrt().ceil() as u32;
    let mut model = Model { meshes: vec![], ..Default::default() };
    for number in 0..count {
        let texture = |srgb: bool, texel: &dyn Fn(u32, u32) -> [u8; 4]| Texture {
            name: String::new(),
            width: SIDE,
            height: SIDE,
            rgba: (0..SIDE * SIDE).flat_map(|index| texel(index % SIDE, index / SIDE)).collect(),
            srgb,
            sampler: Sampler::default(),
        };
        let color = texture(true, &|x, y| {
            let tile = (x / 32 + y / 32 + number) % 2 * 90;
            [(number * 37 % 160) as u8 + tile as u8, (x / 2) as u8 + 60, (y / 2) as u8 + tile as u8, 255]
        });
        let bumps = texture(false, &|x, y| {
            let slope = |place: u32| (128.0 + 40.0 * (place as f32 * 0.2).sin()) as u8;
            [slope(x), slope(y), 250, 255]
        });
        let rough = texture(false, &|x, _| [255, 80 + (x / 2) as u8, (number % 2 * 255) as u8, 255]);
        let first = model.textures.len() as u32;
        model.textures.extend([color, bumps, rough]);
        model.materials.push(Material {
            base_color_texture: Some(TextureReference::new(first)),
            normal_texture: Some(TextureReference::new(first + 1)),
            metallic_roughness_texture: Some(TextureReference::new(first + 2)),
            ..Default::default()
        });
        model
            .meshes
            .push(Mesh { primitives: vec![Primitive { material: number, ..sphere(25, 40) }], ..Default::default() });
        let place = DVec3::new(f64::from(number % across), f64::from(number / across), 0.0) * 2.2;
        let transform = DAffine3::from_translation(place);
        model.nodes.push(Node { transform, mesh: Some(number), ..Default::default() });
    }
    model
}

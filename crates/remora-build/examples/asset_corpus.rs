//! Writes the corpus of the fuzz target `asset`: small containers, sound and damaged.
//!
//!     cargo run -p remora-build --example asset_corpus -- fuzz/corpus/asset

use std::io::Cursor;
use std::path::Path;

use remora_asset::Asset;
use remora_build::{BuildOptions, Detail, build_into};
use remora_model::{AlphaMode, Material, Mesh, MetadataValue, Model, Node, Points, Texture, TextureReference};

#[path = "../tests/sheet/mod.rs"]
mod sheet;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let directory = std::env::args().nth(1).ok_or("the first argument is the directory to write to")?;
    let whole = bytes(&shown(sheet(5, 0)), &BuildOptions::default())?;
    let levels = bytes(&shown(sheet(18, 0)), &BuildOptions::default())?;
    let first_page = Asset::from_bytes(&whole)?.pages()[0];
    let altered = |at: usize, value: u8| {
        let mut bytes = whole.clone();
        bytes[at] = value;
        bytes
    };
    let inputs = [
        whole.clone(),
        levels.clone(),
        bytes(&shown(cloud(40)), &BuildOptions::default())?,
        bytes(&shown(cloud(1100)), &BuildOptions::default())?,
        bytes(&textured(), &BuildOptions::default())?,
        bytes(&textured(), &BuildOptions { compress_textures: true, ..Default::default() })?,
        bytes(&described(), &BuildOptions { source: "glTF".into(), ..Default::default() })?,
        bytes(
            &shown(sheet(12, 0)),
            &BuildOptions { detail: Detail::Coarse { primitives_max: 80 }, ..Default::default() },
        )?,
        bytes(&both(), &BuildOptions::default())?,
        bytes(&Model { materials: vec![Material::default()], ..Default::default() }, &BuildOptions::default())?,
        whole[..whole.len() / 2].to_vec(),
        whole[..64].to_vec(),
        // A newer version; then damage in a page, in the table and in the header.
        altered(8, 2),
        altered(first_page.offset as usize + 3, 0xff),
        altered(whole.len() - 20, 0xff),
        altered(12, 0xff),
        levels[..levels.len() - 32].to_vec(),
        b"\x93ARRA\r\n\x1a".to_vec(),
    ];
    for (number, input) in inputs.iter().enumerate() {
        std::fs::write(Path::new(&directory).join(format!("{number:02}")), input)?;
        println!("{number:02} {:>6} bytes", input.len());
    }
    Ok(())
}

fn bytes(model: &Model, options: &BuildOptions) -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    let mut bytes = Vec::new();
    build_into(model, options, &|_| {}, &|| false, Cursor::new(&mut bytes))?;
    Ok(bytes)
}

/// Returns a model of one node that shows the mesh.
fn shown(mesh: Mesh) -> Model {
    Model {
        name: "Sample".into(),
        nodes: vec![Node { name: "Part".into(), mesh: Some(0), ..Default::default() }],
        meshes: vec![mesh],
        materials: vec![Material::default()],
        ..Model::default()
    }
}

/// Returns a bumpy square of `side * side * 2` triangles.
fn sheet(side: u32, material: u32) -> Mesh {
    let mut primitive = sheet::part(side, 0..side, material);
    primitive.texture_coordinates = primitive.positions.iter().map(|[x, _, z]| [*x, *z]).collect();
    Mesh { name: "Sheet".into(), primitives: vec![primitive], ..Default::default() }
}

fn cloud(points: u32) -> Mesh {
    let position = |i: u32| [(i % 17) as f32, (i % 13) as f32, (i % 11) as f32];
    let points = Points {
        positions: (0..points).map(position).collect(),
        colors: (0..points).map(|i| [i as u8, 90, 200, 255]).collect(),
    };
    Mesh { name: "Cloud".into(), points, ..Default::default() }
}

fn both() -> Model {
    let Mesh { points, .. } = cloud(200);
    shown(Mesh { points, ..sheet(9, 0) })
}

fn textured() -> Model {
    let texture = |srgb| Texture {
        name: "Checks".into(),
        width: 16,
        height: 16,
        rgba: (0..256_u32).flat_map(|i| [if (i + i / 16) % 2 == 0 { 255 } else { 20 }, 80, i as u8, 200]).collect(),
        srgb,
        sampler: Default::default(),
    };
    let cloth = Material {
        name: "Cloth".into(),
        base_color_texture: Some(TextureReference::new(0)),
        normal_texture: Some(TextureReference { transform: [[2.0, 0.0, 0.5], [0.0, 2.0, 0.0]], texture: 1 }),
        emissive_texture: Some(TextureReference::new(0)),
        alpha_mode: AlphaMode::Mask { cutoff: 0.5 },
        ..Default::default()
    };
    Model {
        materials: vec![Material::default(), cloth],
        textures: vec![texture(true), texture(false)],
        ..shown(sheet(4, 1))
    }
}

/// Returns a chain of nodes with every kind of metadata; two of them show the same mesh.
fn described() -> Model {
    let metadata = vec![
        ("part".into(), MetadataValue::Text("A-113 ⌂".into())),
        ("count".into(), MetadataValue::Integer(-7)),
        ("weight".into(), MetadataValue::Double(1.5)),
        ("visible".into(), MetadataValue::Bool(true)),
        ("big".into(), MetadataValue::Unsigned(u64::MAX)),
    ];
    let part = |parent| Node { name: "Part".into(), parent: Some(parent), mesh: Some(0), ..Default::default() };
    Model {
        nodes: vec![Node { name: "Top ⌂".into(), metadata, ..Default::default() }, part(0), part(1)],
        ..shown(sheet(2, 0))
    }
}

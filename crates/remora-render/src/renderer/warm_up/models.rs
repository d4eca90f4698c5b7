//! The models from which the files of the warm-up are made. Only tests need them, so that the renderer knows nothing of
//! how assets are built.

use std::path::Path;

use glam::{DAffine3, DQuat, DVec3};
use remora_build::{BuildOptions, build_into};
use remora_model::{AlphaMode, Material, Mesh, Model, Node, Points, Primitive, Texture, TextureReference};

use super::{KINDS, PANES};
use crate::passes::occlusion::CLUSTERS_MIN;

/// Enough hidden instances to make culling worthwhile.
const HIDDEN: usize = CLUSTERS_MIN as usize;

/// Returns triangles of each kind, large and small, and points. On the left, one triangle hides many others.
pub(crate) fn kinds() -> Model {
    let texture = Texture {
        name: String::new(),
        width: 1,
        height: 1,
        rgba: vec![255; 4],
        srgb: true,
        sampler: Default::default(),
    };
    let textured = Material { base_color_texture: Some(TextureReference::new(0)), ..Default::default() };
    let blend = AlphaMode::Blend;
    let materials = vec![
        Material::default(),
        textured.clone(),
        Material { emissive_texture: Some(TextureReference::new(0)), ..textured.clone() },
        Material { alpha_mode: blend, ..Default::default() },
        Material { alpha_mode: blend, ..textured },
    ];
    let mesh = |material| Mesh {
        primitives: vec![Primitive {
            material,
            positions: vec![[-1.0, -1.0, 0.0], [1.0, -1.0, 0.0], [0.0, 1.0, 0.0]],
            normals: vec![[0.0, 0.0, 1.0]; 3],
            texture_coordinates: vec![[0.0; 2]; 3],
            indices: vec![0, 1, 2],
            ..Default::default()
        }],
        ..Default::default()
    };
    let mut meshes: Vec<Mesh> = (0..materials.len() as u32).map(mesh).collect();
    let node = |mesh: u32, place: DVec3, scale: f64| Node {
        transform: DAffine3::from_scale_rotation_translation(DVec3::splat(scale), DQuat::IDENTITY, place),
        mesh: Some(mesh),
        ..Default::default()
    };
    let mut nodes: Vec<Node> = (0..meshes.len() as u32)
        .flat_map(|mesh| {
            // Transparent surfaces lie in front.
            let before = f64::from(mesh) * 0.1;
            [DVec3::new(0.5, 0.0, before - 2.0), DVec3::new(20.0, 0.0, before - 80.0)]
                .map(|place| node(mesh, place, 1.0))
        })
        .collect();
    let positions: Vec<[f32; 3]> = (0..8).map(|point| [point as f32 * 0.1, 0.8, 0.0]).collect();
    let points = Points { colors: vec![[255; 4]; positions.len()], positions };
    meshes.push(Mesh { points, ..Default::default() });
    nodes.push(node(meshes.len() as u32 - 1, DVec3::new(0.0, 0.0, -2.0), 1.0));
    nodes.push(node(0, DVec3::new(-1.0, 0.0, -1.5), 1.0));
    nodes.extend((0..HIDDEN).map(|_| node(0, DVec3::new(-2.0, -0.5, -3.0), 0.1)));
    Model { nodes, meshes, materials, textures: vec![texture], ..Model::default() }
}

/// Returns large triangles at all angles and depths, many behind one another, like a building seen from inside.
fn panes() -> Model {
    const PANES: u32 = 200;
    let pane = Primitive {
        positions: vec![[-1.0, -1.0, 0.0], [1.0, -1.0, 0.0], [0.0, 1.0, 0.0]],
        normals: vec![[0.0, 0.0, 1.0]; 3],
        indices: vec![0, 1, 2],
        ..Default::default()
    };
    let node = |number: u32| {
        // Steps that fill the unit interval evenly.
        let step = |stride: f64| (f64::from(number) * stride).fract();
        let place = DVec3::new(step(0.618) * 4.0 - 2.0, step(0.755) * 2.0 - 1.0, -2.0 - 4.0 * step(0.569));
        let turned = DQuat::from_euler(glam::EulerRot::XYZ, step(0.382) - 0.5, step(0.245) - 0.5, step(0.431) * 6.0);
        let transform = DAffine3::from_scale_rotation_translation(DVec3::splat(1.0), turned, place);
        Node { transform, mesh: Some(0), ..Default::default() }
    };
    Model {
        meshes: vec![Mesh { primitives: vec![pane], ..Default::default() }],
        materials: vec![Material { double_sided: true, ..Default::default() }],
        nodes: (0..PANES).map(node).collect(),
        ..Default::default()
    }
}

fn built(model: &Model) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    build_into(model, &BuildOptions::default(), &|_| {}, &|| false, &mut bytes).expect("a small model is built");
    bytes.into_inner()
}

/// `REMORA_ACCEPT_GOLDEN=1 cargo test -p remora-render` writes the files again.
#[test]
fn the_files_are_those_of_the_models() {
    for (name, model, file) in [("kinds", kinds(), KINDS), ("panes", panes(), PANES)] {
        assert_eq!(model.check(), Ok(()));
        let bytes = built(&model);
        if std::env::var_os("REMORA_ACCEPT_GOLDEN").is_some() {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("src/renderer/warm_up/{name}.arrAsset"));
            std::fs::write(path, &bytes).expect("the source folder is writable");
        } else {
            assert!(bytes == file, "{name}.arrAsset is stale; `make accept` writes it again");
        }
    }
}

//! Small models for the tests.

use glam::{DAffine3, DVec3, Vec3};
use remora_asset::Asset;
use remora_build::{BuildOptions, build_asset};
use remora_model::{Material, Mesh, Model, Node, Primitive};

/// A cube from -1 to 1.
pub(crate) fn cube() -> Primitive {
    let corner = |index: u32| [0, 1, 2].map(|axis| if index >> axis & 1 == 1 { 1.0 } else { -1.0 });
    let quads = [[0, 2, 3, 1], [4, 5, 7, 6], [0, 1, 5, 4], [2, 6, 7, 3], [0, 4, 6, 2], [1, 3, 7, 5]];
    let positions: Vec<[f32; 3]> = (0..8).map(corner).collect();
    Primitive {
        normals: positions.iter().map(|&position| Vec3::from(position).normalize().into()).collect(),
        positions,
        indices: quads.iter().flat_map(|&[a, b, c, d]| [a, b, c, a, c, d]).collect(),
        ..Primitive::default()
    }
}

pub(crate) fn soup(triangles: &[[Vec3; 3]]) -> Primitive {
    let positions: Vec<[f32; 3]> = triangles.iter().flatten().map(|&corner| corner.into()).collect();
    Primitive {
        normals: vec![[0.0, 1.0, 0.0]; positions.len()],
        indices: (0..positions.len() as u32).collect(),
        positions,
        ..Primitive::default()
    }
}

pub(crate) fn moved(x: f64, y: f64, z: f64) -> DAffine3 {
    DAffine3::from_translation(DVec3::new(x, y, z))
}

pub(crate) fn node(name: &str, parent: Option<u32>, transform: DAffine3, mesh: Option<u32>) -> Node {
    Node { name: name.to_owned(), parent, transform, mesh, metadata: Vec::new() }
}

pub(crate) fn model(nodes: Vec<Node>, primitives: Vec<Primitive>) -> Asset {
    let mesh = |primitive| Mesh { name: "Mesh".to_owned(), primitives: vec![primitive], ..Default::default() };
    asset(&Model {
        name: "Model".to_owned(),
        nodes,
        meshes: primitives.into_iter().map(mesh).collect(),
        materials: vec![Material::default()],
        ..Model::default()
    })
}

pub(crate) fn asset(model: &Model) -> Asset {
    asset_with(model, &BuildOptions::default())
}

pub(crate) fn asset_with(model: &Model, options: &BuildOptions) -> Asset {
    assert_eq!(model.check(), Ok(()));
    build_asset(model, options, &|_| {}, &|| false).expect("a consistent model")
}

//! The contents of an entity: metadata, materials and counts.

use glam::DAffine3;
use remora_model::{Material, Mesh, MetadataValue, Model, Node, Points};
use remora_scene::{EntityId, Scene};

use crate::models::{asset, cube, model, node};

#[test]
fn an_entity_has_its_own_metadata_and_the_materials_and_counts_of_its_subtree() {
    let material = |name: &str| Material { name: name.to_owned(), ..Material::default() };
    let of_material = |material| Mesh {
        primitives: vec![remora_model::Primitive { material, ..cube() }],
        points: Points { positions: vec![[0.0; 3]; 5], colors: vec![[0; 4]; 5] },
        ..Mesh::default()
    };
    let maker = || MetadataValue::Text("Acme".to_owned());
    let part = |name: &str, parent, mesh| Node { name: name.into(), parent, mesh, ..Node::default() };
    let shaft = Node { metadata: vec![("Maker".to_owned(), maker())], ..part("Shaft", None, Some(0)) };
    let built = Model {
        nodes: vec![
            shaft,
            part("Gear", Some(0), Some(1)),
            part("Ring", Some(0), Some(1)),
            part("Pin", Some(0), Some(2)),
        ],
        meshes: vec![of_material(2), of_material(0), of_material(1)],
        materials: vec![material("Brass"), material(""), material("Steel")],
        ..Model::default()
    };
    let mut scene = Scene::new();
    // A second model, whose entities do not begin at 1.
    scene.add_model(model(vec![node("Other", None, DAffine3::IDENTITY, Some(0))], vec![cube()])).unwrap();
    let root = scene.add_model(asset(&built)).unwrap().root;
    let contents = |offset: u64| scene.contents(EntityId(root.0 + offset)).unwrap();
    assert_eq!(contents(1).metadata, [("Maker", maker())]);
    assert_eq!((contents(1).materials, contents(1).triangles, contents(1).points), (vec!["Brass", "Steel"], 48, 20));
    assert_eq!((contents(2).materials, contents(2).triangles, contents(2).points), (vec!["Brass"], 12, 5));
    assert_eq!((contents(4).materials, contents(4).metadata), (vec![], vec![]), "materials have names");
    assert_eq!((contents(0).triangles, contents(0).metadata), (48, vec![]));
    assert_eq!(scene.contents(EntityId(root.0 + 5)), None);
    assert_eq!((scene.triangles(), scene.points()), (60, 20));
}

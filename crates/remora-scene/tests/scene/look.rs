//! Tint and selection, and what an entity consists of.

use glam::DAffine3;
use remora_asset::MetadataValue;
use remora_model::{Material, Mesh, Model, Node, Points};
use remora_scene::{EditError, EntityId, InstanceState, Scene};

use crate::models::{asset, cube, model, node};

const RED: [u8; 4] = [255, 0, 0, 255];
const BLUE: [u8; 4] = [0, 0, 255, 128];

/// Root, then: a shaft with a gear, which has a bolt; and a stand beside the shaft.
fn machine() -> Scene {
    let at = DAffine3::IDENTITY;
    let nodes = vec![
        node("Shaft", None, at, Some(0)),
        node("Gear", Some(0), at, Some(0)),
        node("Bolt", Some(1), at, Some(0)),
        node("Stand", None, at, Some(0)),
    ];
    let mut scene = Scene::new();
    scene.add_model(model(nodes, vec![cube()]));
    scene.take_changes();
    scene
}

const ROOT: EntityId = EntityId(1);
const SHAFT: EntityId = EntityId(2);
const GEAR: EntityId = EntityId(3);
const BOLT: EntityId = EntityId(4);
const STAND: EntityId = EntityId(5);
const NOWHERE: EntityId = EntityId(6);

fn of<T>(scene: &Scene, what: impl Fn(InstanceState) -> T) -> Vec<T> {
    scene.instances().iter().map(|instance| what(instance.state)).collect()
}

#[test]
fn a_tint_holds_for_everything_below_that_has_none_of_its_own() {
    let mut scene = machine();
    scene.set_tint(ROOT, Some(RED)).unwrap();
    scene.set_tint(GEAR, Some(BLUE)).unwrap();
    assert_eq!(of(&scene, |state| state.tint), [RED, BLUE, BLUE, RED]);
    assert_eq!((scene.entity(GEAR).unwrap().tint, scene.entity(BOLT).unwrap().tint), (Some(BLUE), None));
    scene.set_tint(ROOT, None).unwrap();
    assert_eq!(of(&scene, |state| state.tint), [[0; 4], BLUE, BLUE, [0; 4]]);
    assert_eq!(scene.set_tint(NOWHERE, None), Err(EditError::EntityNotFound(NOWHERE)));
}

#[test]
fn a_selection_takes_everything_below_with_it_and_replaces_the_one_before() {
    let mut scene = machine();
    scene.select(&[GEAR, STAND]).unwrap();
    assert_eq!(of(&scene, |state| state.selected), [false, true, true, true]);
    assert_eq!(scene.take_changes().moved, [1, 2, 3]);
    scene.select(&[BOLT, BOLT]).unwrap();
    assert_eq!(of(&scene, |state| state.selected), [false, false, true, false]);
    assert_eq!(scene.take_changes().moved, [1, 3], "the bolt is selected as before");
    assert_eq!(scene.select(&[SHAFT, NOWHERE]), Err(EditError::EntityNotFound(NOWHERE)));
    assert_eq!(of(&scene, |state| state.selected), [false, false, true, false]);
    scene.set_selected(SHAFT, true).unwrap();
    scene.set_selected(BOLT, false).unwrap();
    assert_eq!(of(&scene, |state| state.selected), [true, true, true, false]);
    scene.select(&[]).unwrap();
    assert_eq!(of(&scene, |state| state.selected), [false; 4]);
}

#[test]
fn a_selection_does_not_outlive_its_scene() {
    let mut scene = machine();
    scene.select(&[GEAR]).unwrap();
    scene.clear();
    let at = DAffine3::IDENTITY;
    let nodes = (0..6).map(|_| node("Other", None, at, Some(0))).collect();
    let added = scene.add_model(model(nodes, vec![cube()]));
    scene.select(&[EntityId(added.root.0 + 1)]).unwrap();
    assert_eq!(of(&scene, |state| state.selected), [true, false, false, false, false, false]);
}

#[test]
fn tint_and_selection_that_are_undone_are_no_change() {
    let mut scene = machine();
    scene.set_tint(SHAFT, Some(RED)).unwrap();
    scene.select(&[STAND]).unwrap();
    scene.set_visible(ROOT, false).unwrap();
    scene.set_tint(SHAFT, None).unwrap();
    scene.select(&[]).unwrap();
    scene.set_visible(ROOT, true).unwrap();
    assert!(scene.take_changes().moved.is_empty());
    // Saying again what holds already is none either.
    scene.set_tint(SHAFT, Some(RED)).unwrap();
    assert_eq!(scene.take_changes().moved, [0, 1, 2]);
    scene.set_tint(SHAFT, Some(RED)).unwrap();
    scene.set_tint(GEAR, Some(RED)).unwrap();
    assert!(scene.take_changes().moved.is_empty());
}

#[test]
fn an_entity_has_the_materials_and_counts_of_what_is_below_and_its_own_metadata() {
    let material = |name: &str| Material { name: name.to_owned(), ..Material::default() };
    let of_material = |material| Mesh {
        primitives: vec![remora_model::Primitive { material, ..cube() }],
        points: Points { positions: vec![[0.0; 3]; 5], colors: vec![[0; 4]; 5] },
        ..Mesh::default()
    };
    let maker = || MetadataValue::Text("Nobody".to_owned());
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
    // Not the first of the scene, so that nothing depends on where its entities begin.
    scene.add_model(model(vec![node("Other", None, DAffine3::IDENTITY, Some(0))], vec![cube()]));
    let root = scene.add_model(asset(&built)).root;
    let contents = |offset: u64| scene.contents(EntityId(root.0 + offset)).unwrap();
    assert_eq!(contents(1).metadata, [("Maker", maker())]);
    assert_eq!((contents(1).materials, contents(1).triangles, contents(1).points), (vec!["Brass", "Steel"], 48, 20));
    assert_eq!((contents(2).materials, contents(2).triangles, contents(2).points), (vec!["Brass"], 12, 5));
    assert_eq!((contents(4).materials, contents(4).metadata), (vec![], vec![]), "a name that is none is not told");
    assert_eq!((contents(0).triangles, contents(0).metadata), (48, vec![]));
    assert_eq!(scene.contents(EntityId(root.0 + 5)), None);
    assert_eq!((scene.triangles(), scene.points()), (60, 20));
}

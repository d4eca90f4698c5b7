//! Replacing a model by another version of itself.

use glam::{DAffine3, DVec3, Vec3};
use remora_build::{BuildOptions, Detail};
use remora_model::{Material, Mesh, Model, Node, Primitive};
use remora_scene::{AddedModel, Changes, EntityId, ModelKey, ReplaceError, Scene, StateOverrideEdit};

use crate::models::{asset, asset_with, cube, model, moved, node};

const SIDE: u32 = 64;
const TRIANGLES: u64 = 2 * (SIDE * SIDE) as u64;

/// A wavy sheet with more triangles than its coarse version keeps.
fn sheet() -> Model {
    let at = |x: u32, y: u32| [x as f32 / 8.0, (x as f32 * 0.3).sin() * (y as f32 * 0.2).cos(), y as f32 / 8.0];
    let corners = (0..=SIDE).flat_map(|y| (0..=SIDE).map(move |x| (x, y)));
    let positions: Vec<[f32; 3]> = corners.map(|(x, y)| at(x, y)).collect();
    let quad = |cell: u32| {
        let (corner, row) = (cell / SIDE * (SIDE + 1) + cell % SIDE, SIDE + 1);
        [corner, corner + row, corner + row + 1, corner, corner + row + 1, corner + 1]
    };
    let primitive = Primitive {
        normals: vec![[0.0, 1.0, 0.0]; positions.len()],
        positions,
        indices: (0..SIDE * SIDE).flat_map(quad).collect(),
        ..Primitive::default()
    };
    Model {
        name: "Sheet".to_owned(),
        nodes: vec![
            node("Stand", None, moved(0.0, 1.0, 0.0), None),
            node("Sheet", Some(0), DAffine3::IDENTITY, Some(0)),
        ],
        meshes: vec![Mesh { primitives: vec![primitive], ..Mesh::default() }],
        materials: vec![Material::default()],
        ..Model::default()
    }
}

/// A scene with the coarse version of the sheet: the root is moved, the stand tinted, the sheet selected, and all of it
/// is reported to the renderer.
fn coarse() -> (Scene, AddedModel) {
    let detail = Detail::Coarse { primitives_max: 500 };
    let mut scene = Scene::new();
    let added = scene.add_model(asset_with(&sheet(), &BuildOptions { detail, ..BuildOptions::default() })).unwrap();
    scene.set_local(added.root, moved(0.0, 0.0, 100.0)).unwrap();
    scene.edit_overrides(&[EntityId(added.root.0 + 1)], StateOverrideEdit::tint(Some([1, 2, 3, 255]))).unwrap();
    scene.select(&[EntityId(added.root.0 + 2)]).unwrap();
    scene.take_changes();
    (scene, added)
}

#[test]
fn the_full_version_replaces_the_coarse_one_and_nothing_else_changes() {
    let (mut scene, added) = coarse();
    let clusters = |scene: &Scene| scene.model(added.model).unwrap().clusters().len();
    let before = clusters(&scene);
    assert!(scene.model(added.model).unwrap().is_coarse());
    let instances: Vec<_> = scene.instances().copied().collect();
    let next = scene.next_model();
    scene.replace_model(added.model, asset(&sheet())).unwrap();
    assert_eq!(
        scene.instances().copied().collect::<Vec<_>>(),
        instances,
        "entities, transforms, tints and the selection stay"
    );
    assert_eq!((scene.triangles(), scene.next_model()), (TRIANGLES, next));
    assert!(clusters(&scene) > 4 * before, "ray casts and frames have the detail");
    assert!(!scene.model(added.model).unwrap().is_coarse());
    assert_eq!(scene.entity(EntityId(added.root.0 + 2)).unwrap().path, "Sheet/Stand/Sheet");
    assert_eq!(scene.take_changes().created, [0], "a renderer reads the instances of the model again");
    assert_eq!(scene.take_changes(), Changes::default());
    let above = DVec3::new(4.0, 50.0, 104.0);
    let hit = scene.cast_ray(above, Vec3::NEG_Y).expect("the sheet at its new position");
    assert_eq!(hit.entity, EntityId(added.root.0 + 2));
}

#[test]
fn a_model_of_another_structure_is_refused_and_changes_nothing() {
    let (mut scene, added) = coarse();
    let differing: [fn(&mut Model); 5] = [
        |model| model.nodes.truncate(1),
        |model| model.nodes.push(Node { parent: Some(0), mesh: Some(0), ..Node::default() }),
        |model| model.nodes[0].mesh = Some(0),
        |model| model.nodes[1].parent = None,
        |model| model.meshes.push(Mesh { primitives: vec![cube()], ..Mesh::default() }),
    ];
    for (number, change) in differing.into_iter().enumerate() {
        let mut other = sheet();
        change(&mut other);
        let refused = scene.replace_model(added.model, asset(&other));
        assert_eq!(refused, Err(ReplaceError::Differs(added.model)), "change {number}");
    }
    assert!(scene.model(added.model).unwrap().is_coarse() && scene.take_changes() == Changes::default());
}

#[test]
fn a_model_that_is_not_in_the_scene_is_not_replaced() {
    let (mut scene, added) = coarse();
    let unknown = ModelKey(added.model.0 + 1);
    assert_eq!(scene.replace_model(unknown, asset(&sheet())), Err(ReplaceError::NotFound(unknown)));
    scene.clear();
    assert_eq!(scene.replace_model(added.model, asset(&sheet())), Err(ReplaceError::NotFound(added.model)));
    let second = scene.add_model(model(vec![node("Part", None, DAffine3::IDENTITY, Some(0))], vec![cube()])).unwrap();
    assert_eq!(scene.replace_model(added.model, asset(&sheet())), Err(ReplaceError::NotFound(added.model)));
    assert_eq!(scene.models().map(|(key, _)| key).collect::<Vec<_>>(), [second.model]);
}

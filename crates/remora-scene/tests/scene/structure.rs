//! Creating, destroying and moving entities, and the slots of instances.

use glam::{DAffine3, DVec3, Quat, Vec3};
use remora_asset::Asset;
use remora_scene::{
    Changes, EditError, EntityId, NAME_BYTES_MAX, NewEntity, ResultCode, Scene, StateOverrideEdit, Transform,
};

use crate::models::{cube, model, moved, node};

const A: EntityId = EntityId::CLIENT_FIRST;
const B: EntityId = EntityId(A.0 + 1);
const C: EntityId = EntityId(A.0 + 7);

/// A shaft with a gear.
fn machine() -> Asset {
    let gear = node("Gear", Some(0), moved(0.0, 5.0, 0.0), Some(0));
    model(vec![node("Shaft", None, moved(10.0, 0.0, 0.0), Some(0)), gear], vec![cube()])
}

fn below(id: EntityId, parent: EntityId) -> NewEntity {
    NewEntity { parent: Some(parent), ..NewEntity::new(id) }
}

fn at(x: f64, y: f64, z: f64) -> Transform {
    Transform { position: DVec3::new(x, y, z), ..Transform::IDENTITY }
}

#[test]
fn a_created_entity_reads_back_as_it_was_made() {
    let mut scene = Scene::new();
    let transform = Transform {
        position: DVec3::new(5e6, 0.1, -3.0),
        rotation: Quat::from_xyzw(0.1, 0.7, -0.1, 0.7),
        scale: Vec3::new(-1.0, -2.0, 0.5),
    };
    scene.create(NewEntity { name: "Group".to_owned(), transform, enabled: false, ..NewEntity::new(A) }).unwrap();
    scene.create(below(C, A)).unwrap();
    let group = scene.entity(A).unwrap();
    assert_eq!((group.name, group.parent, group.transform, group.enabled), ("Group", None, transform, false));
    assert_eq!(group.world, transform.affine());
    let inner = scene.entity(C).unwrap();
    assert_eq!((inner.parent, inner.path.as_str(), inner.enabled), (Some(A), "Group/", true));
    assert!(!inner.state.is_shown(), "what is above is switched off");
    assert!(scene.contents(C).unwrap().metadata.is_empty());
    scene.set_name(C, "Inner".to_owned()).unwrap();
    assert_eq!((scene.name(C), scene.entities()), (Some("Inner"), 2));
}

#[test]
fn refusals_have_the_codes_of_the_original_and_change_nothing() {
    let mut scene = Scene::with_entities_max(5);
    let root = scene.add_model(machine()).unwrap().root;
    scene.create(below(B, root)).unwrap();
    let nowhere = EntityId(77);
    let long = "ä".repeat(NAME_BYTES_MAX / 2 + 1);
    let broken = Transform { scale: Vec3::new(f32::NAN, 1.0, 1.0), ..Transform::IDENTITY };
    let refused: [(Result<(), EditError>, ResultCode); 13] = [
        (scene.create(NewEntity::new(EntityId(0))), ResultCode::InvalidId),
        (scene.create(NewEntity::new(EntityId(EntityId::CLIENT_LAST.0 + 1))), ResultCode::InvalidId),
        (scene.create(NewEntity::new(A)), ResultCode::AlreadyExists),
        (scene.create(NewEntity::new(B)), ResultCode::AlreadyExists),
        (scene.create(below(C, nowhere)), ResultCode::InvalidParentId),
        (scene.create(NewEntity { name: long.clone(), ..NewEntity::new(C) }), ResultCode::StringTooLong),
        (scene.create(NewEntity { transform: broken, ..NewEntity::new(C) }), ResultCode::InvalidParam),
        (scene.set_transforms(&[(root, Transform::IDENTITY), (B, broken)]), ResultCode::InvalidParam),
        (scene.set_parent(root, Some(B)), ResultCode::CyclicReference),
        (scene.set_parent(B, Some(nowhere)), ResultCode::InvalidParentId),
        (scene.set_name(B, long), ResultCode::StringTooLong),
        (scene.destroy(nowhere).map(|_| ()), ResultCode::InvalidId),
        (scene.unload_model(B).map(|_| ()), ResultCode::InvalidType),
    ];
    for (index, (refused, code)) in refused.into_iter().enumerate() {
        assert_eq!(refused.unwrap_err().code(), code, "case {index}");
    }
    let full = scene.add_model(machine()).unwrap_err();
    assert_eq!((full.code(), full.code().number(), full.code().name()), {
        let code = ResultCode::ComponentLimitReached;
        (code, 606, "ComponentLimitReached")
    });
    assert_eq!((scene.entities(), scene.parts()), (4, 2));
    scene.create(NewEntity::new(C)).unwrap();
    let last = scene.create(NewEntity::new(EntityId(C.0 + 1))).unwrap_err();
    assert_eq!(last, EditError::TooManyEntities(5));
}

#[test]
fn a_new_parent_keeps_the_local_transform() {
    let mut scene = Scene::new();
    let root = scene.add_model(machine()).unwrap().root;
    let gear = EntityId(root.0 + 2);
    scene.create(NewEntity { transform: at(0.0, 0.0, 100.0), ..NewEntity::new(A) }).unwrap();
    scene.edit_overrides(&[A], StateOverrideEdit::visible(Some(false))).unwrap();
    scene.set_parent(gear, Some(A)).unwrap();
    let moved = scene.entity(gear).unwrap();
    assert_eq!((moved.world.translation, moved.local.translation.y), (DVec3::new(0.0, 5.0, 100.0), 5.0));
    assert!(!moved.state.visible);
    assert_eq!(scene.children(A).collect::<Vec<_>>(), [gear]);
    assert_eq!(scene.children(EntityId(root.0 + 1)).count(), 0);
    // The root of a model below another entity, and back.
    scene.set_parent(root, Some(A)).unwrap();
    assert_eq!(scene.children(A).collect::<Vec<_>>(), [gear, root]);
    assert_eq!(scene.entity(EntityId(root.0 + 1)).unwrap().world.translation, DVec3::new(10.0, 0.0, 100.0));
    assert_eq!(scene.set_parent(A, Some(gear)), Err(EditError::Cycle(A)));
    scene.set_parent(root, None).unwrap();
    assert_eq!(scene.entity(root).unwrap().parent, None);
}

#[test]
fn the_switch_beats_every_override() {
    let mut scene = Scene::new();
    let root = scene.add_model(machine()).unwrap().root;
    let shaft = EntityId(root.0 + 1);
    let ray = |scene: &mut Scene| scene.cast_ray(DVec3::new(10.0, -9.0, 0.0), Vec3::Y).map(|hit| hit.entity);
    assert_eq!(ray(&mut scene), Some(shaft));
    scene.set_enabled(root, false).unwrap();
    scene.edit_overrides(&[shaft], StateOverrideEdit::visible(Some(true))).unwrap();
    assert_eq!(ray(&mut scene), None);
    assert!(scene.entity(shaft).unwrap().enabled && !scene.entity(shaft).unwrap().state.enabled);
    scene.set_enabled(root, true).unwrap();
    assert_eq!(ray(&mut scene), Some(shaft));
}

#[test]
fn destroying_takes_the_subtree_and_a_model_leaves_with_its_last_entity() {
    let mut scene = Scene::new();
    let added = scene.add_model(machine()).unwrap();
    let (shaft, gear) = (EntityId(added.root.0 + 1), EntityId(added.root.0 + 2));
    scene.create(below(A, shaft)).unwrap();
    scene.create(NewEntity::new(B)).unwrap();
    scene.set_parent(gear, Some(B)).unwrap();
    assert_eq!(scene.destroy(added.root), Ok(vec![]));
    assert!([added.root, shaft, A].iter().all(|&id| scene.entity(id).is_none()));
    assert_eq!((scene.entities(), scene.parts()), (2, 1), "a part that was moved out of its model stays");
    assert!(scene.model(added.model).is_some());
    assert_eq!(scene.unload_model(added.root), Ok(vec![added.model]), "the root still names the model");
    assert_eq!((scene.entity(gear), scene.entities(), scene.parts()), (None, 1, 0));
    assert_eq!(scene.unload_model(added.root), Err(EditError::EntityNotFound(added.root)));
    assert_eq!(scene.create(NewEntity::new(A)), Err(EditError::IdUsed(A)));
}

#[test]
fn unloading_all_models_leaves_what_the_client_created() {
    let mut scene = Scene::new();
    let (first, second) = (scene.add_model(machine()).unwrap(), scene.add_model(machine()).unwrap());
    scene.create(NewEntity::new(A)).unwrap();
    scene.create(below(B, first.root)).unwrap();
    scene.set_parent(second.root, Some(EntityId(first.root.0 + 1))).unwrap();
    let key = scene.next_model();
    scene.unload_models();
    assert_eq!((scene.entities(), scene.parts(), scene.models().count()), (1, 0, 0));
    assert_eq!(scene.next_model(), key);
    assert!(scene.add_model(machine()).unwrap().root > second.root);
}

#[test]
fn a_model_replaces_the_others_if_it_fits_beside_what_they_leave() {
    let build = |entities_max| {
        let mut scene = Scene::with_entities_max(entities_max);
        scene.create(NewEntity::new(A)).unwrap();
        let old = scene.add_model(machine()).unwrap();
        scene.set_parent(old.root, Some(A)).unwrap();
        scene.create(below(B, EntityId(old.root.0 + 1))).unwrap();
        scene.create(below(C, B)).unwrap();
        (scene, old)
    };
    let chain = |nodes| model((0..nodes).map(|_| node("Link", None, moved(0.0, 0.0, 0.0), None)).collect(), vec![]);
    for entities_max in [6, 9, 99] {
        let (mut scene, old) = build(entities_max);
        let added = scene.replace_models(chain(4)).unwrap();
        assert!(added.model > old.model && added.root > old.root);
        assert_eq!((scene.entities(), scene.parts(), scene.models().count()), (6, 0, 1), "A and the new model");
        assert_eq!((scene.entity(B), scene.entity(C)), (None, None));
    }
    let (mut scene, old) = build(6);
    let next = scene.next_model();
    assert_eq!(scene.replace_models(chain(5)), Err(EditError::TooManyEntities(6)));
    assert_eq!((scene.entities(), scene.parts(), scene.next_model()), (6, 2, next));
    assert!(scene.model(old.model).is_some() && scene.entity(C).is_some());
}

#[test]
fn only_the_slots_that_an_edit_concerns_are_reported() {
    let mut scene = Scene::new();
    let first = scene.add_model(machine()).unwrap();
    let second = scene.add_model(machine()).unwrap();
    scene.take_changes();
    let gear = EntityId(first.root.0 + 2);
    scene.destroy(gear).unwrap();
    assert_eq!(scene.take_changes(), Changes { removed: vec![1], ..Changes::default() });
    scene.set_local(second.root, moved(0.0, 0.0, 1.0)).unwrap();
    let third = scene.add_model(machine()).unwrap();
    assert_eq!(scene.take_changes(), Changes { created: vec![1, 4], changed: vec![2, 3], ..Changes::default() });
    assert_eq!(scene.instance(1).unwrap().entity, EntityId(third.root.0 + 1), "the free slot is used again");
    // Created and destroyed between two reports; and a slot whose instance is another one.
    scene.unload_model(third.root).unwrap();
    let fourth = scene.add_model(machine()).unwrap();
    assert_eq!(scene.take_changes(), Changes { created: vec![1, 4], ..Changes::default() });
    for added in [first, second, fourth] {
        scene.unload_model(added.root).unwrap();
    }
    assert_eq!(scene.take_changes(), Changes { removed: vec![0, 1, 2, 3, 4], ..Changes::default() });
    assert!(scene.instance_slots().is_empty(), "slots end with the last instance");
    scene.add_model(machine()).unwrap();
    scene.unload_models();
    assert_eq!(scene.take_changes(), Changes::default());
    scene.create(NewEntity::new(A)).unwrap();
    scene.set_local(A, DAffine3::IDENTITY).unwrap();
    assert_eq!(scene.take_changes(), Changes::default(), "an entity without a mesh shows nothing");
}

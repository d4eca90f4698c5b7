//! Transforms that nest to more than numbers can hold.

use glam::{DMat3, DVec3, Vec3};
use remora_scene::{Changes, EntityId, NewEntity, Scene, Transform, WORLD_MAX};

use crate::models::{cube, model, moved, node};

const A: EntityId = EntityId::CLIENT_FIRST;

fn scaled(scale: f32) -> Transform {
    Transform { position: DVec3::new(1.0, 0.0, 0.0), scale: Vec3::splat(scale), ..Transform::IDENTITY }
}

/// Returns a part below as many nested groups of one scale, the first of which stands alone.
fn nested(groups: u64, scale: f32) -> (Scene, EntityId) {
    let mut scene = Scene::new();
    for number in 0..groups {
        let parent = number.checked_sub(1).map(|above| EntityId(A.0 + above));
        scene.create(NewEntity { parent, transform: scaled(scale), ..NewEntity::new(EntityId(A.0 + number)) }).unwrap();
    }
    let parts =
        vec![node("part", None, moved(0.0, 0.0, 0.0), Some(0)), node("below", Some(0), moved(1.0, 0.0, 0.0), Some(0))];
    let root = scene.add_model(model(parts, vec![cube()])).unwrap().root;
    scene.set_parent(root, Some(EntityId(A.0 + groups - 1))).unwrap();
    (scene, EntityId(root.0 + 1))
}

/// Checks that everything that can be read is finite.
fn check_finite(scene: &Scene) {
    let ids = (0..40).map(|number| EntityId(A.0 + number)).chain((1..10).map(EntityId));
    for view in ids.filter_map(|id| scene.entity(id)) {
        assert!(view.world.is_finite() && !view.bounds.min.is_nan() && !view.bounds.max.is_nan(), "{view:?}");
    }
    for instance in scene.instances() {
        assert!(instance.world.is_finite() && instance.world.as_affine3a().is_finite(), "{instance:?}");
        assert!(instance.world.as_affine3a().matrix3.determinant().is_finite(), "{instance:?}");
    }
    let bounds = scene.bounds();
    assert!(bounds.min.is_finite() && bounds.max.is_finite(), "{bounds:?}");
}

#[test]
fn what_nests_beyond_the_range_is_off_and_flat_until_it_is_back() {
    for (groups, scale) in [(1, 3e38), (2, 3e38), (9, 3e38), (33, 3e38), (4, -1e4), (30, 2e1)] {
        let (mut scene, part) = nested(groups, scale);
        check_finite(&scene);
        let view = scene.entity(part).unwrap();
        assert!(!view.state.enabled && view.enabled, "its own switch stays");
        assert_eq!(view.world.matrix3, DMat3::ZERO);
        let place = view.world.translation;
        for direction in [Vec3::X, Vec3::NEG_X, Vec3::Y, Vec3::ONE] {
            for origin in [DVec3::ZERO, DVec3::splat(1e12), place] {
                assert_eq!(scene.cast_ray(origin, direction), None);
            }
        }
        scene.take_changes();
        for number in 0..groups {
            scene.set_transforms(&[(EntityId(A.0 + number), scaled(1.0))]).unwrap();
            check_finite(&scene);
        }
        assert_eq!(scene.take_changes(), Changes { changed: vec![0, 1], ..Changes::default() });
        let view = scene.entity(part).unwrap();
        assert!(view.state.enabled);
        assert_eq!(view.world, moved(groups as f64, 0.0, 0.0));
        let hit = scene.cast_ray(DVec3::new(groups as f64, -5.0, 0.0), Vec3::Y).unwrap();
        assert_eq!((hit.entity, hit.distance), (part, 4.0));
    }
}

#[test]
fn the_range_ends_exactly_at_its_bound() {
    let mut scene = Scene::new();
    scene.create(NewEntity::new(A)).unwrap();
    let enabled = |scene: &mut Scene, x: f64| {
        scene.set_local(A, moved(x, 0.0, 0.0)).unwrap();
        scene.entity(A).unwrap().state.enabled
    };
    assert!(enabled(&mut scene, WORLD_MAX) && enabled(&mut scene, -WORLD_MAX));
    assert!(!enabled(&mut scene, WORLD_MAX * 1.001) && !enabled(&mut scene, f64::MIN));
}

#[test]
fn a_model_whose_own_nodes_are_beyond_the_range_is_off() {
    let huge = glam::DAffine3::from_scale(DVec3::splat(1e200));
    let nodes =
        vec![node("a", None, huge, Some(0)), node("b", Some(0), huge, Some(0)), node("c", Some(1), huge, Some(0))];
    let mut scene = Scene::new();
    scene.add_model(model(nodes, vec![cube()])).unwrap();
    check_finite(&scene);
    assert!(scene.instances().all(|instance| !instance.state.is_shown()));
}

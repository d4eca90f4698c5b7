//! Entities, their paths, transforms and bounds.

use glam::{DAffine3, DQuat, DVec3};
use proptest::prelude::*;
use remora_asset::Asset;
use remora_asset::WorldBounds;
use remora_scene::{Changes, EditError, EffectiveState, EntityId, Scene, StateOverrideEdit, ValueEdit};

use crate::models::{cube, model, moved, node};

/// A shaft with two gears, and a bolt on the second one.
fn shaft() -> Asset {
    let nodes = vec![
        node("Shaft", None, moved(10.0, 0.0, 0.0), Some(0)),
        node("Gear 1", Some(0), moved(0.0, 5.0, 0.0), Some(0)),
        node("Gear 2", Some(0), moved(0.0, 0.0, 7.0), None),
        node("Bolt", Some(2), moved(1.0, 1.0, 1.0), Some(0)),
    ];
    model(nodes, vec![cube()])
}

fn child(root: EntityId, node: u64) -> EntityId {
    EntityId(root.0 + 1 + node)
}

#[test]
fn a_model_becomes_a_tree_of_named_entities() {
    let mut scene = Scene::new();
    let added = scene.add_model(shaft()).unwrap();
    let bolt = scene.entity(child(added.root, 3)).unwrap();
    assert_eq!((bolt.name, bolt.path.as_str()), ("Bolt", "Model/Shaft/Gear 2/Bolt"));
    assert_eq!(bolt.parent, Some(child(added.root, 2)));
    assert_eq!(scene.entity(added.root).unwrap().parent, None);
    assert_eq!((added.root, scene.entity(EntityId(0))), (EntityId(1), None), "0 is no entity");
    assert_eq!(scene.children(added.root).collect::<Vec<_>>(), [child(added.root, 0)]);
    let gears = scene.children(child(added.root, 0)).collect::<Vec<_>>();
    assert_eq!(gears, [child(added.root, 1), child(added.root, 2)]);
    assert_eq!((scene.parts(), scene.triangles()), (3, 36));
}

#[test]
fn moving_a_parent_moves_everything_below_and_nothing_else() {
    let mut scene = Scene::new();
    let added = scene.add_model(shaft()).unwrap();
    let gear = child(added.root, 2);
    scene.set_local(gear, moved(0.0, 0.0, -7.0)).unwrap();
    let position = |node| scene.entity(child(added.root, node)).unwrap().world.translation;
    assert_eq!(position(3), DVec3::new(11.0, 1.0, -6.0));
    assert_eq!(position(1), DVec3::new(10.0, 5.0, 0.0));
    assert_eq!(position(0), DVec3::new(10.0, 0.0, 0.0));
}

#[test]
fn bounds_enclose_everything_below() {
    let mut scene = Scene::new();
    assert!(scene.bounds().is_empty());
    let added = scene.add_model(shaft()).unwrap();
    let bounds = |node| scene.entity(child(added.root, node)).unwrap().bounds;
    assert_eq!(bounds(1), WorldBounds { min: DVec3::new(9.0, 4.0, -1.0), max: DVec3::new(11.0, 6.0, 1.0) });
    assert_eq!(bounds(2), WorldBounds { min: DVec3::new(10.0, 0.0, 7.0), max: DVec3::new(12.0, 2.0, 9.0) });
    assert_eq!(scene.bounds(), WorldBounds { min: DVec3::new(9.0, -1.0, -1.0), max: DVec3::new(12.0, 6.0, 9.0) });
    assert_eq!(scene.entity(added.root).unwrap().bounds, scene.bounds());
}

#[test]
fn hiding_a_parent_hides_everything_below_until_it_is_shown_again() {
    let mut scene = Scene::new();
    let added = scene.add_model(shaft()).unwrap();
    let shown = |scene: &Scene| scene.instances().map(|instance| instance.state.visible).collect::<Vec<_>>();
    scene.edit_overrides(&[child(added.root, 3)], StateOverrideEdit::visible(Some(false))).unwrap();
    scene.edit_overrides(&[child(added.root, 0)], StateOverrideEdit::visible(Some(false))).unwrap();
    assert_eq!(shown(&scene), [false, false, false]);
    scene.edit_overrides(&[child(added.root, 0)], StateOverrideEdit::visible(Some(true))).unwrap();
    assert_eq!(shown(&scene), [true, true, false]);
    assert_eq!(scene.entity(child(added.root, 3)).unwrap().overrides.visible, Some(false));
}

#[test]
fn ids_are_never_used_again() {
    let mut scene = Scene::new();
    let first = scene.add_model(shaft()).unwrap();
    let last = child(first.root, 3);
    scene.clear();
    assert!(scene.entity(first.root).is_none());
    assert!(scene.model(first.model).is_none());
    assert_eq!(scene.set_local(last, DAffine3::IDENTITY), Err(EditError::EntityNotFound(last)));
    let edit = scene.edit_overrides(&[last], StateOverrideEdit::visible(Some(false)));
    assert_eq!(edit, Err(EditError::EntityNotFound(last)));
    let second = scene.add_model(shaft()).unwrap();
    assert!(second.root > last);
    assert!(second.model > first.model);
    assert_eq!(scene.instance(0).unwrap().entity, child(second.root, 0));
    assert_eq!(scene.models().map(|(key, _)| key).collect::<Vec<_>>(), [second.model]);
}

#[test]
fn two_models_stand_side_by_side() {
    let mut scene = Scene::new();
    let (first, second) = (scene.add_model(shaft()).unwrap(), scene.add_model(shaft()).unwrap());
    scene.set_local(second.root, moved(0.0, 100.0, 0.0)).unwrap();
    let heights: Vec<f64> = scene.instances().map(|instance| instance.world.translation.y).collect();
    assert_eq!(heights, [0.0, 5.0, 1.0, 100.0, 105.0, 101.0]);
    let models: Vec<_> = scene.instances().map(|instance| instance.model).collect();
    assert_eq!(models[..3], [first.model; 3]);
    assert_eq!(models[3..], [second.model; 3]);
}

#[test]
fn an_invalid_edit_is_refused_and_changes_nothing() {
    let mut scene = Scene::new();
    let added = scene.add_model(shaft()).unwrap();
    let before = scene.instances().copied().collect::<Vec<_>>();
    let broken = moved(f64::NAN, 0.0, 0.0);
    assert_eq!(scene.set_local(added.root, broken), Err(EditError::TransformNotFinite(added.root)));
    for unknown in [EntityId(added.root.0 + 5), EntityId(u64::MAX)] {
        let error = scene.set_local(unknown, DAffine3::IDENTITY).unwrap_err();
        assert_eq!(error, EditError::EntityNotFound(unknown));
        assert!(error.to_string().contains(&unknown.0.to_string()));
    }
    assert_eq!(scene.instances().copied().collect::<Vec<_>>(), before);
}

#[derive(Clone, Debug)]
enum Edit {
    Move(prop::sample::Index, DAffine3),
    Override(Vec<prop::sample::Index>, StateOverrideEdit),
    Select(Vec<prop::sample::Index>),
    MoveMany(Vec<(prop::sample::Index, DAffine3)>),
}

fn transform() -> impl Strategy<Value = DAffine3> {
    let number = -3.0..3.0f64;
    let vector = [number.clone(), number.clone(), number.clone()];
    (vector, -3.0..3.0f64, 0.2..2.0f64).prop_map(|(translation, angle, scale)| {
        let axis = DQuat::from_rotation_x(angle) * DQuat::from_rotation_z(angle * 0.7);
        DAffine3::from_scale_rotation_translation(DVec3::new(scale, 1.0, 1.5), axis, translation.into())
    })
}

fn value_edit<T: Arbitrary + Clone + 'static>() -> impl Strategy<Value = ValueEdit<T>> {
    prop_oneof![Just(ValueEdit::Keep), Just(ValueEdit::Unset), any::<T>().prop_map(ValueEdit::Set)]
}

fn override_edit() -> impl Strategy<Value = StateOverrideEdit> {
    (value_edit(), value_edit(), value_edit()).prop_map(|(visible, selected, tint)| StateOverrideEdit {
        visible,
        selected,
        tint,
    })
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        (any::<prop::sample::Index>(), transform()).prop_map(|(entity, local)| Edit::Move(entity, local)),
        (prop::collection::vec(any::<prop::sample::Index>(), 0..4), override_edit())
            .prop_map(|(entities, edit)| Edit::Override(entities, edit)),
        prop::collection::vec(any::<prop::sample::Index>(), 0..5).prop_map(Edit::Select),
        prop::collection::vec((any::<prop::sample::Index>(), transform()), 0..5).prop_map(Edit::MoveMany),
    ]
}

/// A tree of any shape: the parent of each node is an earlier node or the root.
fn tree() -> impl Strategy<Value = Asset> {
    let node_of = (any::<Option<prop::sample::Index>>(), transform(), any::<bool>());
    prop::collection::vec(node_of, 1..24).prop_map(|nodes| {
        let made = nodes.iter().enumerate().map(|(index, (parent, transform, has_mesh))| {
            let parent = parent.filter(|_| index > 0).map(|parent| parent.index(index) as u32);
            node(&format!("Node {index}"), parent, *transform, has_mesh.then_some(0))
        });
        model(made.collect(), vec![cube()])
    })
}

fn apply(scene: &mut Scene, edit: &Edit) {
    let (_, model) = scene.models().next().expect("every case has a model");
    // The root, and one entity per node.
    let count = model.nodes().len() + 1;
    let id = |entity: &prop::sample::Index| EntityId(1 + entity.index(count) as u64);
    let done = match edit {
        Edit::Move(entity, local) => scene.set_local(id(entity), *local),
        Edit::Override(entities, edit) => scene.edit_overrides(&entities.iter().map(id).collect::<Vec<_>>(), *edit),
        Edit::Select(entities) => scene.select(&entities.iter().map(id).collect::<Vec<_>>()),
        Edit::MoveMany(moves) => {
            scene.set_locals(&moves.iter().map(|(entity, local)| (id(entity), *local)).collect::<Vec<_>>())
        }
    };
    done.expect("all of them are in the scene");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_nearest_override_and_all_transforms_above_decide(
        model in tree(),
        edits in prop::collection::vec(edit(), 0..30),
    ) {
        let mut scene = Scene::new();
        scene.add_model(model).unwrap();
        for edit in &edits {
            apply(&mut scene, edit);
        }
        for instance in scene.instances() {
            let (mut world, mut at) = (DAffine3::IDENTITY, Some(instance.entity));
            let (mut visible, mut selected, mut tint) = (None, None, None);
            let mut chain = Vec::new();
            while let Some(view) = at.and_then(|id| scene.entity(id)) {
                chain.push(view.local);
                visible = visible.or(view.overrides.visible);
                selected = selected.or(view.overrides.selected);
                tint = tint.or(view.overrides.tint);
                at = view.parent;
            }
            for local in chain.into_iter().rev() {
                world *= local;
            }
            let state = EffectiveState {
                enabled: true,
                visible: visible.unwrap_or(true),
                selected: selected.unwrap_or(false),
                tint: tint.unwrap_or([0; 4]),
            };
            prop_assert!(instance.world.abs_diff_eq(world, 1e-9 * (1.0 + world.translation.length())));
            prop_assert_eq!(instance.state, state);
            prop_assert_eq!(scene.entity(instance.entity).unwrap().state, state);
        }
    }

    #[test]
    fn changes_are_exactly_the_instances_that_differ(
        model in tree(),
        rounds in prop::collection::vec(prop::collection::vec(edit(), 0..6), 1..6),
    ) {
        let mut scene = Scene::new();
        scene.add_model(model).unwrap();
        let first = scene.take_changes();
        prop_assert!(first.structure && first.changed.is_empty());
        let mut seen = scene.instances().copied().collect::<Vec<_>>();
        for edits in rounds {
            for edit in &edits {
                apply(&mut scene, edit);
            }
            let differing: Vec<u32> = scene
                .instances()
                .zip(&seen)
                .enumerate()
                .filter(|(_, (now, before))| now != before)
                .map(|(index, _)| index as u32)
                .collect();
            let changes = scene.take_changes();
            prop_assert!(!changes.structure);
            prop_assert_eq!(changes.changed, differing);
            seen = scene.instances().copied().collect::<Vec<_>>();
        }
    }
}

#[test]
fn an_edit_that_is_undone_is_no_change() {
    let mut scene = Scene::new();
    let added = scene.add_model(shaft()).unwrap();
    scene.take_changes();
    let before = scene.entity(added.root).unwrap().local;
    scene.set_local(added.root, moved(1.0, 0.0, 0.0)).unwrap();
    scene.set_local(added.root, before).unwrap();
    assert!(scene.take_changes().changed.is_empty());
    scene.set_local(added.root, moved(1.0, 0.0, 0.0)).unwrap();
    assert_eq!(scene.take_changes().changed, [0, 1, 2]);
    assert!(scene.take_changes().changed.is_empty());
}

#[test]
fn many_moves_are_made_in_their_order_or_not_at_all() {
    let mut scene = Scene::new();
    let added = scene.add_model(shaft()).unwrap();
    let (shaft, bolt) = (child(added.root, 0), child(added.root, 3));
    let nowhere = EntityId(u64::MAX);
    let before = scene.instances().copied().collect::<Vec<_>>();
    let refused = scene.set_locals(&[(shaft, moved(1.0, 0.0, 0.0)), (nowhere, DAffine3::IDENTITY)]);
    assert_eq!(refused, Err(EditError::EntityNotFound(nowhere)));
    let refused = scene.set_locals(&[(shaft, moved(1.0, 0.0, 0.0)), (bolt, moved(f64::INFINITY, 0.0, 0.0))]);
    assert_eq!(refused, Err(EditError::TransformNotFinite(bolt)));
    assert_eq!(scene.instances().copied().collect::<Vec<_>>(), before);

    let moves = [(bolt, moved(0.0, 0.0, 1.0)), (shaft, moved(2.0, 0.0, 0.0)), (bolt, moved(0.0, 1.0, 0.0))];
    scene.set_locals(&moves).unwrap();
    assert_eq!(scene.entity(bolt).unwrap().world.translation, DVec3::new(2.0, 1.0, 7.0));
}

#[test]
fn a_model_5000_km_away_has_bounds_to_the_millimetre() {
    let mut scene = Scene::new();
    let far = DVec3::new(4_000_000.25, -0.125, 3_000_000.5);
    let nodes = vec![
        node("Site", None, DAffine3::from_translation(far), None),
        node("Mark", Some(0), moved(0.001, 0.0, 0.0), Some(0)),
    ];
    let added = scene.add_model(model(nodes, vec![cube()])).unwrap();
    let bounds = scene.entity(added.root).unwrap().bounds;
    let mark = far + DVec3::new(0.001, 0.0, 0.0);
    assert!(bounds.min.abs_diff_eq(mark - 1.0, 1e-8) && bounds.max.abs_diff_eq(mark + 1.0, 1e-8), "{bounds:?}");
}

#[test]
fn adding_reports_what_is_added_and_clearing_a_new_structure() {
    let mut scene = Scene::new();
    assert!(scene.take_changes().structure, "the first report");
    assert_eq!(scene.take_changes(), Changes::default());
    let added = scene.add_model(shaft()).unwrap();
    scene.set_local(added.root, moved(1.0, 0.0, 0.0)).unwrap();
    assert_eq!(scene.take_changes(), Changes { created: vec![0, 1, 2], ..Changes::default() });
    scene.add_model(shaft()).unwrap();
    assert_eq!(scene.take_changes(), Changes { created: vec![3, 4, 5], ..Changes::default() });
    scene.clear();
    assert_eq!(scene.take_changes(), Changes { structure: true, ..Changes::default() });
    assert_eq!(scene.instances().count(), 0);
}

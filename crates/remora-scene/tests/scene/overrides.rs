//! State overrides: inheritance, edits of many entities, and the selection.

use glam::DAffine3;
use remora_scene::{EditError, EffectiveState, EntityId, Scene, StateOverride, StateOverrideEdit, ValueEdit};

use crate::models::{cube, model, node};

const RED: [u8; 4] = [255, 0, 0, 255];
const BLUE: [u8; 4] = [0, 0, 255, 128];

/// A shaft with a gear that has a bolt, and a stand beside the shaft, all below the root of the model.
fn machine() -> Scene {
    let at = DAffine3::IDENTITY;
    let nodes = vec![
        node("Shaft", None, at, Some(0)),
        node("Gear", Some(0), at, Some(0)),
        node("Bolt", Some(1), at, Some(0)),
        node("Stand", None, at, Some(0)),
    ];
    let mut scene = Scene::new();
    scene.add_model(model(nodes, vec![cube()])).unwrap();
    scene.take_changes();
    scene
}

const ROOT: EntityId = EntityId(1);
const SHAFT: EntityId = EntityId(2);
const GEAR: EntityId = EntityId(3);
const BOLT: EntityId = EntityId(4);
const STAND: EntityId = EntityId(5);
const NOWHERE: EntityId = EntityId(6);

/// Returns a value of the state of each instance.
fn of<T>(scene: &Scene, value: impl Fn(EffectiveState) -> T) -> Vec<T> {
    scene.instances().map(|instance| value(instance.state)).collect()
}

#[test]
fn a_tint_applies_to_everything_below_that_has_none_of_its_own() {
    let mut scene = machine();
    scene.edit_overrides(&[ROOT], StateOverrideEdit::tint(Some(RED))).unwrap();
    scene.edit_overrides(&[GEAR], StateOverrideEdit::tint(Some(BLUE))).unwrap();
    assert_eq!(of(&scene, |state| state.tint), [RED, BLUE, BLUE, RED]);
    let own = |entity| scene.entity(entity).unwrap().overrides.tint;
    assert_eq!((own(GEAR), own(BOLT)), (Some(BLUE), None));
    assert_eq!(scene.entity(BOLT).unwrap().state.tint, BLUE);
    scene.edit_overrides(&[ROOT], StateOverrideEdit::tint(None)).unwrap();
    assert_eq!(of(&scene, |state| state.tint), [[0; 4], BLUE, BLUE, [0; 4]]);
    let edit = scene.edit_overrides(&[NOWHERE], StateOverrideEdit::tint(None));
    assert_eq!(edit, Err(EditError::EntityNotFound(NOWHERE)));
}

#[test]
fn a_selection_includes_everything_below_and_replaces_the_previous_one() {
    let mut scene = machine();
    scene.select(&[GEAR, STAND]).unwrap();
    assert_eq!(of(&scene, |state| state.selected), [false, true, true, true]);
    assert_eq!(scene.take_changes().changed, [1, 2, 3]);
    scene.select(&[BOLT, BOLT]).unwrap();
    assert_eq!(of(&scene, |state| state.selected), [false, false, true, false]);
    assert_eq!(scene.take_changes().changed, [1, 3], "the bolt is selected as before");
    assert_eq!(scene.select(&[SHAFT, NOWHERE]), Err(EditError::EntityNotFound(NOWHERE)));
    assert_eq!(of(&scene, |state| state.selected), [false, false, true, false]);
    scene.edit_overrides(&[SHAFT], StateOverrideEdit::selected(Some(true))).unwrap();
    scene.edit_overrides(&[BOLT], StateOverrideEdit::selected(None)).unwrap();
    assert_eq!(of(&scene, |state| state.selected), [true, true, true, false]);
    scene.select(&[]).unwrap();
    assert_eq!(of(&scene, |state| state.selected), [false; 4]);
}

#[test]
fn a_part_overrides_its_hidden_or_selected_assembly() {
    let mut scene = machine();
    let hide_and_select =
        StateOverrideEdit { visible: ValueEdit::Set(false), selected: ValueEdit::Set(true), ..Default::default() };
    let show_and_deselect =
        StateOverrideEdit { visible: ValueEdit::Set(true), selected: ValueEdit::Set(false), ..Default::default() };
    scene.edit_overrides(&[SHAFT], hide_and_select).unwrap();
    let hidden = (false, true);
    assert_eq!(of(&scene, |state| (state.visible, state.selected)), [hidden, hidden, hidden, (true, false)]);
    scene.edit_overrides(&[GEAR], show_and_deselect).unwrap();
    assert_eq!(of(&scene, |state| state.visible), [false, true, true, true]);
    assert_eq!(of(&scene, |state| state.selected), [true, false, false, false]);
    // Without its overrides the gear follows the shaft again.
    let unset = StateOverrideEdit { visible: ValueEdit::Unset, selected: ValueEdit::Unset, ..Default::default() };
    scene.edit_overrides(&[GEAR], unset).unwrap();
    assert_eq!(of(&scene, |state| state.visible), [false, false, false, true]);
    assert_eq!(of(&scene, |state| state.selected), [true, true, true, false]);
}

#[test]
fn one_edit_changes_many_entities_and_only_the_values_that_it_names() {
    let mut scene = machine();
    scene.edit_overrides(&[GEAR, STAND], StateOverrideEdit::tint(Some(RED))).unwrap();
    scene.take_changes();
    scene.edit_overrides(&[GEAR, STAND, GEAR], StateOverrideEdit::visible(Some(false))).unwrap();
    let own = |scene: &Scene, entity| scene.entity(entity).unwrap().overrides;
    let expected = StateOverride { visible: Some(false), selected: None, tint: Some(RED) };
    assert_eq!((own(&scene, GEAR), own(&scene, STAND), own(&scene, BOLT)), (expected, expected, Default::default()));
    assert_eq!(scene.take_changes().changed, [1, 2, 3]);
    let refused = scene.edit_overrides(&[SHAFT, NOWHERE], StateOverrideEdit::visible(Some(false)));
    assert_eq!(refused, Err(EditError::EntityNotFound(NOWHERE)));
    assert_eq!(own(&scene, SHAFT), StateOverride::default());
    scene.edit_overrides(&[GEAR, STAND], StateOverrideEdit::default()).unwrap();
    scene.edit_overrides(&[], StateOverrideEdit::visible(Some(false))).unwrap();
    assert!(scene.take_changes().changed.is_empty());
}

#[test]
fn a_selection_replaces_every_override_of_the_selection() {
    let mut scene = machine();
    scene.edit_overrides(&[GEAR, STAND], StateOverrideEdit::selected(Some(true))).unwrap();
    scene.edit_overrides(&[BOLT], StateOverrideEdit::selected(Some(false))).unwrap();
    scene.edit_overrides(&[STAND], StateOverrideEdit::selected(None)).unwrap();
    assert_eq!(of(&scene, |state| state.selected), [false, true, false, false]);
    scene.select(&[SHAFT]).unwrap();
    assert_eq!(of(&scene, |state| state.selected), [true, true, true, false], "the bolt inherits again");
    scene.select(&[]).unwrap();
    assert_eq!(of(&scene, |state| state.selected), [false; 4]);
    let own = |entity: u64| scene.entity(EntityId(entity)).unwrap().overrides;
    assert!((1..=5).all(|entity| own(entity) == StateOverride::default()));
}

#[test]
fn a_selection_does_not_outlive_its_scene() {
    let mut scene = machine();
    scene.select(&[GEAR]).unwrap();
    scene.clear();
    let at = DAffine3::IDENTITY;
    let nodes = (0..6).map(|_| node("Other", None, at, Some(0))).collect();
    let added = scene.add_model(model(nodes, vec![cube()])).unwrap();
    scene.select(&[EntityId(added.root.0 + 1)]).unwrap();
    assert_eq!(of(&scene, |state| state.selected), [true, false, false, false, false, false]);
}

#[test]
fn overrides_that_are_undone_are_no_change() {
    let mut scene = machine();
    scene.edit_overrides(&[SHAFT], StateOverrideEdit::tint(Some(RED))).unwrap();
    scene.select(&[STAND]).unwrap();
    scene.edit_overrides(&[ROOT], StateOverrideEdit::visible(Some(false))).unwrap();
    scene.edit_overrides(&[SHAFT], StateOverrideEdit::tint(None)).unwrap();
    scene.select(&[]).unwrap();
    scene.edit_overrides(&[ROOT], StateOverrideEdit::visible(Some(true))).unwrap();
    assert!(scene.take_changes().changed.is_empty());
    // Setting a value that is in effect already is no change either.
    scene.edit_overrides(&[SHAFT], StateOverrideEdit::tint(Some(RED))).unwrap();
    assert_eq!(scene.take_changes().changed, [0, 1, 2]);
    scene.edit_overrides(&[SHAFT], StateOverrideEdit::tint(Some(RED))).unwrap();
    scene.edit_overrides(&[GEAR], StateOverrideEdit::tint(Some(RED))).unwrap();
    assert!(scene.take_changes().changed.is_empty());
}

//! Parts of the scene: picked, selected, tinted, hidden, moved and described.

use remora_protocol::codes::{LoadStage, NoticeCode};
use remora_scene::EntityId;

use super::*;

const PART: EntityId = EntityId(2);
const NOWHERE: u64 = 99;

/// Returns a world with a triangle in the middle of the frame, at rest.
fn with_part() -> World {
    let mut world = World::connected(true);
    world.stage.loaded(world.now, CommandId(5), triangle());
    world.pose(0);
    world.run_for(milliseconds(1000));
    world.outputs.clear();
    world.started.clear();
    world
}

impl World {
    fn ask(&mut self, wanted: WireCommand) -> Outcome {
        self.outputs.clear();
        self.stage.control(self.now, &command(77, wanted));
        self.outputs.extend(std::iter::from_fn(|| self.stage.poll_output()));
        match self.replies().as_slice() {
            [(77, outcome)] => outcome.clone(),
            replies => panic!("one reply was expected: {replies:?}"),
        }
    }

    fn ask_refused(&mut self, wanted: WireCommand) -> String {
        match self.ask(wanted) {
            Outcome::Error(error) => error.code,
            outcome => panic!("{outcome:?}"),
        }
    }

    fn part(&mut self) -> remora_scene::EffectiveState {
        self.stage.scene_mut().instance(0).expect("a part").state
    }

    /// Returns whether the change is shown: a new frame is started.
    fn shows_it(&mut self) -> bool {
        self.started.clear();
        self.run_for(milliseconds(1000));
        self.started.iter().any(|(_, plan)| World::shown_pose(plan).is_some())
    }
}

fn done() -> Outcome {
    Outcome::Done(wire::Done {})
}

fn set_transform(entity: u64, x: f64) -> wire::SetTransform {
    wire::SetTransform {
        entity,
        translation: Some(wire::Point { x, y: 0.0, z: 0.0 }),
        rotation: Some(wire::Quaternion { x: 0.0, y: 0.0, z: 0.0, w: 1.0 }),
        scale: Some(wire::Vector3 { x: 1.0, y: 1.0, z: 1.0 }),
    }
}

fn set_overrides(entities: &[u64], edit: wire::StateOverrideEdit) -> WireCommand {
    WireCommand::SetStateOverrides(wire::SetStateOverrides { entities: entities.to_vec(), edit: Some(edit) })
}

fn pick(x: f32, y: f32) -> WireCommand {
    WireCommand::Pick(wire::Pick { x, y })
}

#[test]
fn the_visible_part_at_a_point_of_the_frame_is_picked() {
    let mut world = with_part();
    world.stage.control(world.now, &command(3, pick(0.25, -0.5)));
    assert_eq!(world.stage.poll_output(), Some(Output::Pick { command: CommandId(3), x: 0.25, y: -0.5 }));
    world.stage.picked(CommandId(3), Some((0, glam::DVec3::new(0.1, 0.2, 0.3))));
    world.work();
    let replies = world.replies();
    let [(3, Outcome::Picked(picked))] = replies.as_slice() else { panic!("{replies:?}") };
    assert_eq!((picked.entity, picked.entity_name.as_str()), (PART.0, "part"));
    assert_eq!(picked.position, Some(wire::Point { x: 0.1, y: 0.2, z: 0.3 }));
    assert_eq!(picked.bounds_min, Some(wire::Point { x: -1.0, y: -1.0, z: 0.0 }));
    world.outputs.clear();
    world.stage.picked(CommandId(4), None);
    world.work();
    assert_eq!(world.replies(), [(4, Outcome::RayMissed(wire::RayMissed {}))]);
}

#[test]
fn picks_are_bounded_until_they_are_answered() {
    let mut world = with_part();
    for _ in 0..20 {
        world.stage.control(world.now, &command(3, pick(0.0, 0.0)));
    }
    world.work();
    let wanted = world.outputs.iter().filter(|output| matches!(output, Output::Pick { .. })).count();
    assert_eq!((wanted, world.replies().len()), (16, 4));
    assert!(
        world.replies().iter().all(|(_, outcome)| matches!(outcome, Outcome::Error(error) if error.code == "Busy"))
    );
    world.stage.picked(CommandId(3), None);
    world.outputs.clear();
    world.stage.control(world.now, &command(3, pick(0.0, 0.0)));
    world.work();
    assert!(
        world.outputs.contains(&Output::Pick { command: CommandId(3), x: 0.0, y: 0.0 }),
        "there is room for one more"
    );
}

#[test]
fn a_pick_that_is_answered_after_the_scene_has_changed_finds_nothing() {
    let mut world = with_part();
    world.stage.control(world.now, &command(3, WireCommand::Pick(wire::Pick { x: 0.0, y: 0.0 })));
    assert_eq!(world.stage.poll_output(), Some(Output::Pick { command: CommandId(3), x: 0.0, y: 0.0 }));
    world.stage.control(world.now, &command(0, WireCommand::UnloadAll(wire::UnloadAll {})));
    world.stage.picked(CommandId(3), Some((0, glam::DVec3::ZERO)));
    world.work();
    assert_eq!(world.replies(), [(3, Outcome::RayMissed(wire::RayMissed {}))]);
}

#[test]
fn without_a_frame_a_pick_is_refused() {
    let mut world = World::connected(true);
    assert_eq!(world.ask_refused(WireCommand::Pick(wire::Pick { x: 0.0, y: 0.0 })), "BadCommand");
}

#[test]
fn a_selection_is_shown_and_replaced() {
    let mut world = with_part();
    let select = |entities: &[u64]| WireCommand::SelectEntities(wire::SelectEntities { entities: entities.to_vec() });
    assert_eq!(world.ask(select(&[PART.0])), done());
    assert!(world.part().selected && world.shows_it());
    assert_eq!(world.ask_refused(select(&[NOWHERE])), "EntityNotFound");
    assert!(world.part().selected, "a refused selection changes nothing");
    assert!(!world.shows_it());
    assert_eq!(world.ask(select(&[])), done());
    assert!(!world.part().selected && world.shows_it());
}

#[test]
fn a_part_is_tinted_and_hidden_and_both_are_undone() {
    let mut world = with_part();
    let tint = |tint| {
        let edit = wire::StateOverrideEdit { tint: Some(wire::TintEdit { tint }), ..Default::default() };
        set_overrides(&[PART.0], edit)
    };
    let visible = |visible: wire::FlagEdit| {
        set_overrides(&[PART.0], wire::StateOverrideEdit { visible: visible.into(), ..Default::default() })
    };
    assert_eq!(world.ask(tint(Some(wire::Color { red: 255, green: 1, blue: 2, alpha: 128 }))), done());
    assert!(world.part().tint == [255, 1, 2, 128] && world.shows_it());
    assert_eq!(world.ask(tint(None)), done());
    assert!(world.part().tint == [0; 4] && world.shows_it());
    assert_eq!(world.ask(visible(wire::FlagEdit::Off)), done());
    assert!(!world.part().visible && world.shows_it());
    assert_eq!(world.ask(visible(wire::FlagEdit::Unset)), done());
    assert!(world.part().visible && world.shows_it());
}

#[test]
fn overrides_are_set_on_all_entities_or_on_none() {
    let mut world = with_part();
    let off = || wire::StateOverrideEdit { visible: wire::FlagEdit::Off.into(), ..Default::default() };
    assert_eq!(world.ask_refused(set_overrides(&[PART.0, NOWHERE], off())), "EntityNotFound");
    assert!(world.part().visible && !world.shows_it());
    assert_eq!(world.ask(set_overrides(&[1, PART.0], off())), done());
    assert!(!world.part().visible && world.shows_it());
    let on = wire::StateOverrideEdit { visible: wire::FlagEdit::On.into(), ..Default::default() };
    assert_eq!(world.ask(set_overrides(&[PART.0], on)), done());
    assert!(world.part().visible && world.shows_it(), "the part overrides its hidden root");
    let get = WireCommand::GetEntity(wire::GetEntity { entity: PART.0 });
    let Outcome::EntityInfo(info) = world.ask(get) else { panic!("it is there") };
    assert_eq!(info.state_override.and_then(|own| own.visible), Some(true));
    assert!(info.effective_state.is_some_and(|state| state.visible));
}

#[test]
fn many_parts_are_moved_together_or_not_at_all() {
    let mut world = with_part();
    let transforms =
        |list: Vec<wire::SetTransform>| WireCommand::SetTransforms(wire::SetTransforms { transforms: list });
    let refused = world.ask_refused(transforms(vec![set_transform(PART.0, 5.0), set_transform(NOWHERE, 1.0)]));
    assert_eq!(refused, "EntityNotFound");
    let place = |world: &mut World| world.stage.scene_mut().instance(0).expect("a part").world.translation.x;
    assert_eq!(place(&mut world), 0.0);
    let moves = vec![set_transform(PART.0, 5.0), set_transform(1, 100.0), set_transform(PART.0, 7.0)];
    assert_eq!(world.ask(transforms(moves)), done());
    assert_eq!(place(&mut world), 107.0);
    assert!(world.shows_it());
}

#[test]
fn a_part_is_described() {
    let mut world = with_part();
    let get = |entity| WireCommand::GetEntity(wire::GetEntity { entity });
    let Outcome::EntityInfo(info) = world.ask(get(PART.0)) else { panic!("it is there") };
    assert_eq!((info.path.as_str(), info.triangles, info.parent), ("triangle/part", 1, 1));
    assert_eq!(world.ask_refused(get(NOWHERE)), "EntityNotFound");
    assert!(!world.shows_it(), "asking changes nothing");
}

#[test]
fn a_description_has_every_state_that_can_be_set() {
    let mut world = with_part();
    let tint = wire::Color { red: 255, green: 1, blue: 2, alpha: 128 };
    let edit = wire::StateOverrideEdit {
        visible: wire::FlagEdit::Off.into(),
        selected: wire::FlagEdit::On.into(),
        tint: Some(wire::TintEdit { tint: Some(tint) }),
    };
    assert_eq!(world.ask(set_overrides(&[PART.0], edit)), done());
    let get = WireCommand::GetEntity(wire::GetEntity { entity: PART.0 });
    let Outcome::EntityInfo(info) = world.ask(get) else { panic!("it is there") };
    let own = wire::StateOverride { visible: Some(false), selected: Some(true), tint: Some(tint) };
    assert_eq!(info.state_override, Some(own));
    let effective = wire::EffectiveState { enabled: true, visible: false, selected: true, tint: Some(tint) };
    assert_eq!(info.effective_state, Some(effective));
}

#[test]
fn progress_continues_after_the_model_was_loaded() {
    let mut world = with_part();
    world.stage.load_progress(CommandId(5), LoadStage::Refining, 0.5);
    world.stage.notice(NoticeCode::DeviceRestarted, "the graphics device was restarted".into());
    let told: Vec<Output> = std::iter::from_fn(|| world.stage.poll_output()).collect();
    let message = |message| Output::Control(Box::new(wire::HostMessage { message: Some(message) }));
    let progress = wire::LoadProgress { id: 5, stage: "refining".into(), fraction: 0.5 };
    let notice = wire::Notice { code: "DeviceRestarted".into(), text: "the graphics device was restarted".into() };
    assert_eq!(told, [message(Message::LoadProgress(progress)), message(Message::Notice(notice))]);
}

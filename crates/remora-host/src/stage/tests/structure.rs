//! Entities that the client creates, and models that it unloads.

use remora_scene::EntityId;

use super::*;

pub(super) const GROUP: u64 = EntityId::CLIENT_FIRST.0;

pub(super) fn create(entity: u64, parent: u64) -> WireCommand {
    WireCommand::CreateEntity(wire::CreateEntity { entity, parent, ..Default::default() })
}

pub(super) fn set_parent(entity: u64, parent: u64) -> WireCommand {
    WireCommand::SetParent(wire::SetParent { entity, parent })
}

/// Executes a command and returns its reply.
fn ask(world: &mut World, wanted: WireCommand) -> Outcome {
    world.outputs.clear();
    world.stage.control(world.now, &command(77, wanted));
    world.outputs.extend(std::iter::from_fn(|| world.stage.poll_output()));
    world.replies().into_iter().next_back().expect("a reply").1
}

fn refusal(world: &mut World, wanted: WireCommand) -> (String, u32, String) {
    match ask(world, wanted) {
        Outcome::Error(error) => (error.code, error.result, error.result_name),
        outcome => panic!("{outcome:?}"),
    }
}

fn info(world: &mut World, entity: u64) -> wire::EntityInfo {
    match ask(world, WireCommand::GetEntity(wire::GetEntity { entity })) {
        Outcome::EntityInfo(info) => *info,
        outcome => panic!("{outcome:?}"),
    }
}

#[test]
fn a_group_is_created_described_and_destroyed_with_the_model_below_it() {
    let mut world = World::connected(true);
    let model = world.stage.loaded(world.now, CommandId(5), triangle()).expect("there is a client");
    let done = Outcome::Done(wire::Done {});
    let rotation = Some(wire::Quaternion { x: 0.0, y: 1.0, z: 0.0, w: 0.0 });
    let translation = Some(wire::Point { x: 1.0, y: 0.0, z: 0.0 });
    let name = "Group".to_owned();
    let group = wire::CreateEntity { entity: GROUP, name, translation, rotation, ..Default::default() };
    assert_eq!(ask(&mut world, WireCommand::CreateEntity(group)), done);
    assert_eq!(ask(&mut world, set_parent(1, GROUP)), done);
    let named = wire::SetName { entity: 1, name: "Left".into() };
    assert_eq!(ask(&mut world, WireCommand::SetName(named)), done);
    let off = wire::SetEnabled { entity: GROUP, enabled: false };
    assert_eq!(ask(&mut world, WireCommand::SetEnabled(off)), done);
    let told = info(&mut world, GROUP);
    assert_eq!((told.children, told.enabled, told.translation, told.rotation), (vec![1], false, translation, rotation));
    let root = info(&mut world, 1);
    assert_eq!((root.path.as_str(), root.parent, root.enabled), ("Group/Left", GROUP, true));
    assert_eq!((root.world_translation, root.effective_state.map(|state| state.enabled)), (translation, Some(false)));
    assert_eq!(root.world_x_axis.map(|axis| axis.x), Some(-1.0));

    assert_eq!(ask(&mut world, WireCommand::DestroyEntity(wire::DestroyEntity { entity: GROUP })), done);
    assert!(world.outputs.contains(&Output::ModelsRemoved(vec![model])));
    assert_eq!(world.stage.scene_mut().entities(), 0);
}

#[test]
fn one_model_is_unloaded_and_the_others_stay() {
    let mut world = World::connected(true);
    let first = world.stage.loaded(world.now, CommandId(5), triangle()).expect("there is a client");
    world.stage.loaded(world.now, CommandId(6), triangle());
    let unload = |root_entity| WireCommand::UnloadModel(wire::UnloadModel { root_entity });
    assert_eq!(refusal(&mut world, unload(2)), ("BadCommand".into(), 4, "InvalidType".into()));
    assert_eq!(ask(&mut world, unload(1)), Outcome::Done(wire::Done {}));
    assert!(world.outputs.contains(&Output::ModelsRemoved(vec![first])));
    assert_eq!(world.stage.scene_mut().parts(), 1);
    assert_eq!(refusal(&mut world, unload(1)), ("EntityNotFound".into(), 600, "InvalidId".into()));
}

#[test]
fn refusals_carry_number_and_name_of_the_result() {
    let mut world = World::connected(true);
    world.stage.loaded(world.now, CommandId(5), triangle());
    ask(&mut world, create(GROUP, 2));
    let long = wire::SetName { entity: 1, name: "x".repeat(1025) };
    let cases = [
        (create(7, 0), "BadCommand", 600, "InvalidId"),
        (create(GROUP, 0), "BadCommand", 602, "AlreadyExists"),
        (create(GROUP + 1, 9), "EntityNotFound", 601, "InvalidParentId"),
        (set_parent(1, GROUP), "BadCommand", 603, "CyclicReference"),
        (WireCommand::SetName(long), "BadCommand", 10, "StringTooLong"),
        (WireCommand::GetEntity(wire::GetEntity { entity: 9 }), "EntityNotFound", 600, "InvalidId"),
    ];
    for (wanted, code, number, name) in cases {
        assert_eq!(refusal(&mut world, wanted), (code.into(), number, name.into()));
    }
    assert_eq!(world.stage.scene_mut().entities(), 3);
}

#[test]
fn entities_and_models_beyond_the_limit_are_refused_and_the_message_says_it() {
    let mut world = World::connected(true);
    let refused = |world: &World| {
        let (_, outcome) = world.replies().into_iter().next_back().expect("a reply");
        let Outcome::Error(error) = outcome else { panic!("{outcome:?}") };
        assert_eq!((error.result, error.result_name.as_str()), (606, "ComponentLimitReached"));
        assert!(error.message.contains("more than 6 entities"), "{}", error.message);
        error.code
    };
    world.stage.loaded(world.now, CommandId(5), triangle());
    world.stage.loaded(world.now, CommandId(6), triangle());
    assert_eq!(ask(&mut world, create(GROUP, 0)), Outcome::Done(wire::Done {}));
    world.outputs.clear();
    assert_eq!(world.stage.loaded(world.now, CommandId(7), triangle()), None, "a model of two where one has room");
    world.outputs.extend(std::iter::from_fn(|| world.stage.poll_output()));
    assert_eq!(refused(&world), "ModelTooLarge");
    assert_eq!(ask(&mut world, create(GROUP + 1, GROUP)), Outcome::Done(wire::Done {}));
    ask(&mut world, create(GROUP + 2, 0));
    assert_eq!(refused(&world), "BadCommand");
    let destroy = WireCommand::DestroyEntity(wire::DestroyEntity { entity: GROUP });
    assert_eq!(ask(&mut world, destroy), Outcome::Done(wire::Done {}));
    assert_eq!(ask(&mut world, create(GROUP + 2, 0)), Outcome::Done(wire::Done {}));
}

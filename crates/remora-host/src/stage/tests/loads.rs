//! Models that clients load, and the scene that the next client finds.

use super::*;

#[test]
fn the_next_client_finds_a_clean_scene() {
    let mut world = World::connected(true);
    world.stage.loaded(world.now, CommandId(5), triangle());
    world.pose(1);
    world.run_for(milliseconds(100));
    assert!(matches!(world.replies().last(), Some((5, Outcome::ModelLoaded(loaded))) if loaded.triangles == 1));
    world.outputs.clear();
    world.stage.disconnected();
    world.stage.connected(world.now);
    world.run_for(milliseconds(1));
    assert!(world.outputs.contains(&Output::SceneEmptied));
    assert_eq!(world.stage.scene_mut().parts(), 0);
    assert!(world.started.iter().all(|(at, _)| *at < world.now), "the pose of the earlier client is not used");
}

#[test]
fn a_replacing_model_removes_the_others_when_it_is_loaded_and_a_failed_one_removes_nothing() {
    let mut world = World::connected(true);
    let load = |replace| WireCommand::LoadModel(wire::LoadModel { uri: "builtin://Engine".into(), replace });
    let first = world.stage.loaded(world.now, CommandId(5), triangle()).expect("there is a client");
    world.stage.control(world.now, &command(6, load(true)));
    world.work();
    let asked = Output::Load { command: CommandId(6), uri: "builtin://Engine".into(), replace: true };
    assert!(world.outputs.contains(&asked), "{:?}", world.outputs);
    assert_eq!(world.stage.scene_mut().triangles(), 1, "the scene waits for the new model");
    world.stage.load_failed(CommandId(6), ErrorCode::ModelNotFound, "not there".into());
    assert_eq!(world.stage.scene_mut().triangles(), 1);

    let key = world.stage.next_model();
    let asset = model(vec![0, 1, 2, 0, 1, 2], AssetDetail::Full);
    assert_eq!(
        world.stage.loaded_in_place(world.now, CommandId(7), asset),
        Some(key),
        "the key that the renderer was given"
    );
    world.work();
    assert!(world.outputs.contains(&Output::ModelsRemoved(vec![first])));
    assert_eq!(world.stage.scene_mut().models().map(|(key, _)| key).collect::<Vec<_>>(), [key]);
    assert!(matches!(world.replies().last(), Some((7, Outcome::ModelLoaded(loaded))) if loaded.triangles == 2));
}

#[test]
fn a_replacing_model_that_the_scene_has_no_room_for_leaves_it_unchanged() {
    let mut world = World::connected(true);
    let room_for_a_triangle = 2;
    *world.stage.scene_mut() = Scene::with_entities_max(room_for_a_triangle);
    let first = world.stage.loaded(world.now, CommandId(5), triangle()).expect("there is room for it");
    let refused = world.stage.next_model();
    let nodes = vec![Node::default(), Node::default()];
    let larger = Model { nodes, ..Model::default() };
    let larger = build_asset(&larger, &BuildOptions::default(), &|_| {}, &|| false).expect("a good model");
    assert_eq!(world.stage.loaded_in_place(world.now, CommandId(7), larger), None);
    world.work();
    assert!(matches!(world.replies().last(), Some((7, Outcome::Error(error))) if error.code == "ModelTooLarge"));
    assert!(world.outputs.contains(&Output::ModelsRemoved(vec![refused])), "the renderer has it");
    assert!(!world.outputs.contains(&Output::ModelsRemoved(vec![first])));
    assert_eq!(world.stage.scene_mut().models().map(|(key, _)| key).collect::<Vec<_>>(), [first]);

    let second = world.stage.loaded_in_place(world.now, CommandId(8), triangle());
    assert!(second.is_some(), "it fits in place of the first");
    assert_eq!(world.stage.scene_mut().entities(), room_for_a_triangle);
}

#[test]
fn the_models_of_the_session_are_loaded_for_each_client_one_after_the_other() {
    let mut stage = Stage::new(capability(true));
    let loads = |stage: &mut Stage| {
        let outputs = std::iter::from_fn(|| stage.poll_output());
        let loads = outputs.filter_map(|output| match output {
            Output::Load { command: CommandId::SESSION_MODELS, uri, .. } => Some(uri),
            _ => None,
        });
        loads.collect::<Vec<_>>()
    };
    stage.assign("session".into(), vec!["builtin://a".into(), "builtin://b".into()]);
    assert!(loads(&mut stage).is_empty(), "no client is connected yet");
    for _client in 0..2 {
        stage.connected(milliseconds(0));
        assert_eq!(loads(&mut stage), ["builtin://a"]);
        stage.load_failed(CommandId::SESSION_MODELS, ErrorCode::ModelNotFound, "not there".into());
        assert_eq!(loads(&mut stage), ["builtin://b"], "a model that cannot be loaded does not block the next");
        stage.loaded(milliseconds(1), CommandId::SESSION_MODELS, triangle());
        assert!(loads(&mut stage).is_empty());
        assert_eq!(stage.scene_mut().triangles(), 1);
    }
}

#[test]
fn loads_are_bounded() {
    let mut world = World::connected(true);
    for id in 1..=10 {
        let load = WireCommand::LoadModel(wire::LoadModel { uri: "builtin://Engine".into(), replace: false });
        world.stage.control(world.now, &command(id, load));
    }
    world.work();
    let started = world.outputs.iter().filter(|output| matches!(output, Output::Load { .. })).count();
    let busy = world
        .replies()
        .iter()
        .filter(|(_, outcome)| matches!(outcome, Outcome::Error(error) if error.code == "Busy"))
        .count();
    assert_eq!((started, busy), (4, 6));
}

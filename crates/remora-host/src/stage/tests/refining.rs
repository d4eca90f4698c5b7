//! Improvements without movement: geometry that arrives, and coarse forms that are replaced.

use remora_scene::{EntityId, ModelKey};

use super::*;

const PART: EntityId = EntityId(2);

/// Returns a world that shows a coarse form, at rest.
fn with_coarse_form(software: bool) -> (World, ModelKey) {
    let mut world = World::connected(software);
    let coarse = model(vec![0, 1, 2], AssetDetail::Coarse { primitives_max: 1 });
    assert!(coarse.is_coarse());
    let key = world.stage.loaded(world.now, CommandId(5), coarse).expect("there is a client");
    world.pose(1);
    world.run_for(milliseconds(2000));
    assert!(world.rests());
    world.started.clear();
    (world, key)
}

impl World {
    fn rendered(&self) -> Vec<(Fidelity, bool)> {
        let of = |(_, plan): &(Moment, FramePlan)| match plan.work {
            Work::Render { detail, .. } => Some((plan.fidelity, detail.full)),
            Work::EncodeAgain => None,
        };
        self.started.iter().filter_map(of).collect()
    }
}

#[test]
fn geometry_that_arrives_is_shown_by_a_frame_at_rest() {
    for software in [true, false] {
        let (mut world, _) = with_coarse_form(software);
        for _ in 0..3 {
            world.stage.sharpened();
            let before = world.now;
            world.run_for(milliseconds(1000));
            assert_eq!(world.rendered(), [(Fidelity::Rest, true)], "software: {software}");
            assert_eq!(world.started[0].0, before, "it starts at once");
            assert!(world.rests());
            world.started.clear();
        }
    }
}

#[test]
fn geometry_that_arrives_before_the_first_frame_starts_none() {
    let mut world = World::connected(true);
    world.stage.sharpened();
    world.run_for(milliseconds(500));
    assert!(world.started.is_empty());
    world.stage.disconnected();
    world.stage.sharpened();
    assert!(world.rests());
}

#[test]
fn geometry_that_arrives_while_moving_does_not_end_the_movement() {
    let (mut world, _) = with_coarse_form(true);
    for id in 2..10 {
        world.pose(id);
        world.stage.sharpened();
        world.run_for(milliseconds(33));
    }
    assert!(world.rendered().iter().all(|&(fidelity, _)| fidelity == Fidelity::Motion), "{:?}", world.rendered());
}

#[test]
fn the_full_form_replaces_the_coarse_one_and_keeps_entities_and_selection() {
    let (mut world, key) = with_coarse_form(true);
    let select = WireCommand::SelectEntities(wire::SelectEntities { entities: vec![PART.0] });
    world.stage.control(world.now, &command(6, select));
    world.run_for(milliseconds(1000));
    world.started.clear();
    let before = world.stage.scene_mut().instances().copied().collect::<Vec<_>>();
    assert!(before[0].state.selected);
    let full = model(vec![0, 1, 2, 0, 1, 2], AssetDetail::Full);
    assert!(world.stage.refined(world.now, key, full));
    assert_eq!(world.stage.scene_mut().instances().copied().collect::<Vec<_>>(), before);
    assert_eq!((world.stage.scene_mut().triangles(), world.stage.next_model().0), (2, key.0 + 1));
    assert!(world.stage.asset(key).is_some_and(|asset| !asset.is_coarse()));
    world.run_for(milliseconds(1000));
    assert!(matches!(world.rendered().as_slice(), [_, .., (Fidelity::Rest, true)]), "{:?}", world.rendered());
}

#[test]
fn a_full_form_of_another_or_an_unloaded_model_is_not_shown() {
    let (mut world, key) = with_coarse_form(true);
    let other = Model { name: "other".into(), ..Model::default() };
    let other = build_asset(&other, &BuildOptions::default(), &|_| {}, &|| false).expect("a good model");
    assert!(!world.stage.refined(world.now, key, other));
    assert!(world.stage.asset(key).is_some_and(|asset| asset.is_coarse()));
    world.stage.control(world.now, &command(0, WireCommand::UnloadAll(wire::UnloadAll {})));
    assert!(world.stage.asset(key).is_none());
    assert!(!world.stage.refined(world.now, key, triangle()));
    assert_eq!(world.stage.scene_mut().parts(), 0);
}

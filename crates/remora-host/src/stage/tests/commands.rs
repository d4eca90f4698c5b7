//! Commands, valid and malformed.

use super::*;

#[test]
fn a_ray_hits_a_part_and_a_moved_part_at_its_new_place() {
    let mut world = World::connected(true);
    world.stage.loaded(world.now, CommandId(5), triangle());
    let ray = |x: f64| {
        WireCommand::CastRay(wire::CastRay {
            origin: Some(wire::Point { x, y: 0.0, z: 5.0 }),
            direction: Some(wire::Vector3 { x: 0.0, y: 0.0, z: -2.0 }),
        })
    };
    world.stage.control(world.now, &command(10, ray(0.0)));
    world.work();
    let Some((10, Outcome::RayHit(hit))) = world.replies().last().cloned() else { panic!("{:?}", world.replies()) };
    assert_eq!((hit.entity_name.as_str(), hit.distance_metres), ("part", 5.0));
    let set = wire::SetTransform {
        entity: hit.entity,
        translation: Some(wire::Point { x: 100.0, y: 0.0, z: 0.0 }),
        rotation: Some(wire::Quaternion { x: 0.0, y: 0.0, z: 0.0, w: 1.0 }),
        scale: Some(wire::Vector3 { x: 1.0, y: 1.0, z: 1.0 }),
    };
    world.stage.control(world.now, &command(11, WireCommand::SetTransform(set)));
    world.stage.control(world.now, &command(12, ray(0.0)));
    world.stage.control(world.now, &command(13, ray(100.0)));
    world.work();
    let outcomes: Vec<_> = world.replies().into_iter().filter(|(id, _)| (11..14).contains(id)).collect();
    assert!(
        matches!(outcomes.as_slice(), [(11, Outcome::Done(_)), (12, Outcome::RayMissed(_)), (13, Outcome::RayHit(_))]),
        "{outcomes:?}"
    );
}

#[test]
fn bad_messages_are_answered_and_change_nothing() {
    let mut world = World::connected(true);
    world.stage.control(world.now, b"\xff\xff\xff nonsense");
    world.stage.control(world.now, &command(7, viewport(10, 100_000)));
    world.stage.control(
        world.now,
        &command(8, WireCommand::LoadModel(wire::LoadModel { uri: String::new(), replace: false })),
    );
    world.work();
    let codes: Vec<_> = world
        .replies()
        .into_iter()
        .filter_map(|(id, outcome)| match outcome {
            Outcome::Error(error) => Some((id, error.code)),
            _ => None,
        })
        .collect();
    let bad = || "BadCommand".to_owned();
    assert_eq!(codes, [(0, bad()), (7, bad()), (8, bad())]);
}

#[test]
fn a_viewport_of_any_shape_is_fitted_to_the_stream() {
    for (wanted, fits) in [
        (Size::new(1280, 720), Size::new(1280, 720)),
        (Size::new(641, 481), Size::new(640, 480)),
        (Size::new(2560, 1440), Size::new(1280, 720)),
        (Size::new(720, 1280), Size::new(720, 1280)),
    ] {
        assert_eq!(fitted(wanted, &capability(true)), fits);
    }
    let tall = fitted(Size::new(64, 4096), &capability(true));
    assert!(tall.height <= 2160 && tall.width >= 16 && tall.width.is_multiple_of(2));
}

//! When a frame is rendered, refined, encoded again, and when nothing happens.

use super::*;

#[test]
fn nothing_is_rendered_before_the_first_pose_and_viewport() {
    let mut world = World::new(true);
    world.run_for(milliseconds(500));
    world.pose(1);
    world.run_for(milliseconds(500));
    assert!(world.started.is_empty(), "no viewport yet");
    world.stage.control(world.now, &command(1, viewport(1280, 720)));
    world.run_for(milliseconds(50));
    assert!(world.started[0].1.key, "a client's first frame needs no other");
}

#[test]
fn an_input_at_rest_is_rendered_at_once() {
    let mut world = World::connected(true);
    world.pose(1);
    world.run_for(milliseconds(1000));
    world.started.clear();
    let before = world.now;
    world.pose(2);
    world.run_for(milliseconds(1));
    assert_eq!(world.started[0].0, before);
    assert_eq!(World::shown_pose(&world.started[0].1), Some(2));
}

#[test]
fn a_weak_adapter_refines_within_150_ms_of_rest_and_then_does_nothing() {
    let mut world = World::connected(true);
    for id in 1..30 {
        world.pose(id);
        world.run_for(milliseconds(8));
    }
    let last_input = world.now - milliseconds(8);
    world.render = milliseconds(60);
    world.run_for(milliseconds(3000));
    let refined = |plan: &FramePlan| {
        matches!(plan.work, Work::Render { detail, .. }
            if detail.samples == Samples::Four && detail.render_size == Size::new(1280, 720))
    };
    let (at, _) = world.finished.iter().find(|(_, plan)| refined(plan)).expect("a refined frame");
    assert!(*at - last_input <= milliseconds(150), "{:?}", *at - last_input);
    let moving = world.started.iter().find(|(_, plan)| !refined(plan)).expect("a frame while moving");
    assert!(matches!(moving.1.work, Work::Render { detail, .. } if detail.samples == Samples::One));

    let last = world.started.last().expect("something was rendered").0;
    assert!(last < last_input + milliseconds(600), "still encoding");
    assert!(world.rests());
}

#[test]
fn at_rest_the_client_hears_every_second_how_long_its_lease_lasts_and_nothing_is_rendered() {
    let mut world = World::connected(true);
    world.pose(1);
    world.run_for(milliseconds(3000));
    world.started.clear();
    world.outputs.clear();
    for minutes in [9, 8, 7] {
        let lease_remaining = Duration::from_secs(60 * minutes);
        world.stage.set_external_statistics(ExternalStatistics { lease_remaining, ..ExternalStatistics::default() });
        world.run_for(milliseconds(1000));
    }
    let told: Vec<_> = world
        .messages()
        .map(|message| match message {
            Message::Statistics(statistics) => statistics.lease_remaining_minutes,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(told, [9.0, 8.0, 7.0]);
    assert!(world.started.is_empty(), "a frame at rest is not rendered or encoded because of statistics");
    world.stage.disconnected();
    assert_eq!(world.stage.poll_timeout(), None, "without a client nothing is due");
}

#[test]
fn a_slow_adapter_is_sharp_within_150_ms_and_smooth_after_that() {
    let mut world = World::connected(true);
    // At the first rest the stage learns that the full frame takes long.
    world.render = milliseconds(140);
    world.pose(1);
    world.run_for(milliseconds(2000));
    world.finished.clear();
    world.render = milliseconds(20);
    world.pose(2);
    let input = world.now;
    world.run_for(milliseconds(40));
    world.render = milliseconds(60);
    world.run_for(milliseconds(1000));
    let details: Vec<(Moment, Size, Samples)> = world
        .finished
        .iter()
        .filter_map(|(at, plan)| match plan.work {
            Work::Render { detail, .. } => Some((*at - input, detail.render_size, detail.samples)),
            Work::EncodeAgain => None,
        })
        .collect();
    let full = Size::new(1280, 720);
    assert!(
        matches!(details.as_slice(), [(_, small, Samples::One), (sharp, size, Samples::One), (_, same, Samples::Four)]
        if small.pixels() < full.pixels() && *size == full && *same == full && *sharp <= milliseconds(150)),
        "{details:?}"
    );
}

#[test]
fn a_pose_supersedes_a_refinement_but_never_a_moving_frame() {
    let mut world = World::connected(true);
    world.render = milliseconds(100);
    world.pose(1);
    world.run_for(milliseconds(1));
    let (_, moving) = world.started.last().cloned().expect("a frame at once");
    world.pose(2);
    assert!(!world.stage.superseded(&moving), "otherwise nothing would be shown while moving");
    world.run_for(milliseconds(400));
    let (_, refinement) = world.started.last().cloned().expect("a refinement");
    assert_eq!(refinement.fidelity, Fidelity::Rest);

    let mut world = World::connected(true);
    world.pose(1);
    world.run_for(milliseconds(40));
    world.render = milliseconds(100);
    world.run_for(milliseconds(40));
    let (_, refinement) = world.started.last().cloned().expect("a refinement");
    assert_eq!(refinement.fidelity, Fidelity::Rest);
    assert!(!world.stage.superseded(&refinement));
    world.pose(2);
    assert!(world.stage.superseded(&refinement));
    world.stage.abandoned(refinement);
    world.rendering = None;
    let before = world.now;
    world.run_for(milliseconds(1));
    let (at, plan) = world.started.last().cloned().expect("the new pose");
    assert_eq!((at, World::shown_pose(&plan)), (before, Some(2)));
}

#[test]
fn a_strong_adapter_renders_once_in_full_and_only_encodes_again() {
    let mut world = World::connected(false);
    world.pose(1);
    world.run_for(milliseconds(1000));
    let renders = world.started.iter().filter(|(_, plan)| World::shown_pose(plan).is_some()).count();
    assert_eq!(renders, 1);
    assert!(world.started.len() > 1, "a still frame is improved");
    assert!(world.started[1..].iter().all(|(_, plan)| plan.fidelity == Fidelity::Rest));
}

#[test]
fn a_key_frame_at_rest_is_the_last_frame_encoded_again() {
    let mut world = World::connected(true);
    world.pose(1);
    world.run_for(milliseconds(2000));
    world.started.clear();
    world.stage.key_frame_wanted();
    world.run_for(milliseconds(200));
    assert_eq!(world.started.len(), 1);
    let plan = &world.started[0].1;
    assert!(plan.key && plan.work == Work::EncodeAgain);
}

#[test]
fn a_frame_that_failed_is_made_again_as_a_key_frame() {
    let mut world = World::connected(true);
    world.pose(1);
    let plan = world.stage.poll_frame(world.now).expect("a frame");
    world.stage.frame_failed(world.now, plan);
    world.run_for(milliseconds(100));
    assert!(world.started[0].1.key);
    assert_eq!(World::shown_pose(&world.started[0].1), Some(1));
}

#[test]
fn a_full_network_holds_frames_back_and_the_newest_pose_follows() {
    let mut world = World::connected(true);
    world.pose(1);
    world.run_for(milliseconds(1000));
    world.started.clear();
    let free = world.now + milliseconds(200);
    world.stage.hold_until(free);
    for id in 2..12 {
        world.pose(id);
        world.run_for(milliseconds(10));
    }
    assert!(world.started.is_empty());
    world.run_for(milliseconds(150));
    assert_eq!((world.started[0].0, World::shown_pose(&world.started[0].1)), (free, Some(11)));
}

proptest! {
    /// With any inputs, frames keep the interval and the number in flight, keys increase, and the last pose is shown in
    /// full detail soon after it arrived.
    #[test]
    fn frames_keep_their_pace_and_the_last_pose_always_arrives(
        software: bool,
        render in 1u64..60,
        encode in 1u64..40,
        gaps in proptest::collection::vec(0u64..80, 1..60),
    ) {
        let mut world = World::connected(software);
        world.render = milliseconds(render);
        world.encode = milliseconds(encode);
        for (index, gap) in gaps.iter().enumerate() {
            world.pose(index as u32 + 1);
            world.run_for(milliseconds(*gap));
        }
        world.run_for(milliseconds(1500));
        let last = gaps.len() as u32;
        let shown = world.finished.iter().rev().find_map(|(_, plan)| match plan.work {
            Work::Render { pose, detail, .. } => Some((pose.id.0, detail.full)),
            Work::EncodeAgain => None,
        });
        prop_assert_eq!(shown, Some((last, true)));
        prop_assert!(world.rests());
        for pair in world.started.windows(2) {
            let step = pair[1].1.rtp_timestamp.wrapping_sub(pair[0].1.rtp_timestamp);
            prop_assert!(step > 0 && step < 90_000 * 3600);
            if World::shown_pose(&pair[1].1).is_some()
                && matches!(pair[1].1.work, Work::Render { detail, .. } if !detail.full)
            {
                prop_assert!(pair[1].0 - pair[0].0 >= milliseconds(33) || World::shown_pose(&pair[0].1).is_none());
            }
        }
        for window in world.finished.windows(2) {
            prop_assert!(window[0].1.serial < window[1].1.serial, "frames overtook each other");
        }
    }
}

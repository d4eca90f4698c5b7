//! Scenes with more primitives than the session's size allows.

use super::*;

impl World {
    /// A connected world that draws three primitives where two are allowed, at rest.
    fn over_limit(software: bool) -> Self {
        let mut world = Self::connected(software);
        world.primitives = [3, 3];
        world.pose(1);
        world
    }

    fn checkerboards(&self) -> Vec<(Moment, f32)> {
        let of = |(at, plan): &(Moment, FramePlan)| match plan.work {
            Work::Render { checkerboard, .. } => Some((*at, checkerboard)),
            Work::EncodeAgain => None,
        };
        self.started.iter().filter_map(of).collect()
    }

    fn notices(&self) -> Vec<wire::Notice> {
        let notice = |message: &Message| match message {
            Message::Notice(notice) => Some(notice.clone()),
            _ => None,
        };
        self.messages().filter_map(notice).collect()
    }

    fn statistics(&self) -> wire::Statistics {
        let statistics = |message: &Message| match message {
            Message::Statistics(statistics) => Some(*statistics),
            _ => None,
        };
        self.messages().filter_map(statistics).last().expect("statistics were sent")
    }
}

#[test]
fn a_model_over_the_limit_is_shown_and_a_checkerboard_fades_in_after_two_seconds() {
    for software in [true, false] {
        let mut world = World::over_limit(software);
        world.run_for(milliseconds(10_000));
        let seen = world.checkerboards();
        let (first_seen, _) = *seen.iter().find(|(_, level)| *level > 0.0).expect("it is seen");
        assert!((milliseconds(2000)..milliseconds(2400)).contains(&first_seen), "{first_seen:?}");
        let (full, _) = *seen.iter().find(|(_, level)| *level == 1.0).expect("it is there in full");
        assert!(full <= milliseconds(3400), "{full:?}");
        assert!(seen.windows(2).all(|pair| pair[0].1 <= pair[1].1), "{seen:?}");
        assert!(seen.len() > 5, "it fades");
        assert_eq!(seen.last().map(|(at, _)| *at), Some(full), "then nothing is rendered");
        assert!(world.rests());
    }
}

#[test]
fn it_fades_in_full_detail_because_coarser_frames_draw_less() {
    let mut world = World::over_limit(true);
    world.primitives = [3, 1];
    world.run_for(milliseconds(10_000));
    let details: Vec<bool> = world
        .started
        .iter()
        .filter_map(|(_, plan)| match plan.work {
            Work::Render { checkerboard, detail, .. } if checkerboard > 0.0 => Some(detail.full),
            _ => None,
        })
        .collect();
    assert!(details.len() > 5 && details.iter().all(|&full| full), "{details:?}");
    assert_eq!(world.checkerboards().last().map(|(_, level)| *level), Some(1.0));
}

#[test]
fn below_the_limit_the_checkerboard_disappears_with_the_next_frame_but_one() {
    let mut world = World::over_limit(true);
    world.run_for(milliseconds(5000));
    assert!(world.statistics().primitives_over_limit);
    world.primitives = [2, 2];
    world.started.clear();
    world.pose(2);
    world.run_for(milliseconds(2000));
    let levels: Vec<f32> = world.checkerboards().iter().map(|(_, level)| *level).collect();
    assert_eq!(levels[0], 1.0, "the primitives of the first frame are known when it is rendered");
    assert!(levels.len() > 1 && levels[1..].iter().all(|&level| level == 0.0), "{levels:?}");
    assert!(!world.statistics().primitives_over_limit);
}

#[test]
fn a_crossing_causes_one_notice_with_both_numbers() {
    let mut world = World::over_limit(true);
    world.run_for(milliseconds(5000));
    for id in 2..20 {
        world.pose(id);
        world.run_for(milliseconds(50));
    }
    let notices = world.notices();
    assert_eq!(notices.len(), 1, "{notices:?}");
    assert_eq!(notices[0].code, "PrimitiveLimit");
    assert!(notices[0].text.contains("3 triangles and points") && notices[0].text.contains("may draw 2"));
    world.primitives = [1, 1];
    world.pose(20);
    world.run_for(milliseconds(1000));
    world.primitives = [3, 3];
    world.pose(21);
    world.run_for(milliseconds(1000));
    assert_eq!(world.notices().len(), 2, "another crossing");
}

#[test]
fn points_count_like_triangles_in_the_statistics_too() {
    let mut world = World::connected(true);
    world.pose(1);
    let mut plan = world.stage.poll_frame(world.now).expect("a frame");
    let drawn = DrawStatistics { triangles: 1, points: 2, pages_missing: 7, ..DrawStatistics::default() };
    world.stage.set_external_statistics(ExternalStatistics {
        graphics_memory_budget_bytes: 99,
        ..ExternalStatistics::default()
    });
    world.stage.rendered(world.now, &mut plan, drawn);
    world.stage.encoded(plan, EncodeResult { bytes: 1, encode: Duration::ZERO, refinable: false });
    world.stage.tick(milliseconds(1100));
    world.outputs.extend(std::iter::from_fn(|| world.stage.poll_output()));
    let statistics = world.statistics();
    assert_eq!((statistics.triangles_drawn, statistics.points_drawn, statistics.primitives_drawn), (1, 2, 3));
    assert_eq!((statistics.primitives_max, statistics.primitives_over_limit), (2, true));
    assert_eq!((statistics.pages_missing, statistics.graphics_memory_budget_bytes), (7, 99));
}

#[test]
fn the_next_client_begins_below_the_limit() {
    let mut world = World::over_limit(true);
    world.run_for(milliseconds(5000));
    world.stage.connected(world.now);
    world.started.clear();
    world.stage.control(world.now, &command(1, viewport(1280, 720)));
    world.primitives = [1, 1];
    world.pose(1);
    world.run_for(milliseconds(1000));
    assert!(world.checkerboards().iter().all(|(_, level)| *level == 0.0));
    assert!(!world.started.is_empty());
}

#[test]
fn a_frame_of_an_earlier_client_is_ignored() {
    let mut world = World::connected(true);
    world.pose(1);
    let mut plan = world.stage.poll_frame(world.now).expect("a frame");
    world.stage.connected(world.now);
    world.stage.rendered(world.now, &mut plan, DrawStatistics { triangles: 3, ..DrawStatistics::default() });
    world.work();
    assert!(world.notices().is_empty());
    world.stage.frame_failed(world.now, plan.clone());
    world.stage.abandoned(plan);
    world.stage.control(world.now, &command(1, viewport(1280, 720)));
    world.run_for(milliseconds(500));
    assert!(world.started.is_empty(), "no pose yet");
}

//! The stage in a world of its own: a renderer and an encoder that take a given time, and a clock that jumps from
//! one deadline to the next.

use std::{collections::VecDeque, time::Duration};

use proptest::prelude::*;
use prost::Message as _;
use remora_assets::{
    Material, Mesh, Model, Node, Primitive,
    asset::{BuildOptions, Detail as AssetDetail},
};
use remora_protocol::connection::{self as wire, client_command::Command as WireCommand, host_message::Message};
use remora_render::{FrameTimings, Samples, Size};
use remora_stream::Fidelity;

use super::obey::fitted;
use super::*;

mod differs;
mod limit;
mod parts;
mod refining;

fn milliseconds(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

fn capability(software: bool) -> Capability {
    Capability {
        adapter_name: "test".into(),
        software,
        stream_pixels_max: 1280 * 720,
        stream_width_max: 3840,
        stream_height_max: 2160,
        frame_interval: milliseconds(33),
        frames_in_flight_max: 2,
        primitives_max: Some(2),
        render_target: quality::render_target(software),
    }
}

fn pose(id: u32) -> Vec<u8> {
    wire::Pose {
        id,
        position: Some(wire::Point { x: f64::from(id), y: 0.0, z: 5.0 }),
        orientation: Some(wire::Quaternion { x: 0.0, y: 0.0, z: 0.0, w: 1.0 }),
        vertical_field_of_view: 0.8,
        near_plane_metres: 0.01,
        input_time_milliseconds: f64::from(id) * 10.0,
    }
    .encode_to_vec()
}

fn command(id: u32, command: WireCommand) -> Vec<u8> {
    wire::ClientCommand { id, command: Some(command) }.encode_to_vec()
}

fn viewport(width: u32, height: u32) -> WireCommand {
    WireCommand::SetViewport(wire::SetViewport { width_pixels: width, height_pixels: height })
}

fn triangle() -> Asset {
    model(vec![0, 1, 2], AssetDetail::Full)
}

/// The same triangle as often as its indices are in the list.
fn model(indices: Vec<u32>, detail: AssetDetail) -> Asset {
    let primitive = Primitive {
        positions: vec![[-1.0, -1.0, 0.0], [1.0, -1.0, 0.0], [0.0, 1.0, 0.0]],
        normals: vec![[0.0, 0.0, 1.0]; 3],
        indices,
        ..Primitive::default()
    };
    let model = Model {
        name: "triangle".into(),
        nodes: vec![Node { name: "part".into(), mesh: Some(0), ..Default::default() }],
        meshes: vec![Mesh { name: "mesh".into(), primitives: vec![primitive], ..Default::default() }],
        materials: vec![Material::default()],
        ..Model::default()
    };
    let options = BuildOptions { detail, ..BuildOptions::default() };
    Asset::from_model(&model, &options, &|_| {}, &|| false).expect("a good model")
}

/// Renders one picture at a time, then encodes it, each in a fixed time.
struct World {
    now: Moment,
    stage: Stage,
    render: Duration,
    encode: Duration,
    /// Triangles that every picture takes in full detail, and in less.
    primitives: [u64; 2],
    /// When it will be done, and what.
    rendering: Option<(Moment, FramePlan)>,
    encoding: VecDeque<(Moment, FramePlan)>,
    /// Times a still picture can be improved.
    gains: u32,
    started: Vec<(Moment, FramePlan)>,
    finished: Vec<(Moment, FramePlan)>,
    outputs: Vec<Output>,
}

impl World {
    fn new(software: bool) -> Self {
        let mut stage = Stage::new(capability(software));
        stage.connected(Moment::ZERO);
        Self {
            now: Moment::ZERO,
            stage,
            render: milliseconds(12),
            encode: milliseconds(8),
            primitives: [1, 1],
            rendering: None,
            encoding: VecDeque::new(),
            gains: 2,
            started: Vec::new(),
            finished: Vec::new(),
            outputs: Vec::new(),
        }
    }

    /// With a viewport and everything said that is said at the start.
    fn connected(software: bool) -> Self {
        let mut world = Self::new(software);
        world.stage.control(Moment::ZERO, &command(1, viewport(1280, 720)));
        world.run_for(milliseconds(10));
        world
    }

    fn run_for(&mut self, duration: Duration) {
        let end = self.now + duration;
        loop {
            self.work();
            let wakes = [
                self.stage.poll_timeout().filter(|&at| at > self.now || self.rendering.is_none()),
                self.rendering.map(|(at, _)| at),
                self.encoding.front().map(|&(at, _)| at),
            ];
            match wakes.into_iter().flatten().min() {
                Some(at) if at <= end => self.now = self.now.max(at),
                _ => break,
            }
        }
        self.now = end;
    }

    fn work(&mut self) {
        self.outputs.extend(std::iter::from_fn(|| self.stage.poll_output()));
        self.stage.tick(self.now);
        if let Some((at, plan)) = self.rendering
            && at <= self.now
        {
            self.rendering = None;
            let timings = FrameTimings { draw: self.render, ..FrameTimings::default() };
            let [full, coarse] = self.primitives;
            let triangles = match plan.work {
                Work::Render { detail, .. } if !detail.full => coarse,
                _ => full,
            };
            self.stage.rendered(self.now, plan.serial, Drawn { timings, triangles, ..Drawn::default() });
            self.encoding.push_back((self.now + self.encode, plan));
        }
        while let Some(&(at, plan)) = self.encoding.front()
            && at <= self.now
        {
            self.encoding.pop_front();
            self.gains = if plan.fidelity == Fidelity::Rest { self.gains.saturating_sub(1) } else { 2 };
            let encoded = Encoded { bytes: 1000, encode: self.encode, refinable: self.gains > 0 };
            self.stage.encoded(plan.serial, encoded);
            self.finished.push((self.now, plan));
        }
        if self.rendering.is_none()
            && let Some(plan) = self.stage.poll_frame(self.now)
        {
            self.started.push((self.now, plan));
            match plan.work {
                Work::Render { .. } => self.rendering = Some((self.now + self.render, plan)),
                Work::EncodeAgain => self.encoding.push_back((self.now + self.encode, plan)),
            }
        }
        self.outputs.extend(std::iter::from_fn(|| self.stage.poll_output()));
    }

    /// Whether nothing is due but statistics.
    fn rests(&self) -> bool {
        self.stage.poll_timeout() == self.stage.statistics_due()
    }

    fn pose(&mut self, id: u32) {
        self.stage.pose(self.now, &pose(id));
    }

    fn shown_pose(plan: &FramePlan) -> Option<u32> {
        match plan.work {
            Work::Render { pose, .. } => Some(pose.id),
            Work::EncodeAgain => None,
        }
    }

    fn messages(&self) -> impl Iterator<Item = &Message> {
        self.outputs.iter().filter_map(|output| match output {
            Output::Control(message) => message.message.as_ref(),
            _ => None,
        })
    }

    fn replies(&self) -> Vec<(u32, Outcome)> {
        let reply = |message: &Message| match message {
            Message::Reply(reply) => Some((reply.id, reply.result.clone().expect("a reply has a result"))),
            _ => None,
        };
        self.messages().filter_map(reply).collect()
    }
}

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
    let (at, _) = world.finished.iter().find(|(_, plan)| refined(plan)).expect("a refined picture");
    assert!(*at - last_input <= milliseconds(150), "{:?}", *at - last_input);
    let moving = world.started.iter().find(|(_, plan)| !refined(plan)).expect("a picture while moving");
    assert!(matches!(moving.1.work, Work::Render { detail, .. } if detail.samples == Samples::One));

    let last = world.started.last().expect("something was rendered").0;
    assert!(last < last_input + milliseconds(600), "encoded for ever");
    assert!(world.rests());
}

#[test]
fn at_rest_the_client_hears_every_second_what_is_left_of_its_lease_and_nothing_is_drawn() {
    let mut world = World::connected(true);
    world.pose(1);
    world.run_for(milliseconds(3000));
    world.started.clear();
    world.outputs.clear();
    for minutes in [9, 8, 7] {
        let lease_remaining = Duration::from_secs(60 * minutes);
        world.stage.surround(Surroundings { lease_remaining, ..Surroundings::default() });
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
    assert!(world.started.is_empty(), "a picture at rest is not drawn or encoded for the sake of statistics");
    world.stage.disconnected();
    assert_eq!(world.stage.poll_timeout(), None, "without a client there is nothing to tell");
}

#[test]
fn a_slow_adapter_is_sharp_within_150_ms_and_smooth_after_that() {
    let mut world = World::connected(true);
    // Learns at the first rest that the full picture takes long here.
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
fn a_pose_supersedes_the_refinement_but_never_a_moving_picture() {
    let mut world = World::connected(true);
    world.render = milliseconds(100);
    world.pose(1);
    world.run_for(milliseconds(1));
    let (_, moving) = *world.started.last().expect("a picture at once");
    world.pose(2);
    assert!(!world.stage.superseded(moving.serial), "then nothing would be seen while moving");
    world.run_for(milliseconds(400));
    let (_, refinement) = *world.started.last().expect("a refinement");
    assert_eq!(refinement.fidelity, Fidelity::Rest);

    let mut world = World::connected(true);
    world.pose(1);
    world.run_for(milliseconds(40));
    world.render = milliseconds(100);
    world.run_for(milliseconds(40));
    let (_, refinement) = *world.started.last().expect("a refinement");
    assert_eq!(refinement.fidelity, Fidelity::Rest);
    assert!(!world.stage.superseded(refinement.serial));
    world.pose(2);
    assert!(world.stage.superseded(refinement.serial));
    world.stage.abandoned(&refinement);
    world.rendering = None;
    let before = world.now;
    world.run_for(milliseconds(1));
    let (at, plan) = *world.started.last().expect("the new pose");
    assert_eq!((at, World::shown_pose(&plan)), (before, Some(2)));
}

#[test]
fn a_strong_adapter_renders_once_in_full_and_only_encodes_again() {
    let mut world = World::connected(false);
    world.pose(1);
    world.run_for(milliseconds(1000));
    let renders = world.started.iter().filter(|(_, plan)| World::shown_pose(plan).is_some()).count();
    assert_eq!(renders, 1);
    assert!(world.started.len() > 1, "a still picture is improved");
    assert!(world.started[1..].iter().all(|(_, plan)| plan.fidelity == Fidelity::Rest));
}

#[test]
fn a_key_frame_wanted_at_rest_is_the_last_picture_once_more() {
    let mut world = World::connected(true);
    world.pose(1);
    world.run_for(milliseconds(2000));
    world.started.clear();
    world.stage.key_frame_wanted();
    world.run_for(milliseconds(200));
    assert_eq!(world.started.len(), 1);
    let plan = world.started[0].1;
    assert!(plan.key && plan.work == Work::EncodeAgain);
}

#[test]
fn a_frame_that_failed_is_made_again_as_a_key_frame() {
    let mut world = World::connected(true);
    world.pose(1);
    let plan = world.stage.poll_frame(world.now).expect("a frame");
    world.stage.frame_failed(world.now, plan.serial);
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

#[test]
fn the_next_client_finds_a_clean_scene() {
    let mut world = World::connected(true);
    world.stage.loaded(world.now, 5, triangle());
    world.pose(1);
    world.run_for(milliseconds(100));
    assert!(matches!(world.replies().last(), Some((5, Outcome::ModelLoaded(loaded))) if loaded.triangles == 1));
    world.outputs.clear();
    world.stage.disconnected();
    world.stage.connected(world.now);
    world.run_for(milliseconds(1));
    assert!(world.outputs.contains(&Output::SceneEmptied));
    assert_eq!(world.stage.scene_mut().instances().len(), 0);
    assert!(world.started.iter().all(|(at, _)| *at < world.now), "the pose of the client before is not used");
}

#[test]
fn a_model_in_place_of_others_removes_them_when_it_comes_and_a_failed_one_removes_nothing() {
    let mut world = World::connected(true);
    let load = |replace| WireCommand::LoadModel(wire::LoadModel { uri: "builtin://Engine".into(), replace });
    let first = world.stage.loaded(world.now, 5, triangle()).expect("there is a client");
    world.stage.control(world.now, &command(6, load(true)));
    world.work();
    let asked = Output::Load { command: 6, uri: "builtin://Engine".into(), replace: true };
    assert!(world.outputs.contains(&asked), "{:?}", world.outputs);
    assert_eq!(world.stage.scene_mut().triangles(), 1, "the scene waits for the new model");
    world.stage.load_failed(6, "ModelNotFound", "not there".into());
    assert_eq!(world.stage.scene_mut().triangles(), 1);

    let key = world.stage.next_model();
    let asset = model(vec![0, 1, 2, 0, 1, 2], AssetDetail::Full);
    assert_eq!(world.stage.loaded_in_place(world.now, 7, asset), Some(key), "the key that the renderer was given");
    world.work();
    assert!(world.outputs.contains(&Output::ModelsReplaced(vec![first])));
    assert_eq!(world.stage.scene_mut().models().map(|(key, _)| key).collect::<Vec<_>>(), [key]);
    assert!(matches!(world.replies().last(), Some((7, Outcome::ModelLoaded(loaded))) if loaded.triangles == 2));
}

#[test]
fn each_client_finds_the_models_of_its_session_being_loaded_one_after_the_other() {
    let mut stage = Stage::new(capability(true));
    let loads = |stage: &mut Stage| {
        let outputs = std::iter::from_fn(|| stage.poll_output());
        let loads = outputs.filter_map(|output| match output {
            Output::Load { command: SESSION_MODELS, uri, .. } => Some(uri),
            _ => None,
        });
        loads.collect::<Vec<_>>()
    };
    stage.assign("session".into(), vec!["builtin://a".into(), "builtin://b".into()]);
    assert!(loads(&mut stage).is_empty(), "nobody is there yet");
    for _client in 0..2 {
        stage.connected(milliseconds(0));
        assert_eq!(loads(&mut stage), ["builtin://a"]);
        stage.load_failed(SESSION_MODELS, "ModelNotFound", "not there".into());
        assert_eq!(loads(&mut stage), ["builtin://b"], "one that cannot be loaded does not keep the next away");
        stage.loaded(milliseconds(1), SESSION_MODELS, triangle());
        assert!(loads(&mut stage).is_empty());
        assert_eq!(stage.scene_mut().triangles(), 1);
    }
}

#[test]
fn a_ray_finds_the_part_and_a_moved_part_is_found_where_it_went() {
    let mut world = World::connected(true);
    world.stage.loaded(world.now, 5, triangle());
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

#[test]
fn a_viewport_of_any_shape_is_fitted_to_what_is_streamed() {
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

proptest! {
    /// However inputs fall: no two pictures closer than the interval, never more in flight than allowed, keys
    /// increasing, and the last pose is on the screen in full detail soon after it came.
    #[test]
    fn pictures_keep_their_pace_and_the_last_pose_always_arrives(
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
            Work::Render { pose, detail, .. } => Some((pose.id, detail.full)),
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
            prop_assert!(window[0].1.serial < window[1].1.serial, "pictures overtook each other");
        }
    }
}

//! The stage with a simulated renderer and encoder that take a given time, and a clock that jumps from one deadline to
//! the next.

use std::{collections::VecDeque, time::Duration};

use proptest::prelude::*;
use prost::Message as _;
use remora_asset::Asset;
use remora_build::{BuildOptions, Detail as AssetDetail, build_asset};
use remora_model::{Material, Mesh, Model, Node, Primitive};
use remora_protocol::connection::{
    self as wire, client_command::Command as WireCommand, host_message::Message, reply::Result as Outcome,
};
use remora_render::{FrameTimings, Samples, Size};
use remora_stream::Fidelity;

use super::execute::fitted;
use super::*;

mod commands;
mod differs;
mod hostile;
mod limit;
mod loads;
mod pace;
mod parts;
mod refining;
mod structure;

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
        entities_max: 6,
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

/// Returns a model with one triangle for each three indices.
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
    build_asset(&model, &options, &|_| {}, &|| false).expect("a good model")
}

/// Renders one frame at a time and then encodes it, each in a fixed time.
struct World {
    now: Moment,
    stage: Stage,
    render: Duration,
    encode: Duration,
    /// Triangles of a frame in full detail, and in less.
    primitives: [u64; 2],
    /// The frame that is being rendered, and when it will be done.
    rendering: Option<(Moment, FramePlan)>,
    encoding: VecDeque<(Moment, FramePlan)>,
    /// How often a still frame can be improved.
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

    /// Returns a world with a viewport, after the messages of the start.
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
                self.rendering.as_ref().map(|&(at, _)| at),
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
        if self.rendering.as_ref().is_some_and(|(at, _)| *at <= self.now)
            && let Some((_, mut plan)) = self.rendering.take()
        {
            let timings = FrameTimings { draw: self.render, ..FrameTimings::default() };
            let [full, coarse] = self.primitives;
            let triangles = match plan.work {
                Work::Render { detail, .. } if !detail.full => coarse,
                _ => full,
            };
            let drawn = DrawStatistics { timings, triangles, ..DrawStatistics::default() };
            self.stage.rendered(self.now, &mut plan, drawn);
            self.encoding.push_back((self.now + self.encode, plan));
        }
        while self.encoding.front().is_some_and(|(at, _)| *at <= self.now)
            && let Some((_, plan)) = self.encoding.pop_front()
        {
            self.gains = if plan.fidelity == Fidelity::Rest { self.gains.saturating_sub(1) } else { 2 };
            let result = EncodeResult { bytes: 1000, encode: self.encode, refinable: self.gains > 0 };
            self.finished.push((self.now, plan.clone()));
            self.stage.encoded(plan, result);
        }
        if self.rendering.is_none()
            && let Some(plan) = self.stage.poll_frame(self.now)
        {
            self.started.push((self.now, plan.clone()));
            match plan.work {
                Work::Render { .. } => self.rendering = Some((self.now + self.render, plan)),
                Work::EncodeAgain => self.encoding.push_back((self.now + self.encode, plan)),
            }
        }
        self.outputs.extend(std::iter::from_fn(|| self.stage.poll_output()));
    }

    /// Returns whether nothing is due but statistics.
    fn rests(&self) -> bool {
        self.stage.poll_timeout() == self.stage.statistics_due()
    }

    fn pose(&mut self, id: u32) {
        self.stage.pose(self.now, &pose(id));
    }

    fn shown_pose(plan: &FramePlan) -> Option<u32> {
        match plan.work {
            Work::Render { pose, .. } => Some(pose.id.0),
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

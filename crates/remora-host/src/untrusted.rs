//! A call that holds for any messages of a client. It is the fuzz target `commands` of `fuzz/`; a test runs it over the
//! corpus too, and over random commands.

use std::{sync::LazyLock, time::Duration};

use glam::{DAffine3, DVec3};
use prost::{Message as _, decode_length_delimiter};
use remora_asset::Asset;
use remora_model::{Material, Mesh, Model, Node, Primitive};
use remora_protocol::connection::{
    self as wire, client_command::Command as WireCommand, host_message::Message, reply::Result as Outcome,
};
use remora_scene::{Instance, Scene};

use crate::{
    clock::Moment,
    stage::{Capability, Output, Stage},
};

/// Number of entities that the scene may have, so that inputs meet the limit.
const ENTITIES_MAX: usize = 48;

/// A part below another one, and a node without a mesh. Every model that a client loads here is this one.
static MODEL: LazyLock<Asset> = LazyLock::new(|| {
    let primitive = Primitive {
        positions: vec![[-1.0, -1.0, 0.0], [1.0, -1.0, 0.0], [0.0, 1.0, 0.0]],
        normals: vec![[0.0, 0.0, 1.0]; 3],
        indices: vec![0, 1, 2],
        ..Primitive::default()
    };
    let node = |parent, mesh| Node { parent, mesh, transform: DAffine3::from_translation(DVec3::X), ..Node::default() };
    let model = Model {
        nodes: vec![node(None, Some(0)), node(Some(0), Some(0)), node(Some(1), None)],
        meshes: vec![Mesh { primitives: vec![primitive], ..Mesh::default() }],
        materials: vec![Material::default()],
        ..Model::default()
    };
    let options = remora_build::BuildOptions::default();
    remora_build::build_asset(&model, &options, &|_| {}, &|| false).expect("the model is sound")
});

/// Sends messages to a stage, each after its length as a varint, and checks after each of them that the scene is
/// consistent, that every command has one reply, and that reports of changes lead to the same instances.
pub fn commands(input: &[u8]) {
    let mut rest = input;
    let mut session = Session::new();
    while let Ok(length) = decode_length_delimiter(&mut rest) {
        let (message, after) = rest.split_at(length.min(rest.len()));
        rest = after;
        session.send(message);
    }
}

struct Session {
    stage: Stage,
    /// Copy of the instances, kept by the reports of changes alone.
    copy: Vec<Option<Instance>>,
    sent: usize,
}

impl Session {
    fn new() -> Self {
        let mut stage = Stage::new(Capability {
            adapter_name: String::new(),
            software: true,
            stream_pixels_max: 1 << 20,
            stream_width_max: 4096,
            stream_height_max: 4096,
            frame_interval: Duration::from_millis(33),
            frames_in_flight_max: 2,
            primitives_max: None,
            entities_max: ENTITIES_MAX,
            render_target: Duration::from_millis(20),
        });
        stage.connected(Moment::ZERO);
        Self { stage, copy: Vec::new(), sent: 0 }
    }

    fn send(&mut self, message: &[u8]) {
        self.stage.control(Moment::ZERO, message);
        let command = wire::ClientCommand::decode(message).unwrap_or_default();
        let says_goodbye = matches!(command.command, Some(WireCommand::Goodbye(_)));
        let mut replies = 0;
        while let Some(output) = self.stage.poll_output() {
            replies += usize::from(self.take(output, command.id));
        }
        if command.id != 0 {
            assert_eq!(replies, usize::from(!says_goodbye), "replies to {command:?}");
        }
        let scene = self.stage.scene_mut();
        scene.assert_consistent();
        self.sent += 1;
        // Some reports cover several commands.
        if self.sent % 3 != 1 {
            follow(&mut self.copy, scene);
        }
    }

    /// Does the work of an output. Returns whether it is a reply to the command.
    fn take(&mut self, output: Output, id: u32) -> bool {
        match output {
            Output::Control(message) => {
                let Some(Message::Reply(reply)) = message.message else { return false };
                reply.result.iter().for_each(check_finite);
                return reply.id == id;
            }
            Output::Load { command, replace: false, .. } => {
                self.stage.loaded(Moment::ZERO, command, MODEL.clone());
            }
            Output::Load { command, replace: true, .. } => {
                self.stage.loaded_in_place(Moment::ZERO, command, MODEL.clone());
            }
            Output::Pick { command, .. } => self.stage.picked(command, Some((0, DVec3::ZERO))),
            Output::SceneEmptied => assert_eq!(self.stage.scene_mut().models().count(), 0),
            Output::ModelsRemoved(keys) => {
                assert!(keys.into_iter().all(|key| self.stage.scene_mut().model(key).is_none()));
            }
            Output::Close => self.stage.connected(Moment::ZERO),
        }
        false
    }
}

/// Applies the report of a scene to a copy of its instances, which then equals them.
fn follow(copy: &mut Vec<Option<Instance>>, scene: &mut Scene) {
    let changes = scene.take_changes();
    let slots = scene.instance_slots();
    if changes.structure {
        *copy = slots.to_vec();
    }
    for slot in changes.removed {
        assert!(copy[slot as usize].take().is_some(), "an instance left");
    }
    copy.resize(slots.len(), None);
    for slot in changes.created.into_iter().chain(changes.changed) {
        copy[slot as usize] = slots[slot as usize];
    }
    assert_eq!(copy, slots);
}

/// Checks that no number of an answer about the scene is an infinity or NaN.
fn check_finite(outcome: &Outcome) {
    if let Outcome::EntityInfo(info) = outcome {
        let axes = [info.scale, info.world_x_axis, info.world_y_axis, info.world_z_axis];
        for wire::Vector3 { x, y, z } in axes.into_iter().flatten() {
            assert!(x.is_finite() && y.is_finite() && z.is_finite(), "{outcome:?}");
        }
    }
    let points = match outcome {
        Outcome::EntityInfo(info) => vec![info.translation, info.world_translation, info.bounds_min, info.bounds_max],
        Outcome::RayHit(hit) => vec![hit.position, hit.bounds_min, hit.bounds_max],
        _ => return,
    };
    for wire::Point { x, y, z } in points.into_iter().flatten() {
        assert!(DVec3::new(x, y, z).is_finite(), "{outcome:?}");
    }
}

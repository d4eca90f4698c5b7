//! The stage ties client, scene and frames together. It is pure: it is told the time and asked what to do.
//!
//! ```text
//!   connected, control, pose, loaded, …          poll_frame ──▶ FramePlan   rendered and encoded by other threads,
//!   ───────────────────────────────▶  Stage ──▶  poll_output ──▶ Output     given back with encoded or frame_failed
//!                                                poll_timeout ─▶ when to ask again at the latest
//! ```
//!
//! A frame is planned when something changed that no planned frame shows: at once if the last one started long enough
//! ago, otherwise at its turn (`pacing.rs`). Several poses between two frames make one frame. Some milliseconds after
//! the last change the frame is refined to the full detail, then encoded again until the encoder cannot improve it, and
//! then nothing is rendered or encoded. Statistics are sent every second all the same, because the lease runs on at
//! rest.
//!
//! No output is ever dropped. The caller takes all outputs after every input, so no more outputs wait than one input
//! makes.
//!
//! The stage never blocks, never touches a device or a socket, and holds at most one client.

mod answer;
pub(crate) mod command;
mod execute;
mod frames;
mod limit;
mod loads;
mod messages;
mod models;
mod overrides;
mod pacing;
pub(crate) mod plan;
pub(crate) mod pose;
pub(crate) mod quality;
mod reporting;
#[cfg(test)]
mod tests;

use std::{collections::VecDeque, time::Duration};

use remora_protocol::{
    codes::ErrorCode,
    connection::{self as wire, host_message::Message},
};
use remora_render::Size;
use remora_scene::{ModelKey, Scene};

use crate::{
    clock::Moment,
    ids::{CommandId, ConnectionId, FrameSerial},
};
use command::{BadCommand, Command};
use limit::PrimitiveLimit;
use loads::Loads;
use pacing::Pacing;
pub(crate) use plan::{DrawStatistics, EncodeResult, FramePlan, Work};
use pose::Pose;
use quality::{Detail, Quality};
pub(crate) use reporting::ExternalStatistics;
use reporting::Reporting;

/// The abilities of the host, as found at its start.
#[derive(Clone, Debug)]
pub(crate) struct Capability {
    pub(crate) adapter_name: String,
    /// The adapter is a software rasteriser.
    pub(crate) software: bool,
    /// Upper bound on the pixels of a streamed frame.
    pub(crate) stream_pixels_max: u32,
    pub(crate) stream_width_max: u32,
    pub(crate) stream_height_max: u32,
    /// From the start of one frame to the start of the next.
    pub(crate) frame_interval: Duration,
    /// Frames that are rendered or encoded at the same time.
    pub(crate) frames_in_flight_max: usize,
    /// Triangles and points that a frame may take before a checkerboard shows that it is too much; `None` is any
    /// number.
    pub(crate) primitives_max: Option<u64>,
    /// Number of entities that the scene may have.
    pub(crate) entities_max: usize,
    /// The time that rendering a moving frame may take.
    pub(crate) render_target: Duration,
}

/// Work for the caller.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Output {
    /// A message for the client.
    Control(Box<wire::HostMessage>),
    /// A model to load.
    Load {
        command: CommandId,
        uri: String,
        /// The caller adds the model with [`Stage::loaded_in_place`] instead of [`Stage::loaded`].
        replace: bool,
    },
    /// A request for what is visible at a point of the newest frame, in normalised device coordinates, y up. The caller
    /// answers with [`Stage::picked`].
    Pick { command: CommandId, x: f32, y: f32 },
    /// All models have left the scene.
    SceneEmptied,
    /// These models have left the scene, and others may have stayed.
    ModelsRemoved(Vec<ModelKey>),
    /// The client has said goodbye.
    Close,
}

/// See the module's documentation.
pub(crate) struct Stage {
    capability: Capability,
    session_id: String,
    /// Addresses of the models that are loaded for each client.
    session_models: Vec<String>,
    scene: Scene,
    quality: Quality,
    /// The current connection, or one that is yet to come.
    connection: ConnectionId,
    client: Option<Client>,
    outputs: VecDeque<Output>,
    serial_next: FrameSerial,
    rtp_timestamp_last: u32,
    external: ExternalStatistics,
    /// Statistics of the most recent frame.
    drawn: DrawStatistics,
}

/// Everything that ends with the connection.
struct Client {
    viewport: Option<Size>,
    /// The newest pose and when it arrived.
    pose: Option<(Pose, Moment)>,
    /// The latency marker is painted into each frame.
    marker: bool,
    pacing: Pacing,
    limit: PrimitiveLimit,
    loads: Loads,
    /// Picks that have not been answered.
    picks: usize,
    reporting: Reporting,
}

impl Stage {
    pub(crate) fn new(capability: Capability) -> Self {
        Self {
            quality: Quality::new(capability.software, capability.render_target),
            scene: Scene::with_entities_max(capability.entities_max),
            capability,
            session_id: String::new(),
            session_models: Vec::new(),
            connection: ConnectionId::default(),
            client: None,
            outputs: VecDeque::new(),
            serial_next: FrameSerial(1),
            rtp_timestamp_last: 0,
            external: ExternalStatistics::default(),
            drawn: DrawStatistics::default(),
        }
    }

    /// Returns the scene, which the renderer synchronises with.
    pub(crate) fn scene_mut(&mut self) -> &mut Scene {
        &mut self.scene
    }

    /// Returns the id of the current connection, which changes when a client connects or leaves.
    pub(crate) fn connection(&self) -> ConnectionId {
        self.connection
    }

    /// Returns the next output. The caller takes all of them after every input.
    pub(crate) fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    pub(crate) fn set_external_statistics(&mut self, external: ExternalStatistics) {
        self.external = external;
    }

    /// Sets the session that clients connect to. Comes before the first client.
    pub(crate) fn assign(&mut self, session_id: String, models: Vec<String>) {
        (self.session_id, self.session_models) = (session_id, models);
    }

    /// Welcomes a client whose control channel is open. It finds an empty scene, into which the session's models are
    /// loaded.
    pub(crate) fn connected(&mut self, now: Moment) {
        self.disconnected();
        self.client = Some(Client {
            viewport: None,
            pose: None,
            marker: false,
            pacing: Pacing::new(now),
            limit: PrimitiveLimit::new(self.capability.primitives_max),
            loads: Loads::default(),
            picks: 0,
            reporting: Reporting::new(now),
        });
        self.tell(Message::Welcome(wire::Welcome {
            session_id: self.session_id.clone(),
            adapter_name: self.capability.adapter_name.clone(),
            software_adapter: self.capability.software,
            viewport_width_pixels_max: self.capability.stream_width_max,
            viewport_height_pixels_max: self.capability.stream_height_max,
        }));
        self.load_session_model();
    }

    /// Forgets the client and empties the scene.
    pub(crate) fn disconnected(&mut self) {
        self.connection = self.connection.next();
        // Outputs for the client have no receiver any more.
        self.outputs.retain(|output| matches!(output, Output::SceneEmptied));
        if self.client.take().is_some() {
            self.scene.clear();
            self.outputs.push_back(Output::SceneEmptied);
        }
    }

    /// Executes a command. `bytes` is a `ClientCommand`.
    pub(crate) fn control(&mut self, now: Moment, bytes: &[u8]) {
        if self.client.is_none() {
            return;
        }
        match Command::decode(bytes) {
            Ok(command) => self.execute(now, command),
            Err(BadCommand { id, message }) => self.refuse(id, ErrorCode::BadCommand, message),
        }
    }

    /// Takes a pose, which arrived at `at`. `bytes` is a `Pose`; malformed and outdated ones are ignored.
    pub(crate) fn pose(&mut self, at: Moment, bytes: &[u8]) {
        let Some(client) = &mut self.client else { return };
        let Some(pose) = Pose::decode(bytes) else { return };
        // The channel is unordered, so an older pose may arrive after a newer one.
        if client.pose.as_ref().is_some_and(|(last, _)| pose.id <= last.id) {
            return;
        }
        client.pose = Some((pose, at));
        client.pacing.pose(at);
    }

    /// Makes the next frame a key frame.
    pub(crate) fn key_frame_wanted(&mut self) {
        if let Some(client) = &mut self.client {
            client.pacing.want_key_frame();
        }
    }

    /// Encodes the last frame again: it may not have arrived, and nothing was sent since that would reveal the loss.
    pub(crate) fn repeat_wanted(&mut self) {
        if let Some(client) = &mut self.client {
            client.pacing.want_repeat();
        }
    }

    /// Starts no frame before `until`, because it would only wait in the network.
    pub(crate) fn hold_until(&mut self, until: Moment) {
        if let Some(client) = &mut self.client {
            client.pacing.hold_until(until);
        }
    }

    /// Returns the newest pose and the detail in which it is shown at full size.
    pub(crate) fn view(&self) -> Option<(Pose, Detail)> {
        let client = self.client.as_ref()?;
        let (pose, _) = client.pose?;
        Some((pose, Quality::sharp(client.viewport?)))
    }

    /// Notes that geometry has arrived which the last frame lacked: the same view is worth another frame, which is no
    /// movement.
    pub(crate) fn sharpened(&mut self) {
        if let Some(client) = &mut self.client {
            client.pacing.sharpen();
        }
    }

    fn put(&mut self, output: Output) {
        self.outputs.push_back(output);
    }
}

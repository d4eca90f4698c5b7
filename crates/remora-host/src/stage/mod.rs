//! The stage ties client, scene and pictures together: pure, told the time, asked what to do.
//!
//! ```text
//!   connected, control, pose, loaded, …          poll_frame ──▶ FramePlan   rendered and encoded by threads,
//!   ───────────────────────────────▶  Stage ──▶  poll_output ──▶ Output     which answer with rendered, encoded
//!                                                poll_timeout ─▶ when to ask again at the latest
//! ```
//!
//! A picture is planned when something changed that no planned picture shows: at once if the last one started
//! long enough ago, else at its turn. Several poses between two pictures make one. When nothing has changed for
//! [`pace::REST_AFTER`] the picture is refined to the full detail, then encoded again until nothing is left to gain, and
//! then nothing is rendered or encoded. Statistics are sent every second all the same, because a lease goes on at rest.
//!
//! No output is ever dropped: the caller takes all of them after every input, so that no more wait than one input makes.
//!
//! The stage never blocks, never touches a device or a socket, and holds at most one client.

mod answer;
pub mod command;
mod execute;
mod limit;
mod loads;
mod overrides;
mod pace;
pub mod pose;
pub mod quality;
mod record;
mod report;
#[cfg(test)]
mod tests;

use std::{collections::VecDeque, time::Duration};

use remora_protocol::{
    codes::{ErrorCode, NoticeCode},
    connection::{self as wire, host_message::Message},
};
use remora_render::{FrameTimings, Size};
use remora_scene::{ModelKey, Scene};
use remora_stream::Fidelity;

use crate::clock::Moment;
use command::{BadCommand, Command};
use limit::PrimitiveLimit;
use pose::Pose;
use quality::{Detail, Quality};
use record::Frames;
pub use report::ExternalStatistics;
use report::STATISTICS_INTERVAL;

/// What the host can do, as found at its start.
#[derive(Clone, Debug)]
pub struct Capability {
    pub adapter_name: String,
    pub software: bool,
    /// Most pixels of a streamed picture.
    pub stream_pixels_max: u32,
    pub stream_width_max: u32,
    pub stream_height_max: u32,
    /// From the start of one picture to the start of the next.
    pub frame_interval: Duration,
    /// Pictures that are rendered or encoded at the same time.
    pub frames_in_flight_max: usize,
    /// Triangles and points that a picture may take before a checkerboard says that it is too much; `None` is any
    /// number.
    pub primitives_max: Option<u64>,
    /// What a moving picture may take to render.
    pub render_target: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FramePlan {
    pub serial: u64,
    /// 90 kHz, increasing: the frame's key everywhere.
    pub rtp_timestamp: u32,
    pub key: bool,
    pub fidelity: Fidelity,
    pub work: Work,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Work {
    Render {
        pose: Pose,
        detail: Detail,
        stream_size: Size,
        /// Paint the pose's id into the picture.
        marker: bool,
        /// How much of the checkerboard is to be seen that says that too much is drawn: 0 none, 1 all.
        checkerboard: f32,
    },
    /// Encode the last rendered picture once more.
    EncodeAgain,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    Control(Box<wire::HostMessage>),
    Load {
        command: u32,
        uri: String,
        /// The model is shown by [`Stage::loaded_in_place`], else by [`Stage::loaded`].
        replace: bool,
    },
    /// What is seen at that place of the newest picture is asked for: normalised device coordinates, y up. To be
    /// answered with [`Stage::picked`].
    Pick {
        command: u32,
        x: f32,
        y: f32,
    },
    /// The models of the scene before are not needed any more.
    SceneEmptied,
    /// These models have left the scene for another one, which stays.
    ModelsReplaced(Vec<ModelKey>),
    /// The client has said goodbye.
    Close,
}

/// What the renderer has to tell about a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct DrawStatistics {
    pub timings: FrameTimings,
    pub triangles: u64,
    pub points: u64,
    /// Pages of geometry that were wanted and are not there yet.
    pub pages_missing: u32,
}

/// What the encoder has to tell about a frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Encoded {
    pub bytes: u32,
    pub encode: Duration,
    pub refinable: bool,
}

pub struct Stage {
    capability: Capability,
    session_id: String,
    /// Addresses of what each client finds being loaded.
    session_models: Vec<String>,
    scene: Scene,
    quality: Quality,
    client: Option<Client>,
    outputs: VecDeque<Output>,
    serial_next: u64,
    rtp_timestamp_last: u32,
    external: ExternalStatistics,
    /// Of the last picture.
    drawn: DrawStatistics,
}

/// All that ends with the connection.
struct Client {
    viewport: Option<Size>,
    pose: Option<(Pose, Moment)>,
    marker: bool,
    /// A change that no planned picture shows yet.
    dirty: bool,
    changed_at: Moment,
    /// What the last planned picture was like.
    shown: Shown,
    key_wanted: bool,
    frames: Frames,
    started_at: Option<Moment>,
    /// The last picture is to be encoded once more, so that the client notices what it lost.
    repeat_wanted: bool,
    limit: PrimitiveLimit,
    /// The network is full until then.
    hold_until: Moment,
    loads: usize,
    /// Places that were pointed at and not looked at yet.
    picks: usize,
    /// How many of the session's models have been asked for; one is loaded after the other.
    session_models_asked: usize,
    statistics_at: Moment,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Shown {
    Nothing,
    Coarse,
    /// Full size, as long as the full detail takes.
    Sharp,
    /// Full detail; encoded again this often since.
    Full {
        again: u32,
        refinable: bool,
    },
}

impl Stage {
    pub fn new(capability: Capability) -> Self {
        Self {
            quality: Quality::new(capability.software, capability.render_target),
            capability,
            session_id: String::new(),
            session_models: Vec::new(),
            scene: Scene::new(),
            client: None,
            outputs: VecDeque::new(),
            serial_next: 1,
            rtp_timestamp_last: 0,
            external: ExternalStatistics::default(),
            drawn: DrawStatistics::default(),
        }
    }

    /// For the renderer to synchronise with.
    pub fn scene_mut(&mut self) -> &mut Scene {
        &mut self.scene
    }

    pub fn set_external_statistics(&mut self, external: ExternalStatistics) {
        self.external = external;
    }

    // ------------------------------------------------------------ inputs

    /// The session that clients connect to, before the first does.
    pub fn assign(&mut self, session_id: String, models: Vec<String>) {
        (self.session_id, self.session_models) = (session_id, models);
    }

    /// A client's control channel is open. The scene it finds is empty; the session's models are on their way.
    pub fn connected(&mut self, now: Moment) {
        self.disconnected();
        self.client = Some(Client {
            viewport: None,
            pose: None,
            marker: false,
            dirty: false,
            changed_at: now,
            shown: Shown::Nothing,
            key_wanted: true,
            frames: Frames::default(),
            started_at: None,
            repeat_wanted: false,
            limit: PrimitiveLimit::new(self.capability.primitives_max),
            hold_until: Moment::ZERO,
            loads: 0,
            picks: 0,
            session_models_asked: 0,
            statistics_at: now + STATISTICS_INTERVAL,
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

    pub fn disconnected(&mut self) {
        // What was for the client is for nobody now.
        self.outputs.retain(|output| matches!(output, Output::SceneEmptied));
        if self.client.take().is_some() {
            self.scene.clear();
            self.outputs.push_back(Output::SceneEmptied);
        }
    }

    pub fn control(&mut self, now: Moment, bytes: &[u8]) {
        if self.client.is_none() {
            return;
        }
        match Command::decode(bytes) {
            Ok(command) => self.execute(now, command),
            Err(BadCommand { id, message }) => self.refuse(id, ErrorCode::BadCommand, message),
        }
    }

    pub fn pose(&mut self, now: Moment, bytes: &[u8]) {
        let Some(client) = &mut self.client else { return };
        let Some(pose) = Pose::decode(bytes) else { return };
        // The channel is unordered: an older pose that comes late is not news.
        if client.pose.as_ref().is_some_and(|(last, _)| pose.id <= last.id) {
            return;
        }
        client.pose = Some((pose, now));
        client.change(now);
    }

    pub fn key_frame_wanted(&mut self) {
        if let Some(client) = &mut self.client {
            client.key_wanted = true;
        }
    }

    /// The newest frame may not have arrived, and nothing was sent since that would reveal it.
    pub fn repeat_wanted(&mut self) {
        if let Some(client) = &mut self.client {
            client.repeat_wanted = true;
        }
    }

    /// A picture started before then would only wait in the network.
    pub fn hold_until(&mut self, until: Moment) {
        if let Some(client) = &mut self.client {
            client.hold_until = until;
        }
    }

    /// What the newest view shows at full size.
    pub fn view(&self) -> Option<(Pose, Detail)> {
        let client = self.client.as_ref()?;
        let (pose, _) = client.pose?;
        Some((pose, self.quality.sharp(client.viewport?)))
    }

    /// Geometry has come that the last picture had to do without: the same view is worth another picture, which is no
    /// movement.
    pub fn sharpened(&mut self) {
        if let Some(client) = &mut self.client {
            client.sharpen();
        }
    }

    pub fn rendered(&mut self, now: Moment, serial: u64, drawn: DrawStatistics) {
        let primitives = drawn.triangles + drawn.points;
        let Some(client) = &mut self.client else { return };
        // Of the client before.
        let Some(frame) = client.frames.rendered(serial, drawn.timings) else { return };
        self.drawn = drawn;
        let render = drawn.timings.select + drawn.timings.submit + drawn.timings.draw;
        match frame.fidelity {
            Fidelity::Motion => self.quality.observe_moving(render),
            Fidelity::Rest => self.quality.observe_resting(&frame.detail, render),
        }
        let crossed = client.limit.drawn(now, primitives);
        if let Some(max) = self.capability.primitives_max.filter(|_| crossed) {
            let text = format!(
                "{} triangles and points are drawn, and a session of this size may draw {}. Show fewer parts, or use a \
                 larger session; otherwise a checkerboard covers the background.",
                limit::in_words(primitives),
                limit::in_words(max)
            );
            self.notice(NoticeCode::PrimitiveLimit, text);
        }
    }

    pub fn encoded(&mut self, serial: u64, encoded: Encoded) {
        let Some(client) = &mut self.client else { return };
        let Some(frame) = client.frames.encoded(serial) else { return };
        if let Shown::Full { refinable, .. } = &mut client.shown
            && frame.fidelity == Fidelity::Rest
        {
            *refinable = encoded.refinable;
        }
    }

    /// What the client is told beside a frame, as far as it is known before the frame is encoded.
    pub fn frame_info(&self, serial: u64) -> Option<wire::FrameInfo> {
        self.client.as_ref()?.frames.info(serial)
    }

    /// Whether a refinement that is being rendered is not worth finishing, because what it shows has changed.
    pub fn superseded(&self, serial: u64) -> bool {
        let Some(client) = &self.client else { return true };
        client.dirty && client.frames.fidelity(serial) == Some(Fidelity::Rest)
    }

    /// A superseded frame was given up; the one that follows takes its place.
    pub fn abandoned(&mut self, plan: &FramePlan) {
        let Some(client) = &mut self.client else { return };
        if client.frames.encoded(plan.serial).is_none() {
            return;
        }
        client.key_wanted |= plan.key;
        client.shown = Shown::Coarse;
        // What follows need not keep a distance from a picture that nobody sees.
        client.started_at = None;
    }

    /// The frame could not be rendered or encoded: what it would have shown is still to be shown.
    pub fn frame_failed(&mut self, now: Moment, serial: u64) {
        let Some(client) = &mut self.client else { return };
        if client.frames.encoded(serial).is_some() {
            client.key_wanted = true;
            client.change(now);
        }
    }

    // ------------------------------------------------------------ what to do

    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    // ------------------------------------------------------------ inside

    fn put(&mut self, output: Output) {
        self.outputs.push_back(output);
    }
}

impl Client {
    fn change(&mut self, now: Moment) {
        self.dirty = true;
        self.changed_at = now;
    }

    /// What is shown is not the best any more.
    fn sharpen(&mut self) {
        if self.shown != Shown::Nothing {
            self.shown = Shown::Coarse;
        }
    }
}

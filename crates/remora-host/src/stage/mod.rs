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
//! [`REST_AFTER`] the picture is refined to the full detail, then encoded again until nothing is left to gain, and
//! then nothing is rendered, encoded or sent.
//!
//! The stage never blocks, never touches a device or a socket, and holds at most one client.

pub mod command;
mod in_flight;
pub mod quality;
#[cfg(test)]
mod tests;

use std::{collections::VecDeque, sync::Arc, time::Duration};

use glam::Vec3;
use remora_assets::Model;
use remora_protocol::connection::{self as wire, host_message::Message, reply::Result as Outcome};
use remora_render::{FrameTimings, Size};
use remora_scene::{ModelKey, Scene};
use remora_stream::Fidelity;

use crate::clock::Moment;
use command::{Action, BadCommand, Command, Pose};
use in_flight::{Frame, Frames};
use quality::{Detail, Quality};

/// Without a change for this long the client is looking, not moving. Shorter, and a slow hand would pay for
/// refinements nobody sees; longer, and the refined picture would be late (150 ms, rendering and encoding included).
pub const REST_AFTER: Duration = Duration::from_millis(45);
const STATISTICS_INTERVAL: Duration = Duration::from_secs(1);
/// Refining encodes of one unchanged picture, whatever the encoder still hopes to gain.
const AGAIN_MAX: u32 = 8;
const LOADS_MAX: usize = 4;
/// The number under which a client hears of the models of its session, which it has given no command for.
pub const SESSION_MODELS: u32 = u32::MAX;
/// Bounds the memory that one connection's unread outputs can take.
const OUTPUTS_MAX: usize = 1024;

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
    /// Triangles that the scene may have; `None` is any number.
    pub primitives_max: Option<u64>,
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
    },
    /// Encode the last rendered picture once more.
    EncodeAgain,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    Control(wire::HostMessage),
    Load {
        command: u32,
        uri: String,
    },
    /// The models of the scene before are not needed any more.
    SceneEmptied,
    /// The client has said goodbye.
    Close,
}

/// What the encoder has to tell about a frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Encoded {
    pub bytes: u32,
    pub encode: Duration,
    pub refinable: bool,
}

/// What statistics tell besides what the stage knows itself.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Surroundings {
    pub graphics_memory_bytes: u64,
    pub bitrate_target_bits_per_second: u32,
    pub round_trip: Duration,
    pub lease_remaining: Duration,
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
    surroundings: Surroundings,
    triangles_drawn: u64,
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
    /// The network is full until then.
    hold_until: Moment,
    loads: usize,
    /// How many of the session's models have been asked for; one is loaded after the other.
    session_models_asked: usize,
    statistics_at: Moment,
    statistics_stale: bool,
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
            quality: Quality::new(capability.software),
            capability,
            session_id: String::new(),
            session_models: Vec::new(),
            scene: Scene::new(),
            client: None,
            outputs: VecDeque::new(),
            serial_next: 1,
            rtp_timestamp_last: 0,
            surroundings: Surroundings::default(),
            triangles_drawn: 0,
        }
    }

    /// For the renderer to synchronise with.
    pub fn scene_mut(&mut self) -> &mut Scene {
        &mut self.scene
    }

    pub fn surround(&mut self, surroundings: Surroundings) {
        self.surroundings = surroundings;
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
            hold_until: Moment::ZERO,
            loads: 0,
            session_models_asked: 0,
            statistics_at: now + STATISTICS_INTERVAL,
            statistics_stale: false,
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
            Ok(command) => self.act(now, command),
            Err(BadCommand { id, message }) => self.refuse(id, "BadCommand", message),
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

    pub fn load_progress(&mut self, command: u32, stage: &str, fraction: f32) {
        if self.client.is_some() {
            self.tell(Message::LoadProgress(wire::LoadProgress { id: command, stage: stage.to_owned(), fraction }));
        }
    }

    /// Shows a model that the renderer has under [`Stage::next_model`].
    pub fn loaded(&mut self, now: Moment, command: u32, model: Arc<Model>) {
        let Some(client) = &mut self.client else { return };
        client.change(now);
        let bounds = model.bounds();
        let loaded = wire::ModelLoaded {
            root_entity: 0,
            name: model.name.clone(),
            triangles: model.triangles(),
            parts: model.parts() as u32,
            materials: model.materials.len() as u32,
            bounds_min: Some(vector(bounds.min)),
            bounds_max: Some(vector(bounds.max)),
        };
        let root_entity = self.scene.add_model(model).root.0;
        self.reply(command, Outcome::ModelLoaded(wire::ModelLoaded { root_entity, ..loaded }));
        self.load_ended(command);
    }

    /// Whether the scene may have the model too; if not, why.
    pub fn has_room_for(&self, model: &Model) -> Result<(), String> {
        let triangles = self.scene.triangles() + model.triangles();
        match self.capability.primitives_max {
            Some(max) if triangles > max => Err(format!(
                "with {} the scene would have {triangles} triangles; a session of this size may show {max}",
                model.name
            )),
            _ => Ok(()),
        }
    }

    /// The key that the next loaded model will have.
    pub fn next_model(&self) -> ModelKey {
        self.scene.next_model()
    }

    pub fn load_failed(&mut self, command: u32, code: &str, message: String) {
        if self.client.is_some() {
            self.refuse(command, code, message);
            self.load_ended(command);
        }
    }

    pub fn rendered(&mut self, serial: u64, timings: FrameTimings, triangles_drawn: u64) {
        self.triangles_drawn = triangles_drawn;
        let Some(client) = &mut self.client else { return };
        let Some(frame) = client.frames.rendered(serial, timings) else { return };
        let render = timings.select + timings.submit + timings.draw;
        match frame.fidelity {
            Fidelity::Motion => self.quality.observe_moving(render),
            Fidelity::Rest => self.quality.observe_resting(&frame.detail, render),
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
        client.statistics_stale = true;
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
        client.frames.encoded(plan.serial);
        client.key_wanted |= plan.key;
        client.shown = Shown::Coarse;
        // What follows need not keep a distance from a picture that nobody sees.
        client.started_at = None;
    }

    /// The frame could not be rendered or encoded: what it would have shown is still to be shown.
    pub fn frame_failed(&mut self, now: Moment, serial: u64) {
        let Some(client) = &mut self.client else { return };
        client.frames.encoded(serial);
        client.key_wanted = true;
        client.change(now);
    }

    // ------------------------------------------------------------ what to do

    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// At the latest then `poll_frame` or `tick` has something to do, if nothing else happens.
    pub fn poll_timeout(&self) -> Option<Moment> {
        let client = self.client.as_ref()?;
        let statistics = client.statistics_stale.then_some(client.statistics_at);
        [self.frame_due().map(|(at, _)| at), statistics].into_iter().flatten().min()
    }

    /// Sends what is sent from time to time.
    pub fn tick(&mut self, now: Moment) {
        let Some(client) = &mut self.client else { return };
        if !client.statistics_stale || now < client.statistics_at {
            return;
        }
        client.statistics_stale = false;
        client.statistics_at = now + STATISTICS_INTERVAL;
        let statistics = wire::Statistics {
            triangles_in_scene: self.scene.triangles(),
            triangles_drawn: self.triangles_drawn,
            graphics_memory_bytes: self.surroundings.graphics_memory_bytes,
            bitrate_target_bits_per_second: self.surroundings.bitrate_target_bits_per_second,
            round_trip_milliseconds: self.surroundings.round_trip.as_secs_f32() * 1000.0,
            lease_remaining_minutes: self.surroundings.lease_remaining.as_secs_f32() / 60.0,
        };
        self.tell(Message::Statistics(statistics));
    }

    /// The picture to make now, if any.
    pub fn poll_frame(&mut self, now: Moment) -> Option<FramePlan> {
        let (due, next) = self.frame_due()?;
        if now < due {
            return None;
        }
        let serial = self.serial_next;
        let rtp_timestamp = self.next_rtp_timestamp(now);
        let client = self.client.as_mut()?;
        let (pose, arrived) = client.pose?;
        let stream_size = client.viewport?;
        let key = std::mem::take(&mut client.key_wanted);
        client.repeat_wanted = false;
        let (detail, fidelity) = match next {
            Next::Moving => (self.quality.moving(stream_size), Fidelity::Motion),
            Next::Sharpening => (self.quality.sharp(stream_size), Fidelity::Rest),
            Next::Resting => (self.quality.resting(stream_size), Fidelity::Rest),
            Next::Again(fidelity) => (client.frames.last_detail()?, fidelity),
        };
        // The wait of a refinement is intended; only that of the first picture of a pose is a delay.
        let wait = if client.dirty { now.saturating_sub(arrived) } else { Duration::ZERO };
        let work = match next {
            Next::Moving | Next::Sharpening | Next::Resting => {
                client.dirty = false;
                client.shown = match next {
                    _ if detail.full => Shown::Full { again: 0, refinable: true },
                    Next::Sharpening => Shown::Sharp,
                    _ => Shown::Coarse,
                };
                client.started_at = Some(now);
                Work::Render { pose, detail, stream_size, marker: client.marker }
            }
            Next::Again(_) => {
                if let Shown::Full { again, .. } = &mut client.shown {
                    *again += 1;
                }
                Work::EncodeAgain
            }
        };
        client.frames.plan(Frame::new(serial, rtp_timestamp, &pose, detail, fidelity, wait));
        self.serial_next += 1;
        Some(FramePlan { serial, rtp_timestamp, key, fidelity, work })
    }

    // ------------------------------------------------------------ inside

    /// What the next picture would be, and from when on. `None`: only an input can change that.
    fn frame_due(&self) -> Option<(Moment, Next)> {
        let client = self.client.as_ref()?;
        client.pose?;
        client.viewport?;
        if client.frames.outstanding() >= self.capability.frames_in_flight_max {
            return None;
        }
        let turn = client.started_at.map_or(Moment::ZERO, |at| at + self.capability.frame_interval);
        let turn = turn.max(client.hold_until);
        if client.dirty {
            return Some((turn, Next::Moving));
        }
        // Refinements wait until the picture before has left, so that they never stand in the way of a new pose.
        if client.frames.outstanding() > 0 {
            return None;
        }
        let rest = client.changed_at + REST_AFTER;
        match client.shown {
            Shown::Nothing => None,
            Shown::Coarse if self.quality.sharpens_first() => Some((rest.max(client.hold_until), Next::Sharpening)),
            Shown::Coarse | Shown::Sharp => Some((rest.max(client.hold_until), Next::Resting)),
            Shown::Full { again, refinable: true } if again < AGAIN_MAX => {
                Some((rest.max(turn), Next::Again(Fidelity::Rest)))
            }
            Shown::Full { .. } if client.key_wanted || client.repeat_wanted => {
                Some((turn, Next::Again(Fidelity::Rest)))
            }
            Shown::Full { .. } => None,
        }
    }

    fn next_rtp_timestamp(&mut self, now: Moment) -> u32 {
        let ticks = (now.as_micros() * 9 / 100) as u32;
        // Later by the clock, or else by the smallest step: timestamps are keys and must differ.
        let forward = ticks.wrapping_sub(self.rtp_timestamp_last) as i32;
        self.rtp_timestamp_last = if forward > 0 { ticks } else { self.rtp_timestamp_last.wrapping_add(1) };
        self.rtp_timestamp_last
    }

    fn act(&mut self, now: Moment, command: Command) {
        let Command { id, action } = command;
        let Some(client) = &mut self.client else { return };
        match action {
            Action::SetViewport(wanted) => {
                let viewport = fitted(wanted, &self.capability);
                if client.viewport != Some(viewport) {
                    client.viewport = Some(viewport);
                    client.key_wanted = true;
                    client.change(now);
                }
                self.reply(id, Outcome::Done(wire::Done {}));
            }
            Action::LoadModel { .. } if client.loads >= LOADS_MAX => {
                self.refuse(id, "Busy", format!("{LOADS_MAX} models are being loaded already; wait for one of them"));
            }
            Action::LoadModel { uri } => {
                client.loads += 1;
                self.put(Output::Load { command: id, uri });
            }
            Action::UnloadAll => {
                client.change(now);
                self.scene.clear();
                self.put(Output::SceneEmptied);
                self.reply(id, Outcome::Done(wire::Done {}));
            }
            Action::CastRay { origin, direction } => {
                let outcome = self.cast_ray(origin, direction);
                self.reply(id, outcome);
            }
            Action::SetTransform { entity, local } => match self.scene.set_local(entity, local) {
                Ok(()) => {
                    client.change(now);
                    self.reply(id, Outcome::Done(wire::Done {}));
                }
                Err(error) => self.refuse(id, "EntityNotFound", error.to_string()),
            },
            Action::SetLatencyMarker(enabled) => {
                client.marker = enabled;
                client.change(now);
                self.reply(id, Outcome::Done(wire::Done {}));
            }
            Action::Goodbye => self.put(Output::Close),
            Action::Ping => self.reply(id, Outcome::Done(wire::Done {})),
        }
    }

    fn load_ended(&mut self, command: u32) {
        if command == SESSION_MODELS {
            self.load_session_model();
        } else if let Some(client) = &mut self.client {
            client.loads = client.loads.saturating_sub(1);
        }
    }

    fn load_session_model(&mut self) {
        let Some(client) = &mut self.client else { return };
        if let Some(uri) = self.session_models.get(client.session_models_asked) {
            client.session_models_asked += 1;
            let uri = uri.clone();
            self.put(Output::Load { command: SESSION_MODELS, uri });
        }
    }

    fn cast_ray(&self, origin: Vec3, direction: Vec3) -> Outcome {
        let Some(hit) = self.scene.cast_ray(origin, direction) else {
            return Outcome::RayMissed(wire::RayMissed {});
        };
        let entity_name = self.scene.entity(hit.entity).map_or_else(String::new, |entity| entity.name.to_owned());
        Outcome::RayHit(wire::RayHit {
            entity: hit.entity.0,
            entity_name,
            position: Some(vector(hit.position)),
            normal: Some(vector(hit.normal)),
            distance_metres: hit.distance,
            bounds_min: Some(vector(hit.bounds.min)),
            bounds_max: Some(vector(hit.bounds.max)),
        })
    }

    fn refuse(&mut self, id: u32, code: &str, message: String) {
        self.tell(Message::Reply(wire::Reply {
            id,
            result: Some(Outcome::Error(wire::Error { code: code.to_owned(), message })),
        }));
    }

    fn reply(&mut self, id: u32, outcome: Outcome) {
        if id != 0 {
            self.tell(Message::Reply(wire::Reply { id, result: Some(outcome) }));
        }
    }

    fn tell(&mut self, message: Message) {
        self.put(Output::Control(wire::HostMessage { message: Some(message) }));
    }

    fn put(&mut self, output: Output) {
        if self.outputs.len() < OUTPUTS_MAX {
            self.outputs.push_back(output);
        }
    }
}

#[derive(Clone, Copy)]
enum Next {
    Moving,
    Sharpening,
    Resting,
    Again(Fidelity),
}

impl Client {
    fn change(&mut self, now: Moment) {
        self.dirty = true;
        self.changed_at = now;
    }
}

/// The largest even size of the same shape that may be streamed.
fn fitted(wanted: Size, capability: &Capability) -> Size {
    let shrink = (f64::from(capability.stream_pixels_max) / f64::from(wanted.pixels())).sqrt();
    let shrink = shrink
        .min(f64::from(capability.stream_width_max) / f64::from(wanted.width))
        .min(f64::from(capability.stream_height_max) / f64::from(wanted.height))
        .min(1.0);
    let even = |length: u32| ((f64::from(length) * shrink + 1e-6) as u32 & !1).max(16);
    Size::new(even(wanted.width), even(wanted.height))
}

fn vector(vector: Vec3) -> wire::Vector3 {
    wire::Vector3 { x: vector.x, y: vector.y, z: vector.z }
}

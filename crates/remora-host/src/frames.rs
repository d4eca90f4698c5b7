//! The frame thread: owns graphics device, renderer and stage, and moves pictures from the one to the encoder.
//!
//! ```text
//!   transport ─┐
//!   loader ────┼─▶ inbox ─▶ Stage ─▶ plan ─▶ Renderer ─▶ Picture ─▶ Encoding ─▶ transport
//!   encoder ───┘              └────▶ outputs: replies to the transport, jobs to the loader
//! ```
//!
//! Commands of the client are acted on in their order, as long as it takes the answers: while many answers wait for its
//! path, commands wait too (`commands.rs`).
//!
//! Models come as coarse forms and are replaced by full ones (`models.rs`); a graphics device that fails is opened anew
//! (`recovery.rs`). It waits for its inbox, for the stage's next deadline, or for the picture in flight; never for the network.

mod commands;
mod models;
mod recovery;
mod warming;
pub(crate) use warming::warm_up;

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, sync_channel},
    },
    thread,
    time::Duration,
};

use prost::Message;
use remora_convert::Cache;
use remora_protocol::{
    connection::{self as wire, host_message},
    link::RemoteModels,
};
use remora_render::{
    FrameOptions, FrameRequest as RenderRequest, Graphics, GraphicsError, GraphicsOptions, Picture, PictureFormat,
    PrepareOptions, RenderError, RendererOptions,
};
use remora_scene::ModelKey;
use remora_stream::{
    Channel, CloseReason, Fidelity, FrameRequest as EncodeRequest, Message as Received, RECEIVED_MAX, SendError,
    Transport, TransportEvent, TransportHandle, TransportOptions,
};
use thiserror::Error;

use crate::{
    clock::Clock,
    encoding::{EncodeDone, EncodeJob, Encoding},
    loader::{Job, LoadId, Loader, LoaderOptions, Loading},
    marker,
    memory::ImportMemory,
    stage::{Capability, Drawn, FramePlan, Output, Stage, Surroundings, Work, quality},
};

/// Transport messages, loader results and encoder results that have not been looked at yet.
const INBOX: usize = 1024;
/// Queue of the transport's events: as many commands as may wait, and as many other events as usual.
const TRANSPORT_EVENTS: usize = RECEIVED_MAX + INBOX;
/// Rendered, in the encoder's queue, and the encoder's last.
const PICTURES: usize = 4;
const IDLE_WAIT: Duration = Duration::from_secs(3600);
const WEAK_STREAM_PIXELS_MAX: u32 = 1280 * 720;
const STREAM_WIDTH_MAX: u32 = 3840;
const STREAM_HEIGHT_MAX: u32 = 2160;

/// What the frame thread tells the host.
pub enum StageEvent {
    /// Graphics, encoder and transport are up.
    Up {
        adapter: String,
        transport: TransportHandle,
    },
    Connected,
    Disconnected {
        why: String,
    },
    Statistics(String),
    Failed {
        why: String,
    },
}

#[derive(Debug, Error)]
pub enum FramesError {
    #[error(transparent)]
    Graphics(#[from] GraphicsError),
    #[error(transparent)]
    Render(#[from] RenderError),
    #[error(transparent)]
    Transport(#[from] remora_stream::StartError),
}

#[derive(Clone, Debug)]
pub struct FramesOptions {
    pub model_files: Vec<String>,
    pub remote_models: RemoteModels,
    /// Triangles and points that a picture may take; `None` is any number.
    pub primitives_max: Option<u64>,
    pub graphics: GraphicsOptions,
    pub transport: TransportOptions,
    /// The memory that imports may use.
    pub memory: Arc<ImportMemory>,
    pub renderer: RendererOptions,
    /// What rendering a moving picture aims at; `None` for what suits the adapter.
    pub render_target: Option<Duration>,
    /// Where full forms of models are kept.
    pub cache: Option<Cache>,
    pub threads: usize,
}

pub enum Input {
    Transport(TransportEvent),
    Loading {
        id: LoadId,
        loading: Loading,
    },
    Encoded(EncodeDone),
    /// Geometry that the last picture wanted has been read.
    Pages,
    Warm(warming::Warm),
    /// The session that the host is for, before its first client, and the models to show each client at once.
    Assigned {
        session_id: String,
        models: Vec<String>,
    },
    Lease(Duration),
    /// Tells the client, which closes the connection.
    End {
        reason: wire::session_ending::Reason,
        message: String,
    },
}

/// Ends when this and the host's transport handle are dropped, and everything before that has been handled.
pub struct Frames {
    inbox: SyncSender<Input>,
}

impl Frames {
    /// `tell` is called on the frame thread.
    pub fn start(options: FramesOptions, clock: Clock, tell: impl Fn(StageEvent) + Send + 'static) -> Self {
        let (inbox, inputs) = sync_channel(INBOX);
        let to_self = inbox.clone();
        thread::Builder::new()
            .name("frame".to_owned())
            .spawn(move || match Loop::new(options, clock, to_self, &tell) {
                Ok(mut frames) => {
                    if let Err(error) = frames.run(&inputs, &tell) {
                        tell(StageEvent::Failed { why: error.to_string() });
                    }
                }
                Err(error) => tell(StageEvent::Failed { why: error.to_string() }),
            })
            .expect("a thread can be started at the host's start");
        Self { inbox }
    }

    pub fn put(&self, input: Input) {
        // A full inbox belongs to a frame thread that is about to be reported as failed.
        let _ = self.inbox.try_send(input);
    }
}

struct Loop {
    clock: Clock,
    stage: Stage,
    renderer: warming::Device,
    transport: TransportHandle,
    loader: Loader,
    encoding: Encoding,
    /// Plans handed to the renderer, oldest first.
    rendering: VecDeque<(FramePlan, u32)>,
    spare: Vec<Picture>,
    /// Of a picture that is drawn for what is seen in it, and shown to nobody.
    picture: Picture,
    /// Commands of the client that the stage has not executed yet, oldest first; bounded by the transport.
    commands: VecDeque<Received>,
    /// What the client has pointed at: command and place.
    picks: VecDeque<(u32, f32, f32)>,
    /// A pick was answered and no picture was started since: they take turns.
    picture_first: bool,
    /// Coarse forms whose full ones are being made, by the serial of their load.
    refining: HashMap<u64, ModelKey>,
    /// Loads whose models take the place of all others, by their serials.
    replacing: HashSet<u64>,
    /// Counts loads.
    load_serial: u64,
    connected: bool,
    /// Counts connections, so that what was made for one never reaches the next.
    generation: u64,
    bits_per_second: u32,
    surroundings: Surroundings,
    recovery: recovery::Recovery,
    /// To itself.
    inbox: SyncSender<Input>,
}

impl Loop {
    fn new(
        options: FramesOptions,
        clock: Clock,
        inbox: SyncSender<Input>,
        tell: &impl Fn(StageEvent),
    ) -> Result<Self, FramesError> {
        let graphics = Graphics::open(&options.graphics)?;
        let adapter = graphics.adapter().clone();
        let software = adapter.software;
        let renderer = recovery::open_renderer(graphics, &options.renderer, &inbox)?;

        let (events, transport_events) = sync_channel(TRANSPORT_EVENTS);
        let bits_per_second = options.transport.bitrate.start_bits_per_second;
        let transport_options =
            TransportOptions { overrun_farewell: commands::overrun_farewell(), ..options.transport };
        let transport = Transport::start(transport_options, events)?;
        forward(transport_events, inbox.clone());

        let loader = {
            let inbox = inbox.clone();
            let prepare = PrepareOptions::for_adapter(&adapter);
            let options = LoaderOptions {
                model_files: options.model_files,
                remote_models: options.remote_models,
                memory: options.memory,
                prepare,
                cache: options.cache,
                threads: options.threads,
            };
            Loader::start(options, move |id, loading| inbox.send(Input::Loading { id, loading }).is_ok())
        };
        let encoding = {
            let inbox = inbox.clone();
            Encoding::start(transport.clone(), clock, move |done| inbox.send(Input::Encoded(done)).is_ok())
        };
        let capability = Capability {
            adapter_name: adapter.name.clone(),
            software,
            stream_pixels_max: if software { WEAK_STREAM_PIXELS_MAX } else { STREAM_WIDTH_MAX * STREAM_HEIGHT_MAX },
            stream_width_max: STREAM_WIDTH_MAX,
            stream_height_max: STREAM_HEIGHT_MAX,
            frame_interval: Duration::from_micros(if software { 1_000_000 / 30 } else { 1_000_000 / 60 }),
            // A software adapter renders on the cores that the encoder needs too: one picture in each of both stages.
            frames_in_flight_max: if software { 2 } else { 3 },
            primitives_max: options.primitives_max,
            render_target: options.render_target.unwrap_or(quality::render_target(software)),
        };
        tell(StageEvent::Up { adapter: adapter.to_string(), transport: transport.clone() });
        Ok(Self {
            clock,
            stage: Stage::new(capability),
            renderer: warming::Device::new(renderer),
            transport,
            loader,
            encoding,
            rendering: VecDeque::new(),
            spare: (0..PICTURES).map(|_| Picture::default()).collect(),
            picture: Picture::default(),
            commands: VecDeque::new(),
            picks: VecDeque::new(),
            picture_first: false,
            refining: HashMap::new(),
            replacing: HashSet::new(),
            load_serial: 0,
            connected: false,
            generation: 0,
            bits_per_second,
            surroundings: Surroundings::default(),
            recovery: recovery::Recovery::new(options.graphics, options.renderer),
            inbox,
        })
    }

    fn run(&mut self, inputs: &Receiver<Input>, tell: &impl Fn(StageEvent)) -> Result<(), FramesError> {
        self.answer_while_warming(inputs, tell, warming::warm_up)?;
        loop {
            match self.work(inputs, tell) {
                Ok(()) => return Ok(()),
                Err(FramesError::Render(error)) => self.recover(error)?,
                Err(error) => return Err(error),
            }
        }
    }

    /// Until nobody wants anything any more, or the graphics device fails.
    fn work(&mut self, inputs: &Receiver<Input>, tell: &impl Fn(StageEvent)) -> Result<(), FramesError> {
        loop {
            // Everything that has arrived comes before the next picture, so that it shows the newest pose.
            loop {
                match inputs.try_recv() {
                    Ok(input) => self.take(input, tell),
                    Err(TryRecvError::Empty) => break,
                    Err(TryRecvError::Disconnected) => return Ok(()),
                }
            }
            self.obey(tell);
            let now = self.clock.now();
            self.stage.tick(now);
            self.hand_out(tell);
            self.stage.hold_until(self.clock.moment(self.transport.hold_until()));
            let pick = self.picks.front().copied().filter(|_| !self.picture_first);
            if let Some(pick) = pick.filter(|_| self.rendering.is_empty()) {
                // It waits for the next device where this one fails.
                self.pick(pick)?;
                self.picks.pop_front();
                self.picture_first = true;
                continue;
            }
            // Nothing is started that a pick would have to wait for.
            if pick.is_none()
                && self.rendering.len() < self.renderer.frames_in_flight_max()
                && !self.spare.is_empty()
                && let Some(plan) = self.stage.poll_frame(now)
            {
                self.picture_first = false;
                self.start(plan)?;
                continue;
            }
            if !self.rendering.is_empty() {
                self.proceed()?;
                continue;
            }
            if !self.picks.is_empty() {
                self.picture_first = false;
                continue;
            }
            let due = match self.stage.poll_timeout() {
                // A picture that is due but has no buffer waits for the encoder to give one back.
                Some(at) if at <= self.clock.now() && self.spare.is_empty() => IDLE_WAIT,
                Some(at) => at.saturating_sub(self.clock.now()),
                None => IDLE_WAIT,
            };
            let wait = self.until_commands().map_or(due, |wait| wait.min(due));
            match inputs.recv_timeout(wait) {
                Ok(input) => self.take(input, tell),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            }
        }
    }

    fn take(&mut self, input: Input, tell: &impl Fn(StageEvent)) {
        let now = self.clock.now();
        match input {
            Input::Transport(event) => self.take_transport(event, tell),
            Input::Loading { id, .. } if id.generation != self.generation => {}
            Input::Loading { id, loading } => self.take_loading(id, loading),
            Input::Encoded(EncodeDone { serial, outcome, picture }) => {
                self.spare.extend(picture);
                match outcome {
                    Ok(encoded) => self.stage.encoded(serial, encoded),
                    Err(error) => {
                        tracing::warn!(%error, "a picture was not encoded");
                        self.stage.frame_failed(now, serial);
                    }
                }
            }
            Input::Pages => self.stage.sharpened(),
            // Comes once, before any picture, and is waited for.
            Input::Warm(_) => {}
            Input::Assigned { session_id, models } => self.stage.assign(session_id, models),
            Input::Lease(remaining) => {
                self.surroundings.lease_remaining = remaining;
                self.stage.surround(self.surroundings);
            }
            Input::End { reason, message } => {
                let ending = wire::SessionEnding { reason: reason.into(), message };
                self.send(&wire::HostMessage { message: Some(host_message::Message::SessionEnding(ending)) });
            }
        }
        // At once, so that the next input finds renderer and loader as the stage takes them to be.
        self.hand_out(tell);
    }

    fn take_transport(&mut self, event: TransportEvent, tell: &impl Fn(StageEvent)) {
        let now = self.clock.now();
        match event {
            TransportEvent::Connected => {}
            TransportEvent::ChannelOpen(Channel::Control) => {
                self.next_generation();
                self.connected = true;
                self.stage.connected(now);
                tell(StageEvent::Connected);
            }
            TransportEvent::ChannelOpen(Channel::Pose) => {}
            TransportEvent::Message { channel: Channel::Control, bytes } => self.commands.push_back(bytes),
            TransportEvent::Message { channel: Channel::Pose, bytes } => self.stage.pose(now, &bytes),
            TransportEvent::KeyFrameWanted => self.stage.key_frame_wanted(),
            TransportEvent::RepeatWanted => self.stage.repeat_wanted(),
            TransportEvent::Bandwidth(bandwidth) => {
                self.bits_per_second = bandwidth.target_bits_per_second;
                self.surroundings.bitrate_target_bits_per_second = self.bits_per_second;
                self.stage.surround(self.surroundings);
            }
            TransportEvent::Statistics(statistics) => {
                self.surroundings.round_trip = statistics.round_trip.unwrap_or_default();
                if let Some(renderer) = self.renderer.get() {
                    self.surroundings.graphics_memory_bytes = renderer.graphics_memory_bytes();
                    self.surroundings.graphics_memory_budget_bytes = renderer.geometry_bytes_max();
                }
                self.stage.surround(self.surroundings);
                tell(StageEvent::Statistics(format!("{statistics:?}")));
            }
            TransportEvent::Closed(reason) => {
                self.next_generation();
                self.stage.disconnected();
                // One that warms up has drawn nothing for a client yet.
                if let Some(renderer) = self.renderer.get() {
                    renderer.rest();
                }
                if std::mem::take(&mut self.connected) {
                    tell(StageEvent::Disconnected { why: describe(&reason) });
                }
            }
        }
    }

    fn hand_out(&mut self, tell: &impl Fn(StageEvent)) {
        while let Some(output) = self.stage.poll_output() {
            match output {
                Output::Control(message) => self.send(&message),
                Output::Load { command, uri, replace } => {
                    self.load_serial += 1;
                    if replace {
                        self.replacing.insert(self.load_serial);
                    }
                    let id = LoadId { generation: self.generation, serial: self.load_serial, command };
                    if !self.loader.load(Job { id, uri }) {
                        self.replacing.remove(&id.serial);
                        self.stage.load_failed(command, "Busy", "the loader's queue is full; try again".to_owned());
                    }
                }
                Output::Pick { command, x, y } => self.picks.push_back((command, x, y)),
                Output::SceneEmptied => {
                    // One that warms up holds no models of the scene.
                    if let Some(renderer) = self.renderer.get() {
                        renderer.clear();
                    }
                    // Loads come in their order: later ones are not in the scene yet, and will be refined.
                    if let Some((last, _)) = self.refining.drain().max() {
                        self.loader.refine_from(last + 1);
                    }
                }
                Output::ModelsReplaced(models) => {
                    // Loads come in their order: these came before the model that replaces them.
                    let dropped = self.refining.extract_if(|_, model| models.contains(model)).map(|(serial, _)| serial);
                    if let Some(last) = dropped.max() {
                        self.loader.refine_from(last + 1);
                    }
                    models.into_iter().for_each(|model| self.renderer.remove_model(model));
                }
                Output::Close => {
                    if self.transport.close().is_err() {
                        tell(StageEvent::Failed { why: "the transport has ended".to_owned() });
                    }
                }
            }
        }
    }

    fn start(&mut self, plan: FramePlan) -> Result<(), FramesError> {
        match plan.work {
            Work::EncodeAgain => {
                self.encode(plan, None);
                Ok(())
            }
            Work::Render { pose, detail, stream_size, checkerboard, .. } => {
                // First, so that it is not forgotten if the device fails here.
                self.rendering.push_back((plan, pose.id));
                self.renderer.synchronise(self.stage.scene_mut(), pose.position)?;
                let request = RenderRequest {
                    serial: plan.serial,
                    camera: pose.camera(),
                    render_size: detail.render_size,
                    samples: detail.samples,
                    error_pixels: detail.error_pixels,
                    blend_layers: detail.blend_layers,
                    stream_size,
                    format: PictureFormat::I420,
                    options: FrameOptions { checkerboard, ..FrameOptions::default() },
                };
                match plan.fidelity {
                    Fidelity::Motion => self.renderer.submit(&request)?,
                    // A refinement can take long, and the next pose must not wait for it.
                    Fidelity::Rest => self.renderer.submit_in_pieces(&request)?,
                }
                Ok(())
            }
        }
    }

    /// Waits for the next piece of the frame that is being drawn, or for the frame, unless it is to be given up.
    fn proceed(&mut self) -> Result<(), FramesError> {
        if let Some(&(plan, _)) = self.rendering.front()
            && self.stage.superseded(plan.serial)
            && self.renderer.abandon()
        {
            self.rendering.pop_front();
            self.stage.abandoned(&plan);
            return Ok(());
        }
        if self.renderer.proceed()? { self.finish() } else { Ok(()) }
    }

    /// Waits for the oldest picture in flight and hands it to the encoder.
    fn finish(&mut self) -> Result<(), FramesError> {
        let mut picture = self.spare.pop().unwrap_or_default();
        let done = self.renderer.receive(&mut picture);
        let done = match done {
            Ok(done) => done,
            Err(error) => {
                self.spare.push(picture);
                return Err(error.into());
            }
        };
        let Some(((plan, pose_id), done)) = self.rendering.pop_front().zip(done) else {
            self.spare.push(picture);
            return Ok(());
        };
        self.recovery.worked();
        let drawn = Drawn {
            timings: done.timings,
            triangles: done.triangles_drawn - done.points_drawn,
            points: done.points_drawn,
            pages_missing: u32::try_from(done.pages_missing).unwrap_or(u32::MAX),
        };
        self.stage.rendered(self.clock.now(), done.serial, drawn);
        if matches!(plan.work, Work::Render { marker: true, .. }) {
            marker::paint(&mut picture.data, picture.width as usize, picture.height as usize, pose_id);
        }
        self.encode(plan, Some(picture));
        Ok(())
    }

    fn encode(&mut self, plan: FramePlan, picture: Option<Picture>) {
        let Some(info) = self.stage.frame_info(plan.serial) else {
            // Planned for a connection that has ended meanwhile.
            self.spare.extend(picture);
            return;
        };
        let job = EncodeJob {
            serial: plan.serial,
            generation: self.generation,
            picture,
            request: EncodeRequest { rtp_timestamp: plan.rtp_timestamp, key: plan.key, fidelity: plan.fidelity },
            bits_per_second: self.bits_per_second,
            info,
        };
        if let Err(job) = self.encoding.encode(job) {
            self.spare.extend(job.picture);
            self.stage.frame_failed(self.clock.now(), plan.serial);
        }
    }

    fn next_generation(&mut self) {
        self.generation += 1;
        self.commands.clear();
        self.picks.clear();
        self.replacing.clear();
        self.loader.only(self.generation);
        self.encoding.only(self.generation);
    }

    fn send(&self, message: &wire::HostMessage) {
        let Err(error) = self.transport.send(Channel::Control, message.encode_to_vec()) else { return };
        tracing::warn!(%error, "a message to the client was not sent");
        if matches!(error, SendError::Backlogged(_)) {
            // It has not taken anything for so long that more than answers wait. A transport that has ended says so.
            let _ = self.transport.close();
        }
    }
}

/// The transport has a channel of its own because it never waits for a full one.
fn forward(events: Receiver<TransportEvent>, inbox: SyncSender<Input>) {
    thread::Builder::new()
        .name("transport events".to_owned())
        .spawn(move || {
            for event in events {
                if inbox.send(Input::Transport(event)).is_err() {
                    return;
                }
            }
        })
        .expect("a thread can be started at the host's start");
}

fn describe(reason: &CloseReason) -> String {
    match reason {
        CloseReason::Goodbye => "the client left".to_owned(),
        CloseReason::TimedOut => "the client fell silent".to_owned(),
        CloseReason::NeverConnected => "the client never connected".to_owned(),
        CloseReason::Requested => "the host closed the connection".to_owned(),
        CloseReason::Overrun => "the client sent more than the host could take".to_owned(),
        CloseReason::Failed(why) => format!("the connection failed: {why}"),
    }
}

#[cfg(test)]
mod tests;

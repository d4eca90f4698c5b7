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
//! Models come as coarse forms and are replaced by full ones (`models.rs`); a graphics device that fails is replaced by
//! another one (`recovery.rs`). Until the renderer is warm, the client is answered without it (`warming.rs`). The thread
//! waits for its inbox, for the stage's next deadline, or for the picture in flight; never for the network.

mod assembly;
mod commands;
mod interface;
mod outputs;
mod pipeline;
mod recovery;
mod warming;

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, sync_channel},
    thread,
    time::Duration,
};

use remora_protocol::connection::{self as wire, host_message};
use remora_render::{Graphics, PrepareOptions, RenderedFrame};
use remora_scene::ModelKey;
use remora_stream::{
    Channel, CloseReason, Message as Received, RECEIVED_MAX, Transport, TransportEvent, TransportHandle,
    TransportOptions,
};

use crate::{
    clock::Clock,
    encoding::{EncodeDone, Encoding},
    loader::{Loader, LoaderOptions},
    stage::{Capability, ExternalStatistics, FramePlan, Stage, quality},
};
pub use interface::{FrameThreadError, FrameThreadEvent, FrameThreadOptions, Input};
pub(crate) use warming::warm_up;

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

/// Ends when this and the host's transport handle are dropped, and everything before that has been handled.
pub struct FrameThread {
    inbox: SyncSender<Input>,
}

impl FrameThread {
    /// `tell` is called on the frame thread.
    pub fn start(options: FrameThreadOptions, clock: Clock, tell: impl Fn(FrameThreadEvent) + Send + 'static) -> Self {
        let (inbox, inputs) = sync_channel(INBOX);
        let to_self = inbox.clone();
        thread::Builder::new()
            .name("frame".to_owned())
            .spawn(move || match FrameLoop::new(options, clock, to_self, &tell) {
                Ok(mut frames) => {
                    if let Err(error) = frames.run(&inputs, &tell) {
                        tell(FrameThreadEvent::Failed { why: error.to_string() });
                    }
                }
                Err(error) => tell(FrameThreadEvent::Failed { why: error.to_string() }),
            })
            .expect("a thread can be started at the host's start");
        Self { inbox }
    }

    pub fn put(&self, input: Input) {
        // A full inbox belongs to a frame thread that is about to be reported as failed.
        let _ = self.inbox.try_send(input);
    }
}

struct FrameLoop {
    clock: Clock,
    stage: Stage,
    renderer: warming::Device,
    transport: TransportHandle,
    loader: Loader,
    encoding: Encoding,
    /// Plans handed to the renderer, oldest first.
    rendering: VecDeque<(FramePlan, u32)>,
    spare: Vec<RenderedFrame>,
    /// Of a picture that is drawn for what is seen in it, and shown to nobody.
    picture: RenderedFrame,
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
    external: ExternalStatistics,
    recovery: recovery::Recovery,
    /// To itself.
    inbox: SyncSender<Input>,
}

impl FrameLoop {
    fn new(
        options: FrameThreadOptions,
        clock: Clock,
        inbox: SyncSender<Input>,
        tell: &impl Fn(FrameThreadEvent),
    ) -> Result<Self, FrameThreadError> {
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
        tell(FrameThreadEvent::Up { adapter: adapter.to_string(), transport: transport.clone() });
        Ok(Self {
            clock,
            stage: Stage::new(capability),
            renderer: warming::Device::new(renderer),
            transport,
            loader,
            encoding,
            rendering: VecDeque::new(),
            spare: (0..PICTURES).map(|_| RenderedFrame::default()).collect(),
            picture: RenderedFrame::default(),
            commands: VecDeque::new(),
            picks: VecDeque::new(),
            picture_first: false,
            refining: HashMap::new(),
            replacing: HashSet::new(),
            load_serial: 0,
            connected: false,
            generation: 0,
            bits_per_second,
            external: ExternalStatistics::default(),
            recovery: recovery::Recovery::new(options.graphics, options.renderer),
            inbox,
        })
    }

    fn run(&mut self, inputs: &Receiver<Input>, tell: &impl Fn(FrameThreadEvent)) -> Result<(), FrameThreadError> {
        self.answer_while_warming(inputs, tell, warming::warm_up)?;
        loop {
            match self.work(inputs, tell) {
                Ok(()) => return Ok(()),
                Err(FrameThreadError::Render(error)) => self.recover(error)?,
                Err(error) => return Err(error),
            }
        }
    }

    /// Until nobody wants anything any more, or the graphics device fails.
    fn work(&mut self, inputs: &Receiver<Input>, tell: &impl Fn(FrameThreadEvent)) -> Result<(), FrameThreadError> {
        loop {
            // Everything that has arrived comes before the next picture, so that it shows the newest pose.
            loop {
                match inputs.try_recv() {
                    Ok(input) => self.take(input, tell),
                    Err(TryRecvError::Empty) => break,
                    Err(TryRecvError::Disconnected) => return Ok(()),
                }
            }
            self.execute(tell);
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

    fn take(&mut self, input: Input, tell: &impl Fn(FrameThreadEvent)) {
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
                self.external.lease_remaining = remaining;
                self.stage.set_external_statistics(self.external);
            }
            Input::End { reason, message } => {
                let ending = wire::SessionEnding { reason: reason.into(), message };
                self.send(&wire::HostMessage { message: Some(host_message::Message::SessionEnding(ending)) });
            }
        }
        // At once, so that the next input finds renderer and loader as the stage takes them to be.
        self.hand_out(tell);
    }

    fn take_transport(&mut self, event: TransportEvent, tell: &impl Fn(FrameThreadEvent)) {
        let now = self.clock.now();
        match event {
            TransportEvent::Connected => {}
            TransportEvent::ChannelOpen(Channel::Control) => {
                self.next_generation();
                self.connected = true;
                self.stage.connected(now);
                tell(FrameThreadEvent::Connected);
            }
            TransportEvent::ChannelOpen(Channel::Pose) => {}
            TransportEvent::Message { channel: Channel::Control, bytes } => self.commands.push_back(bytes),
            TransportEvent::Message { channel: Channel::Pose, bytes } => self.stage.pose(now, &bytes),
            TransportEvent::KeyFrameWanted => self.stage.key_frame_wanted(),
            TransportEvent::RepeatWanted => self.stage.repeat_wanted(),
            TransportEvent::Bandwidth(bandwidth) => {
                self.bits_per_second = bandwidth.target_bits_per_second;
                self.external.bitrate_target_bits_per_second = self.bits_per_second;
                self.stage.set_external_statistics(self.external);
            }
            TransportEvent::Statistics(statistics) => {
                self.external.round_trip = statistics.round_trip.unwrap_or_default();
                if let Some(renderer) = self.renderer.get() {
                    self.external.graphics_memory_bytes = renderer.graphics_memory_bytes();
                    self.external.graphics_memory_budget_bytes = renderer.geometry_bytes_max();
                }
                self.stage.set_external_statistics(self.external);
                tell(FrameThreadEvent::Statistics(format!("{statistics:?}")));
            }
            TransportEvent::Closed(reason) => {
                self.next_generation();
                self.stage.disconnected();
                // One that warms up has drawn nothing for a client yet.
                if let Some(renderer) = self.renderer.get() {
                    renderer.rest();
                }
                if std::mem::take(&mut self.connected) {
                    tell(FrameThreadEvent::Disconnected { why: describe(&reason) });
                }
            }
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

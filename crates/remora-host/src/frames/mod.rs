//! The frame thread: owns graphics device, renderer and stage, and carries out what the stage decides.
//!
//! ```text
//!   transport ─┐
//!   loader ────┼─▶ inbox ─▶ Stage ─▶ plan ─▶ Pipeline: renderer ─▶ encoder ─▶ transport
//!   encoder ───┘              └────▶ outputs: replies to the transport, loads to Assembly, picks to Picks
//! ```
//!
//! | part | does |
//! |---|---|
//! | `pipeline.rs`, `recovery.rs` | moves frames from a plan to the encoder, and opens a failed graphics device again |
//! | `picks.rs` | finds what is visible under a pixel |
//! | `assembly.rs` | places loaded models on the device and in the stage, coarse forms first |
//! | `commands.rs` | executes the client's commands in their order, as long as it takes the answers |
//! | `warming.rs` | answers the client before the renderer is warm |
//!
//! The thread waits for its inbox, for the stage's next deadline, or for the frame in flight; never for the network.

mod assembly;
mod commands;
mod device;
mod interface;
mod outputs;
mod picks;
mod pipeline;
mod recovery;
mod warming;

use std::{
    collections::VecDeque,
    sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, sync_channel},
    time::Duration,
};

use remora_protocol::connection::{self as wire, host_message};
use remora_render::{Graphics, PrepareOptions};
use remora_stream::{
    Channel, CloseReason, Message as Received, RECEIVED_MAX, Transport, TransportEvent, TransportHandle,
    TransportOptions,
};

use crate::{
    clock::{Clock, Moment},
    encoding::Encoding,
    loader::{Loader, LoaderOptions},
    stage::{Capability, ExternalStatistics, Stage, quality},
    threads,
};
use assembly::Assembly;
use device::Device;
pub(crate) use device::compile_ahead;
#[cfg(test)]
use device::warm_up;
pub(crate) use interface::{FrameThreadError, FrameThreadEvent, FrameThreadOptions, Input};
use picks::Picks;
use pipeline::Pipeline;
use recovery::Recovery;

/// Inputs that have not been handled yet.
const INBOX: usize = 1024;
/// Queue of the transport's events: as many commands as may wait, and as many other events as usual.
const TRANSPORT_EVENTS: usize = RECEIVED_MAX + INBOX;
/// The wait for an input if nothing else is due.
const IDLE_WAIT: Duration = Duration::from_hours(1);
/// Upper bound on a stream that a software adapter renders.
const SOFTWARE_STREAM_PIXELS_MAX: u32 = 1280 * 720;
const STREAM_WIDTH_MAX: u32 = 3840;
const STREAM_HEIGHT_MAX: u32 = 2160;

/// A handle to the frame thread. The thread ends when this and the host's transport handle are dropped and all inputs
/// have been handled.
pub(crate) struct FrameThread {
    inbox: SyncSender<Input>,
}

impl FrameThread {
    /// Starts the thread. `tell` is called on it.
    pub(crate) fn start(
        options: FrameThreadOptions,
        clock: Clock,
        tell: impl Fn(FrameThreadEvent) + Send + 'static,
    ) -> Self {
        let (inbox, inputs) = sync_channel(INBOX);
        let to_self = inbox.clone();
        threads::spawn("frame", move || {
            let result =
                FrameLoop::new(options, clock, to_self, &tell).and_then(|mut frames| frames.run(&inputs, &tell));
            if let Err(error) = result {
                tell(FrameThreadEvent::Failed { why: error.to_string() });
            }
        });
        Self { inbox }
    }

    /// Hands the thread an input.
    pub(crate) fn put(&self, input: Input) {
        // A full inbox belongs to a frame thread that is about to be reported as failed.
        let _ = self.inbox.try_send(input);
    }
}

/// The state of the frame thread.
struct FrameLoop {
    clock: Clock,
    stage: Stage,
    transport: TransportHandle,
    pipeline: Pipeline,
    picks: Picks,
    assembly: Assembly,
    /// Commands of the client that have not been executed yet, oldest first; bounded by the transport.
    commands: VecDeque<Received>,
    connected: bool,
    external: ExternalStatistics,
    /// The thread's own inbox, for threads that it starts.
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
        let renderer = recovery::open_renderer(graphics, &options.renderer, &inbox)?;

        let (events, transport_events) = sync_channel(TRANSPORT_EVENTS);
        let bits_per_second = options.transport.bitrate.start_bits_per_second;
        let transport_options =
            TransportOptions { overrun_farewell: commands::overrun_farewell(), ..options.transport };
        let transport = Transport::start(transport_options, events)?;
        forward(transport_events, clock, inbox.clone());

        let entities_max = options.memory.entities_max();
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
            let deliver = move |done| inbox.send(Input::Encoded(Box::new(done))).is_ok();
            Encoding::start(options.encoder, transport.clone(), clock, deliver)
        };
        let recovery = Recovery::new(options.graphics, options.renderer, inbox.clone());
        let pipeline = Pipeline::new(clock, Device::new(renderer), encoding, bits_per_second, recovery);
        let capability =
            capability(&adapter.name, adapter.software, options.primitives_max, entities_max, options.render_target);
        tell(FrameThreadEvent::Up { adapter: adapter.to_string(), transport: transport.clone() });
        Ok(Self {
            clock,
            stage: Stage::new(capability),
            transport,
            pipeline,
            picks: Picks::default(),
            assembly: Assembly::new(loader),
            commands: VecDeque::new(),
            connected: false,
            external: ExternalStatistics::default(),
            inbox,
        })
    }

    fn run(&mut self, inputs: &Receiver<Input>, tell: &impl Fn(FrameThreadEvent)) -> Result<(), FrameThreadError> {
        let software = self.pipeline.renderer.graphics().adapter().software;
        self.warm_up(inputs, tell, device::warm_up_steps(software).iter().copied())?;
        loop {
            match self.work(inputs, tell) {
                Ok(()) => return Ok(()),
                Err(FrameThreadError::Render(error)) => self.pipeline.recover(&mut self.stage, error)?,
                Err(error) => return Err(error),
            }
        }
    }

    /// Works until all senders of inputs are gone or the graphics device fails.
    fn work(&mut self, inputs: &Receiver<Input>, tell: &impl Fn(FrameThreadEvent)) -> Result<(), FrameThreadError> {
        loop {
            // All inputs are handled before the next frame, so that it shows the newest pose.
            loop {
                match inputs.try_recv() {
                    Ok(input) => self.handle(input, tell),
                    Err(TryRecvError::Empty) => break,
                    Err(TryRecvError::Disconnected) => return Ok(()),
                }
            }
            self.execute_commands(tell);
            let now = self.clock.now();
            self.stage.tick(now);
            self.hand_out(tell);
            self.stage.hold_until(self.clock.moment(self.transport.hold_until()));
            let pick = self.picks.next();
            if let Some(pick) = pick.filter(|_| !self.pipeline.is_rendering()) {
                self.picks.answer(&mut self.stage, &mut self.pipeline.renderer, pick)?;
                continue;
            }
            // No frame is started that a pick would have to wait for.
            if pick.is_none()
                && self.pipeline.has_room()
                && let Some(plan) = self.stage.poll_frame(now)
            {
                self.picks.end_frame_turn();
                self.pipeline.start(&mut self.stage, plan)?;
                continue;
            }
            if self.pipeline.is_rendering() {
                self.pipeline.proceed(&mut self.stage)?;
                continue;
            }
            if !self.picks.is_empty() {
                self.picks.end_frame_turn();
                continue;
            }
            let due = match self.stage.poll_timeout() {
                // A frame that is due but has no buffer waits for the encoder to give one back.
                Some(at) if at <= self.clock.now() && !self.pipeline.has_spare() => IDLE_WAIT,
                Some(at) => at.saturating_sub(self.clock.now()),
                None => IDLE_WAIT,
            };
            let wait = self.until_commands().map_or(due, |wait| wait.min(due));
            match inputs.recv_timeout(wait) {
                Ok(input) => self.handle(input, tell),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            }
        }
    }

    fn handle(&mut self, input: Input, tell: &impl Fn(FrameThreadEvent)) {
        match input {
            Input::Transport { event, at } => self.handle_transport(event, at, tell),
            Input::Loading { id, .. } if id.connection != self.stage.connection() => {}
            Input::Loading { id, loading } => {
                self.assembly.handle(&mut self.stage, &mut self.pipeline, self.clock.now(), id, loading);
            }
            Input::Encoded(done) => self.pipeline.encoded(&mut self.stage, *done),
            Input::Pages => self.stage.sharpened(),
            // Comes once, before any frame, and is received where it is waited for.
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
        // Carried out at once, so that renderer and loader are in the state that the stage assumes at the next input.
        self.hand_out(tell);
    }

    fn handle_transport(&mut self, event: TransportEvent, at: Moment, tell: &impl Fn(FrameThreadEvent)) {
        let now = self.clock.now();
        match event {
            TransportEvent::Connected | TransportEvent::ChannelOpen(Channel::Pose) => {}
            TransportEvent::ChannelOpen(Channel::Control) => {
                self.connected = true;
                self.stage.connected(now);
                self.connection_changed();
                tell(FrameThreadEvent::Connected);
            }
            TransportEvent::Message { channel: Channel::Control, bytes } => self.commands.push_back(bytes),
            TransportEvent::Message { channel: Channel::Pose, bytes } => self.stage.pose(at, &bytes),
            TransportEvent::KeyFrameWanted => self.stage.key_frame_wanted(),
            TransportEvent::RepeatWanted => self.stage.repeat_wanted(),
            TransportEvent::Bandwidth(bandwidth) => {
                self.pipeline.set_bitrate(bandwidth.target_bits_per_second);
                self.external.bitrate_target_bits_per_second = bandwidth.target_bits_per_second;
                self.stage.set_external_statistics(self.external);
            }
            TransportEvent::Statistics(statistics) => {
                self.external.round_trip = statistics.round_trip.unwrap_or_default();
                if let Some(renderer) = self.pipeline.renderer.get() {
                    self.external.graphics_memory_bytes = renderer.graphics_memory_bytes();
                    self.external.graphics_memory_budget_bytes = renderer.geometry_bytes_max();
                }
                self.stage.set_external_statistics(self.external);
                tell(FrameThreadEvent::Statistics(format!("{statistics:?}")));
            }
            TransportEvent::Closed(reason) => {
                self.stage.disconnected();
                self.connection_changed();
                // A renderer that warms up has drawn nothing for a client yet.
                if let Some(renderer) = self.pipeline.renderer.get() {
                    renderer.release_targets();
                }
                if std::mem::take(&mut self.connected) {
                    tell(FrameThreadEvent::Disconnected { why: describe(&reason) });
                }
            }
        }
    }

    /// Drops everything that was for an earlier connection.
    fn connection_changed(&mut self) {
        let connection = self.stage.connection();
        self.commands.clear();
        self.picks.clear();
        self.assembly.only(connection);
        self.pipeline.only(connection);
    }
}

fn capability(
    adapter_name: &str,
    software: bool,
    primitives_max: Option<u64>,
    entities_max: usize,
    render_target: Option<Duration>,
) -> Capability {
    Capability {
        adapter_name: adapter_name.to_owned(),
        software,
        stream_pixels_max: if software { SOFTWARE_STREAM_PIXELS_MAX } else { STREAM_WIDTH_MAX * STREAM_HEIGHT_MAX },
        stream_width_max: STREAM_WIDTH_MAX,
        stream_height_max: STREAM_HEIGHT_MAX,
        frame_interval: Duration::from_micros(if software { 1_000_000 / 30 } else { 1_000_000 / 60 }),
        // A software adapter renders on the cores that the encoder needs too, so one frame is in each of both.
        frames_in_flight_max: if software { 2 } else { 3 },
        primitives_max,
        entities_max,
        render_target: render_target.unwrap_or(quality::render_target(software)),
    }
}

/// Forwards the transport's events, which have a channel of their own because the transport never waits for a full one.
fn forward(events: Receiver<TransportEvent>, clock: Clock, inbox: SyncSender<Input>) {
    threads::spawn("transport events", move || {
        for event in events {
            if inbox.send(Input::Transport { event, at: clock.now() }).is_err() {
                return;
            }
        }
    });
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

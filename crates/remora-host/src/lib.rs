//! A render host: one process, one session, one client at a time. A host may be started before its session exists.
//!
//! ```text
//!   HostStart ▶ run ─┬─ link ────── reports to the control plane, and receives its orders
//!                    ├─ handshake ─ the handshake and inspector ports: decides which clients may connect
//!                    ├─ frames ──── graphics device, stage, renderer     ┐
//!                    ├─ encoding ── frames to access units               ├ the frame path
//!                    ├─ transport   UDP, WebRTC (remora-stream)          ┘
//!                    └─ loader ──── models
//! ```
//!
//! The main thread owns the [`Life`] and waits for events of the other threads. The
//! threads talk over bounded channels. A few locks protect small records: the connection slots and the holder's secrets
//! of the handshake, and the order of a load's progress messages, one of which is sent under the lock. The frame path
//! takes one lock per frame, that of the graphics device's last error, which the driver's callbacks write. It is held
//! only to take the error.
//!
//! A host does not outlive its lease, keeps no state on disk, and never learns of another session.
//!
//! Every line of the log carries the host's correlation vector (`MS-CV`), which its reports to the control plane carry
//! too; lines about a client's request carry the vector of that request.

mod clock;
mod correlation;
mod encoding;
mod fence;
mod frames;
mod handshake;
mod ids;
mod link;
mod loader;
mod marker;
mod memory;
mod runtime;
mod stage;
mod threads;
mod thumbnail;
mod token;
pub mod untrusted;

use std::{
    path::Path,
    sync::Arc,
    sync::mpsc::{Receiver, RecvTimeoutError, sync_channel},
    time::Duration,
};

pub use fence::{FenceReport, raise_for_probe, try_fence};
pub use memory::memory_bytes_max;
use remora_convert::Cache;
pub use remora_engine::EngineDetail;
pub use remora_import::is_isolated;
use remora_protocol::{
    connection::session_ending::Reason,
    correlation::new_base,
    life::{Ending, Life},
    link::{
        Assignment, HostAddress, HostOrder, HostSpec, HostStart, HostState, PORTS, Placement, Rendering, StopReason,
    },
};
pub use remora_render::{AdapterSummary, GraphicsError, GraphicsOptions};
use remora_render::{Graphics, RenderError, Renderer, RendererOptions};
use remora_stream::{EncoderBackend, TransportOptions, local_addresses};
use thiserror::Error;
pub use thumbnail::{ThumbnailError, thumbnail};

use crate::{
    clock::{Clock, Moment},
    frames::{FrameThread, FrameThreadEvent, FrameThreadOptions, Input},
    link::{Answer, Link, LinkError, Status},
    memory::ImportMemory,
    runtime::{Runtime, RuntimeEvent},
};

/// The choice of each frame's quality, for programs that measure it.
pub mod quality {
    pub use crate::stage::quality::{Detail, Quality, render_target};
}

/// Events of other threads that have not been handled yet.
const EVENTS: usize = 256;
/// The time in which the client hears that the session ends, and the control plane hears why.
const FAREWELL_MAX: Duration = Duration::from_secs(1);

/// Options that the machine's operator sets, not the control plane.
#[derive(Clone, Debug, Default)]
pub struct HostOptions {
    /// The graphics adapter and how it is opened.
    pub graphics: GraphicsOptions,
}

/// The reason why a host fails.
#[derive(Debug, Error)]
pub enum HostError {
    /// The link to the control plane cannot be set up.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// The host has failed, for the reason that the control plane was told.
    #[error("{0}")]
    Failed(String),
}

/// Compiles the renderer's shaders on the device that a host would use. The graphics driver keeps them on disk.
pub fn compile_shaders(options: &HostOptions) -> Result<(), ShadersError> {
    let mut renderer = Renderer::new(Graphics::open(&options.graphics)?, &RendererOptions::default())?;
    Ok(frames::compile_ahead(&mut renderer)?)
}

/// The reason why shaders cannot be compiled.
#[derive(Debug, Error)]
pub enum ShadersError {
    /// The graphics device cannot be opened.
    #[error(transparent)]
    Graphics(#[from] GraphicsError),
    /// The driver refuses a shader.
    #[error(transparent)]
    Render(#[from] RenderError),
}

enum Event {
    Stage(FrameThreadEvent),
    Runtime(RuntimeEvent),
    Answer(Answer),
}

/// Returns the names of the graphics adapters that a host can choose from.
pub fn adapter_names() -> Vec<String> {
    remora_render::adapter_names()
}

/// Opens the graphics device that a host would use, and returns its adapter.
pub fn probe(options: &HostOptions) -> Result<AdapterSummary, GraphicsError> {
    Graphics::open(&options.graphics).map(|graphics| graphics.adapter().clone())
}

/// Runs a host until its session is over. The caller must not have started a thread before.
pub fn run(start: HostStart, options: HostOptions) -> Result<(), HostError> {
    let vector = new_base(correlation::random());
    // At the level of errors, so that every line has the vector. Threads are started within the span.
    let span = tracing::error_span!("host", ms_cv = %vector, host = start.spec.host_id);
    span.in_scope(|| run_in_span(start, options, &vector))
}

fn run_in_span(start: HostStart, options: HostOptions, vector: &str) -> Result<(), HostError> {
    let clock = Clock::start();
    let fenced = fence::raise(&start);
    let (events, inbox) = sync_channel(EVENTS);
    let lease = start.spec.assignment.as_ref().map(|assignment| Duration::from_millis(assignment.lease_milliseconds));
    let life = Life::new(clock.now(), Duration::from_millis(start.spec.start_milliseconds_max), lease);
    let session_id = start.spec.assignment.as_ref().map(|assignment| assignment.session_id.clone());
    let status = Status { state: HostState::Starting, connected_clients: 0, session_id };
    let link = {
        let events = events.clone();
        Link::start(&start, vector, status, move |answer| {
            // A main thread that has ended needs no answers.
            let _ = events.send(Event::Answer(answer));
        })?
    };
    let runtime = {
        let events = events.clone();
        Runtime::start(start.clone(), move |event| {
            let _ = events.send(Event::Runtime(event));
        })
    };
    let frames = FrameThread::start(frames_options(&start, options), clock, move |event| {
        let _ = events.send(Event::Stage(event));
    });
    let HostStart { spec: HostSpec { assignment, .. }, placement: Placement { hostname, .. } } = start;
    let mut host =
        Host { clock, hostname, life, link, runtime, frames, session_id: None, connected: false, reported: None };
    if let Some(assignment) = assignment {
        host.assign(assignment);
    }
    if let Err(why) = fenced {
        host.life.failed(why);
    }
    host.run(&inbox)
}

struct Host {
    clock: Clock,
    hostname: String,
    life: Life,
    link: Link,
    runtime: Runtime,
    frames: FrameThread,
    /// The session that the host was assigned to.
    session_id: Option<String>,
    /// A client is connected.
    connected: bool,
    /// The status that was reported last.
    reported: Option<Status>,
}

impl Host {
    fn run(mut self, inbox: &Receiver<Event>) -> Result<(), HostError> {
        while self.life.ending().is_none() {
            self.report();
            let now = self.clock.now();
            let wait = self.life.wake_at().map_or(Duration::MAX, |at| at.saturating_sub(now));
            match inbox.recv_timeout(wait) {
                Ok(event) => self.handle(event),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => self.life.failed("all threads of the host have ended".into()),
            }
            self.life.tick(self.clock.now());
        }
        self.say_farewell(inbox)
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Stage(FrameThreadEvent::Up { adapter, transport }) => {
                tracing::info!(%adapter, "the graphics device is up");
                self.runtime.open_ports(transport);
            }
            Event::Stage(FrameThreadEvent::Connected) => {
                tracing::info!("a client connected");
                self.connected = true;
                self.runtime.connected();
            }
            Event::Stage(FrameThreadEvent::Disconnected { why }) => {
                tracing::info!(%why, "the client disconnected");
                self.connected = false;
            }
            Event::Stage(FrameThreadEvent::Statistics(statistics)) => self.runtime.publish(statistics),
            Event::Stage(FrameThreadEvent::Failed { why }) | Event::Runtime(RuntimeEvent::Failed { why }) => {
                self.life.failed(why);
            }
            Event::Runtime(RuntimeEvent::Open { handshake_port, inspector_port }) => {
                let address = HostAddress { hostname: self.hostname.clone(), handshake_port, inspector_port };
                tracing::info!(handshake_port, inspector_port, "ready");
                self.life.ready(self.clock.now(), address);
            }
            Event::Runtime(RuntimeEvent::SessionWanted) => self.report_again(),
            Event::Runtime(RuntimeEvent::Terminated) => self.life.terminated(),
            Event::Answer(Answer::Order(order)) => {
                let now = self.clock.now();
                self.life.ordered(now, &order);
                self.frames.put(Input::Lease(self.life.lease_remaining(now)));
                if let HostOrder::Run(assignment) = order
                    && self.session_id.is_none()
                {
                    self.assign(assignment);
                }
            }
            Event::Answer(Answer::Disowned) => self.life.disowned(),
        }
    }

    /// Assigns the session. The stage knows it before the handshake admits a client.
    fn assign(&mut self, assignment: Assignment) {
        let owner = assignment.owner.as_ref().map(|owner| owner.name.as_str());
        tracing::info!(session = assignment.session_id, owner, "the host was assigned to this session");
        self.session_id = Some(assignment.session_id.clone());
        let (session_id, models) = (assignment.session_id.clone(), assignment.models.clone());
        self.frames.put(Input::Assigned { session_id, models });
        self.runtime.assign(assignment);
    }

    /// Reports the last status again, for the sake of the answer.
    fn report_again(&self) {
        if let Some(status) = self.reported.clone() {
            self.link.report(status);
        }
    }

    /// Reports the status at once if it has changed. The link repeats it by itself.
    fn report(&mut self) {
        let Some(state) = self.life.report() else { return };
        let connected_clients = u32::from(self.connected);
        let status = Status { state, connected_clients, session_id: self.session_id.clone() };
        if self.reported.as_ref() != Some(&status) {
            self.link.report(status.clone());
            self.reported = Some(status);
        }
    }

    /// Tells the client that the session ends, and the control plane why, if it does not know yet.
    fn say_farewell(mut self, inbox: &Receiver<Event>) -> Result<(), HostError> {
        let Some(ending) = self.life.ending().cloned() else { return Ok(()) };
        tracing::info!(?ending, "the host ends");
        let (reason, message) = farewell(&ending);
        self.frames.put(Input::End { reason, message });
        self.report();
        let must_report = matches!(ending, Ending::Failed(_));
        let mut reported = !must_report;
        let deadline: Moment = self.clock.now() + FAREWELL_MAX;
        while self.connected || !reported {
            match inbox.recv_timeout(deadline.saturating_sub(self.clock.now())) {
                Ok(Event::Stage(FrameThreadEvent::Disconnected { .. })) => self.connected = false,
                // The answer to a failure is the order to stop.
                Ok(Event::Answer(Answer::Disowned | Answer::Order(HostOrder::Stop { .. }))) => {
                    reported = true;
                }
                Ok(_) => {}
                Err(_) => break,
            }
        }
        match ending {
            Ending::Failed(why) => Err(HostError::Failed(why)),
            Ending::Ordered(_) | Ending::LeaseExpired | Ending::Forgotten | Ending::Disowned | Ending::Terminated => {
                Ok(())
            }
        }
    }
}

fn farewell(ending: &Ending) -> (Reason, String) {
    match ending {
        Ending::Ordered(StopReason::LeaseExpired) | Ending::LeaseExpired => {
            (Reason::LeaseExpired, "the session's lease is over".to_owned())
        }
        Ending::Ordered(StopReason::Stopped) => (Reason::Stopped, "the session was stopped".to_owned()),
        Ending::Ordered(StopReason::NotNeeded) | Ending::Disowned | Ending::Forgotten => {
            (Reason::Stopped, "the service has ended this session".to_owned())
        }
        Ending::Terminated => (Reason::Stopped, "the service is shutting down".to_owned()),
        Ending::Failed(why) => (Reason::HostFailed, format!("the render host failed: {why}")),
    }
}

fn frames_options(start: &HostStart, options: HostOptions) -> FrameThreadOptions {
    let HostStart { spec, placement } = start;
    let addresses = if placement.listen_address.is_unspecified() || placement.listen_address.is_loopback() {
        local_addresses()
    } else {
        vec![placement.listen_address]
    };
    let adapter = spec.adapter.clone().or(options.graphics.adapter.clone());
    let rendering = &spec.rendering;
    FrameThreadOptions {
        model_files: placement.model_files.clone(),
        remote_models: spec.remote_models.clone(),
        primitives_max: spec.primitives_max,
        graphics: GraphicsOptions { adapter, ..options.graphics },
        transport: TransportOptions {
            addresses,
            external_address: placement.media.external_address,
            ports: Some(placement.media.ports.map_or(PORTS, |(first, last)| first..=last)),
            ..TransportOptions::default()
        },
        encoder: EncoderBackend::default(),
        memory: Arc::new(match rendering.memory_bytes_max {
            Some(bytes) => ImportMemory::fixed(bytes),
            None => ImportMemory::free(placement.cache_directory.as_deref()),
        }),
        renderer: renderer_options(rendering),
        render_target: rendering.frame_time_milliseconds.map(Duration::from_millis),
        cache: placement
            .cache_directory
            .as_deref()
            .and_then(|directory| open_cache(directory, rendering.cache_bytes_max)),
        threads: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
    }
}

fn renderer_options(rendering: &Rendering) -> RendererOptions {
    let default = RendererOptions::default();
    RendererOptions {
        geometry_bytes_max: rendering.graphics_memory_bytes_max.unwrap_or(default.geometry_bytes_max),
        page_memory_bytes_max: rendering.page_memory_bytes_max.unwrap_or(default.page_memory_bytes_max),
    }
}

/// Opens the cache. A host without a cache works too, but loads models more slowly.
fn open_cache(directory: &str, bytes_max: u64) -> Option<Cache> {
    Cache::open(Path::new(directory), bytes_max)
        .inspect_err(|error| tracing::error!(%error, directory, "converted models are not cached"))
        .ok()
}

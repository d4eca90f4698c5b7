//! A render host: one process, one session, one client at a time. It may be started before there is the session.
//!
//! ```text
//!   HostStart ▶ run ─┬─ link ───── reports to the control plane, hands on its orders
//!                    ├─ door ───── handshake and inspector ports: who may come in
//!                    ├─ frames ─── graphics device, stage, renderer     ┐
//!                    ├─ encoding ─ pictures to access units             ├ the frame path
//!                    ├─ transport  UDP, WebRTC (remora-stream)          ┘
//!                    └─ loader ─── models
//! ```
//!
//! The main thread owns the [`Life`] and waits for events of the others; there are channels between the
//! threads and no locks. A host does not outlive its lease, keeps no state on disk, and never learns of another
//! session.

mod clock;
mod encoding;
mod fence;
mod frames;
mod handshake;
mod link;
mod loader;
mod marker;
mod memory;
mod runtime;
mod stage;
mod thumbnail;
mod token;

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
    life::{Ending, Life},
    link::{
        Assignment, HostAddress, HostOrder, HostSpec, HostStart, HostState, PORTS, Placement, Rendering, StopReason,
    },
};
pub use remora_render::{AdapterSummary, GraphicsError, GraphicsOptions};
use remora_render::{Graphics, RenderError, Renderer, RendererOptions};
use remora_stream::{TransportOptions, local_addresses};
use thiserror::Error;
pub use thumbnail::{ThumbnailError, thumbnail};

use crate::{
    clock::{Clock, Moment},
    frames::{FrameThread, FrameThreadEvent, FrameThreadOptions, Input},
    link::{Answer, Link, Status},
    memory::ImportMemory,
    runtime::{Runtime, RuntimeEvent},
};

const EVENTS: usize = 256;
/// For the client to hear that the session ends, and for the control plane to hear why.
const FAREWELL_MAX: Duration = Duration::from_secs(1);

/// What the machine's operator decides, not the control plane.
#[derive(Clone, Debug, Default)]
pub struct HostOptions {
    pub graphics: GraphicsOptions,
}

#[derive(Debug, Error)]
pub enum HostError {
    #[error(transparent)]
    Link(#[from] link::LinkError),
    /// What the control plane was told.
    #[error("{0}")]
    Failed(String),
}

/// Compiles the renderer's shaders on the device that a host would use. The graphics driver keeps them on disk.
pub fn compile_shaders(options: &HostOptions) -> Result<(), ShadersError> {
    let mut renderer = Renderer::new(Graphics::open(&options.graphics)?, &RendererOptions::default())?;
    Ok(frames::warm_up(&mut renderer)?)
}

/// The reason why shaders cannot be compiled.
#[derive(Debug, Error)]
pub enum ShadersError {
    #[error(transparent)]
    Graphics(#[from] GraphicsError),
    #[error(transparent)]
    Render(#[from] RenderError),
}

enum Event {
    Stage(FrameThreadEvent),
    Runtime(RuntimeEvent),
    Answer(Answer),
}

/// Names of the graphics adapters that a host may choose from.
pub fn adapter_names() -> Vec<String> {
    remora_render::adapter_names()
}

/// Opens the graphics device that a host would use and says which it is.
pub fn probe(options: &HostOptions) -> Result<AdapterSummary, GraphicsError> {
    Graphics::open(&options.graphics).map(|graphics| graphics.adapter().clone())
}

/// Runs until the session is over. The caller must not have started a thread before.
pub fn run(start: HostStart, options: HostOptions) -> Result<(), HostError> {
    let clock = Clock::start();
    let fenced = fence::raise(&start);
    let (events, inbox) = sync_channel(EVENTS);
    let lease = start.spec.assignment.as_ref().map(|assignment| Duration::from_millis(assignment.lease_milliseconds));
    let life = Life::new(clock.now(), Duration::from_millis(start.spec.start_milliseconds_max), lease);
    let status = Status { state: HostState::Starting, connected_clients: 0 };
    let link = {
        let events = events.clone();
        Link::start(&start, status, move |answer| {
            // A main thread that is gone needs no more answers.
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
    let mut host = Host { clock, hostname, life, link, runtime, frames, assigned: false, connected: false, told: None };
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
    /// Whether the host knows its session.
    assigned: bool,
    connected: bool,
    /// What the control plane was told last.
    told: Option<(HostState, bool)>,
}

impl Host {
    fn run(mut self, inbox: &Receiver<Event>) -> Result<(), HostError> {
        while self.life.ending().is_none() {
            self.tell();
            let now = self.clock.now();
            let wait = self.life.wake_at().map_or(Duration::MAX, |at| at.saturating_sub(now));
            match inbox.recv_timeout(wait) {
                Ok(event) => self.take(event),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => self.life.failed("all threads of the host have ended".into()),
            }
            self.life.tick(self.clock.now());
        }
        self.part(inbox)
    }

    fn take(&mut self, event: Event) {
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
            Event::Stage(FrameThreadEvent::Failed { why }) => self.life.failed(why),
            Event::Runtime(RuntimeEvent::Open { handshake_port, inspector_port }) => {
                let address = HostAddress { hostname: self.hostname.clone(), handshake_port, inspector_port };
                tracing::info!(handshake_port, inspector_port, "ready");
                self.life.ready(self.clock.now(), address);
            }
            Event::Runtime(RuntimeEvent::SessionWanted) => self.ask(),
            Event::Runtime(RuntimeEvent::Failed { why }) => self.life.failed(why),
            Event::Runtime(RuntimeEvent::Terminated) => self.life.terminated(),
            Event::Answer(Answer::Order(order)) => {
                let now = self.clock.now();
                self.life.ordered(now, &order);
                self.frames.put(Input::Lease(self.life.lease_remaining(now)));
                if let HostOrder::Run(assignment) = order
                    && !self.assigned
                {
                    self.assign(assignment);
                }
            }
            Event::Answer(Answer::Disowned) => self.life.disowned(),
        }
    }

    /// The stage knows the session before the door lets anybody in.
    fn assign(&mut self, assignment: Assignment) {
        let owner = assignment.owner.as_ref().map(|owner| owner.name.as_str());
        tracing::info!(session = assignment.session_id, owner, "the host is for this session");
        self.assigned = true;
        let (session_id, models) = (assignment.session_id.clone(), assignment.models.clone());
        self.frames.put(Input::Assigned { session_id, models });
        self.runtime.assign(assignment);
    }

    /// Reports at once, for the sake of the answer.
    fn ask(&self) {
        if let Some((state, connected)) = self.told.clone() {
            self.link.report(Status { state, connected_clients: u32::from(connected) });
        }
    }

    /// Reports at once what has changed; the link repeats it by itself.
    fn tell(&mut self) {
        let Some(state) = self.life.report() else { return };
        let now = (state, self.connected);
        if self.told.as_ref() != Some(&now) {
            self.link.report(Status { state: now.0.clone(), connected_clients: u32::from(self.connected) });
            self.told = Some(now);
        }
    }

    /// The client hears that the session ends; a control plane that does not know why yet is told.
    fn part(mut self, inbox: &Receiver<Event>) -> Result<(), HostError> {
        let Some(ending) = self.life.ending().cloned() else { return Ok(()) };
        tracing::info!(?ending, "the host ends");
        let (reason, message) = farewell(&ending);
        self.frames.put(Input::End { reason, message });
        self.tell();
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

/// A host without a cache works as well, only not as soon.
fn open_cache(directory: &str, bytes_max: u64) -> Option<Cache> {
    Cache::open(Path::new(directory), bytes_max)
        .inspect_err(|error| tracing::error!(%error, directory, "models are not kept from one session to the next"))
        .ok()
}

//! The thread of everything that waits for a network peer but the video: the door, and signals.

use std::{sync::Arc, thread};

use remora_protocol::link::{Assignment, HostStart};
use remora_stream::{AcceptError, TransportHandle};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::{oneshot, watch},
};

use crate::handshake::{HandshakeBackend, HandshakeServer, Holder, OfferRejection, SessionWatch};

#[derive(Debug)]
pub enum RuntimeEvent {
    /// Both ports listen.
    Open {
        handshake_port: u16,
        inspector_port: u16,
    },
    /// A client is at the door, and the host knows of no session.
    SessionWanted,
    Failed {
        why: String,
    },
    /// SIGTERM or SIGINT.
    Terminated,
}

pub struct Runtime {
    transport: Option<oneshot::Sender<TransportHandle>>,
    statistics: watch::Sender<String>,
    session: watch::Sender<Option<Arc<Assignment>>>,
    holder: Arc<Holder>,
}

/// What the rest of the host tells the door.
struct HandshakeInputs {
    transport: oneshot::Receiver<TransportHandle>,
    statistics: watch::Receiver<String>,
    session: SessionWatch,
    holder: Arc<Holder>,
}

impl Runtime {
    /// `tell` is called on the runtime's thread.
    pub fn start(start: HostStart, tell: impl Fn(RuntimeEvent) + Send + Sync + 'static) -> Self {
        let (transport, wanted) = oneshot::channel();
        let (statistics, latest) = watch::channel("{}".to_owned());
        let (session, told_session) = watch::channel(None);
        let holder = Arc::new(Holder::new(start.spec.exclusive));
        let told =
            HandshakeInputs { transport: wanted, statistics: latest, session: told_session, holder: holder.clone() };
        thread::Builder::new()
            .name("door".to_owned())
            .spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                match runtime {
                    Ok(runtime) => runtime.block_on(work(start, told, Arc::new(tell))),
                    Err(error) => tell(RuntimeEvent::Failed { why: format!("no event loop: {error}") }),
                }
            })
            .expect("a thread can be started at the host's start");
        Self { transport: Some(transport), statistics, session, holder }
    }

    /// Opens the ports. Offers are answered by this transport.
    pub fn open_ports(&mut self, transport: TransportHandle) {
        if let Some(wanted) = self.transport.take() {
            // A runtime that has failed has said so itself.
            let _ = wanted.send(transport);
        }
    }

    /// From now on the host is for this session.
    pub fn assign(&self, assignment: Assignment) {
        self.session.send_replace(Some(Arc::new(assignment)));
    }

    /// The client whose offer was answered last is connected.
    pub fn connected(&self) {
        self.holder.connected();
    }

    /// What the inspector shows: JSON.
    pub fn publish(&self, statistics: String) {
        self.statistics.send_replace(statistics);
    }
}

type EventSink = Arc<dyn Fn(RuntimeEvent) + Send + Sync>;

async fn work(start: HostStart, told: HandshakeInputs, tell: EventSink) {
    let signals = terminated(tell.clone());
    let door = async {
        if let Err(why) = open(&start, told, &tell).await {
            tell(RuntimeEvent::Failed { why });
        }
    };
    tokio::join!(signals, door);
}

async fn open(start: &HostStart, told: HandshakeInputs, tell: &EventSink) -> Result<(), String> {
    let HandshakeInputs { transport, statistics, session, holder } = told;
    // A host that fails before its graphics are up says so itself.
    let Ok(transport) = transport.await else { return Ok(()) };
    let backend = HostBackend { transport, statistics, tell: tell.clone() };
    // Process ids of hosts that start together differ, so they do not all try the same ports.
    let seed = (std::process::id() % 8000) as u16 * 2;
    let door = HandshakeServer::open(start, seed, session, holder, Box::new(backend))
        .await
        .map_err(|error| error.to_string())?;
    let (handshake_port, inspector_port) = door.ports().map_err(|error| error.to_string())?;
    tell(RuntimeEvent::Open { handshake_port, inspector_port });
    door.serve().await;
    Ok(())
}

async fn terminated(tell: EventSink) {
    let (Ok(mut terminate), Ok(mut interrupt)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        tell(RuntimeEvent::Failed { why: "signals cannot be waited for".to_owned() });
        return;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tell(RuntimeEvent::Terminated);
}

/// What stands behind the door: the transport, and what the frame thread last said of itself.
struct HostBackend {
    transport: TransportHandle,
    statistics: watch::Receiver<String>,
    tell: EventSink,
}

impl HandshakeBackend for HostBackend {
    fn answer(&self, offer: &str) -> Result<String, OfferRejection> {
        self.transport.accept(offer).map_err(|error| match error {
            AcceptError::InUse => OfferRejection::InUse,
            AcceptError::Offer(error) => OfferRejection::BadOffer(error.to_string()),
            AcceptError::Busy | AcceptError::Stopped => OfferRejection::Unavailable(error.to_string()),
        })
    }

    fn inspect(&self) -> String {
        self.statistics.borrow().clone()
    }

    fn ask_for_session(&self) {
        (self.tell)(RuntimeEvent::SessionWanted);
    }
}

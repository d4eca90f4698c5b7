//! The thread that serves the handshake and waits for signals.

use std::sync::Arc;

use remora_protocol::link::{Assignment, HostStart};
use remora_stream::{AcceptError, TransportHandle};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::{oneshot, watch},
};

use crate::{
    handshake::{HandshakeBackend, HandshakeServer, Holder, OfferRejection, SessionWatch},
    threads,
};

/// An event of the thread.
#[derive(Debug)]
pub(crate) enum RuntimeEvent {
    /// Both ports listen.
    Open {
        handshake_port: u16,
        inspector_port: u16,
    },
    /// A client wants to connect, and the host has no session.
    SessionWanted,
    Failed {
        why: String,
    },
    /// The process received SIGTERM or SIGINT.
    Terminated,
}

/// A handle to the thread.
pub(crate) struct Runtime {
    transport: Option<oneshot::Sender<TransportHandle>>,
    statistics: watch::Sender<String>,
    session: watch::Sender<Option<Arc<Assignment>>>,
    holder: Arc<Holder>,
}

/// The receiving ends of the thread's inputs.
struct HandshakeInputs {
    transport: oneshot::Receiver<TransportHandle>,
    statistics: watch::Receiver<String>,
    session: SessionWatch,
    holder: Arc<Holder>,
}

impl Runtime {
    /// Starts the thread. `tell` is called on it.
    pub(crate) fn start(start: HostStart, tell: impl Fn(RuntimeEvent) + Send + Sync + 'static) -> Self {
        let (transport, opened) = oneshot::channel();
        let (statistics, latest) = watch::channel("{}".to_owned());
        let (session, assigned) = watch::channel(None);
        let holder = Arc::new(Holder::new(start.spec.exclusive));
        let inputs =
            HandshakeInputs { transport: opened, statistics: latest, session: assigned, holder: holder.clone() };
        threads::spawn("handshake", move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            match runtime {
                Ok(runtime) => runtime.block_on(work(start, inputs, Arc::new(tell))),
                Err(error) => tell(RuntimeEvent::Failed { why: format!("no event loop: {error}") }),
            }
        });
        Self { transport: Some(transport), statistics, session, holder }
    }

    /// Opens the ports. This transport answers the offers.
    pub(crate) fn open_ports(&mut self, transport: TransportHandle) {
        if let Some(opened) = self.transport.take() {
            // A thread that has failed has reported it itself.
            let _ = opened.send(transport);
        }
    }

    /// Assigns the host's session.
    pub(crate) fn assign(&self, assignment: Assignment) {
        self.session.send_replace(Some(Arc::new(assignment)));
    }

    /// Notes that the client whose offer was answered last is connected.
    pub(crate) fn connected(&self) {
        self.holder.connected();
    }

    /// Sets the inspector's page, which is JSON.
    pub(crate) fn publish(&self, statistics: String) {
        self.statistics.send_replace(statistics);
    }
}

type EventSink = Arc<dyn Fn(RuntimeEvent) + Send + Sync>;

async fn work(start: HostStart, inputs: HandshakeInputs, tell: EventSink) {
    let signals = terminated(tell.clone());
    let handshake = async {
        if let Err(why) = serve(&start, inputs, &tell).await {
            tell(RuntimeEvent::Failed { why });
        }
    };
    tokio::join!(signals, handshake);
}

async fn serve(start: &HostStart, inputs: HandshakeInputs, tell: &EventSink) -> Result<(), String> {
    let HandshakeInputs { transport, statistics, session, holder } = inputs;
    // A host whose graphics do not start reports it itself.
    let Ok(transport) = transport.await else { return Ok(()) };
    let backend = HostBackend { transport, statistics, tell: tell.clone() };
    // Process ids spread hosts that start together over the range of ports.
    let seed = (std::process::id() % 8000) as u16 * 2;
    let server = HandshakeServer::open(start, seed, session, holder, Box::new(backend))
        .await
        .map_err(|error| error.to_string())?;
    let (handshake_port, inspector_port) = server.ports().map_err(|error| error.to_string())?;
    tell(RuntimeEvent::Open { handshake_port, inspector_port });
    server.serve().await;
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

/// Answers the handshake server with the transport and the frame thread's last statistics.
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

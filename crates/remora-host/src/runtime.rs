//! The thread of everything that waits for a network peer but the video: the door, and signals.

use std::{sync::Arc, thread};

use remora_protocol::link::HostSpec;
use remora_stream::{AcceptError, TransportHandle};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::{oneshot, watch},
};

use crate::door::{Door, Inside, NoAnswer};

#[derive(Debug)]
pub enum RuntimeEvent {
    /// Both ports listen.
    Open {
        handshake_port: u16,
        inspector_port: u16,
    },
    Failed {
        why: String,
    },
    /// SIGTERM or SIGINT.
    Terminated,
}

pub struct Runtime {
    transport: Option<oneshot::Sender<TransportHandle>>,
    statistics: watch::Sender<String>,
}

impl Runtime {
    /// `tell` is called on the runtime's thread.
    pub fn start(spec: HostSpec, tell: impl Fn(RuntimeEvent) + Send + Sync + 'static) -> Self {
        let (transport, wanted) = oneshot::channel();
        let (statistics, latest) = watch::channel("{}".to_owned());
        thread::Builder::new()
            .name("door".to_owned())
            .spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                match runtime {
                    Ok(runtime) => runtime.block_on(work(spec, wanted, latest, Arc::new(tell))),
                    Err(error) => tell(RuntimeEvent::Failed { why: format!("no event loop: {error}") }),
                }
            })
            .expect("a thread can be started at the host's start");
        Self { transport: Some(transport), statistics }
    }

    /// Opens the ports. Offers are answered by this transport.
    pub fn open_door(&mut self, transport: TransportHandle) {
        if let Some(wanted) = self.transport.take() {
            // A runtime that has failed has said so itself.
            let _ = wanted.send(transport);
        }
    }

    /// What the inspector shows: JSON.
    pub fn publish(&self, statistics: String) {
        self.statistics.send_replace(statistics);
    }
}

async fn work(
    spec: HostSpec,
    transport: oneshot::Receiver<TransportHandle>,
    statistics: watch::Receiver<String>,
    tell: Arc<dyn Fn(RuntimeEvent) + Send + Sync>,
) {
    let signals = terminated(tell.clone());
    let door = async {
        let Ok(transport) = transport.await else { return };
        if let Err(why) = open(&spec, Box::new(Room { transport, statistics }), &tell).await {
            tell(RuntimeEvent::Failed { why });
        }
    };
    tokio::join!(signals, door);
}

async fn open(
    spec: &HostSpec,
    inside: Box<dyn Inside>,
    tell: &Arc<dyn Fn(RuntimeEvent) + Send + Sync>,
) -> Result<(), String> {
    // Process ids of hosts that start together differ, so they do not all try the same ports.
    let seed = (std::process::id() % 8000) as u16 * 2;
    let door = Door::open(spec, seed, inside).await.map_err(|error| error.to_string())?;
    let (handshake_port, inspector_port) = door.ports().map_err(|error| error.to_string())?;
    tell(RuntimeEvent::Open { handshake_port, inspector_port });
    door.serve().await;
    Ok(())
}

async fn terminated(tell: Arc<dyn Fn(RuntimeEvent) + Send + Sync>) {
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
struct Room {
    transport: TransportHandle,
    statistics: watch::Receiver<String>,
}

impl Inside for Room {
    fn answer(&self, offer: &str) -> Result<String, NoAnswer> {
        self.transport.accept(offer).map_err(|error| match error {
            AcceptError::InUse => NoAnswer::InUse,
            AcceptError::Offer(error) => NoAnswer::BadOffer(error.to_string()),
            AcceptError::Busy | AcceptError::Stopped => NoAnswer::Unavailable(error.to_string()),
        })
    }

    fn inspect(&self) -> String {
        self.statistics.borrow().clone()
    }
}

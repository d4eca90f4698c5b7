//! The interface between the handshake server and the rest of the host.

use std::sync::Arc;

use remora_protocol::link::Assignment;
use tokio::sync::watch;

/// The rest of the host, as the handshake server sees it.
pub(crate) trait HandshakeBackend: Send + Sync + 'static {
    /// Answers an SDP offer. May block for milliseconds.
    fn answer(&self, offer: &str) -> Result<String, OfferRejection>;
    /// Returns the inspector's page, which is JSON.
    fn inspect(&self) -> String;
    /// Asks the control plane at once whether the host has a session by now.
    fn ask_for_session(&self);
}

/// The reason why an offer with a valid token is not answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum OfferRejection {
    InUse,
    BadOffer(String),
    Unavailable(String),
}

/// The host's session, once it has one.
pub(crate) type SessionWatch = watch::Receiver<Option<Arc<Assignment>>>;

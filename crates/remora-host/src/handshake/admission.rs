//! Decides which requests are admitted.

use std::{sync::Arc, time::Duration};

use axum::http::{HeaderMap, header};
use remora_protocol::{cors, link::Assignment, origins::Origins};

use super::{
    backend::{HandshakeBackend, SessionWatch},
    holder::Holder,
};
use crate::{
    clock::seconds_since_1970,
    token::{Refusal, TokenVerifier, check_admission},
};

/// The wait for the control plane, which answers a report within milliseconds if it answers at all.
const ASSIGNMENT_TIME_MAX: Duration = Duration::from_secs(3);

/// The rules of admission, and the parts of the host that admitted requests reach.
pub(super) struct Admission {
    pub(super) verifier: TokenVerifier,
    pub(super) allowed_origins: Origins,
    /// Accepted values of the `Host` header; empty accepts all.
    pub(super) names: Vec<String>,
    pub(super) session: SessionWatch,
    pub(super) holder: Arc<Holder>,
    pub(super) backend: Box<dyn HandshakeBackend>,
}

impl Admission {
    /// Verifies the token of a request. Only a token of this service can make the host ask for its session.
    pub(super) async fn verify(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let authorization = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let claims = self.verifier.verify(authorization, seconds_since_1970())?;
        let session = self.session().await.ok_or(Refusal::NoSession)?;
        check_admission(&claims, &session)
    }

    /// Returns the host's session. Asks for it if the host has none.
    async fn session(&self) -> Option<Arc<Assignment>> {
        let mut session = self.session.clone();
        let known = session.borrow().clone();
        if known.is_some() {
            return known;
        }
        self.backend.ask_for_session();
        let assigned = tokio::time::timeout(ASSIGNMENT_TIME_MAX, session.wait_for(Option::is_some)).await;
        assigned.ok()?.ok()?.clone()
    }

    /// Returns why a request is refused because of its origin or its `Host` header, before its token is looked at.
    pub(super) fn refusal(&self, headers: &HeaderMap, any_origin: bool) -> Option<String> {
        if !any_origin && let Some(refusal) = cors::refusal(&self.allowed_origins, headers) {
            return Some(refusal);
        }
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        let name = host.rsplit_once(':').filter(|(_, port)| !port.contains(']')).map_or(host, |(name, _)| name);
        let known = self.names.is_empty() || self.names.iter().any(|known| known.eq_ignore_ascii_case(name));
        (!known).then(|| format!("this host is not called {name:?}; accepted are {}", self.names.join(", ")))
    }
}

//! The control plane's end of the link to hosts: `POST /hosts/{id}/report`, see [`remora_protocol::link`].

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::post;
use axum::{Extension, Router};
use http::{HeaderMap, StatusCode};
use remora_protocol::link::{HostReport, HostState, PORTS};
use remora_session::{Address, HostId, Reported};

use super::common::{bearer, error, json, read_body};
use crate::host_secrets::HostSecrets;
use crate::listen::ConnectionSlot;
use crate::sessions::Sessions;

/// Path of the route.
pub(crate) const ROUTE: &str = "/hosts/{host}/report";
/// Longer reasons of a failure are cut. They are only shown to people.
const WHY_BYTES_MAX: usize = 2_048;
const HOSTNAME_BYTES_MAX: usize = 253;

/// State of the handler.
#[derive(Clone)]
pub(crate) struct Link {
    /// Takes reports.
    pub sessions: Arc<Sessions>,
    /// Secrets of the hosts.
    pub secrets: Arc<HostSecrets>,
}

/// Returns the route.
pub(crate) fn router(link: Link) -> Router {
    Router::new().route(ROUTE, post(report)).with_state(link)
}

async fn report(
    State(link): State<Link>,
    Path(host): Path<String>,
    slot: Option<Extension<Arc<ConnectionSlot>>>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let Ok(host) = host.parse::<HostId>() else {
        return error(StatusCode::NOT_FOUND, "HostNotFound", "No session has this host.");
    };
    if !bearer(&headers).is_some_and(|secret| link.secrets.matches(&host, secret)) {
        return error(StatusCode::UNAUTHORIZED, "Unauthorized", "This is not the secret of the host.");
    }
    if let Some(Extension(slot)) = slot {
        slot.assign_to_host();
    }
    let report: Option<HostReport> = read_body(body).await.and_then(|body| serde_json::from_slice(&body).ok());
    let session_id = report.as_ref().and_then(|report| report.session_id.clone());
    let Some(reported) = report.and_then(|report| reported(report.state)) else {
        return error(StatusCode::BAD_REQUEST, "BadRequest", "The body is not a report of a host.");
    };
    match link.sessions.report(&host, reported).await {
        Ok(Some(order)) => json(StatusCode::OK, &order.for_host_of(session_id.as_deref())),
        Ok(None) => error(StatusCode::NOT_FOUND, "HostNotFound", "No session has this host."),
        Err(failure) => {
            tracing::error!(%host, error = &failure as &dyn std::error::Error, "cannot take a host's report");
            error(StatusCode::SERVICE_UNAVAILABLE, "Unavailable", "The report could not be taken; report again.")
        }
    }
}

/// Converts a reported state. Returns `None` if it contains an address that clients may not be given.
fn reported(state: HostState) -> Option<Reported> {
    Some(match state {
        HostState::Starting => Reported::Starting,
        HostState::Failed { mut why } => {
            why.truncate(why.floor_char_boundary(WHY_BYTES_MAX));
            Reported::Failed { why }
        }
        HostState::Ready(address) => {
            let ports = [address.handshake_port, address.inspector_port];
            let sensible = ports.iter().all(|port| PORTS.contains(port))
                && ports[0] != ports[1]
                && (1..=HOSTNAME_BYTES_MAX).contains(&address.hostname.len());
            if !sensible {
                return None;
            }
            Reported::Ready(Address {
                hostname: address.hostname,
                handshake_port: address.handshake_port,
                inspector_port: address.inspector_port,
            })
        }
    })
}

#[cfg(test)]
mod tests {
    use remora_protocol::link::HostAddress;

    use super::*;

    fn ready(hostname: &str, handshake_port: u16, inspector_port: u16) -> Option<Reported> {
        reported(HostState::Ready(HostAddress { hostname: hostname.into(), handshake_port, inspector_port }))
    }

    #[test]
    fn only_addresses_that_the_api_may_return_are_accepted() {
        assert!(ready("localhost", 49_152, 65_534).is_some());
        for (hostname, handshake, inspector) in
            [("", 50_000, 50_001), ("h", 49_151, 50_001), ("h", 50_000, 65_535), ("h", 50_000, 50_000)]
        {
            assert_eq!(ready(hostname, handshake, inspector), None, "{hostname} {handshake} {inspector}");
        }
    }

    #[test]
    fn long_reasons_are_cut_between_characters() {
        let Some(Reported::Failed { why }) = reported(HostState::Failed { why: "ä".repeat(5_000) }) else {
            panic!("a failure was reported");
        };
        assert_eq!(why.len(), WHY_BYTES_MAX);
    }
}

//! The hosts' end of the control plane: `POST /hosts/{id}/report`, see [`remora_protocol::link`].

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
use crate::listen::Place;
use crate::sessions::Sessions;

pub const ROUTE: &str = "/hosts/{host}/report";
/// Longer reasons are cut: they are for people.
const WHY_BYTES_MAX: usize = 2_048;
const HOSTNAME_BYTES_MAX: usize = 253;

#[derive(Clone)]
pub struct Link {
    pub sessions: Arc<Sessions>,
    pub secrets: Arc<HostSecrets>,
}

pub fn router(link: Link) -> Router {
    Router::new().route(ROUTE, post(report)).with_state(link)
}

async fn report(
    State(link): State<Link>,
    Path(host): Path<String>,
    place: Option<Extension<Arc<Place>>>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let Ok(host) = host.parse::<HostId>() else {
        return error(StatusCode::NOT_FOUND, "HostNotFound", "No session has this host.");
    };
    if !bearer(&headers).is_some_and(|secret| link.secrets.matches(&host, secret)) {
        return error(StatusCode::UNAUTHORIZED, "Unauthorized", "This is not the secret of the host.");
    }
    if let Some(Extension(place)) = place {
        place.is_a_hosts();
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
            tracing::error!(%host, error = &failure as &dyn std::error::Error, "a report could not be taken");
            error(StatusCode::SERVICE_UNAVAILABLE, "Unavailable", "The report could not be taken; report again.")
        }
    }
}

/// `None` for an address that no client may be given.
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
    fn only_addresses_that_the_api_may_give_are_taken() {
        assert!(ready("localhost", 49_152, 65_534).is_some());
        for (hostname, handshake, inspector) in
            [("", 50_000, 50_001), ("h", 49_151, 50_001), ("h", 50_000, 65_535), ("h", 50_000, 50_000)]
        {
            assert_eq!(ready(hostname, handshake, inspector), None, "{hostname} {handshake} {inspector}");
        }
    }

    #[test]
    fn endless_reasons_are_cut_between_characters() {
        let Some(Reported::Failed { why }) = reported(HostState::Failed { why: "ä".repeat(5_000) }) else {
            panic!("a failure was reported");
        };
        assert_eq!(why.len(), WHY_BYTES_MAX);
    }
}

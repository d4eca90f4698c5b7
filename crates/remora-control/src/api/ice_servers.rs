//! How a client whose network lets it reach no host gets there all the same:
//! `GET /accounts/{account}/sessions/{session}/ice-servers`, for sessions of every generation.
//!
//! ```json
//! {"iceServers":[{"urls":["turn:turn.example.com:3478?transport=udp"],"username":"1764000000:one","credential":"…"}],
//!  "expiresInSeconds":86400}
//! ```
//!
//! Every caller that can read the session can read this. `iceServers` has the form that an `RTCPeerConnection` takes, and
//! is empty where the operator has named no servers. `api-version` is not needed.

use std::sync::Arc;

use axum::RequestExt as _;
use axum::Router;
use axum::extract::{RawPathParams, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::StatusCode;
use remora_session::{SessionId, SessionKey};
use serde::Serialize;

use super::common::{NotAdmitted, admit, authenticate, error, json, uncached};
use crate::clock::Clock;
use crate::config::Config;
use crate::sessions::{SessionError, Sessions};
use crate::token::Tokens;
use crate::turn::{self, IceServer};

#[derive(Clone)]
pub struct IceServers {
    pub sessions: Arc<Sessions>,
    pub tokens: Arc<Tokens>,
    pub clock: Clock,
    pub config: Arc<Config>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    ice_servers: Vec<IceServer>,
    expires_in_seconds: u64,
}

enum Fault {
    NotAdmitted(NotAdmitted),
    SessionNotFound,
    Session(SessionError),
}

pub fn router(servers: IceServers) -> Router {
    Router::new()
        .route("/accounts/{account}/sessions/{session}/ice-servers", get(ice_servers))
        .method_not_allowed_fallback(method_not_allowed)
        .with_state(servers)
}

async fn ice_servers(State(servers): State<IceServers>, mut request: Request) -> Result<Response, Fault> {
    let now = servers.clock.now();
    let caller = authenticate(request.headers(), &servers.tokens, now)?;
    // Bytes of the path that, decoded, are no text are in no id of a session.
    let params = request.extract_parts::<RawPathParams>().await.ok();
    let param = |name| params.iter().flatten().find(|(key, _)| *key == name).map(|(_, value)| value);
    let account = admit(&caller, param("account").or_else(|| request.uri().path().split('/').nth(2)))?;
    let session: SessionId = param("session").and_then(|session| session.parse().ok()).ok_or(Fault::SessionNotFound)?;
    let seen = servers.sessions.get(&caller, &SessionKey { account, session }).await?;
    let turn = &servers.config.turn;
    let body = Body {
        ice_servers: turn::ice_servers(turn, &seen.session.key.session, now),
        expires_in_seconds: turn::lifetime(turn).as_secs(),
    };
    Ok(uncached(json(StatusCode::OK, &body), "no-store, no-cache"))
}

async fn method_not_allowed() -> Response {
    error(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", "ICE servers are asked for with GET.")
}

impl From<NotAdmitted> for Fault {
    fn from(not_admitted: NotAdmitted) -> Self {
        Fault::NotAdmitted(not_admitted)
    }
}

impl From<SessionError> for Fault {
    fn from(error: SessionError) -> Self {
        match error {
            SessionError::NotFound => Fault::SessionNotFound,
            SessionError::NoAccount => Fault::NotAdmitted(NotAdmitted::Forbidden),
            other => Fault::Session(other),
        }
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        match self {
            Fault::NotAdmitted(not_admitted) => not_admitted.into_response(),
            Fault::SessionNotFound => {
                error(StatusCode::NOT_FOUND, "SessionNotFound", "The account has no session with this id.")
            }
            Fault::Session(source) => {
                tracing::error!(error = &source as &dyn std::error::Error, "a session cannot be read");
                let message = "An internal server error occurred.";
                error(StatusCode::INTERNAL_SERVER_ERROR, "InternalServerError", message)
            }
        }
    }
}

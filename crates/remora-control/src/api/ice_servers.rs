//! ICE servers, for clients that cannot reach hosts directly:
//! `GET /accounts/{account}/sessions/{session}/ice-servers`, for sessions of every API generation.
//!
//! ```json
//! {"iceServers":[{"urls":["turn:turn.example.com:3478?transport=udp"],"username":"1764000000:one","credential":"…"}],
//!  "expiresInSeconds":86400}
//! ```
//!
//! Every caller that can read the session can read this. `iceServers` has the form that an `RTCPeerConnection` takes.
//! It is empty if the operator has configured no servers. `api-version` is not needed.

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

/// State of the handler.
#[derive(Clone)]
pub(crate) struct IceServers {
    /// The sessions.
    pub sessions: Arc<Sessions>,
    /// Verifies access tokens.
    pub tokens: Arc<Tokens>,
    /// Clock for token expiry and credentials.
    pub clock: Clock,
    /// The configured servers.
    pub config: Arc<Config>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct IceServersBody {
    ice_servers: Vec<IceServer>,
    expires_in_seconds: u64,
}

enum IceServersError {
    NotAdmitted(NotAdmitted),
    SessionNotFound,
    Session(SessionError),
}

/// Returns the route.
pub(crate) fn router(servers: IceServers) -> Router {
    Router::new()
        .route("/accounts/{account}/sessions/{session}/ice-servers", get(ice_servers))
        .method_not_allowed_fallback(method_not_allowed)
        .with_state(servers)
}

async fn ice_servers(State(servers): State<IceServers>, mut request: Request) -> Result<Response, IceServersError> {
    let now = servers.clock.now();
    let caller = authenticate(request.headers(), &servers.tokens, now)?;
    // A path that is not UTF-8 once it is decoded names no session.
    let params = request.extract_parts::<RawPathParams>().await.ok();
    let param = |name| params.iter().flatten().find(|(key, _)| *key == name).map(|(_, value)| value);
    let account = admit(&caller, param("account").or_else(|| request.uri().path().split('/').nth(2)))?;
    let session: SessionId =
        param("session").and_then(|session| session.parse().ok()).ok_or(IceServersError::SessionNotFound)?;
    let seen = servers.sessions.get(&caller, &SessionKey { account, session }).await?;
    let turn = &servers.config.turn;
    let body = IceServersBody {
        ice_servers: turn::ice_servers(turn, &seen.session.key.session, now),
        expires_in_seconds: turn::lifetime(turn).as_secs(),
    };
    Ok(uncached(json(StatusCode::OK, &body), "no-store, no-cache"))
}

async fn method_not_allowed() -> Response {
    error(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", "Use GET to read ICE servers.")
}

impl From<NotAdmitted> for IceServersError {
    fn from(not_admitted: NotAdmitted) -> Self {
        IceServersError::NotAdmitted(not_admitted)
    }
}

impl From<SessionError> for IceServersError {
    fn from(error: SessionError) -> Self {
        match error {
            SessionError::NotFound => IceServersError::SessionNotFound,
            SessionError::NoAccount => IceServersError::NotAdmitted(NotAdmitted::Forbidden),
            other => IceServersError::Session(other),
        }
    }
}

impl IntoResponse for IceServersError {
    fn into_response(self) -> Response {
        match self {
            IceServersError::NotAdmitted(not_admitted) => not_admitted.into_response(),
            IceServersError::SessionNotFound => {
                error(StatusCode::NOT_FOUND, "SessionNotFound", "The account has no session with this id.")
            }
            IceServersError::Session(source) => {
                tracing::error!(error = &source as &dyn std::error::Error, "cannot read a session");
                let message = "An internal server error occurred.";
                error(StatusCode::INTERNAL_SERVER_ERROR, "InternalServerError", message)
            }
        }
    }
}

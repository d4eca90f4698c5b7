//! Placeholder for the conversion API of both generations. Authorisation is already as it will be: a Client gets 403,
//! and an Administrator gets a 404 that says that conversions are not part of this release.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::any;
use http::StatusCode;
use remora_protocol::token::Role;
use serde::Serialize;

use super::common::{NotAdmitted, admit, authenticate, error, json};
use crate::clock::Clock;
use crate::token::Tokens;

/// State of the handlers.
#[derive(Clone)]
pub(crate) struct Conversions {
    /// Verifies access tokens.
    pub tokens: Arc<Tokens>,
    /// Clock for token expiry.
    pub clock: Clock,
}

const ABSENT: &str = "This release converts no models. Sessions load glTF 2.0 files (.glb) as they are.";

/// Body of an error in the format of v1.
#[derive(Serialize)]
struct V1Error {
    error: &'static str,
}

/// Returns the routes.
pub(crate) fn router(conversions: Conversions) -> Router {
    Router::new()
        .route("/accounts/{account}/conversions", any(answer))
        .route("/accounts/{account}/conversions/{*rest}", any(answer))
        .route("/v1/accounts/{account}/conversions", any(answer))
        .route("/v1/accounts/{account}/conversions/", any(answer))
        .route("/v1/accounts/{account}/conversions/{*rest}", any(answer))
        .with_state(conversions)
}

async fn answer(State(conversions): State<Conversions>, request: Request) -> Result<Response, NotAdmitted> {
    let Conversions { tokens, clock } = &conversions;
    let caller = authenticate(request.headers(), tokens, clock.now())?;
    let path = request.uri().path();
    let v1 = path.strip_prefix("/v1");
    admit(&caller, v1.unwrap_or(path).split('/').nth(2))?;
    match (caller.role, v1) {
        (Role::Client, _) => Err(NotAdmitted::Forbidden),
        (Role::Administrator, None) => Ok(error(StatusCode::NOT_FOUND, "NotFound", ABSENT)),
        (Role::Administrator, Some(_)) => Ok(json(StatusCode::NOT_FOUND, &V1Error { error: ABSENT })),
    }
}

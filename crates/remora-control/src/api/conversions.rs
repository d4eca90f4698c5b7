//! Where conversions will be, in both generations: the roles that may use them are told apart already.
//!
//! A Client may not convert and learns so; an Administrator learns that this release does not.

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

#[derive(Clone)]
pub struct Conversions {
    pub tokens: Arc<Tokens>,
    pub clock: Clock,
}

const ABSENT: &str = "This release converts no models. Sessions load glTF 2.0 files (.glb) as they are.";

/// The first generation says what is wrong in a string.
#[derive(Serialize)]
struct V1Error {
    error: &'static str,
}

pub fn router(conversions: Conversions) -> Router {
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

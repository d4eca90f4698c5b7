//! Rate limits of the REST API: a layer that counts the requests of each account and person, and answers 429.
//!
//! Requests without a valid token pass uncounted. Their handler refuses them in the format of its generation.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, Method, StatusCode, header};

use super::common::bearer;
use crate::clock::Clock;
use crate::limits::{Class, Limits, TooMany};
use crate::token::Tokens;

/// State of the layer.
#[derive(Clone)]
pub(crate) struct Limited {
    /// The counters.
    pub limits: Arc<Limits>,
    /// Verifies access tokens.
    pub tokens: Arc<Tokens>,
    /// Clock for token expiry.
    pub clock: Clock,
}

/// Layer that lets a request pass or answers 429.
pub(crate) async fn limit(State(limited): State<Limited>, request: Request, next: Next) -> Response {
    let Limited { limits, tokens, clock } = &limited;
    let caller = bearer(request.headers()).and_then(|token| tokens.verify(token, clock.now()).ok());
    match caller.map_or(Ok(()), |caller| limits.request(&caller, class(request.method()))) {
        Ok(()) => next.run(request).await,
        Err(too_many_requests) => too_many(too_many_requests),
    }
}

/// Returns a 429 without a body, as in the original service.
pub(super) fn too_many(TooMany { retry_after }: TooMany) -> Response {
    (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, HeaderValue::from(retry_after.as_secs()))]).into_response()
}

fn class(method: &Method) -> Class {
    if method.is_safe() { Class::Read } else { Class::Write }
}

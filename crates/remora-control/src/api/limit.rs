//! 429: the layer that counts the requests of an account, for every generation of the API.
//!
//! A request without a good token passes: it is refused by what it was meant for, which knows how its generation says
//! so, and costs nobody's share.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, Method, StatusCode, header};

use super::common::bearer;
use crate::clock::Clock;
use crate::limits::{Class, Limits, TooMany};
use crate::token::Tokens;

#[derive(Clone)]
pub struct Limited {
    pub limits: Arc<Limits>,
    pub tokens: Arc<Tokens>,
    pub clock: Clock,
}

pub async fn limit(State(limited): State<Limited>, request: Request, next: Next) -> Response {
    let Limited { limits, tokens, clock } = &limited;
    let caller = bearer(request.headers()).and_then(|token| tokens.verify(token, clock.now()).ok());
    match caller.map_or(Ok(()), |caller| limits.request(&caller, class(request.method()))) {
        Ok(()) => next.run(request).await,
        Err(too_many_requests) => too_many(too_many_requests),
    }
}

/// As the original service says it: no body.
pub(super) fn too_many(TooMany { retry_after }: TooMany) -> Response {
    (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, HeaderValue::from(retry_after.as_secs()))]).into_response()
}

fn class(method: &Method) -> Class {
    if method.is_safe() { Class::Read } else { Class::Write }
}

//! Requests of web pages: decides which pages may call and lets them read the responses. Policy and headers are shared
//! with render hosts, see [`remora_protocol::cors`].

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use remora_protocol::cors::{self, ORIGIN_PATH, OriginResponse};
use remora_protocol::origins::Origins;

use super::common::{error, json, uncached};
use super::observe::Route;

/// Outermost layer: adds CORS headers to every response, whatever its status.
pub(crate) async fn share(State(origins): State<Arc<Origins>>, request: Request, next: Next) -> Response {
    let origin = request.headers().get(header::ORIGIN).cloned();
    let is_public = request.uri().path() == ORIGIN_PATH;
    let mut response = next.run(request).await;
    match is_public {
        true => cors::share_with_all(response.headers_mut()),
        false => cors::share(&origins, origin, response.headers_mut()),
    }
    response
}

/// Layer that refuses pages of other origins and responds to preflights and [`ORIGIN_PATH`].
pub(crate) async fn admit(State(origins): State<Arc<Origins>>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    let is_public = request.uri().path() == ORIGIN_PATH;
    if !is_public && let Some(refusal) = cors::refusal(&origins, headers) {
        return error(StatusCode::FORBIDDEN, "OriginNotAllowed", refusal);
    }
    if cors::is_preflight(request.method(), headers) {
        let mut response = StatusCode::NO_CONTENT.into_response();
        cors::permit(headers, response.headers_mut());
        return response;
    }
    if is_public {
        let mut response = uncached(json(StatusCode::OK, &OriginResponse::new(&origins, headers)), "no-store");
        response.extensions_mut().insert(Route(ORIGIN_PATH));
        return response;
    }
    next.run(request).await
}

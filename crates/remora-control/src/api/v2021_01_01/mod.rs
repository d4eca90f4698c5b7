//! REST API 2021-01-01 with its previews, which differ in nothing but the name. The original service announced
//! 2021-08-01-preview, but never published what it adds.
//!
//! | under `/accounts/{account}` | call |
//! |---|---|
//! | `PUT /sessions/{id}` | create |
//! | `GET /sessions/{id}` | get |
//! | `PATCH /sessions/{id}` | extend |
//! | `POST /sessions/{id}/:stop` | stop |
//! | `GET /sessions` | list |

mod caller;
mod fault;
mod request;
mod response;
mod sessions;

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{get, post};
use http::HeaderValue;

use super::host_name::HostNames;
use crate::clock::Clock;
use crate::config::Config;
use crate::sessions::Sessions;
use crate::token::Tokens;

/// In the order of the original service's header.
const VERSIONS: [&str; 3] = ["2021-01-01-preview", "2021-01-01", "2021-08-01-preview"];
const SUPPORTED_VERSIONS: HeaderValue = HeaderValue::from_static("2021-01-01-preview, 2021-01-01, 2021-08-01-preview");

#[derive(Clone)]
pub struct Api {
    pub sessions: Arc<Sessions>,
    pub tokens: Arc<Tokens>,
    pub clock: Clock,
    pub config: Arc<Config>,
    /// `https://localhost:8443`: the scheme of the listener, and what stands in for a request's Host where that
    /// cannot be used in a link.
    pub endpoint: Arc<str>,
    pub host_names: HostNames,
}

pub fn router(api: Api) -> Router {
    Router::new()
        // The API's own path of stopping, `/:stop`, was parameter syntax in an earlier axum.
        .without_v07_checks()
        .route("/accounts/{account}/sessions", get(sessions::list))
        .route(
            "/accounts/{account}/sessions/{session}",
            get(sessions::get).put(sessions::create).patch(sessions::extend),
        )
        .route("/accounts/{account}/sessions/{session}/:stop", post(sessions::stop))
        .method_not_allowed_fallback(fault::method_not_allowed)
        .route_layer(middleware::from_fn(name_versions))
        .with_state(api)
}

/// Whether paths that no route takes are this generation's to answer.
pub fn owns(path: &str) -> bool {
    path.starts_with("/accounts/")
}

/// For what [`owns`] says is this generation's, and no route takes.
pub fn not_found() -> Response {
    named(fault::not_found())
}

async fn name_versions(request: Request, next: Next) -> Response {
    named(next.run(request).await)
}

fn named(mut response: Response) -> Response {
    response.headers_mut().insert("api-supported-versions", SUPPORTED_VERSIONS);
    response
}

//! REST API 2021-01-01 with its previews, which differ only in name. The original service announced
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

/// Supported versions, in the order of the original service's header.
const VERSIONS: [&str; 3] = ["2021-01-01-preview", "2021-01-01", "2021-08-01-preview"];
const SUPPORTED_VERSIONS: HeaderValue = HeaderValue::from_static("2021-01-01-preview, 2021-01-01, 2021-08-01-preview");

/// State of the handlers.
#[derive(Clone)]
pub(crate) struct Api {
    /// The calls.
    pub sessions: Arc<Sessions>,
    /// Verifies access tokens.
    pub tokens: Arc<Tokens>,
    /// Clock for token expiry.
    pub clock: Clock,
    /// Page size of lists, and properties of the sizes.
    pub config: Arc<Config>,
    /// Base URL of the listener, such as `https://localhost:8443`. Links use its scheme, and its host if the request's
    /// `Host` is unusable.
    pub endpoint: Arc<str>,
    /// Names under which clients reach hosts.
    pub host_names: HostNames,
}

/// Returns the routes of this generation, without the header of [`with_versions`].
pub(crate) fn router(api: Api) -> Router {
    Router::new()
        // axum 0.7 treated the `:stop` in this path as a parameter and still checks for that.
        .without_v07_checks()
        .route("/accounts/{account}/sessions", get(sessions::list))
        .route(
            "/accounts/{account}/sessions/{session}",
            get(sessions::get).put(sessions::create).patch(sessions::extend),
        )
        .route("/accounts/{account}/sessions/{session}/:stop", post(sessions::stop))
        .method_not_allowed_fallback(fault::method_not_allowed)
        .with_state(api)
}

/// Adds the supported versions to every response of the routes, also to those of layers that were added before.
pub(crate) fn with_versions(router: Router) -> Router {
    router.route_layer(middleware::from_fn(name_versions))
}

/// Returns whether an unknown path belongs to this generation, which then formats the 404.
pub(crate) fn owns(path: &str) -> bool {
    path.starts_with("/accounts/")
}

/// Returns the 404 for paths that belong to this generation, see [`owns`].
pub(crate) fn not_found() -> Response {
    named(fault::not_found())
}

async fn name_versions(request: Request, next: Next) -> Response {
    named(next.run(request).await)
}

fn named(mut response: Response) -> Response {
    response.headers_mut().insert("api-supported-versions", SUPPORTED_VERSIONS);
    response
}

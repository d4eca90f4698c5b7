//! REST API v1, the original service's first (2019 to February 2021).
//!
//! | under `/v1/accounts/{account}` | call | answer |
//! |---|---|---|
//! | `POST /sessions/create` | create | 202, `{"sessionId":"<guid>"}`, `Location` |
//! | `GET /sessions/{id}/properties` | get | 200 |
//! | `PATCH /sessions/{id}` | extend | 200, empty |
//! | `DELETE /sessions/{id}` | stop | 204 |
//! | `GET /sessions` | list | 200 |
//!
//! Each path with and without a slash at its end: documents wrote it without, scripts with one. Bodies may be written
//! with single quotes and bare names, and names of properties in any case. Errors are `{"error":"<text>"}`.
//!
//! A session is the same whichever generation it was made through: here it gets a GUID for an id, and those that
//! their owners have named themselves are known by that name.

mod caller;
mod fault;
pub mod lenient_json;
mod request;
mod response;
mod sessions;
pub mod time_span;

use std::sync::Arc;

use axum::Router;
use axum::routing::{MethodRouter, get, patch, post};

use super::host_name::HostNames;
use crate::clock::Clock;
use crate::sessions::Sessions;
use crate::token::Tokens;

pub use fault::not_found;

/// The word that stands where other paths have a session's id.
const CREATE: &str = "create";

#[derive(Clone)]
pub struct Api {
    pub sessions: Arc<Sessions>,
    pub tokens: Arc<Tokens>,
    pub clock: Clock,
    pub host_names: HostNames,
}

pub fn router(api: Api) -> Router {
    let on_session = || patch(sessions::extend).delete(sessions::stop);
    let routes: [(&str, MethodRouter<Api>); 4] = [
        ("/v1/accounts/{account}/sessions", get(sessions::list)),
        // In another generation an owner may have called a session `create`.
        ("/v1/accounts/{account}/sessions/create", on_session().merge(post(sessions::create))),
        ("/v1/accounts/{account}/sessions/{session}", on_session()),
        ("/v1/accounts/{account}/sessions/{session}/properties", get(sessions::properties)),
    ];
    let mut router = Router::new();
    for (path, methods) in routes {
        router = router.route(path, methods.clone()).route(&format!("{path}/"), methods);
    }
    router.method_not_allowed_fallback(fault::method_not_allowed).with_state(api)
}

/// Whether paths that no route takes are this generation's to answer.
pub fn owns(path: &str) -> bool {
    path.starts_with("/v1/")
}

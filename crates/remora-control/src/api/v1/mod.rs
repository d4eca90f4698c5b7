//! REST API v1, the first of the original service (2019 to February 2021).
//!
//! | under `/v1/accounts/{account}` | call | response |
//! |---|---|---|
//! | `POST /sessions/create` | create | 202, `{"sessionId":"<guid>"}`, `Location` |
//! | `GET /sessions/{id}/properties` | get | 200 |
//! | `PATCH /sessions/{id}` | extend | 200, empty |
//! | `DELETE /sessions/{id}` | stop | 204 |
//! | `GET /sessions` | list | 200 |
//!
//! Each path may end with a slash: documents wrote it without, scripts with one. Bodies may use single quotes and bare
//! names, and names of properties in any case. Errors are `{"error":"<text>"}`. A list has no pages: it contains all
//! live sessions and is sent in pieces if there are many.
//!
//! A session is the same in every generation of the API. Sessions created here get a GUID as their id; those that were
//! created with another generation have the id that their owner chose.

mod caller;
mod fault;
pub(crate) mod lenient_json;
mod list;
mod request;
mod response;
mod sessions;
pub(crate) mod time_span;

use std::sync::Arc;

use axum::Router;
use axum::routing::{MethodRouter, get, patch, post};

use super::host_name::HostNames;
use crate::clock::Clock;
use crate::sessions::Sessions;
use crate::token::Tokens;

pub(crate) use fault::not_found;

/// The word that takes the place of a session's id in the path of a create.
const CREATE: &str = "create";

/// State of the handlers.
#[derive(Clone)]
pub(crate) struct Api {
    /// The calls.
    pub sessions: Arc<Sessions>,
    /// Verifies access tokens.
    pub tokens: Arc<Tokens>,
    /// Clock for token expiry.
    pub clock: Clock,
    /// Names under which clients reach hosts.
    pub host_names: HostNames,
    /// Number of sessions that are read from the store at once for a list.
    pub page_size: u32,
}

/// Returns the routes of this generation.
pub(crate) fn router(api: Api) -> Router {
    let on_session = || patch(sessions::extend).delete(sessions::stop);
    let routes: [(&str, MethodRouter<Api>); 4] = [
        ("/v1/accounts/{account}/sessions", get(list::list)),
        // With another generation an owner may have named a session `create`.
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

/// Returns whether an unknown path belongs to this generation, which then formats the 404.
pub(crate) fn owns(path: &str) -> bool {
    path.starts_with("/v1/")
}

//! OpenAPI documents: `GET /openapi` lists them, and `GET /openapi/{name}` returns each as it is in the repository's
//! `openapi/`.
//!
//! The documents are written by hand, before the code. The scenarios check every response against them, and compare the
//! routes in both directions.

use axum::Router;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::header;
use serde::Serialize;

use super::common::{JSON, error, json};

const DOCUMENT: &str = "/openapi/{document}";
/// Names and texts of the documents.
pub const DOCUMENTS: [(&str, &str); 3] = [
    ("2021-01-01.json", include_str!("../../../../openapi/2021-01-01.json")),
    ("v1.json", include_str!("../../../../openapi/v1.json")),
    ("accounts.json", include_str!("../../../../openapi/accounts.json")),
];

#[derive(Serialize)]
struct Index {
    documents: [String; DOCUMENTS.len()],
}

/// Returns the routes. They need no token, because the documents are public.
pub(crate) fn router() -> Router {
    Router::new().route("/openapi", get(list)).route(DOCUMENT, get(document))
}

async fn list() -> Response {
    json(StatusCode::OK, &Index { documents: DOCUMENTS.map(|(name, _)| format!("/openapi/{name}")) })
}

async fn document(Path(asked): Path<String>) -> Response {
    match DOCUMENTS.iter().find(|(name, _)| *name == asked) {
        Some((_, text)) => ([(header::CONTENT_TYPE, JSON)], *text).into_response(),
        None => error(
            StatusCode::NOT_FOUND,
            "NotFound",
            "There is nothing under this path. Documents are listed at /openapi.",
        ),
    }
}

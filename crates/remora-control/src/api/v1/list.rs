//! The list of an account's live sessions.
//!
//! This generation has no pages, so a response contains all sessions, however many there are. A long list is read from
//! the store and sent in pieces, so that it is never in memory as a whole.

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use futures_util::{StreamExt as _, stream};
use http::{StatusCode, header};

use super::Api;
use super::caller::Caller;
use super::fault::Fault;
use super::response::{ListBody, PropertiesBody};
use super::sessions::CACHE;
use crate::api::common::{JSON, json, uncached};
use crate::sessions::{Page, SessionError};
use crate::store::ListPosition;

pub(super) async fn list(State(api): State<Api>, caller: Caller) -> Result<Response, Fault> {
    let page = read(&api, &caller, None).await.map_err(Fault::Internal)?;
    if page.next.is_some() {
        return Ok(in_pieces(api, caller, page));
    }
    let sessions = page.sessions.iter().map(|view| PropertiesBody::new(view, &caller.host_name)).collect();
    Ok(uncached(json(StatusCode::OK, &ListBody { sessions }), CACHE))
}

async fn read(api: &Api, caller: &Caller, after: Option<&ListPosition>) -> Result<Page, SessionError> {
    api.sessions.list(&caller.bearer, &caller.account, after, api.page_size).await
}

/// Returns a response whose body is read from the store while it is sent. If a read fails the body ends early, which
/// the client notices because the last chunk is missing.
fn in_pieces(api: Api, caller: Caller, page: Page) -> Response {
    let listing = Listing { api, caller, page: Some(page), separator: "" };
    let beginning = stream::iter([Ok(r#"{"sessions":["#.to_owned())]);
    let body = Body::from_stream(beginning.chain(stream::try_unfold(listing, Listing::next)));
    uncached((StatusCode::OK, [(header::CONTENT_TYPE, JSON)], body).into_response(), CACHE)
}

/// The rest of a list that is being sent.
struct Listing {
    api: Api,
    caller: Caller,
    /// The next sessions; `None` after the last ones.
    page: Option<Page>,
    /// Text before the next session.
    separator: &'static str,
}

impl Listing {
    /// Returns the next piece of the body and what remains after it.
    async fn next(mut self) -> Result<Option<(String, Self)>, SessionError> {
        let Some(page) = self.page.take() else { return Ok(None) };
        let mut text = String::new();
        for view in &page.sessions {
            text.push_str(std::mem::replace(&mut self.separator, ","));
            let body = PropertiesBody::new(view, &self.caller.host_name);
            text.push_str(&serde_json::to_string(&body).expect("texts and numbers are JSON"));
        }
        match &page.next {
            None => text.push_str("]}"),
            Some(after) => {
                let next = read(&self.api, &self.caller, Some(after)).await;
                self.page = Some(next.inspect_err(|error| {
                    tracing::error!(error = error as &dyn std::error::Error, "a list ends early");
                })?);
            }
        }
        Ok(Some((text, self)))
    }
}

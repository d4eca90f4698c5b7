//! The handlers of the five calls.

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};

use super::Api;
use super::caller::Caller;
use super::fault::Fault;
use super::request::{Create, Update};
use super::response::{ListBody, SessionBody};
use crate::api::common::{json, uncached};
use crate::api::continuation::{self, CONTINUATION, Position};
use crate::api::host_name::HostName;
use crate::sessions::{Created, SessionView, Wanted};
use crate::store::ListPosition;

const CACHE: &str = "no-store, no-cache";

pub(super) async fn create(State(api): State<Api>, caller: Caller, body: Body) -> Result<Response, Fault> {
    let key = caller.new_key()?;
    let host_name = caller.host_name;
    let Create { lease, size } = Create::read(body).await?;
    let id = key.session.clone();
    match api
        .sessions
        .create(&caller.bearer, key, Wanted { size, lease, models: Vec::new() })
        .await
        .map_err(|error| Fault::of(error, &id))?
    {
        Created::New(view) => Ok(session(&api, &host_name, StatusCode::CREATED, &view)),
        Created::Same(view) => Ok(session(&api, &host_name, StatusCode::OK, &view)),
    }
}

pub(super) async fn get(State(api): State<Api>, caller: Caller) -> Result<Response, Fault> {
    let key = caller.key()?;
    let view = api.sessions.get(&caller.bearer, &key).await.map_err(|error| Fault::of(error, &key.session))?;
    Ok(uncached(session(&api, &caller.host_name, StatusCode::OK, &view), CACHE))
}

pub(super) async fn extend(State(api): State<Api>, caller: Caller, body: Body) -> Result<Response, Fault> {
    let key = caller.key()?;
    let Update { lease } = Update::read(body).await?;
    let view =
        api.sessions.extend(&caller.bearer, &key, lease).await.map_err(|error| Fault::of(error, &key.session))?;
    Ok(session(&api, &caller.host_name, StatusCode::OK, &view))
}

pub(super) async fn stop(State(api): State<Api>, caller: Caller) -> Result<Response, Fault> {
    let key = caller.key()?;
    api.sessions.stop(&caller.bearer, &key).await.map_err(|error| Fault::of(error, &key.session))?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

pub(super) async fn list(State(api): State<Api>, caller: Caller, headers: HeaderMap) -> Result<Response, Fault> {
    let after = caller.parameter(CONTINUATION).map(|text| {
        let message = "The continuation is not one of this service. Use the address in @nextLink as it is.";
        let position = continuation::decode(text).ok_or_else(|| Fault::bad_request(message, CONTINUATION))?;
        Ok::<_, Fault>(ListPosition { created_at: position.time, session: position.session })
    });
    let page = api
        .sessions
        .list(&caller.bearer, &caller.account, after.transpose()?.as_ref(), api.config.sessions.page_size)
        .await
        .map_err(Fault::Internal)?;
    let next_link = page.next.map(|ListPosition { created_at: time, session }| {
        let target = format!("/accounts/{}/sessions?api-version={}", caller.account, caller.version);
        continuation::link(&api.endpoint, &headers, &target, &Position { time, session })
    });
    let body = |view| SessionBody::new(view, &api.config.sizes, &caller.host_name);
    let sessions = page.sessions.iter().map(body).collect();
    Ok(uncached(json(StatusCode::OK, &ListBody { sessions, next_link }), CACHE))
}

fn session(api: &Api, host_name: &HostName, status: StatusCode, view: &SessionView) -> Response {
    json(status, &SessionBody::new(view, &api.config.sizes, host_name))
}

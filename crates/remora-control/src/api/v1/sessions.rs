//! The handlers of the five calls.

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use remora_session::{SessionId, SessionKey};

use super::Api;
use super::caller::Caller;
use super::fault::Fault;
use super::request::{Create, Update};
use super::response::{CreatedBody, PropertiesBody};
use crate::api::common::{json, uncached};
use crate::random;
use crate::sessions::{Created, Wanted};

pub(super) const CACHE: &str = "no-store, no-cache";

pub(super) async fn create(State(api): State<Api>, caller: Caller, body: Body) -> Result<Response, Fault> {
    let Create { lease, size, models } = Create::read(body).await?;
    let key = SessionKey { account: caller.account, session: new_session_id() };
    let created = api.sessions.create(&caller.bearer, key.clone(), Wanted { size, lease, models }).await;
    let (Created::New(view) | Created::Same(view)) = created.map_err(|error| Fault::of(error, &key.session))?;
    let SessionKey { account, session } = view.session.key;
    let location = HeaderValue::from_str(&format!("accounts/{account}/sessions/{session}"));
    let mut response = json(StatusCode::ACCEPTED, &CreatedBody { session_id: session.to_string() });
    response.headers_mut().insert(header::LOCATION, location.expect("ids are ASCII"));
    Ok(response)
}

pub(super) async fn properties(State(api): State<Api>, caller: Caller) -> Result<Response, Fault> {
    let key = caller.key()?;
    let view = api.sessions.get(&caller.bearer, &key).await.map_err(|error| Fault::of(error, &key.session))?;
    Ok(uncached(json(StatusCode::OK, &PropertiesBody::new(&view, &caller.host_name)), CACHE))
}

pub(super) async fn extend(State(api): State<Api>, caller: Caller, body: Body) -> Result<Response, Fault> {
    let key = caller.key()?;
    let Update { lease } = Update::read(body).await?;
    api.sessions.extend(&caller.bearer, &key, lease).await.map_err(|error| Fault::of(error, &key.session))?;
    Ok(StatusCode::OK.into_response())
}

pub(super) async fn stop(State(api): State<Api>, caller: Caller) -> Result<Response, Fault> {
    let key = caller.key()?;
    api.sessions.stop(&caller.bearer, &key).await.map_err(|error| Fault::of(error, &key.session))?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn new_session_id() -> SessionId {
    let id = uuid::Builder::from_random_bytes(random::bytes()).into_uuid();
    id.to_string().parse().expect("a UUID has digits, letters and hyphens")
}

//! `POST /portal/sign-in`: exchanges the secret of this start for a token of the local account.

use std::sync::Arc;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use axum::routing::post;
use http::StatusCode;
use remora_protocol::token::Role;
use remora_session::AccountId;
use serde::{Deserialize, Serialize};

use super::OfferedModels;
use crate::api::common::{error, json, read_body, uncached};
use crate::clock::Clock;
use crate::token::{self, Tokens};

/// State of the handler.
#[derive(Clone)]
pub(crate) struct SignIn {
    /// The local account.
    pub account: AccountId,
    /// Secret of 256 bits, made at each start.
    pub secret: String,
    /// Signs tokens.
    pub tokens: Arc<Tokens>,
    /// Clock for token expiry.
    pub clock: Clock,
    /// Models that the page offers.
    pub models: Arc<OfferedModels>,
}

#[derive(Deserialize)]
struct SignInRequest {
    secret: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SignedIn<'a> {
    account_id: &'a str,
    access_token: String,
    expires_in_seconds: u64,
    #[serde(flatten)]
    models: &'a OfferedModels,
}

/// Returns the route.
pub(crate) fn router(sign_in: SignIn) -> Router {
    Router::new().route("/portal/sign-in", post(answer)).with_state(Arc::new(sign_in))
}

async fn answer(State(sign_in): State<Arc<SignIn>>, body: Body) -> Response {
    let request: Option<SignInRequest> = read_body(body).await.and_then(|body| serde_json::from_slice(&body).ok());
    let Some(SignInRequest { secret }) = request else {
        return error(StatusCode::BAD_REQUEST, "BadRequest", r#"The body is {"secret":"..."}."#);
    };
    if verify_slices_are_equal(secret.as_bytes(), sign_in.secret.as_bytes()).is_err() {
        let message = "The secret is not the one of this start. Open the address that `remora up` has printed.";
        return error(StatusCode::UNAUTHORIZED, "Unauthorized", message);
    }
    let signed_in = SignedIn {
        account_id: sign_in.account.as_str(),
        access_token: sign_in.tokens.issue(&sign_in.account, Role::Administrator, sign_in.clock.now()),
        expires_in_seconds: token::LIFE.as_secs(),
        models: &sign_in.models,
    };
    uncached(json(StatusCode::OK, &signed_in), "no-store")
}

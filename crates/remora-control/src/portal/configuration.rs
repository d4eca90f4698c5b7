//! The documents that the page reads: how to sign in, the models on offer, and the local CA.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{HeaderMap, StatusCode, header};
use serde::Serialize;

use super::PortalOptions;
use crate::api::common::{NotAdmitted, authenticate, json, uncached};
use crate::api::continuation::own_address;
use crate::clock::Clock;
use crate::identity::{Identities, Provider};
use crate::token::Tokens;

/// Browsers and telephones offer to install a file of this type.
const CERTIFICATE_TYPE: &str = "application/x-x509-ca-cert";

/// `GET /portal/configuration`, for everybody; `GET /portal/models`, for holders of an access token.
#[derive(Clone)]
pub struct Configuration {
    /// `https://localhost:8443`: the listener's, where the request does not say how it was reached.
    pub endpoint: Arc<str>,
    /// Whether the secret of this start signs in, as on the loopback listener.
    pub secret: bool,
    /// Whether the listener's certificate is one of the local CA.
    pub local_certificate: bool,
    pub tokens: Arc<Tokens>,
    pub identities: Arc<Identities>,
    pub clock: Clock,
    pub portal: PortalOptions,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ConfigurationBody {
    endpoint: String,
    sign_in: SignIn,
    certificate: Certificate,
}

/// The ways to sign in that the page offers.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SignIn {
    secret: bool,
    account_key: bool,
    identity_providers: Vec<Provider>,
}

#[derive(Serialize)]
struct Certificate {
    local: bool,
}

pub fn router(configuration: Configuration) -> Router {
    Router::new()
        .route("/portal/configuration", get(answer))
        .route("/portal/models", get(models))
        .with_state(Arc::new(configuration))
}

async fn answer(State(configuration): State<Arc<Configuration>>, headers: HeaderMap) -> Response {
    let identity_providers = configuration.identities.providers().await;
    let body = ConfigurationBody {
        endpoint: own_address(&configuration.endpoint, &headers),
        sign_in: SignIn { secret: configuration.secret, account_key: true, identity_providers },
        certificate: Certificate { local: configuration.local_certificate },
    };
    uncached(json(StatusCode::OK, &body), "no-store")
}

/// The names of an operator's files are not for strangers.
async fn models(State(configuration): State<Arc<Configuration>>, headers: HeaderMap) -> Result<Response, NotAdmitted> {
    authenticate(&headers, &configuration.tokens, configuration.clock.now())?;
    Ok(uncached(json(StatusCode::OK, &*configuration.portal.models), "no-store"))
}

/// `GET /ca.pem`: the certificate of the local CA, which is public.
pub fn authority_router(certificate_pem: &str) -> Router {
    let certificate_pem: Arc<str> = certificate_pem.into();
    Router::new().route(
        "/ca.pem",
        get(move || async move {
            let headers = [
                (header::CONTENT_TYPE, CERTIFICATE_TYPE),
                (header::CONTENT_DISPOSITION, "attachment; filename=\"remora-ca.pem\""),
                (header::CACHE_CONTROL, "no-cache"),
            ];
            (headers, certificate_pem.to_string()).into_response()
        }),
    )
}

//! The documents that the page reads: the ways to sign in, the offered models, and the certificate of the local CA.

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

/// With this type browsers and phones offer to install the certificate.
const CERTIFICATE_TYPE: &str = "application/x-x509-ca-cert";

/// State of the handlers of `GET /portal/configuration`, which is public, and `GET /portal/models`, which needs an
/// access token.
#[derive(Clone)]
pub(crate) struct Configuration {
    /// Base URL of the listener, used if a request does not say how it was reached.
    pub endpoint: Arc<str>,
    /// True if the secret of this start signs in, as on the loopback listener.
    pub secret: bool,
    /// True if the listener's certificate is signed by the local CA.
    pub local_certificate: bool,
    /// Verifies access tokens.
    pub tokens: Arc<Tokens>,
    /// The configured issuers.
    pub identities: Arc<Identities>,
    /// Clock for token expiry.
    pub clock: Clock,
    /// Models that the page offers.
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

/// Returns the routes.
pub(crate) fn router(configuration: Configuration) -> Router {
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

/// Returns the models. They need a token, because names of files are not public.
async fn models(State(configuration): State<Arc<Configuration>>, headers: HeaderMap) -> Result<Response, NotAdmitted> {
    authenticate(&headers, &configuration.tokens, configuration.clock.now())?;
    Ok(uncached(json(StatusCode::OK, &*configuration.portal.models), "no-store"))
}

/// Returns the route `GET /ca.pem`: the certificate of the local CA, which is public.
pub(crate) fn authority_router(certificate_pem: &str) -> Router {
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

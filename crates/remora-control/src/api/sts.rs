//! The token service: exchanges an account's key, or the token of a configured issuer, for an access token.
//! `GET /accounts/{id}/token`, with the path in any case.
//!
//! | `Authorization` | holder |
//! |---|---|
//! | `Bearer {accountId}:{accountKey}` | an Administrator |
//! | `Bearer {token}` | the person and the role in the token of an issuer, see [`identity`](crate::identity) |
//!
//! A wrong key is answered with 401 without a body, as in the original service. A token that is not accepted is
//! answered with 401 or 403 and a message that says why.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use http::header::RETRY_AFTER;
use http::request::Parts;
use http::{HeaderValue, Method, StatusCode, header};
use remora_protocol::token::Role;
use remora_session::{AccountId, Owner};
use serde::Serialize;

use super::common::{bearer, error, json, uncached};
use super::limit::too_many;
use crate::clock::Clock;
use crate::identity::{ATTEMPT_PAUSE, Identities, Recognised, Rejected};
use crate::limits::{Limits, TooMany};
use crate::listen::Peer;
use crate::store::{Store, StoreError};
use crate::token::Tokens;

/// The route's name in logs and metrics. The path is matched by [`Sts::account_in`].
pub(crate) const ROUTE: &str = "/accounts/{account}/token";

/// The token service.
#[derive(Clone)]
pub(crate) struct Sts {
    /// The accounts.
    pub store: Arc<Store>,
    /// Signs access tokens.
    pub tokens: Arc<Tokens>,
    /// Limits of token requests.
    pub limits: Arc<Limits>,
    /// Verifies tokens of issuers.
    pub identities: Arc<Identities>,
    /// Clock for token expiry.
    pub clock: Clock,
}

/// Why no token is issued.
enum Refusal {
    /// The key is wrong, or belongs to another account.
    Unauthorized,
    Rejected(Rejected),
    TooMany(TooMany),
    Internal(StoreError),
}

#[derive(Serialize)]
struct TokenBody {
    #[serde(rename = "AccessToken")]
    access_token: String,
}

impl Sts {
    /// Returns the account in the path of a token request, or `None` for any other path.
    pub(crate) fn account_in(path: &str) -> Option<&str> {
        let mut segments = path.strip_prefix('/')?.split('/');
        let (noun, account, verb) = (segments.next()?, segments.next()?, segments.next()?);
        let shaped = noun.eq_ignore_ascii_case("accounts") && verb.eq_ignore_ascii_case("token");
        (shaped && segments.next().is_none()).then_some(account)
    }

    /// Responds to a token request for an account.
    pub(crate) async fn answer(&self, account: &str, request: &Parts) -> Response {
        if request.method != Method::GET && request.method != Method::HEAD {
            let message = "Use GET to request a token.";
            let mut response = error(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", message);
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET,HEAD"));
            return response;
        }
        match self.token(account, request).await {
            Ok(access_token) => uncached(json(StatusCode::OK, &TokenBody { access_token }), "no-store, no-cache"),
            Err(refusal) => refusal.into_response(),
        }
    }

    async fn token(&self, account: &str, request: &Parts) -> Result<String, Refusal> {
        let account: AccountId = account.parse().map_err(|_| Refusal::Unauthorized)?;
        let credentials = bearer(&request.headers).ok_or(Refusal::Unauthorized)?;
        // Without a listener, as in tests of a router, the peer is unknown, and all peers share one limit.
        let peer = request.extensions.get().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |Peer(address)| *address);
        self.limits.token_attempt(peer, &account)?;
        let (owner, role) = self.holder(&account, credentials).await?;
        self.limits.token(peer, &account, &owner)?;
        Ok(self.tokens.issue_to(&owner, &account, role, self.clock.now()))
    }

    /// Returns the holder of the credentials and their role in the account.
    async fn holder(&self, account: &AccountId, credentials: &str) -> Result<(Owner, Role), Refusal> {
        // Keys are sent with the account's id and a colon. A JWT has no colon.
        let Some((id, key)) = credentials.split_once(':') else {
            let Recognised { person, role } = self.identities.recognise(credentials, account).await?;
            let exists = self.store.account(account).await?.is_some();
            return if exists { Ok((Owner::Person(person), role)) } else { Err(Rejected::ForeignAccount.into()) };
        };
        if id.parse().as_ref() != Ok(account) {
            return Err(Refusal::Unauthorized);
        }
        let opened = self.store.account(account).await?.is_some_and(|account| account.opens_with(key));
        if opened { Ok((Owner::AccountKey, Role::Administrator)) } else { Err(Refusal::Unauthorized) }
    }
}

impl From<TooMany> for Refusal {
    fn from(too_many: TooMany) -> Self {
        Self::TooMany(too_many)
    }
}

impl From<Rejected> for Refusal {
    fn from(rejected: Rejected) -> Self {
        Self::Rejected(rejected)
    }
}

impl From<StoreError> for Refusal {
    fn from(failure: StoreError) -> Self {
        Self::Internal(failure)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Refusal::Unauthorized | Refusal::Rejected(Rejected::NoIssuers) => StatusCode::UNAUTHORIZED.into_response(),
            Refusal::Rejected(rejected) => explained(rejected),
            Refusal::TooMany(too_many_requests) => too_many(too_many_requests),
            Refusal::Internal(failure) => {
                tracing::error!(error = &failure as &dyn std::error::Error, "an account cannot be read");
                let message = "An internal server error occurred.";
                error(StatusCode::INTERNAL_SERVER_ERROR, "InternalServerError", message)
            }
        }
    }
}

fn explained(rejected: Rejected) -> Response {
    let (status, code) = match rejected {
        Rejected::NoIssuers
        | Rejected::NotAToken
        | Rejected::ForeignIssuer
        | Rejected::ForeignAudience
        | Rejected::Forged
        | Rejected::NotYetValid
        | Rejected::NoSubject => (StatusCode::UNAUTHORIZED, "InvalidToken"),
        Rejected::Expired => (StatusCode::UNAUTHORIZED, "TokenExpired"),
        Rejected::NoRole | Rejected::ForeignAccount => (StatusCode::FORBIDDEN, "Forbidden"),
        Rejected::Undecided => (StatusCode::SERVICE_UNAVAILABLE, "IssuerUnavailable"),
    };
    let mut response = error(status, code, rejected.to_string());
    if rejected == Rejected::Undecided {
        response.headers_mut().insert(RETRY_AFTER, ATTEMPT_PAUSE.as_secs().into());
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_is_matched_in_any_case_and_as_a_whole() {
        for path in ["/accounts/A/token", "/Accounts/A/token", "/ACCOUNTS/A/TOKEN"] {
            assert_eq!(Sts::account_in(path), Some("A"), "{path}");
        }
        for path in ["/accounts/A/tokens", "/accounts/A/token/", "/x/accounts/A/token", "accounts/A/token", "/"] {
            assert_eq!(Sts::account_in(path), None, "{path}");
        }
    }
}

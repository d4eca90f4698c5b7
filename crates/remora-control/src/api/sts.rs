//! The token service: an account's key for an access token. `GET /accounts/{id}/token`, the path in any case.

use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use http::{HeaderMap, Method, StatusCode};
use remora_protocol::token::Role;
use remora_session::AccountId;
use serde::Serialize;

use super::common::{bearer, error, json, uncached};
use crate::clock::Clock;
use crate::store::{Store, StoreError};
use crate::token::Tokens;

#[derive(Clone)]
pub struct Sts {
    pub store: Arc<dyn Store>,
    pub tokens: Arc<Tokens>,
    pub clock: Clock,
}

#[derive(Serialize)]
struct TokenBody {
    #[serde(rename = "AccessToken")]
    access_token: String,
}

impl Sts {
    /// The account in the path of a token request; `None` if it is another path.
    pub fn account_in(path: &str) -> Option<&str> {
        let mut segments = path.strip_prefix('/')?.split('/');
        let (noun, account, verb) = (segments.next()?, segments.next()?, segments.next()?);
        let shaped = noun.eq_ignore_ascii_case("accounts") && verb.eq_ignore_ascii_case("token");
        (shaped && segments.next().is_none()).then_some(account)
    }

    pub async fn answer(&self, method: &Method, account: &str, headers: &HeaderMap) -> Response {
        if method != Method::GET && method != Method::HEAD {
            let message = "A token is asked for with GET.";
            return error(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", message);
        }
        match self.account_of(account, headers).await {
            Ok(Some(account)) => {
                let access_token = self.tokens.issue(&account, Role::Administrator, self.clock.now());
                uncached(json(StatusCode::OK, &TokenBody { access_token }), "no-store,no-cache")
            }
            Ok(None) => StatusCode::UNAUTHORIZED.into_response(),
            Err(failure) => {
                tracing::error!(error = &failure as &dyn std::error::Error, "an account cannot be read");
                let message = "An internal server error occurred.";
                error(StatusCode::INTERNAL_SERVER_ERROR, "InternalServerError", message)
            }
        }
    }

    /// The account that the header's `id:key` opens, if it is the one in the path.
    async fn account_of(&self, account: &str, headers: &HeaderMap) -> Result<Option<AccountId>, StoreError> {
        let Some((id, key)) = bearer(headers).and_then(|credentials| credentials.split_once(':')) else {
            return Ok(None);
        };
        let (Ok(id), Ok(wanted)) = (id.parse::<AccountId>(), account.parse::<AccountId>()) else {
            return Ok(None);
        };
        let opened = self.store.account(&id).await?.is_some_and(|account| account.opens_with(key));
        Ok((opened && id == wanted).then_some(id))
    }
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

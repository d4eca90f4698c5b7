//! Functions that all handlers share.

use axum::Json;
use axum::body::{Body, Bytes};
use axum::response::{IntoResponse, Response};
use http::header::{AUTHORIZATION, CACHE_CONTROL, PRAGMA, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, StatusCode};
use remora_protocol::handshake::ErrorBody;
use remora_session::{AccountId, Timestamp};

use crate::store::Share;
use crate::token::{Bearer, Tokens};

/// Content type of JSON, with the charset that the original service names.
pub(crate) const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");
/// Longest body of a request, in all APIs.
pub(crate) const BODY_BYTES_MAX: usize = 64 * 1_024;

/// Returns an error response with the body `{"error":{"code","message"}}`.
pub(crate) fn error(status: StatusCode, code: &str, message: impl Into<String>) -> Response {
    json(status, &ErrorBody::new(code, message))
}

/// Returns a response with compact JSON.
pub(crate) fn json(status: StatusCode, body: &impl serde::Serialize) -> Response {
    let mut response = (status, Json(body)).into_response();
    response.headers_mut().insert(http::header::CONTENT_TYPE, JSON);
    response
}

/// Adds caching headers to a response that may change at any moment.
pub(crate) fn uncached(mut response: Response, directives: &'static str) -> Response {
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static(directives));
    response.headers_mut().insert(PRAGMA, HeaderValue::from_static("no-cache"));
    response
}

/// Returns the message for a session that exceeds a quota.
pub(crate) fn over_quota(max: u32, share: Share) -> String {
    let (who, what) = match share {
        Share::Account => ("The account has its", String::new()),
        Share::Size(size) => ("The account has its", format!(" of size {}", size.as_str())),
        Share::Person => ("You have your", " in this account".to_owned()),
    };
    format!("{who} {max} live sessions{what}; stop one, or wait for one to end.")
}

/// Returns the credentials after `Bearer`, which may be in any case (RFC 9110).
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, credentials) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| credentials.trim())
}

/// Why a caller may not act on the account in the path. These responses have no body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotAdmitted {
    /// The token is missing, forged or expired.
    Unauthorized,
    /// The token is for another account.
    Forbidden,
}

impl IntoResponse for NotAdmitted {
    fn into_response(self) -> Response {
        match self {
            NotAdmitted::Unauthorized => {
                let challenge = HeaderValue::from_static(r#"Bearer error="invalid_token""#);
                (StatusCode::UNAUTHORIZED, [(WWW_AUTHENTICATE, challenge)]).into_response()
            }
            NotAdmitted::Forbidden => StatusCode::FORBIDDEN.into_response(),
        }
    }
}

/// Verifies the bearer token of a request.
pub(crate) fn authenticate(headers: &HeaderMap, tokens: &Tokens, now: Timestamp) -> Result<Bearer, NotAdmitted> {
    bearer(headers).and_then(|token| tokens.verify(token, now).ok()).ok_or(NotAdmitted::Unauthorized)
}

/// Returns the account in the path if the caller's token is for it.
pub(crate) fn admit(caller: &Bearer, account: Option<&str>) -> Result<AccountId, NotAdmitted> {
    let account = account.and_then(|account| account.parse().ok()).ok_or(NotAdmitted::Forbidden)?;
    if caller.account == account { Ok(account) } else { Err(NotAdmitted::Forbidden) }
}

/// Reads a body. Returns `None` if it is too long or incomplete.
pub(crate) async fn read_body(body: Body) -> Option<Bytes> {
    axum::body::to_bytes(body, BODY_BYTES_MAX).await.ok()
}

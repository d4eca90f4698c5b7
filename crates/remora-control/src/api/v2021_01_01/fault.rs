//! Errors in the format of this generation: `{"error":{"code","message","target"?,"details"?}}`.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use remora_session::{ExtendRefused, LeaseMinutes, SessionId};
use serde::Serialize;

use super::VERSIONS;
use crate::api::common::{NotAdmitted, json, over_quota};
use crate::sessions::SessionError;
use crate::store::Share;

/// An error response.
#[derive(Debug)]
pub(super) enum Fault {
    NotAdmitted(NotAdmitted),
    SessionNotFound,
    Version { code: &'static str, message: String },
    BadRequest { message: String, target: String, accepted: Option<String> },
    Unprocessable { message: String, target: String, accepted: Option<String> },
    Conflict { id: SessionId },
    TooLarge { bytes_max: usize },
    OverQuota { max: u32, share: Share },
    Internal(SessionError),
}

/// Body of an error response.
#[derive(Serialize)]
struct ErrorBody {
    error: Detail,
}

/// An error, with its fields in the original service's order.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Detail {
    pub code: String,
    pub message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<Detail>,
}

impl Detail {
    pub(super) fn new(code: &str, message: impl Into<String>) -> Self {
        Self { code: code.to_owned(), message: message.into(), target: None, details: Vec::new() }
    }

    fn of(code: &str, message: String, target: String, accepted: Option<String>) -> Self {
        // Messages that were recorded from the original service stay unchanged; further advice goes into the details.
        let details = accepted.into_iter().map(|accepted| Detail::new("Accepted", accepted)).collect();
        Self { code: code.to_owned(), message, target: Some(target), details }
    }
}

impl Fault {
    pub(super) fn bad_request(message: impl Into<String>, target: impl Into<String>) -> Self {
        Fault::BadRequest { message: message.into(), target: target.into(), accepted: None }
    }

    pub(super) fn unprocessable(message: impl Into<String>, target: impl Into<String>) -> Self {
        Fault::Unprocessable { message: message.into(), target: target.into(), accepted: None }
    }

    /// Converts the error of a call on the session with that id.
    pub(super) fn of(error: SessionError, id: &SessionId) -> Self {
        match error {
            SessionError::NotFound => Fault::SessionNotFound,
            SessionError::Taken => Fault::Conflict { id: id.clone() },
            SessionError::NoAccount => Fault::NotAdmitted(NotAdmitted::Forbidden),
            SessionError::OverQuota { max, share } => Fault::OverQuota { max, share },
            SessionError::Refused(ExtendRefused::NotLonger { current }) => Fault::unprocessable(
                format!(
                    "The maxLeaseTimeMinutes value must be larger than the current value of {} and at most {}.",
                    current.get(),
                    LeaseMinutes::MAX.get()
                ),
                "maxLeaseTimeMinutes",
            ),
            SessionError::Refused(ExtendRefused::Ended) => Fault::unprocessable(
                format!("The session '{id}' has ended. Only a session that is Starting or Ready can be updated."),
                id.as_str(),
            ),
            SessionError::Contended | SessionError::Store(_) => Fault::Internal(error),
        }
    }
}

impl From<NotAdmitted> for Fault {
    fn from(not_admitted: NotAdmitted) -> Self {
        Fault::NotAdmitted(not_admitted)
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let described = |status, error| json(status, &ErrorBody { error });
        match self {
            Fault::NotAdmitted(not_admitted) => not_admitted.into_response(),
            Fault::SessionNotFound => {
                let message = "The account has no session with this id.";
                let error = Detail { target: Some("session_id".into()), ..Detail::new("SessionNotFound", message) };
                described(StatusCode::NOT_FOUND, error)
            }
            Fault::Version { code, message } => {
                let accepted = Some(format!("The query takes api-version={}.", VERSIONS.join(" or ")));
                described(StatusCode::BAD_REQUEST, Detail::of(code, message, "api-version".into(), accepted))
            }
            Fault::BadRequest { message, target, accepted } => {
                described(StatusCode::BAD_REQUEST, Detail::of("BadRequest", message, target, accepted))
            }
            Fault::Unprocessable { message, target, accepted } => {
                let error = Detail::of("UnprocessableEntity", message, target, accepted);
                described(StatusCode::UNPROCESSABLE_ENTITY, error)
            }
            Fault::Conflict { id } => {
                let accepted = "An id that the account has never used, or the settings that the session has.".into();
                let message = "A resource already exists under the given ID.".into();
                let error = Detail::of("Conflict", message, id.to_string(), Some(accepted));
                described(StatusCode::CONFLICT, error)
            }
            Fault::TooLarge { bytes_max } => {
                let message = format!("The request body has more than {bytes_max} bytes, or breaks off.");
                described(StatusCode::PAYLOAD_TOO_LARGE, Detail::new("PayloadTooLarge", message))
            }
            Fault::OverQuota { max, share } => {
                let message = over_quota(max, share);
                let mut response = described(StatusCode::TOO_MANY_REQUESTS, Detail::new("QuotaExceeded", message));
                response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("15"));
                response
            }
            Fault::Internal(source) => {
                tracing::error!(error = &source as &dyn std::error::Error, "a call failed");
                let error = Detail::new("InternalServerError", "An internal server error occurred.");
                described(StatusCode::INTERNAL_SERVER_ERROR, error)
            }
        }
    }
}

pub(super) async fn method_not_allowed() -> Response {
    let message = "The resource does not take this method. See the Allow header.";
    json(StatusCode::METHOD_NOT_ALLOWED, &ErrorBody { error: Detail::new("MethodNotAllowed", message) })
}

pub(super) fn not_found() -> Response {
    let message = "There is nothing under this path. Sessions are under /accounts/{account_id}/sessions.";
    json(StatusCode::NOT_FOUND, &ErrorBody { error: Detail::new("NotFound", message) })
}

//! Errors in the format of this generation: `{"error":"<text>"}`.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use remora_session::{ExtendRefused, LeaseMinutes, SessionId};
use serde::Serialize;

use super::time_span::TimeSpan;
use crate::api::common::{NotAdmitted, json, over_quota};
use crate::sessions::SessionError;
use crate::store::Share;

/// An error response.
#[derive(Debug)]
pub(super) enum Fault {
    NotAdmitted(NotAdmitted),
    SessionNotFound { id: String },
    BadRequest(String),
    Unprocessable(String),
    TooLarge { bytes_max: usize },
    OverQuota { max: u32, share: Share },
    Internal(SessionError),
}

/// Body of an error response.
#[derive(Serialize)]
struct ErrorBody {
    error: String,
}

impl Fault {
    pub(super) fn session_not_found(id: &str) -> Self {
        Fault::SessionNotFound { id: id.chars().take(64).collect() }
    }

    /// Converts the error of a call on the session with that id.
    pub(super) fn of(error: SessionError, id: &SessionId) -> Self {
        match error {
            SessionError::NotFound => Fault::session_not_found(id.as_str()),
            SessionError::NoAccount => Fault::NotAdmitted(NotAdmitted::Forbidden),
            SessionError::OverQuota { max, share } => Fault::OverQuota { max, share },
            SessionError::Refused(ExtendRefused::NotLonger { current }) => Fault::Unprocessable(format!(
                "The maxLeaseTime must be longer than the current {} and at most {}.",
                TimeSpan::from(current),
                TimeSpan::from(LeaseMinutes::MAX)
            )),
            SessionError::Refused(ExtendRefused::Ended) => Fault::Unprocessable(format!(
                "The session '{id}' has ended. Only a session that is Starting or Ready can be updated."
            )),
            // The GUID was made for this call, so no other session has it.
            SessionError::Taken | SessionError::Contended | SessionError::Store(_) => Fault::Internal(error),
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
        match self {
            Fault::NotAdmitted(not_admitted) => not_admitted.into_response(),
            Fault::SessionNotFound { id } => {
                described(StatusCode::NOT_FOUND, format!("The account has no session with the id '{id}'."))
            }
            Fault::BadRequest(message) => described(StatusCode::BAD_REQUEST, message),
            Fault::Unprocessable(message) => described(StatusCode::UNPROCESSABLE_ENTITY, message),
            Fault::TooLarge { bytes_max } => {
                let message = format!("The request body has more than {bytes_max} bytes, or breaks off.");
                described(StatusCode::PAYLOAD_TOO_LARGE, message)
            }
            Fault::OverQuota { max, share } => {
                let message = over_quota(max, share);
                let mut response = described(StatusCode::TOO_MANY_REQUESTS, message);
                response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("15"));
                response
            }
            Fault::Internal(source) => {
                tracing::error!(error = &source as &dyn std::error::Error, "a call failed");
                described(StatusCode::INTERNAL_SERVER_ERROR, "An internal server error occurred.")
            }
        }
    }
}

pub(super) async fn method_not_allowed() -> Response {
    let message = "The resource does not take this method. See the Allow header.";
    described(StatusCode::METHOD_NOT_ALLOWED, message)
}

/// Returns the 404 for paths that belong to this generation, see [`owns`](super::owns).
pub(crate) fn not_found() -> Response {
    described(StatusCode::NOT_FOUND, "There is nothing under this path. Sessions are under /v1/accounts/{id}/sessions.")
}

fn described(status: StatusCode, error: impl Into<String>) -> Response {
    json(status, &ErrorBody { error: error.into() })
}

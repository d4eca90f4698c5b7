//! Turns refusals and missing answers of the service into errors.

use serde::Deserialize;
use ureq::http::StatusCode;

use crate::failure::{Failure, Status};

/// Longer messages of the service are cut.
const MESSAGE_CHARACTERS_MAX: usize = 600;

#[derive(Deserialize)]
struct Body {
    error: Error,
}

#[derive(Deserialize)]
struct Error {
    code: String,
    message: String,
    #[serde(default)]
    details: Vec<Detail>,
}

#[derive(Deserialize)]
struct Detail {
    message: String,
}

/// Returns the error for an answer that is not a success.
pub(crate) fn refused(status: StatusCode, body: &str) -> Failure {
    let said = serde_json::from_str::<Body>(body).ok().map(|Body { error }| error);
    let kind = match (&said, status) {
        (Some(Error { code, .. }), StatusCode::NOT_FOUND) if code == "SessionNotFound" => Status::NotFound,
        (_, status) if status.is_server_error() => Status::Unreachable,
        _ => Status::Refused,
    };
    let message = match (said, status) {
        (Some(Error { code, message, details }), _) => {
            let details: String = details.iter().map(|detail| format!(" {}", detail.message)).collect();
            format!("the service says: {message}{details} ({} {code})", status.as_u16())
        }
        (None, StatusCode::UNAUTHORIZED) => "the account or its key is wrong (401)".into(),
        (None, StatusCode::FORBIDDEN) => "the account may not do this (403)".into(),
        (None, StatusCode::TOO_MANY_REQUESTS) => "the account has sent too many requests (429); wait a little".into(),
        (None, status) => format!("the service answers {status}"),
    };
    Failure::new(kind, printable(&message))
}

/// Returns the error for a request without an answer.
pub(crate) fn unreachable(url: &str, error: &ureq::Error) -> Failure {
    let service = url.splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
    let problem = error.to_string();
    match error {
        ureq::Error::Timeout(_) => Failure::new(Status::TimedOut, format!("{service} did not answer in time")),
        _ if problem.contains("certificate") => Failure::new(
            Status::Unreachable,
            format!(
                "the certificate of {service} is not trusted ({problem}): name its CA with --ca FILE or REMORA_CA, \
                 and use the name for which the certificate was issued"
            ),
        ),
        _ => Failure::new(
            Status::Unreachable,
            format!("{service} cannot be reached: {problem}. Check that it is running and that the address is right."),
        ),
    }
}

/// Returns one line without control characters, because messages of the service are shown on a terminal.
fn printable(text: &str) -> String {
    text.chars()
        .map(|character| if character.is_control() { ' ' } else { character })
        .take(MESSAGE_CHARACTERS_MAX)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_of_the_service_are_shown() {
        let body =
            r#"{"error":{"code":"Conflict","message":"It is taken.","details":[{"code":"a","message":"Another."}]}}"#;
        let failure = refused(StatusCode::CONFLICT, body);
        assert_eq!(failure.message, "the service says: It is taken. Another. (409 Conflict)");
        assert_eq!(failure.status, Status::Refused);
        let body = r#"{"error":{"code":"SessionNotFound","message":"no"}}"#;
        assert_eq!(refused(StatusCode::NOT_FOUND, body).status, Status::NotFound);
        assert_eq!(refused(StatusCode::NOT_FOUND, "").status, Status::Refused);
        assert_eq!(refused(StatusCode::BAD_GATEWAY, "<html>").status, Status::Unreachable);
        assert!(refused(StatusCode::UNAUTHORIZED, "").message.contains("key"));
    }

    #[test]
    fn messages_of_the_service_cannot_move_the_cursor() {
        let body = r#"{"error":{"code":"a","message":"\u001b[2Jhidden\nline"}}"#;
        assert!(!refused(StatusCode::CONFLICT, body).message.contains(char::is_control));
    }
}

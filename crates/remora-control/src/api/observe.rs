//! Observability of every request: a correlation vector, a span, a time limit, a log line and metrics. None of them
//! contains keys, tokens or bodies.

use std::time::Duration;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use http::header::{HeaderName, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use tracing::Instrument as _;

use super::common::error;
use crate::clock::Clock;
use crate::metrics::{self, Metrics};
use crate::random;

const ANSWER_MAX: Duration = Duration::from_secs(30);
const CORRELATION: HeaderName = HeaderName::from_static("ms-cv");
/// Header that clients of the token service send instead.
const CLIENT_CORRELATION: HeaderName = HeaderName::from_static("x-mrc-cv");
const VECTOR_BYTES: usize = 16;
/// Longer vectors are replaced.
const VECTOR_CHARACTERS_MAX: usize = 127;
/// Name of the route for requests that no route matched.
const UNMATCHED: &str = "unmatched";

/// State of the layer.
#[derive(Clone)]
pub struct Observer {
    /// Metrics to count requests in.
    pub metrics: Metrics,
    /// Clock for durations.
    pub clock: Clock,
}

/// Extension of a response: the name of the route, if axum has matched none.
#[derive(Clone, Copy, Debug)]
pub struct Route(pub &'static str);

/// Layer around everything but [`share`](super::cross_origin::share).
pub async fn observe(State(observer): State<Observer>, request: Request, next: Next) -> Response {
    let begun = observer.clock.precise();
    let vector = vector(request.headers());
    let method = method(request.method());
    let matched = request.extensions().get::<MatchedPath>().cloned();
    // An error span is enabled at every log level, so that every log line of the request has its fields.
    let span = tracing::error_span!(
        "request",
        ms_cv = %vector,
        method,
        route = matched.as_ref().map(MatchedPath::as_str),
        status = tracing::field::Empty
    );
    let answer = tokio::time::timeout(ANSWER_MAX, next.run(request).instrument(span.clone())).await;
    let mut response = answer.unwrap_or_else(|_| {
        let seconds = ANSWER_MAX.as_secs();
        error(StatusCode::REQUEST_TIMEOUT, "Timeout", format!("The request was not complete within {seconds} seconds."))
    });
    let named = response.extensions().get::<Route>().map(|Route(name)| *name);
    let route = matched.as_ref().map(MatchedPath::as_str).or(named).unwrap_or(UNMATCHED);
    let (status, took) = (response.status().as_u16(), observer.clock.precise().saturating_sub(begun));
    span.record("status", status);
    span.in_scope(|| log(method, route, status, took));
    observer.metrics.answered(metrics::Request { route, method, status, took });

    let headers = response.headers_mut();
    headers.insert(CORRELATION, HeaderValue::from_str(&vector).expect("base64 is ASCII"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// Logs a response. Clients read and hosts report about once a second, so those are logged at debug level only.
fn log(method: &str, route: &str, status: u16, took: Duration) {
    let microseconds = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
    let quiet = matches!(method, "GET" | "HEAD") || route == super::link::ROUTE;
    match status {
        500.. => tracing::warn!(method, route, status, microseconds, "answered"),
        _ if quiet => tracing::debug!(method, route, status, microseconds, "answered"),
        _ => tracing::info!(method, route, status, microseconds, "answered"),
    }
}

/// Returns the caller's vector or a new one: 16 bytes in base64 followed by `.0`, as in the original service. The trace
/// of the request has these bytes as its id.
fn vector(headers: &HeaderMap) -> String {
    let given = headers.get(CORRELATION).or_else(|| headers.get(CLIENT_CORRELATION));
    let continued = given.and_then(|value| base_of(value.to_str().ok()?)).map(str::to_owned);
    format!("{}.0", continued.unwrap_or_else(|| STANDARD_NO_PAD.encode(random::bytes::<VECTOR_BYTES>())))
}

/// Returns the part of a well-formed vector before the first dot, which stays the same along a chain of requests.
fn base_of(vector: &str) -> Option<&str> {
    let (base, extension) = vector.split_once('.').unwrap_or((vector, "0"));
    let numbers = extension.split('.').all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()));
    let whole = STANDARD_NO_PAD.decode(base).is_ok_and(|bytes| bytes.len() == VECTOR_BYTES);
    (vector.len() <= VECTOR_CHARACTERS_MAX && numbers && whole).then_some(base)
}

/// Returns a name from a fixed set, because callers may invent methods.
fn method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::PUT => "PUT",
        Method::POST => "POST",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_well_formed_vector_is_continued() {
        let base = "ZuyAfqDYD0i4xphbpH16SQ";
        for given in [base.to_owned(), format!("{base}.0"), format!("{base}.1.22.333")] {
            assert_eq!(base_of(&given), Some(base), "{given}");
        }
        let long = format!("{base}{}", ".0".repeat(60));
        for given in ["", ".0", "short.0", &format!("{base}."), &format!("{base}.x"), &format!("{base}=.0"), &long] {
            assert_eq!(base_of(given), None, "{given}");
        }
        let mut headers = HeaderMap::new();
        headers.insert(CLIENT_CORRELATION, HeaderValue::from_static("ZuyAfqDYD0i4xphbpH16SQ"));
        assert_eq!(vector(&headers), "ZuyAfqDYD0i4xphbpH16SQ.0");
        assert_ne!(vector(&HeaderMap::new()), vector(&HeaderMap::new()));
    }
}

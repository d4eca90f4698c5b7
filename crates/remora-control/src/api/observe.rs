//! Observability of every request: a correlation vector, a span, a time limit, a log line and metrics. None of them
//! contains keys, tokens or bodies.

use std::time::Duration;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::header::X_CONTENT_TYPE_OPTIONS;
use http::{HeaderValue, Method, StatusCode};
use remora_protocol::correlation;
use tracing::Instrument as _;

use super::common::error;
use crate::clock::Clock;
use crate::metrics::{self, Metrics};
use crate::random;

const ANSWER_MAX: Duration = Duration::from_secs(30);
/// Name of the route for requests that no route matched.
const UNMATCHED: &str = "unmatched";

/// State of the layer.
#[derive(Clone)]
pub(crate) struct Observer {
    /// Metrics to count requests in.
    pub metrics: Metrics,
    /// Clock for durations.
    pub clock: Clock,
}

/// Extension of a response: the name of the route, if axum has matched none.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Route(pub &'static str);

/// Layer around everything but [`share`](super::cross_origin::share).
pub(crate) async fn observe(State(observer): State<Observer>, request: Request, next: Next) -> Response {
    let begun = observer.clock.precise();
    let vector = correlation::vector(request.headers(), random::bytes);
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
    headers.insert(correlation::HEADER, HeaderValue::from_str(&vector).expect("base64 is ASCII"));
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

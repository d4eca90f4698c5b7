//! What happens to every request, whoever answers it: a correlation vector, a span, an answer in time, a line in the
//! log and a place in the metrics. Neither keys nor tokens nor bodies are in any of them.

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
/// The route of what no route takes.
const UNMATCHED: &str = "unmatched";

#[derive(Clone)]
pub struct Observer {
    pub metrics: Metrics,
    pub clock: Clock,
}

/// In the extensions of an answer: the route of a request that was not matched by its path alone.
#[derive(Clone, Copy, Debug)]
pub struct Route(pub &'static str);

/// Layer, to be outermost but for [`share`](super::cross_origin::share).
pub async fn observe(State(observer): State<Observer>, request: Request, next: Next) -> Response {
    let begun = observer.clock.precise();
    let vector = correlation::vector(request.headers(), random::bytes);
    let method = method(request.method());
    let matched = request.extensions().get::<MatchedPath>().cloned();
    // At the level of errors, so that whatever is logged has it.
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

/// Reads come by the second from every client, reports from every host: they are for who looks closely.
fn log(method: &str, route: &str, status: u16, took: Duration) {
    let microseconds = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
    let quiet = matches!(method, "GET" | "HEAD") || route == super::link::ROUTE;
    match status {
        500.. => tracing::warn!(method, route, status, microseconds, "answered"),
        _ if quiet => tracing::debug!(method, route, status, microseconds, "answered"),
        _ => tracing::info!(method, route, status, microseconds, "answered"),
    }
}

/// A name from a short list: callers may invent methods.
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

//! Gives every request a correlation vector (`MS-CV`), a span and a line in the log, as the control plane does. They
//! contain neither tokens nor bodies.

use axum::{extract::Request, http::HeaderValue, middleware::Next, response::Response};
use remora_protocol::correlation;
use tracing::Instrument as _;

use crate::correlation::random;

/// The outermost layer of both ports.
pub(super) async fn observe(request: Request, next: Next) -> Response {
    let vector = correlation::vector(request.headers(), random);
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    // At the level of errors, so that every line has the vector.
    let span = tracing::error_span!("request", ms_cv = %vector);
    let mut response = next.run(request).instrument(span.clone()).await;
    let status = response.status().as_u16();
    span.in_scope(|| tracing::debug!(%method, path, status, "answered"));
    let value = HeaderValue::from_str(&vector).expect("base64 is ASCII");
    response.headers_mut().insert(correlation::HEADER, value);
    response
}

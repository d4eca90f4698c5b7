//! Correlation vectors (`MS-CV`), which connect a request with its log lines and its trace; see
//! [`remora_protocol::correlation`].

use http::HeaderMap;
use remora_protocol::correlation;
pub(super) use remora_protocol::correlation::HEADER as CORRELATION;
pub use remora_protocol::correlation::trace_id;

use crate::random;

/// Returns the caller's vector or a new one. The trace of the request has its bytes as its id.
pub(super) fn vector(headers: &HeaderMap) -> String {
    correlation::vector(headers, random::bytes)
}

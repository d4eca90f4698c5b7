//! Correlation vectors (`MS-CV`), which connect a request with its log lines and its trace.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use http::HeaderMap;
use http::header::HeaderName;

use crate::random;

/// Header with the vector, in requests and responses.
pub(super) const CORRELATION: HeaderName = HeaderName::from_static("ms-cv");
/// Header that clients of the token service send instead.
const CLIENT_CORRELATION: HeaderName = HeaderName::from_static("x-mrc-cv");
const VECTOR_BYTES: usize = 16;
/// Longer vectors are replaced.
const VECTOR_CHARACTERS_MAX: usize = 127;

/// Returns the id of the trace for a request with this vector, or `None` if the vector is malformed.
pub fn trace_id(vector: &str) -> Option<[u8; VECTOR_BYTES]> {
    base_of(vector).and_then(bytes_of)
}

/// Returns the caller's vector or a new one: 16 bytes in base64 followed by `.0`, as in the original service. The trace
/// of the request has these bytes as its id.
pub(super) fn vector(headers: &HeaderMap) -> String {
    let given = headers.get(CORRELATION).or_else(|| headers.get(CLIENT_CORRELATION));
    let continued = given.and_then(|value| base_of(value.to_str().ok()?)).map(str::to_owned);
    format!("{}.0", continued.unwrap_or_else(|| STANDARD_NO_PAD.encode(random::bytes::<VECTOR_BYTES>())))
}

/// Returns the part of a well-formed vector before the first dot, which stays the same along a chain of requests.
fn base_of(vector: &str) -> Option<&str> {
    let (base, extension) = vector.split_once('.').unwrap_or((vector, "0"));
    let numbers = extension.split('.').all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()));
    (vector.len() <= VECTOR_CHARACTERS_MAX && numbers && bytes_of(base).is_some()).then_some(base)
}

fn bytes_of(base: &str) -> Option<[u8; VECTOR_BYTES]> {
    STANDARD_NO_PAD.decode(base).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

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

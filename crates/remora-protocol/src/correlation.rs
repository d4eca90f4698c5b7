//! Correlation vectors: the `MS-CV` header, by which a request can be found in the logs of each program it reaches.
//!
//! A vector is 16 bytes in base64, a dot and numbers: `ZuyAfqDYD0i4xphbpH16SQ.0`. The part before the first dot stays
//! the same along a chain of requests.

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use http::{HeaderMap, HeaderName};

/// The header that carries the vector, in requests and answers.
pub const HEADER: HeaderName = HeaderName::from_static("ms-cv");
/// The header that clients of the token service send instead.
const CLIENT_HEADER: HeaderName = HeaderName::from_static("x-mrc-cv");
/// Random bytes of a new vector.
pub const VECTOR_BYTES: usize = 16;
/// Longer vectors are not continued.
const VECTOR_CHARACTERS_MAX: usize = 127;

/// Returns the vector of a request: the caller's, or a new one. Its extension is always `.0`, as the original service
/// answers.
pub fn vector(headers: &HeaderMap, random: impl FnOnce() -> [u8; VECTOR_BYTES]) -> String {
    let given = headers.get(HEADER).or_else(|| headers.get(CLIENT_HEADER));
    let continued = given.and_then(|value| base_of(value.to_str().ok()?)).map(str::to_owned);
    format!("{}.0", continued.unwrap_or_else(|| new_base(random())))
}

/// Returns the id of the trace for a request with this vector, or `None` if the vector is malformed.
pub fn trace_id(vector: &str) -> Option<[u8; VECTOR_BYTES]> {
    base_of(vector).and_then(bytes_of)
}

/// Returns a new vector without an extension.
pub fn new_base(random: [u8; VECTOR_BYTES]) -> String {
    STANDARD_NO_PAD.encode(random)
}

/// Returns the part of a well-formed vector before the first dot.
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
    fn a_well_formed_vector_is_continued_and_nothing_else_is() {
        let base = "ZuyAfqDYD0i4xphbpH16SQ";
        for given in [base.to_owned(), format!("{base}.0"), format!("{base}.1.22.333")] {
            assert_eq!(base_of(&given), Some(base), "{given}");
        }
        let long = format!("{base}{}", ".0".repeat(60));
        for given in ["", ".0", "short.0", &format!("{base}."), &format!("{base}.x"), &format!("{base}=.0"), &long] {
            assert_eq!(base_of(given), None, "{given}");
        }
        let mut headers = HeaderMap::new();
        headers.insert(CLIENT_HEADER, HeaderValue::from_static("ZuyAfqDYD0i4xphbpH16SQ"));
        assert_eq!(vector(&headers, || [0; VECTOR_BYTES]), "ZuyAfqDYD0i4xphbpH16SQ.0");
        assert_eq!(vector(&HeaderMap::new(), || [0; VECTOR_BYTES]), "AAAAAAAAAAAAAAAAAAAAAA.0");
    }
}

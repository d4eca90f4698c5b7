//! Continuation of a list: a link that contains the whole position. Clients use it unchanged, and one of them passes it
//! through a formatter that fails on braces.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::uri::Authority;
use http::{HeaderMap, header};
use remora_session::{SessionId, Timestamp};

pub(super) const CONTINUATION: &str = "continuation";

/// A position in a list that is ordered by time and session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    /// Time of the last entry before the position.
    pub time: Timestamp,
    /// Session of that entry.
    pub session: SessionId,
}

/// Returns the link to the entries after `position`. `target` is path and query of the list, without a continuation.
/// For `endpoint` see [`own_address`].
pub(super) fn link(endpoint: &str, headers: &HeaderMap, target: &str, position: &Position) -> String {
    format!("{}{target}&{CONTINUATION}={}", own_address(endpoint, headers), encode(position))
}

/// Returns the base URL of the service as the caller has reached it: the scheme of `endpoint` and the host of the
/// request, or the host of `endpoint` if the request's is missing or unusable.
pub(crate) fn own_address(endpoint: &str, headers: &HeaderMap) -> String {
    let (scheme, own) = endpoint.split_once("://").expect("the endpoint is an absolute URL");
    let asked = headers.get(header::HOST).and_then(|host| host.to_str().ok()).filter(|host| is_plain(host));
    format!("{scheme}://{}", asked.unwrap_or(own))
}

pub(crate) fn encode(position: &Position) -> String {
    URL_SAFE_NO_PAD.encode(format!("{}.{}", position.time.as_milliseconds(), position.session))
}

pub(crate) fn decode(text: &str) -> Option<Position> {
    let plain = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
    let (time, session) = plain.split_once('.')?;
    Some(Position { time: Timestamp::from_milliseconds(time.parse().ok()?), session: session.parse().ok()? })
}

fn is_plain(host: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte);
    host.bytes().all(allowed) && host.parse::<Authority>().is_ok()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_position_is_decoded_as_it_was_encoded(time: u64, session in "[A-Za-z0-9_-]{1,256}") {
            let position = Position { time: Timestamp::from_milliseconds(time), session: session.parse().unwrap() };
            prop_assert_eq!(decode(&encode(&position)), Some(position));
        }

        #[test]
        fn any_text_is_decoded_without_panic(text: String) {
            let _ = decode(&text);
        }
    }

    #[test]
    fn the_link_is_absolute_and_has_no_braces_whatever_the_host_says() {
        let position = Position { time: Timestamp::from_milliseconds(5), session: "a".parse().unwrap() };
        let linked = |host: &'static str| {
            let headers = HeaderMap::from_iter([(header::HOST, HeaderValue::from_static(host))]);
            link("https://localhost:8443", &headers, "/accounts/a/sessions?api-version=2021-01-01", &position)
        };
        let rest = "/accounts/a/sessions?api-version=2021-01-01&continuation=NS5h";
        assert_eq!(linked("render.example:443"), format!("https://render.example:443{rest}"));
        for strange in ["{0}", "a b", "a/b", "user@host", ""] {
            assert_eq!(linked(strange), format!("https://localhost:8443{rest}"), "{strange}");
        }
    }
}

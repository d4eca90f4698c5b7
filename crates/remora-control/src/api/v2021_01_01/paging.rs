//! Where a list goes on: a link that holds everything. Clients use it as it is, and one of them runs it through a
//! formatter that dies of braces.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::uri::Authority;
use http::{HeaderMap, header};
use remora_session::{AccountId, Timestamp};

use crate::store::ListPosition;

pub(super) const CONTINUATION: &str = "continuation";

/// `endpoint` is what stands in for a Host that is missing or cannot be part of a link.
pub(super) fn next_link(
    endpoint: &str,
    headers: &HeaderMap,
    account: &AccountId,
    version: &str,
    position: &ListPosition,
) -> String {
    let (scheme, own) = endpoint.split_once("://").expect("the endpoint is an absolute URL");
    let asked = headers.get(header::HOST).and_then(|host| host.to_str().ok()).filter(|host| is_plain(host));
    let (authority, continuation) = (asked.unwrap_or(own), encode(position));
    format!("{scheme}://{authority}/accounts/{account}/sessions?api-version={version}&{CONTINUATION}={continuation}")
}

pub(super) fn encode(position: &ListPosition) -> String {
    URL_SAFE_NO_PAD.encode(format!("{}.{}", position.created_at.as_milliseconds(), position.session))
}

pub(super) fn decode(text: &str) -> Option<ListPosition> {
    let plain = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
    let (created_at, session) = plain.split_once('.')?;
    Some(ListPosition {
        created_at: Timestamp::from_milliseconds(created_at.parse().ok()?),
        session: session.parse().ok()?,
    })
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
        fn a_position_comes_back_as_it_was(created_at: u64, session in "[A-Za-z0-9_-]{1,256}") {
            let position = ListPosition {
                created_at: Timestamp::from_milliseconds(created_at),
                session: session.parse().unwrap(),
            };
            prop_assert_eq!(decode(&encode(&position)), Some(position));
        }

        #[test]
        fn no_continuation_can_do_harm(text: String) {
            let _ = decode(&text);
        }
    }

    #[test]
    fn the_link_is_absolute_complete_and_without_braces_whatever_the_host_says() {
        let account = "11111111-2222-3333-4444-555555555555".parse().unwrap();
        let position = ListPosition { created_at: Timestamp::from_milliseconds(5), session: "a".parse().unwrap() };
        let link = |host: &'static str| {
            let headers = HeaderMap::from_iter([(header::HOST, HeaderValue::from_static(host))]);
            next_link("https://localhost:8443", &headers, &account, "2021-01-01", &position)
        };
        let rest = "/accounts/11111111-2222-3333-4444-555555555555/sessions?api-version=2021-01-01&continuation=NS5h";
        assert_eq!(link("render.example:443"), format!("https://render.example:443{rest}"));
        for strange in ["{0}", "a b", "a/b", "user@host", ""] {
            assert_eq!(link(strange), format!("https://localhost:8443{rest}"), "{strange}");
        }
    }
}

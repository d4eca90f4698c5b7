//! The ICE servers that a client is told, with credentials.
//!
//! With a shared secret the credentials follow coturn's REST scheme (`use-auth-secret`): the username consists of the
//! time of expiry and the session, and the credential is a MAC of it. The TURN server verifies both without asking this
//! service.

use std::time::Duration;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use remora_session::{SessionId, Timestamp};
use serde::Serialize;

use crate::config::Turn;

/// A server in the form of an `RTCIceServer`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct IceServer {
    /// URLs of the server.
    pub urls: Vec<String>,
    /// Username, if the server needs one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// Credential, if the server needs one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credential: Option<String>,
}

/// Returns the configured servers: one entry for those that need credentials, and one for the others.
pub(crate) fn ice_servers(turn: &Turn, session: &SessionId, now: Timestamp) -> Vec<IceServer> {
    let (relays, others): (Vec<String>, Vec<String>) =
        turn.urls.iter().cloned().partition(|url| url.starts_with("turn"));
    let (username, credential) = match &turn.secret {
        Some(secret) => {
            let (username, credential) = credentials(secret, session, now, lifetime(turn));
            (Some(username), Some(credential))
        }
        None => (turn.username.clone(), turn.credential.clone()),
    };
    [IceServer { urls: others, username: None, credential: None }, IceServer { urls: relays, username, credential }]
        .into_iter()
        .filter(|server| !server.urls.is_empty())
        .collect()
}

/// Returns the time for which a client may use the servers. Static credentials do not expire, but the operator may
/// change them.
pub(crate) fn lifetime(turn: &Turn) -> Duration {
    Duration::from_secs(turn.lifetime_seconds.into())
}

fn credentials(secret: &str, session: &SessionId, now: Timestamp, lifetime: Duration) -> (String, String) {
    let end_seconds = now.as_milliseconds() / 1_000 + lifetime.as_secs();
    let username = format!("{end_seconds}:{session}");
    // TURN servers support no other algorithm. As a MAC, SHA-1 is not broken.
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret.as_bytes());
    let credential = STANDARD.encode(hmac::sign(&key, username.as_bytes()));
    (username, credential)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_milliseconds(1_433_895_918_506);

    fn servers(urls: &[&str], turn: Turn) -> Vec<IceServer> {
        let urls = urls.iter().map(|url| (*url).to_owned()).collect();
        ice_servers(&Turn { urls, ..turn }, &"a-session".parse().unwrap(), NOW)
    }

    #[test]
    fn without_servers_the_list_is_empty() {
        assert_eq!(servers(&[], Turn::default()), []);
    }

    /// `printf %s 1433982318:a-session | openssl dgst -sha1 -hmac north -binary | base64`
    #[test]
    fn credentials_match_those_that_coturn_computes() {
        let turn = Turn { secret: Some("north".into()), ..Turn::default() };
        let servers = servers(&["turn:a", "turns:a"], turn);
        let [server] = &servers[..] else { panic!("{servers:?}") };
        assert_eq!(server.urls, ["turn:a", "turns:a"]);
        assert_eq!(server.username.as_deref(), Some("1433982318:a-session"));
        assert_eq!(server.credential.as_deref(), Some("N1/BD6U2+mR9AheG0LZffIDjiG0="));
    }

    #[test]
    fn only_relays_have_credentials() {
        let turn = Turn { username: Some("u".into()), credential: Some("c".into()), ..Turn::default() };
        let servers = servers(&["turn:a", "stun:b"], turn);
        let expected = [
            IceServer { urls: vec!["stun:b".into()], username: None, credential: None },
            IceServer { urls: vec!["turn:a".into()], username: Some("u".into()), credential: Some("c".into()) },
        ];
        assert_eq!(servers, expected);
    }
}

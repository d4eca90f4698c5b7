//! Checks `[turn]`: URLs that browsers accept, and exactly one kind of credentials.

use super::demand::{InvalidConfig, demand};
use crate::config::Turn;
use crate::config::address::is_host_name;

/// Browsers try all servers for every connection, so more of them would only slow it down.
const URLS_MAX: usize = 8;
const LIFETIME_SECONDS_MIN: u32 = 300;
const LIFETIME_SECONDS_MAX: u32 = 7 * 24 * 60 * 60;

pub(super) fn check_turn(turn: &Turn) -> Result<(), InvalidConfig> {
    let Turn { urls, secret, username, credential, lifetime_seconds } = turn;
    demand(urls.len() <= URLS_MAX, "turn.urls", urls.len(), "it takes at most 8 addresses")?;
    for url in urls {
        let accepted = "it takes addresses such as turn:turn.example.com:3478?transport=udp, \
                        turns:turn.example.com:5349?transport=tcp or stun:stun.example.com:3478";
        demand(is_ice_server(url), "turn.urls", url, accepted)?;
    }
    // Secrets are not part of the message.
    for (key, text) in [("turn.secret", secret), ("turn.username", username), ("turn.credential", credential)] {
        demand(text.as_ref().is_none_or(|text| !text.is_empty()), key, "", "it takes some text")?;
    }
    let both = username.is_some() == credential.is_some();
    demand(both, "turn.username", username, "username and credential are given both or neither")?;
    let one_kind = secret.is_none() || username.is_none();
    demand(one_kind, "turn.username", username, "either a secret, or username and credential, but not both")?;
    let relays = urls.iter().any(|url| url.starts_with("turn"));
    let has_credentials = secret.is_some() || username.is_some();
    let accepted = "turn and turns servers need a secret, or username and credential";
    demand(has_credentials || !relays, "turn.secret", secret, accepted)?;
    let accepted = "credentials are for servers: name them, such as turn:turn.example.com:3478";
    demand(relays || !has_credentials, "turn.urls", urls, accepted)?;
    let sound = (LIFETIME_SECONDS_MIN..=LIFETIME_SECONDS_MAX).contains(lifetime_seconds);
    demand(sound, "turn.lifetime_seconds", lifetime_seconds, "it takes 300 to 604800")
}

/// Returns whether this is a URL of RFC 7064 or 7065. A browser refuses to connect at all if one of them is not.
fn is_ice_server(url: &str) -> bool {
    let Some((scheme, rest)) = url.split_once(':') else { return false };
    let (server, query) = rest.split_once('?').map_or((rest, None), |(server, query)| (server, Some(query)));
    let transport = match (scheme, query) {
        ("turn" | "turns" | "stun" | "stuns", None) => true,
        ("turn", Some(query)) => ["transport=udp", "transport=tcp"].contains(&query),
        ("turns", Some(query)) => query == "transport=tcp",
        _ => false,
    };
    // An IPv6 address in brackets contains colons.
    let (host, port) = match server.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (server, None),
    };
    let named = match host.strip_prefix('[') {
        Some(host) => host.strip_suffix(']').is_some_and(|host| host.parse::<std::net::Ipv6Addr>().is_ok()),
        None => !host.contains(':') && is_host_name(host),
    };
    transport && named && port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn check(text: &str) -> Result<(), InvalidConfig> {
        Config::parse(&format!("[turn]\n{text}")).unwrap_or_else(|error| panic!("{text}: {error}")).check()
    }

    #[test]
    fn servers_with_one_kind_of_credentials_are_accepted() {
        for good in [
            "",
            "urls = []",
            "urls = ['stun:stun.example.com']",
            "urls = ['turn:turn.example.com']\nsecret = 's'\nlifetime_seconds = 300",
            "urls = ['turn:[2001:db8::1]:3478?transport=udp', 'turns:192.0.2.1:443?transport=tcp']\nsecret = 's'",
            "urls = ['turn:[2001:db8::1]']\nusername = 'u'\ncredential = 'c'",
        ] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
    }

    #[test]
    fn an_unusable_value_is_named_with_what_is_accepted() {
        let server = "urls = ['turn:turn.example.com:3478']\n";
        for (text, key, accepted) in [
            ("secret = 's'".to_owned(), "turn.urls", "name them"),
            (server.to_owned(), "turn.secret", "need a secret"),
            (format!("{server}username = 'u'"), "turn.username", "both or neither"),
            (format!("{server}credential = 'c'"), "turn.username", "both or neither"),
            (format!("{server}secret = 's'\nusername = 'u'\ncredential = 'c'"), "turn.username", "not both"),
            (format!("{server}secret = ''"), "turn.secret", "some text"),
            (format!("{server}secret = 's'\nlifetime_seconds = 299"), "turn.lifetime_seconds", "300 to 604800"),
            (format!("{server}secret = 's'\nlifetime_seconds = 604801"), "turn.lifetime_seconds", "300 to 604800"),
            (format!("urls = [{}]", "'stun:a', ".repeat(9)), "turn.urls", "at most 8"),
        ] {
            let error = check(&text).expect_err(&text);
            assert_eq!(error.key, key, "{text}: {error}");
            assert!(error.accepted.contains(accepted), "{text}: {error}");
        }
    }

    #[test]
    fn urls_that_browsers_refuse_are_refused() {
        for bad in [
            "",
            "turn.example.com",
            "turn:",
            "turn://turn.example.com",
            "https://turn.example.com",
            "turn:turn.example.com:0",
            "turn:turn.example.com:65536",
            "turn:turn.example.com:",
            "turn:2001:db8::1",
            "turn:[2001:db8::1",
            "turn:user@turn.example.com",
            "turn:turn.example.com?transport=sctp",
            "turn:turn.example.com?transport=udp&x=1",
            "turns:turn.example.com?transport=udp",
            "stun:stun.example.com?transport=udp",
            "TURN:turn.example.com",
        ] {
            assert_eq!(check(&format!("urls = ['{bad}']\nsecret = 's'")).expect_err(bad).key, "turn.urls", "{bad}");
        }
    }

    #[test]
    fn a_secret_is_not_part_of_the_message() {
        let text = "urls = ['turn:a']\nsecret = 'hidden'\nusername = 'u'\ncredential = 'hidden'";
        let error = check(text).unwrap_err().to_string();
        assert!(!error.contains("hidden"), "{error}");
    }
}

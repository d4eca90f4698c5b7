//! The web pages that may call the service, by their origin. The REST API, the token service and the render hosts share
//! this policy.
//!
//! | entry | allows |
//! |---|---|
//! | `https://app.example.com`, `http://localhost:3000` | that origin |
//! | `https://*.example.com`, `https://*.example.com:8443` | its subdomains at any depth, not `https://example.com` itself |
//! | `*` | every origin, including the `null` of local files; for development |
//!
//! Browsers serialise an origin in exactly one way: lower case, without the default port, path or user. Entries are
//! converted to that form once, and the `Origin` of a request is compared with it byte by byte, so that a nearly
//! matching origin is never allowed.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};

const ANY: &str = "*";
/// Bounds the cost of a check: the `Origin` of every request is compared with every entry.
const ORIGINS_MAX: usize = 1_024;
const HOST_BYTES_MAX: usize = 253;
const LABEL_BYTES_MAX: usize = 63;

/// A set of allowed origins. The default allows none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
pub struct Origins(Vec<Pattern>);

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Pattern {
    Any,
    Exact(String),
    /// `https://` followed by a subdomain of `domain`.
    Subdomains {
        domain: String,
        /// `None` is the default port.
        port: Option<u16>,
    },
}

/// The error for an unusable list of origins.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidOrigins {
    /// One entry is not an origin.
    #[error(
        "{origin:?} is not an origin: {problem}; accepted are origins such as https://app.example.com or \
         http://localhost:3000, subdomains such as https://*.example.com, and * for every origin"
    )]
    Entry {
        /// The entry, cut after 200 characters.
        origin: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The list is too long.
    #[error("there are {found} origins; {ORIGINS_MAX} are accepted")]
    TooMany {
        /// Number of different entries.
        found: usize,
    },
}

impl Origins {
    /// Parses entries in the form in which an operator writes them.
    pub fn parse<S: AsRef<str>>(entries: impl IntoIterator<Item = S>) -> Result<Self, InvalidOrigins> {
        let mut patterns = Vec::new();
        for entry in entries {
            let entry = entry.as_ref();
            let pattern = Pattern::parse(entry)
                .map_err(|problem| InvalidOrigins::Entry { origin: entry.chars().take(200).collect(), problem })?;
            patterns.push(pattern);
        }
        patterns.sort();
        patterns.dedup();
        if patterns.len() > ORIGINS_MAX {
            return Err(InvalidOrigins::TooMany { found: patterns.len() });
        }
        Ok(Self(patterns))
    }

    /// Returns whether a page with this `Origin` may call the service.
    pub fn allows(&self, origin: &str) -> bool {
        self.0.iter().any(|pattern| pattern.allows(origin))
    }

    /// Returns whether every origin is allowed.
    pub fn allows_any(&self) -> bool {
        self.0.contains(&Pattern::Any)
    }

    /// Returns the origins of both sets.
    pub fn and(mut self, others: &Self) -> Self {
        self.0.extend_from_slice(&others.0);
        self.0.sort();
        self.0.dedup();
        self
    }
}

impl TryFrom<Vec<String>> for Origins {
    type Error = InvalidOrigins;

    fn try_from(entries: Vec<String>) -> Result<Self, InvalidOrigins> {
        Self::parse(entries)
    }
}

impl From<Origins> for Vec<String> {
    fn from(origins: Origins) -> Self {
        origins.0.iter().map(Pattern::to_string).collect()
    }
}

impl Pattern {
    fn parse(entry: &str) -> Result<Self, &'static str> {
        if entry == ANY {
            return Ok(Self::Any);
        }
        if entry.eq_ignore_ascii_case("null") {
            return Err("pages without an origin of their own, such as local files, are allowed by * only");
        }
        let (scheme, authority) = entry.split_once("://").ok_or("it does not begin with https:// or http://")?;
        let scheme = scheme.to_ascii_lowercase();
        let default_port = match scheme.as_str() {
            "https" => 443,
            "http" => 80,
            _ => return Err("it does not begin with https:// or http://"),
        };
        if authority.contains(['/', '?', '#', '\\']) {
            return Err("an origin has no path, not even a slash at its end");
        }
        if authority.contains('@') {
            return Err("an origin has no user");
        }
        let (host, port) = host_and_port(authority)?;
        let (host, port) = (host.to_ascii_lowercase(), port.filter(|port| *port != default_port));
        if let Some(domain) = host.strip_prefix("*.") {
            if scheme != "https" {
                return Err("subdomains are accepted with https only");
            }
            if !is_domain(domain) || !domain.contains('.') || domain.parse::<Ipv4Addr>().is_ok() {
                return Err("after *. it needs a domain of at least two names");
            }
            return Ok(Self::Subdomains { domain: domain.to_owned(), port });
        }
        if host.contains('*') {
            return Err("a * stands alone, or for the first name of a domain");
        }
        let suffix = port.map_or_else(String::new, |port| format!(":{port}"));
        Ok(Self::Exact(format!("{scheme}://{}{suffix}", canonical_host(&host)?)))
    }

    fn allows(&self, origin: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Exact(exact) => exact == origin,
            Self::Subdomains { domain, port } => is_subdomain(origin, domain, *port),
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => formatter.write_str(ANY),
            Self::Exact(origin) => formatter.write_str(origin),
            Self::Subdomains { domain, port: None } => write!(formatter, "https://*.{domain}"),
            Self::Subdomains { domain, port: Some(port) } => write!(formatter, "https://*.{domain}:{port}"),
        }
    }
}

fn host_and_port(authority: &str) -> Result<(&str, Option<u16>), &'static str> {
    // The colons of an IPv6 address are inside its brackets.
    let end_of_host = authority.rfind(']').map_or(0, |bracket| bracket + 1);
    let Some(colon) = authority[end_of_host..].find(':').map(|colon| colon + end_of_host) else {
        return Ok((authority, None));
    };
    let digits = &authority[colon + 1..];
    let port = digits.parse::<u16>().ok().filter(|port| *port != 0 && port.to_string() == digits);
    Ok((&authority[..colon], Some(port.ok_or("its port is not a number from 1 to 65535")?)))
}

/// Brings a host into the form that browsers send. `host` is in lower case.
fn canonical_host(host: &str) -> Result<String, &'static str> {
    if let Some(address) = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        let address: Ipv6Addr = address.parse().map_err(|_| "what is in brackets is not an IPv6 address")?;
        return Ok(format!("[{address}]"));
    }
    if host.is_empty() {
        return Err("it has no host name");
    }
    if host.ends_with('.') {
        return Err("its host name ends with a dot");
    }
    // Browsers treat a name that ends with a number as an IPv4 address.
    let last = host.rsplit('.').next().unwrap_or_default();
    if last.bytes().all(|byte| byte.is_ascii_digit()) && host.parse::<Ipv4Addr>().is_err() {
        return Err("its host name is not an IPv4 address, but ends with a number");
    }
    if !host.is_ascii() {
        return Err("its host name has letters beyond ASCII; write it as browsers send it, in Punycode (xn--…)");
    }
    if !is_domain(host) {
        return Err("its host name has a character that names do not have");
    }
    Ok(host.to_owned())
}

/// Returns whether this is a domain name in lower case. Underscores are not valid in host names, but browsers open
/// such addresses.
fn is_domain(host: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'_';
    let label = |label: &str| (1..=LABEL_BYTES_MAX).contains(&label.len()) && label.bytes().all(allowed);
    host.len() <= HOST_BYTES_MAX && host.split('.').all(label)
}

fn is_subdomain(origin: &str, domain: &str, port: Option<u16>) -> bool {
    let Some(authority) = origin.strip_prefix("https://") else { return false };
    let host = match port {
        None => authority,
        Some(port) => match authority.strip_suffix(&format!(":{port}")) {
            Some(host) => host,
            None => return false,
        },
    };
    // `is_domain` refuses colons, so another port is never taken for a part of the name.
    host.strip_suffix(domain).and_then(|host| host.strip_suffix('.')).is_some_and(is_domain) && is_domain(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origins(entries: &[&str]) -> Origins {
        Origins::parse(entries).unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn an_exact_origin_allows_only_itself() {
        let allowed = origins(&["https://app.example.com"]);
        assert!(allowed.allows("https://app.example.com"));
        for almost in [
            "",
            "null",
            "http://app.example.com",
            "https://app.example.com:443",
            "https://app.example.com:8443",
            "https://app.example.com.",
            "https://app.example.com/",
            "https://APP.example.com",
            "HTTPS://app.example.com",
            "https://app.example.com.evil.com",
            "https://app.example.comevil.com",
            "https://evilapp.example.com",
            "https://x.app.example.com",
            "https://example.com",
            "https://user@app.example.com",
            "https://app.example.com@evil.com",
            "https://app.example.com, https://evil.com",
            "https://app.example.com ",
            " https://app.example.com",
            "app.example.com",
        ] {
            assert!(!allowed.allows(almost), "{almost:?}");
        }
    }

    #[test]
    fn subdomains_are_allowed_at_any_depth_but_not_the_domain_itself() {
        let allowed = origins(&["https://*.example.com"]);
        for good in ["https://a.example.com", "https://b.a.example.com", "https://a-1.example.com"] {
            assert!(allowed.allows(good), "{good}");
        }
        for bad in [
            "https://example.com",
            "https://.example.com",
            "https://a..example.com",
            "https://evilexample.com",
            "https://a.example.com.evil.com",
            "https://a.example.com:8443",
            "https://a.example.com:443",
            "http://a.example.com",
            "https://a.example.com.",
            "https://A.example.com",
            "https://evil.com/.example.com",
            "https://evil.com?.example.com",
            "https://evil.com#.example.com",
            "https://evil.com\\.example.com",
            "https://user@a.example.com",
            "https://evil.com:80.example.com",
            "https://*.example.com",
            "null",
        ] {
            assert!(!allowed.allows(bad), "{bad}");
        }
    }

    #[test]
    fn a_port_belongs_to_the_origin() {
        let allowed = origins(&["https://*.example.com:8443", "http://localhost:3000"]);
        assert!(allowed.allows("https://a.example.com:8443"));
        assert!(allowed.allows("http://localhost:3000"));
        for bad in [
            "https://a.example.com",
            "https://a.example.com:18443",
            "https://a.example.com:84430",
            "https://a.example.com:443:8443",
            "https://:8443",
            "http://localhost",
            "http://localhost:3001",
            "http://localhost:30000",
            "https://localhost:3000",
            "http://127.0.0.1:3000",
        ] {
            assert!(!allowed.allows(bad), "{bad}");
        }
    }

    #[test]
    fn entries_are_converted_to_the_form_that_browsers_send() {
        for (entry, sent) in [
            ("HTTPS://App.Example.COM:443", "https://app.example.com"),
            ("http://localhost:80", "http://localhost"),
            ("https://localhost:80", "https://localhost:80"),
            ("https://[2001:DB8:0:0::1]:8443", "https://[2001:db8::1]:8443"),
            ("https://192.0.2.7:8443", "https://192.0.2.7:8443"),
            ("https://xn--bcher-kva.example", "https://xn--bcher-kva.example"),
        ] {
            assert!(origins(&[entry]).allows(sent), "{entry}");
        }
    }

    #[test]
    fn only_a_star_alone_allows_every_origin() {
        let any = origins(&["*"]);
        assert!(any.allows_any() && any.allows("https://anything.example:1") && any.allows("null"));
        assert!(!origins(&["https://*.example.com"]).allows_any());
        assert!(!Origins::default().allows("https://app.example.com"));
    }

    #[test]
    fn errors_say_what_is_wrong_with_an_entry() {
        for (entry, problem) in [
            ("", "does not begin with"),
            ("app.example.com", "does not begin with"),
            ("ftp://app.example.com", "does not begin with"),
            ("//app.example.com", "does not begin with"),
            ("https://app.example.com/", "no path"),
            ("https://app.example.com/page", "no path"),
            ("https://app.example.com?x", "no path"),
            ("https://user@app.example.com", "no user"),
            ("https://app.example.com.", "ends with a dot"),
            ("https://", "no host name"),
            ("https://:8443", "no host name"),
            ("https://app.example.com:", "port"),
            ("https://app.example.com:0", "port"),
            ("https://app.example.com:65536", "port"),
            ("https://app.example.com:08443", "port"),
            ("https://app.example.com:*", "port"),
            ("https://app example.com", "character"),
            ("https://app..example.com", "character"),
            ("https://bücher.example", "Punycode"),
            ("https://1.2.3", "IPv4"),
            ("https://[::1", "port"),
            ("https://[nonsense]", "IPv6"),
            ("https://*", "stands alone"),
            ("https://a.*.example.com", "stands alone"),
            ("https://*example.com", "stands alone"),
            ("https://*.com", "at least two"),
            ("https://*.192.0.2.7", "at least two"),
            ("http://*.example.com", "https only"),
            ("null", "local files"),
            ("*.example.com", "does not begin with"),
            (" *", "does not begin with"),
        ] {
            let error = Origins::parse([entry]).expect_err(entry).to_string();
            assert!(error.contains(problem) && error.contains("accepted are"), "{entry:?}: {error}");
        }
        let many = (0..=ORIGINS_MAX).map(|port| format!("https://a.example:{}", port + 1));
        assert_eq!(Origins::parse(many), Err(InvalidOrigins::TooMany { found: ORIGINS_MAX + 1 }));
    }

    #[test]
    fn origins_are_serialised_as_a_list_of_strings() {
        let list = r#"["*","http://localhost:3000","https://*.example.com"]"#;
        let read: Origins = serde_json::from_str(list).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), list);
        let error = serde_json::from_str::<Origins>(r#"["https://a.example/"]"#).unwrap_err().to_string();
        assert!(error.contains("no path"), "{error}");
        let both = origins(&["https://a.example"]).and(&origins(&["https://a.example", "https://b.example"]));
        assert_eq!(both, origins(&["https://b.example", "https://a.example"]));
    }

    /// Tries every origin that differs from an allowed one by one replaced, inserted or removed character.
    #[test]
    fn no_origin_one_character_away_is_allowed() {
        let alphabet = "abcxyz0189.-_:/@*#?[]\\ \u{e9}AHPS";
        let allowed = origins(&["https://app.example.com:8443", "http://[::1]:3000"]);
        for exact in ["https://app.example.com:8443", "http://[::1]:3000"] {
            for at in 0..=exact.len() {
                let (before, after) = exact.split_at(at);
                let mut rest = after.chars();
                let removed = rest.next().is_some().then(|| format!("{before}{}", rest.as_str()));
                let changed = alphabet.chars().flat_map(|letter| {
                    let inserted = format!("{before}{letter}{after}");
                    let replaced = format!("{before}{letter}{}", rest.as_str());
                    [inserted, replaced]
                });
                for almost in changed.chain(removed).filter(|almost| almost != exact) {
                    assert!(!allowed.allows(&almost), "{almost:?}");
                }
            }
        }
    }
}

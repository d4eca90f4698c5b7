//! One entry of a list of origins.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

const ANY: &str = "*";
const HOST_BYTES_MAX: usize = 253;
const LABEL_BYTES_MAX: usize = 63;

/// One entry of the list, in the form that browsers send.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Pattern {
    /// Every origin.
    Any,
    /// Exactly this origin.
    Exact(String),
    /// `https://` followed by a subdomain of `domain`.
    Subdomains {
        domain: String,
        /// `None` is the default port.
        port: Option<u16>,
    },
}

impl Pattern {
    /// Parses an entry; the error says what is wrong with it.
    pub(super) fn parse(entry: &str) -> Result<Self, &'static str> {
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

    pub(super) fn allows(&self, origin: &str) -> bool {
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

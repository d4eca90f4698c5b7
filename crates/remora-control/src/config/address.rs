//! Checks of URLs and host names.

use std::net::IpAddr;

use http::Uri;

use crate::machine::is_loopback;

/// Returns whether keys may be fetched from this URL. Otherwise others could replace them on the way and forge tokens.
pub(crate) fn is_safe_address(address: &str) -> bool {
    let encrypted = web_address(address).is_some_and(|uri| uri.scheme_str() == Some("https"));
    !address.contains(['#', '@']) && (encrypted || is_loopback_address(address))
}

/// Returns whether the URL is on this machine, with any scheme.
pub(crate) fn is_loopback_address(address: &str) -> bool {
    web_address(address).is_some_and(|uri| uri.host().is_some_and(is_loopback))
}

/// Parses an http or https URL with a host.
pub(super) fn web_address(address: &str) -> Option<Uri> {
    let uri: Uri = address.parse().ok()?;
    let web = matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some_and(|host| !host.is_empty());
    web.then_some(uri)
}

/// Returns whether this names a machine: a DNS name, or an IP address without brackets.
pub fn is_host_name(name: &str) -> bool {
    let label = |label: &str| {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        (1..=63).contains(&label.len()) && label.bytes().all(allowed)
    };
    name.parse::<IpAddr>().is_ok() || (name.len() <= 253 && name.split('.').all(label))
}

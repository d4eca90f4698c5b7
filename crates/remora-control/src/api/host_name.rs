//! The name under which an answer tells where a session's render host is.
//!
//! Render hosts are on this machine, which may be known by several names, and not every name is known everywhere. A
//! client that has reached the service by one of them reaches the host by the same name. Where the operator has named
//! the machine, that name is the answer to everybody: a server may ask for sessions on behalf of browsers elsewhere.

use std::sync::Arc;

use http::uri::Authority;
use http::{HeaderMap, header};

/// The names that a listener answers with.
#[derive(Clone, Debug)]
pub struct HostNames {
    /// The name that hosts on this machine report.
    reported: Arc<str>,
    /// Names that stand in for it if a request came by them; lower case.
    others: Arc<[String]>,
}

impl HostNames {
    pub fn new(reported: &str, others: impl IntoIterator<Item = String>) -> Self {
        let others = others.into_iter().map(|name| name.to_ascii_lowercase()).collect();
        Self { reported: reported.into(), others }
    }

    /// Returns how this client reaches hosts on this machine, unless by the name that they report.
    pub fn asked(&self, headers: &HeaderMap) -> HostName {
        let authority = headers.get(header::HOST).and_then(|host| host.to_str().ok()?.parse::<Authority>().ok());
        let asked = authority.map(|authority| authority.host().to_ascii_lowercase());
        HostName(asked.filter(|name| self.others.contains(name)).map(|name| (self.reported.clone(), name)))
    }
}

/// How one client reaches hosts.
#[derive(Clone, Debug)]
pub struct HostName(Option<(Arc<str>, String)>);

impl HostName {
    /// Returns the name to answer for a host that has reported `hostname`.
    pub fn of(&self, hostname: String) -> String {
        match &self.0 {
            Some((reported, asked)) if hostname == **reported => asked.clone(),
            _ => hostname,
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn answered(names: &HostNames, host: &'static str, reported: &str) -> String {
        let headers = HeaderMap::from_iter([(header::HOST, HeaderValue::from_static(host))]);
        names.asked(&headers).of(reported.to_owned())
    }

    #[test]
    fn a_host_is_told_by_the_name_that_the_client_has_used_if_it_is_one_of_this_machine() {
        let others = ["192.0.2.7", "[2001:db8::1]", "Workstation"].map(str::to_owned);
        let names = HostNames::new("workstation.example", others);
        for (host, expected) in [
            ("192.0.2.7:8443", "192.0.2.7"),
            ("192.0.2.7", "192.0.2.7"),
            ("[2001:db8::1]:8443", "[2001:db8::1]"),
            ("WORKSTATION:8443", "workstation"),
            ("evil.example:8443", "workstation.example"),
            ("192.0.2.7.evil.example", "workstation.example"),
            ("user@192.0.2.8", "workstation.example"),
            ("", "workstation.example"),
        ] {
            assert_eq!(answered(&names, host, "workstation.example"), expected, "{host}");
        }
        assert_eq!(answered(&names, "192.0.2.7", "another-machine"), "another-machine");
        assert_eq!(names.asked(&HeaderMap::new()).of("workstation.example".into()), "workstation.example");
    }
}

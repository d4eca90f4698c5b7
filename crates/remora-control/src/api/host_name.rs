//! The host name in responses that tell a client where a session's render host is.
//!
//! Render hosts run on this machine, which may have several names, and a client may not be able to resolve all of them.
//! A client that has reached the service by one of the names is therefore given the same name for the host. If the
//! operator has named the machine, every client is given that name, because a server may create sessions for browsers
//! elsewhere.

use std::sync::Arc;

use http::uri::Authority;
use http::{HeaderMap, header};

/// The names of this machine on one listener.
#[derive(Clone, Debug)]
pub(crate) struct HostNames {
    /// The name that hosts on this machine report.
    reported: Arc<str>,
    /// Alternative names, in lower case, given to clients whose request used them.
    others: Arc<[String]>,
}

impl HostNames {
    /// Makes the names from the one that hosts report and its alternatives.
    pub(crate) fn new(reported: &str, others: impl IntoIterator<Item = String>) -> Self {
        let others = others.into_iter().map(|name| name.to_ascii_lowercase()).collect();
        Self { reported: reported.into(), others }
    }

    /// Returns the name for the client of a request.
    pub(crate) fn asked(&self, headers: &HeaderMap) -> HostName {
        let authority = headers.get(header::HOST).and_then(|host| host.to_str().ok()?.parse::<Authority>().ok());
        let asked = authority.map(|authority| authority.host().to_ascii_lowercase());
        HostName(asked.filter(|name| self.others.contains(name)).map(|name| (self.reported.clone(), name)))
    }
}

/// The host name for one client: `None` is the reported one.
#[derive(Clone, Debug)]
pub(crate) struct HostName(Option<(Arc<str>, String)>);

impl HostName {
    /// Returns the name to tell the client for a host that has reported `hostname`.
    pub(crate) fn of(&self, hostname: String) -> String {
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
    fn a_client_is_told_the_name_of_this_machine_that_it_has_used() {
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

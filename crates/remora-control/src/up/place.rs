//! Under which names this installation is reached.

use std::net::{IpAddr, SocketAddr};

pub(super) struct Place {
    /// `https://localhost:8443`, what clients are told.
    pub endpoint: String,
    /// Where render hosts, which are on this machine, report to.
    pub control_url: String,
    /// Of this machine, for clients of render hosts.
    pub hostname: String,
    /// Where render hosts listen: they are for whom the API is for.
    pub listen_address: IpAddr,
    /// What the server's certificate is for.
    pub names: Vec<String>,
}

impl Place {
    /// `name` is the one under which others reach this machine, where the operator has said so.
    pub fn new(https: SocketAddr, name: Option<&str>) -> Self {
        let own_name = Some(rustix::system::uname().nodename().to_string_lossy().into_owned())
            .filter(|name| is_dns_name(name))
            .unwrap_or_else(|| "localhost".to_owned());
        let (local_name, hostname) = match https.ip() {
            address if address.is_unspecified() => ("localhost".to_owned(), own_name.clone()),
            IpAddr::V4(address) if address.is_loopback() => ("localhost".to_owned(), "localhost".to_owned()),
            address => (in_url(address), in_url(address)),
        };
        let control_url = format!("https://{local_name}:{}", https.port());
        let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned(), own_name];
        if !https.ip().is_unspecified() {
            names.push(https.ip().to_string());
        }
        names.extend(name.map(str::to_owned));
        names.sort();
        names.dedup();
        Self {
            endpoint: name.map_or_else(|| control_url.clone(), |name| format!("https://{name}:{}", https.port())),
            control_url,
            hostname: name.map_or(hostname, str::to_owned),
            listen_address: https.ip(),
            names,
        }
    }

    /// The endpoint without its scheme.
    pub fn account_domain(&self) -> String {
        self.endpoint.trim_start_matches("https://").to_owned()
    }
}

fn in_url(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    }
}

/// A machine may be called anything; certificates are for names that can be looked up.
fn is_dns_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.';
    !name.is_empty() && name.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(https: &str) -> Place {
        Place::new(https.parse().unwrap(), None)
    }

    #[test]
    fn others_hear_the_operators_name_and_hosts_do_not_depend_on_it() {
        let place = Place::new("0.0.0.0:8443".parse().unwrap(), Some("remora.example"));
        assert_eq!(place.endpoint, "https://remora.example:8443");
        assert_eq!(place.hostname, "remora.example");
        assert_eq!(place.control_url, "https://localhost:8443");
        assert!(place.names.contains(&"remora.example".to_owned()));
    }

    #[test]
    fn on_loopback_everything_is_localhost() {
        let place = place("127.0.0.1:8443");
        assert_eq!(place.endpoint, "https://localhost:8443");
        assert_eq!(place.account_domain(), "localhost:8443");
        assert_eq!(place.hostname, "localhost");
        for name in ["localhost", "127.0.0.1", "::1"] {
            assert!(place.names.iter().any(|other| other == name), "{name}");
        }
    }

    #[test]
    fn an_address_of_the_network_is_used_and_certified_as_it_is() {
        let place = place("192.0.2.7:443");
        assert_eq!((place.endpoint.as_str(), place.hostname.as_str()), ("https://192.0.2.7:443", "192.0.2.7"));
        assert_eq!(place.listen_address.to_string(), "192.0.2.7");
        assert!(place.names.contains(&"192.0.2.7".to_owned()));
        let place = super::tests::place("[2001:db8::1]:443");
        assert_eq!(place.hostname, "[2001:db8::1]");
        assert!(place.names.contains(&"2001:db8::1".to_owned()));
    }
}

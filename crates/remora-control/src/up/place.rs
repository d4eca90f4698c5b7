//! Under which names this installation is reached.

use std::net::{IpAddr, SocketAddr};

use crate::portal::guard::Guard;

pub(super) struct Place {
    /// `https://localhost:8443`
    pub endpoint: String,
    /// Of this machine, for clients of render hosts.
    pub hostname: String,
    /// Where render hosts listen: they are for whom the API is for.
    pub listen_address: IpAddr,
    /// What the server's certificate is for.
    pub names: Vec<String>,
    pub guard: Guard,
}

impl Place {
    pub fn new(https: SocketAddr, http: SocketAddr) -> Self {
        let own_name = Some(rustix::system::uname().nodename().to_string_lossy().into_owned())
            .filter(|name| is_dns_name(name))
            .unwrap_or_else(|| "localhost".to_owned());
        let (endpoint_name, hostname) = match https.ip() {
            address if address.is_unspecified() => ("localhost".to_owned(), own_name.clone()),
            IpAddr::V4(address) if address.is_loopback() => ("localhost".to_owned(), "localhost".to_owned()),
            address => (in_url(address), in_url(address)),
        };
        let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned(), own_name];
        if !https.ip().is_unspecified() {
            names.push(https.ip().to_string());
        }
        names.sort();
        names.dedup();
        Self {
            endpoint: format!("https://{endpoint_name}:{}", https.port()),
            hostname,
            listen_address: https.ip(),
            names,
            guard: Guard { port: http.port() },
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
        Place::new(https.parse().unwrap(), "127.0.0.1:8080".parse().unwrap())
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

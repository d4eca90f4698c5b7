//! Under which names this installation is reached.

use std::net::{IpAddr, SocketAddr};

use http::Uri;
use remora_protocol::origins::Origins;

use crate::machine::{Machine, in_url, is_loopback};

pub(super) struct Place {
    /// `https://localhost:8443`, what clients are told.
    pub endpoint: String,
    /// Where render hosts, which are on this machine, report to.
    pub control_url: String,
    /// Of this machine, for clients of render hosts.
    pub hostname: String,
    /// Where render hosts listen: they are for whom the API is for.
    pub listen_address: IpAddr,
    /// The names in certificates.
    pub names: Vec<String>,
    /// `https://192.0.2.7:8443`: what people on other machines open, the most promising first. None on loopback.
    pub addresses: Vec<String>,
    port: u16,
}

const DEFAULT_PORT: u16 = 443;

impl Place {
    /// `name` is the one under which others reach this machine, where the operator has said so.
    pub fn new(https: SocketAddr, name: Option<&str>, machine: &Machine) -> Self {
        let listen_address = https.ip();
        let own_name = machine.name.clone().unwrap_or_else(|| "localhost".to_owned());
        let (local_name, hostname) = match listen_address {
            address if address.is_unspecified() => ("localhost".to_owned(), own_name.clone()),
            IpAddr::V4(address) if address.is_loopback() => ("localhost".to_owned(), "localhost".to_owned()),
            address => [(); 2].map(|()| in_url(&address.to_string()).into_owned()).into(),
        };
        let listening: Vec<String> = match listen_address {
            address if address.is_loopback() => Vec::new(),
            // `::` takes IPv4 too.
            address if address.is_unspecified() => {
                let heard = machine.addresses.iter().filter(|own| address.is_ipv6() || own.is_ipv4());
                heard.map(IpAddr::to_string).collect()
            }
            address => vec![address.to_string()],
        };
        let given = name.map(str::to_ascii_lowercase);
        let mut addresses: Vec<&String> = given.iter().chain(&listening).collect();
        if listen_address.is_unspecified() && machine.name.is_some() {
            addresses.insert(1.min(addresses.len()), &own_name);
        }
        let mut addresses: Vec<String> = addresses.into_iter().map(|name| address(name, https.port())).collect();
        let mut seen = Vec::new();
        addresses.retain(|address| {
            !seen.contains(address) && {
                seen.push(address.clone());
                true
            }
        });

        let control_url = address(&local_name, https.port());
        let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned(), own_name];
        names.push(https.ip().to_string());
        names.extend(listening);
        names.extend(given.clone());
        names.retain(|name| !name.parse::<IpAddr>().is_ok_and(|address| address.is_unspecified()));
        names.sort();
        names.dedup();
        Self {
            endpoint: given.as_ref().map_or_else(|| control_url.clone(), |name| address(name, https.port())),
            control_url,
            hostname: given.map_or(hostname, |name| in_url(&name).into_owned()),
            listen_address,
            names,
            addresses,
            port: https.port(),
        }
    }

    /// The endpoint without its scheme.
    pub fn account_domain(&self) -> String {
        self.endpoint.trim_start_matches("https://").to_owned()
    }

    /// The origins of pages that this control plane serves over HTTPS, or one of its `peers`: hosts may be shared.
    pub fn origins(&self, peers: &[String]) -> Origins {
        let mut ports = vec![self.port];
        let mut elsewhere = Vec::new();
        for peer in peers {
            let Ok(uri) = peer.parse::<Uri>() else { continue };
            let Some(host) = uri.host() else { continue };
            if is_loopback(host) || self.names.iter().any(|name| in_url(name) == host) {
                ports.push(uri.port_u16().unwrap_or(DEFAULT_PORT));
            } else {
                elsewhere.push(peer.clone());
            }
        }
        let own = self.names.iter().flat_map(|name| ports.iter().map(|port| address(name, *port)));
        // A machine may have a name that no page can be opened by.
        Origins::parse(own.chain(elsewhere).filter(|origin| Origins::parse([origin]).is_ok())).unwrap_or_default()
    }
}

fn address(name: &str, port: u16) -> String {
    match port {
        DEFAULT_PORT => format!("https://{}", in_url(name)),
        port => format!("https://{}:{port}", in_url(name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine() -> Machine {
        let addresses = ["192.0.2.7", "172.17.0.1", "2001:db8::7"].map(|address| address.parse().unwrap());
        Machine { name: Some("workstation".into()), addresses: addresses.into() }
    }

    fn place(https: &str, name: Option<&str>) -> Place {
        Place::new(https.parse().unwrap(), name, &machine())
    }

    #[test]
    fn others_hear_the_operators_name_and_hosts_do_not_depend_on_it() {
        let place = place("0.0.0.0:8443", Some("remora.example"));
        assert_eq!(place.endpoint, "https://remora.example:8443");
        assert_eq!(place.hostname, "remora.example");
        assert_eq!(place.control_url, "https://localhost:8443");
        assert!(place.names.contains(&"remora.example".to_owned()));
        assert_eq!(place.addresses[0], "https://remora.example:8443");
    }

    #[test]
    fn on_loopback_everything_is_localhost() {
        let place = place("127.0.0.1:8443", None);
        assert_eq!(place.endpoint, "https://localhost:8443");
        assert_eq!(place.account_domain(), "localhost:8443");
        assert_eq!(place.hostname, "localhost");
        assert_eq!(place.addresses, [""; 0]);
        for name in ["localhost", "127.0.0.1", "::1"] {
            assert!(place.names.iter().any(|other| other == name), "{name}");
        }
    }

    #[test]
    fn an_address_of_the_network_is_used_and_certified_as_it_is() {
        let place = place("192.0.2.7:443", None);
        assert_eq!((place.endpoint.as_str(), place.hostname.as_str()), ("https://192.0.2.7", "192.0.2.7"));
        assert_eq!(place.listen_address.to_string(), "192.0.2.7");
        assert!(place.names.contains(&"192.0.2.7".to_owned()));
        assert_eq!(place.addresses, ["https://192.0.2.7"]);
        let place = super::tests::place("[2001:db8::1]:443", None);
        assert_eq!(place.hostname, "[2001:db8::1]");
        assert!(place.names.contains(&"2001:db8::1".to_owned()));
    }

    #[test]
    fn every_address_of_the_machine_is_certified_and_offered_where_all_are_listened_to() {
        let place = place("[::]:8443", None);
        let offered = ["192.0.2.7", "workstation", "172.17.0.1", "[2001:db8::7]"];
        assert_eq!(place.addresses, offered.map(|name| format!("https://{name}:8443")));
        for name in ["192.0.2.7", "172.17.0.1", "2001:db8::7", "workstation", "localhost"] {
            assert!(place.names.iter().any(|other| other == name), "{name}");
        }
        assert_eq!(place.endpoint, "https://localhost:8443");
        let place = super::tests::place("0.0.0.0:8443", None);
        assert!(!place.names.contains(&"2001:db8::7".to_owned()) && !place.names.contains(&"0.0.0.0".to_owned()));
    }

    #[test]
    fn pages_of_every_name_and_of_peers_are_the_services_own() {
        let peers = ["https://localhost:8444", "https://other.example"].map(str::to_owned);
        let origins = place("[::]:8443", Some("remora.example")).origins(&peers);
        for own in [
            "https://localhost:8443",
            "https://[::1]:8443",
            "https://192.0.2.7:8443",
            "https://[2001:db8::7]:8443",
            "https://remora.example:8443",
            "https://remora.example:8444",
            "https://other.example",
        ] {
            assert!(origins.allows(own), "{own}");
        }
        for other in
            ["https://localhost", "http://localhost:8443", "https://other.example:8443", "https://evil.example:8443"]
        {
            assert!(!origins.allows(other), "{other}");
        }
    }
}

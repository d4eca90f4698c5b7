//! The names and addresses under which this installation is reached.

use std::net::{IpAddr, SocketAddr};

use http::Uri;
use remora_protocol::origins::Origins;

use crate::machine::{Machine, in_url, is_loopback};

/// Names and addresses of the service and of this machine.
pub(super) struct NetworkNames {
    /// Base URL for clients, such as `https://localhost:8443`.
    pub endpoint: String,
    /// Base URL for the reports of render hosts on this machine.
    pub control_url: String,
    /// Name or address of this machine for clients of render hosts.
    pub hostname: String,
    /// Address on which render hosts listen: that of the API, because they serve the same clients.
    pub listen_address: IpAddr,
    /// The names in certificates.
    pub names: Vec<String>,
    /// URLs for people on other machines, such as `https://192.0.2.7:8443`, the most likely one first. Empty on
    /// loopback.
    pub addresses: Vec<String>,
    port: u16,
}

const DEFAULT_PORT: u16 = 443;

impl NetworkNames {
    /// Derives the names from the address of the listener. `name` is the operator's name for this machine.
    pub(crate) fn new(https: SocketAddr, name: Option<&str>, machine: &Machine) -> Self {
        let listen_address = https.ip();
        let own_name = machine.name.clone().unwrap_or_else(|| "localhost".to_owned());
        let (local_name, hostname) = match listen_address {
            address if address.is_unspecified() => ("localhost".to_owned(), own_name.clone()),
            IpAddr::V4(address) if address.is_loopback() => ("localhost".to_owned(), "localhost".to_owned()),
            address => [(); 2].map(|()| in_url(&address.to_string()).into_owned()).into(),
        };
        let listening: Vec<String> = match listen_address {
            address if address.is_loopback() => Vec::new(),
            // A listener on `::` accepts IPv4 too.
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

    /// Returns the endpoint without its scheme.
    pub(crate) fn account_domain(&self) -> String {
        self.endpoint.trim_start_matches("https://").to_owned()
    }

    /// Returns the origins of pages that this control plane or one of its `peers` serves over HTTPS. The peers count
    /// because control planes may share hosts.
    pub(crate) fn origins(&self, peers: &[String]) -> Origins {
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
        // The name of a machine may be invalid in a URL.
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

    fn network(https: &str, name: Option<&str>) -> NetworkNames {
        NetworkNames::new(https.parse().unwrap(), name, &machine())
    }

    #[test]
    fn others_hear_the_operators_name_and_hosts_do_not_depend_on_it() {
        let network = network("0.0.0.0:8443", Some("remora.example"));
        assert_eq!(network.endpoint, "https://remora.example:8443");
        assert_eq!(network.hostname, "remora.example");
        assert_eq!(network.control_url, "https://localhost:8443");
        assert!(network.names.contains(&"remora.example".to_owned()));
        assert_eq!(network.addresses[0], "https://remora.example:8443");
    }

    #[test]
    fn on_loopback_everything_is_localhost() {
        let network = network("127.0.0.1:8443", None);
        assert_eq!(network.endpoint, "https://localhost:8443");
        assert_eq!(network.account_domain(), "localhost:8443");
        assert_eq!(network.hostname, "localhost");
        assert_eq!(network.addresses, [""; 0]);
        for name in ["localhost", "127.0.0.1", "::1"] {
            assert!(network.names.iter().any(|other| other == name), "{name}");
        }
    }

    #[test]
    fn an_address_of_the_network_is_used_and_certified_as_it_is() {
        let network = network("192.0.2.7:443", None);
        assert_eq!((network.endpoint.as_str(), network.hostname.as_str()), ("https://192.0.2.7", "192.0.2.7"));
        assert_eq!(network.listen_address.to_string(), "192.0.2.7");
        assert!(network.names.contains(&"192.0.2.7".to_owned()));
        assert_eq!(network.addresses, ["https://192.0.2.7"]);
        let network = super::tests::network("[2001:db8::1]:443", None);
        assert_eq!(network.hostname, "[2001:db8::1]");
        assert!(network.names.contains(&"2001:db8::1".to_owned()));
    }

    #[test]
    fn every_address_of_the_machine_is_certified_and_offered_where_all_are_listened_to() {
        let network = network("[::]:8443", None);
        let offered = ["192.0.2.7", "workstation", "172.17.0.1", "[2001:db8::7]"];
        assert_eq!(network.addresses, offered.map(|name| format!("https://{name}:8443")));
        for name in ["192.0.2.7", "172.17.0.1", "2001:db8::7", "workstation", "localhost"] {
            assert!(network.names.iter().any(|other| other == name), "{name}");
        }
        assert_eq!(network.endpoint, "https://localhost:8443");
        let network = super::tests::network("0.0.0.0:8443", None);
        assert!(!network.names.contains(&"2001:db8::7".to_owned()) && !network.names.contains(&"0.0.0.0".to_owned()));
    }

    #[test]
    fn pages_of_every_name_and_of_peers_are_the_services_own() {
        let peers = ["https://localhost:8444", "https://other.example"].map(str::to_owned);
        let origins = network("[::]:8443", Some("remora.example")).origins(&peers);
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

//! Decides which hosts a model may be fetched from, so that no client reaches into the network of this machine.
//!
//! ```text
//!   model address ─┐                                   ┌─ offered by the operator ──▶ every address of the host
//!                  ├─▶ name lookup ─▶ addresses ─▶ which ├─ name in allowed_hosts ────▶ every address
//!   redirects ─────┘                                   ├─ address in allowed_hosts ─▶ this address
//!                                                      └─ anything else ────────────▶ public addresses
//! ```
//!
//! The connection is made to the resolved addresses, without a second lookup. Proxies from the environment are not
//! used, because a proxy would look up the name itself.

use std::{net::IpAddr, sync::LazyLock};

use http::Uri;
use remora_protocol::{hosts::Network, link::RemoteModels};
use remora_stream::local_addresses;
use ureq::{
    Error,
    config::Config,
    unversioned::{
        resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver},
        transport::NextTimeout,
    },
};

/// Resolves names to the addresses that a model may be fetched from. Returns [`Error::HostNotFound`] both for unknown
/// names and for names with other addresses only, so that clients learn nothing about names of the operator's network.
#[derive(Debug)]
pub(super) struct Destinations<R = DefaultResolver> {
    names: R,
    remote: RemoteModels,
    /// The address of the model, if the operator offers it.
    offered: Option<Uri>,
    /// This machine's own addresses, which do not count as public.
    own: Vec<IpAddr>,
}

impl Destinations {
    /// Returns the destinations for one model.
    pub(super) fn of_model(uri: &str, remote: &RemoteModels) -> Self {
        let offered = remote.offered.iter().find(|offered| *offered == uri).and_then(|uri| uri.parse().ok());
        Self { names: DefaultResolver::default(), remote: remote.clone(), offered, own: local_addresses() }
    }
}

impl<R> Destinations<R> {
    fn opens_name(&self, uri: &Uri) -> bool {
        let is_offered = self.offered.as_ref().is_some_and(|offered| endpoint(offered) == endpoint(uri));
        is_offered || uri.host().is_some_and(|host| self.remote.allowed_hosts.allows_name(host))
    }

    fn opens_address(&self, address: IpAddr) -> bool {
        let is_foreign = is_public(address) && !self.own.contains(&address.to_canonical());
        is_foreign || self.remote.allowed_hosts.allows_address(address)
    }
}

impl<R: Resolver> Resolver for Destinations<R> {
    fn resolve(&self, uri: &Uri, config: &Config, timeout: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        let found = match self.names.resolve(uri, config, timeout) {
            Ok(found) => found,
            Err(error @ Error::Timeout(_)) => return Err(error),
            Err(_) => return Err(Error::HostNotFound),
        };
        if self.opens_name(uri) {
            return Ok(found);
        }
        let mut open = self.empty();
        for &address in found.iter().filter(|address| self.opens_address(address.ip())) {
            open.push(address);
        }
        if open.is_empty() { Err(Error::HostNotFound) } else { Ok(open) }
    }
}

/// Returns scheme, host and port.
fn endpoint(uri: &Uri) -> (Option<&str>, Option<String>, Option<u16>) {
    (uri.scheme_str(), uri.host().map(str::to_ascii_lowercase), uri.port_u16())
}

/// Returns whether an address is globally reachable.
fn is_public(address: IpAddr) -> bool {
    let address = address.to_canonical();
    match address {
        IpAddr::V4(_) => !is_in(&NOT_PUBLIC_V4, address),
        IpAddr::V6(behind) if is_in(&NAT64, address) => {
            let [.., a, b, c, d] = behind.octets();
            is_public(IpAddr::from([a, b, c, d]))
        }
        IpAddr::V6(_) => is_in(&GLOBAL_V6, address) && !is_in(&NOT_PUBLIC_V6, address),
    }
}

fn is_in(networks: &LazyLock<Vec<Network>>, address: IpAddr) -> bool {
    networks.iter().any(|network| network.contains(address))
}

/// Multicast, reserved networks, and those that the IANA IPv4 Special-Purpose Address Registry calls not globally
/// reachable.
static NOT_PUBLIC_V4: LazyLock<Vec<Network>> = LazyLock::new(|| {
    networks(&[
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/3",
        // Azure's own services answer every virtual machine there, whatever its network.
        "168.63.129.16/32",
    ])
});

/// The only IPv6 addresses that are allocated for global unicast.
static GLOBAL_V6: LazyLock<Vec<Network>> = LazyLock::new(|| networks(&["2000::/3"]));

/// Global unicast networks that are not reachable, or that lead to an IPv4 address through a relay: protocol
/// assignments (Teredo, ORCHID, benchmarking), documentation, 6to4.
static NOT_PUBLIC_V6: LazyLock<Vec<Network>> =
    LazyLock::new(|| networks(&["2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"]));

/// The well-known prefix of NAT64 (RFC 6052), through which a network without IPv4 reaches every IPv4 address.
static NAT64: LazyLock<Vec<Network>> = LazyLock::new(|| networks(&["64:ff9b::/96"]));

fn networks(list: &[&str]) -> Vec<Network> {
    list.iter().map(|network| network.parse().expect("the networks above are well formed")).collect()
}

#[cfg(test)]
mod tests {
    use remora_protocol::hosts::AllowedHosts;
    use ureq::{Agent, Timeout, unversioned::transport::time::Duration::NotHappening};

    use super::*;

    /// A resolver that knows one name with these addresses.
    #[derive(Debug)]
    struct Names(Vec<IpAddr>);

    impl Resolver for Names {
        fn resolve(&self, uri: &Uri, _: &Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
            if uri.host() != Some("models.example.com") {
                return Err(Error::Io(std::io::Error::other("no such name in corp.example")));
            }
            let mut found = self.empty();
            self.0.iter().for_each(|&address| found.push((address, uri.port_u16().unwrap_or(80)).into()));
            Ok(found)
        }
    }

    fn resolved(addresses: &[&str], remote: RemoteModels, uri: &str) -> Result<Vec<String>, String> {
        let names = Names(addresses.iter().map(|address| address.parse().expect("an address")).collect());
        let offered = remote.offered.first().map(|uri| uri.parse().expect("an address"));
        let own = vec!["8.8.4.4".parse().expect("an address")];
        let destinations = Destinations { names, remote, offered, own };
        let timeout = NextTimeout { after: NotHappening, reason: Timeout::Global, ..NextTimeout::default() };
        let config = Agent::new_with_defaults();
        let open = destinations.resolve(&uri.parse().expect("an address"), config.config(), timeout);
        open.map(|open| open.iter().map(|address| address.ip().to_string()).collect())
            .map_err(|error| error.to_string())
    }

    const URI: &str = "http://models.example.com/a.glb";

    #[test]
    fn only_the_public_addresses_of_a_name_are_used() {
        let mixed = ["127.0.0.1", "8.8.8.8", "8.8.4.4", "::ffff:8.8.4.4", "10.0.0.1", "2a00::1", "::1"];
        assert_eq!(resolved(&mixed, RemoteModels::default(), URI), Ok(vec!["8.8.8.8".into(), "2a00::1".into()]));
    }

    #[test]
    fn a_name_without_a_public_address_is_refused_like_one_that_is_unknown() {
        let inside = resolved(&["10.0.0.1"], RemoteModels::default(), URI);
        assert!(inside.is_err());
        assert_eq!(inside, resolved(&[], RemoteModels::default(), "http://unknown.example/a.glb"));
    }

    #[test]
    fn the_operator_allows_names_networks_and_offered_models() {
        let allowed = |host: &str| RemoteModels {
            allowed_hosts: AllowedHosts::from_iter([host.parse().expect("a host")]),
            ..RemoteModels::default()
        };
        let offered = |uri: &str| RemoteModels { offered: vec![uri.into()], ..RemoteModels::default() };
        let both = ["10.0.0.1", "127.0.0.1"];
        let open = |remote| resolved(&both, remote, URI).unwrap_or_default().len();
        assert_eq!(open(allowed("models.example.com")), 2);
        assert_eq!(open(allowed("*.example.com")), 2);
        assert_eq!(open(allowed("10.0.0.0/8")), 1);
        assert_eq!(open(allowed("other.example.com")), 0);
        assert_eq!(open(offered(URI)), 2);
        assert_eq!(open(offered("http://models.example.com:81/a.glb")), 0, "another port");
        assert_eq!(open(offered("https://models.example.com/a.glb")), 0, "another scheme");
    }

    #[test]
    fn public_and_private_addresses_are_distinguished() {
        let public = [
            "1.1.1.1",
            "100.63.255.255",
            "100.128.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "223.255.255.255",
            "2a00:1450::1",
            "2001:4860:4860::8888",
            "::ffff:1.1.1.1",
            "64:ff9b::1.1.1.1",
        ];
        let inside = [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.100.100.200",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.192",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.0.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "168.63.129.16",
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::169.254.169.254",
            "64:ff9b:1::1.1.1.1",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::1",
            "2002:101:101::1",
            "3fff::1",
            "5f00::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ];
        for (addresses, expected) in [(&public[..], true), (&inside[..], false)] {
            for address in addresses {
                assert_eq!(is_public(address.parse().expect("an address")), expected, "{address}");
            }
        }
    }
}

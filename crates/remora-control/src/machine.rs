//! The names and addresses of this machine.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};

/// Limit of the number of addresses. Machines with containers have one for each bridge.
const ADDRESSES_MAX: usize = 32;
/// An address of a documentation network. Nothing is sent to it; it serves to look up the outgoing interface.
const ELSEWHERE: (Ipv4Addr, u16) = (Ipv4Addr::new(192, 0, 2, 1), 9);

/// Name and addresses of this machine in its network.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Machine {
    /// Host name; `None` if it is not a DNS name.
    pub name: Option<String>,
    /// Addresses that other machines can reach, the most widely reachable first.
    pub addresses: Vec<IpAddr>,
}

impl Machine {
    /// Asks the operating system for name and addresses.
    pub fn own() -> Self {
        let name = rustix::system::uname().nodename().to_string_lossy().to_ascii_lowercase();
        let interfaces = if_addrs::get_if_addrs().unwrap_or_else(|error| {
            tracing::warn!(%error, "cannot read the addresses of this machine");
            Vec::new()
        });
        let found = interfaces.into_iter().map(|interface| interface.ip());
        Self { name: Some(name).filter(|name| is_dns_name(name)), addresses: reachable(found, outbound()) }
    }
}

/// Returns the source address of packets to other networks.
fn outbound() -> Option<IpAddr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    socket.connect(ELSEWHERE).ok()?;
    Some(socket.local_addr().ok()?.ip())
}

fn reachable(found: impl Iterator<Item = IpAddr>, outbound: Option<IpAddr>) -> Vec<IpAddr> {
    let mut addresses: Vec<IpAddr> = found.filter(can_be_reached).collect();
    addresses.sort_by_key(|address| (Some(*address) != outbound, address.is_ipv6()));
    addresses.dedup();
    addresses.truncate(ADDRESSES_MAX);
    addresses
}

/// Returns whether other machines can use the address. Link-local IPv6 addresses need the name of an interface, which
/// URLs in browsers cannot have.
fn can_be_reached(address: &IpAddr) -> bool {
    let is_link_local = matches!(address, IpAddr::V6(address) if address.is_unicast_link_local());
    !address.is_loopback() && !address.is_unspecified() && !is_link_local
}

/// Returns whether a host name is a DNS name. Host names can be anything, but certificates need DNS names.
fn is_dns_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.';
    !name.is_empty() && name.bytes().all(allowed)
}

/// Returns a name or address in the form of a URL, with IPv6 addresses in brackets.
pub(crate) fn in_url(name: &str) -> Cow<'_, str> {
    match name.parse::<Ipv6Addr>() {
        Ok(address) => format!("[{address}]").into(),
        Err(_) => name.into(),
    }
}

/// Returns whether a name, or an address with or without brackets, always means the machine itself.
pub(crate) fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare.eq_ignore_ascii_case("localhost") || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_outgoing_address_comes_first_and_unreachable_ones_are_left_out() {
        let found = ["127.0.0.1", "::1", "172.17.0.1", "fe80::1", "2001:db8::7", "192.0.2.7"];
        let found = found.map(|address| address.parse().unwrap());
        let addresses = reachable(found.into_iter(), Some("192.0.2.7".parse().unwrap()));
        let shown: Vec<String> = addresses.iter().map(IpAddr::to_string).collect();
        assert_eq!(shown, ["192.0.2.7", "172.17.0.1", "2001:db8::7"]);
        let many = (0..200).map(|last| IpAddr::from([10, 0, 0, last]));
        assert_eq!(reachable(many, None).len(), ADDRESSES_MAX);
    }

    #[test]
    fn only_ipv6_addresses_have_brackets() {
        assert_eq!(in_url("2001:db8:0::1"), "[2001:db8::1]");
        assert_eq!(in_url("192.0.2.7"), "192.0.2.7");
        assert_eq!(in_url("workstation"), "workstation");
    }
}

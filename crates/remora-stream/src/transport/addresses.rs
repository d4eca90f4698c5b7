//! The addresses of this machine.

use std::net::IpAddr;

/// Returns every address of this machine that another machine, or a browser on this one, can send to: loopback
/// included, link-local excluded.
pub fn local_addresses() -> Vec<IpAddr> {
    let interfaces = if_addrs::get_if_addrs().unwrap_or_else(|error| {
        tracing::warn!(%error, "the network interfaces are unknown; only loopback is used");
        Vec::new()
    });
    let mut addresses: Vec<IpAddr> = interfaces
        .iter()
        .filter(|interface| interface.is_oper_up() && !interface.is_link_local())
        .map(if_addrs::Interface::ip)
        .collect();
    if !addresses.iter().any(IpAddr::is_loopback) {
        addresses.push(IpAddr::from([127, 0, 0, 1]));
    }
    addresses.sort();
    addresses.dedup();
    addresses
}

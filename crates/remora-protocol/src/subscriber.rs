//! The key by which unauthenticated peers share connection slots: an IPv4 address, or an IPv6 network of 64 bits.

use std::net::{IpAddr, Ipv6Addr};

/// An IPv6 subscriber usually has all addresses of a /64 network.
const IPV6_PREFIX: Ipv6Addr = Ipv6Addr::from_bits(!(u64::MAX as u128));

/// Returns the part of an address that identifies one subscriber: an IPv4 address, or an IPv6 network of 64 bits.
pub fn subscriber_of(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(address & IPV6_PREFIX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_one_subscriber_have_the_same_key() {
        let of = |address: &str| subscriber_of(address.parse().unwrap()).to_string();
        assert_eq!(of("192.0.2.7"), "192.0.2.7");
        assert_eq!(of("::ffff:192.0.2.7"), "192.0.2.7");
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(of("2001:db8:1:2:ffff::1"), of("2001:db8:1:2::1"));
        assert_ne!(of("2001:db8:1:3::1"), of("2001:db8:1:2::1"));
    }
}

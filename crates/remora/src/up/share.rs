//! `remora up --share`: addresses and instructions for other machines.

use std::{
    fmt::Write as _,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
};

use remora_control::{Connection, is_host_name};

/// Returns all addresses of this machine with the port of `https`, unless others can reach `https` already.
pub(crate) fn everywhere(https: SocketAddr) -> SocketAddr {
    if !https.ip().is_loopback() {
        return https;
    }
    let ip = if takes_both_families() { IpAddr::V6(Ipv6Addr::UNSPECIFIED) } else { IpAddr::V4(Ipv4Addr::UNSPECIFIED) };
    SocketAddr::new(ip, https.port())
}

/// Returns whether a socket on `[::]` accepts IPv4 as well.
fn takes_both_families() -> bool {
    let socket = UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0));
    socket.is_ok_and(|socket| rustix::net::sockopt::ipv6_v6only(&socket) == Ok(false))
}

/// Checks the name that was given, if any.
pub(crate) fn name(given: Option<String>) -> Result<Option<String>, String> {
    match given {
        Some(name) if !is_host_name(&name) => {
            Err(format!("--share {name}: use a DNS name or an IP address, without scheme and port"))
        }
        name => Ok(name),
    }
}

/// Returns the instructions for another machine; empty if no other machine can reach this service. `is_certified` says
/// that the operator has a certificate that other machines trust.
pub(crate) fn introduction(connection: &Connection, is_certified: bool) -> String {
    let Some((first, others)) = connection.addresses.split_first() else { return String::new() };
    let mut text = format!(
        "
On other machines open this and sign in with account and key:

    {first}

"
    );
    if !others.is_empty() {
        writeln!(text, "  or        {}", others.join("\n            ")).expect("writing to a string cannot fail");
    }
    if !is_certified {
        write!(
            text,
            "
Their browsers warn until they trust the CA of this installation: {first}/ca.pem
"
        )
        .expect("writing to a string cannot fail");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_becomes_every_address_and_a_chosen_address_stays() {
        let shared = everywhere("127.0.0.1:8443".parse().unwrap());
        assert!(shared.ip().is_unspecified() && shared.port() == 8443);
        let chosen = "192.0.2.7:443".parse().unwrap();
        assert_eq!(everywhere(chosen), chosen);
    }

    #[test]
    fn a_name_has_no_scheme_and_no_port() {
        for good in ["workstation", "remora.example.com", "192.0.2.7", "2001:db8::7"] {
            assert_eq!(name(Some(good.into())), Ok(Some(good.into())));
        }
        for bad in ["", "https://workstation", "workstation:8443", "work station", "[2001:db8::7]"] {
            assert!(name(Some(bad.into())).unwrap_err().contains("DNS name"), "{bad}");
        }
        assert_eq!(name(None), Ok(None));
    }
}

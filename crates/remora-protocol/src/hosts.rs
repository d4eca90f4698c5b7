//! Hosts that an operator allows: names, names below a domain, addresses and networks, written as a list of strings.
//!
//! | written | matches |
//! |---|---|
//! | `models.example.com` | this name, whatever it resolves to |
//! | `*.example.com` | every name below `example.com`, but not `example.com` itself |
//! | `10.1.2.3`, `fd00::1` | this address, and every name that resolves to it |
//! | `10.0.0.0/8`, `fd00::/8` | every address of this network, and every name that resolves to one of them |

use std::{fmt, net::IpAddr, str::FromStr};

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A list of allowed hosts. The default allows none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AllowedHosts(Vec<AllowedHost>);

impl AllowedHosts {
    /// Returns whether this name is allowed. Case and a dot at the end do not matter.
    pub fn allows_name(&self, name: &str) -> bool {
        let name = canonical_name(name);
        self.0.iter().any(|allowed| match allowed {
            AllowedHost::Name(exact) => *exact == name,
            AllowedHost::Below(domain) => {
                name.strip_suffix(domain).is_some_and(|label| label.len() > 1 && label.ends_with('.'))
            }
            AllowedHost::Network(_) => false,
        })
    }

    /// Returns whether this address is allowed. An IPv4 address may be given in its IPv6 form.
    pub fn allows_address(&self, address: IpAddr) -> bool {
        self.0.iter().any(|allowed| match allowed {
            AllowedHost::Network(network) => network.contains(address),
            AllowedHost::Name(_) | AllowedHost::Below(_) => false,
        })
    }
}

impl FromIterator<AllowedHost> for AllowedHosts {
    fn from_iter<T: IntoIterator<Item = AllowedHost>>(hosts: T) -> Self {
        Self(hosts.into_iter().collect())
    }
}

/// One entry of the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum AllowedHost {
    /// Exactly this name, in lower case and without a dot at the end.
    Name(String),
    /// The names below this domain.
    Below(String),
    /// Every address of this network.
    Network(Network),
}

/// The error for a text that is none of the forms of [`AllowedHost`].
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "{0:?} is not a host; accepted are names (models.example.com), all names below a domain (*.example.com), addresses \
     (10.1.2.3) and networks (10.0.0.0/8), without scheme, port and path"
)]
pub struct NotAHost(String);

impl FromStr for AllowedHost {
    type Err = NotAHost;

    fn from_str(text: &str) -> Result<Self, NotAHost> {
        let refused = || NotAHost(text.to_owned());
        if let Ok(network) = text.parse() {
            return Ok(Self::Network(network));
        }
        let name = canonical_name(text);
        let (name, host): (_, fn(String) -> Self) = match name.strip_prefix("*.") {
            Some(domain) => (domain.to_owned(), Self::Below),
            None => (name, Self::Name),
        };
        if is_name(&name) { Ok(host(name)) } else { Err(refused()) }
    }
}

impl TryFrom<String> for AllowedHost {
    type Error = NotAHost;

    fn try_from(text: String) -> Result<Self, NotAHost> {
        text.parse()
    }
}

impl From<AllowedHost> for String {
    fn from(host: AllowedHost) -> Self {
        match host {
            AllowedHost::Name(name) => name,
            AllowedHost::Below(domain) => format!("*.{domain}"),
            AllowedHost::Network(network) => network.to_string(),
        }
    }
}

/// The addresses that share a prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix_bits: u32,
}

impl Network {
    /// Returns `None` if the prefix is longer than the address, or if bits behind the prefix are set.
    pub fn new(address: IpAddr, prefix_bits: u32) -> Option<Self> {
        let (bits, width) = bits(address);
        let is_sound = prefix_bits <= width && prefix(bits, width, prefix_bits) == bits;
        is_sound.then_some(Self { address, prefix_bits })
    }

    /// Returns whether the address is in the network. An IPv4 address may be given in its IPv6 form.
    pub fn contains(&self, address: IpAddr) -> bool {
        let (own, width) = bits(self.address);
        let (other, other_width) = bits(address.to_canonical());
        width == other_width && prefix(other, width, self.prefix_bits) == own
    }
}

impl FromStr for Network {
    type Err = NotAHost;

    fn from_str(text: &str) -> Result<Self, NotAHost> {
        let refused = || NotAHost(text.to_owned());
        let (address, prefix_bits) = match text.split_once('/') {
            Some((address, prefix_bits)) => (address, Some(prefix_bits.parse().map_err(|_| refused())?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| refused())?;
        Self::new(address, prefix_bits.unwrap_or(bits(address).1)).ok_or_else(refused)
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.prefix_bits == bits(self.address).1 {
            return self.address.fmt(f);
        }
        write!(f, "{}/{}", self.address, self.prefix_bits)
    }
}

/// Returns the bits of an address and their number.
fn bits(address: IpAddr) -> (u128, u32) {
    match address {
        IpAddr::V4(address) => (address.to_bits().into(), 32),
        IpAddr::V6(address) => (address.to_bits(), 128),
    }
}

/// Clears all bits behind the prefix.
fn prefix(bits: u128, width: u32, prefix_bits: u32) -> u128 {
    let behind = width - prefix_bits;
    bits.checked_shr(behind).and_then(|leading| leading.checked_shl(behind)).unwrap_or(0)
}

fn canonical_name(name: &str) -> String {
    name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase()
}

/// Returns whether this is a DNS name. A name that ends in a number is an IPv4 address in an unusual form, such as
/// `127.1` or `0x7f000001`.
fn is_name(name: &str) -> bool {
    let is_label = |label: &str| {
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        (1..=63).contains(&label.len()) && label.bytes().all(is_allowed)
    };
    let last = name.rsplit('.').next().unwrap_or(name);
    let is_number = last.starts_with("0x") || last.bytes().all(|byte| byte.is_ascii_digit());
    name.len() <= 253 && name.split('.').all(is_label) && !is_number
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(list: &[&str]) -> AllowedHosts {
        list.iter().map(|host| host.parse::<AllowedHost>().unwrap_or_else(|error| panic!("{error}"))).collect()
    }

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn a_name_allows_itself_and_a_wildcard_allows_the_names_below_it() {
        let hosts = hosts(&["Models.Example.com", "*.corp.example", "10.1.2.3"]);
        for name in ["models.example.com", "MODELS.example.com.", "a.corp.example", "a.b.corp.example"] {
            assert!(hosts.allows_name(name), "{name}");
        }
        for name in [
            "example.com",
            "a.models.example.com",
            "corp.example",
            ".corp.example",
            "evilcorp.example",
            "corp.example.evil",
            "10.1.2.3",
            "",
        ] {
            assert!(!hosts.allows_name(name), "{name}");
        }
    }

    #[test]
    fn a_network_allows_its_addresses_in_either_form() {
        let hosts = hosts(&["10.0.0.0/8", "192.168.1.7", "fd00::/8", "fe80::1", "models.example.com"]);
        for opened in ["10.255.0.1", "::ffff:10.0.0.1", "192.168.1.7", "fdff::1", "fe80::1"] {
            assert!(hosts.allows_address(address(opened)), "{opened}");
        }
        for other in ["11.0.0.0", "9.255.255.255", "192.168.1.8", "fc00::1", "fe80::2", "::10.0.0.1"] {
            assert!(!hosts.allows_address(address(other)), "{other}");
        }
        let everything = self::hosts(&["0.0.0.0/0"]);
        assert!(everything.allows_address(address("8.8.8.8")) && !everything.allows_address(address("::1")));
    }

    #[test]
    fn a_list_keeps_its_form_and_errors_say_what_is_accepted() {
        let written = r#"["models.example.com","*.corp.example","10.1.2.3","10.0.0.0/8","fd00::/8"]"#;
        let hosts: AllowedHosts = serde_json::from_str(written).expect("good hosts");
        assert_eq!(serde_json::to_string(&hosts).expect("strings"), written);
        for wrong in [
            "",
            "*",
            "*.",
            "a.*.example",
            "https://a.example",
            "a.example:80",
            "a.example/x",
            "10.1.2.3/8",
            "10.0.0.0/33",
            "10.0.0.0/x",
            "127.1",
            "2130706433",
            "0x7f000001",
            "[::1]",
            "a..example",
            "a b",
        ] {
            let error = wrong.parse::<AllowedHost>().expect_err(wrong).to_string();
            assert!(error.contains(&format!("{wrong:?}")) && error.contains("10.0.0.0/8"), "{error}");
        }
    }
}

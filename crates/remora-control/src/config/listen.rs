//! `[listen]` and `[acme]`: addresses of the service and its certificates.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use remora_protocol::link::Media;
use remora_protocol::origins::Origins;
use serde::Deserialize;

/// Section `[listen]`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Listen {
    /// Address for REST API, token service and portal, with TLS.
    pub https: Option<SocketAddr>,
    /// Address for portal and API for browsers on this machine. Must be a loopback address.
    pub http: Option<SocketAddr>,
    /// Address for `/metrics`, `/healthz` and `/readyz` in plain HTTP. No such listener if left out.
    pub metrics: Option<SocketAddr>,
    /// Name under which clients reach this machine.
    pub name: Option<String>,
    /// Address under which clients of hosts reach this machine, if it is behind a 1:1 NAT.
    pub external_address: Option<IpAddr>,
    /// First and last of the ports that hosts use for video and data, each for UDP and TCP; 49152 to 65534 if left out.
    pub media_ports: Option<(u16, u16)>,
    /// Base URLs of the other control planes on the same database, as hosts on this machine reach them. Hosts report to
    /// one of them if this control plane does not respond.
    pub peers: Vec<String>,
    /// PEM file of the operator's certificate. Without it the local CA signs one.
    pub certificate: Option<PathBuf>,
    /// PEM file of the key of `certificate`.
    pub certificate_key: Option<PathBuf>,
    /// Origins of web pages that may call REST API, token service and render hosts, besides the service's own.
    pub origins: Origins,
    /// True if the portal is served over HTTPS.
    pub portal: bool,
}

impl Default for Listen {
    fn default() -> Self {
        Self {
            https: None,
            http: None,
            metrics: None,
            name: None,
            external_address: None,
            media_ports: None,
            peers: Vec::new(),
            certificate: None,
            certificate_key: None,
            origins: Origins::default(),
            portal: true,
        }
    }
}

impl Listen {
    /// Returns how clients of hosts on this machine reach them for video and data.
    pub(crate) fn media(&self) -> Media {
        Media { external_address: self.external_address, ports: self.media_ports }
    }
}

/// Section `[acme]`: a certificate of a public authority, which the service obtains and renews.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Acme {
    /// URL of the authority's directory. Without it no certificate is requested.
    pub directory_url: Option<String>,
    /// True if the operator agrees to the authority's terms of service.
    pub terms_agreed: bool,
    /// Names of the certificate; `listen.name` if left out.
    domains: Vec<String>,
    /// Contact addresses for the authority, such as `mailto:admin@example.com`.
    pub contact: Vec<String>,
    /// PEM certificates to trust the authority's server by; those of the operating system if left out.
    pub ca_file: Option<PathBuf>,
}

impl Acme {
    /// Returns the names of the certificate in lower case. `name` is `listen.name`.
    pub fn domains(&self, name: Option<&str>) -> Vec<String> {
        let named = || name.map(str::to_owned).into_iter().collect();
        let domains: Vec<String> = if self.domains.is_empty() { named() } else { self.domains.clone() };
        domains.iter().map(|domain| domain.to_ascii_lowercase()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::Config;

    #[test]
    fn origins_are_checked_when_they_are_read() {
        let config = Config::parse("[listen]\norigins = ['http://localhost:3000', 'https://*.example.com']\n").unwrap();
        assert!(config.listen.origins.allows("https://app.example.com") && config.listen.portal);
        for almost in ["https://app.example.com/", "app.example.com", "https://*.com", "null"] {
            let error = Config::parse(&format!("[listen]\norigins = ['{almost}']\n")).expect_err(almost).to_string();
            assert!(error.contains("line 2") && error.contains("accepted are"), "{error}");
        }
    }
}

//! `[listen]` and `[acme]`: where the service is reached, and the certificates that it shows there.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use remora_protocol::link::Media;
use remora_protocol::origins::Origins;
use serde::Deserialize;

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Listen {
    /// REST API, token service and portal, with TLS.
    pub https: Option<SocketAddr>,
    /// Portal and API for browsers on this machine; loopback only.
    pub http: Option<SocketAddr>,
    /// `/metrics`, `/healthz`, `/readyz` in plain HTTP; nowhere if left out.
    pub metrics: Option<SocketAddr>,
    /// The name under which others reach this machine.
    pub name: Option<String>,
    /// Where clients of hosts reach this machine, if a 1:1 NAT stands before it.
    pub external_address: Option<IpAddr>,
    /// First and last of the ports on which hosts take video and data, each by UDP and TCP; 49152 to 65534 if left out.
    pub media_ports: Option<(u16, u16)>,
    /// Addresses of the other control planes on the same database, as hosts on this machine reach them: hosts report
    /// to those when this one does not answer.
    pub peers: Vec<String>,
    /// PEM files of the operator's own certificate; without them one is signed by the local CA.
    pub certificate: Option<PathBuf>,
    pub certificate_key: Option<PathBuf>,
    /// Web pages that may call REST API, token service and render hosts, beside the service's own.
    pub origins: Origins,
    /// Whether the portal is served over HTTPS.
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

/// A certificate of a public authority, obtained and renewed by this service.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Acme {
    /// Where the authority's directory is; without it no certificate is asked for.
    pub directory_url: Option<String>,
    /// The operator agrees to the authority's terms of service.
    pub terms_agreed: bool,
    /// Names of the certificate; `listen.name` if there are none.
    domains: Vec<String>,
    /// Addresses such as `mailto:admin@example.com`, for messages of the authority.
    pub contact: Vec<String>,
    /// PEM certificates that the authority's own server is trusted by; those of the operating system if left out.
    pub ca_file: Option<PathBuf>,
}

impl Acme {
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
    fn origins_are_checked_where_they_are_read() {
        let config = Config::parse("[listen]\norigins = ['http://localhost:3000', 'https://*.example.com']\n").unwrap();
        assert!(config.listen.origins.allows("https://app.example.com") && config.listen.portal);
        for almost in ["https://app.example.com/", "app.example.com", "https://*.com", "null"] {
            let error = Config::parse(&format!("[listen]\norigins = ['{almost}']\n")).expect_err(almost).to_string();
            assert!(error.contains("line 2") && error.contains("accepted are"), "{error}");
        }
    }
}

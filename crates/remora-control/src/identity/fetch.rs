//! Fetches an issuer's published documents over HTTP, with limits.

use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use serde::Deserialize;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

use super::error::IdentityError;
use super::keys::{InvalidKeySet, KeySet};
use crate::config::{Identity, is_loopback_address, is_safe_address};

/// Time limit of one request. Two documents take at most twice as long, which is within the limit of a token request.
const ANSWER_MAX: Duration = Duration::from_secs(4);
/// Longest document. The largest published ones have about 20 KiB.
const DOCUMENT_BYTES_MAX: u64 = 256 * 1_024;

/// Fetches the documents of one issuer.
pub(super) struct Fetcher {
    agent: ureq::Agent,
    issuer: String,
    jwks_url: Option<String>,
}

#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    #[error("{url}: {source}")]
    Http { url: String, source: Box<ureq::Error> },
    #[error("{url} answers with status {status}")]
    Status { url: String, status: u16 },
    #[error("{url} is not the configuration of an OpenID Connect issuer")]
    Configuration { url: String },
    #[error("{url} is the configuration of a different issuer, {found}")]
    OtherIssuer { url: String, found: String },
    #[error("the issuer's configuration names {url}, which is not protected by HTTPS")]
    UnsafeAddress { url: String },
    #[error("{url} names no endpoints for signing in")]
    NoEndpoints { url: String },
    #[error("{url}: {source}")]
    Keys { url: String, source: InvalidKeySet },
}

#[derive(Deserialize)]
struct ProviderConfiguration {
    issuer: String,
    jwks_uri: String,
    authorization_endpoint: Option<String>,
    token_endpoint: Option<String>,
}

/// Endpoints for signing in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Endpoints {
    pub authorization: String,
    pub token: String,
    /// Scheme, host and port of `token`.
    pub token_origin: String,
}

impl Fetcher {
    pub(super) fn new(identity: &Identity) -> Result<Self, IdentityError> {
        let local = is_loopback_address(&identity.issuer);
        let roots = roots(identity, local)?;
        let tls = TlsConfig::builder()
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
            .root_certs(RootCerts::new_with_certs(&roots))
            .build();
        let mut config = ureq::Agent::config_builder()
            .timeout_global(Some(ANSWER_MAX))
            .http_status_as_error(false)
            .max_redirects(0)
            .tls_config(tls);
        if local {
            config = config.proxy(None);
        }
        let agent = config.build().new_agent();
        Ok(Self { agent, issuer: identity.issuer.clone(), jwks_url: identity.jwks_url.clone() })
    }

    /// Fetches the keys. Blocks for a bounded time.
    pub(super) fn keys(&self) -> Result<KeySet, FetchError> {
        let url = match &self.jwks_url {
            Some(url) => url.clone(),
            None => self.safe(self.discover()?.jwks_uri)?,
        };
        KeySet::parse(&self.get(&url)?).map_err(|source| FetchError::Keys { url, source })
    }

    /// Fetches the endpoints. Blocks for a bounded time.
    pub(super) fn endpoints(&self) -> Result<Endpoints, FetchError> {
        let ProviderConfiguration { authorization_endpoint, token_endpoint, .. } = self.discover()?;
        let (Some(authorization), Some(token)) = (authorization_endpoint, token_endpoint) else {
            return Err(FetchError::NoEndpoints { url: self.configuration_url() });
        };
        let (authorization, token) = (self.safe(authorization)?, self.safe(token)?);
        let token_origin = origin(&token).ok_or_else(|| FetchError::UnsafeAddress { url: token.clone() })?;
        Ok(Endpoints { authorization, token, token_origin })
    }

    fn configuration_url(&self) -> String {
        format!("{}/.well-known/openid-configuration", self.issuer.trim_end_matches('/'))
    }

    /// Fetches the issuer's configuration (OpenID Connect Discovery 1.0, section 4).
    fn discover(&self) -> Result<ProviderConfiguration, FetchError> {
        let url = self.configuration_url();
        let configuration: ProviderConfiguration =
            serde_json::from_slice(&self.get(&url)?).map_err(|_| FetchError::Configuration { url: url.clone() })?;
        if configuration.issuer != self.issuer {
            return Err(FetchError::OtherIssuer { url, found: configuration.issuer });
        }
        Ok(configuration)
    }

    /// Returns `url` if it may be fetched: over HTTPS, or from this machine if the issuer is on this machine too.
    fn safe(&self, url: String) -> Result<String, FetchError> {
        let safe = is_safe_address(&url) && (url.starts_with("https://") || is_loopback_address(&self.issuer));
        if safe { Ok(url) } else { Err(FetchError::UnsafeAddress { url }) }
    }

    fn get(&self, url: &str) -> Result<Vec<u8>, FetchError> {
        let failed = |source| FetchError::Http { url: url.to_owned(), source: Box::new(source) };
        let mut response = self.agent.get(url).header("Accept", "application/json").call().map_err(failed)?;
        match response.status().as_u16() {
            200 => response.body_mut().with_config().limit(DOCUMENT_BYTES_MAX).read_to_vec().map_err(failed),
            status => Err(FetchError::Status { url: url.to_owned(), status }),
        }
    }
}

/// Returns the origin of a URL in the form of a content security policy. `None` if it contains characters that are not
/// valid there.
fn origin(url: &str) -> Option<String> {
    let uri: http::Uri = url.parse().ok()?;
    let authority = uri.authority()?.as_str();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte);
    authority.bytes().all(plain).then(|| format!("{}://{authority}", uri.scheme_str().unwrap_or("https")))
}

/// Returns the CA that the operator names, or else those that the operating system trusts.
fn roots(identity: &Identity, local: bool) -> Result<Vec<Certificate<'static>>, IdentityError> {
    let certificates: Vec<CertificateDer<'static>> = match &identity.ca_file {
        Some(path) => {
            let unusable = |problem: String| IdentityError::CaFile { path: path.clone(), problem };
            let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
            let found = read.map_err(|error| unusable(error.to_string()))?;
            if found.is_empty() {
                return Err(unusable("it contains no certificate".into()));
            }
            found
        }
        None => {
            let found = rustls_native_certs::load_native_certs().certs;
            if found.is_empty() && !local {
                return Err(IdentityError::NoAuthorities { issuer: identity.issuer.clone() });
            }
            found
        }
    };
    Ok(certificates.iter().map(|certificate| Certificate::from_der(certificate).to_owned()).collect())
}

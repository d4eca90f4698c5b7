//! TLS of the listener with rustls: HTTP/1.1, and certificates that can be replaced while connections run.
//!
//! The operator's certificate, if there is one, is used for clients that ask for a host name. Clients that connect to
//! an address or to `localhost`, as render hosts do, get the certificate of the local CA.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio_rustls::TlsAcceptor;

use crate::acme::{Challenges, PROTOCOL};
use crate::certificate::{CurrentCertificate, TlsError};

/// Chooses the certificate of a connection.
#[derive(Debug)]
pub struct Certificates {
    /// The local CA's certificate.
    pub local: Arc<CurrentCertificate>,
    /// The operator's certificate.
    pub operators: Option<Arc<CurrentCertificate>>,
    /// Open challenges of the authority that issues the operator's certificate.
    pub challenges: Option<Challenges>,
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        if let Some(challenges) = &self.challenges
            && hello.alpn().is_some_and(|mut protocols| protocols.any(|protocol| protocol == PROTOCOL))
        {
            return challenges.certified(hello.server_name()?);
        }
        let by_name = hello.server_name().is_some_and(|name| !name.eq_ignore_ascii_case("localhost"));
        let certificate = self.operators.as_ref().filter(|_| by_name).unwrap_or(&self.local);
        Some(certificate.certified())
    }
}

/// Makes the acceptor of a listener.
pub fn acceptor(certificates: Certificates) -> Result<TlsAcceptor, TlsError> {
    let mut protocols = vec![b"http/1.1".to_vec()];
    protocols.extend(certificates.challenges.is_some().then(|| PROTOCOL.to_vec()));
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(certificates));
    config.alpn_protocols = protocols;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

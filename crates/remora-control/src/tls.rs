//! TLS of the listener with rustls: HTTP/1.1, and certificates that can be replaced while connections run.
//!
//! The operator's certificate, if there is one, is used for clients that ask for a host name. Clients that connect to
//! an address or to `localhost`, as render hosts do, get the certificate of the local CA.

use std::sync::{Arc, RwLock};

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio_rustls::TlsAcceptor;

use crate::acme::{Challenges, PROTOCOL};
use crate::authority::ServerCertificate;

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The text is not PEM.
    #[error("the certificate or its key is not PEM: {0}")]
    Pem(#[from] rustls::pki_types::pem::Error),
    /// The certificate and its key do not fit, or are of an unsupported kind.
    #[error("the certificate cannot be used: {0}")]
    Unusable(#[from] rustls::Error),
}

/// A certificate that can be replaced. New connections use the current one.
#[derive(Debug)]
pub struct CurrentCertificate(RwLock<Current>);

#[derive(Clone, Debug)]
struct Current {
    pem: ServerCertificate,
    certified: Arc<CertifiedKey>,
}

impl CurrentCertificate {
    /// Starts with a certificate.
    pub fn new(certificate: ServerCertificate) -> Result<Arc<Self>, TlsError> {
        Ok(Arc::new(Self(RwLock::new(Current { certified: certified(&certificate)?, pem: certificate }))))
    }

    /// Replaces the certificate, unless the new one cannot be used.
    pub fn replace(&self, certificate: ServerCertificate) -> Result<(), TlsError> {
        let current = Current { certified: certified(&certificate)?, pem: certificate };
        *self.0.write().expect("nothing panics under this lock") = current;
        Ok(())
    }

    /// Returns the current certificate.
    pub fn pem(&self) -> ServerCertificate {
        self.0.read().expect("nothing panics under this lock").pem.clone()
    }

    fn certified(&self) -> Arc<CertifiedKey> {
        self.0.read().expect("nothing panics under this lock").certified.clone()
    }
}

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

/// Parses a certificate and checks that it fits its key.
pub(crate) fn certified(certificate: &ServerCertificate) -> Result<Arc<CertifiedKey>, TlsError> {
    let (chain, key) = parsed(certificate)?;
    Ok(Arc::new(CertifiedKey::from_der(chain, key, &aws_lc_rs::default_provider())?))
}

/// Parses a certificate without checking it. The certificates of challenges need this, because they contain a critical
/// extension that rustls does not know.
pub(crate) fn certified_unchecked(certificate: &ServerCertificate) -> Result<Arc<CertifiedKey>, TlsError> {
    let (chain, key) = parsed(certificate)?;
    let key = aws_lc_rs::default_provider().key_provider.load_private_key(key)?;
    Ok(Arc::new(CertifiedKey::new(chain, key)))
}

fn parsed(certificate: &ServerCertificate) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), TlsError> {
    let chain =
        CertificateDer::pem_slice_iter(certificate.certificate_pem.as_bytes()).collect::<Result<Vec<_>, _>>()?;
    Ok((chain, PrivateKeyDer::from_pem_slice(certificate.key_pem.as_bytes())?))
}

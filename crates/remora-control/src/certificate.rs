//! Certificates of TLS servers: parsed, checked, and replaced while connections use them.

use std::sync::{Arc, RwLock};

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

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

    /// Returns the current certificate in the form that rustls uses.
    pub(crate) fn certified(&self) -> Arc<CertifiedKey> {
        self.0.read().expect("nothing panics under this lock").certified.clone()
    }
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

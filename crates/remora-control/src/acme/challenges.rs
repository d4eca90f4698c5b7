//! Answers to challenges of the kind tls-alpn-01 (RFC 8737): the authority connects to the HTTPS listener, asks for the
//! protocol `acme-tls/1` and the name, and must see a certificate that carries the digest that it knows.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{CertificateParams, CustomExtension, KeyPair};
use rustls::sign::CertifiedKey;

use crate::authority::ServerCertificate;
use crate::{private_file, tls};

/// The ALPN protocol that only the authority offers in its TLS handshake.
pub const PROTOCOL: &[u8] = b"acme-tls/1";

#[derive(Clone, Debug)]
pub struct Challenges {
    directory: Arc<Path>,
    /// No other names are looked for, so that a stranger cannot ask for any file.
    domains: Arc<[String]>,
}

impl Challenges {
    pub(super) fn new(directory: &Path, domains: &[String]) -> Self {
        Self { directory: directory.into(), domains: domains.into() }
    }

    /// The certificate that answers the challenge for a name, if one is open.
    pub(crate) fn certified(&self, name: &str) -> Option<Arc<CertifiedKey>> {
        let domain = self.domains.iter().find(|domain| domain.eq_ignore_ascii_case(name))?;
        let text = private_file::read(&self.path(domain)).ok()??;
        tls::certified_unchecked(&serde_json::from_str::<ServerCertificate>(&text).ok()?).ok()
    }

    /// Answers from now on, here and in every control plane that shares the directory.
    pub(super) fn answer(&self, domain: &str, digest: &[u8]) -> Result<(), ChallengeError> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new([domain.to_owned()])?;
        params.custom_extensions = vec![CustomExtension::new_acme_identifier(digest)];
        let certificate = params.self_signed(&key)?;
        let answer = ServerCertificate { certificate_pem: certificate.pem(), key_pem: key.serialize_pem() };
        private_file::write(&self.path(domain), &serde_json::to_vec(&answer).expect("texts are JSON"))?;
        Ok(())
    }

    /// Answers no longer.
    pub(super) fn close(&self) {
        for domain in &*self.domains {
            if let Err(error) = private_file::remove(&self.path(domain)) {
                tracing::warn!(%error, domain, "the answer to a challenge cannot be removed");
            }
        }
    }

    fn path(&self, domain: &str) -> PathBuf {
        self.directory.join(format!("challenge.{domain}.json"))
    }
}

#[derive(Debug, thiserror::Error)]
pub(super) enum ChallengeError {
    #[error("the answer to a challenge cannot be made: {0}")]
    Certificate(#[from] rcgen::Error),
    #[error("the answer to a challenge cannot be written: {0}")]
    File(#[from] io::Error),
}

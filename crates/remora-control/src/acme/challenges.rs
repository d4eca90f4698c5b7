//! Responses to tls-alpn-01 challenges (RFC 8737): the authority connects to the HTTPS listener, asks for the protocol
//! `acme-tls/1` and the domain name, and must receive a certificate that contains the expected digest.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{CertificateParams, CustomExtension, KeyPair};
use rustls::sign::CertifiedKey;

use crate::authority::ServerCertificate;
use crate::{certificate, private_file};

/// ALPN protocol that only the authority offers, for validating a challenge.
pub(crate) const PROTOCOL: &[u8] = b"acme-tls/1";

/// The open challenges of this installation.
#[derive(Clone, Debug)]
pub struct Challenges {
    directory: Arc<Path>,
    /// The configured names. Only files of these names are read or written, whatever name a peer sends.
    domains: Arc<[String]>,
}

impl Challenges {
    pub(super) fn new(directory: &Path, domains: &[String]) -> Self {
        Self { directory: directory.into(), domains: domains.into() }
    }

    /// Returns the certificate that responds to the challenge for a name, if one is open.
    pub(crate) fn certified(&self, name: &str) -> Option<Arc<CertifiedKey>> {
        let domain = self.domain(name)?;
        let text = private_file::read(&self.path(domain)).ok()??;
        certificate::certified_unchecked(&serde_json::from_str::<ServerCertificate>(&text).ok()?).ok()
    }

    /// Opens a challenge: responds to it from now on, here and in every control plane that shares the directory.
    pub(super) fn answer(&self, name: &str, digest: &[u8]) -> Result<(), ChallengeError> {
        // The name comes from the authority, and becomes part of a path.
        let domain = self.domain(name).ok_or_else(|| ChallengeError::OtherName(name.to_owned()))?;
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new([domain.to_owned()])?;
        params.custom_extensions = vec![CustomExtension::new_acme_identifier(digest)];
        let certificate = params.self_signed(&key)?;
        let answer = ServerCertificate { certificate_pem: certificate.pem(), key_pem: key.serialize_pem() };
        private_file::write(&self.path(domain), &serde_json::to_vec(&answer).expect("texts are JSON"))?;
        Ok(())
    }

    /// Closes all challenges.
    pub(super) fn close(&self) {
        for domain in &*self.domains {
            if let Err(error) = private_file::remove(&self.path(domain)) {
                tracing::warn!(%error, domain, "cannot remove the response to a challenge");
            }
        }
    }

    fn domain(&self, name: &str) -> Option<&str> {
        self.domains.iter().find(|domain| domain.eq_ignore_ascii_case(name)).map(String::as_str)
    }

    fn path(&self, domain: &str) -> PathBuf {
        self.directory.join(format!("challenge.{domain}.json"))
    }
}

#[derive(Debug, thiserror::Error)]
pub(super) enum ChallengeError {
    #[error("the authority asks about {0:?}, which is not one of the requested names")]
    OtherName(String),
    #[error("cannot make the certificate for a challenge: {0}")]
    Certificate(#[from] rcgen::Error),
    #[error("cannot write the response to a challenge: {0}")]
    File(#[from] io::Error),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_configured_names_are_served_and_only_while_a_challenge_is_open() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir(directory.path().join("challenge.x")).unwrap();
        let challenges = Challenges::new(directory.path(), &["a.example".to_owned()]);
        for other in ["b.example", "x/../../y", ""] {
            let refused = challenges.answer(other, &[7; 32]);
            assert!(matches!(refused, Err(ChallengeError::OtherName(_))), "{other}: {refused:?}");
            assert!(challenges.certified(other).is_none());
        }
        assert!(challenges.certified("a.example").is_none());
        challenges.answer("a.example", &[7; 32]).unwrap();
        assert!(challenges.certified("A.example").is_some());
        challenges.close();
        assert!(challenges.certified("a.example").is_none());
    }
}

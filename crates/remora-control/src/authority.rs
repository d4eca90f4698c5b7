//! The installation's own certificate authority, made at the first start, so that TLS needs no external service.
//!
//! Users trust its certificate (`ca.pem`) once. It signs a new server certificate at every start and one for each host.
//! The authority's key is in a file that only its owner may read. Keys of servers are never written to disk.

use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use aws_lc_rs::digest;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    SanType,
};
use remora_session::Timestamp;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::private_file;

const AUTHORITY_LIFE: Duration = Duration::from_secs(20 * 365 * DAY_SECONDS);
/// Certificates are valid from this long ago, because clocks of clients may be slow.
const BACKDATED: Duration = Duration::from_secs(DAY_SECONDS);
const DAY_SECONDS: u64 = 24 * 60 * 60;

/// Why the authority cannot be opened or cannot issue a certificate.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// A file cannot be read or written.
    #[error("{path}: {source}")]
    File {
        /// Path of the file.
        path: PathBuf,
        /// Reason.
        source: io::Error,
    },
    /// The key file contains something else.
    #[error("{path} is not the private key of a certificate authority")]
    Key {
        /// Path of the file.
        path: PathBuf,
        /// Reason.
        source: rcgen::Error,
    },
    /// A certificate cannot be made.
    #[error("cannot make a certificate for {names}")]
    Certificate {
        /// Names of the certificate.
        names: String,
        /// Reason.
        source: rcgen::Error,
    },
}

/// The certificate authority of one data directory.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate_pem: String,
    certificate_path: PathBuf,
}

/// A certificate chain for a TLS server, and its key.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerCertificate {
    /// PEM certificates, the server's first.
    pub certificate_pem: String,
    /// PEM private key.
    pub key_pem: String,
}

/// Omits the key, so that it never appears in a log.
impl std::fmt::Debug for ServerCertificate {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("ServerCertificate")
            .field("certificate_pem", &self.certificate_pem)
            .finish_non_exhaustive()
    }
}

impl Authority {
    /// Opens the authority of this directory, or creates one.
    pub fn open(directory: &Path, now: Timestamp) -> Result<Self, AuthorityError> {
        let (key_path, certificate_path) = (directory.join("ca.key"), directory.join("ca.pem"));
        let read = |path: &Path| private_file::read(path).map_err(|source| file_error(path, source));
        let write = |path: &Path, content: &str| {
            private_file::write(path, content.as_bytes()).map_err(|source| file_error(path, source))
        };
        let key_error = |source| AuthorityError::Key { path: key_path.clone(), source };
        let key = match read(&key_path)? {
            Some(pem) => KeyPair::from_pem(&pem).map_err(key_error)?,
            None => {
                let key = KeyPair::generate().map_err(key_error)?;
                // A certificate is useless without its key, and one of an earlier key must not stay.
                private_file::remove(&certificate_path).map_err(|source| file_error(&certificate_path, source))?;
                write(&key_path, &key.serialize_pem())?;
                key
            }
        };
        let params = authority_params(&key, now);
        let certificate_pem = match read(&certificate_path)? {
            Some(pem) => pem,
            None => {
                let certificate = params.self_signed(&key).map_err(key_error)?;
                write(&certificate_path, &certificate.pem())?;
                certificate.pem()
            }
        };
        Ok(Self { issuer: Issuer::new(params, key), certificate_pem, certificate_path })
    }

    /// Returns the authority's certificate in PEM.
    pub fn certificate_pem(&self) -> &str {
        &self.certificate_pem
    }

    /// Returns the path of the certificate file.
    pub fn certificate_path(&self) -> &Path {
        &self.certificate_path
    }

    /// Issues a server certificate with a new key. `names` are DNS names or IP addresses.
    pub fn issue(&self, names: &[String], life: Duration, now: Timestamp) -> Result<ServerCertificate, AuthorityError> {
        let issue = || {
            let key = KeyPair::generate()?;
            let mut params = CertificateParams::default();
            params.distinguished_name.push(DnType::CommonName, "Remora");
            params.subject_alt_names = names.iter().map(|name| alternative_name(name)).collect::<Result<_, _>>()?;
            params.not_before = date(now) - BACKDATED;
            params.not_after = date(now) + life;
            params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
            params.use_authority_key_identifier_extension = true;
            let certificate = params.signed_by(&key, &self.issuer)?;
            Ok(ServerCertificate { certificate_pem: certificate.pem(), key_pem: key.serialize_pem() })
        };
        issue().map_err(|source| AuthorityError::Certificate { names: names.join(", "), source })
    }
}

/// Returns the parameters of the authority's certificate. They depend only on the key, except for the dates, which
/// signing does not use.
fn authority_params(key: &KeyPair, now: Timestamp) -> CertificateParams {
    let digest = digest::digest(&digest::SHA256, key.public_key_raw());
    let mark: String = digest.as_ref()[..4].iter().map(|byte| format!("{byte:02x}")).collect();
    let mut params = CertificateParams::default();
    // Several authorities may be trusted side by side, so each has a unique name.
    params.distinguished_name.push(DnType::CommonName, format!("Remora local CA {mark}"));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.not_before = date(now) - BACKDATED;
    params.not_after = date(now) + AUTHORITY_LIFE;
    params
}

fn alternative_name(name: &str) -> Result<SanType, rcgen::Error> {
    match name.parse::<IpAddr>() {
        Ok(address) => Ok(SanType::IpAddress(address)),
        Err(_) => Ok(SanType::DnsName(name.try_into()?)),
    }
}

fn date(time: Timestamp) -> OffsetDateTime {
    let seconds = i64::try_from(time.as_seconds()).unwrap_or(i64::MAX);
    OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

fn file_error(path: &Path, source: io::Error) -> AuthorityError {
    AuthorityError::File { path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;
    use std::sync::Arc;

    use rustls::client::WebPkiServerVerifier;
    use rustls::client::danger::ServerCertVerifier as _;
    use rustls::pki_types::pem::PemObject as _;
    use rustls::pki_types::{CertificateDer, ServerName, UnixTime};

    use super::*;

    const NOW: Timestamp = Timestamp::from_milliseconds(1_750_000_000_000);

    /// Returns whether a client that trusts `authority_pem` accepts the certificate.
    fn accepts(authority_pem: &str, certificate_pem: &str, name: &str, time: Timestamp) -> bool {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(authority_pem.as_bytes()).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
        let certificate = CertificateDer::from_pem_slice(certificate_pem.as_bytes()).unwrap();
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let time = UnixTime::since_unix_epoch(Duration::from_millis(time.as_milliseconds()));
        verifier.verify_server_cert(&certificate, &[], &name, &[], time).is_ok()
    }

    #[test]
    fn certificates_are_valid_for_their_names_and_time_across_restarts() {
        let directory = tempfile::tempdir().unwrap();
        let first = Authority::open(directory.path(), NOW).unwrap();
        let later = NOW + Duration::from_secs(100 * DAY_SECONDS);
        let second = Authority::open(directory.path(), later).unwrap();
        assert_eq!(first.certificate_pem(), second.certificate_pem());
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
        let life = Duration::from_secs(90 * DAY_SECONDS);
        let certificate = second.issue(&names, life, later).unwrap().certificate_pem;
        for name in &names {
            assert!(accepts(first.certificate_pem(), &certificate, name, later), "{name}");
        }
        assert!(!accepts(first.certificate_pem(), &certificate, "example.com", later));
        assert!(!accepts(first.certificate_pem(), &certificate, "localhost", later + life + Duration::from_secs(1)));
        let other_directory = tempfile::tempdir().unwrap();
        let other = Authority::open(other_directory.path(), NOW).unwrap();
        assert!(!accepts(other.certificate_pem(), &certificate, "localhost", later));
    }

    #[test]
    fn the_key_file_is_private_and_never_replaced() {
        let directory = tempfile::tempdir().unwrap();
        Authority::open(directory.path(), NOW).unwrap();
        let key = directory.path().join("ca.key");
        assert_eq!(std::fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::write(&key, "damaged").unwrap();
        assert!(matches!(Authority::open(directory.path(), NOW), Err(AuthorityError::Key { .. })));
        assert_eq!(std::fs::read_to_string(&key).unwrap(), "damaged");
    }
}

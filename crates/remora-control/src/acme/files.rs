//! The files of `acme` in the data directory, readable only by their owner: the account at the authority, the
//! certificate with its key, and the time of the next attempt.

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use instant_acme::AccountCredentials;
use remora_session::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use x509_parser::pem::parse_x509_pem;

use super::certificate_request::CertificateRequest;
use super::error::{AcmeError, OrderError};
use crate::authority::ServerCertificate;
use crate::private_file;

const ACCOUNT: &str = "account.json";
const CERTIFICATE: &str = "certificate.json";
const FAILURES: &str = "failures.json";

/// The folder with these files.
pub(super) struct Files {
    directory: PathBuf,
}

/// An account, which is valid at one authority only.
#[derive(Serialize, Deserialize)]
struct StoredAccount {
    directory_url: String,
    credentials: AccountCredentials,
}

/// A certificate, and the order that it was obtained with.
#[derive(Serialize, Deserialize)]
pub(super) struct Obtained {
    directory_url: String,
    domains: Vec<String>,
    certificate: ServerCertificate,
}

/// Consecutive failures of one order. A different order, for instance after a corrected name, does not wait for it.
#[derive(Serialize, Deserialize)]
pub(super) struct Failures {
    directory_url: String,
    domains: Vec<String>,
    pub count: u32,
    next_at_milliseconds: u64,
}

impl Files {
    pub(super) fn open(data_directory: &Path) -> Result<Self, AcmeError> {
        let directory = data_directory.join("acme");
        private_file::directory(&directory)
            .map_err(|source| AcmeError::File(directory.display().to_string(), source))?;
        Ok(Self { directory })
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Takes the lock. Returns `None` while another process holds it. The lock is released when the file is closed.
    pub(super) fn try_lock(&self) -> io::Result<Option<File>> {
        let path = self.directory.join("lock");
        let lock = File::options().create(true).truncate(false).write(true).open(path)?;
        match lock.try_lock() {
            Ok(()) => Ok(Some(lock)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Returns the stored account, if it is one of this authority.
    pub(super) fn account(&self, directory_url: &str) -> Option<AccountCredentials> {
        let stored: StoredAccount = self.read(ACCOUNT)?;
        (stored.directory_url == directory_url).then_some(stored.credentials)
    }

    pub(super) fn store_account(&self, directory_url: &str, credentials: AccountCredentials) -> io::Result<()> {
        self.write(ACCOUNT, &StoredAccount { directory_url: directory_url.to_owned(), credentials })
    }

    /// Returns the certificate that was obtained last, which may be one of another order.
    pub(super) fn obtained(&self) -> Option<Obtained> {
        self.read(CERTIFICATE)
    }

    pub(super) fn store(&self, obtained: &Obtained) -> io::Result<()> {
        self.write(CERTIFICATE, obtained)
    }

    /// Returns the recorded failures, which may be those of another order.
    pub(super) fn failures(&self) -> Option<Failures> {
        self.read(FAILURES)
    }

    pub(super) fn record_failures(&self, failures: &Failures) -> io::Result<()> {
        self.write(FAILURES, failures)
    }

    pub(super) fn forget_failures(&self) -> io::Result<()> {
        private_file::remove(&self.directory.join(FAILURES))
    }

    /// Reads a file. An unreadable file counts as missing, because its content can be obtained again.
    fn read<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        let path = self.directory.join(name);
        let unusable = |error: &dyn std::error::Error| tracing::warn!(path = %path.display(), %error, "file ignored");
        let text = private_file::read(&path).inspect_err(|error| unusable(error)).ok()??;
        serde_json::from_str(&text).inspect_err(|error| unusable(error)).ok()
    }

    fn write(&self, name: &str, content: &impl Serialize) -> io::Result<()> {
        private_file::write(&self.directory.join(name), &serde_json::to_vec(content)?)
    }
}

impl Obtained {
    /// Returns an error if the authority has sent something that is not a certificate.
    pub(super) fn by(request: &CertificateRequest, certificate: ServerCertificate) -> Result<Self, OrderError> {
        let CertificateRequest { directory_url, domains, .. } = request.clone();
        let this = Self { directory_url, domains, certificate };
        this.validity()?;
        crate::certificate::certified(&this.certificate).map_err(|error| OrderError::Unusable(error.to_string()))?;
        Ok(this)
    }

    /// Returns whether this order obtained the certificate.
    pub(super) fn is(&self, request: &CertificateRequest) -> bool {
        (&self.directory_url, &self.domains) == (&request.directory_url, &request.domains)
    }

    /// Returns the times at which the validity of the certificate begins and ends.
    pub(super) fn validity(&self) -> Result<(Timestamp, Timestamp), OrderError> {
        let unusable = |problem: String| OrderError::Unusable(problem);
        let pem = self.certificate.certificate_pem.as_bytes();
        let (_, pem) = parse_x509_pem(pem).map_err(|error| unusable(error.to_string()))?;
        let certificate = pem.parse_x509().map_err(|error| unusable(error.to_string()))?;
        let validity = certificate.validity();
        let time = |time: x509_parser::time::ASN1Time| {
            Timestamp::from_milliseconds(u64::try_from(time.timestamp()).unwrap_or(0).saturating_mul(1_000))
        };
        Ok((time(validity.not_before), time(validity.not_after)))
    }

    pub(super) fn certificate(self) -> ServerCertificate {
        self.certificate
    }
}

impl Failures {
    pub(super) fn new(request: &CertificateRequest, count: u32, next_at: Timestamp) -> Self {
        let CertificateRequest { directory_url, domains, .. } = request.clone();
        Self { directory_url, domains, count, next_at_milliseconds: next_at.as_milliseconds() }
    }

    /// Returns whether this order failed.
    pub(super) fn are_of(&self, request: &CertificateRequest) -> bool {
        (&self.directory_url, &self.domains) == (&request.directory_url, &request.domains)
    }

    /// Returns the earliest time of the next attempt.
    pub(super) fn next_at(&self) -> Timestamp {
        Timestamp::from_milliseconds(self.next_at_milliseconds)
    }
}

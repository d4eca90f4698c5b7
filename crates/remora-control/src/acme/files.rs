//! The files of `acme` in the data directory, readable by their owner only: the account with the authority, the
//! certificate with its key, and when to try again.

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use instant_acme::AccountCredentials;
use remora_session::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use x509_parser::pem::parse_x509_pem;

use super::order::OrderError;
use super::{AcmeError, Wanted};
use crate::authority::ServerCertificate;
use crate::private_file;

const ACCOUNT: &str = "account.json";
const CERTIFICATE: &str = "certificate.json";
const FAILURES: &str = "failures.json";

pub(super) struct Files {
    directory: PathBuf,
}

/// An account is one authority's.
#[derive(Serialize, Deserialize)]
struct StoredAccount {
    directory_url: String,
    credentials: AccountCredentials,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Obtained {
    directory_url: String,
    domains: Vec<String>,
    certificate: ServerCertificate,
}

/// Failures in a row of one order. Another order, after the operator has corrected a name, need not wait for it.
#[derive(Serialize, Deserialize)]
pub(super) struct Failures {
    directory_url: String,
    domains: Vec<String>,
    pub count: u32,
    next_at_milliseconds: u64,
}

impl Files {
    pub fn open(data_directory: &Path) -> Result<Self, AcmeError> {
        let directory = data_directory.join("acme");
        private_file::directory(&directory)
            .map_err(|source| AcmeError::File(directory.display().to_string(), source))?;
        Ok(Self { directory })
    }

    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// `None` while another process orders. Released when the file is closed, however that happens.
    pub fn try_lock(&self) -> io::Result<Option<File>> {
        let path = self.directory.join("lock");
        let lock = File::options().create(true).truncate(false).write(true).open(path)?;
        match lock.try_lock() {
            Ok(()) => Ok(Some(lock)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    pub fn account(&self, directory_url: &str) -> Option<AccountCredentials> {
        let stored: StoredAccount = self.read(ACCOUNT)?;
        (stored.directory_url == directory_url).then_some(stored.credentials)
    }

    pub fn store_account(&self, directory_url: &str, credentials: AccountCredentials) -> io::Result<()> {
        self.write(ACCOUNT, &StoredAccount { directory_url: directory_url.to_owned(), credentials })
    }

    pub fn obtained(&self) -> Option<Obtained> {
        self.read(CERTIFICATE)
    }

    pub fn store(&self, obtained: &Obtained) -> io::Result<()> {
        self.write(CERTIFICATE, obtained)
    }

    pub fn failures(&self) -> Option<Failures> {
        self.read(FAILURES)
    }

    pub fn record_failures(&self, failures: &Failures) -> io::Result<()> {
        self.write(FAILURES, failures)
    }

    pub fn forget_failures(&self) -> io::Result<()> {
        private_file::remove(&self.directory.join(FAILURES))
    }

    /// A file that cannot be read is as good as none: what it holds can be had again.
    fn read<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        let path = self.directory.join(name);
        let unusable = |error: &dyn std::error::Error| tracing::warn!(path = %path.display(), %error, "not used");
        let text = private_file::read(&path).inspect_err(|error| unusable(error)).ok()??;
        serde_json::from_str(&text).inspect_err(|error| unusable(error)).ok()
    }

    fn write(&self, name: &str, content: &impl Serialize) -> io::Result<()> {
        private_file::write(&self.directory.join(name), &serde_json::to_vec(content)?)
    }
}

impl Obtained {
    /// Fails for what the authority has sent if that is no certificate.
    pub fn by(wanted: &Wanted, certificate: ServerCertificate) -> Result<Self, OrderError> {
        let Wanted { directory_url, domains, .. } = wanted.clone();
        let this = Self { directory_url, domains, certificate };
        this.validity()?;
        crate::tls::certified(&this.certificate).map_err(|error| OrderError::Unusable(error.to_string()))?;
        Ok(this)
    }

    pub fn is(&self, wanted: &Wanted) -> bool {
        (&self.directory_url, &self.domains) == (&wanted.directory_url, &wanted.domains)
    }

    /// From when until when the certificate is good.
    pub fn validity(&self) -> Result<(Timestamp, Timestamp), OrderError> {
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

    pub fn certificate(self) -> ServerCertificate {
        self.certificate
    }
}

impl Failures {
    pub fn new(wanted: &Wanted, count: u32, next_at: Timestamp) -> Self {
        let Wanted { directory_url, domains, .. } = wanted.clone();
        Self { directory_url, domains, count, next_at_milliseconds: next_at.as_milliseconds() }
    }

    pub fn are_of(&self, wanted: &Wanted) -> bool {
        (&self.directory_url, &self.domains) == (&wanted.directory_url, &wanted.domains)
    }

    pub fn next_at(&self) -> Timestamp {
        Timestamp::from_milliseconds(self.next_at_milliseconds)
    }
}

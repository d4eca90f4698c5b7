//! Errors of obtaining a certificate.

use std::io;

use super::challenges::ChallengeError;
use crate::certificate::TlsError;

/// Why certificates cannot be obtained.
#[derive(Debug, thiserror::Error)]
pub enum AcmeError {
    /// A file of the data directory.
    #[error("cannot use {0}: {1}")]
    File(String, io::Error),
    /// The configured CA file.
    #[error("cannot use acme.ca_file {path}: {problem}; it takes PEM certificates of authorities")]
    CaFile {
        /// Path of the file.
        path: String,
        /// The problem.
        problem: String,
    },
    /// The local certificate.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// Why one order failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum OrderError {
    #[error(transparent)]
    Acme(#[from] instant_acme::Error),
    #[error("the authority offers no tls-alpn-01 challenge for {0}; no other kind is supported")]
    NoChallenge(String),
    #[error("the authority does not confirm {domain}: {why}; port 443 of that name must lead to this service")]
    NotConfirmed { domain: String, why: String },
    #[error(transparent)]
    Challenge(#[from] ChallengeError),
    #[error("the certificate that the authority issued is unusable: {0}")]
    Unusable(String),
    #[error("cannot make the certificate request: {0}")]
    Request(#[from] rcgen::Error),
    #[error("cannot store the certificate: {0}")]
    File(#[from] io::Error),
    #[error("the authority has not issued a certificate within {0} s")]
    Late(u64),
}

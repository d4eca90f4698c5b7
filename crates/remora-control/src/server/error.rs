//! Why `up` or `serve` does not run, in one line that says what to do.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use crate::acme::AcmeError;
use crate::authority::AuthorityError;
use crate::certificate::TlsError;
use crate::identity::IdentityError;
use crate::provision::ProvisionError;
use crate::store::StoreError;
use crate::token::TokenKeyError;

#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    #[error("{option} {address}: the port is taken; end the program that uses it, or choose another with {option}")]
    PortTaken { option: &'static str, address: SocketAddr },
    #[error("{option} {address}: cannot listen there ({source}); choose another address with {option}")]
    Listen { option: &'static str, address: SocketAddr, source: io::Error },
    #[error(
        "--http {address}: plain HTTP is for this machine only; choose a loopback address such as 127.0.0.1:8080, and \
         serve others over --https"
    )]
    NotLoopback { address: SocketAddr },
    #[error("the data directory {path} cannot be used ({source}); choose another with --data-dir")]
    DataDirectory { path: PathBuf, source: io::Error },
    #[error(
        "the data directory {path} is in use by another remora; end that one, or choose another directory with --data-dir"
    )]
    DataDirectoryInUse { path: PathBuf },
    #[error(
        "the cache cannot be in {path}: the path is not UTF-8; choose another with cache.directory, or none with \
         cache.gibibytes = 0"
    )]
    CachePath { path: PathBuf },
    #[error(
        "the cache cannot be in {path} ({source}); choose another with cache.directory, or none with cache.gibibytes = 0"
    )]
    CacheDirectory { path: PathBuf, source: io::Error },
    #[error("the certificate {path} cannot be used: {problem}; accepted are a PEM chain and its PEM key")]
    Certificate { path: PathBuf, problem: String },
    #[error(
        "listen.certificate and listen.certificate_key belong together and need listen.name, the name that the \
         certificate is for"
    )]
    CertificateIncomplete,
    #[error("--model {model}: {problem}")]
    Model { model: String, problem: String },
    #[error("{path} is damaged: {problem}; restore it from a backup, or remove it to have a new one made")]
    Damaged { path: PathBuf, problem: String },
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    #[error(transparent)]
    Acme(#[from] AcmeError),
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error(transparent)]
    Identity(#[from] IdentityError),
    #[error(transparent)]
    TokenKey(#[from] TokenKeyError),
    #[error("the fleet cannot be taken over: {0}")]
    Fleet(#[from] ProvisionError),
}

impl ServerError {
    /// What the process should end with: 2, as for any start that the user can mend.
    pub const EXIT_STATUS: u8 = 2;
}

//! Errors of the start of `up` and `serve`. Each message is one line that says what to do.

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

/// Reason why `up` or `serve` cannot run.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// Another program listens on the port.
    #[error("{option} {address}: the port is taken; end the program that uses it, or choose another with {option}")]
    PortTaken {
        /// Option that sets the address.
        option: &'static str,
        /// The address.
        address: SocketAddr,
    },
    /// The address cannot be used.
    #[error("{option} {address}: cannot listen there ({source}); choose another address with {option}")]
    Listen {
        /// Option that sets the address.
        option: &'static str,
        /// The address.
        address: SocketAddr,
        /// Error of the operating system.
        source: io::Error,
    },
    /// The address of plain HTTP is not loopback.
    #[error(
        "--http {address}: plain HTTP is for this machine only; choose a loopback address such as 127.0.0.1:8080, and \
         serve others over --https"
    )]
    NotLoopback {
        /// The address.
        address: SocketAddr,
    },
    /// The data directory, or a file in it, cannot be used.
    #[error("the data directory {path} cannot be used ({source}); choose another with --data-dir")]
    DataDirectory {
        /// Path of the directory.
        path: PathBuf,
        /// Error of the operating system.
        source: io::Error,
    },
    /// Another process holds the data directory.
    #[error(
        "the data directory {path} is in use by another remora; end that one, or choose another directory with \
         --data-dir"
    )]
    DataDirectoryInUse {
        /// Path of the directory.
        path: PathBuf,
    },
    /// Hosts cannot be told the path of the cache.
    #[error(
        "the cache cannot be in {path}: the path is not UTF-8; choose another with cache.directory, or none with \
         cache.gibibytes = 0"
    )]
    CachePath {
        /// Path of the cache.
        path: PathBuf,
    },
    /// The directory of the cache cannot be created.
    #[error(
        "the cache cannot be in {path} ({source}); choose another with cache.directory, or none with \
         cache.gibibytes = 0"
    )]
    CacheDirectory {
        /// Path of the cache.
        path: PathBuf,
        /// Error of the operating system.
        source: io::Error,
    },
    /// The operator's certificate cannot be used.
    #[error("the certificate {path} cannot be used: {problem}; accepted are a PEM chain and its PEM key")]
    Certificate {
        /// Path of the certificate or key.
        path: PathBuf,
        /// The problem.
        problem: String,
    },
    /// A part of the operator's certificate is not configured.
    #[error(
        "listen.certificate and listen.certificate_key belong together and need listen.name, the name that the \
         certificate is for"
    )]
    CertificateIncomplete,
    /// A model of the operator cannot be offered.
    #[error("--model {model}: {problem}")]
    Model {
        /// The model as given.
        model: String,
        /// The problem.
        problem: String,
    },
    /// A file of the data directory is damaged.
    #[error("{path} is damaged: {problem}; restore it from a backup, or remove it to have a new one made")]
    Damaged {
        /// Path of the file.
        path: PathBuf,
        /// The problem.
        problem: String,
    },
    /// The store cannot be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The local CA cannot be used.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// The configuration of the public authority cannot be used.
    #[error(transparent)]
    Acme(#[from] AcmeError),
    /// TLS cannot be set up.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The identity providers cannot be used.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The key of access tokens cannot be created.
    #[error(transparent)]
    TokenKey(#[from] TokenKeyError),
    /// The hosts of the last run cannot be adopted.
    #[error("the fleet cannot be taken over: {0}")]
    Fleet(#[from] ProvisionError),
}

impl ServerError {
    /// Exit status of the process: 2, as for any start that the user can correct.
    pub const EXIT_STATUS: u8 = 2;
}

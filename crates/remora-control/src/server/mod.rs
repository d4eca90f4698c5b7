//! The server process: a control plane with its data directory, certificates, fleet and listeners.
//!
//! [`up()`] adds an account and a portal and ends everything when it ends; [`serve()`] is a control plane alone. Both
//! share [`core`]. The life of `up`:
//!
//! ```text
//!   ports bound ─▶ directory locked ─▶ store, keys, account ─▶ hosts of the last run adopted ─▶ everything accepts
//!     ─▶ connection.json written, `ready` called ─▶ (shutdown) ─▶ connection.json removed ─▶ sessions and hosts end
//!     ─▶ listeners close
//! ```
//!
//! The ports are opened first, so that a start that fails because of a port leaves no trace. A second `up` on the same
//! directory is refused. The directory contains:
//!
//! | file | content |
//! |---|---|
//! | `lock` | held while the directory is in use |
//! | `keys.lock` | held while keys are made |
//! | `remora.db` | accounts and sessions, unless the configuration names another database |
//! | `account.json` | id and keys of the local account; its owner only |
//! | `token.key`, `hosts.key`, `ca.key` | keys for tokens, host secrets and certificates; their owner only |
//! | `acme/` | account, certificate and key of a public authority, if the configuration wants one; their owner only |
//! | `ca.pem` | the certificate that clients trust |
//! | `connection.json` | how to connect; exists while all listeners accept; its owner only |
//! | `hosts/` | pid files and logs of render hosts |
//! | `cache/` | converted models, unless the configuration names another directory or none |

mod certificates;
pub(crate) mod connection;
mod core;
mod data_directory;
mod error;
pub(crate) mod local_account;
mod models;
mod network_names;
mod serve;
mod up;

use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::pin;

pub use connection::Connection;
pub use error::ServerError;
pub use serve::{ServeOptions, Serving, serve};

use crate::config::Config;
use crate::portal::Assets;
use crate::provision::HostCommand;

/// Options of [`up()`].
#[derive(Clone)]
pub struct UpOptions {
    /// Data directory; created if it is missing.
    pub data_directory: PathBuf,
    /// Address of the HTTPS listener.
    pub https: SocketAddr,
    /// Address of the HTTP listener, which must be loopback.
    pub http: SocketAddr,
    /// Model files or addresses, as given. The portal shows the first one first.
    pub models: Vec<String>,
    /// Triangles of the built-in engine that this machine renders fluently. The engine is shown first if no model is
    /// given.
    pub engine_triangles: u64,
    /// Files of the pages.
    pub assets: Assets,
    /// Command that starts a host.
    pub host_command: HostCommand,
    /// Configuration of the operator.
    pub config: Config,
}

/// Runs until `shutdown` is done, then ends all sessions and hosts within five seconds. `ready` is called once, when
/// all listeners accept. Needs a tokio runtime with I/O and time.
///
/// # Errors
///
/// Returns an error if the server cannot start or cannot remove `connection.json` at its end.
pub async fn up(
    options: UpOptions,
    ready: impl FnOnce(&Connection),
    shutdown: impl Future<Output = ()>,
) -> Result<(), ServerError> {
    let mut shutdown = pin!(shutdown);
    // Polled first, so that a signal that arrives during the start leaves nothing behind.
    let running = tokio::select! {
        biased;
        () = &mut shutdown => return Ok(()),
        running = up::Running::start(options) => running?,
    };
    ready(running.connection());
    running.until(shutdown).await
}

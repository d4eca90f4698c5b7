//! `remora up`: the control plane, a fleet of processes and the portal, on one machine, in one call. [`serve()`] is the
//! control plane alone; the two have their [`core`] in common.
//!
//! ```text
//!   ports bound ─▶ directory locked ─▶ store, keys, account ─▶ hosts of the last run adopted ─▶ everything accepts
//!     ─▶ connection.json written, `ready` called ─▶ (shutdown) ─▶ connection.json removed ─▶ sessions and hosts end
//!     ─▶ listeners close
//! ```
//!
//! Ports come first, so that a start that fails for want of one leaves no trace. A second `up` on the same directory
//! is refused. What is in the directory:
//!
//! | file | what |
//! |---|---|
//! | `lock` | held while the directory is in use |
//! | `keys.lock` | held while keys are made |
//! | `remora.db` | accounts and sessions, unless the configuration names another database |
//! | `account.json` | id and keys of the local account; its owner only |
//! | `token.key`, `hosts.key`, `ca.key` | what tokens, host secrets and certificates are made with; their owner only |
//! | `acme/` | account, certificate and key of a public authority, if the configuration wants one; their owner only |
//! | `ca.pem` | to be trusted by clients |
//! | `connection.json` | while everything accepts: how to connect; its owner only |
//! | `hosts/` | pid files and logs of render hosts |
//! | `cache/` | models that render hosts have converted, unless the configuration names another directory or none |

mod certificates;
pub(crate) mod connection;
mod core;
mod data_directory;
mod error;
pub(crate) mod local_account;
mod models;
mod place;
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

/// What the operator chooses.
#[derive(Clone)]
pub struct UpOptions {
    /// Made if it is not there.
    pub data_directory: PathBuf,
    pub https: SocketAddr,
    /// Loopback only.
    pub http: SocketAddr,
    /// GLB files or addresses, as given; the first is what the portal shows first.
    pub models: Vec<String>,
    /// Detail of the built-in engine that this machine shows fluently: what is shown first if no model is given.
    pub engine_triangles: u64,
    pub assets: Assets,
    pub host_command: HostCommand,
    pub config: Config,
}

/// Runs until `shutdown` is done, then ends all sessions and hosts within five seconds. `ready` is called once, when
/// everything accepts. Needs a tokio runtime with I/O and time.
pub async fn up(
    options: UpOptions,
    ready: impl FnOnce(&Connection),
    shutdown: impl Future<Output = ()>,
) -> Result<(), ServerError> {
    let mut shutdown = pin!(shutdown);
    // Looked at first, so that a signal is waited for before there is anything that it would leave behind.
    let running = tokio::select! {
        biased;
        () = &mut shutdown => return Ok(()),
        running = up::Running::start(options) => running?,
    };
    ready(running.connection());
    running.until(shutdown).await
}

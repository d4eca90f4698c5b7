//! `remora serve`: a control plane alone. Any number of them can run on one database.
//!
//! ```text
//!   port bound ─▶ directory locked ─▶ store, keys ─▶ hosts on this machine adopted ─▶ accepts, `ready` called
//!     ─▶ (shutdown) ─▶ listeners close; sessions, hosts and leases continue
//! ```
//!
//! Unlike `up`, it leaves hosts and sessions alone when it ends. Hosts keep streaming without a control plane, and the
//! next one, or another on the same database, adopts them. `serve` has no account of its own; its pages ask for a key
//! or a sign-in.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::pin;

use remora_protocol::origins::Origins;

use super::ServerError;
use super::core::{Core, CoreOptions, bind, bind_watchers, local_address};
use super::data_directory::{DataDirectory, Hold};
use super::models::Models;
use super::network_names::NetworkNames;
use crate::config::Config;
use crate::machine::Machine;
use crate::portal::{Assets, PortalOptions};
use crate::provision::HostCommand;

/// Options of [`serve()`].
#[derive(Clone)]
pub struct ServeOptions {
    /// Directory of keys, pid files and, unless the configuration names another database, `remora.db`. Created if it is
    /// missing. Control planes on one machine share it if their database is elsewhere.
    pub data_directory: PathBuf,
    /// Address of the HTTPS listener.
    pub https: SocketAddr,
    /// Command that starts a host.
    pub host_command: HostCommand,
    /// Files of the pages; `None` if the program does not contain them.
    pub assets: Option<Assets>,
    /// Configuration of the operator.
    pub config: Config,
}

/// Triangles of the built-in engine that the portal shows first. The number suits any machine.
const ENGINE_TRIANGLES: u64 = 1_000_000;

/// Addresses of a running control plane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Serving {
    /// Base URL for clients.
    pub endpoint: String,
    /// Address of the HTTPS listener.
    pub https: SocketAddr,
    /// Address of the listener for metrics and probes, if there is one.
    pub metrics: Option<SocketAddr>,
    /// Path of the CA certificate that clients must trust, unless the operator has a certificate of another authority.
    pub ca_file: PathBuf,
}

/// Runs a control plane until `shutdown` is done. `ready` is called once, when all listeners accept. Needs a tokio
/// runtime with I/O and time.
///
/// # Errors
///
/// Returns an error if the control plane cannot start.
pub async fn serve(
    options: ServeOptions,
    ready: impl FnOnce(&Serving),
    shutdown: impl Future<Output = ()>,
) -> Result<(), ServerError> {
    let mut shutdown = pin!(shutdown);
    let (core, serving) = tokio::select! {
        biased;
        () = &mut shutdown => return Ok(()),
        started = start(options) => started?,
    };
    ready(&serving);
    core.reconcile_until(shutdown).await;
    core.close().await;
    Ok(())
}

async fn start(options: ServeOptions) -> Result<(Core, Serving), ServerError> {
    let ServeOptions { data_directory, https, host_command, assets, config } = options;
    let hold = if config.store.url.is_some() { Hold::Together } else { Hold::Alone };
    let https = bind("--https", https, &data_directory, hold).await?;
    let watchers = bind_watchers(&config, &data_directory, hold).await?;
    let (address, metrics) = (local_address(&https), watchers.as_ref().map(local_address));
    let network = NetworkNames::new(address, config.listen.name.as_deref(), &Machine::own());
    let models = Models::new(&[], ENGINE_TRIANGLES)?.offered;
    let portal = assets.map(|assets| PortalOptions { assets, models: models.into() });
    let directory = DataDirectory::open(&data_directory, hold)?;
    let mut core = Core::open(CoreOptions {
        directory,
        config,
        host_command,
        network: &network,
        local_origins: Origins::default(),
        portal,
        model_files: Vec::new(),
        model_addresses: Vec::new(),
    })
    .await?;
    core.serve_public(https, &network);
    core.serve_watchers(watchers);
    let ca_file = core.authority.certificate_path().to_owned();
    Ok((core, Serving { endpoint: network.endpoint, https: address, metrics, ca_file }))
}
